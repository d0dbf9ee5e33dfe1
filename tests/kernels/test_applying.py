"""``apply_token_bitmask_inplace`` on tensors, by each backend, beside the definition and beside xgrammar."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stolcke import MaskError
from stolcke.kernels import apply_token_bitmask_inplace
from tests.reference.applied_masks import applied, differences
from tests.test_logits import FORMATS, numbers, some_logprobs, words

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def interpreted():
    """Triton's interpreter, which is chosen when the kernel is defined."""
    pytest.importorskip("triton", reason="the kernel needs Triton")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITON_INTERPRET", "1")
        patch.delitem(__import__("sys").modules, "stolcke.kernels.triton_kernel", raising=False)
        yield


@pytest.fixture(params=["cpu", "torch", "triton", "cuda"])
def place(request) -> tuple[str, str]:
    """A device and the backend that is asked for."""
    if request.param == "triton":
        request.getfixturevalue("interpreted")
    if request.param == "cuda":
        if not torch.cuda.is_available():
            pytest.skip("no GPU")
        return "cuda", "auto"
    return "cpu", request.param


def tensor_of(array: np.ndarray, format: str, device: str = "cpu"):
    """A tensor on a device; of bfloat16, where the array has its bits."""
    if format == "bfloat16":
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16).to(device)
    return torch.from_numpy(array).to(device)


def array_of(tensor, format: str) -> np.ndarray:
    tensor = tensor.cpu()
    return tensor.view(torch.int16).numpy().view(np.uint16) if format == "bfloat16" else tensor.numpy()


def check(place, format, rows, width, tokens, indices, biased, beta, seed=0, n_masks=None) -> None:
    device, backend = place
    logits = numbers(format, (rows, width), seed)
    masks = words(n_masks or rows, width, seed)
    logprobs = None if biased is None else some_logprobs(n_masks or rows, biased, seed)
    expected = applied(logits, masks, tokens, format=format, indices=indices, logprobs=logprobs, beta=beta)
    target = tensor_of(logits, format, device)
    apply_token_bitmask_inplace(
        target,
        torch.from_numpy(masks).to(device),
        tokens,
        indices,
        logprobs=None if logprobs is None else torch.from_numpy(logprobs).to(device),
        beta=beta,
        backend=backend,
    )
    after = array_of(target, format)
    if backend == "triton" and format == "bfloat16" and beta:
        after, expected = without_rounding(after, expected)
    assert differences(after, expected) == []


def without_rounding(after: np.ndarray, expected: list[list[set[bytes]]]):
    """Triton's interpreter cuts off what does not fit into bfloat16, where a GPU rounds: the last bit may differ."""
    loose = [
        [
            {
                np.uint16(bits + step).tobytes()
                for each in values
                for bits in [int.from_bytes(each, "little")]
                for step in steps
            }
            for values in row
        ]
        for row in expected
        for steps in [(0, -1)]
    ]
    return after, [[a | b for a, b in zip(x, y, strict=True)] for x, y in zip(loose, expected, strict=True)]


@pytest.mark.parametrize("format", FORMATS)
def test_small_shapes(place, format: str) -> None:
    if place[1] == "triton" and format == "float64":
        pytest.skip("the kernel has no float64")
    for width, biased, beta in itertools.product((1, 31, 32, 33, 70), (None, 5, 40), (0.0, 0.7)):
        for tokens in {width, width // 2}:
            check(place, format, 2, width, tokens, None, biased, beta, width)


@pytest.mark.parametrize("format", ["float32", "bfloat16"])
@pytest.mark.parametrize("indices", [[], [0], [2, 0], (1,), range(3)])
def test_rows_chosen(place, format: str, indices) -> None:
    check(place, format, 3, 50, 50, indices, 45, 1.0, n_masks=4)


def test_rows_longer_than_a_block(place) -> None:
    check(place, "float16", 2, 4096 + 40, 4096 + 33, [1], 4100, 0.5)


@given(st.data())
def test_random_arguments(data) -> None:
    rows, width = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 120))
    check(
        ("cpu", data.draw(st.sampled_from(["auto", "cpu", "torch"]))),
        data.draw(st.sampled_from(FORMATS)),
        rows,
        width,
        data.draw(st.integers(0, width)),
        data.draw(st.none() | st.lists(st.integers(0, rows - 1), unique=True)),
        data.draw(st.none() | st.integers(0, 130)),
        data.draw(st.floats(0, 50, width=32)),
        data.draw(st.integers(0, 2**32)),
    )


