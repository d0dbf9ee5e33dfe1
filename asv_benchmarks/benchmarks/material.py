"""What the benchmarks are run on: a synthetic vocabulary, real ones where they are at hand, and fixed texts.

Everything is deterministic, so that counts measured on it can be compared
between commits and machines.
"""

from __future__ import annotations

import json
import os
from functools import cache
from itertools import chain, islice, pairwise, product
from pathlib import Path

import numpy as np

from stolcke import CompiledGrammar, Grammar, Vocabulary, compile, grammar_path

SYNTHETIC = "synthetic-32k"
SYNTHETIC_SIZE = 32_000
REAL = "llama3"

_BESIDE = Path(__file__).resolve().parents[3] / "shared"
_REAL_FILE = Path(os.environ.get("STOLCKE_SHARED", _BESIDE)) / "data" / "vocab" / f"{REAL}.npz"

VOCABULARIES = [SYNTHETIC, REAL] if _REAL_FILE.exists() else [SYNTHETIC]
"""The synthetic vocabulary, and a real one of 128k tokens where STOLCKE_SHARED names a folder with data/vocab."""


_WORDS = """
    The the that this and of to in is it are was for with not from by or some old An A Alice Bob We It There
    cat cats dog dogs owl unicorn apple sees sleep chase runs sings loves gives think honest small now
    name age person people tags text more row table note plain version encoding kind nested
"""


def synthetic(n: int = SYNTHETIC_SIZE) -> list[bytes]:
    """Return ``n`` tokens in the manner of byte-level BPE; the last one ends a text.

    All single bytes, runs of white space and punctuation, numbers up to three
    digits, characters and parts of characters beyond ASCII, and words made of
    syllables, each with and without a space before it.
    """
    tokens = dict.fromkeys(bytes([b]) for b in range(256))

    def add(*more: bytes) -> None:
        tokens.update(dict.fromkeys(more))

    add(*(space * k for space in (b" ", b"\t", b"\n", b"\r\n") for k in range(1, 17)))
    add(*(str(i).zfill(width).encode() for width in (1, 2, 3) for i in range(10**width)))
    marks = [bytes([b]) for b in b"\"'()*+,-./:;<=>[]_{|}"]
    add(*(a + b for a, b in product(marks, marks)), *(b" " + a for a in marks), *(a + b"\n" for a in marks))
    add(b'":"', b'":{"', b'","', b'"],"', b"}}}", b"]]]", b"></", b"/>\n", b" = ", b" == ", b"****", b"<!--", b"-->")
    add(*(chr(c).encode() for c in (*range(0xA1, 0x180), *range(0x391, 0x450), *range(0x4E00, 0x5200))))
    add(*(chr(c).encode()[:2] for c in range(0x3000, 0x3100, 64)), *(chr(c).encode()[:3] for c in (0x1F600, 0x1F4A9)))
    add(*(word + b for word in (b"true", b"false", b"null", b"name", b"The", b"and") for b in (b"", b" ", b",")))
    add(*(space + word.encode() for word in _WORDS.split() for space in (b"", b" ")))
    onsets = ["", *"bcdfghklmnprstvw", "ch", "st", "tr"]
    rhymes = [vowel + coda for vowel in "aeiou" for coda in ("", "n", "r", "s", "t", "ng", "le")]
    syllables = [onset + rhyme for onset in onsets for rhyme in rhymes]
    for word in islice(chain(syllables, map("".join, product(syllables, syllables))), n):
        add(word.encode(), b" " + word.encode(), word.capitalize().encode())
    return [*list(tokens)[: n - 1], b"<end>"]


def vocabulary(name: str) -> Vocabulary:
    """Make a new vocabulary, for which nothing has been computed yet."""
    if name == SYNTHETIC:
        return Vocabulary(synthetic(), eos_token_ids=SYNTHETIC_SIZE - 1)
    return Vocabulary(*real())


def real() -> tuple[list[bytes], list[int], list[int]]:
    """Tokens, end ids and special ids of the real vocabulary."""
    with np.load(_REAL_FILE) as file:
        data = file["data"].tobytes()
        tokens = [data[start:end] for start, end in pairwise(file["offsets"].tolist())]
        return tokens, file["eos"].tolist(), file["special"].tolist()


