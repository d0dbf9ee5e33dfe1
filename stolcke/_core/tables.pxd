"""One grammar as integers: suffixes of rules, what is nullable, what prediction adds."""

from libc.stdint cimport int32_t, uint32_t, uint64_t
from libcpp.vector cimport vector

from stolcke._core.partition cimport PartitionStore
from stolcke._core.storage cimport IdMap, SequenceTable
from stolcke._core.tally cimport TallyTable
from stolcke._core.types cimport NONE, ByteSet


cdef extern from *:
    """
    #define SUCCESSOR 0xFFFFFFFEu
    """
    const uint32_t SUCCESSOR            # instead of a symbol: the suffix is that of successors[tail]


cdef struct Suffix:
    uint32_t symbol                     # next symbol: a terminal, or n_terminals + a nonterminal
    uint32_t tail                       # the suffix after it; suffix 0 is the empty one


cdef enum:                              # how the rules of a nonterminal come about
    WRITTEN = 0                         # the grammar has them
    WHOLE = 1                           # a tally: any first entry, or nothing
    REST = 2                            # after some entries: a separator and a CHOICE, or nothing
    CHOICE = 3                          # any next entry, and the REST after it


cdef struct Instance:
    uint32_t kind
    uint32_t state                      # of its tally


cdef struct Successor:                  # what may follow an entry in a state
    uint32_t state
    uint32_t entry
    uint32_t suffix                     # NONE until first asked for


cdef struct Predicted:
    uint32_t symbol                     # next symbol of a predicted item
    uint32_t lhs                        # nonterminal (from 0) whose rule it is
    uint32_t suffix                     # remaining symbols, beginning with ``symbol``


cdef struct Prediction:
    uint32_t items                      # predicted[items:items_end], sorted by symbol
    uint32_t items_end
    uint32_t terminals                  # predicted_terminals[terminals:terminals_end], ascending
    uint32_t terminals_end


cdef class GrammarTables:
    cdef readonly uint32_t n_terminals
    cdef readonly uint32_t n_nonterminals           # of the grammar; instances of tallies come after them
    cdef readonly uint32_t n_rules
    cdef readonly uint32_t start        # a nonterminal (from 0) that no rule mentions
    cdef vector[Suffix] suffixes
    cdef IdMap suffix_ids               # symbol << 32 | tail -> suffix
    cdef vector[uint32_t] rule_suffix
    cdef vector[uint32_t] rules_begin, rules_end    # by nonterminal, in rule_suffix; NONE until they are made
    cdef readonly TallyTable tallies
    cdef vector[Instance] instances     # by nonterminal
    cdef vector[uint32_t] rest_of, choice_of        # nonterminals by state of a tally, NONE until needed
    cdef vector[Successor] successors
    cdef vector[uint32_t] usable        # scratch of make_rules()
    cdef vector[char] nullable          # by nonterminal
    cdef vector[uint32_t] component     # by nonterminal: strongly connected component of "begins with"
    cdef uint32_t n_components          # of the grammar; each instance is one more
    cdef vector[uint32_t] members, members_begin    # nonterminals by component, ascending
    cdef vector[uint32_t] place         # by nonterminal: which member of its component it is
    cdef vector[uint32_t] terminal_state            # canonical start state, NONE for special tokens
    cdef vector[uint32_t] terminal_symbol           # 256 + k for the k-th set of special tokens, else NONE
    cdef vector[uint32_t] terminal_partition        # of special tokens' terminals
    cdef vector[ByteSet] terminal_first
    cdef SequenceTable prediction_keys
    cdef vector[Prediction] predictions
    cdef vector[Predicted] predicted
    cdef vector[uint32_t] predicted_terminals
    cdef vector[uint32_t] stamp         # scratch of predict()
    cdef uint32_t stamped
    cdef vector[uint32_t] queue

    cdef group_rules(self, const int32_t[::1] lhs, const int32_t[::1] offsets, const int32_t[::1] symbols)
    cdef find_nullable(self, const int32_t[::1] lhs, const int32_t[::1] offsets, const int32_t[::1] symbols)
    cdef find_components(self)
    cdef uint32_t add_suffix(self, uint32_t symbol, uint32_t tail) except? 0xFFFFFFFF nogil
    cdef uint32_t instance(self, vector[uint32_t]& known, uint32_t kind, uint32_t state) except? 0xFFFFFFFF nogil
    cdef int make_rules(self, uint32_t nonterminal) except -1 nogil
    cdef int make_entries(self, uint32_t state) except -1 nogil
    cdef uint32_t rest(self, uint32_t state) except? 0xFFFFFFFF nogil
    cdef uint32_t resolve(self, uint32_t suffix) except? 0xFFFFFFFF nogil
    cdef int spell(self, uint32_t suffix, vector[uint32_t]& symbols) except -1 nogil
    cdef uint32_t predict(self, vector[uint32_t]& nonterminals) except? 0xFFFFFFFF nogil
    cdef size_t bytes(self) noexcept nogil

    cdef inline uint32_t resolved(self, uint32_t suffix) except? 0xFFFFFFFF nogil:
        """A suffix; for that of a successor, which the state after an entry has, that state's own one."""
        return suffix if self.suffixes[suffix].symbol != SUCCESSOR else self.resolve(suffix)

    cdef inline uint32_t first_predicted(self, uint32_t prediction, uint32_t symbol) noexcept nogil:
        """Index of the first predicted item whose next symbol is at least ``symbol``."""
        cdef uint32_t low = self.predictions[prediction].items
        cdef uint32_t high = self.predictions[prediction].items_end
        cdef uint32_t middle
        while low < high:
            middle = (low + high) // 2
            if self.predicted[middle].symbol < symbol:
                low = middle + 1
            else:
                high = middle
        return low
