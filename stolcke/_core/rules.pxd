"""The rules of one grammar as integers, while they are rewritten."""

from libc.stdint cimport int32_t, int64_t, uint32_t
from libcpp.vector cimport vector


cdef extern from *:
    """
    #ifndef STOLCKE_RULES
    #define STOLCKE_RULES
    #define MANY ((int64_t)1 << 60)
    #define GREATEST ((int64_t)1 << 30)
    struct RuleString { uint32_t begin, end; };
    #endif
    """
    const int64_t MANY                  # more entries than any bound
    const int64_t GREATEST              # numbers of entries from here on are taken to be this one: no text reaches it
    cppclass String "RuleString":
        uint32_t begin                  # Rules.symbols[begin:end]
        uint32_t end


cdef struct Rule:
    uint32_t lhs                        # nonterminal, from 0
    String rhs
    double weight                       # 1.0 and less, unless weights are raw


cdef struct Entry:
    uint32_t tally
    uint32_t number                     # within the tally as it was written
    bint once, required, marked
    String symbols


cdef struct Tally:
    uint32_t lhs
    uint32_t begin                      # Rules.entries[begin:end]
    uint32_t end
    String separator
    int64_t least[2]                    # of all entries, of marked ones
    int64_t most[2]                     # MANY where there is no bound


cdef struct Reach:                      # what those entries add up to that are known to be possible
    int64_t least[2]                    # required ones, unmarked and marked
    int64_t most[2]
    uint32_t missing                    # required ones that are not known to be possible
    bint separable


cdef class Rules:
    cdef readonly uint32_t n_terminals
    cdef object written                 # WrittenRules
    cdef readonly list made
    cdef uint32_t n_nonterminals
    cdef uint32_t start
    cdef vector[uint32_t] symbols       # terminals, and n_terminals + nonterminals
    cdef vector[Rule] rules
    cdef vector[Entry] entries
    cdef vector[Tally] tallies

    cdef int weigh(self, const double[::1] weights) except -1
    cdef uint32_t make(self, str kind, uint32_t owner, uint32_t number=*) except? 0xFFFFFFFF
    cdef int add_rule(self, uint32_t lhs, size_t begin, double weight) except -1 nogil
    cdef String string_at(self, size_t index) noexcept nogil
    cdef int find_deriving(self, const vector[char]& terminals, vector[char]& found) except -1 nogil
    cdef int start_reach(self, vector[Reach]& reach) except -1 nogil
    cdef bint derives(self, String s, const vector[char]& terminals, const vector[char]& found) noexcept nogil
    cdef int find_entries(self, const vector[char]& terminals, const vector[char]& alive,
                          vector[char]& kept) except -1 nogil
    cdef int keep(self, const vector[char]& names, const vector[char]& entries) except -1 nogil
    cdef int group(self, vector[uint32_t]& ordered, vector[uint32_t]& begin) except -1 nogil
    cdef int keep_reachable(self) except -1 nogil
    cdef int meet(self, String s, vector[char]& met, vector[uint32_t]& waiting) except -1 nogil
    cdef bint is_loop(self, const Rule* rule) noexcept nogil
    cdef int write_symbols(self, String s, const int32_t[::1] terminals, uint32_t n_terminals,
                           const vector[int32_t]& number, vector[int32_t]& out) except -1 nogil