def _json() -> str:
    people = [
        {
            "name": f"Person {i}",
            "age": 20 + 7 * i % 50,
            "tags": ["a\n", "é日", ""][: i % 4],
            "ok": i % 2 == 0,
            "x": None,
        }
        for i in range(12)
    ]
    return json.dumps({"people": people, "pi": -3.14159e0, "nested": [[[[1, 2], [3]], {}], []]}, ensure_ascii=False)


def _markup() -> str:
    rows = "\n".join(f"  <row id=\"{i}\" kind='k'>text {i} &amp; <b>more</b><!-- note --></row>" for i in range(12))
    return f'<?xml version="1.0"?>\n<table a:b="&lt;">\n{rows}\n<![CDATA[raw <text>]]></table>'


TEXTS: dict[str, list[str]] = {
    "json": [_json(), json.dumps([[i, -i / 8, str(i)] for i in range(60)], indent=2)],
    "arithmetic": [
        " + ".join(f"(x{i} - {i}.5e{i}) * f(y, {i} ** 2, -z) / {i + 1}" for i in range(20)),
        "(" * 40 + "1" + " + 2)" * 40,
    ],
    "csv": ["\r\n".join(f'{i},"say ""{i}""",plain text é,,{i / 4}' for i in range(30))],
    "english": [
        "The cat that the dogs that an owl sees chase runs. An honest unicorn sings. Alice gives Bob an apple. "
        "We think that the cats that Alice loves sleep now. There are some old cats that sing. " * 3 + "It is small."
    ],
    "iso8601": ["2024-02-29T12:30:15.125-05:00", "2020-W53-7", "2024-060T00:00:00Z", "23:59:60.999", "1900-02-28"],
    "markup": [_markup()],
}
"""Texts of the language of each shipped grammar."""

GRAMMARS = list(TEXTS)


@cache
def grammar(name: str) -> Grammar:
    """One of the shipped grammars."""
    return Grammar.from_file(grammar_path(name))


def compiled(name: str, vocabulary_name: str = SYNTHETIC) -> CompiledGrammar:
    """Compile a shipped grammar for a new vocabulary."""
    return compile(grammar(name), vocabulary(vocabulary_name))


@cache
def _ids_by_bytes(vocabulary_name: str) -> dict[bytes, int]:
    made = vocabulary(vocabulary_name)
    special = set(made.special_token_ids)
    return {token: i for i, token in enumerate(made.tokens) if token and i not in special}


def tokenised(text: str, vocabulary_name: str = SYNTHETIC) -> list[int]:
    """Ids of a text's tokens, the longest one first each time."""
    ids, data, begin = _ids_by_bytes(vocabulary_name), text.encode(), 0
    found = []
    while begin < len(data):
        end = next(end for end in range(min(begin + 32, len(data)), begin, -1) if data[begin:end] in ids)
        found.append(ids[data[begin:end]])
        begin = end
    return found


@cache
def token_texts(grammar_name: str, vocabulary_name: str = SYNTHETIC) -> list[list[int]]:
    """Ids of the texts of a grammar."""
    return [tokenised(text, vocabulary_name) for text in TEXTS[grammar_name]]


def row(compiled_grammar: CompiledGrammar) -> np.ndarray:
    """A mask row for a compiled grammar's vocabulary."""
    return np.zeros((len(compiled_grammar.vocabulary) + 31) // 32, np.int32)


def run(compiled_grammar: CompiledGrammar, texts: list[list[int]]) -> None:
    """Fill the mask before every token of the texts and after the last, as a generation would."""
    mask = row(compiled_grammar)
    for ids in texts:
        matcher = compiled_grammar.matcher()
        matcher.fill_mask(mask)
        for token in ids:
            if not matcher.accept(token):
                raise AssertionError(f"token {token} after {matcher.n_accepted} others is refused")
            matcher.fill_mask(mask)
        if not matcher.is_accepting:
            raise AssertionError("a text of the language is refused")
