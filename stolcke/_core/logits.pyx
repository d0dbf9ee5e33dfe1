"""Masks, and log-probabilities of a grammar, applied to a batch of logits in place.

Rows may be any distance apart; what is within a row lies side by side.  Arguments of another type or dtype
raise ``TypeError``, those of a wrong shape, or whose memory cannot be written row by row, ``ValueError``.
"""

import numpy as np

cimport numpy as cnp

from libc.stdint cimport int64_t
from libcpp.vector cimport vector

cnp.import_array()


cdef extern from "logit_kernels.hpp" namespace "stolcke" nogil:
    cdef cppclass LogitBatch:
        char* logits
        const char* masks
        const char* logprobs
        Py_ssize_t logits_stride, masks_stride, logprobs_stride
        const int64_t* indices
        Py_ssize_t rows, tokens, biased
        float beta

    void apply_float64 "stolcke::apply_batch<stolcke::Float64>"(const LogitBatch& batch, int threads) noexcept
    void apply_float32 "stolcke::apply_batch<stolcke::Float32>"(const LogitBatch& batch, int threads) noexcept
    void apply_float16 "stolcke::apply_batch<stolcke::Float16>"(const LogitBatch& batch, int threads) noexcept
    void apply_bfloat16 "stolcke::apply_batch<stolcke::BFloat16>"(const LogitBatch& batch, int threads) noexcept


# Dtypes by NumPy's numbers for them.
cdef dict LOGITS = {
    cnp.NPY_FLOAT64: "float64",
    cnp.NPY_FLOAT32: "float32",
    cnp.NPY_FLOAT16: "float16",
    cnp.NPY_UINT16: "uint16",
}
cdef dict MASKS = {cnp.NPY_INT32: "int32", cnp.NPY_UINT32: "uint32"}
cdef dict LOGPROBS = {cnp.NPY_FLOAT32: "float32"}


def apply(logits, masks, Py_ssize_t tokens, indices=None, logprobs=None, float beta=0, int threads=1):
    """Forbid what masks have no bit for; add ``beta`` times log-probabilities to the rest.

    Minus infinity is written where the mask has no bit, and, with a ``beta`` above 0, where the log-probability is
    minus infinity; other logits become ``logit + beta * logprob``, in float32 (float64 for float64), rounded
    once to their format.  With ``beta`` 0, or beyond the columns of ``logprobs``, they stay what they were, bit by bit.

    Parameters
    ----------
    logits : float64, float32, float16 or uint16[batch, >= tokens]
        Changed in place; uint16 are the bits of bfloat16.
    masks : int32 or uint32[batch, >= ceil(tokens / 32)]
        Where ``indices`` are given, there need only be the rows that these name; so with ``logprobs``.
    tokens : int
        How many logits of each row are concerned.
    indices : int64[n], optional
        The rows concerned, each once; all of them unless given.
    logprobs : float32[batch, any], optional
        Natural-log probabilities.
    beta : float
        Finite, at least 0.
    threads : int
        How many threads share the work, at least 1.
    """
    cdef LogitBatch batch
    check_rows(logits, LOGITS, True, "logits")
    check_rows(masks, MASKS, False, "masks")
    cdef Py_ssize_t rows = min(len(logits), len(masks))
    if tokens < 0 or tokens > cnp.PyArray_DIM(logits, 1):
        raise ValueError(f"{tokens} tokens do not fit {logits.shape[1]} logits")
    if tokens > 32 * cnp.PyArray_DIM(masks, 1):
        raise ValueError(f"{tokens} tokens do not fit mask rows of {masks.shape[1]} words, of 32 tokens each")
    if not 0 <= beta <= 3.4028234663852886e38:
        raise ValueError(f"beta must be a finite number, at least 0, not {beta}")
    if threads < 1:
        raise ValueError(f"threads must be at least 1, not {threads}")
    check_apart(logits, masks, "masks")
    if logprobs is not None:
        check_rows(logprobs, LOGPROBS, False, "logprobs")
        check_apart(logits, logprobs, "logprobs")
        rows = min(rows, <Py_ssize_t> len(logprobs))
    batch.logits = <char*> cnp.PyArray_DATA(logits)
    batch.logits_stride = cnp.PyArray_STRIDE(logits, 0)
    batch.masks = <const char*> cnp.PyArray_DATA(masks)
    batch.masks_stride = cnp.PyArray_STRIDE(masks, 0)
    batch.tokens = tokens
    batch.beta = beta
    batch.logprobs = NULL
    batch.logprobs_stride = 0
    batch.biased = 0
    if logprobs is not None and beta > 0:
        batch.logprobs = <const char*> cnp.PyArray_DATA(logprobs)
        batch.logprobs_stride = cnp.PyArray_STRIDE(logprobs, 0)
        batch.biased = min(tokens, cnp.PyArray_DIM(logprobs, 1))
    cdef vector[int64_t] chosen
    if indices is None:
        if rows != len(logits) or rows != len(masks) or (logprobs is not None and rows != len(logprobs)):
            raise ValueError("logits, masks and logprobs have different numbers of rows")
        batch.indices = NULL
        batch.rows = rows
    else:
        copy_indices(chosen, indices, rows)
        batch.indices = chosen.data()
        batch.rows = chosen.size()
    cdef int kind = cnp.PyArray_TYPE(logits)
    with nogil:
        if kind == cnp.NPY_FLOAT32:
            apply_float32(batch, threads)
        elif kind == cnp.NPY_FLOAT64:
            apply_float64(batch, threads)
        elif kind == cnp.NPY_FLOAT16:
            apply_float16(batch, threads)
        else:
            apply_bfloat16(batch, threads)


