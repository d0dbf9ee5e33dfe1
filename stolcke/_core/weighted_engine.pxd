"""Live states with probabilities, and steps between them."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libcpp.unordered_map cimport unordered_map
from libcpp.vector cimport vector

from stolcke._core.byte_dfa cimport ByteDfa
from stolcke._core.engine cimport Engine, Refusal
from stolcke._core.follower_system cimport Share
from stolcke._core.partition cimport PartitionStore
from stolcke._core.storage cimport Arena, IdMap, Segments, SequenceTable
from stolcke._core.tables cimport GrammarTables
from stolcke._core.weighted_chart cimport WeightedChart, WeightedColumn


cdef enum:
    IMPOSSIBLE = 0                      # weighted state of texts whose probability is 0
    EMPTY_TEXT = 1


cdef struct WeightedThread:
    uint32_t terminal
    uint32_t state                      # of the terminal's automaton, canonical
    uint32_t column                     # where the terminal began
    double mass                         # how much of the text's probability has been read so, 1 in all


cdef struct WeightedState:
    uint32_t column                     # that begins at the last byte, NONE if no terminal ends there
    double inflow                       # how probable it is that one ends there
    uint32_t threads                    # threads[threads:threads_end]
    uint32_t threads_end


cdef struct WeightedStep:
    uint32_t state
    double logprob                      # of the symbol, given the state before
    double log_lost                     # what pruning has left out on the way, of the state before


cdef class WeightedEngine:
    cdef readonly Engine engine         # whose lock guards this, too
    cdef readonly WeightedChart chart
    cdef PartitionStore store
    cdef GrammarTables tables
    cdef bint memoise_steps
    cdef double threshold               # threads below it are left out; 0 for none
    cdef uint32_t beam                  # so many are kept at most; 0 for all
    cdef Arena arena
    cdef SequenceTable state_keys
    cdef vector[WeightedState] states
    cdef vector[WeightedThread] kept    # of the states
    cdef IdMap steps                    # state << 32 | symbol, or TOKEN | token -> index in made_steps
    cdef Segments made_steps            # WeightedStep each
    cdef vector[uint32_t] special_tokens            # by symbol - 256: how many tokens it stands for
    cdef vector[double] uniform         # by explicit automaton state: weight of each way on; 0 until known
    cdef vector[double] rows            # 257 for each state of the terminals that are not uniform
    cdef unordered_map[uint64_t, uint32_t] row_of   # terminal << 32 | state -> row
    cdef vector[uint8_t] has_rows       # by terminal
    cdef readonly uint64_t n_steps      # computed, not remembered
    cdef size_t score_bytes             # in use for tokens' scores

    # scratch
    cdef Refusal refusal
    cdef uint32_t here
    cdef double inflow
    cdef vector[WeightedThread] threads, moving
    cdef vector[Share] ended
    cdef vector[uint32_t] key

    cdef add_rows(self, uint32_t terminal, ByteDfa machine, const double[:, ::1] weights)
    cdef double way(self, uint32_t state) except -1 nogil
    cdef const double* row(self, uint32_t terminal, uint32_t state) except NULL nogil
    cdef double stop(self, uint32_t terminal, uint32_t state) except -1 nogil
    cdef int step(self, uint32_t state, uint32_t symbol, WeightedStep* out) except -1
    cdef int step_locked(self, uint32_t state, uint32_t symbol, WeightedStep* out) except -1 nogil
    cdef int enter(self, uint32_t state) except -1 nogil
    cdef double advance(self, uint32_t symbol, double* lost) except -1 nogil
    cdef double advance_special(self, uint32_t symbol, const WeightedColumn* c, double* lost) except -1 nogil
    cdef int move(self, uint32_t terminal, uint32_t state, uint32_t column, uint32_t byte, double mass) except -1 nogil
    cdef double normalise(self, double* lost) except -1 nogil
    cdef int prune(self, double whole) except -1 nogil
    cdef int end_terminals(self) except -1 nogil
    cdef int mix_ended(self) except -1 nogil
    cdef int refuse_vocabulary(self) except -1 nogil
    cdef uint32_t intern_state(self) except? 0xFFFFFFFF nogil
    cdef double eos(self, uint32_t state) noexcept nogil
    cdef int next_bytes(self, uint32_t state, double* out) except -1 nogil
    cdef int add_bytes(self, uint32_t terminal, uint32_t state, double mass, double* out) except -1 nogil
    cdef bint refused(self) noexcept nogil
    cdef bint out_of_memory(self) noexcept nogil
    cdef size_t own_bytes(self) noexcept nogil
    cdef int fail(self, Refusal refusal) except -1

    cdef inline double known_way(self, uint32_t state) except -1 nogil:
        """The same as :meth:`way`, without a call where it is known."""
        if state < self.uniform.size() and self.uniform[state] > 0:
            return self.uniform[state]
        return self.way(state)
