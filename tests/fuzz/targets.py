"""What the fuzzers call with any bytes; an error that is not ours, a crash or a wrong answer is a find.

Each target is a function of bytes that returns nothing.  It must end soon, so limits are low.
"""

from __future__ import annotations

import re
import struct
import tempfile
import threading
import warnings
import zlib
from collections.abc import Callable
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np

import stolcke
from stolcke.grammar.patterns import Regex
from stolcke.lexer import automaton

LIMITS = stolcke.Limits(
    grammar_bytes=20_000, rules=2_000, repeat=200, regex_states=2_000, cache_bytes=20_000_000, live_threads=500
)
SHORT = ["".join(text) for length in range(4) for text in product("ab1\n", repeat=length)]
# What Python's re understands otherwise, or we refuse: classes by Unicode, anchors, groups with a name or a meaning.
OTHERWISE = re.compile(r"\\[^nrtfv.\\()\[\]{}|*+?-]|[$^]|\(\?(?!:)|[*+?}][?+]|[^\x00-\x7f]|&&|\|\||~~|--|\[\[")

warnings.simplefilter("ignore")  # of weights that are not consistent, and of re's future


@cache
def vocabulary() -> stolcke.Vocabulary:
    tokens = [bytes([byte]) for byte in range(256)]
    tokens += [b'{"', b'":', b"ab", b"aaa", b"()", b"1.", b"\xc3\xa9", b"\xe2\x82", b'"}', b"]]", b", ", b"<e"]
    return stolcke.Vocabulary([*tokens, b"</s>"], eos_token_ids=[len(tokens)])


def follow(compiled: stolcke.CompiledGrammar, data: bytes, forged: bool = False) -> None:
    """A walk on which masks and single answers must agree, and which rolling back undoes.

    Partitions that somebody forged may allow what the automata do not: that is wrong, and nothing more.
    """
    matcher = compiled.matcher()
    first = matcher.mask().tobytes()
    for choice in data[:6]:
        allowed = matcher.allowed_token_ids()
        token = choice % len(compiled.vocabulary)
        assert matcher.allows(token) == bool(matcher.mask()[token]) or forged, token
        if not allowed.size:
            break
        assert matcher.accept(int(allowed[choice % allowed.size])) or forged
    matcher.reset()
    assert matcher.mask().tobytes() == first


def lark(data: bytes) -> None:
    """The Lark text loader: our errors only; what it takes can be followed and printed, and prints as it was."""
    text = data.decode("utf-8", "ignore")
    try:
        grammar = stolcke.Grammar.from_lark(text, limits=LIMITS)
        compiled = stolcke.compile(grammar, vocabulary(), limits=LIMITS, timeout=5, prewarm=0)
        follow(compiled, data[-6:])
    except (stolcke.GrammarError, stolcke.CompileError, stolcke.LimitExceeded, stolcke.Cancelled):
        return
    try:
        printed = str(grammar)
    except stolcke.GrammarError:
        return
    again = stolcke.compile(stolcke.Grammar.from_lark(printed, limits=LIMITS), vocabulary(), prewarm=0)
    assert again.matcher().mask().tobytes() == compiled.matcher().mask().tobytes(), printed


def regex(data: bytes) -> None:
    """The regex compiler: our errors only, and the language that Python's re gives where both mean the same."""
    source = data.decode("utf-8", "ignore")
    try:
        machine = automaton(Regex(source), LIMITS)
    except (stolcke.GrammarError, stolcke.LimitExceeded):
        return
    for text in SHORT:
        accepted = machine.accepts(text.encode())
        if OTHERWISE.search(source) is None and len(source) < 12:
            assert accepted == (re.fullmatch(source, text) is not None), (source, text)


@cache
def files() -> tuple[Path, list[tuple[str, bytes]]]:
    """A folder, and saved files of each kind."""
    folder = Path(tempfile.mkdtemp(prefix="stolcke-fuzz-"))
    small = stolcke.Vocabulary([b"a", b"b", b'"', b"1", b"ab", b'"a', b"[", b"]", b",", b"</s>"], eos_token_ids=[9])
    grammar = stolcke.Grammar.from_lark('start: "[" (X | Y) ("," start)* "]"\nX: /"[ab]{0,30}"/\nY: /1+(a|b)?/')
    schema = stolcke.Grammar.from_json_schema({"properties": {"a": {"maxLength": 3}}, "minProperties": 1})
    found = []
    for number, one in enumerate((grammar, schema)):
        compiled = stolcke.compile(one, small)
        compiled.save(folder / f"{number}")
        found.append(("compiled", (folder / f"{number}").read_bytes()))
    stolcke.compile(grammar, small, prewarm=20)
    small.save(folder / "vocabulary")
    return folder, [*found, ("vocabulary", (folder / "vocabulary").read_bytes())]


def with_checksum(image: bytearray) -> bytes:
    image[24:28] = bytes(4)
    image[24:28] = struct.pack("<I", zlib.crc32(image))
    return bytes(image)