cdef int check_rows(object array, dict dtypes, bint writable, str name) except -1:
    """Whether it is rows of one of the dtypes, each of which a pointer and a length describe."""
    wanted = " or ".join(dtypes.values())
    if not isinstance(array, cnp.ndarray):
        raise TypeError(f"{name} must be a numpy array of {wanted}, not {type(array).__name__}")
    if cnp.PyArray_TYPE(array) not in dtypes or not cnp.PyArray_ISNOTSWAPPED(array):
        raise TypeError(f"{name} must be an array of {wanted} in native byte order, not {array.dtype}")
    if cnp.PyArray_NDIM(array) != 2:
        raise ValueError(f"{name} must have 2 dimensions, not {array.ndim}")
    if writable and not cnp.PyArray_ISWRITEABLE(array):
        raise ValueError(f"{name} is read-only, but is to be written")
    cdef Py_ssize_t rows = cnp.PyArray_DIM(array, 0), columns = cnp.PyArray_DIM(array, 1)
    cdef Py_ssize_t size = cnp.PyArray_ITEMSIZE(array)
    if rows == 0 or columns == 0:  # the strides of nothing may be anything
        return 0
    if not cnp.PyArray_ISALIGNED(array) or (columns > 1 and cnp.PyArray_STRIDE(array, 1) != size):
        raise ValueError(f"{name} must lie side by side within each row, and aligned")
    if writable and rows > 1 and abs(cnp.PyArray_STRIDE(array, 0)) < columns * size:
        raise ValueError(f"rows of {name} overlap; each must have memory of its own")
    return 0


cdef int check_apart(object logits, object other, str name) except -1:
    """Whether nothing that is read is written, too."""
    # Quick where the memory's bounds do not meet.  Arrays that are interleaved too intricately to tell are refused.
    try:
        overlap = np.shares_memory(logits, other, max_work=10_000)
    except np.exceptions.TooHardError:
        overlap = True
    if overlap:
        raise ValueError(f"{name} and the logits that are written overlap")
    return 0


cdef int copy_indices(vector[int64_t]& chosen, object indices, Py_ssize_t rows) except -1:
    """Copied, so that they stay what was checked while other threads run."""
    if not (isinstance(indices, np.ndarray) and indices.dtype == np.int64 and indices.ndim == 1):
        raise TypeError("indices must be an array of int64, of 1 dimension")
    cdef vector[char] seen
    seen.resize(rows)
    chosen.reserve(len(indices))
    cdef int64_t[:] listed = np.ascontiguousarray(indices).copy()
    cdef int64_t index
    for index in listed:
        if not 0 <= index < rows:
            raise ValueError(f"there is no row {index}: logits, masks and logprobs have {rows} in common")
        if seen[index]:
            raise ValueError(f"row {index} is given twice")
        seen[index] = 1
        chosen.push_back(index)
    return 0
