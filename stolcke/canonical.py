"""Canonical tokenisation: only tokens that the tokenizer itself would write beside each other.

A model has learned from texts as its tokenizer splits them, and other splits of the
same text lead it astray.  A sequence of tokens is canonical where encoding its text
gives it back.

Byte-pair encoding applies its rules in order of their ranks, from left to right.  What
it does within two neighbouring tokens does not depend on what is beside them, as no
rule is applied across their outer ends.  So a sequence is canonical if and only if
each pair of neighbours is: if the rules, applied to the bytes of both, give these two
again.  That is what is tested here, for one token with all that may follow at once:
from the outside in, a token has a *spine* of parts at each end, each there from one
rank to another; a pair is not canonical where a part of the right spine of the first
and one of the left spine of the second meet in a rule before either has become part
of something longer (the argument is in docs/vocabularies.md).

Most tokenizers cut a text by a regular expression before they apply any rule.  Across
a cut every pair may stand; so a pair is also allowed where some text is cut there.
"""

from __future__ import annotations

import threading
import unicodedata
from itertools import chain, pairwise, product
from typing import Any

import numpy as np

from stolcke._core import bitmask
from stolcke.errors import VocabularyError
from stolcke.tokenizers.merges import MergeRules, merge_rules
from stolcke.tokenizers.pieces import SPACE
from stolcke.tokenizers.table import BYTE_PIECE
from stolcke.vocabulary import Vocabulary

__all__ = ["Canonical"]

_NEVER = np.iinfo(np.int32).max
# What is put around two characters to see whether a tokenizer may cut between them.
_AROUND = ("x", "X", "7", " ", "\n", ".", "'")


class Canonical:
    """Which tokens may follow another where a text is tokenised as the tokenizer would.

    It never forbids a token that the tokenizer writes there in any text.  Of other
    sequences it lets those through whose pairs all occur, among them every pair
    that a cut of the tokenizer may separate.

    Parameters
    ----------
    tokenizer : tokenizers.Tokenizer, transformers.PreTrainedTokenizerFast or tiktoken.Encoding
        Of byte-pair encoding.
    vocabulary : Vocabulary
        Made from the same tokenizer.
    most_rows : int
        So many rows, of 4 bytes for 32 tokens, are remembered.

    Raises
    ------
    VocabularyError
        If the tokenizer is of another kind, or not that of the vocabulary.
    """

    def __init__(self, tokenizer: Any, vocabulary: Vocabulary, *, most_rows: int = 1024) -> None:
        rules = merge_rules(tokenizer)
        if max(rules.texts, default=-1) >= len(vocabulary):
            raise VocabularyError(f"the tokenizer has more tokens than the vocabulary, {len(vocabulary)}")
        for token, known in enumerate(vocabulary.tokens):
            text = rules.texts.get(token, known)
            if known not in (text, text.replace(SPACE.encode(), b" ")) and not _names_byte(text):
                raise VocabularyError(f"token {token} is {text!r} for the tokenizer and {known!r} in the vocabulary")
        self._n_words = (len(vocabulary) + 31) // 32
        self._spines = _Spines(rules, len(vocabulary))
        self._cuts = _Cuts(rules, len(vocabulary))
        # Special tokens, and those added beside the rules, are found in a text before anything else is done.
        self._apart = np.ones(len(vocabulary), bool)
        self._apart[list(rules.texts)] = False
        self._whole_first = rules.whole_first
        self._rows: dict[int | None, np.ndarray] = {}
        self._most_rows = most_rows
        self._lock = threading.Lock()

    def row(self, previous: int | None) -> np.ndarray:
        """The tokens that may follow ``previous``; None is the beginning of a text.

        Returns
        -------
        int32[(vocabulary size + 31) // 32]
            Bits as :meth:`stolcke.Matcher.fill_mask` writes them.  Read-only.
        """
        known = self._rows.get(previous)
        if known is not None:
            return known
        row = np.zeros(self._n_words, np.int32)
        bitmask.pack(self.allowed(previous), row)
        row.flags.writeable = False
        with self._lock:
            while len(self._rows) >= self._most_rows:
                self._rows.pop(next(iter(self._rows)))
            self._rows[previous] = row
        return row

    def allowed(self, previous: int | None) -> np.ndarray:
        """The same as bool[vocabulary size], not remembered."""
        n = self._apart.size
        if previous is not None and not 0 <= previous < n:
            raise VocabularyError(f"token id {previous} is outside the vocabulary of {n} tokens")
        if previous is None or self._apart[previous]:
            cut = joined = np.ones(n, bool)
        else:
            cut, joined = self._cuts.after(previous), self._spines.after(previous)
        # What no rule makes is a token only between two cuts, if at all.
        alone = np.ones(n, bool) if self._whole_first else self._spines.made
        return self._apart | cut & alone | joined & self._spines.made

    def restrict(self, row: np.ndarray, previous: int | None) -> bool:
        """Take what may not follow ``previous`` out of a mask, unless nothing would remain.

        Parameters
        ----------
        row : int32[n], n >= (vocabulary size + 31) // 32
            As :meth:`stolcke.Matcher.fill_mask` writes it.

        Returns
        -------
        bool
            False where nothing would remain, so that the mask stays as it was.
        """
        words = row[: self._n_words]
        remaining = words & self.row(previous).view(words.dtype)
        if remaining.any():
            words[:] = remaining
            return True
        return False