@pytest.mark.parametrize("make", [list, tuple, np.array, lambda rows: np.array(rows, np.uint8), torch.tensor])
def test_kinds_of_indices(make) -> None:
    logits = torch.zeros(4, 8)
    apply_token_bitmask_inplace(logits, torch.zeros(4, 1, dtype=torch.int32), indices=make([3, 1]))
    assert logits.isneginf().all(dim=1).tolist() == [False, True, False, True]


def test_strides_of_rows_and_columns(place) -> None:
    """Rows of wider tensors, and tensors whose columns are apart, which all but the fallback leave to it."""
    device, backend = place
    expected = torch.tensor([[5.0, -torch.inf, 5.0], [-torch.inf, 5.0, -torch.inf]])
    masks = torch.tensor([[9, 0b101, 9], [9, 0b010, 9]], dtype=torch.int32).to(device)[:, 1:2]
    wide = torch.full((2, 10), 5.0, device=device)
    apply_token_bitmask_inplace(wide[:, 4:7], masks, backend=backend)
    assert torch.equal(wide[:, 4:7].cpu(), expected)
    assert (wide[:, :4] == 5).all() and (wide[:, 7:] == 5).all()
    columns = torch.full((3, 2), 5.0, device=device)
    apply_token_bitmask_inplace(columns.T, masks)
    assert torch.equal(columns.T.cpu(), expected)
    if backend in ("cpu", "triton"):
        with pytest.raises(MaskError, match="side by side"):
            apply_token_bitmask_inplace(columns.T, masks, backend=backend)


def test_gradients_are_not_in_the_way() -> None:
    logits = torch.zeros(1, 4, requires_grad=True)
    for backend in ("cpu", "torch"):
        apply_token_bitmask_inplace(logits, np.array([[1]], np.int32), backend=backend)
        assert logits.isneginf().tolist() == [[False, True, True, True]]


