"""The name of an object's member in JSON, as a terminal."""

from __future__ import annotations

from typing import Any

from stolcke._core.byte_dfa import ByteDfa
from stolcke.lexer.automaton import Automaton
from stolcke.lexer.language import Language

__all__ = ["MemberName"]

# Of the states for each character: one before it, one behind the backslash, four before hexadecimal digits.
_CHARACTER_BYTES = 200


class MemberName(Automaton):
    """A name in quotes, any of whose characters may be escaped, and what stands behind it.

    Schemas declare names by the dozen, and few of them are ever written: the automaton is made when something looks
    at it, and the core makes its states without.  So such terminals are equal where their names are, but not to the
    automaton of the same language that was made otherwise.

    Parameters
    ----------
    name : str
        Without surrogates.
    ascii_only : bool
        Whether characters beyond ASCII must be escaped.
    after : Automaton
        Of what follows; not of the empty language.
    """

    __slots__ = ("_hash", "_made", "after", "ascii_only", "name")

    def __init__(self, name: str, ascii_only: bool, after: Automaton) -> None:
        self.name = name
        self.ascii_only = ascii_only
        self.after = after
        self._hash = hash((name, ascii_only, after))
        self._made: ByteDfa | None = None
        self._arrays = None

    @property
    def machine(self) -> ByteDfa:  # type: ignore[override]
        if self._made is None:
            literal = Language.words([self.name]).json_string(self.ascii_only)
            self._made = literal.machine.then(self.after.machine)
        return self._made

    @property
    def n_bytes(self) -> int:
        return _CHARACTER_BYTES * (len(self.name) + 2)

    @property
    def is_empty(self) -> bool:
        return False

    @property
    def matches_empty(self) -> bool:
        return False

    def add_to(self, vocabulary: Any) -> int:
        return vocabulary.core.add_name(self.name, self.ascii_only, vocabulary.start_state(self.after))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MemberName):
            return False if isinstance(other, Automaton) else NotImplemented
        mine, others = (self.name, self.ascii_only, self.after), (other.name, other.ascii_only, other.after)
        return self is other or mine == others

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple:
        return MemberName, (self.name, self.ascii_only, self.after)
