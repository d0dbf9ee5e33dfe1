"""Walking a suffix trie with an automaton, and merging what remains of tokens into tries again."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libcpp.vector cimport vector

from stolcke._core.automata cimport AutomatonStore, Loops, State, state_next
from stolcke._core.counted cimport COUNTED, CountedStore
from stolcke._core.free_bytes cimport FreeBytes
from stolcke._core.storage cimport Arena
from stolcke._core.trie cimport Node, TokenTrie
from stolcke._core.types cimport NONE


cdef struct Visit:
    uint32_t node
    uint32_t state
    uint32_t label                      # of the edge that leads here
    uint32_t first                      # live children: visits first..last-1
    uint32_t last
    uint32_t merged                     # the residue below, once made
    uint32_t units                      # units of a counted repeat that began on the way here
    bint leaves                         # whether some token below leaves the terminal


cdef struct Measured:
    # Tokens inside, while units are counted: TokenTrie.order[below:below_end].
    uint32_t below
    uint32_t below_end
    uint32_t units                      # began on the way to their common node ...
    uint32_t begun                      # ... as did so many characters
    bint within                         # whether they end within the repeat; then each character more is a unit more


cdef struct Local:
    # A state that a scan has met.
    uint32_t state
    uint32_t row                        # Splitter.rows[row:row + 256], NONE where it has not been needed yet
    bint accepting
    bint leads_on                       # whether any byte has an edge
    bint loops                          # whether something leads back to it, or from within a character to its home


cdef bint is_broad(const State* s) noexcept nogil


cdef class Splitter:
    """Splits suffix tries by states; knows no partitions yet."""
    cdef readonly uint32_t n_tokens
    cdef readonly uint32_t n_words      # int32 words of a mask row
    cdef Arena arena
    cdef AutomatonStore automata
    cdef CountedStore counted
    cdef FreeBytes free
    cdef TokenTrie trie
    cdef readonly uint64_t visited      # trie nodes walked so far, a deterministic measure of work
    cdef uint32_t n_visits              # by the last walk() or scan()
    cdef uint64_t* all_tokens           # the row of everything that text can match, once needed

    # What walk() found, and the scratch of merge(); kept to avoid allocation.
    cdef vector[Visit] visits
    cdef vector[Measured] measured
    cdef vector[uint32_t] inside, inside_ranges, outside_ranges, left_tokens
    cdef vector[uint32_t] leaving       # what scan() found instead of visits: a node, and the rest that is left there
    cdef bint scanned                   # whether it was scan()
    cdef vector[Local] locals
    cdef vector[uint32_t] local_slots   # hash table: index into locals + 1, 0 where free
    cdef vector[uint16_t] rows          # by byte, index into locals + 1; 0 where it leads nowhere
    cdef vector[uint32_t] path          # of each depth, index into locals
    cdef bint all_seen                  # whether outside_ranges has all tokens that are not inside
    cdef vector[uint64_t] elements, gathered, edges, sorting

    cdef uint32_t step_counted(self, uint32_t state, uint32_t byte) except? 0xFFFFFFFE nogil
    cdef int walk(self, uint32_t node, uint32_t state, bint counting) except -1 nogil
    cdef int descend(self, size_t parent, uint8_t label, uint32_t child, uint32_t state,
                     bint counting) except -1 nogil
    cdef bint all_inside(self, const Node* below, uint32_t state) except -1 nogil
    cdef int measure(self, const Node* node, uint32_t below_end, uint32_t units, bint within) except -1 nogil
    cdef bint scan(self, uint32_t node, uint32_t state) except -1 nogil
    cdef int find_rests(self) except -1 nogil
    cdef uint32_t local(self, uint32_t state) except? 0xFFFFFFFF nogil
    cdef int grow_locals(self) except -1 nogil
    cdef int make_row(self, uint32_t index) except -1 nogil
    cdef int split(self, uint32_t node, uint32_t state) except -1 nogil
    cdef int add_visit(self, size_t index) except -1 nogil
    cdef uint32_t residue(self) except? 0xFFFFFFFF nogil
    cdef uint32_t merge(self, size_t begin, size_t end) except? 0xFFFFFFFF nogil
    cdef int gather(self, uint64_t element) except -1 nogil
    cdef int sort_gathered(self, size_t first) except -1 nogil
    cdef void clear_merging(self) noexcept nogil

    cdef inline const State* state(self, uint32_t index) noexcept nogil:
        """A state, of which the targets are to be found by :meth:`step` alone."""
        return self.automata.state(index) if index < COUNTED else self.counted.template(index)

    cdef inline uint32_t step(self, uint32_t state, uint32_t byte) except? 0xFFFFFFFE nogil:
        """The state that a byte leads to, or NONE; the caller holds the lock."""
        if state < COUNTED:
            return state_next(self.automata.state(state), byte)
        return self.step_counted(state, byte)

    cdef inline const Loops* home(self, const Node* below, uint32_t state) noexcept nogil:
        """What leads back to the state that all characters below a node lead to, if those lead back at all; or NULL.

        That is the state itself between two characters, and within one that to which every rest of it leads.  Nor may
        there be more below than the units of a counted repeat that are left.
        """
        cdef const State* at
        if state < COUNTED:
            at = self.automata.state(state)
            if below.utf8 == 0:
                return at.loops
            if below.whole and at.loops.home[below.utf8] != NONE:
                return self.automata.state(at.loops.home[below.utf8]).loops
            return NULL
        if below.height > self.counted.units_left(state):
            return NULL
        at = self.counted.template(state)
        if below.utf8 == 0:
            return at.loops
        if below.whole and at.loops.home[below.utf8] != NONE:
            return self.counted.between(state).loops
        return NULL
