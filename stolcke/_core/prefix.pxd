"""What may come first where some bytes must come before the grammar begins."""

from libc.stdint cimport uint32_t

from stolcke._core.cascade cimport Cascade


cdef uint32_t collect_prefix(Cascade cascade, const uint32_t* text, uint32_t n) except? 0xFFFFFFFF nogil
