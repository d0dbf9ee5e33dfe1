"""Packed mask rows: packing, set operations, counting.

A mask row is a C-contiguous int32 (or uint32) array of ``words(n)`` words for
``n`` tokens; bit ``id % 32`` of word ``id // 32`` says whether token ``id`` is
allowed.  This is the layout that inference engines exchange.  Arguments of
another type or dtype raise ``TypeError``; arrays of the wrong length or
dimension, not contiguous, overlapping or read-only raise ``ValueError``.
"""

import numpy as np

cimport numpy as cnp

from libc.stdint cimport int32_t, int64_t, uint8_t, uintptr_t
from libc.string cimport memset
from libcpp.vector cimport vector

cnp.import_array()


def words(Py_ssize_t n):
    """Length of a mask row for ``n`` tokens.

    Parameters
    ----------
    n : int
        Number of tokens, 0 or more.

    Returns
    -------
    int
        ``ceil(n / 32)``.
    """
    if n < 0:
        raise ValueError(f"a number of tokens cannot be negative: {n}")
    return _words(n)


def pack(flags, row):
    """Pack one flag per token into a mask row; every word of the row is written.

    Parameters
    ----------
    flags : ndarray of bool or uint8, shape (n,)
        Non-zero where the token is allowed.
    row : ndarray of int32 or uint32, shape (>= words(n),)
        Written; words and bits beyond the ``n`` flags become 0.
    """
    if not (
        _is_plain(flags, 1, writable=False)
        and (cnp.PyArray_TYPE(flags) == cnp.NPY_BOOL or cnp.PyArray_TYPE(flags) == cnp.NPY_UINT8)
    ):
        _refuse(flags, ("bool", "uint8"), 1, False, "flags")
    cdef Py_ssize_t n = cnp.PyArray_SIZE(flags)
    cdef Py_ssize_t used = _words(n)
    cdef int32_t* out = row_words(row, used, True, "row")
    pack_flags(out, <const uint8_t*> cnp.PyArray_DATA(flags), n)
    memset(out + used, 0, (cnp.PyArray_SIZE(row) - used) * sizeof(int32_t))


