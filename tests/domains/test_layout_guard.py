"""The layout guard against Lark's own Indenter, and its masks against brute force."""

from __future__ import annotations

import random
from functools import cache
from itertools import product
from pathlib import Path
from threading import Thread

import lark
import numpy as np
import pytest
from lark.indenter import Indenter

import stolcke
from stolcke.domains import Layout

EXAMPLES = Path(__file__).parents[2] / "examples"

# Written so that every text has one segmentation, the one that Lark's lexer finds: what a comment is made of, and the
# mark of a condition, occur nowhere else.
TEXT = r"""
start: (_NL | _stmt)*
_stmt: simple | block
simple: NAME ["=" value] _NL
block: "?" value ":" _NL _INDENT _stmt+ _DEDENT
value: NAME | "(" [value ("," value)*] ")"
NAME: /[ab]/
_NL: (/\r?\n[\t ]*/ | COMMENT)+
COMMENT: /~!*/
%ignore /[ \t]+/
%declare _INDENT _DEDENT
"""
PIECES = [
    "a",
    "b",
    "=",
    "?",
    ":",
    "\n",
    "\n",
    "\n  ",
    "\n    ",
    "\n\t",
    " ",
    "(",
    ")",
    ",",
    "~!",
    "\r\n",
    "?a:\n",
    "a\n",
]
TOKENS = [
    *(bytes([b]) for b in b"ab=?:\n\r\t (),~!"),
    *(b"\n" + b" " * n for n in (1, 2, 4, 8)),
    *(
        b"  ",
        b"    ",
        b"a\n",
        b":\n  a",
        b":\n\ta\n\tb",
        b"=(\n",
        b"\n)",
        b"\n\n",
        b"\n  b\n",
        b"a\n?b:\n    a\n  ",
        b"~!\n  ",
    ),
    b"<eos>",
]
LAYOUT = Layout(newline="_NL", opening=("LPAR",), closing=("RPAR",), deepest=40)


class Blocks(Indenter):
    NL_type = "_NL"
    OPEN_PAREN_types = ("LPAR",)
    CLOSE_PAREN_types = ("RPAR",)
    INDENT_type = "_INDENT"
    DEDENT_type = "_DEDENT"
    tab_len = 8


@cache
def compiled(**options) -> stolcke.CompiledGrammar:
    vocabulary = stolcke.Vocabulary(TOKENS, eos_token_ids=[len(TOKENS) - 1])
    grammar = stolcke.Grammar.from_lark(TEXT)
    return stolcke.compile(grammar, vocabulary, guard=LAYOUT, options=stolcke.Options(**options))


@cache
def parser() -> lark.Lark:
    return lark.Lark(TEXT, parser="lalr", lexer="contextual", postlex=Blocks())


def lark_accepts(text: str) -> bool | None:
    """What Lark says; None where its Indenter fails on a line end without a newline, or an unopened parenthesis."""
    try:
        parser().parse(text)
    except lark.exceptions.LarkError:
        return False
    except (AssertionError, IndexError):
        return None
    return True


def accepts(text: str) -> bool:
    matcher = compiled().matcher()
    return matcher.accept_bytes(text.encode()) and matcher.is_accepting


def program(rng: random.Random, width: int = 0, depth: int = 0) -> str:
    """A text that is likely right, with blank lines, comments and wrapped lines anywhere."""
    lines = []
    for _ in range(rng.randint(1, 3)):
        pad = " " * width if width < 8 or rng.random() < 0.5 else "\t" + " " * (width - 8)
        blank = rng.choice(["", "", "", "\n", " ~!!\n", "\r\n\n"])
        if depth < 3 and rng.random() < 0.4:
            deeper = width + rng.choice([1, 2, 4, 8])
            lines.append(f"{pad}?a:{rng.choice(['', ' ', '~!'])}\n{blank}{program(rng, deeper, depth + 1)}")
        else:
            lines.append(f"{pad}a{rng.choice(['', '=b', ' = (a,b)', '=(a,' + chr(10) + '   b)'])}\n{blank}")
    return "".join(lines)


