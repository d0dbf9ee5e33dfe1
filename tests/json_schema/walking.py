"""Random texts that a matcher allows, token by token."""

from __future__ import annotations

import random
from collections import deque
from functools import cache
from itertools import product

import stolcke

_FUSED = (
    [mark + name for mark, name in product([b'"', b'{"', b',"', b', "', b'"a":{"'], [b"a", b"b", b"ab", b"\xc3"])]
    + [b'":', b'": ', b'":"', b'": "', b'","', b'", "', b'"}', b'"]', b'"},{"', b'":[', b'":{', b"}}", b"]]", b"]}"]
    + [b"[[", b"[{", b"{}", b"[]", b'""', b"{ ", b"[\n  ", b",\n", b"\n}", b"  ", b": ", b", ", b",0", b"0,", b"0]"]
    + [b"1.0", b"10", b"-1", b"0.", b".5", b"1e", b"e0", b"00", b"12", b"1}", b"2,3", b"true", b"true,", b"null]"]
    + [b"\\u00", b"\\u0061", b"\\u00e9", b'\\"', b"\\\\", b'a"', b'b":', b'ab":1', b"\xc3\xa9", b"\xa9", b'\xa9":']
    + [b"2024-02", b"-29", b"127.0", b".0.1", b"aa", b"abc", b"ba", b"\xf0\x9f", b"\x98\x80"]
)


@cache
def fused_vocabulary() -> stolcke.Vocabulary:
    """All bytes, tokens across the borders of JSON's own tokens, and one end token, which is the last."""
    tokens = [*(bytes([value]) for value in range(256)), *dict.fromkeys(_FUSED), b"</s>"]
    return stolcke.Vocabulary(tokens, eos_token_ids=[len(tokens) - 1])


class DeadEnd(AssertionError):
    """A text that is no sentence and after which no token is allowed."""


class Undecided(Exception):
    """A text whose end is further away than was looked for."""


def walk(matcher: stolcke.Matcher, draw: random.Random, *, steps: int = 40) -> bytes:
    """Take random allowed tokens, and after ``steps`` of them the shortest way to the end; the whole text.

    Raises
    ------
    DeadEnd
        Where there is no way to the end.
    Undecided
        Where there are too many states on the way, as before an item that must have dozens of characters.
    """
    vocabulary = matcher.compiled.vocabulary
    end = vocabulary.eos_token_ids[0]
    text = b""
    for _ in range(draw.randint(0, steps)):
        allowed = matcher.allowed_token_ids().tolist()
        if not allowed:
            break
        # Uniform choice would drown in the many bytes of strings: a third of the time a text hurries on.
        leading = [t for t in allowed if vocabulary.tokens[t][:1] in _MARKS] if draw.random() < 0.3 else []
        token = draw.choice(leading or allowed)
        if token == end:
            return text
        assert matcher.accept(token), (text, vocabulary.tokens[token])
        text += vocabulary.tokens[token]
    ending = shortest_ending(matcher)
    if ending is None:
        raise DeadEnd(f"nothing ends {text!r}")
    return text + ending


_MARKS = tuple(bytes([byte]) for byte in b'"{}[]:,')


def shortest_ending(matcher: stolcke.Matcher, most: int = 20_000) -> bytes | None:
    """The shortest bytes after which a text may end, found breadth first over the states of the matcher.

    None where there are none; more than ``most`` states are not looked through.
    """
    waiting, met = deque([(matcher, b"")]), {matcher.state}
    while waiting:
        if len(met) > most:
            raise Undecided
        here, text = waiting.popleft()
        if here.is_accepting:
            return text
        for byte in here.allowed_token_ids().tolist():
            if byte < 256:  # the vocabularies here begin with all single bytes
                following = here.fork()
                following.accept(byte)
                if following.state not in met:
                    met.add(following.state)
                    waiting.append((following, text + bytes([byte])))
    return None
