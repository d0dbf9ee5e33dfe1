"""The interface of guards: conditions on a text that no grammar can state, judged terminal by terminal.

A guard goes along with the parser.  It has a state, which may be any immutable, hashable value, and is asked about the
terminals that it watches: after each of them it may change its state, insert terminals that have no text, ignore the
terminal, or refuse it.  States are interned and answers remembered, so that masks stay exact, and rollback, fork and
all caches work as without a guard.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from dataclasses import dataclass

__all__ = ["Guard", "Kinds", "Reading", "TextGuard"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a guard makes of a terminal."""

    state: Hashable
    """The guard's state afterwards."""
    insert: tuple[str, ...] = ()
    """Terminals out of :attr:`Guard.inserts` that the parser reads next, as if they were in the text."""
    ignored: bool = False
    """Whether the terminal, one of :attr:`Guard.ignores`, is passed over like what the grammar ignores."""


class Kinds(ABC):
    """Tells the texts of a terminal apart: a finite automaton over bytes, whose states are hashable values.

    Attributes
    ----------
    start : Hashable
        The state before the first byte; not None.
    """

    start: Hashable = 0

    @abstractmethod
    def step(self, state: Hashable, byte: int) -> Hashable | None:
        """Give the state after a byte; None where what has been read is of no kind, whatever follows."""

    @abstractmethod
    def kind(self, state: Hashable) -> Hashable | None:
        """Give the kind of the texts that end in a state; None where they have none."""


class Guard(ABC):
    """A condition on texts, followed from left to right.

    Subclasses must be immutable, as their answers are remembered, and compare equal only where they answer alike.

    Attributes
    ----------
    watches : tuple of str
        Names of the terminals that :meth:`read` is asked about; others leave the state as it is.
    longest : tuple of str
        Those of them whose texts of a kind are taken only at their longest: no byte may follow with which the
        terminal could go on.
    ignores : tuple of str
        Those that may be passed over, where the grammar ignores text.
    inserts : tuple of str
        Terminals under ``%declare`` that it inserts.
    start : Hashable
        The state before the text.

    Examples
    --------
    Parentheses at most three deep:

    >>> class Depth(Guard):
    ...     watches = ("LPAR", "RPAR")
    ...     start = 0
    ...
    ...     def read(self, state, terminal, kind):
    ...         depth = state + (1 if terminal == "LPAR" else -1)
    ...         return Reading(depth) if depth <= 3 else None
    """

    watches: tuple[str, ...] = ()
    longest: tuple[str, ...] = ()
    ignores: tuple[str, ...] = ()
    inserts: tuple[str, ...] = ()
    start: Hashable = None

    @abstractmethod
    def read(self, state: Hashable, terminal: str, kind: Hashable | None) -> Reading | None:
        """Say what a terminal is after a state; None refuses it.

        Asked once for each state, terminal and kind, also where no text leads to them: it must always answer.

        Parameters
        ----------
        state : Hashable
        terminal : str
        kind : Hashable or None
            One that :meth:`kinds` tells apart; None where nothing does, and for a terminal of :attr:`ignores`, which
            is asked about twice: it is ignored if the answer for None says so, and taken if an answer does not.
        """

    def kinds(self, terminal: str) -> Kinds | None:
        """Give what tells the texts of a watched terminal apart, if anything does."""
        return None

    def end(self, state: Hashable) -> tuple[str, ...] | None:
        """Give the terminals to insert where the text ends; None where it must not end."""
        return ()


class TextGuard(Guard):
    """A guard that also reads what is written between the terminals that it watches.

    While its state :meth:`records`, every byte is remembered.  When a watched terminal has ended, :meth:`read` is asked
    about the state that :meth:`extended` makes of that state and the text since it began, the terminal's own included.

    The end of a text is no matter of such a guard while it records, and it neither inserts nor ignores terminals.

    Attributes
    ----------
    refuses : tuple of str
        Those of the terminals in ``watches`` that :meth:`read` may refuse after a state that records; others it must
        then allow.  They must be live only while the guard records.

    Examples
    --------
    No word comes twice in a row:

    >>> class Different(TextGuard):
    ...     watches = ("BEGIN", "WORD")
    ...     refuses = ("WORD",)
    ...     start = None
    ...
    ...     def read(self, state, terminal, kind):
    ...         if terminal == "BEGIN":
    ...             return Reading((b"", b""))
    ...         before, word = state
    ...         return Reading((word, b"")) if word != before else None
    ...
    ...     def records(self, state):
    ...         return state is not None
    ...
    ...     def extended(self, state, text):
    ...         return state[0], text.strip()
    """

    refuses: tuple[str, ...] = ()

    @abstractmethod
    def records(self, state: Hashable) -> bool:
        """Say whether what is written after a state matters; not for :attr:`start`."""

    @abstractmethod
    def extended(self, state: Hashable, text: bytes) -> Hashable:
        """Give the state that has taken in what was written since it began."""

    def is_safe(self, state: Hashable) -> bool:
        """Say whether the next terminal of :attr:`refuses` is sure to be allowed, whatever is written until it ends.

        Asked about extended states.  False is always right, and true saves looking at tokens one by one.
        """
        return False
