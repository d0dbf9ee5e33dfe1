"""Fast-forward against a loop that reads everything anew for each token, with a tiny random model."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import stolcke
from stolcke.integrations.transformers import FastForward, GrammarLogitsProcessor
from tests.integrations.tiny import END, LENGTH, PAD, PROMPTS, WIDTH, WORDS, by_hand, generated, padded, scores_of

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

FORMS = r"""
    start: "[ab,abc]," list "],[" (/[ab]{1,3}/ | "xx,xx,xx") "],[[cc],x,12]"
    list: item ("," item)~1..3
    item: /[a-c]{1,4}/ | "x" | "[ab,ab,ab]" | "121212" /[12]/
"""


@pytest.fixture(scope="module")
def forms(vocabulary):
    return stolcke.compile(stolcke.Grammar.from_lark(FORMS), vocabulary)


def encode(text):
    """The longest word that fits, again and again."""
    data, ids = text.encode(), []
    while data:
        words = [(len(word), 256 + i) for i, word in enumerate(WORDS) if data.startswith(word)]
        length, token = max(words, default=(1, data[0]))
        ids.append(token)
        data = data[length:]
    return ids


def forced_by_hand(matcher, encode):
    """What must come next, and the matcher behind it."""
    forced = []
    while not matcher.is_finished:
        tokens = matcher.forced_tokens(encode) or matcher.forced_tokens()
        if not tokens:
            break
        assert matcher.accept_tokens(tokens) == len(tokens)
        forced += tokens
    return forced


def fast_by_hand(model, compiled, prompt, encode, length=LENGTH):
    """Greedy search where there is a choice: the tokens after the prompt, and which of them were chosen."""
    matcher, ids, chosen = compiled.matcher(), list(prompt), []
    ids += forced_by_hand(matcher, encode)
    while len(ids) - len(prompt) < length and not matcher.is_finished:
        allowed = matcher.allowed_token_ids()
        chosen.append(len(ids) - len(prompt))
        ids.append(int(allowed[np.argmax(scores_of(model, ids)[allowed])]))
        assert matcher.accept(ids[-1])
        ids += forced_by_hand(matcher, encode)
    new = ids[len(prompt) :][:length]
    return new, [place for place in chosen if place < len(new)]


@pytest.fixture(scope="module")
def grammars(compiled, forms):
    return [forms, compiled["short"], forms, compiled["numbers"]]


@pytest.mark.parametrize("length", [1, 5, 18, 60])
def test_without_an_encoder_the_tokens_are_those_of_plain_greedy_search(model, grammars, length) -> None:
    for grammar, prompt in zip(grammars, PROMPTS, strict=True):
        fast = FastForward()
        processor = GrammarLogitsProcessor(grammar)
        expected = by_hand(model, grammar, prompt, length=length)
        rows = generated(model, padded([prompt]), processor, custom_generate=fast, max_new_tokens=length)
        assert rows == [expected]
        assert generated(model, padded([prompt]), processor, max_new_tokens=length) == [expected]
        assert fast.n_chosen + fast.n_forced == len(expected) and fast.n_passes == fast.n_chosen
        assert processor.errors == {}


@pytest.mark.parametrize("length", [5, 19, 60])
def test_with_an_encoder_forced_text_is_what_the_tokenizer_writes(model, grammars, length) -> None:
    forced = 0
    for grammar, prompt in zip(grammars, PROMPTS, strict=True):
        fast = FastForward(encode)
        expected, chosen = fast_by_hand(model, grammar, prompt, encode, length)
        processor = GrammarLogitsProcessor(grammar)
        for options in ({}, {"use_cache": False}):
            rows = generated(model, padded([prompt]), processor, custom_generate=fast, max_new_tokens=length, **options)
            assert rows == [expected]
            assert (fast.n_passes, fast.n_chosen) == (len(chosen), len(chosen))
        forced += fast.n_forced
    assert forced > length / 2


@pytest.mark.parametrize("spell", [None, encode], ids=["single tokens", "encoder"])
@pytest.mark.parametrize("length", [7, 60])
def test_rows_of_a_batch_go_on_by_different_numbers_of_tokens(model, grammars, spell, length) -> None:
    expected = [fast_by_hand(model, *pair, spell, length) for pair in zip(grammars, PROMPTS, strict=True)]
    tokens = [row for row, _ in expected]
    fast = FastForward(spell)
    processor = GrammarLogitsProcessor(grammars)
    for options in ({}, {"use_cache": False}):
        inputs = padded(PROMPTS)
        found = generated(model, inputs, processor, custom_generate=fast, max_new_tokens=length, **options)
        assert found == tokens
        assert fast.n_chosen == sum(len(chosen) for _, chosen in expected)
        # Where not all rows begin with forced tokens, those that do read them in a second pass.
        late = not all(chosen[0] for _, chosen in expected)
        assert fast.n_passes == max(len(chosen) + (late and chosen[0] > 0) for _, chosen in expected)
    # And where no prompt is padded, so that there is no attention mask at first.
    prompts = [list(b"number"), list(b"[aa,bb")]
    expected = [fast_by_hand(model, *pair, spell, length)[0] for pair in zip(grammars[:2], prompts, strict=True)]
    inputs = {"input_ids": torch.tensor(prompts)}
    processor = GrammarLogitsProcessor(grammars[:2])
    assert generated(
        model, inputs, GrammarLogitsProcessor(grammars[:2]), custom_generate=fast, max_new_tokens=length
    ) == (expected)


def test_samples_are_texts_and_returned_sequences_differ(model, grammars) -> None:
    torch.manual_seed(0)
    fast = FastForward(encode)
    options = {"do_sample": True, "temperature": 1.5, "top_k": 5, "num_return_sequences": 4, "max_new_tokens": 80}
    rows = generated(model, padded(PROMPTS), GrammarLogitsProcessor(grammars), custom_generate=fast, **options)
    for i, row in enumerate(rows):
        matcher = grammars[i // 4].matcher()
        assert matcher.accept_tokens(row) == len(row) and matcher.is_finished
    assert len(set(map(tuple, rows[:4]))) > 2


def test_top_k_chooses_among_what_the_grammar_allows(model, grammars) -> None:
    """With k = 1, sampling is greedy search: the processors behind the grammar's are asked, about choices."""
    plain = [row for row, _ in (fast_by_hand(model, *pair, encode) for pair in zip(grammars, PROMPTS, strict=True))]
    options = {"do_sample": True, "top_k": 1, "custom_generate": FastForward(encode)}
    assert generated(model, padded(PROMPTS), GrammarLogitsProcessor(grammars), **options) == plain


