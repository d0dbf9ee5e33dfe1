"""The shortest completions in tokens, and masks under a budget, beside trying everything."""

from __future__ import annotations

import itertools
import json
import lzma
import random
from dataclasses import replace

import jsonschema
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import stolcke
from stolcke.grammar.patterns import Counted, Literal, Regex, Special
from tests.domains import test_guard as depth
from tests.engine.laws import derives_nothing, stripping_vocabulary_of, vocabulary_of
from tests.engine.test_counted import KINDS, grammar_of
from tests.json_schema.walking import fused_vocabulary
from tests.reference.masks import Tokens
from tests.strategies import EFFORT, grammars, make_grammar, tally_grammars, vocabularies
from tests.vocabularies import SHARED, real, synthetic

MOST = 6
"""Tokens that the twin looks ahead."""


class Everything:
    """The fewest tokens to the end of a text, by trying all tokens that the exact masks allow."""

    def __init__(self, ends: bool) -> None:
        self.ends = ends
        self.following: dict[int, dict[int, stolcke.Matcher]] = {}

    def after(self, matcher: stolcke.Matcher) -> dict[int, stolcke.Matcher]:
        """The matchers behind each token; ``matcher`` has no budget."""
        if matcher.state not in self.following:
            found = {}
            for token in matcher.allowed_token_ids().tolist():
                found[token] = matcher.fork()
                assert found[token].accept(token)
            self.following[matcher.state] = found
        return self.following[matcher.state]

    def fewest(self, matcher: stolcke.Matcher, most: int) -> int:
        """Tokens to the end, or more than ``most``."""
        states = {matcher.state: matcher}
        for n in range(most + 1):
            if any(each.is_finished or (each.is_accepting and not self.ends) for each in states.values()):
                return n
            states = {after.state: after for each in states.values() for after in self.after(each).values()}
        return most + 1

    def allowed(self, matcher: stolcke.Matcher, left: int) -> list[int]:
        return [token for token, after in self.after(matcher).items() if self.fewest(after, left - 1) < left]


def generous(compiled: stolcke.CompiledGrammar) -> stolcke.CompiledGrammar:
    compiled.completion.effort = 20_000
    return compiled


def check_walk(compiled, vocabulary, chance: random.Random, **options) -> int:
    """Walk at random under the tightest budget and some larger ones; how many masks were less than the exact ones."""
    everything = Everything(bool(vocabulary.eos_token_ids))
    start = compiled.matcher(**options)
    fewest = everything.fewest(start, MOST)
    least, found = start.completion_bounds()
    if fewest > MOST:
        assert found > MOST
        return 0
    assert least == found == fewest
    completion = start.shortest_completion()
    assert len(completion) == fewest
    assert start.fork().accept_tokens(completion) == fewest
    if fewest:
        with pytest.raises(stolcke.BudgetError, match=f"completion has {fewest} tokens"):
            compiled.matcher(max_tokens=fewest - 1, **options)
    restricted = 0
    for budget in range(fewest, MOST + 1):
        matcher, free = compiled.matcher(max_tokens=budget, **options), compiled.matcher(**options)
        for left in range(budget, -1, -1):
            allowed = matcher.allowed_token_ids().tolist()
            if matcher.is_finished or (matcher.is_accepting and not everything.ends and not left):
                break
            assert allowed == everything.allowed(free, left), (budget, left)
            restricted += len(allowed) < len(everything.after(free))
            if not allowed:
                assert matcher.is_accepting and not everything.ends
                break
            token = chance.choice(allowed)
            assert matcher.accept(token) and free.accept(token)
        else:
            raise AssertionError("the budget was not kept")
    assert compiled.completion.undecided == 0
    return restricted


@settings(max_examples=120 * EFFORT)
@given(st.one_of(grammars(), tally_grammars()), vocabularies(), st.integers(0, 2**32))
def test_bounds_and_masks_are_those_of_trying_everything(grammar, tokens, seed):
    if derives_nothing(grammar):
        return
    vocabulary = vocabulary_of(tokens)
    special = {name: tokens.tokens[token].decode() for name, token in tokens.special.items()}
    declared = [name for name, found in grammar.terminals.items() if type(found.pattern).__name__ == "Special"]
    try:
        compiled = stolcke.compile(grammar, vocabulary, special={name: special[name] for name in declared})
    except stolcke.GrammarError as error:
        assume("derives the empty text" not in str(error))  # an entry of a tally
        raise
    check_walk(generous(compiled), vocabulary, random.Random(seed))


