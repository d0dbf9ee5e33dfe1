"""Terminals that are one with what is ignored behind them: the same masks, and everything else as it was."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

import stolcke
from stolcke import Grammar, Options
from stolcke.errors import GrammarError
from tests.lexical.test_product import NEIGHBOURS, restricted
from tests.reference.language import all_texts
from tests.reference.random_grammars import random_grammar

BYTES = stolcke.Vocabulary.from_bytes()
TOKENS = stolcke.Vocabulary(
    [bytes([b]) for b in range(128)]
    + [b"aa", b"ab", b"a ", b" a", b"a b", b"b  ", b"  ", b"#\n", b" #", b"#a", b"\n", b"# \na", b"ba#", b"a#\nb"],
    eos_token_ids=[0],
)
APART = Options(join_ignored=False)

WORDS = """
    start: statement+
    statement: NAME "=" sum ";" | "if" sum "then" statement
    sum: NAME | sum "+" NAME | "(" sum ")"
    NAME: /[a-z]+/
    WORDS: "if" | "then"
    %reserve NAME: WORDS
    %follow NAME, WORDS: /[a-z]/
    COMMENT: /#[^\\n]*\\n/
    %ignore " "
    %ignore COMMENT
"""


class Indifferent(stolcke.Guard):
    """A guard that minds nothing."""

    start = ()
    watches = ("NAME",)

    def read(self, state, terminal, kind):
        return stolcke.Reading(state)


def both(grammar: Grammar, vocabulary: stolcke.Vocabulary) -> tuple[stolcke.CompiledGrammar, stolcke.CompiledGrammar]:
    return stolcke.compile(grammar, vocabulary), stolcke.compile(grammar, vocabulary, options=APART)


def compare(one: stolcke.Matcher, other: stolcke.Matcher, text: bytes) -> bool:
    """Whether a text can be gone on with, and what may come next: the same for both."""
    given = one.accept_bytes(text)
    assert other.accept_bytes(text) == given
    if given:
        assert one.is_accepting == other.is_accepting
        assert one.allowed_token_ids().tolist() == other.allowed_token_ids().tolist(), text
        assert one.expected() == other.expected()
    return given


@pytest.mark.parametrize("seed", range(40))
def test_random_grammars(seed):
    """Ignored are one terminal or two, of which one may look like the end of what stands before it."""
    random = Random(seed)
    grammar = random_grammar(random, nonterminals=3, ignore=False)
    ignored = random.choice(
        ['" "', "/ +/", '" "\n%ignore /#[^\\n]*\\n/', '" "\n%ignore /b+#/', '/#[^\\n]*\\n/\n%ignore "a"']
    )
    grammar = Grammar.from_lark(f"{grammar}\n%ignore {ignored}\n", start=grammar.start)
    changes = {
        name: {"follow": random.choice(NEIGHBOURS), "precede": random.choice(NEIGHBOURS[:3])}
        for name in grammar.terminals
        if random.random() < 0.7
    }
    grammar = restricted(grammar, **changes)
    try:
        joined, apart = both(grammar, TOKENS)
    except GrammarError as error:
        assert "derives no text" in str(error)  # noqa: PT017
        return
    for text in all_texts("ab #\n", 4):
        compare(joined.matcher(), apart.matcher(), text.encode())


def test_there_is_less_to_do():
    joined, apart = both(Grammar.from_lark(WORDS), BYTES)
    assert joined.arrays.weighted is not None
    assert apart.arrays.weighted is None
    for compiled in (joined, apart):
        assert compiled.matcher().accept_bytes(b"if x then # why\n y = (a + b) + c ; ")
    assert joined.stats()["columns"] < apart.stats()["columns"]
    assert joined.stats()["suffixes"] < apart.stats()["suffixes"]


def test_probabilities_are_those_of_the_grammar():
    joined, apart = both(Grammar.from_lark(WORDS), BYTES)
    one, other = joined.matcher(), apart.matcher()
    for text in (b"if x", b" then", b"  #a\n", b"y =z", b";"):
        assert one.accept_bytes(text)
        assert other.accept_bytes(text)
        np.testing.assert_allclose(one.next_byte_logprobs(), other.next_byte_logprobs())
        rows = np.empty((2, len(BYTES)), np.float32)
        one.fill_logprobs(rows[0])
        other.fill_logprobs(rows[1])
        np.testing.assert_array_equal(rows[0], rows[1])
    assert one.sentence_logprob == pytest.approx(other.sentence_logprob)
    assert joined.weights.start_log_partition == apart.weights.start_log_partition
    assert joined.sample(3, 5) == apart.sample(3, 5)
    assert one.sample(3) == other.sample(3)


def test_expected_tells_a_word_from_what_is_ignored_behind_it():
    matcher = stolcke.compile(Grammar.from_lark(WORDS), BYTES).matcher()
    assert matcher.accept_bytes(b"x = y")
    assert "more of NAME" in matcher.expected()
    assert matcher.accept_bytes(b" ")
    assert "more of NAME" not in matcher.expected()
    assert matcher.accept_bytes(b"#")
    assert matcher.expected() == ["more of COMMENT"]


def test_expected_behind_a_prefix_and_tokens():
    matcher = stolcke.compile(Grammar.from_lark(WORDS), TOKENS).matcher(prefix=b"if")
    assert matcher.accept(ord("i"))
    assert matcher.expected() == ["the rest of the prompt, b'f'"]
    assert matcher.accept(ord("f"))
    other = matcher.fork()
    assert other.accept(TOKENS.tokens.index(b" a"))
    assert "more of NAME" in other.expected()
    assert set(matcher.expected()) == {"NAME", '"if"', '" "', "COMMENT"}
    assert other.accept_bytes(b" =a;")
    assert other.accept(0)
    assert other.expected() == []


def test_a_guard_sees_terminals_as_they_are():
    compiled = stolcke.compile(Grammar.from_lark(WORDS), BYTES, guard=Indifferent())
    assert compiled.arrays.weighted is None
    assert compiled.matcher().accept_bytes(b"x = y ")


def test_saved_and_loaded(tmp_path):
    compiled = stolcke.compile(Grammar.from_lark(WORDS), BYTES)
    compiled.save(tmp_path / "words")
    loaded = stolcke.CompiledGrammar.load(tmp_path / "words", BYTES)
    for text in (b"", b"if", b"if(x) ", b"x = a #"):
        one, other = compiled.matcher(), loaded.matcher()
        assert compare(one, other, text)
        assert one.prefix_logprob == other.prefix_logprob