def damaged(image: bytes, data: bytes) -> bytes:
    """An image with bytes changed as ``data`` says, three bytes for each change, under a right checksum."""
    changed = bytearray(image)
    for at in range(0, len(data) - 2, 3):
        changed[int.from_bytes(data[at : at + 2], "little") % len(changed)] = data[at + 2]
    return with_checksum(changed)


def file(data: bytes) -> None:
    """Loaders of saved files: raw bytes, or a saved file with changes under a right checksum."""
    if not data:
        return
    folder, images = files()
    kind, image = images[data[0] % len(images)]
    path = folder / "given"
    path.write_bytes(data[1:] if data[0] >= 240 else damaged(image, data[1:]))
    loaded = stolcke.Vocabulary.load(folder / "vocabulary")
    try:
        if kind == "compiled":
            follow(stolcke.CompiledGrammar.load(path, loaded, limits=LIMITS), b"")
        else:
            given = stolcke.Vocabulary.load(path)
            grammar = stolcke.Grammar.from_lark('start: "[" X? "]"\nX: /"[ab]{0,30}"/')
            follow(stolcke.compile(grammar, given, limits=LIMITS), data[:4], forged=True)
    except (stolcke.FileFormatError, stolcke.VocabularyError, stolcke.CompileError, stolcke.LimitExceeded):
        return


GRAMMARS = [
    'start: v\nv: "[" [v ("," v)*] "]" | S | N\nS: /"[^"\\\\]*"/\nN: /-?[0-9]+(\\.[0-9]{1,20})?/\n%ignore " "',
    'start: e\ne: e "+" e [0.2] | "(" e ")" [0.2] | A [0.6]\nA: /[a-z]{1,9}/',
    "start: a b? a*\na: /a+/ | /ab?/\nb: /[ab]{2,7}/",
]


@cache
def compiled_grammars() -> list[stolcke.CompiledGrammar]:
    texts = [stolcke.Grammar.from_lark(text) for text in GRAMMARS]
    schema = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"maxLength": 4}}, "required": ["b"]}
    return [stolcke.compile(one, vocabulary()) for one in [*texts, stolcke.Grammar.from_json_schema(schema)]]


def calls(data: bytes) -> None:
    """Call sequences of matchers: whatever came before, a state is that of its text, in two threads as in one."""
    if len(data) < 2:
        return
    known = compiled_grammars()[data[0] % len(compiled_grammars())]
    # Caches never filled now and then; else what earlier inputs left.
    compiled = (
        known
        if data[0] < 128
        else stolcke.CompiledGrammar(
            known.arrays, {}, vocabulary(), LIMITS if data[0] & 1 else stolcke.Limits(), stolcke.Options()
        )
    )
    seen: list[list] = [[], []]

    def work(which: int) -> None:
        seen[which] = sequence(compiled, data[1:60])

    other = threading.Thread(target=work, args=(1,))
    other.start()
    work(0)
    other.join()
    assert seen[0] == seen[1]


def sequence(compiled: stolcke.CompiledGrammar, codes: bytes) -> list:
    """Do what the bytes say with a few matchers; what they answered, after comparing each with a replay."""
    matchers = [compiled.matcher()]
    texts: list[list[int | bytes]] = [[]]
    answers: list = []
    row = np.zeros(len(compiled.vocabulary) // 32 + 1, np.int32)
    for at, code in enumerate(codes):
        which = at % len(matchers)
        matcher, text = matchers[which], texts[which]
        kind, value = code % 8, code // 8
        try:
            if kind in (0, 1):
                allowed = matcher.allowed_token_ids()
                token = int(allowed[value % allowed.size]) if allowed.size and kind == 0 else value * 8
                if matcher.accept(token):
                    text.append(token)
            elif kind == 2:
                chunk = codes[at + 1 : at + 1 + value % 4]
                if matcher.accept_bytes(chunk):
                    text.append(chunk)
            elif kind == 3:
                back = value % (len(text) + 2)
                try:
                    matcher.rollback(back)
                    del text[len(text) - back :]
                except stolcke.VocabularyError:
                    assert back > len(text)
            elif kind == 4 and len(matchers) < 6:
                matchers.append(matcher.fork())
                texts.append(list(text))
            elif kind == 5:
                answers.append(matcher.forced_bytes(50))
            elif kind == 6:
                answers.append(matcher.logprobs(range(0, 256, 5)).tobytes())
            matcher.fill_mask(row)
            answers.append((row.tobytes(), matcher.is_accepting, matcher.is_finished))
        except stolcke.LimitExceeded:
            answers.append("limit")
        assert matcher.n_accepted == len(text)
    for matcher, text in zip(matchers, texts, strict=True):
        twin = compiled.matcher()
        assert all(twin.accept(one) if isinstance(one, int) else twin.accept_bytes(one) for one in text)
        assert twin.mask().tobytes() == matcher.mask().tobytes()
    return answers


TARGETS: dict[str, Callable[[bytes], None]] = {"lark": lark, "regex": regex, "file": file, "calls": calls}
