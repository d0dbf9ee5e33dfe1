"""Instances of slotted dataclasses, made without calling their constructors."""

ctypedef int (*Setter)(object slot, object instance, object value) except -1


cdef class Maker:
    cdef type made
    cdef tuple slots                    # the descriptors of the fields
    cdef Setter put                     # what writes to any of them
    cdef tuple defaults                 # of the fields; those without one have None, which is never used
    cdef bint acyclic                   # whether the garbage collector need not look at the instances
    cdef Py_ssize_t required            # how many fields come first that have no default

    cdef object fill(self, object first, object second, Py_ssize_t given)