class _Spines:
    """The parts at both ends of every token, and from which rank to which each is there."""

    def __init__(self, rules: MergeRules, n: int) -> None:
        pairs: dict[tuple[int, int], tuple[int, int]] = {}
        for a, b, made, rank in zip(rules.left, rules.right, rules.made, rules.ranks, strict=True):
            pairs.setdefault((a, b), (rank, made))
        self.made = np.zeros(n, bool)
        self.right: dict[int, list[tuple[int, int, int]]] = {}
        self._regular = np.ones(n, bool)
        left: list[tuple[int, int, int, int]] = []
        for token, parts in rules.parts.items():
            ends, begins, made, regular = _derivation(parts, pairs)
            self.made[token] = made == token
            self._regular[token] = regular
            self.right[token] = ends
            if made == token:
                left += [(part, token, since, until) for part, since, until in begins]
        table = _sorted_rows(left, 4)
        self._starts = np.searchsorted(table[0], np.arange(n + 1))
        self._token, self._since, self._until = table[1:]
        rule = _sorted_rows([(a, b, rank) for (a, b), (rank, _) in pairs.items()], 3)
        self._rule_starts = np.searchsorted(rule[0], np.arange(n + 1))
        self._rule_right, self._rule_rank = rule[1:]

    def after(self, token: int) -> np.ndarray:
        """bool[n]: what may follow a token with no cut between them."""
        if not self._regular[token]:
            return np.ones(self.made.size, bool)
        allowed = np.full(self.made.size, bool(self.made[token]))
        for part, since, until in self.right.get(token, ()):
            rules = slice(self._rule_starts[part], self._rule_starts[part + 1])
            early = self._rule_rank[rules] < until
            right, rank = self._rule_right[rules][early], self._rule_rank[rules][early]
            counts = self._starts[right + 1] - self._starts[right]
            if not counts.sum():
                continue
            # The places of all tokens on whose left spine one of these parts is, and the rank of the rule beside each.
            places = np.repeat(self._starts[right] - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
            ranks = np.repeat(rank, counts)
            # The rule to the left comes first where two have the same rank.
            meet = (ranks <= self._until[places]) & (since <= self._until[places]) & (self._since[places] < until)
            allowed[self._token[places[meet]]] = False
        return allowed | ~self._regular


def _sorted_rows(rows: list[tuple[int, ...]], width: int) -> np.ndarray:
    """Rows, sorted by what they begin with, as int64[width, len(rows)]."""
    table = np.fromiter(chain.from_iterable(rows), np.int64, len(rows) * width).reshape(-1, width)
    return np.ascontiguousarray(table[np.argsort(table[:, 0], kind="stable")].T)


def _derivation(
    parts: tuple[int, ...], pairs: dict[tuple[int, int], tuple[int, int]]
) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int]], int | None, bool]:
    """Apply the rules to some parts.

    Returns
    -------
    list of (int, int, int), twice
        The parts at the right end, and those at the left: each with the ranks from and up to which it is there.
    int or None
        What they become, if it is one token.
    bool
        Whether the ranks of the rules applied never descend, as the ranks of spines must not.
    """
    now = list(parts)
    right = [(now[-1], -1, _NEVER)]
    left = [(now[0], -1, _NEVER)]
    latest, regular = -1, True
    while len(now) > 1:
        rank = _NEVER
        for at, pair in enumerate(pairwise(now)):
            found = pairs.get(pair)
            if found is not None and found[0] < rank:
                (rank, made), i = found, at
        if rank == _NEVER:
            return right, left, None, regular
        regular &= rank >= latest
        latest = rank
        now[i : i + 2] = [made]
        if i == 0:
            left[-1] = (*left[-1][:2], rank)
            left.append((made, rank, _NEVER))
        if i == len(now) - 1:
            right[-1] = (*right[-1][:2], rank)
            right.append((made, rank, _NEVER))
    return right, left, now[0], regular