def test_other_processors_and_criteria_see_each_row_as_it_is(model, grammars) -> None:
    seen = []

    def look(input_ids, scores):
        seen.append(input_ids[0].tolist())
        return scores

    class Stop(transformers.StoppingCriteria):
        """Where a row has written two commas."""

        def __call__(self, input_ids, scores, **kwargs):
            commas = (input_ids[:, longest:] == ord(",")).sum(dim=1)
            return commas >= 2

    inputs = padded(PROMPTS)
    longest = inputs["input_ids"].shape[1]
    rows = model.generate(
        **inputs,
        do_sample=False,
        max_new_tokens=60,
        logits_processor=[look, GrammarLogitsProcessor(grammars), look],
        stopping_criteria=[Stop()],
        custom_generate=FastForward(),
    )
    expected = []
    for grammar, prompt in zip(grammars, PROMPTS, strict=True):
        row = by_hand(model, grammar, prompt, length=60)
        commas = [i for i, token in enumerate(row) if token == ord(",")]
        expected.append(row[: commas[1] + 1] if len(commas) > 1 else row)
    found = [row[longest:].tolist() for row in rows]
    assert [row[: len(text)] for row, text in zip(found, expected, strict=True)] == expected
    assert all(set(row[len(text) :]) <= {PAD} for row, text in zip(found, expected, strict=True))
    full = [[*prompt, *text] for prompt, text in zip(inputs["input_ids"].tolist(), expected, strict=True)]
    assert all(any(row == whole[: len(row)] for whole in full) for row in seen)
    assert len({len(row) for row in seen[:8]}) > 1


