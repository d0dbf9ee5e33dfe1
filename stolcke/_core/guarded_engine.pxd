"""An engine whose columns carry the state of a guard."""

from libc.stdint cimport uint32_t, uint64_t
from libcpp.vector cimport vector

from stolcke._core.engine cimport Engine
from stolcke._core.storage cimport IdMap, SequenceTable
from stolcke._core.types cimport ByteSet


cdef const char* QUESTIONS              # what a computation is given up for, instead of the name of a limit


cdef struct Reading:                    # what the guard makes of a variant, or of the text's end
    bint allowed
    uint32_t state                      # of the guard, afterwards
    uint32_t insertion                  # terminals without text that come next, a sequence of ``insertions``


cdef struct Place:                      # where terminals may begin
    uint32_t column
    uint32_t state                      # of the guard
    uint32_t bar                        # which set of bytes must not come next
    uint32_t live                       # live[live:live_end]: variants that may be read here
    uint32_t live_end
    bint accepting


cdef struct Arrival:                    # of a variant that has ended
    uint32_t state                      # these three say where it leads, whatever it was
    uint32_t bar
    uint32_t insertion
    uint32_t column
    uint32_t terminal


cdef struct Kept:
    uint32_t parts                      # kept_parts[parts:parts_end]
    uint32_t parts_end


cdef class GuardedEngine(Engine):
    cdef readonly object clerk          # answers questions in numbers: stolcke.compiler.guarding.Clerk
    cdef uint32_t n_variants
    cdef vector[uint32_t] terminal_of   # by variant
    cdef vector[uint32_t] bar_after     # by variant
    cdef vector[uint32_t] starts        # by bar and variant: canonical state, NONE where nothing can begin
    cdef vector[ByteSet] firsts         # by bar and variant
    cdef vector[char] is_watched        # by terminal
    cdef vector[char] may_insert        # by terminal: watched, and not one of those that are ignored
    cdef vector[uint32_t] variants_of, variants_begin       # by terminal
    cdef IdMap answers                  # guard's state << 32 | variant, or THE_END -> one of readings
    cdef vector[Reading] readings
    cdef SequenceTable insertions
    cdef vector[uint64_t] questions     # that came up in the computation under way
    cdef SequenceTable place_keys
    cdef vector[Place] places
    cdef vector[uint32_t] live
    cdef IdMap targets                  # place << 32 | variant -> place, or DEAD
    cdef SequenceTable spots            # sets of places where one byte has led to
    cdef uint64_t mode                  # or'ed into keys of ``known``: 0, where there is only one way to evaluate
    cdef IdMap known                    # mode | place << 32 | suffix trie -> one of kept
    cdef vector[Kept] kept
    cdef vector[uint32_t] kept_parts

    # scratch
    cdef vector[Arrival] arrivals
    cdef vector[uint64_t] pairs
    cdef vector[uint32_t] spot

    cdef bint ask(self, uint32_t state, uint32_t variant) except -1 nogil
    cdef int answer_questions(self) except -1
    cdef uint32_t insertion_of(self, tuple terminals) except? 0xFFFFFFFF
    cdef Arrival arrival(self, uint32_t place, uint32_t variant) noexcept nogil
    cdef bint leads_nowhere(self, uint32_t column, uint32_t state, uint32_t depth) except -1 nogil
    cdef uint32_t inserted(self, uint32_t column, uint32_t insertion) except? 0xFFFFFFFF nogil
    cdef uint32_t entered(self, uint32_t column, const Reading* r) except? 0xFFFFFFFF nogil
    cdef uint32_t place(self, uint32_t column, uint32_t state, uint32_t bar) except? 0xFFFFFFFF nogil
    cdef uint32_t landing(self, uint32_t column, const Arrival* a) except? 0xFFFFFFFF nogil
    cdef uint32_t target(self, uint32_t place, uint32_t variant) except? 0xFFFFFFFF nogil
    cdef uint32_t arrive(self) except? 0xFFFFFFFF nogil
    cdef uint32_t evaluate(self, uint32_t place, uint32_t node) except? 0xFFFFFFFF nogil
    cdef int allow(self, uint32_t kept) except -1 nogil
    cdef int collect(self, uint32_t state) except -1 nogil
    cdef uint32_t place_of(self, uint32_t word) noexcept nogil
    cdef uint32_t begun(self, uint32_t word, uint32_t variant) except? 0xFFFFFFFF nogil
    cdef uint32_t entering(self, uint32_t place) except? 0xFFFFFFFF nogil