@pytest.mark.parametrize("seed", range(40))
def test_accepts_what_lark_accepts(seed) -> None:
    rng = random.Random(seed)
    judged = {True: 0, False: 0}
    for round_ in range(60):
        text = program(rng)
        if round_ % 3:  # two of three texts are damaged
            at = rng.randrange(len(text) + 1)
            text = text[:at] + rng.choice(["", *PIECES]) + text[at + rng.randint(0, 2) :]
        verdict = lark_accepts(text)
        if verdict is not None:
            judged[verdict] += 1
            assert accepts(text) == verdict, text
    assert min(judged.values()) >= 5


def test_random_pieces_agree_with_lark() -> None:
    rng = random.Random(7)
    n_accepted = 0
    for _ in range(6000):
        text = "".join(rng.choices(PIECES, k=rng.randint(0, 7)))
        verdict = lark_accepts(text)
        if verdict is not None:
            n_accepted += verdict
            assert accepts(text) == verdict, text
    assert n_accepted >= 50


def brute_force(matcher: stolcke.Matcher) -> np.ndarray:
    allowed = [matcher.fork().accept_bytes(token) for token in TOKENS[:-1]]
    return np.array([*allowed, matcher.is_accepting])


@pytest.mark.parametrize(
    "options", [{}, {"memoise_steps": False, "memoise_masks": False, "memoise_goto": False}, {"bisimulation": False}]
)
def test_masks_are_those_of_brute_force_and_never_empty(options) -> None:
    for seed in range(60 if not options else 12):
        rng = random.Random(seed)
        matcher = compiled(**options).matcher()
        text = b""
        while len(text) < 60 and not matcher.is_finished:
            mask = matcher.mask()
            assert (mask == brute_force(matcher)).all(), text
            assert mask.any(), f"a dead end after {text!r}"
            token = int(rng.choice(np.flatnonzero(mask)))
            assert matcher.accept(token)
            text += TOKENS[token]


def test_every_prefix_can_be_completed() -> None:
    """From wherever a walk leads, some line end, and letters, lead to a text that Lark accepts."""
    for seed in range(60):
        rng = random.Random(seed)
        matcher = compiled().matcher()
        text = b""
        for _ in range(rng.randint(1, 12)):
            token = int(rng.choice(np.flatnonzero(matcher.mask()[:-1])))
            assert matcher.accept(token)
            text += TOKENS[token]
        seen = {b""}
        ways = [b""]
        for way in ways:  # breadth first
            at = matcher.fork()
            assert at.accept_bytes(way)
            if at.is_accepting:
                break
            for byte in (b"\n", b"\na\n", b"a", b")", b":", b" ", b"    a\n", b"="):
                if way + byte not in seen and at.fork().accept_bytes(byte) and len(way) < 20:
                    seen.add(way + byte)
                    ways.append(way + byte)
        else:
            pytest.fail(f"{text!r} leads nowhere")
        assert lark_accepts((text + way).decode()) in (True, None)


def test_rollback_and_fork_are_replay() -> None:
    for seed in range(30):
        rng = random.Random(seed)
        matcher = compiled().matcher()
        history: list[int] = []
        for _ in range(40):
            if history and rng.random() < 0.3:
                n = rng.randint(1, len(history))
                matcher.rollback(n)
                del history[-n:]
            elif rng.random() < 0.2:
                matcher = matcher.fork()
            elif not matcher.is_finished:
                history.append(int(rng.choice(matcher.allowed_token_ids())))
                assert matcher.accept(history[-1])
            replayed = compiled().matcher()
            assert replayed.accept_tokens(history) == len(history)
            assert (replayed.mask() == matcher.mask()).all()
            assert replayed.is_accepting == matcher.is_accepting


