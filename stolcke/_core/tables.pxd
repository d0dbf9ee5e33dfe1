"""One grammar as integers: suffixes of rules, what is nullable, what prediction adds."""

from libc.stdint cimport int32_t, uint32_t, uint64_t
from libcpp.vector cimport vector

from stolcke._core.partition cimport PartitionStore
from stolcke._core.storage cimport IdMap, SequenceTable
from stolcke._core.types cimport NONE, ByteSet


cdef struct Suffix:
    uint32_t symbol                     # next symbol: a terminal, or n_terminals + a nonterminal
    uint32_t tail                       # the suffix after it; suffix 0 is the empty one


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
    cdef readonly uint32_t n_nonterminals
    cdef readonly uint32_t n_rules
    cdef readonly uint32_t start        # a nonterminal (from 0) that no rule mentions
    cdef vector[Suffix] suffixes
    cdef vector[uint32_t] rule_suffix, rule_lhs, rules_of, rules_of_begin
    cdef vector[char] nullable          # by nonterminal
    cdef vector[uint32_t] component     # by nonterminal: strongly connected component of "begins with"
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

    cdef group_rules(self)
    cdef find_nullable(self, const int32_t[::1] offsets, const int32_t[::1] symbols)
    cdef find_components(self)
    cdef uint32_t predict(self, vector[uint32_t]& nonterminals) except? 0xFFFFFFFF nogil
    cdef size_t bytes(self) noexcept nogil

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
