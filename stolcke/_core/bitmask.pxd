"""The loops over packed mask rows, for other modules of the core.

A row is an array of 32-bit words; bit ``id % 32`` of word ``id // 32`` stands
for token ``id``.  ``n`` counts words where the arguments are rows only, and
tokens where a flag or an id per token is involved.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t


cdef extern from "bit_kernels.hpp" namespace "stolcke" nogil:
    # out = a & b and out = a | b; out may be a or b, partial overlap is not allowed.
    void and_words(int32_t* out, const int32_t* a, const int32_t* b, Py_ssize_t n) noexcept
    void or_words(int32_t* out, const int32_t* a, const int32_t* b, Py_ssize_t n) noexcept
    # out = rows[0] & ... & rows[count - 1]; count >= 1, out may be one of the rows.
    void and_many_words(int32_t* out, const int32_t* const* rows, Py_ssize_t count, Py_ssize_t n) noexcept
    # Number of bits set in n words.
    int64_t popcount_words(const int32_t* row, Py_ssize_t n) noexcept
    # out[0:n] = value; and out = a + shift.
    void fill_floats(float* out, Py_ssize_t n, float value) noexcept
    void shift_floats(float* out, const float* a, Py_ssize_t n, float shift) noexcept
    # Ids below n of the bits set, ascending, into `ids`; returns how many.
    Py_ssize_t ids_of_words(int64_t* ids, const int32_t* row, Py_ssize_t n) noexcept
    # n flags (bytes, non-zero is true) to words and back; unused bits of the last word are 0.
    void pack_flags(int32_t* row, const uint8_t* flags, Py_ssize_t n) noexcept
    void unpack_words(uint8_t* flags, const int32_t* row, Py_ssize_t n) noexcept


# The words of a caller's mask row: a C-contiguous, native, one-dimensional
# int32 or uint32 array of at least `words` words.  Raises TypeError or
# ValueError, naming the argument, where it is not.
cdef int32_t* row_words(object row, Py_ssize_t words, bint writable, str name) except? NULL
