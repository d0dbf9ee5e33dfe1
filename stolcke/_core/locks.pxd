"""Locks that a fork of the process leaves free and what they guard whole."""

from libcpp.mutex cimport mutex


cdef enum:                              # floors
    VOCABULARY = 0                      # of a vocabulary, while its partition store is made
    ENGINE = 1                          # of an engine
    STORE = 2                           # of a partition store


cdef class Lock:
    cdef mutex held
    cdef readonly tuple order           # whoever takes several takes them in this order
    cdef object __weakref__

    cdef inline void lock(self) noexcept nogil:
        self.held.lock()

    cdef inline void unlock(self) noexcept nogil:
        self.held.unlock()
