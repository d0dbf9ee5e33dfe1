"""A causal model of transformers as a batch of texts: its cache goes along with the rows."""

from __future__ import annotations

import math

import numpy as np
import pytest

import stolcke
from stolcke.integrations.causal_lm import CausalLM
from stolcke.steering import sample

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

PROMPT = [3, 5, 2, 4]
VOCABULARY = stolcke.Vocabulary([b"a", b"b", b"ab", b"<end>", b"ba", b"c"], eos_token_ids=[3])


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=8,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        initializer_range=0.7,
        bos_token_id=None,
        eos_token_id=3,
        pad_token_id=None,
    )
    return transformers.LlamaForCausalLM(config).eval()


def whole(model, tokens) -> np.ndarray:
    """The logits behind a text that is read at once."""
    with torch.inference_mode():
        return model(torch.tensor([[*PROMPT, *tokens]])).logits[0, -1].numpy()


def test_rows_go_on_from_their_parents(model) -> None:
    texts = CausalLM(model, PROMPT)
    rows: list[tuple[int, ...]] = [()] * 4
    logits = texts.begin(4)
    assert logits.shape == (4, 8)
    for parents, tokens in [
        ([0, 1, 2, 3], [0, 1, 2, 4]),
        ([3, 3, 0, 1, 2], [0, 1, 1, 5, 5]),
        ([4, 0], [2, 2]),
        ([1], [0]),
    ]:
        logits = texts.extend(np.array(parents), np.array(tokens))
        rows = [(*rows[parent], token) for parent, token in zip(parents, tokens, strict=True)]
        for row, found in zip(rows, logits, strict=True):
            np.testing.assert_allclose(found, whole(model, row), rtol=2e-4, atol=2e-4)
    assert len({tuple(np.round(whole(model, row), 3)) for row in [*rows, (0,), (1,)]}) == 3
    again = texts.begin(2)
    np.testing.assert_allclose(again[1], whole(model, ()), rtol=2e-4, atol=2e-4)


def test_weights_are_those_of_the_model_read_text_by_text(model) -> None:
    grammar = stolcke.Grammar.from_lark('start: ("a" | "b" "b" | "c")+')
    compiled = stolcke.compile(grammar, VOCABULARY)
    posterior = sample(
        CausalLM(model, PROMPT, temperature=1.3), compiled, particles=12, threshold=0, seed=3, max_tokens=9
    )
    ended = [particle for particle in posterior.particles if particle.finished]
    assert len({particle.tokens for particle in ended}) > 3
    for particle in ended:
        matcher, log_weight = compiled.matcher(), 0.0
        for i, token in enumerate(particle.tokens):
            logits = whole(model, particle.tokens[:i]).astype(np.float64) / 1.3
            allowed = np.exp(logits[matcher.allowed_token_ids()]).sum()
            log_weight += math.log(allowed / np.exp(logits).sum())
            assert matcher.accept(token)
        assert particle.log_weight == pytest.approx(log_weight, abs=1e-3)
    resampled = sample(CausalLM(model, PROMPT), compiled, particles=12, threshold=1, seed=3, max_tokens=9)
    assert any(resampled.resampled)


def test_wrong_arguments_are_refused(model) -> None:
    with pytest.raises(stolcke.VocabularyError, match="prompt"):
        CausalLM(model, [])
    with pytest.raises(stolcke.VocabularyError, match="temperature"):
        CausalLM(model, PROMPT, temperature=0)


def test_budgets_in_generate(model) -> None:
    """A matcher with a budget as the constraint of the logits processor: every row ends by itself, and in time."""
    from stolcke.integrations.transformers import GrammarLogitsProcessor

    compiled = stolcke.compile(stolcke.Grammar.from_lark('start: "a" start "b" | "c"'), VOCABULARY)
    for search in ({"do_sample": True}, {"num_beams": 3, "num_return_sequences": 3}, {}):
        processor = GrammarLogitsProcessor(compiled.matcher(max_tokens=6))
        torch.manual_seed(1)
        ids = model.generate(
            torch.tensor([PROMPT, PROMPT]), logits_processor=[processor], max_new_tokens=6, pad_token_id=3, **search
        )
        for row in ids[:, len(PROMPT) :].tolist():
            assert 3 in row
            matcher = compiled.matcher()
            assert matcher.accept_tokens(row[: row.index(3) + 1]) == row.index(3) + 1
