"""``generate`` of transformers under a grammar, with a tiny random model, against loops written out by hand."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

import stolcke
from stolcke.integrations.transformers import FastForward, GrammarLogitsProcessor, allowed_tokens_fn
from tests.integrations.tiny import (
    END,
    LENGTH,
    PAD,
    PROMPTS,
    SHORT,
    WIDTH,
    by_hand,
    check_texts,
    generated,
    padded,
    scores_of,
)

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


@pytest.mark.parametrize("name", ["lists", "short", "numbers"])
@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: bytes(prompt).decode())
def test_greedy_texts_are_equal_under_every_path(model, assistant, compiled, name, prompt) -> None:
    grammar, inputs = compiled[name], padded([prompt])
    expected = [by_hand(model, grammar, prompt)]
    processor = GrammarLogitsProcessor(grammar)
    assert generated(model, inputs, processor) == expected
    assert generated(model, inputs, processor) == expected
    assert generated(model, inputs, processor, use_cache=False) == expected
    assert generated(model, inputs, processor, prompt_lookup_num_tokens=5) == expected
    assert generated(model, inputs, processor, assistant_model=assistant) == expected
    assert generated(model, inputs, processor, custom_generate=FastForward()) == expected
    assert generated(model, inputs, GrammarLogitsProcessor(grammar, inplace=True)) == expected
    assert generated(model, inputs, GrammarLogitsProcessor(grammar, prompt_length=len(prompt))) == expected
    listed = allowed_tokens_fn(grammar, len(prompt))
    assert generated(model, inputs, None, prefix_allowed_tokens_fn=listed) == expected
    assert processor.errors == {}
    check_texts(expected, [grammar])


def test_a_batch_with_padding_is_its_rows(model, compiled) -> None:
    grammars = [compiled[name] for name in ("lists", "short", "numbers", "short")]
    expected = [by_hand(model, *pair) for pair in zip(grammars, PROMPTS, strict=True)]
    assert len({len(row) for row in expected}) > 2  # rows finish early
    processor = GrammarLogitsProcessor(grammars, threads=2)
    for _ in range(2):
        assert generated(model, padded(PROMPTS), processor) == expected
        assert processor.errors == {}
    listed = allowed_tokens_fn(grammars, padded(PROMPTS)["input_ids"].shape[1])
    assert generated(model, padded(PROMPTS), None, prefix_allowed_tokens_fn=listed) == expected
    check_texts(expected, grammars)


def test_one_object_serves_other_batches_and_longer_prompts(model, compiled) -> None:
    grammar = compiled["short"]
    processor = GrammarLogitsProcessor(grammar)
    prompt = list(PROMPTS[0])
    for prompts in ([prompt], PROMPTS, [PROMPTS[3]], PROMPTS[::-1]):
        expected = [by_hand(model, grammar, each) for each in prompts]
        assert generated(model, padded(prompts), processor) == expected
    for _ in range(3):  # a conversation: each prompt begins with the text before
        answer = by_hand(model, grammar, prompt)
        assert generated(model, padded([prompt]), processor) == [answer]
        prompt += [*answer, *b"\nnext: "]


def test_a_text_cut_off_goes_on_in_the_next_call_unless_reset(model, compiled) -> None:
    grammar, prompt = compiled["lists"], PROMPTS[0]
    whole = by_hand(model, grammar, prompt)
    processor = GrammarLogitsProcessor(grammar)
    begun = [*prompt, *whole[:5]]
    assert len(whole) > 7
    assert generated(model, padded([prompt]), processor, max_new_tokens=5) == [whole[:5]]
    assert generated(model, padded([begun]), processor, max_new_tokens=len(whole) - 5) == [whole[5:]]
    generated(model, padded([prompt]), processor, max_new_tokens=5)
    processor.reset()
    assert generated(model, padded([begun]), processor) == [by_hand(model, grammar, begun)]


def test_a_started_matcher_goes_on_and_stays(model, compiled) -> None:
    matcher = compiled["lists"].matcher()
    matcher.accept_bytes(b"[ab,")
    processor = GrammarLogitsProcessor(matcher)
    for _ in range(2):
        (row,) = generated(model, padded([PROMPTS[0]]), processor)
        ahead = matcher.fork()
        assert ahead.accept_tokens(row) == len(row) and row[0] != ord("[")
    assert matcher.n_accepted == 1


@pytest.mark.parametrize("name", ["assistant_model", "prompt_lookup_num_tokens"])
def test_drafts_are_checked_and_some_taken_back(model, assistant, compiled, name) -> None:
    """So that the equality of texts above says something of lengths that go back and forth."""
    processor, lengths = GrammarLogitsProcessor(compiled["lists"]), []

    def recorded(input_ids, scores):
        lengths.append(input_ids.shape[1])
        return processor(input_ids, scores)

    option = {"assistant_model": assistant, "prompt_lookup_num_tokens": 5}[name]
    prompt = PROMPTS[1]
    assert generated(model, padded([prompt]), recorded, **{name: option}) == [by_hand(model, compiled["lists"], prompt)]
    steps = Counter(np.sign(np.diff(lengths)).tolist())
    assert steps[1] > 5 and steps[-1] > 1


@pytest.mark.parametrize("seed", range(3))
def test_samples_are_texts(model, compiled, seed) -> None:
    grammars = [compiled["short"], compiled["numbers"]]
    torch.manual_seed(seed)
    rows = generated(
        model,
        padded(PROMPTS[:2]),
        GrammarLogitsProcessor(grammars),
        do_sample=True,
        temperature=1.5,
        top_k=20,
        num_return_sequences=3,
    )
    check_texts(rows, [grammar for grammar in grammars for _ in range(3)])
    assert len(set(map(tuple, rows))) > 2


def beams_by_hand(model, compiled, prompt, n_beams):
    """The best finished texts: by sums of log-probabilities, going on as long as one may still become better."""
    running, finished = [(0.0, [])], []
    while running:
        candidates = []
        for score, ids in running:
            matcher = compiled.matcher()
            assert matcher.accept_tokens(ids) == len(ids)
            logprobs = torch.log_softmax(torch.from_numpy(scores_of(model, prompt + ids)), 0).tolist()
            candidates += [(score + logprobs[t], [*ids, t]) for t in matcher.allowed_token_ids().tolist()]
        best = sorted(candidates, reverse=True)[: 2 * n_beams]
        finished += [each for each in best[:n_beams] if each[1][-1] == END]
        finished = sorted(finished, reverse=True)[:n_beams]
        running = [each for each in best if each[1][-1] != END][:n_beams]
        if len(finished) == n_beams and running and running[0][0] < finished[-1][0]:
            break
    return [ids for _, ids in finished]


@pytest.mark.parametrize("n_beams", [1, 2, 4])
def test_beams_are_those_of_a_search_by_hand(model, compiled, n_beams) -> None:
    grammars = [compiled["short"], compiled["numbers"]]
    expected = [
        row
        for grammar, prompt in zip(grammars, PROMPTS[:2], strict=True)
        for row in beams_by_hand(model, grammar, prompt, n_beams)
    ]
    options = {"num_beams": n_beams, "num_return_sequences": n_beams, "length_penalty": 0.0}
    if n_beams == 1:
        expected = [by_hand(model, *pair) for pair in zip(grammars, PROMPTS[:2], strict=True)]
        options = {}
    else:
        options["early_stopping"] = "never"
    processor = GrammarLogitsProcessor(grammars)
    inputs = padded(PROMPTS[:2])
    assert generated(model, inputs, processor, **options) == expected
    listed = allowed_tokens_fn(grammars, inputs["input_ids"].shape[1])
    assert generated(model, inputs, None, prefix_allowed_tokens_fn=listed, **options) == expected
    check_texts(expected, [grammar for grammar in grammars for _ in range(n_beams)])


def test_beams_beyond_the_number_of_texts_do_no_harm(model, vocabulary) -> None:
    grammar = stolcke.compile(stolcke.Grammar.from_lark('start: "ab" | "x"'), vocabulary)
    for prompt in PROMPTS:
        processor = GrammarLogitsProcessor(grammar)
        (row,) = generated(model, padded([prompt]), processor, num_beams=6, length_penalty=0.0, early_stopping="never")
        assert row == beams_by_hand(model, grammar, prompt, 6)[0]


@pytest.mark.parametrize("beta", [0.5, 3.0])
def test_beta_adds_the_log_probabilities_of_the_grammar(model, compiled, beta) -> None:
    grammar = compiled["weighted"]
    processor = GrammarLogitsProcessor([grammar, grammar], beta=beta)
    prompts = PROMPTS[:2]
    assert generated(model, padded(prompts), processor) == [by_hand(model, grammar, p, beta) for p in prompts]

    matcher = grammar.matcher()
    for ids in ([], list(b"["), list(b"[a"), list(b"[ab]")):
        matcher.reset()
        assert matcher.accept_tokens(ids) == len(ids)
        logits = torch.linspace(-2, 2, WIDTH).repeat(1, 1)
        found = GrammarLogitsProcessor(grammar, prompt_length=0, beta=beta)(torch.tensor([ids]).long(), logits)
        expected = np.full(WIDTH, -np.inf)
        n = len(grammar.vocabulary)
        expected[:n] = logits[0, :n].numpy() + beta * matcher.logprobs(range(n))
        np.testing.assert_allclose(found[0].numpy(), expected, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64"])
def test_scores_of_any_kind_get_minus_infinity_where_the_mask_says_so(compiled, dtype) -> None:
    grammar = compiled["lists"]
    logits = torch.randn(3, WIDTH * 2, generator=torch.Generator().manual_seed(0)).to(getattr(torch, dtype))
    rows = torch.tensor([list(b"[ab"), list(b"[[c"), list(b"[x,")])
    for scores in (logits.clone()[:, :WIDTH], logits.clone()[:, ::2]):
        before = scores.clone()
        found = GrammarLogitsProcessor(grammar, prompt_length=0)(rows, scores)
        assert torch.equal(scores, before)
        for row, old, new in zip(rows.tolist(), before, found, strict=True):
            matcher = grammar.matcher()
            assert matcher.accept_tokens(row) == len(row)
            allowed = matcher.allowed_token_ids()
            assert torch.equal(new[allowed], old[allowed])
            assert int(new.isneginf().sum()) == WIDTH - len(allowed)
        assert GrammarLogitsProcessor(grammar, prompt_length=0, inplace=True)(rows, scores).data_ptr() == (
            scores.data_ptr()
        )
        assert torch.equal(scores, found)


def allowed_after(processor, rows):
    """The tokens that a processor allows behind some rows."""
    scores = processor(torch.tensor(rows).long(), torch.zeros(len(rows), WIDTH))
    return [row.isfinite().nonzero().flatten().tolist() for row in scores]


def read(compiled, tokens):
    """A matcher behind as many of the tokens as the grammar takes."""
    matcher = compiled.matcher()
    for token in tokens:
        if token >= len(compiled.vocabulary) or not matcher.accept(token):
            break
    return matcher


def test_rows_go_back_and_forth_as_if_each_was_read_anew(compiled) -> None:
    """Rows take over, fork and roll back the matchers of any row before; a random walk finds what was left wrong."""
    random = np.random.default_rng(0)
    grammars = [compiled["lists"], compiled["short"], compiled["lists"]]
    walked = GrammarLogitsProcessor(grammars, prompt_length=2)
    rows = [[] for _ in range(6)]
    seen = Counter()
    for _ in range(300):
        rows = [rows[i // 2 * 2 + int(random.integers(2))] for i in range(6)]  # beams change places
        keep = int(random.integers(len(rows[0]) + 1)) if random.random() < 0.3 else len(rows[0])
        rows = [row[:keep] for row in rows]
        for _ in range(int(random.choice([0, 1, 1, 1, 4]))):
            for i, row in enumerate(rows):
                allowed = read(grammars[i // 2], row).allowed_token_ids()
                wrong = random.random() < 0.02 or not len(allowed)
                rows[i] = [*row, int(random.integers(WIDTH)) if wrong else int(random.choice(allowed))]
        expected = []
        for i, row in enumerate(rows):
            matcher = read(grammars[i // 2], row)
            whole = matcher.n_accepted == len(row)
            expected.append(matcher.allowed_token_ids().tolist() if whole and not matcher.is_finished else [END])
            seen[whole, matcher.is_finished] += 1
        assert allowed_after(walked, [[7, 7, *row] for row in rows]) == expected
    assert min(seen[True, False], seen[True, True], seen[False, False]) > 20


@pytest.mark.parametrize("order", [1, -1])
def test_a_row_that_has_ended_keeps_its_matcher_where_another_goes_back(compiled, order) -> None:
    processor = GrammarLogitsProcessor(compiled["short"], prompt_length=0)
    steps = [[b"[a??"], [b"[a???", b"[x,ab"], [b"[aba,x", b"[x,ab]"]]
    for rows in (each[::order] for each in steps):
        found = allowed_after(processor, [list(row) for row in rows])
        matchers = [read(compiled["short"], row) for row in rows]
        assert found == [
            matcher.allowed_token_ids().tolist() if matcher.n_accepted == len(row) else [END]
            for matcher, row in zip(matchers, rows, strict=True)
        ]


def test_an_error_in_one_row_leaves_the_others_alone(model, compiled) -> None:
    class Meddler:
        """Writes a token that no grammar here allows, into one row."""

        def __init__(self, row, length):
            self.row, self.length = row, length

        def __call__(self, input_ids, scores):
            if input_ids.shape[1] == self.length:
                scores[self.row, ord("?")] = math.inf
            return scores

    inputs = padded(PROMPTS)
    grammars = [compiled[name] for name in ("lists", "numbers", "short", "lists")]
    expected = [by_hand(model, *pair) for pair in zip(grammars, PROMPTS, strict=True)]
    meddler = Meddler(2, inputs["input_ids"].shape[1] + 1)
    processor = GrammarLogitsProcessor(grammars)
    rows = model.generate(
        **inputs, max_new_tokens=LENGTH, do_sample=False, logits_processor=[processor, meddler]
    ).tolist()
    rows = [row[inputs["input_ids"].shape[1] :] for row in rows]
    assert rows[2][:4] == [expected[2][0], ord("?"), END, PAD]
    assert [row[: len(text)] for row, text in zip(rows, expected, strict=True) if text != expected[2]] == [
        expected[i] for i in (0, 1, 3)
    ]
    assert list(processor.errors) == [2] and f"token {ord('?')}, b'?'" in str(processor.errors[2])
    assert processor.errors[2].expected

    strict = GrammarLogitsProcessor(grammars, on_error="raise")
    with pytest.raises(stolcke.ParseError, match=r"row 2: a row has the token 63, b'\?', which the grammar"):
        model.generate(**inputs, max_new_tokens=LENGTH, do_sample=False, logits_processor=[strict, meddler])
    assert generated(model, inputs, strict) == expected


def test_a_row_stopped_by_the_host_is_no_error_where_its_text_may_end(compiled) -> None:
    processor = GrammarLogitsProcessor(compiled["numbers"], prompt_length=0, on_error="raise")
    assert allowed_after(processor, [[*b"12", PAD], [*b"1", PAD, PAD][:3]]) == [[END], [END]]
    assert list(processor.errors) == [1] and "was ended before the text was whole" in str(processor.errors[1])


def test_dead_ends_are_ended(vocabulary) -> None:
    tokens = [b"" if token == b"b" else token for token in vocabulary.tokens]
    bare = stolcke.Vocabulary(tokens, eos_token_ids=[END])
    compiled = stolcke.compile(stolcke.Grammar.from_lark('start: "xb" | "1"'), bare)
    matcher = compiled.matcher()
    if matcher.allows(ord("x")):
        processor = GrammarLogitsProcessor(compiled, prompt_length=0)
        assert allowed_after(processor, [list(b"x"), list(b"1")]) == [[END], [END]]
        assert list(processor.errors) == [0] and "dead end" in str(processor.errors[0])
        assert allowed_tokens_fn(compiled, 0)(0, torch.tensor(list(b"x"))) == [END]
        with pytest.raises(stolcke.ParseError, match="row 0: a row is at a dead end"):
            allowed_after(GrammarLogitsProcessor(compiled, prompt_length=0, on_error="raise"), [list(b"x")])
    else:
        pytest.fail("no dead end")


def test_other_processors_cannot_empty_a_row(model, compiled) -> None:
    """Before ours, min_new_tokens forbids the end where the grammar allows nothing else."""
    rows = generated(model, padded([PROMPTS[0]]), GrammarLogitsProcessor(compiled["numbers"]), min_new_tokens=12)
    check_texts(rows, [compiled["numbers"]])
    assert rows[0][-1] == END


def test_raw_logits_stay_as_the_model_wrote_them(model, compiled) -> None:
    found = model.generate(
        **padded([PROMPTS[0]]),
        max_new_tokens=3,
        do_sample=False,
        logits_processor=[GrammarLogitsProcessor(compiled["lists"])],
        output_logits=True,
        return_dict_in_generate=True,
    )
    assert all(logits.isfinite().all() for logits in found.logits)


def test_embeddings_take_the_place_of_a_prompt(model, compiled) -> None:
    grammar, ids = compiled["short"], torch.tensor([PROMPTS[0]])
    processor = GrammarLogitsProcessor(grammar)
    for _ in range(2):
        rows = model.generate(
            inputs_embeds=model.get_input_embeddings()(ids),
            max_new_tokens=LENGTH,
            do_sample=False,
            logits_processor=[processor],
        )
        assert rows.tolist() == [by_hand(model, grammar, PROMPTS[0])]


def test_decoders_with_an_encoder_begin_behind_their_first_token(compiled) -> None:
    config = transformers.T5Config(
        vocab_size=WIDTH,
        d_model=32,
        d_kv=16,
        d_ff=48,
        num_layers=2,
        num_heads=2,
        initializer_factor=5.0,
        eos_token_id=END,
        pad_token_id=PAD,
        decoder_start_token_id=PAD,
    )
    torch.manual_seed(0)
    translator = transformers.T5ForConditionalGeneration(config).eval()
    grammars = [compiled["short"], compiled["numbers"]]
    processor = GrammarLogitsProcessor(grammars)
    inputs = padded(PROMPTS[:2])
    for n_beams in (1, 3):
        rows = translator.generate(
            **inputs, max_new_tokens=LENGTH, do_sample=False, num_beams=n_beams, logits_processor=[processor]
        )[:, 1:].tolist()
        rows = [row[: row.index(PAD)] if PAD in row else row for row in rows]
        check_texts(rows, grammars)
        assert all(row[-1] == END for row in rows)


def test_what_does_not_fit_is_refused(model, compiled, vocabulary) -> None:
    grammar = compiled["lists"]
    with pytest.raises(stolcke.VocabularyError, match="the model has 270 logits, and the vocabulary uses token ids up"):
        GrammarLogitsProcessor(grammar)(torch.zeros(1, 1).long(), torch.zeros(1, 270))
    with pytest.raises(stolcke.VocabularyError, match="2 grammars do not fit 3 rows"):
        GrammarLogitsProcessor([grammar, grammar])(torch.zeros(3, 1).long(), torch.zeros(3, WIDTH))
    other = stolcke.compile(stolcke.Grammar.from_lark(SHORT), stolcke.Vocabulary.from_bytes())
    with pytest.raises(stolcke.VocabularyError, match="different vocabularies"):
        GrammarLogitsProcessor([grammar, other])
    endless = stolcke.compile(stolcke.Grammar.from_lark(SHORT), stolcke.Vocabulary([b"a", b"["]))
    with pytest.raises(stolcke.VocabularyError, match="no end token"):
        GrammarLogitsProcessor(endless)
    with pytest.raises(stolcke.VocabularyError, match="at least one"):
        GrammarLogitsProcessor([])
    with pytest.raises(stolcke.VocabularyError, match="not str"):
        allowed_tokens_fn("grammar", 0)
    for wrong in ({"beta": -1.0}, {"beta": math.nan}, {"on_error": "ignore"}, {"prompt_length": -1}):
        with pytest.raises(stolcke.VocabularyError, match=next(iter(wrong))):
            GrammarLogitsProcessor(grammar, **wrong)
    with pytest.raises(stolcke.VocabularyError, match="shorter than prompt_length"):
        GrammarLogitsProcessor(grammar, prompt_length=4)(torch.zeros(1, 3).long(), torch.zeros(1, WIDTH))