def test_threads_share_what_the_guard_has_said() -> None:
    vocabulary = stolcke.Vocabulary(TOKENS, eos_token_ids=[len(TOKENS) - 1])
    fresh = stolcke.compile(stolcke.Grammar.from_lark(TEXT), vocabulary, guard=LAYOUT)
    text = b"?a:\n    ?b:\n\ta\n    b=(a,\n b)\na\n"
    rows: list[list[bytes]] = []

    def walk() -> None:
        matcher = fresh.matcher()
        mine = []
        for byte in text:
            mine.append(matcher.mask().tobytes())
            assert matcher.accept_bytes(bytes([byte]))
        rows.append(mine)

    threads = [Thread(target=walk) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = compiled().matcher()
    assert len(rows) == 8
    for at, byte in enumerate(text):
        mask = expected.mask().tobytes()
        assert all(mine[at] == mask for mine in rows)
        expected.accept_bytes(bytes([byte]))


def test_saved_and_loaded(tmp_path) -> None:
    path = tmp_path / "blocks.stolcke"
    compiled().save(path)
    vocabulary = compiled().vocabulary
    again = stolcke.CompiledGrammar.load(path, vocabulary, guard=LAYOUT)
    matcher = again.matcher()
    assert matcher.accept_bytes(b"?a:\n  b\n")
    assert not matcher.accept_bytes(b" a\n")
    assert matcher.accept_bytes(b"a\n") and matcher.is_accepting
    for other in (None, Layout(newline="_NL")):
        with pytest.raises(stolcke.CompileError, match="give the same one"):
            stolcke.CompiledGrammar.load(path, vocabulary, guard=other)


def test_settings_of_an_indenter() -> None:
    assert Layout.of(Blocks(), deepest=40) == LAYOUT
    with pytest.raises(stolcke.CompileError, match=r"no lark.indenter.Indenter"):
        Layout.of(object())


def test_wider_than_the_deepest() -> None:
    assert accepts("?a:\n" + " " * 40 + "b\n")
    assert not accepts("?a:\n" + " " * 41 + "b\n")
    assert accepts("?a:\n" + " " * 41 + "\n  b\n")  # a blank line is no line


def test_expected_names_the_terminals() -> None:
    matcher = compiled().matcher()
    matcher.accept_bytes(b"?a:\n  b\n")
    assert "NAME" in matcher.expected() and "the end of the text" in matcher.expected()
    assert "_DEDENT" not in matcher.expected()
    assert "NAME" in matcher.dump()


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: Layout(newline="NO"), "watches 'NO', which is no terminal"),
        (lambda: Layout(newline="_INDENT"), "has no text"),
        (lambda: Layout(newline="_NL", indent="IN"), "%declare IN"),
        (lambda: "layout", "takes a stolcke.Guard, not str"),
    ],
)
def test_a_guard_that_does_not_fit(made, message) -> None:
    with pytest.raises(stolcke.CompileError, match=message):
        stolcke.compile(stolcke.Grammar.from_lark(TEXT), compiled().vocabulary, guard=made())


@pytest.mark.parametrize("settings", [{"tab_len": 0}, {"deepest": 10**6}, {"opening": "LPAR"}])
def test_settings_that_are_none(settings) -> None:
    with pytest.raises(stolcke.CompileError, match="of a layout must be"):
        Layout(**settings)


def test_a_grammar_under_a_guard_has_no_probabilities() -> None:
    with pytest.raises(stolcke.WeightsError, match="no probabilities"):
        _ = compiled().matcher().prefix_logprob


def example(name: str, guard: stolcke.Guard) -> stolcke.CompiledGrammar:
    grammar = stolcke.Grammar.from_file(EXAMPLES / f"{name}.lark")
    return stolcke.compile(grammar, stolcke.Vocabulary.from_bytes(), guard=guard)


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        ("a: 1\nb:\n  - x\n  - y z\nc: last\n", True),
        ("- a: 1\n", False),  # a mapping begins on a line of its own
        ("-\n  a: 1\n  b: 2\n-\n  a: 3\n", True),
        ("a:\n  b:\n      c: 1\n  d: 2\n", True),
        ("a:\n  b:\n      c: 1\n    d: 2\n", False),
        ("a:\nb: 1\n", False),
        ('a: "x: \\" y"\n# comment\n\nb: 2\n', True),
    ],
)
def test_the_yaml_like_example(text, is_right) -> None:
    matcher = example("yaml_subset", Layout()).matcher()
    assert (matcher.accept_bytes(text.encode()) and matcher.is_accepting) == is_right


