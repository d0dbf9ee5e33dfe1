"""The names that an object's member may have beside some, as a terminal."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from stolcke._core.byte_dfa import ByteDfa
from stolcke._core.start_states import LONGEST_NAME
from stolcke.lexer.automaton import Automaton
from stolcke.lexer.language import Language

__all__ = ["OtherNames", "all_but"]

# Of the states for each character of a name: its place, and what an escape of it is written with.
_CHARACTER_BYTES = 250


@lru_cache(maxsize=256)
def all_but(names: tuple[str, ...]) -> Language:
    """All texts but some; remembered, as the branches of a schema declare the same names again and again."""
    return ~Language.words(names) if names else Language.everything()


class OtherNames(Automaton):
    """Any string but some, in quotes, any of whose characters may be escaped, and what stands behind it.

    As for :class:`stolcke.lexer.MemberName`, the automaton is made when something looks at it, and the core makes its
    states without; and such terminals are equal where they leave out the same names.

    Parameters
    ----------
    names : tuple of str
        That are left out.
    ascii_only : bool
        Whether characters beyond ASCII must be escaped.
    after : Automaton
        Of what follows; not of the empty language.
    """

    __slots__ = ("_hash", "_key", "_made", "after", "ascii_only", "names")

    def __init__(self, names: tuple[str, ...], ascii_only: bool, after: Automaton) -> None:
        self.names = names
        self.ascii_only = ascii_only
        self.after = after
        self._key = frozenset(names), ascii_only, after
        self._hash = hash(self._key)
        self._made: ByteDfa | None = None
        self._arrays = None

    @property
    def machine(self) -> ByteDfa:  # type: ignore[override]
        if self._made is None:
            self._made = all_but(self.names).json_string(self.ascii_only).machine.then(self.after.machine)
        return self._made

    @property
    def n_bytes(self) -> int:
        return _CHARACTER_BYTES * (sum(map(len, self.names)) + 8)

    @property
    def is_empty(self) -> bool:
        return False

    @property
    def matches_empty(self) -> bool:
        return False

    def add_to(self, vocabulary: Any) -> int:
        everything = vocabulary.start_state(_everything(self.ascii_only, self.after))
        names = [name for name in self.names if not any("\ud800" <= each < "\ue000" for each in name)]
        if any(len(name) > LONGEST_NAME for name in names):
            return vocabulary.core.add_automaton(self.machine)
        return vocabulary.core.add_other_names(names, self.ascii_only, everything) if names else everything

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, OtherNames):
            return False if isinstance(other, Automaton) else NotImplemented
        return self is other or self._key == other._key

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple:
        return OtherNames, (self.names, self.ascii_only, self.after)


@lru_cache(maxsize=64)
def _everything(ascii_only: bool, after: Automaton) -> Automaton:
    """Any string in quotes, and what stands behind it."""
    return Automaton.of(Language.everything().json_string(ascii_only).machine.then(after.machine))