class _Cuts:
    """Between which tokens a tokenizer may cut a text before it applies its rules.

    Asked of the tokenizer itself, with characters of the same class for those at the ends of the tokens, and others
    around them.
    """

    def __init__(self, rules: MergeRules, n: int) -> None:
        self._cut = rules.cuts
        self._known: dict[tuple[str, str], bool] = {}
        self._names: dict[tuple, str] = {}  # a character of each class
        self._texts = rules.texts
        self._first_class = np.full(n, -1, np.int64)
        self._classes: list[str | None] = [None]  # of first characters: None, where it is not known which
        numbers: dict[str | None, int] = {None: 0}
        if self._cut is None:
            return
        for token, text in rules.texts.items():
            if text and text[0] & 0xC0 != 0x80:  # else the middle of a character
                first = self._class(_first_character(text))
                if first not in numbers:
                    numbers[first] = len(self._classes)
                    self._classes.append(first)
                self._first_class[token] = numbers[first]
        self._tails = self._contractions()

    def after(self, token: int) -> np.ndarray:
        """bool[n]: what may follow a token behind a cut."""
        if self._cut is None or not (text := self._texts.get(token)):
            return np.zeros(self._first_class.size, bool)
        last = _last_character(text)
        if last == "":
            return np.zeros(self._first_class.size, bool)
        last = self._class(last)
        free = self._ends_a_contraction(text)
        by_class = [
            last is None or first is None or (free and first.isalpha()) or self._may_cut(last, first)
            for first in self._classes
        ]
        return np.array([*by_class, False])[self._first_class]  # the last is for -1

    def _class(self, character: str | None) -> str | None:
        """A character of the same class; those of ASCII that are neither letters nor digits are their own."""
        if character is None or character == SPACE:
            return character
        if character.isascii():
            kind = "x" if character.islower() else "X" if character.isupper() else "7" if character.isdigit() else None
            return kind or character
        script = unicodedata.name(character, "").partition(" ")[0] if character.isalpha() else ""
        return self._names.setdefault((unicodedata.category(character), character.isspace(), script), character)

    def _may_cut(self, a: str, b: str) -> bool:
        """Whether some text is cut between two characters."""
        known = self._known.get((a, b))
        if known is None:
            before = ("", *_AROUND, *map("".join, product(_AROUND, repeat=2)))
            known = any(
                len(left) + 1 in self._cut(left + a + b + right) for left, right in product(before, ("", *_AROUND))
            )
            self._known[a, b] = known
        return known

    def _contractions(self) -> frozenset[str]:
        """Ends of words behind an apostrophe, like ``'s``, behind which letters are cut off; and what they end with."""
        letters = "abcdefghijklmnopqrstuvwxyz"
        found = [
            "'" + end
            for end in (*letters, *map("".join, product(letters, repeat=2)))
            if any(
                len(before + end) + 1 in self._cut(f"{before}'{end}{after}")
                for before in ("", "x", ".")
                for after in ("x", "X")
            )
        ]
        return frozenset(end[i:] for end in found for i in range(len(end)))

    def _ends_a_contraction(self, text: bytes) -> bool:
        """Whether letters behind a token may be cut off by what is before them."""
        decoded = text.decode("utf-8", "replace").casefold()
        return decoded in self._tails or any(decoded.endswith(tail) for tail in self._tails if tail.startswith("'"))


def _names_byte(text: bytes) -> bool:
    """Whether a text is the name of a byte."""
    return BYTE_PIECE.fullmatch(text.decode("latin-1")) is not None


def _first_character(text: bytes) -> str | None:
    """The character a text begins with; None where it is not whole."""
    for n in range(1, 5):
        try:
            return text[:n].decode()
        except UnicodeDecodeError:
            continue
    return None


def _last_character(text: bytes) -> str | None:
    """The character a text ends with; None where its beginning is not there, "" where its end is not."""
    for n in range(1, min(len(text), 4) + 1):
        byte = text[-n]
        if byte & 0xC0 != 0x80:
            try:
                return text[-n:].decode()
            except UnicodeDecodeError:
                return ""
    return None
