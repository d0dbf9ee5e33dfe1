"""The automaton of a language over characters.

Characters are *ordinals* here: code points without the surrogates, so that all
characters are one range.
"""

from libc.stdint cimport int32_t, uint64_t

from stolcke._core.minimize cimport Dfa

cdef enum:
    SURROGATES = 0xD800              # the first of them, as a code point
    GAP = 0x800                      # how many there are
    LAST = 0x10F7FF                  # the last ordinal


cdef class CharacterDfa:
    # Minimal, trimmed and numbered breadth first: equal languages have equal automata.
    cdef Dfa dfa
    cdef uint64_t hash_value         # 0 where not yet known
