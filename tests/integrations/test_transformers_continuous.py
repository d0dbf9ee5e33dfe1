"""Continuous batching under grammars, with a tiny random model, against greedy search written out by hand."""

from __future__ import annotations

import pytest

import stolcke
from stolcke.integrations.transformers import GrammarLogitsProcessor, GrammarRequests
from tests.integrations import tiny
from tests.integrations.tiny import END, LENGTH, PAD, PROMPTS, by_hand, scores_of

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

NAMES = ["lists", "short", "numbers", "short"]


@pytest.fixture(scope="module")
def server():
    """A model of its own, since a manager changes how it attends."""
    return tiny.model_of(4)


def manager_of(model, *, generation=None, **options):
    options = {
        "use_async_batching": False,
        "use_cuda_graph": False,
        "num_blocks": 16,
        "max_batch_tokens": 64,
        **options,
    }
    generation = {"do_sample": False, **(generation or {})}
    config = transformers.GenerationConfig(eos_token_id=END, pad_token_id=PAD, **generation)
    return model.init_continuous_batching(
        generation_config=config, continuous_batching_config=transformers.ContinuousBatchingConfig(**options)
    )


def served(model, grammars, requests, **options):
    """The tokens generated for each request, (prompt, options), after all have come at once."""
    manager = manager_of(model, **options)
    grammars.attach(manager)
    manager.start()
    try:
        ids = [manager.add_request(prompt, max_new_tokens=LENGTH, **named) for prompt, named in requests]
        results = {}
        while len(results) < len(ids):
            result = manager.get_result(timeout=30)
            assert result is not None and result.error is None
            results[result.request_id] = result.generated_tokens
    finally:
        manager.stop(block=True)
    return {each: results[each] for each in ids}


@pytest.mark.parametrize("options", [{}, {"max_requests_per_batch": 2}, {"max_batch_tokens": 9}], ids=str)
def test_each_request_has_its_grammar(model, server, compiled, options) -> None:
    grammars = GrammarRequests(compiled)
    requests = [(prompt, {"grammar": name}) for name, prompt in zip(NAMES, PROMPTS, strict=True)] * 2
    expected = [by_hand(model, compiled[name], prompt) for name, prompt in zip(NAMES, PROMPTS, strict=True)] * 2
    assert list(served(server, grammars, requests, **options).values()) == expected
    assert grammars.errors == {}


def test_one_grammar_is_everyone_s(model, server, compiled) -> None:
    grammars = GrammarRequests(compiled["weighted"], beta=2.0)
    found = served(server, grammars, [(prompt, {}) for prompt in PROMPTS])
    assert list(found.values()) == [by_hand(model, compiled["weighted"], prompt, 2.0) for prompt in PROMPTS]


def test_requests_without_a_grammar_are_free_or_have_the_default(model, server, compiled) -> None:
    free = list(PROMPTS[0])
    while len(free) < len(PROMPTS[0]) + LENGTH:
        free.append(int(scores_of(model, free).argmax()))
    free = free[len(PROMPTS[0]) :]
    assert END not in free
    held = by_hand(model, compiled["short"], PROMPTS[0])
    requests = [(PROMPTS[0], {}), (PROMPTS[0], {"grammar": "short"})]
    assert list(served(server, GrammarRequests(compiled), requests).values()) == [free, held]
    assert list(served(server, GrammarRequests(compiled, default="short"), requests).values()) == [held, held]


def test_an_error_in_one_request_leaves_the_others_alone(model, server, compiled) -> None:
    bare = stolcke.Vocabulary(
        [b"" if token == b"b" else token for token in compiled["short"].vocabulary.tokens], eos_token_ids=[END]
    )
    dead = stolcke.compile(stolcke.Grammar.from_lark('start: "xb" | "1"'), bare)
    matcher = dead.matcher()
    assert matcher.accept(ord("x"))
    numbers = stolcke.compile(stolcke.Grammar.from_lark(tiny.NUMBERS), bare)
    grammars = GrammarRequests({"dead end": matcher, "numbers": numbers})
    requests = [
        (PROMPTS[1], {"grammar": "dead end"}),
        (PROMPTS[3], {"grammar": "numbers"}),
        (PROMPTS[3], {"grammar": "unheard of"}),
    ]
    found = served(server, grammars, requests)
    assert list(found.values()) == [[END], by_hand(model, numbers, PROMPTS[3]), [END]]
    stuck, _, lost = found
    assert set(grammars.errors) == {stuck, lost}
    assert "dead end" in str(grammars.errors[stuck])
    assert "'unheard of', which is none of ['dead end', 'numbers']" in str(grammars.errors[lost])


def test_samples_and_children_are_texts(server, compiled) -> None:
    manager = manager_of(server, generation={"do_sample": True, "temperature": 1.5, "num_return_sequences": 3})
    GrammarRequests(compiled).attach(manager)
    manager.start()
    try:
        for name, prompt in zip(NAMES, PROMPTS, strict=True):
            manager.add_request(prompt, request_id=name + str(len(prompt)), max_new_tokens=LENGTH, grammar=name)
        results = [manager.get_result(timeout=30) for _ in range(12)]
    finally:
        manager.stop(block=True)
    for result in results:
        name = result.request_id.split("_")[0].rstrip("0123456789")
        matcher = compiled[name].matcher()
        tokens = result.generated_tokens
        assert matcher.accept_tokens(tokens) == len(tokens)
        assert matcher.is_finished or len(tokens) == LENGTH
    assert len({tuple(result.generated_tokens) for result in results}) > 4


def test_managers_that_cannot_be_held_are_refused(server, compiled) -> None:
    grammars = GrammarRequests(compiled)
    for wrong in (
        {"use_async_batching": True},
        {"varlen_compile_config": transformers.CompileConfig()},
    ):
        with pytest.raises(stolcke.VocabularyError, match="use_async_batching=False"):
            grammars.attach(manager_of(server, **wrong))
    manager = manager_of(server)
    manager.warmup()
    with pytest.raises(stolcke.VocabularyError, match="has started"):
        grammars.attach(manager)
    with pytest.raises(stolcke.VocabularyError, match="default 'none'"):
        GrammarRequests(compiled, default="none")
    with pytest.raises(stolcke.VocabularyError, match="at least one"):
        GrammarRequests({})


def test_a_processor_for_generate_is_not_dropped_in_silence(compiled) -> None:
    from transformers.generation.continuous_batching.cb_logits_processors import ContinuousBatchingLogitsProcessorList

    processors = transformers.LogitsProcessorList([GrammarLogitsProcessor(compiled["short"])])
    with pytest.raises(stolcke.VocabularyError, match="GrammarRequests"):
        ContinuousBatchingLogitsProcessorList(processors)
