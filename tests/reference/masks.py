"""What a mask and forced bytes must be, by asking about every token and every byte."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stolcke.grammar.patterns import Special
from tests.reference.earley import Earley, Text


@dataclass(frozen=True)
class Tokens:
    """A vocabulary as plain data.

    ``special`` maps the names that grammars declare to ids of ``special_ids``;
    special ids that no name is bound to are never allowed.  ``first_texts``
    is what tokens stand for at the beginning of a text whose first space is
    taken away, where that is not just their bytes without one.
    """

    tokens: Sequence[bytes]
    ends: tuple[int, ...] = ()
    special_ids: tuple[int, ...] = ()
    special: Mapping[str, int] = field(default_factory=dict)
    first_texts: Mapping[int, bytes] = field(default_factory=dict)

    def symbols(self, token: int) -> tuple:
        """What a token adds to the text; nothing for tokens that are never allowed."""
        names = [name for name, number in self.special.items() if number == token]
        if token in self.ends or not (names or self.tokens[token]):
            return ()
        if token in self.special_ids:
            return (Special(names[0]),) if names else ()
        return tuple(self.tokens[token])

    def first_symbols(self, token: int) -> tuple:
        """What a token that may be allowed adds to a text whose first space is taken away, as its first token."""
        added = self.symbols(token)
        if token in self.first_texts:
            return tuple(self.first_texts[token])
        return added[1:] if added[:1] == (0x20,) else added


def allowed_tokens(earley: Earley, tokens: Tokens, text: Text) -> list[int]:
    """The ids whose mask bit must be set after ``text``, in order."""
    text = tuple(text)
    allowed = []
    for token in range(len(tokens.tokens)):
        if token in tokens.ends:
            fits = earley.is_sentence(text)
        else:
            added = tokens.symbols(token)
            fits = bool(added) and earley.is_viable(text + added)
        if fits:
            allowed.append(token)
    return allowed


def allowed_first_tokens(earley: Earley, tokens: Tokens) -> list[int]:
    """The same for the empty text, where the first token's space will be taken away."""
    return [
        token
        for token in range(len(tokens.tokens))
        if (
            earley.is_sentence(())
            if token in tokens.ends
            else tokens.symbols(token) and earley.is_viable(tokens.first_symbols(token))
        )
    ]


def forced_bytes(earley: Earley, text: Text) -> bytes:
    """The longest bytes that every sentence beginning with ``text`` goes on with."""
    text = tuple(text)
    forced = []
    while not earley.is_sentence(text):
        following = earley.next_symbols(text)
        if len(following) != 1 or not isinstance(following := following.pop(), int):
            break
        forced.append(following)
        text = (*text, following)
    return bytes(forced)
