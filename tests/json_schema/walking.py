"""Random texts that a matcher allows, token by token."""

from __future__ import annotations

import random
from functools import cache
from itertools import product

import stolcke

_ENDINGS = (b"}", b"]", b'"', b",", b":", b"0", b"1", b"n", b"t", b"f")
"""What leads to the end of a text, the surest first."""

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


def walk(matcher: stolcke.Matcher, draw: random.Random, *, steps: int = 40, most: int = 2_000) -> bytes:
    """Take random allowed tokens, after ``steps`` of them those that lead to the end; the whole text.

    Raises
    ------
    DeadEnd
        Where nothing is allowed.
    AssertionError
        Where ``most`` tokens have not led to the end.
    """
    vocabulary = matcher.compiled.vocabulary
    end = vocabulary.eos_token_ids[0]
    text = b""
    for step in range(most):
        allowed = matcher.allowed_token_ids().tolist()
        if not allowed:
            raise DeadEnd(f"nothing is allowed after {text!r}")
        token = draw.choice(allowed)
        # Uniform choice would drown in the many bytes of strings: half of the time a text hurries on.
        if step >= steps or draw.random() < 0.5:
            if end in allowed:
                return text
            leading = [t for t in allowed if vocabulary.tokens[t][:1] in _ENDINGS]
            if step >= steps:
                leading.sort(key=lambda t: _ENDINGS.index(vocabulary.tokens[t][:1]))
                del leading[1 + int(draw.expovariate(1)) :]
            token = draw.choice(leading or allowed)
        assert matcher.accept(token), (text, vocabulary.tokens[token])
        text += vocabulary.tokens[token]
    raise AssertionError(f"{most} tokens do not end: {text!r}")
