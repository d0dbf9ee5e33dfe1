"""The automaton of a language over characters."""

from libc.stdint cimport uint64_t

from stolcke._core.minimize cimport Dfa


cdef class CharacterDfa:
    # Minimal, trimmed and numbered breadth first: equal languages have equal automata.
    cdef Dfa dfa
    cdef uint64_t hash_value         # 0 where not yet known
