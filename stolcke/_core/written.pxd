"""The rules of a grammar as a front end writes them."""

from libc.stdint cimport int32_t, uint32_t
from libcpp.vector cimport vector

from stolcke._core.rules cimport Entry, Rule, String, Tally


cdef struct Member:
    int32_t name
    int32_t value
    bint required


cdef class WrittenRules:
    cdef readonly list patterns         # of terminals
    cdef readonly list titles           # of terminals
    cdef bint is_named                  # whether names are kept as they are
    cdef uint32_t start                 # nonterminal, from 0
    cdef list wanted                    # names of nonterminals; None where `owner` has one
    cdef vector[int32_t] owner          # of a nonterminal, the one that it is a part of; -1 where it has a name
    cdef vector[int32_t] part           # of what kind: index into PARTS
    cdef vector[int32_t] symbols        # terminals from 0, and ~n for nonterminal n
    cdef vector[Rule] rules
    cdef vector[Entry] entries
    cdef vector[Tally] tallies

    cdef int32_t add_part(self, int32_t owner, int32_t part) except 0
    cdef int check(self, int32_t lhs) except -1
    cdef int put(self, int32_t symbol) except -1
    cdef int end_rule(self, int32_t lhs, size_t begin) except -1
    cdef int put_tuple(self, tuple symbols, String* out) except -1
    cdef int write_members(self, int32_t lhs, const int32_t* structure, const vector[Member]& members,
                           const vector[Member]& others, bint may_be_empty) except -1
    cdef tuple symbols_of(self, String s)
