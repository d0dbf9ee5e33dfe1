"""Places in a JSON Schema."""

from libc.stdint cimport int32_t


cdef enum:
    NO_SYMBOL = -0x7FFFFFFF - 1


cdef class Place:
    cdef readonly object schema
    cdef public object resource
    cdef public object dialect
    cdef public object likeness
    cdef readonly Py_ssize_t number
    cdef readonly Place parent
    cdef readonly object step
    cdef readonly bint is_map
    cdef readonly dict known
    cdef public object target           # of its reference; None where that was not asked for
    cdef int32_t symbol                 # that derives its values, once it has one

    cpdef Place below(self, step)
