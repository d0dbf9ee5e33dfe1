"""What may come first where some bytes must come before the grammar begins."""

from libc.stdint cimport uint32_t

from stolcke._core.cascade cimport Cascade


cdef int collect_prefix(Cascade cascade, uint32_t column, const uint32_t* text, uint32_t n) except -1 nogil