def test_rows_cut_off_go_on_in_the_next_call(model, forms) -> None:
    prompt = PROMPTS[1]
    whole, _ = fast_by_hand(model, forms, prompt, None, 60)
    processor, fast = GrammarLogitsProcessor(forms), FastForward()
    cut = generated(model, padded([prompt]), processor, custom_generate=fast, max_new_tokens=9)
    assert cut == [whole[:9]]
    rest = generated(model, padded([prompt + whole[:9]]), processor, custom_generate=fast, max_new_tokens=51)
    assert rest == [whole[9:]]
    processor.reset()
    assert generated(model, padded([prompt]), processor, max_new_tokens=9) == cut
    rest = generated(model, padded([prompt + whole[:9]]), processor, custom_generate=fast, max_new_tokens=51)
    assert rest == [whole[9:]]


@pytest.mark.parametrize("on_error", ["end", "raise"])
def test_an_error_in_one_row_leaves_the_others_alone(model, forms, compiled, on_error) -> None:
    def meddle(input_ids, scores):
        if input_ids[0, -7:-1].tolist() == PROMPTS[0] and scores.argmax() < 300:
            scores[0, ord("?")] = torch.inf
        return scores

    grammars = [compiled["short"], forms]
    processor = GrammarLogitsProcessor(grammars, on_error=on_error)
    inputs = padded([PROMPTS[0], PROMPTS[2]])
    options = {"max_new_tokens": 60, "do_sample": False, "custom_generate": FastForward()}

    def rows():
        return model.generate(**inputs, logits_processor=[processor, meddle], **options).tolist()

    if on_error == "raise":
        with pytest.raises(stolcke.ParseError, match=r"row 0: a row has the token 63, b'\?', which the grammar"):
            rows()
        return
    first, second = rows()
    width = inputs["input_ids"].shape[1]
    begun = by_hand(model, compiled["short"], PROMPTS[0])[:1]
    assert first[width : width + 4] == [*begun, ord("?"), END, PAD]
    expected = by_hand(model, forms, PROMPTS[2], length=60)
    assert second[width : width + len(expected)] == expected
    assert list(processor.errors) == [0]


def test_rows_stopped_before_the_others_are_no_errors(model, forms, compiled) -> None:
    """One row forces all its tokens and meets max_new_tokens while the other still chooses."""
    text = "[" + ",".join(["x"] * 30)
    grammar = stolcke.compile(stolcke.Grammar.from_choices([text]), forms.vocabulary)
    processor = GrammarLogitsProcessor([grammar, compiled["lists"]], on_error="raise")
    prompts = [PROMPTS[2], PROMPTS[0]]
    rows = generated(model, padded(prompts), processor, custom_generate=FastForward(encode), max_new_tokens=12)
    assert rows == [encode(text)[:12], by_hand(model, compiled["lists"], PROMPTS[0], length=12)]


def test_a_text_without_any_choice_needs_no_pass(model, vocabulary) -> None:
    grammar = stolcke.compile(stolcke.Grammar.from_choices(["[ab,ab,ab]"]), vocabulary)
    fast = FastForward(encode)
    found = model.generate(
        **padded([PROMPTS[0]]),
        logits_processor=[GrammarLogitsProcessor(grammar)],
        custom_generate=fast,
        max_new_tokens=40,
        do_sample=False,
        return_dict_in_generate=True,
        output_scores=True,
    )
    new = found.sequences[0, len(PROMPTS[0]) :].tolist()
    assert new == [*encode("[ab,ab,ab]"), END] and fast.n_passes == fast.n_chosen == 0
    assert [int(scores[0].argmax()) for scores in found.scores] == new


