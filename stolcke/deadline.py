"""Stopping what takes long: by its caller, or when its time is used up."""

from __future__ import annotations

import time
from collections.abc import Callable

from stolcke.errors import Cancelled

__all__ = ["Deadline"]


class Deadline:
    """Asked between the steps of reading or compiling a grammar whether to go on.

    Parameters
    ----------
    timeout : float, optional
        Seconds from now.
    cancel : callable, optional
        Returns true when the work should stop; ``threading.Event().is_set`` fits.
    """

    def __init__(self, timeout: float | None = None, cancel: Callable[[], bool] | None = None) -> None:
        self._timeout = timeout
        self._end = None if timeout is None else time.monotonic() + timeout
        self._cancel = cancel

    def check(self, doing: str) -> None:
        """Raise :class:`stolcke.Cancelled` when it is time to stop."""
        if self._cancel is not None and self._cancel():
            raise Cancelled(f"compilation cancelled by its caller, while {doing}")
        if self._end is not None and time.monotonic() > self._end:
            raise Cancelled(f"compilation took longer than timeout={self._timeout} s, while {doing}")