FIXED = Tokens(
    tokens=[b"a", b"b", b"", b"aa", b"ab", b"ba", b"x", b"xab", b"</s>", b"bx", b'"', b'"a', b'b"', b"</t>", b"<i>"],
    ends=(8, 13),
    special_ids=(14,),
    special={"SPECIAL": 14},
)

NESTED = make_grammar(
    {"s": [("A", "s", "B"), ("X",), ("SPECIAL", "s")]},
    {"A": Literal("a"), "B": Literal("b"), "X": Literal("x"), "SPECIAL": Special("SPECIAL")},
)


def test_masks_are_restricted_near_the_end_and_only_there():
    vocabulary = vocabulary_of(FIXED)
    compiled = generous(stolcke.compile(NESTED, vocabulary, special={"SPECIAL": "<i>"}))
    for seed in range(40):
        assert check_walk(compiled, vocabulary, random.Random(seed)) > 3
    assert (
        compiled.matcher(max_tokens=1000).allowed_token_ids().tolist()
        == compiled.matcher().allowed_token_ids().tolist()
    )


@pytest.mark.parametrize("kind", KINDS)
def test_counted_repeats(kind):
    before, unit, after, texts = KINDS[kind]
    tokens = [*(text.encode() for text in texts), b"x", "é".encode()[:1], "é".encode()[1:], b"</s>"]
    vocabulary = stolcke.Vocabulary(tokens, eos_token_ids=[len(tokens) - 1])
    for least, most in ((0, 3), (2, 4), (3, None), (5, 5)):
        compiled = generous(stolcke.compile(grammar_of(Counted(before, unit, least, most, after)), vocabulary))
        for seed in range(3):
            check_walk(compiled, vocabulary, random.Random(seed))


def test_a_long_counted_repeat_is_spelled_without_being_written_out():
    grammar = stolcke.Grammar.from_lark('start: "<" /[a-z]{5000,9000}/ ">"')
    vocabulary = stolcke.Vocabulary([b"<", b">", *(bytes([c]) for c in range(97, 123)), b"a" * 7, b"</s>"], [29])
    matcher = stolcke.compile(grammar, vocabulary).matcher()
    assert matcher.completion_bounds(effort=1)[1] == 1 + 714 + 2 + 1 + 1  # 5000 = 714 * 7 + 2
    assert matcher.accept(0)
    assert all(matcher.accept(28) for _ in range(720))
    assert matcher.shortest_completion(effort=1) == [1, 29]


@pytest.mark.parametrize("stripping", [False, True])
def test_first_tokens_that_lose_a_space_and_prompts_to_be_written_anew(stripping):
    tokens = Tokens([b" ", b" a", b"a", b" aa", b"b", b"ab", b"  ", b"</s>", b"x ", b"xa", b"x"], ends=(7,))
    vocabulary = (stripping_vocabulary_of if stripping else vocabulary_of)(tokens)
    grammar = make_grammar({"s": [("A", "s", "B"), ("A", "B")]}, {"A": Regex(" ?a"), "B": Literal("b")})
    compiled = generous(stolcke.compile(grammar, vocabulary))
    for seed in range(20):
        if stripping:
            check_walk(compiled, vocabulary, random.Random(seed), strip_first_space=True)
        else:
            check_walk(compiled, vocabulary, random.Random(seed), prefix=b"x")
            check_walk(compiled, vocabulary, random.Random(seed), prefix=b"x  ")


@settings(max_examples=100 * EFFORT)
@given(st.one_of(grammars(), tally_grammars()), vocabularies(), st.integers(0, 2**32))
def test_where_a_mask_need_not_be_looked_at_every_token_has_room(grammar, tokens, seed):
    """The argument that spares the walk, beside the distance of what each token leads to."""
    if derives_nothing(grammar):
        return
    vocabulary = vocabulary_of(replace(tokens, tokens=[*tokens.tokens, *(bytes([byte]) for byte in range(256))]))
    special = {name: tokens.tokens[token].decode() for name, token in tokens.special.items()}
    declared = [name for name, found in grammar.terminals.items() if type(found.pattern).__name__ == "Special"]
    try:
        compiled = stolcke.compile(grammar, vocabulary, special={name: special[name] for name in declared})
    except stolcke.GrammarError as error:
        assume("derives the empty text" not in str(error))
        raise
    chance = random.Random(seed)
    core = compiled.completion.core
    matcher = compiled.matcher()
    for _ in range(6):
        free = next((left for left in range(2000) if core.is_free(matcher.state, left)), None)
        allowed = [t for t in matcher.allowed_token_ids().tolist() if t not in vocabulary.eos_token_ids]
        if free is None or not allowed:
            break
        for token in allowed:
            after = matcher.fork()
            assert after.accept(token)
            assert core.bounds(after.state)[1] < free, (token, free)
        assert matcher.accept(chance.choice(allowed))