def test_scores_and_cache_are_returned(model, grammars) -> None:
    options = {
        "max_new_tokens": 60,
        "do_sample": False,
        "return_dict_in_generate": True,
        "output_scores": True,
    }
    n_forced = 0
    for grammar, prompt in zip(grammars, PROMPTS, strict=True):
        plain, fast = (
            model.generate(**padded([prompt]), logits_processor=[GrammarLogitsProcessor(grammar)], **options, **loop)
            for loop in ({}, {"custom_generate": FastForward()})
        )
        assert torch.equal(plain.sequences, fast.sequences) and len(plain.scores) == len(fast.scores)
        for token, expected, scores in zip(fast.sequences[0, len(prompt) :], plain.scores, fast.scores, strict=True):
            if expected.isfinite().sum() > 1:
                torch.testing.assert_close(scores, expected, atol=1e-5, rtol=1e-4)
            else:
                assert scores[0, token] == 0 and scores.isfinite().sum() == 1
                n_forced += 1
        held = fast.past_key_values.get_seq_length()
        assert held <= plain.past_key_values.get_seq_length()
        for mine, theirs in zip(fast.past_key_values.layers, plain.past_key_values.layers, strict=True):
            torch.testing.assert_close(mine.keys, theirs.keys[:, :, :held], atol=1e-5, rtol=1e-4)
    assert n_forced > 4

    batch = model.generate(
        **padded(PROMPTS), logits_processor=[GrammarLogitsProcessor(grammars)], custom_generate=FastForward(), **options
    )
    assert batch.past_key_values is None and len(batch.scores) == batch.sequences.shape[1] - len(PROMPTS[1])
    assert {scores.shape for scores in batch.scores} == {(4, WIDTH)}
    tokens = torch.stack([scores.argmax(dim=1) for scores in batch.scores], dim=1)
    assert torch.equal(tokens, batch.sequences[:, len(PROMPTS[1]) :])


def test_a_cache_goes_on_from_a_text_before(model, forms) -> None:
    options = {"max_new_tokens": 40, "do_sample": False, "return_dict_in_generate": True}
    begun = model.generate(torch.tensor([PROMPTS[0]]), max_new_tokens=4, do_sample=False, return_dict_in_generate=True)
    prompt = begun.sequences[0].tolist()
    for spell in (None, encode):
        found = model.generate(
            begun.sequences,
            past_key_values=copy.deepcopy(begun.past_key_values),
            logits_processor=[GrammarLogitsProcessor(forms)],
            custom_generate=FastForward(spell),
            **options,
        )
        assert found.sequences[0, len(prompt) :].tolist() == fast_by_hand(model, forms, prompt, spell, 40)[0]


def test_a_streamer_is_given_every_token(model, forms) -> None:
    class Streamer(transformers.generation.BaseStreamer):
        def __init__(self):
            self.values, self.ended = [], False

        def put(self, value):
            self.values.append(value.flatten().tolist())

        def end(self):
            self.ended = True

    streamer = Streamer()
    options = {"custom_generate": FastForward(encode, streamer=streamer), "max_new_tokens": 60}
    (row,) = generated(model, padded([PROMPTS[0]]), GrammarLogitsProcessor(forms), **options)
    assert streamer.values == [PROMPTS[0], *([token] for token in row)] and streamer.ended
    with pytest.raises(stolcke.VocabularyError, match="only one row can be streamed"):
        generated(model, padded(PROMPTS), GrammarLogitsProcessor(forms), **options)


def test_embeddings_take_the_place_of_a_prompt(model, forms) -> None:
    prompts = [list(b"number"), list(b"[aa,bb")]
    rows = model.generate(
        inputs_embeds=model.get_input_embeddings()(torch.tensor(prompts)),
        max_new_tokens=60,
        do_sample=False,
        logits_processor=[GrammarLogitsProcessor(forms)],
        custom_generate=FastForward(encode),
    ).tolist()
    for row, prompt in zip(rows, prompts, strict=True):
        expected, _ = fast_by_hand(model, forms, prompt, encode, 60)
        assert row[: len(expected)] == expected and set(row[len(expected) :]) <= {PAD}