def unpack(row, Py_ssize_t n):
    """The first ``n`` bits of a mask row, one flag per token.

    Parameters
    ----------
    row : ndarray of int32 or uint32, shape (>= words(n),)
    n : int
        Number of tokens.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    cdef const int32_t* source = row_words(row, words(n), False, "row")
    flags = np.empty(n, dtype=np.bool_)
    unpack_words(<uint8_t*> cnp.PyArray_DATA(flags), source, n)
    return flags


def and_rows(a, b, out):
    """Intersect two mask rows: ``out = a & b``.

    Parameters
    ----------
    a, b : ndarray of int32 or uint32, shape (w,)
    out : ndarray of int32 or uint32, shape (w,)
        Written; may be ``a`` or ``b`` itself.
    """
    cdef Py_ssize_t n
    cdef int32_t* target = _target_of(out, &n)
    and_words(target, _operand(a, target, n, "a"), _operand(b, target, n, "b"), n)


def or_rows(a, b, out):
    """Unite two mask rows: ``out = a | b``.

    Parameters
    ----------
    a, b : ndarray of int32 or uint32, shape (w,)
    out : ndarray of int32 or uint32, shape (w,)
        Written; may be ``a`` or ``b`` itself.
    """
    cdef Py_ssize_t n
    cdef int32_t* target = _target_of(out, &n)
    or_words(target, _operand(a, target, n, "a"), _operand(b, target, n, "b"), n)


def and_many(rows, out):
    """Intersect several mask rows in one pass over memory.

    Parameters
    ----------
    rows : sequence of ndarray of int32 or uint32, each of shape (w,), or one array of shape (k, w)
        At least one row.
    out : ndarray of int32 or uint32, shape (w,)
        Written; may be one of the rows itself.
    """
    cdef Py_ssize_t n
    cdef int32_t* target = _target_of(out, &n)
    cdef vector[const int32_t*] sources
    # The tuple keeps every row alive, also those that an iterator makes on the way.
    held = tuple(rows)
    for index, row in enumerate(held):
        sources.push_back(_operand(row, target, n, f"rows[{index}]"))
    if sources.empty():
        raise ValueError("the intersection of no rows is not defined; give at least one")
    and_many_words(target, sources.data(), sources.size(), n)


def popcount(row):
    """How many bits of a mask row are set.

    Parameters
    ----------
    row : ndarray of int32 or uint32, shape (w,)

    Returns
    -------
    int
    """
    cdef const int32_t* source = row_words(row, 0, False, "row")
    return popcount_words(source, cnp.PyArray_SIZE(row))


def token_ids(row, Py_ssize_t n):
    """Ids of the tokens that a mask row allows.

    Parameters
    ----------
    row : ndarray of int32 or uint32, shape (>= words(n),)
    n : int
        Number of tokens; bits from ``n`` on are ignored.

    Returns
    -------
    ndarray of int64, shape (allowed,)
        Ascending.
    """
    cdef const int32_t* source = row_words(row, words(n), False, "row")
    ids = np.empty(popcount_words(source, _words(n)), dtype=np.int64)
    cdef Py_ssize_t allowed = ids_of_words(<int64_t*> cnp.PyArray_DATA(ids), source, n)
    return ids[:allowed]


cdef int32_t* row_words(object row, Py_ssize_t words, bint writable, str name) except? NULL:
    if not (_is_plain(row, 1, writable) and _has_word_dtype(row)):
        _refuse(row, ("int32", "uint32"), 1, writable, name)
    if cnp.PyArray_SIZE(row) < words:
        raise ValueError(f"{name} has {len(row)} words of 32 tokens, {words} are needed")
    return <int32_t*> cnp.PyArray_DATA(row)


cdef inline Py_ssize_t _words(Py_ssize_t n) noexcept:
    return n // 32 + (n % 32 != 0)


cdef inline bint _has_word_dtype(object row):
    return cnp.PyArray_TYPE(row) == cnp.NPY_INT32 or cnp.PyArray_TYPE(row) == cnp.NPY_UINT32


cdef inline bint _is_plain(object array, int dimensions, bint writable):
    """Whether it is an array that a pointer and a length describe: native, aligned, C-contiguous."""
    return (
        isinstance(array, cnp.ndarray)
        and cnp.PyArray_NDIM(array) == dimensions
        and (cnp.PyArray_ISCARRAY(array) if writable else cnp.PyArray_ISCARRAY_RO(array))
    )


cdef int32_t* _target_of(object out, Py_ssize_t* n) except? NULL:
    """The words of the row to be written, and their number."""
    cdef int32_t* target = row_words(out, 0, True, "out")
    n[0] = cnp.PyArray_SIZE(out)
    return target


cdef const int32_t* _operand(object row, const int32_t* target, Py_ssize_t n, str name) except? NULL:
    """The words of a row of the target's length that is the target itself or lies apart from it."""
    cdef const int32_t* source = row_words(row, 0, False, name)
    if cnp.PyArray_SIZE(row) != n:
        raise ValueError(f"{name} has {len(row)} words, out has {n}; rows of one operation have equal lengths")
    cdef Py_ssize_t distance = <Py_ssize_t> (<uintptr_t> source - <uintptr_t> target)
    cdef Py_ssize_t length = n * <Py_ssize_t> sizeof(int32_t)
    if distance != 0 and -length < distance < length:
        raise ValueError(f"out overlaps {name} in part; it may be the same row or another one")
    return source


cdef int _refuse(object array, tuple dtypes, int dimensions, bint writable, str name) except -1:
    """Raise what is wrong with an argument that was not usable."""
    wanted = " or ".join(dtypes)
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} must be a numpy array of {wanted}, not {type(array).__name__}")
    if not (array.dtype.name in dtypes and array.dtype.isnative):
        raise TypeError(f"{name} must be an array of {wanted} in native byte order, not {array.dtype}")
    if array.ndim != dimensions:
        raise ValueError(f"{name} must have {dimensions} dimension(s), not {array.ndim}")
    if writable and not array.flags.writeable:
        raise ValueError(f"{name} is read-only, but is to be written")
    raise ValueError(f"{name} must be contiguous and aligned; pass numpy.ascontiguousarray of it")
