"""How far live states are from the end of a text, in tokens."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libcpp.unordered_set cimport unordered_set
from libcpp.vector cimport vector

from stolcke._core.engine cimport Engine
from stolcke._core.shortest cimport Need, Shortest
from stolcke._core.trie cimport Node
from stolcke._core.types cimport store64


cdef struct Outlook:                    # of a continuation or a column
    Need need                           # until the end of the text; its first number is negative while unknown
    int64_t worst                       # tokens that any way on may still need, also once others have turned out wrong


cdef struct Distance:                   # of a live state
    int64_t bytes                       # the fewest to the end of the text; negative while unknown
    int64_t spelled                     # tokens that surely suffice, terminal by terminal, with the end token
    int64_t worst                       # as above
    int64_t low                         # fewer tokens are certainly not enough ...
    int64_t high                        # ... and so many are: some completion of so many is known
    int64_t roomy                       # where so many tokens are left, no token need be forbidden; found by a walk
    uint32_t token                      # the first of that completion, where it was found as a whole; else NONE


cdef struct Reached:                    # a node of the vocabulary's trie and the live state that its text leads to
    uint32_t node
    uint32_t state


cdef class Completions:
    cdef readonly Engine engine
    cdef Shortest shortest
    cdef readonly int64_t end           # 1 where an end token counts
    cdef frozenset end_tokens
    cdef vector[Outlook] continuations, columns
    cdef size_t n_seen                  # continuations whose outlook is known; a MemoryError may have left more
    cdef vector[Distance] states
    cdef uint64_t visits                # stored at once: who reads it has no lock

    # scratch
    cdef vector[Reached] stack
    cdef bint forbade                   # whether judge() has forbidden any token
    cdef vector[uint32_t] unsettled, found_tokens, found_states, path, text
    cdef vector[int64_t] fewest

    cdef inline void visit(self, uint64_t n) noexcept nogil:
        store64(&self.visits, self.visits + n)

    cdef int see_continuations(self) except -1 nogil
    cdef int see_column(self, uint32_t column) except -1 nogil
    cdef int see_state(self, uint32_t state) except -1 nogil
    cdef int64_t ample(self, uint32_t state, int64_t n_bytes) noexcept nogil
    cdef uint32_t step(self, uint32_t state, uint32_t symbol) except? 0xFFFFFFFF nogil
    cdef uint32_t home(self, const Node* below, uint32_t state) except? 0xFFFFFFFF nogil
    cdef bint covered(self, const Node* below, uint32_t at) noexcept nogil
    cdef bint is_uniform(self, const Node* below, uint32_t state) noexcept nogil
    cdef int push_children(self, uint32_t node, uint32_t state) except -1 nogil
    cdef int walk_mask(self, uint32_t state, int64_t left, int32_t* row) except -1 nogil
    cdef int judge(self, uint32_t state, int64_t left, const uint32_t* tokens, uint32_t n,
                   int32_t* row) except -1 nogil
    cdef int walk_successors(self, uint32_t state, int64_t most, unordered_set[uint32_t]& seen) except -1 nogil
    cdef int special_steps(self, uint32_t state, vector[uint32_t]& steps) except -1
    cdef int note(self, uint32_t state, uint32_t token, int64_t most, unordered_set[uint32_t]& seen) except -1 nogil
    cdef int descend(self, uint32_t state, int64_t most_bytes) except -1 nogil
    cdef int respell(self) except -1 nogil
