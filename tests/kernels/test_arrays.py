"""``apply_token_bitmask_inplace`` for those who have no torch."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import stolcke
from stolcke import MaskError
from stolcke.kernels import allocate_token_bitmask, apply_token_bitmask_inplace
from tests.reference.applied_masks import applied, differences
from tests.test_logits import FORMATS, numbers, some_logprobs, words


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("indices", [None, [], [2, 0], (1,), np.array([0, 1], np.uint8)])
def test_batches(format: str, indices) -> None:
    for width, beta in ((1, 0.0), (33, 1.0), (70, 0.3)):
        before, masks, logprobs = numbers(format, (3, width)), words(3, width), some_logprobs(3, width - 1)
        expected = applied(before, masks, width, format=format, indices=indices, logprobs=logprobs, beta=beta)
        after = before.copy()
        apply_token_bitmask_inplace(after, masks, width, indices, logprobs=logprobs, beta=beta)
        assert differences(after, expected) == []


def test_a_grammar_and_its_logprobs() -> None:
    vocabulary = stolcke.Vocabulary.from_bytes()
    compiled = stolcke.compile(stolcke.Grammar.from_lark('start: "a" [0.25] | "b" [0.75]'), vocabulary)
    matchers = [compiled.matcher(), compiled.matcher()]
    masks = allocate_token_bitmask(2, 300)
    logprobs = np.empty((2, len(vocabulary)), np.float32)
    stolcke.fill_masks(matchers, masks)
    stolcke.fill_logprobs_batch(matchers, logprobs)
    logits = np.ones((2, 300), np.float32)
    apply_token_bitmask_inplace(logits, masks, logprobs=logprobs, beta=2.0, threads=2)
    assert [np.flatnonzero(row > -np.inf).tolist() for row in logits] == [[97, 98]] * 2
    np.testing.assert_allclose(logits[:, 97:99], 1 + 2 * np.log([[0.25, 0.75]] * 2), rtol=1e-6)


def test_one_row_needs_one_dimension() -> None:
    logits = np.zeros(40, np.float32)
    apply_token_bitmask_inplace(logits, np.array([1, 0], np.int32))
    assert logits.tolist() == [0.0] + [-np.inf] * 39
    both = np.zeros((1, 3), np.float32)
    apply_token_bitmask_inplace(both, np.array([2], np.uint32))
    assert both.tolist() == [[-np.inf, 0, -np.inf]]


def test_bfloat16_of_numpy_is_bits() -> None:
    logits = np.full((1, 3), 0x3F80, np.uint16)
    apply_token_bitmask_inplace(logits, np.array([[5]], np.int32))
    assert logits.tolist() == [[0x3F80, 0xFF80, 0x3F80]]


def test_logits_beyond_the_masks_are_left_with_a_warning() -> None:
    logits, masks = np.zeros((1, 40), np.float32), np.zeros((1, 1), np.int32)
    with pytest.warns(UserWarning, match="bits for 32 tokens and there are 40 logits") as caught:
        apply_token_bitmask_inplace(logits, masks)
    assert caught[0].filename == __file__
    assert np.isneginf(logits).sum() == 32
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        apply_token_bitmask_inplace(logits, masks, 32)
        apply_token_bitmask_inplace(logits[:, :20], masks)


BAD = [
    ((np.zeros((2, 64), np.int32), 0), "logits must have one of the dtypes float32, .* not int32"),
    ((np.zeros((2, 64), ">f4"), 0), "logits must have one of the dtypes .* not >f4"),
    ((np.zeros((64, 2), np.float32).T, 0), "logits must lie side by side"),
    ((np.zeros((2, 64), np.float32), -1), "vocab_size -1 does not fit 64 logits"),
    ((np.broadcast_to(np.zeros(64, np.float32), (2, 64)), 0), "logits share memory"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_arguments_are_named(arguments, message: str) -> None:
    logits, vocab_size = arguments
    with pytest.raises(MaskError, match=message):
        apply_token_bitmask_inplace(logits, np.zeros((2, 2), np.int32), vocab_size)


def test_read_only_logits_are_refused() -> None:
    logits = np.zeros((1, 4), np.float32)
    logits.flags.writeable = False
    with pytest.raises(MaskError, match="logits is read-only"):
        apply_token_bitmask_inplace(logits, np.zeros((1, 1), np.int32))
    assert not logits.any()


def test_arrays_need_no_torch() -> None:
    code = (
        "import sys, numpy as np; sys.modules['torch'] = None\n"
        "from stolcke.kernels import *\n"
        "pool = MaskPool(1, 8); rows = pool.acquire(); rows[:] = 1\n"
        "logits = np.zeros((1, 8), np.float32); apply_token_bitmask_inplace(logits, rows)\n"
        "print(logits.max(), logits[0, 1])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0.0", "-inf"]