def test_rollback_forks_and_batches_keep_the_budget():
    vocabulary = vocabulary_of(FIXED)
    compiled = generous(stolcke.compile(NESTED, vocabulary, special={"SPECIAL": "<i>"}))
    matcher = compiled.matcher(max_tokens=6)
    masks = []
    for token in (0, 0, 6):
        masks.append(matcher.mask().tolist())
        assert matcher.accept(token)
    branch = matcher.fork()
    assert branch.max_tokens == 6
    branch.rollback(3)
    assert branch.n_tokens == 0 and matcher.n_tokens == 3
    for token, mask in zip((0, 0, 6), masks, strict=True):
        assert branch.mask().tolist() == mask
        assert branch.accept(token)
    other = compiled.matcher()
    rows = np.zeros((3, (len(vocabulary) + 31) // 32), np.int32)
    stolcke.fill_masks([matcher, other, branch], rows, threads=2)
    assert (rows[0] == rows[2]).all()
    for row, each in zip(rows, (matcher, other, branch), strict=True):
        assert (
            np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little")).tolist()
            == each.allowed_token_ids().tolist()
        )
    matcher.reset()
    assert matcher.mask().tolist() == masks[0]


def test_bytes_cost_nothing_and_what_was_overdrawn_ends_as_fast_as_it_can():
    vocabulary = vocabulary_of(FIXED)
    compiled = generous(stolcke.compile(NESTED, vocabulary, special={"SPECIAL": "<i>"}))
    matcher = compiled.matcher(max_tokens=4)
    assert matcher.accept_bytes(b"aaaa") and matcher.n_tokens == 0
    # x, then four times b: six tokens at least, with the end.
    texts = []
    while not matcher.is_finished:
        allowed = matcher.allowed_token_ids().tolist()
        texts.append([FIXED.tokens[token] for token in allowed])
        assert matcher.accept(allowed[0])
    assert texts == [[b"x"], [b"b"], [b"b"], [b"b"], [b"b"], [b"</s>", b"</t>"]]


def test_forced_tokens_of_a_tokenizer_keep_the_budget():
    vocabulary = stolcke.Vocabulary([b"a", b"b", b"abab", b"<", b">", b"</s>"], eos_token_ids=[5])
    compiled = stolcke.compile(stolcke.Grammar.from_lark('start: "<" "ababab" ">"'), vocabulary)

    def encode(text):  # that of a tokenizer that has not heard of abab
        return [vocabulary.tokens.index(letter.encode()) for letter in text]

    assert compiled.matcher().forced_tokens(encode) == encode("<ababab>")
    tight = compiled.matcher(max_tokens=6)
    assert tight.shortest_completion() in ([3, 2, 0, 1, 4, 5], [3, 0, 1, 2, 4, 5])
    forced = tight.forced_tokens(encode)
    assert forced == encode("<ab")
    assert tight.accept_tokens(forced) == 3
    assert tight.allowed_token_ids().tolist() == [2]


def test_budgets_that_cannot_be_kept_are_refused():
    vocabulary = vocabulary_of(FIXED)
    compiled = stolcke.compile(NESTED, vocabulary, special={"SPECIAL": "<i>"})
    with pytest.raises(stolcke.BudgetError) as caught:
        compiled.matcher(max_tokens=1)
    assert (caught.value.max_tokens, caught.value.least, caught.value.shortest) == (1, 2, 2)
    for wrong in (2.5, "3"):
        with pytest.raises(stolcke.VocabularyError, match="number of tokens"):
            compiled.matcher(max_tokens=wrong)
    with pytest.raises(stolcke.BudgetError, match="max_tokens=-1"):
        compiled.matcher(max_tokens=-1)
    assert compiled.matcher(max_tokens=np.int64(2)).max_tokens == 2
    unspeakable = stolcke.compile(stolcke.Grammar.from_lark('start: "q"'), vocabulary)
    with pytest.raises(stolcke.BudgetError, match="no completion was found"):
        unspeakable.matcher(max_tokens=9)
    with pytest.raises(stolcke.BudgetError, match="no completion was found"):
        unspeakable.matcher().shortest_completion()
    guarded = stolcke.compile(depth.NESTED, depth.VOCABULARY, guard=depth.Depth(2))
    for ask in (lambda: guarded.matcher(max_tokens=9), lambda: guarded.matcher().shortest_completion()):
        with pytest.raises(stolcke.CompileError, match="under a guard"):
            ask()


def ends_in_time(compiled: stolcke.CompiledGrammar, chance: random.Random, budget: int, most: int = 200) -> bytes:
    """A text of random tokens under a budget, as far as they are looked at one by one; it ends, and in time."""
    matcher = compiled.matcher(max_tokens=budget)
    text = b""
    vocabulary = compiled.vocabulary
    while not matcher.is_finished:
        allowed = matcher.allowed_token_ids().tolist()
        assert allowed, (text, budget)
        # Random tokens are mostly those of strings; those that open something put the budget to the test.
        opening = [token for token in allowed if vocabulary.tokens[token][:1] in b'{["' and vocabulary.tokens[token]]
        token = chance.choice(opening if opening and chance.random() < 0.5 else allowed)
        assert matcher.accept(token)
        text += vocabulary.tokens[token] if token not in vocabulary.eos_token_ids else b""
    assert matcher.n_tokens <= budget
    return text


SCHEMAS = [
    {"type": "array", "minItems": 3, "items": {"type": "object", "required": ["a"], "properties": {"a": {}}}},
    {"type": "object", "properties": {n: {"type": "string", "minLength": 4} for n in "abc"}, "required": ["a", "c"]},
    {"$ref": "#/$defs/t", "$defs": {"t": {"properties": {"t": {"$ref": "#/$defs/t"}, "n": {"enum": [12345, None]}},
                                          "type": "object", "required": ["n"]}}},
    {"type": "array", "minItems": 2, "uniqueItems": True, "items": {"enum": [1, "two", 333]}},
    {"type": "string", "maxLength": 12},
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(SCHEMAS)))
@pytest.mark.parametrize("words", ["fused", "synthetic"])
def test_documents_of_a_schema_end_in_time_and_validate(number, words):
    schema = SCHEMAS[number]
    vocabulary = fused_vocabulary()
    if words == "synthetic":
        vocabulary = stolcke.Vocabulary([*synthetic(3000), b"</s>"], eos_token_ids=[3000])
    compiled = stolcke.compile(stolcke.Grammar.from_json_schema(schema), vocabulary)
    least, shortest = compiled.matcher().completion_bounds()
    assert least <= shortest
    for budget in (shortest, shortest + 1, shortest + 4, shortest + 30):
        for seed in range(6):
            text = ends_in_time(compiled, random.Random(seed), budget)
            jsonschema.validate(json.loads(text), schema)
    with pytest.raises(stolcke.BudgetError):
        compiled.matcher(max_tokens=least - 1)


def test_real_schemas_end_in_time():
    tokens, ends, special = real("llama3")
    vocabulary = stolcke.Vocabulary(tokens, eos_token_ids=ends, special_token_ids=special)
    path = SHARED.parent / "maskbench-dev.jsonl.xz"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    with lzma.open(path, "rt") as file:
        records = [json.loads(line) for line in itertools.islice(file, 0, 400, 25)]
    ended = 0
    for number, record in enumerate(records):
        try:
            compiled = stolcke.compile(stolcke.Grammar.from_json_schema(record["schema"]), vocabulary)
        except stolcke.StolckeError:
            continue
        shortest = compiled.matcher().completion_bounds()[1]
        if shortest > 400:
            continue
        for budget in (shortest, shortest + 8, 2 * shortest + 20):
            ends_in_time(compiled, random.Random(number), budget)
            ended += 1
    assert ended > 20


def test_an_end_token_that_the_grammar_names_is_a_token_like_others():
    """At the beginning of a text that loses a space, where tokens are looked at one by one, and elsewhere."""
    tokens = [b"a", b" a", b"b", b"</s>", b" "]
    grammar = stolcke.Grammar.from_lark('start: START START "a" | "a" START "b" "b" "b" | "b"\n%declare START')
    for stripping in (False, True):
        vocabulary = stolcke.Vocabulary(tokens, [3], [3], strips_first_space=stripping)
        compiled = generous(stolcke.compile(grammar, vocabulary, special={"START": 3}))
        for seed in range(10):
            check_walk(compiled, vocabulary, random.Random(seed), strip_first_space=stripping)


def test_what_was_found_is_shared_with_the_compiled_grammar():
    vocabulary = vocabulary_of(FIXED)
    grammar = stolcke.Grammar.from_lark('start: "a" start "b" | "x"')
    first = stolcke.compile(grammar, vocabulary)
    assert first.completion is stolcke.compile(grammar, vocabulary).completion
    other = stolcke.compile(grammar, vocabulary, options=stolcke.Options(memoise_grammars=False))
    assert other.completion is not first.completion
