"""Earley columns whose items and continuations carry probabilities."""

from libc.stdint cimport uint32_t, uint64_t
from libcpp.pair cimport pair
from libcpp.queue cimport priority_queue
from libcpp.vector cimport vector

from stolcke._core.follower_system cimport Follower, FollowerSystem, Share
from stolcke._core.storage cimport Arena, IdMap, SequenceTable
from stolcke._core.tables cimport GrammarTables
from stolcke._core.types cimport NONE
from stolcke._core.weighted_tables cimport WeightedTables


cdef struct WeightedItem:
    uint32_t symbol                     # next symbol
    uint32_t suffix                     # remaining symbols, beginning with it
    uint32_t continuation               # of items in the kernel; of predicted ones, their left side
    uint32_t slot                       # of items in the kernel
    double mass                         # how often it is expected where the column is reached


cdef struct WeightedEntry:
    uint32_t suffix                     # empty where a long continuation is referred to as a whole
    uint32_t continuation
    uint32_t slot                       # NONE for these
    double weight


cdef struct WeightedContinuation:
    uint32_t entries                    # entries[entries:entries_end]
    uint32_t entries_end
    double accept                       # how probable it is that the text ends here
    double lost                         # what pruning has left out


cdef struct Expectation:                # what columns predict that wait for the same
    uint32_t items                      # predicted[items:items_end], by symbol
    uint32_t items_end


cdef struct Begun:
    uint32_t terminal
    double mass                         # how probable it is that the column goes on with this terminal


cdef struct WeightedColumn:
    uint32_t items                      # items[items:items_end], by symbol: the kernel
    uint32_t items_end
    uint32_t expectation
    double scale                        # of the masses of the expectation
    uint32_t terminals                  # begun[terminals:terminals_end], ascending
    uint32_t terminals_end
    double accept                       # how probable it is that the text ends here
    double lost


cdef class WeightedChart:
    cdef readonly WeightedTables weights
    cdef GrammarTables tables
    cdef bint memoise, merge
    cdef double threshold               # items and entries below it are left out, but the best; 0 for none
    cdef Arena arena
    cdef vector[WeightedEntry] entries
    cdef vector[WeightedContinuation] continuations
    cdef SequenceTable groups           # of continuations, by content
    cdef vector[uint32_t] group_first
    cdef IdMap continuation_of          # column << 32 | nonterminal -> continuation or ABSENT
    cdef IdMap slot_of                  # suffix << 32 | continuation -> slot, a number for each item
    cdef vector[uint32_t] slot_suffix, slot_continuation
    cdef vector[WeightedItem] items, predicted
    cdef vector[Expectation] expectations
    cdef IdMap expectation_of           # nonterminal -> expectation of a column that waits for it alone
    cdef vector[Begun] begun
    cdef vector[WeightedColumn] columns
    cdef SequenceTable column_keys
    cdef IdMap gotos                    # column << 32 | terminal -> column

    # scratch
    cdef vector[WeightedItem] kernel
    cdef double kernel_accept, kernel_lost
    cdef vector[double] sums            # by slot
    cdef vector[uint32_t] summed        # slots whose sum is not 0
    cdef priority_queue[pair[uint32_t, double]] completing
    cdef vector[uint32_t] key, solving, waiting
    cdef vector[double] mass            # by nonterminal
    cdef vector[uint32_t] touched
    cdef FollowerSystem system

    cdef uint32_t start(self) except? 0xFFFFFFFF nogil
    cdef uint32_t goto_one(self, uint32_t column, uint32_t terminal) except? 0xFFFFFFFF nogil
    cdef uint32_t mix(self, const vector[Share]& parts) except? 0xFFFFFFFF nogil
    cdef void begin(self) noexcept nogil
    cdef int add(self, uint32_t suffix, uint32_t continuation, double mass) except -1 nogil
    cdef uint32_t slot(self, uint32_t suffix, uint32_t continuation) except? 0xFFFFFFFF nogil
    cdef int put(self, uint32_t slot, double mass) except -1 nogil
    cdef int complete(self, uint32_t continuation, double mass) except -1 nogil
    cdef int scan(self, uint32_t column, uint32_t terminal) except -1 nogil
    cdef uint32_t intern_column(self) except? 0xFFFFFFFF nogil
    cdef int take_kernel(self) except -1 nogil
    cdef int prune(self, double least) except -1 nogil
    cdef int expect(self, WeightedColumn* column) except -1 nogil
    cdef int predict(self, Expectation* made) except -1 nogil
    cdef int find_terminals(self, WeightedColumn* column) except -1 nogil
    cdef uint32_t continuation(self, uint32_t nonterminal, uint32_t column) except? 0xFFFFFFFF nogil
    cdef bint is_solved(self, uint32_t component, uint32_t column) noexcept nogil
    cdef bint push_unsolved(self, uint32_t component, uint32_t column) except -1 nogil
    cdef int solve(self, uint32_t component, uint32_t column) except -1 nogil
    cdef int take_followers(self, uint32_t member) except -1 nogil
    cdef int add_follower(self, uint32_t member, uint32_t suffix, uint32_t continuation, double weight) except -1 nogil
    cdef uint32_t intern_group(self, uint32_t first, uint32_t n) except? 0xFFFFFFFF nogil
    cdef size_t bytes(self) noexcept nogil

    cdef inline uint32_t first_item(self, const vector[WeightedItem]& items, uint32_t low, uint32_t high,
                                    uint32_t symbol) noexcept nogil:
        """Index of the first of some items, sorted by symbol, whose symbol is at least ``symbol``."""
        cdef uint32_t middle
        while low < high:
            middle = (low + high) // 2
            if items[middle].symbol < symbol:
                low = middle + 1
            else:
                high = middle
        return low
