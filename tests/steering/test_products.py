"""Products of a model's distribution and a grammar's, and their Z."""

from __future__ import annotations

import math

import numpy as np
import pytest

import stolcke
from stolcke.steering import combine, product

P = np.array([0.5, 0.25, 0.125, 0.125])
LOGITS = np.log(P) + 3


def test_a_mask_leaves_its_share() -> None:
    found = product(LOGITS, np.array([True, False, True, False]))
    assert math.isclose(found.log_z, math.log(0.625), rel_tol=1e-14)
    assert np.exp(found.logprobs).tolist() == pytest.approx([0.8, 0, 0.2, 0], rel=1e-14)


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0, 3.0])
def test_z_is_the_sum_that_it_is_defined_as(beta) -> None:
    scores = np.array([-0.5, -np.inf, -2.0], np.float32)
    weights = [0.5 * math.exp(-0.5 * beta), 0, 0.125 * math.exp(-2 * beta), 0]
    found = product(LOGITS, scores, beta)
    assert math.isclose(found.log_z, math.log(sum(weights)), rel_tol=1e-14)
    assert np.exp(found.logprobs).tolist() == pytest.approx([w / sum(weights) for w in weights], rel=1e-14)


def test_rows_are_apart_and_an_empty_one_is_nothing() -> None:
    scores = np.array([[0, 0, 0, 0], [-np.inf] * 4, [-np.inf, 0, -np.inf, -np.inf], [0] * 4], np.float32)
    found = product(np.stack([LOGITS, LOGITS, -LOGITS, np.full(4, -np.inf)]), scores)
    assert found.log_z[3] == -np.inf and (found.logprobs[3] == -np.inf).all()
    assert found.log_z[0] == pytest.approx(0, abs=1e-14) and found.log_z[1] == -np.inf
    assert found.logprobs[0] == pytest.approx(np.log(P), rel=1e-12)
    assert (found.logprobs[1] == -np.inf).all()
    assert found.logprobs[2].tolist() == [-np.inf, 0, -np.inf, -np.inf]


def test_numbers_that_exponentials_cannot_hold() -> None:
    logits = np.array([5000.0, 4000.0, -3000.0])
    found = product(logits, np.array([-np.inf, -1500.0, 0.0]))
    assert math.isclose(found.log_z, -2500.0, rel_tol=1e-12)
    assert found.logprobs[1] == 0 and found.logprobs[2] == -5500


def test_logits_are_only_added_to() -> None:
    combined = combine(LOGITS, np.array([-1.0, -np.inf, 0.0]), 2)
    assert combined.tolist() == [LOGITS[0] - 2, -np.inf, LOGITS[2], -np.inf]
    assert combine(LOGITS, np.array([-1.0, -np.inf, 0.0]), 0).tolist() == [LOGITS[0], -np.inf, LOGITS[2], -np.inf]


@pytest.mark.parametrize("beta", [-1, math.inf, math.nan])
def test_what_beta_may_be(beta) -> None:
    with pytest.raises(stolcke.VocabularyError, match="beta"):
        product(LOGITS, np.zeros(4), beta)


def test_more_scores_than_logits_are_refused() -> None:
    with pytest.raises(stolcke.VocabularyError, match="4 logits"):
        product(LOGITS, np.zeros(5))


def test_tensors_of_any_type_are_taken() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.tensor(LOGITS, dtype=torch.bfloat16, requires_grad=True)
    mask = torch.tensor([True, False, True, False])
    assert product(tensor, mask).log_z == pytest.approx(math.log(0.625), rel=0.02)
