"""The garbage collector is off within, and afterwards as it was."""

from __future__ import annotations

import gc
import threading

import pytest

import stolcke
from stolcke import collector


@pytest.fixture(autouse=True)
def as_it_was():
    was = gc.isenabled()
    yield
    (gc.enable if was else gc.disable)()


@pytest.mark.parametrize("running", [True, False])
def test_the_collector_is_left_as_it_was_found(running: bool) -> None:
    (gc.enable if running else gc.disable)()
    with pytest.raises(ZeroDivisionError), collector.paused():
        assert 1 // int(gc.isenabled())
    assert gc.isenabled() == running


def test_overlapping_threads_leave_it_running() -> None:
    gc.enable()
    inside, leave = threading.Event(), threading.Event()

    def second() -> None:
        with collector.paused():
            inside.set()
            leave.wait(10)

    with collector.paused():
        thread = threading.Thread(target=second)
        thread.start()
        assert inside.wait(10)
    assert gc.isenabled()  # the second one found it off, and has nothing to give back
    leave.set()
    thread.join()
    assert gc.isenabled()


def test_refused_schemas_leave_it_running() -> None:
    gc.enable()
    with pytest.raises(stolcke.StolckeError):
        stolcke.Grammar.from_json_schema({"type": "number", "minimum": "a"})
    assert gc.isenabled()
