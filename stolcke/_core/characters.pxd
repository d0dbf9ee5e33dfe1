"""Automata over characters: minimisation, the subset construction, products and complements."""

from libc.stdint cimport int32_t, int64_t, uint8_t
from libcpp.vector cimport vector

from stolcke._core.minimize cimport Dfa
from stolcke._core.subsets cimport Edge, Row

cdef enum:
    SURROGATES = 0xD800              # the first of them, as a code point
    GAP = 0x800                      # how many there are
    LAST = 0x10F7FF                  # the last ordinal

cdef enum:
    EDGES_PER_STATE = 50             # edges met on the way, per state that is allowed: bounds memory and time

cdef enum:
    BOTH = 0                         # kinds of products
    EITHER = 1
    FIRST_ONLY = 2


cdef cppclass Nfa:
    # Automata side by side, with ways from one into the other that read nothing.
    vector[int32_t] offsets
    vector[Edge] edges
    vector[int32_t] jump             # [states]: the state that is entered with this one, -1 for none
    vector[uint8_t] accepting


cdef int add_state(Dfa& dfa, const Row& row, bint accepting) except -1 nogil
cdef int minimize_characters(Dfa& raw, Dfa& result) except -1 nogil
cdef int add_machine(Nfa& nfa, Dfa& dfa, int32_t jump, bint accepting) except -1 nogil
cdef bint determinize(Nfa& nfa, bint accepts_empty, int64_t limit, Dfa& result) except -1 nogil
cdef bint product(Dfa& a, Dfa& b, int kind, int64_t limit, Dfa& result) except -1 nogil
cdef int complement(Dfa& dfa, Dfa& result) except -1 nogil