INDENTED = Layout(newline="_NL", opening=("LPAR",), closing=("RPAR",))


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        ("if a:\n  b = 1\nelse:\n    c = (d,\n2, (e))\n    d = 3\n", True),
        ("if a:\n  b = 1\n  else:\n    c = d\n", False),
        ("if = 1\n", False),  # reserved
        ("iff = 1\n", True),
        ("ifa: b = 1\n", False),
        ("a = (b\n,c)\n", True),  # the line end is no letter of the name before it, nor of the one behind
        ("a = (b,\nc)\n", True),
        ("a = 12b\n", False),
        ("if a: # why\n  # because\n\n  b = 1 # so\n", True),
        ("if a:\n  # b = 1\n", False),  # all of it is a comment
    ],
)
def test_the_indented_example(text, is_right) -> None:
    matcher = example("indented", INDENTED).matcher()
    assert (matcher.accept_bytes(text.encode()) and matcher.is_accepting) == is_right


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        ("a = (b, # x, (c\n d)\n", True),  # a comment ends with its line, in parentheses, too
        ("a = (b, # x c, d)\n", False),
    ],
)
def test_comments_in_parentheses(text, is_right) -> None:
    matcher = example("indented", INDENTED).matcher()
    assert (matcher.accept_bytes(text.encode()) and matcher.is_accepting) == is_right


def test_line_ends_in_parentheses_under_the_contextual_lexer() -> None:
    grammar = stolcke.Grammar.from_lark(TEXT, lexer="contextual")
    contextual = stolcke.compile(grammar, compiled().vocabulary, guard=LAYOUT)
    rng = random.Random(3)
    n_accepted = 0
    for text in ["a = (a,~!b)\n", *(program(rng) for _ in range(200))]:
        matcher = contextual.matcher()
        if lark_accepts(text):
            n_accepted += 1
            assert matcher.accept_bytes(text.encode()) and matcher.is_accepting, text
    assert n_accepted > 100


def test_what_is_ignored_leads_nowhere_by_itself() -> None:
    """Behind a header only a deeper line may come, and no form feed that promises one."""
    grammar = stolcke.Grammar.from_lark(TEXT.replace(r"/[ \t]+/", r"/[ \t\f]+/"))
    matcher = stolcke.compile(grammar, stolcke.Vocabulary.from_bytes(), guard=LAYOUT).matcher()
    assert matcher.accept_bytes(b"?a:\n")
    assert not matcher.accept_bytes(b"\f")
    assert matcher.accept_bytes(b" \fa\n")


@pytest.mark.parametrize(
    "rules",
    [
        'start: "?" _NL _INDENT "a" _NL _DEDENT',
        'start: s+\ns: "?" _NL _INDENT "a" _NL _DEDENT',
        'start: s+\ns: "?" _NL _INDENT "a" _NL _DEDENT\n%ignore "_"',
        'start: s\ns: "?" _NL _INDENT s _DEDENT | "a" _NL',
        'start: s\ns: "?" _NL _INDENT s "c" _DEDENT | "a" _NL',
    ],
)
def test_where_only_a_block_can_begin_or_end(rules) -> None:
    """No text need follow what is inserted, in the midst or at the end."""
    text = f"{rules}\n_NL: /\\n */\n%declare _INDENT _DEDENT\n"
    judge = lark.Lark(text, parser="lalr", lexer="contextual", postlex=Blocks())
    made = stolcke.compile(stolcke.Grammar.from_lark(text), stolcke.Vocabulary.from_bytes(), guard=Layout())
    n_accepted = 0
    lines = ["?", "?\n a", "?\n  a", " ?", "  ?", " a", "  a", "a", "  ", "  c", "cc", ""]
    for n in range(1, 5):
        for chosen in random.Random(n).choices(list(product(lines, repeat=n)), k=400):
            text = "\n".join(chosen)
            try:
                judge.parse(text)
                expected = True
            except lark.exceptions.LarkError:
                expected = False
            matcher = made.matcher()
            n_accepted += expected
            assert (matcher.accept_bytes(text.encode()) and matcher.is_accepting) == expected, text
    assert n_accepted > 0


def test_a_prefix_before_the_grammar_begins() -> None:
    """Healing a prompt, under a guard: masks are those of brute force, and layout begins behind the prefix."""
    for seed in range(20):
        rng = random.Random(seed)
        matcher = compiled().matcher(prefix=rng.choice([b"(", b"\n  ", b"a\n"]))
        for _ in range(12):
            mask = matcher.mask()
            assert (mask == brute_force(matcher)).all()
            if matcher.is_finished or not mask.any():
                break
            assert matcher.accept(int(rng.choice(np.flatnonzero(mask))))
