"""Python's garbage collector, while something large and free of cycles is built."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["paused"]


@contextmanager
def paused() -> Iterator[None]:
    """Keep the collector from running, in the whole process, until the block is left.

    A schema becomes tens of thousands of small objects that all stay.  With each few
    hundred of them the collector looks again at what is young, and now and then at all
    that a program holds: of reading the largest schemas that was two thirds of the time.
    Threads may do this at the same time: whoever found the collector running lets it run again.
    """
    was_running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_running:
            gc.enable()