def test_a_static_cache_holds_what_is_read_at_once(model, forms) -> None:
    expected, _ = fast_by_hand(model, forms, PROMPTS[0], encode, 60)
    options = {"custom_generate": FastForward(encode), "max_new_tokens": 60, "cache_implementation": "static"}
    assert generated(model, padded([PROMPTS[0]]), GrammarLogitsProcessor(forms), **options) == [expected]
    with pytest.raises(stolcke.VocabularyError, match="one row at a time"):
        generated(model, padded(PROMPTS), GrammarLogitsProcessor(forms), **options)


def test_what_cannot_be_done_is_refused(model, forms) -> None:
    def attempt(processors=None, prompts=PROMPTS[:1], model=model, **options):
        processors = [GrammarLogitsProcessor(forms)] if processors is None else processors
        model.generate(
            **padded(prompts),
            **{
                "logits_processor": processors,
                "custom_generate": FastForward(),
                "max_new_tokens": 4,
                "do_sample": False,
                **options,
            },
        )

    with pytest.raises(stolcke.VocabularyError, match="needs one GrammarLogitsProcessor, and there are 0"):
        attempt([])
    with pytest.raises(stolcke.VocabularyError, match="there are 2"):
        attempt([GrammarLogitsProcessor(forms), GrammarLogitsProcessor(forms)])
    with pytest.raises(stolcke.VocabularyError, match="greedy search and sampling, not beam search"):
        attempt(num_beams=2)
    with pytest.raises(stolcke.VocabularyError, match="not assisted generation"):
        attempt(prompt_lookup_num_tokens=3)
    with pytest.raises(stolcke.VocabularyError, match="cannot give output_logits"):
        attempt(return_dict_in_generate=True, output_logits=True)
    traced = GrammarLogitsProcessor(forms)
    traced._tracer = object()
    with pytest.raises(stolcke.VocabularyError, match="a trace has a line for each step"):
        attempt([traced])
    with pytest.raises(stolcke.VocabularyError, match="must see each token in turn"):
        attempt(guidance_scale=2.0)
    attempt(prefix_allowed_tokens_fn=lambda row, ids: list(range(WIDTH)))
    with pytest.raises(stolcke.VocabularyError, match="told the number of its row"):
        attempt(prompts=PROMPTS, prefix_allowed_tokens_fn=lambda row, ids: list(range(WIDTH)))
    with pytest.raises(stolcke.VocabularyError, match=r"encode gave the ids \[9999\] for '\[ab,abc\],'"):
        attempt(custom_generate=FastForward(lambda text: [9999]))
    with pytest.raises(stolcke.VocabularyError, match="encode is a function"):
        FastForward("gpt2")
    with pytest.raises(stolcke.VocabularyError, match="3 grammars do not fit 1 rows"):
        attempt([GrammarLogitsProcessor([forms, forms, forms])])
    config = transformers.MistralConfig(
        vocab_size=WIDTH,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        sliding_window=8,
        bos_token_id=None,
        eos_token_id=END,
        pad_token_id=PAD,
    )
    sliding = transformers.MistralForCausalLM(config).eval()
    attempt(model=sliding)
    with pytest.raises(stolcke.VocabularyError, match="sliding windows"):
        attempt(model=sliding, prompts=PROMPTS)


def test_a_decoder_with_an_encoder_forces_tokens_in_one_row(forms) -> None:
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
    options = {"max_new_tokens": 60, "do_sample": False}
    plain, fast = (
        translator.generate(
            **padded(PROMPTS[:1]), logits_processor=[GrammarLogitsProcessor(forms)], **options, **loop
        ).tolist()
        for loop in ({}, {"custom_generate": FastForward()})
    )
    assert plain == fast
    with pytest.raises(stolcke.VocabularyError, match="one row at a time"):
        translator.generate(
            **padded(PROMPTS),
            logits_processor=[GrammarLogitsProcessor(forms)],
            **options,
            custom_generate=FastForward(),
        )
