"""A trace of ``generate`` has the tokens that it wrote, with the model's and the grammar's probabilities of them."""

from __future__ import annotations

import numpy as np
import pytest

import stolcke
from stolcke.integrations.transformers import GrammarLogitsProcessor
from stolcke.observing import Metrics, Trace, read_trace

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

END, PAD, WIDTH = 256, 257, 300
LISTS = """
    start: "[" item ("," item)~0..3 "]"
    item: /[ab]{1,3}/ [0.7] | "x" [0.3]
"""


def model_of(seed: int, noise: float = 0.0):
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = transformers.LlamaConfig(
        vocab_size=WIDTH, **sizes, initializer_range=0.4, bos_token_id=None, eos_token_id=END, pad_token_id=PAD
    )
    torch.manual_seed(seed)
    made = transformers.LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for weight in made.parameters():
            weight += noise * torch.randn(weight.shape, generator=torch.Generator().manual_seed(1))
    return made


@pytest.fixture(scope="module")
def model():
    return model_of(4)


@pytest.fixture(scope="module")
def compiled():
    tokens = [*(bytes([byte]) for byte in range(256)), b"<end>", b"<pad>"]
    vocabulary = stolcke.Vocabulary(tokens, eos_token_ids=[END], special_token_ids=[PAD])
    return stolcke.compile(stolcke.Grammar.from_lark(LISTS), vocabulary)


def inputs_of(prompts: list[bytes]) -> dict:
    length = max(map(len, prompts))
    ids = torch.tensor([[PAD] * (length - len(prompt)) + list(prompt) for prompt in prompts])
    return {"input_ids": ids, "attention_mask": (ids != PAD).long()}


def written(outputs, length: int) -> list[list[int]]:
    rows = outputs[:, length:].tolist()
    return [row[: row.index(PAD)] if PAD in row else row for row in rows]


def check(model, compiled, prompt: bytes, steps: list[dict]) -> None:
    """Each step against the model run anew on what came before, and a matcher of its own."""
    ids, matcher = list(prompt), compiled.matcher()
    for step in steps:
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0, -1, : len(compiled.vocabulary)].double().numpy()
        allowed = matcher.mask()
        logprobs = logits - np.logaddexp.reduce(logits)
        masked = logits - np.logaddexp.reduce(logits[allowed])
        assert step["allowed"] == allowed.sum()
        assert step["model_logprob"] == pytest.approx(logprobs[step["token"]], abs=1e-3)
        assert step["masked_logprob"] == pytest.approx(masked[step["token"]], abs=1e-3)
        assert step["grammar_logprob"] == pytest.approx(float(matcher.logprobs([step["token"]])[0]), rel=1e-12)
        assert matcher.accept(step["token"])
        ids.append(step["token"])


@pytest.mark.parametrize("sampled", [False, True])
def test_rows_of_a_batch(model, compiled, tmp_path, sampled: bool) -> None:
    path = tmp_path / "trace.jsonl"
    prompts = [b"hello ", b"q", b"12 and 3, "]
    inputs = inputs_of(prompts)
    options = {"do_sample": sampled, "max_new_tokens": 12}
    torch.manual_seed(1)
    plain = model.generate(**inputs, logits_processor=[GrammarLogitsProcessor(compiled)], **options)
    torch.manual_seed(1)
    with Trace(path, grammar_logprobs=True) as trace:
        processor = GrammarLogitsProcessor(compiled, trace=trace)
        outputs = model.generate(**inputs, logits_processor=[processor], **options)
        processor.finish_trace(outputs)
    assert torch.equal(plain, outputs)
    rows = written(outputs, inputs["input_ids"].shape[1])
    recording = read_trace(path)
    steps = recording.steps()
    assert {row: [step["token"] for step in found] for row, found in steps.items()} == dict(enumerate(rows))
    assert len(recording.lines) == sum(map(len, rows)) and all(line["commit_us"] > 0 for line in recording.lines)
    check(model, compiled, prompts[0] if len(prompts[0]) == inputs["input_ids"].shape[1] else prompts[2], steps[2])


def test_several_calls_number_their_rows_on(model, compiled, tmp_path) -> None:
    path = tmp_path / "trace.jsonl"
    metrics = Metrics()
    start = compiled.matcher(observer=metrics)
    with Trace(path, grammar_logprobs=True) as trace:
        processor = GrammarLogitsProcessor(start, trace=trace)
        texts = []
        for prompts in ([b"ab", b"cd"], [b"??"]):
            inputs = inputs_of(prompts)
            outputs = model.generate(**inputs, logits_processor=[processor], do_sample=False, max_new_tokens=12)
            processor.finish_trace(outputs)
            texts += written(outputs, 2)
    steps = read_trace(path).steps()
    assert [[step["token"] for step in steps[row]] for row in sorted(steps)] == texts
    check(model, compiled, b"??", steps[2])
    assert metrics.stats()["counters"]["tokens_accepted"] >= sum(map(len, texts)) - 3


def test_without_the_end_the_last_tokens_are_missing(model, compiled, tmp_path) -> None:
    path = tmp_path / "trace.jsonl"
    with Trace(path) as trace:
        processor = GrammarLogitsProcessor(compiled, trace=trace)
        outputs = model.generate(**inputs_of([b"ab"]), logits_processor=[processor], do_sample=False, max_new_tokens=5)
    rows = written(outputs, 2)
    assert [[step["token"] for step in steps] for steps in read_trace(path).steps().values()] == [rows[0][:-1]]
    GrammarLogitsProcessor(compiled).finish_trace(outputs)  # has no trace, and writes none


@pytest.mark.parametrize("noise", [0.0, 0.05, 0.5])
def test_drafts_leave_the_steps_of_the_text(model, compiled, tmp_path, noise: float) -> None:
    path = tmp_path / "trace.jsonl"
    inputs = inputs_of([b"hello "])
    options = {"do_sample": False, "max_new_tokens": 16}
    plain = model.generate(**inputs, logits_processor=[GrammarLogitsProcessor(compiled)], **options)
    with Trace(path, grammar_logprobs=True) as trace:
        processor = GrammarLogitsProcessor(compiled, trace=trace)
        outputs = model.generate(**inputs, logits_processor=[processor], assistant_model=model_of(4, noise), **options)
        processor.finish_trace(outputs)
    assert torch.equal(plain, outputs)
    (steps,) = read_trace(path).steps().values()
    assert [step["token"] for step in steps] == written(outputs, 6)[0]
    check(model, compiled, b"hello ", steps)
