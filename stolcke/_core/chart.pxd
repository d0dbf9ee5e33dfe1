"""Earley columns over interned continuations, with memoised ``goto``."""

from libc.stdint cimport uint32_t, uint64_t
from libcpp.vector cimport vector

from stolcke._core.storage cimport Arena, IdMap, SeenSet, SequenceTable
from stolcke._core.tables cimport GrammarTables
from stolcke._core.types cimport NONE, ByteSet


cdef enum:
    ROOT = 0                            # continuation of the start rule: the text may end
    HOLE = 1                            # continuation that stands for "whatever the caller has next"


cdef struct Item:
    uint32_t symbol                     # next symbol
    uint32_t suffix                     # remaining symbols, beginning with it
    uint32_t continuation               # what may follow when they are done


cdef struct Entry:
    uint32_t suffix                     # empty for HOLE, and where a long continuation is referred to as a whole
    uint32_t continuation


cdef struct Continuation:
    uint32_t entries                    # entries[entries:entries_end], ascending
    uint32_t entries_end
    uint32_t group                      # continuations that refer to each other in a cycle have ids group,
    uint32_t group_size                 # group + 1, ...; a continuation of its own has size 1
    bint accepting                      # the text may end when it is reached


cdef struct Column:
    uint32_t items                      # items[items:items_end], by symbol: the kernel, without predictions
    uint32_t items_end
    uint32_t prediction
    uint32_t terminals                  # live_terminals[terminals:terminals_end]: all that may be scanned here
    uint32_t terminals_end
    bint accepting                      # the text may end here
    bint completes                      # the hole is reached here
    ByteSet first                       # bytes that some live terminal can begin with


cdef struct Pending:                    # one equation of a cyclic continuation being solved
    uint32_t member
    uint32_t suffix
    uint32_t continuation               # RELATIVE | member for one of the same group


cdef class Chart:
    cdef GrammarTables tables
    cdef bint memoise, bisimulation
    cdef Arena arena
    cdef vector[Entry] entries
    cdef vector[Continuation] continuations
    cdef SequenceTable groups           # of continuations, by content
    cdef vector[uint32_t] group_first
    cdef IdMap continuation_of          # column << 32 | nonterminal -> continuation
    cdef vector[Item] items
    cdef vector[uint32_t] live_terminals
    cdef vector[Column] columns
    cdef SequenceTable column_keys
    cdef IdMap gotos                    # column << 32 | terminal -> column
    cdef SequenceTable pair_sets        # sets of (column, terminal) that end at the same byte
    cdef vector[uint32_t] pair_set_column
    cdef vector[uint32_t] item_columns  # by suffix: the column of that suffix alone, before a hole
    cdef readonly uint64_t n_gotos      # computed, not remembered

    # scratch
    cdef vector[Item] kernel
    cdef bint kernel_accepting, kernel_completes
    cdef SeenSet seen
    cdef vector[Entry] adding
    cdef vector[Pending] pending, solved
    cdef vector[uint32_t] key, waiting, begin_of, solved_begin
    cdef vector[uint64_t] unit          # member << 32 | another one, where the first may end with the other
    cdef vector[uint32_t] unit_begin, unit_to               # the same, as a graph
    cdef vector[uint32_t] class_of, class_continuation      # by member; by class of members
    cdef vector[char] accepts, class_accepts
    cdef vector[uint32_t] solving

    cdef uint32_t goto_pairs(self, const vector[uint64_t]& pairs) except? 0xFFFFFFFF nogil
    cdef uint32_t goto_one(self, uint32_t column, uint32_t terminal) except? 0xFFFFFFFF nogil
    cdef uint32_t item_column(self, uint32_t suffix) except? 0xFFFFFFFF nogil
    cdef uint32_t continuation(self, uint32_t nonterminal, uint32_t column) except? 0xFFFFFFFF nogil
    cdef void begin(self) noexcept nogil
    cdef int scan(self, uint32_t column, uint32_t terminal) except -1 nogil
    cdef int add(self, uint32_t suffix, uint32_t continuation) except -1 nogil
    cdef uint32_t intern_column(self) except? 0xFFFFFFFF nogil
    cdef bint is_solved(self, uint32_t component, uint32_t column) noexcept nogil
    cdef bint push_unsolved(self, uint32_t component, uint32_t column) except -1 nogil
    cdef int solve(self, uint32_t component, uint32_t column) except -1 nogil
    cdef int add_equation(self, uint32_t member, uint32_t suffix, uint32_t continuation) except -1 nogil
    cdef uint32_t condense(self, uint32_t n) except? 0xFFFFFFFF nogil
    cdef int index_units(self, uint32_t n) except -1 nogil
    cdef int close_units(self, uint32_t n_classes) except -1 nogil
    cdef int add_closed(self, uint32_t m, uint32_t other) except -1 nogil
    cdef uint32_t bisimilar(self, uint32_t n) except? 0xFFFFFFFF nogil
    cdef bint same_entries(self, uint32_t member, uint32_t base) except -1 nogil
    cdef int index_pending(self, uint32_t n) except -1 nogil
    cdef uint32_t intern_group(self, uint32_t first, uint32_t n) except? 0xFFFFFFFF nogil
    cdef size_t bytes(self) noexcept nogil

    cdef inline uint32_t first_item(self, const Column* c, uint32_t symbol) noexcept nogil:
        """Index of the first kernel item whose next symbol is at least ``symbol``."""
        cdef uint32_t low = c.items
        cdef uint32_t high = c.items_end
        cdef uint32_t middle
        while low < high:
            middle = (low + high) // 2
            if self.items[middle].symbol < symbol:
                low = middle + 1
            else:
                high = middle
        return low