def test_read_only_masks_of_numpy_beside_tensors() -> None:
    masks = np.array([[1], [2]], np.int32)[::-1]
    masks.flags.writeable = False
    logits = torch.zeros(2, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        apply_token_bitmask_inplace(logits, masks)
    assert logits.isneginf().tolist() == [[True, False], [False, True]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_equal_to_xgrammar(dtype) -> None:
    xgrammar = pytest.importorskip("xgrammar")
    random = np.random.default_rng(0)
    done = 0
    for trial in range(60):
        rows, width = int(random.integers(1, 5)), int(random.integers(1, 300))
        masks = torch.from_numpy(words(rows, width + int(random.integers(0, 50)), trial))
        wide = torch.from_numpy(random.normal(size=(rows, width + 7)).astype(np.float32)).to(dtype)
        vocab_size = None if random.random() < 0.5 else int(random.integers(0, width + 1))
        indices = None if random.random() < 0.5 else random.permutation(rows)[: random.integers(0, rows + 1)].tolist()
        # Where the first zero of a row is beyond the logits concerned, in their last word, xgrammar 0.2.8 writes there,
        # past the end of the memory, too.
        end = width if vocab_size is None else vocab_size
        masks[:, end // 32 : end // 32 + 1] |= torch.tensor(-1 << end % 32, dtype=torch.int64).int()
        ours, theirs = wide.clone(), wide.clone()
        apply_token_bitmask_inplace(ours[:, :width], masks, vocab_size, indices)
        xgrammar.apply_token_bitmask_inplace(theirs[:, :width], masks, vocab_size=vocab_size, indices=indices)
        assert torch.equal(ours, theirs)
        done += int(ours.isneginf().sum())
    assert done > 1000


LOGITS = torch.zeros(2, 64)
MASKS = torch.zeros(2, 2, dtype=torch.int32)
LOGPROBS = torch.zeros(2, 64)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([[1.0]], MASKS), {}, "logits must be a NumPy array or a tensor of torch, not list"),
        ((LOGITS.int(), MASKS), {}, "logits must have one of the dtypes float32, .* not torch.int32"),
        ((LOGITS.numpy().astype(">f4"), MASKS.numpy()), {}, "logits must have one of the dtypes .* not >f4"),
        ((LOGITS, MASKS.long()), {}, "bitmask must have one of the dtypes int32, uint32, not torch.int64"),
        ((LOGITS[None], MASKS), {}, "logits must have 2 dimensions, batch and vocabulary, or 1, not 3"),
        ((LOGITS, MASKS[0]), {}, "numbers of rows differ: logits 2, bitmask 1"),
        ((LOGITS, MASKS), {"logprobs": LOGPROBS[:1]}, "numbers of rows differ: .* logprobs 1; indices="),
        ((LOGITS, MASKS), {"logprobs": LOGPROBS.double()}, "logprobs must have one of the dtypes float32"),
        ((LOGITS.to_sparse(), MASKS), {}, "logits must be a dense tensor"),
        ((LOGITS.numpy(), MASKS), {}, r"bitmask is a tensor; give bitmask.numpy\(\)"),
        ((LOGITS, MASKS.to("meta")), {}, r"logits are on cpu and bitmask is on meta; give bitmask.to\("),
        ((LOGITS[:1].expand(2, 64), MASKS), {}, r"logits share memory, .* logits.clone\(\)"),
        ((torch.as_strided(LOGITS, (2, 64), (32, 1)), MASKS), {}, "logits share memory"),
        (
            (LOGITS.numpy()[:, :1].repeat(64, 1).T[:1], MASKS.numpy()[:1]),
            {"vocab_size": 65},
            "vocab_size 65 does not fit",
        ),
        ((LOGITS, MASKS, -1), {}, "vocab_size -1 does not fit 64 logits and masks of 64 bits"),
        ((LOGITS, MASKS[:, :1], 33), {}, "vocab_size 33 does not fit 64 logits and masks of 32 bits"),
        ((LOGITS, MASKS, 1.5), {}, "vocab_size 1.5"),
        ((LOGITS, MASKS, None, [2]), {}, "indices name row 2, and there are 2 rows"),
        ((LOGITS, MASKS, None, [0, -1]), {}, "indices name row -1"),
        ((LOGITS, MASKS, None, [2**70]), {}, "indices must be a list of row numbers"),
        ((LOGITS, MASKS, None, [1, 0, 1]), {}, "indices name row 1 more than once"),
        ((LOGITS, MASKS, None, [True, False]), {}, "indices must be a list of row numbers"),
        ((LOGITS, MASKS, None, [0.0]), {}, "indices must be a list of row numbers"),
        ((LOGITS, MASKS, None, "01"), {}, "indices must be a list of row numbers, not '01'"),
        ((LOGITS, MASKS, None, [[0]]), {}, "indices must be a list of row numbers"),
        ((LOGITS, MASKS), {"beta": -0.5}, "beta must be a finite float32, at least 0, not -0.5"),
        ((LOGITS, MASKS), {"beta": float("nan")}, "beta must be"),
        ((LOGITS, MASKS), {"beta": 1e39}, "beta must be"),
        ((LOGITS, MASKS), {"beta": "1"}, "beta must be"),
        ((LOGITS, MASKS), {"threads": 0}, "threads must be a number of threads, at least 1, not 0"),
        ((LOGITS, MASKS), {"threads": 1.5}, "threads must be"),
        ((LOGITS, MASKS), {"backend": "gpu"}, "backend must be one of auto, cpu, triton, torch, not 'gpu'"),
        ((LOGITS.numpy(), MASKS.numpy()), {"backend": "torch"}, 'backend "torch" takes tensors of torch'),
        ((LOGITS.to("meta"), MASKS.to("meta")), {"backend": "cpu"}, 'backend "cpu" cannot reach logits on meta'),
        ((LOGITS.double(), MASKS), {"backend": "triton"}, 'use "torch" for float64'),
        ((LOGITS, LOGITS.view(torch.int32)), {}, "masks and the logits that are written overlap"),
    ],
)
def test_bad_arguments_are_named(arguments, options, message: str) -> None:
    with pytest.raises(MaskError, match=message):
        apply_token_bitmask_inplace(*arguments, **options)
    assert not LOGITS.any()


def test_logits_of_inference_mode() -> None:
    """Made within it, torch itself changes them nowhere else; the core does."""
    with torch.inference_mode():
        logits = torch.zeros(1, 3)
    with pytest.raises(MaskError, match="inference_mode"):
        apply_token_bitmask_inplace(logits, MASKS[:1], 3, backend="torch")
    apply_token_bitmask_inplace(logits, MASKS[:1], 3)
    assert logits.isneginf().all()


def test_triton_says_what_it_needs(monkeypatch) -> None:
    from stolcke.kernels import applying

    monkeypatch.setattr(applying, "_has_triton", lambda: False)
    with pytest.raises(MaskError, match=r'needs Triton: pip install "stolcke\[kernels\]"'):
        apply_token_bitmask_inplace(LOGITS, MASKS, backend="triton")


def test_triton_without_its_interpreter_needs_a_gpu(monkeypatch) -> None:
    pytest.importorskip("triton")
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    with pytest.raises(MaskError, match="needs tensors on a GPU, not on cpu; with TRITON_INTERPRET=1"):
        apply_token_bitmask_inplace(LOGITS, MASKS, backend="triton")
