"""The run-time side of one compiled grammar: live states, steps between them, their masks."""

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy
from libcpp.unordered_map cimport unordered_map
from libcpp.vector cimport vector

from stolcke._core.cascade cimport Cascade
from stolcke._core.chart cimport Chart
from stolcke._core.locks cimport Lock
from stolcke._core.mask cimport Mask, MaskStore
from stolcke._core.opening cimport Opening
from stolcke._core.partition cimport PartitionStore
from stolcke._core.storage cimport Arena, IdMap, Segments, SequenceTable, idmap_find, segments_at
from stolcke._core.tables cimport GrammarTables
from stolcke._core.types cimport NONE, ByteSet, load32, load_pointer


cdef enum:
    FINISHED = 0                        # live state after the end token
    START = 1                           # live state of the empty text
    OPENING = 2                         # the same, where a space at the beginning of the next token will be taken away
    HOT = 2                             # a mask asked for so often is worth a finished row
    TOKEN = 1 << 30                     # with a token's id, the symbol of a step over all of its bytes


cdef extern from *:
    """
    #define DEAD 0xFFFFFFFEu
    """
    const uint32_t DEAD                 # result of a step that no sentence allows


cdef struct LiveState:                  # its threads are a sequence of Engine.state_keys
    uint32_t mask                       # NONE until first asked for
    bint accepting


cdef struct Refusal:                    # why something was not computed
    const char* limit                   # name of a field of Limits, NULL where nothing was refused
    size_t given
    size_t allowed


cdef struct Thread:
    uint32_t terminal
    uint32_t state                      # of the terminal's automaton, canonical
    uint32_t column                     # where the terminal began


cdef extern from *:
    """
    #include <algorithm>
    #include <tuple>
    #include <vector>
    template <class T> static void sort_threads(std::vector<T>& v) {
        auto rank = [](const T& x) { return std::make_tuple(x.terminal, x.state, x.column); };
        if (v.size() > 1) {
            std::sort(v.begin(), v.end(), [=](const T& a, const T& b) { return rank(a) < rank(b); });
            auto same = [=](const T& a, const T& b) { return rank(a) == rank(b); };
            v.erase(std::unique(v.begin(), v.end(), same), v.end());
        }
    }
    """
    void sort_threads(vector[Thread]& v) noexcept nogil


cdef class Engine:
    cdef readonly PartitionStore store
    cdef readonly GrammarTables tables
    cdef readonly Chart chart
    cdef Cascade cascade
    cdef MaskStore masks
    cdef Opening opening
    cdef readonly object errors         # the module of exceptions to raise
    cdef bint memoise_steps, memoise_masks
    cdef size_t cache_bytes, vocabulary_cache_bytes
    cdef uint32_t live_threads
    cdef Lock lock                      # of everything that grows; what is there is read without it
    cdef Arena arena
    # Column, then terminal, state, column of each thread, ascending; or three times NONE, then each byte that must come
    # before the grammar begins.
    cdef SequenceTable state_keys
    cdef Segments states                # LiveState each
    cdef IdMap steps                    # state << 32 | symbol, or TOKEN | token -> state or DEAD
    cdef unordered_map[uint32_t, uint32_t] special_symbols   # token -> symbol >= 256
    cdef readonly uint64_t n_steps, n_masks                  # computed, not remembered
    cdef uint64_t n_limits_met          # changed by whoever holds Python's lock
    cdef object __weakref__

    # scratch
    cdef Refusal refusal                # of the computation under way
    cdef uint32_t here                  # the live state being moved: the column that begins at its last byte or NONE,
    cdef vector[Thread] threads         # and the terminals under way
    cdef vector[Thread] moving
    cdef vector[uint64_t] ended
    cdef vector[uint32_t] key
    cdef vector[int32_t] row

    cdef uint32_t compute_step(self, uint32_t state, uint32_t symbol) except? 0xFFFFFFFF nogil
    cdef uint32_t step_locked(self, uint32_t state, uint32_t symbol) except? 0xFFFFFFFF nogil
    cdef bint stays(self, uint32_t state, uint32_t token) noexcept nogil
    cdef int enter(self, uint32_t state) except -1 nogil
    cdef bint advance(self, uint32_t symbol) except -1 nogil
    cdef bint advance_all(self, const uint8_t* text, size_t n) except -1 nogil
    cdef int move(self, uint32_t terminal, uint32_t state, uint32_t column, uint32_t byte) except -1 nogil
    cdef uint32_t step_prefix(self, uint32_t state, uint32_t symbol) except? 0xFFFFFFFF nogil
    cdef uint32_t intern_state(self, uint32_t column) except? 0xFFFFFFFF nogil
    cdef bint accepts(self, uint32_t here) noexcept nogil
    cdef uint32_t intern_prefix(self, const uint8_t* text, size_t n) except? 0xFFFFFFFF nogil
    cdef uint32_t intern_key(self, bint accepting) except? 0xFFFFFFFF nogil
    cdef uint32_t compute_mask(self, uint32_t state) except? 0xFFFFFFFF nogil
    cdef uint32_t mask_locked(self, uint32_t state) except? 0xFFFFFFFF nogil
    cdef uint32_t opening_mask(self) except? 0xFFFFFFFF nogil
    cdef uint32_t correct_exceptions(self, uint32_t mask) except? 0xFFFFFFFF nogil
    cdef bint out_of_memory(self) noexcept nogil
    cdef int refuse(self, const char* limit, size_t given, size_t allowed) noexcept nogil
    cdef int refuse_vocabulary(self) noexcept nogil
    cdef int fail(self, Refusal refusal) except -1 nogil
    cdef int prewarm_start(self, uint32_t column) except -1 nogil
    cdef int prewarm_terminal(self, uint32_t column, uint32_t terminal) except -1 nogil
    cdef int finish_row(self, uint32_t mask) except -1 nogil
    cdef uint32_t run_token(self, uint32_t state, uint32_t token) except? 0xFFFFFFFF
    cdef uint32_t run_bytes(self, uint32_t state, const unsigned char* data, size_t n) except? 0xFFFFFFFF
    cdef int fill(self, uint32_t state, int32_t* row, size_t n_words) except -1 nogil
    cdef void live_bytes(self, uint32_t state, ByteSet* out, bint* special) noexcept nogil
    cdef size_t bytes(self) noexcept nogil

    cdef inline LiveState* at(self, uint32_t state) noexcept nogil:
        return <LiveState*>segments_at(&self.states, state)

    cdef inline uint32_t prefix_length(self, uint32_t state) noexcept nogil:
        """How many bytes must come before the grammar begins."""
        cdef uint32_t n = self.state_keys.length(state)
        return n - 3 if n > 3 and self.state_keys.words(state)[1] == NONE else 0

    cdef inline uint32_t known_step(self, uint32_t state, uint32_t symbol) noexcept nogil:
        """The state after a symbol, DEAD, or NONE where it has not been computed yet."""
        return idmap_find(&self.steps, <uint64_t>state << 32 | symbol)

    cdef inline bint fill_known(self, uint32_t state, int32_t* row, size_t n_words) noexcept nogil:
        """Write the mask of a state into a row if nothing has to be computed or counted for that."""
        cdef uint32_t index = load32(&self.at(state).mask)
        cdef Mask* mask
        cdef void* finished
        if index == NONE:
            return False
        mask = self.masks.at(index)
        finished = load_pointer(&mask.row)
        if finished != NULL and n_words == self.store.n_words:
            memcpy(row, finished, n_words * 4)
            return True
        if load32(&mask.uses) < HOT:
            return False
        self.masks.write(mask, row, n_words)
        return True
