"""Which bytes a state takes in any order and number without coming to an end.

Inside ``".*(acceptance|production)"`` every letter is possible at every place,
but not many lead back to where they came from: ``a`` may begin a word.  What
matters for whole subtrees of a trie is only that nothing dies: that there is a
set of states, with the one in question, that a set of bytes never leads out of.
The *free* bytes of a state are such a set.  The largest is not sought: bytes
that lead to states with few ways out, such as a backslash, are left out first.
"""

from libc.string cimport memset

from stolcke._core.automata cimport Edge, State, join_live, state_next
from stolcke._core.storage cimport idmap_bytes, idmap_find, idmap_free, idmap_init, idmap_put
from stolcke._core.types cimport NONE, ByteSet, popcount64
from stolcke._core.utf8 cimport UTF8


cdef enum:
    MOST_REACHED = 64                   # states that free bytes may lead to
    ROUNDS = 6                          # of leaving out bytes


cdef int width(const State* s) noexcept nogil:
    """How many ASCII bytes a state takes."""
    cdef ByteSet live
    memset(&live, 0, sizeof(ByteSet))
    join_live(&live, s)
    return popcount64(live.bits[0]) + popcount64(live.bits[1])


cdef uint64_t ascii_range(const Edge* edge, uint32_t word) noexcept nogil:
    """The ASCII bytes of an edge, as bits: word 0 those below 64, word 1 the others."""
    cdef uint32_t low = 64 * word
    if edge.high < low or edge.low >= low + 64:
        return 0
    return (~<uint64_t>0 << (max(<uint32_t>edge.low, low) - low)
            & ~<uint64_t>0 >> (low + 63 - min(<uint32_t>edge.high, low + 63)))


cdef class FreeBytes:

    def __cinit__(self, AutomatonStore automata not None):
        self.automata = automata
        idmap_init(&self.known, 4)

    def __dealloc__(self):
        idmap_free(&self.known)

    cdef bint cover(self, uint32_t state, const Node* below) except -1 nogil:
        """Whether all that comes below a node, which lies between two characters for the state, is free."""
        cdef const Free* f
        cdef ByteSet live
        # Nothing is free that is not alive, and that is seen at a glance.
        memset(&live, 0, sizeof(ByteSet))
        join_live(&live, self.automata.state(state))
        if below.ascii[0] & ~live.bits[0] or below.ascii[1] & ~live.bits[1]:
            return False
        f = &self.free[self.find(state)]
        return ((below.ascii[0] & ~f.ascii[0]) == 0 and (below.ascii[1] & ~f.ascii[1]) == 0
                and (below.high & ~f.characters) == 0 and (below.whole or not below.high))

    cdef uint32_t find(self, uint32_t state) except? 0xFFFFFFFF nogil:
        cdef uint32_t index = idmap_find(&self.known, state)
        cdef uint32_t k
        cdef int least
        cdef Free made
        cdef const State* s
        if index != NONE:
            return index
        memset(&made, 0, sizeof(Free))
        s = self.automata.state(state)
        least = width(s) // 2
        for k in range(s.n_edges):
            if width(self.automata.state(s.edges[k].target)) > least:
                made.ascii[0] |= ascii_range(&s.edges[k], 0)
                made.ascii[1] |= ascii_range(&s.edges[k], 1)
        if self.close(state, made.ascii):
            made.characters = self.free_characters()
        else:
            memset(&made, 0, sizeof(Free))
        self.free.push_back(made)
        idmap_put(&self.known, state, <uint32_t>self.free.size() - 1)
        return <uint32_t>self.free.size() - 1

    cdef bint close(self, uint32_t state, uint64_t* ascii) except -1 nogil:
        """Leave out bytes until the others lead from no state that they reach to a narrow one or to none."""
        cdef int least = width(self.automata.state(state)) // 2
        cdef uint32_t k, target
        cdef uint64_t low, high
        cdef size_t i
        cdef bint same
        cdef const State* s
        for _ in range(ROUNDS):
            same = True
            self.reached.clear()
            self.reached.push_back(state)
            i = 0
            while i < self.reached.size():
                s = self.automata.state(self.reached[i])
                low = high = 0
                for k in range(s.n_edges):
                    target = s.edges[k].target
                    if not (ascii[0] & ascii_range(&s.edges[k], 0) or ascii[1] & ascii_range(&s.edges[k], 1)):
                        continue
                    if width(self.automata.state(target)) <= least:
                        continue
                    low |= ascii_range(&s.edges[k], 0)
                    high |= ascii_range(&s.edges[k], 1)
                    if not self.has_reached(target):
                        if self.reached.size() == MOST_REACHED:
                            return False
                        self.reached.push_back(target)
                if ascii[0] & ~low or ascii[1] & ~high:
                    ascii[0] &= low
                    ascii[1] &= high
                    same = False
                i += 1
            if same:
                return True
        return False

    cdef uint8_t free_characters(self) noexcept nogil:
        """The rows of UTF8 of which all characters lead from each reached state to one of them."""
        cdef uint8_t taken = 0
        cdef size_t i
        cdef uint32_t k, home
        for k in range(8):
            for i in range(self.reached.size()):
                home = self.first_home(self.reached[i], UTF8[k])
                if not (self.has_reached(home) and self.automata.returns(self.reached[i], UTF8[k], home)):
                    break
            else:
                taken |= <uint8_t>(1 << k)
        return taken

    cdef uint32_t first_home(self, uint32_t state, const uint8_t* ranges) noexcept nogil:
        """The state that the first character within the ranges leads to, or NONE."""
        while state != NONE and ranges[0]:
            state = state_next(self.automata.state(state), ranges[0])
            ranges += 2
        return state

    cdef bint has_reached(self, uint32_t state) noexcept nogil:
        cdef size_t i
        for i in range(self.reached.size()):
            if self.reached[i] == state:
                return True
        return False

    cdef size_t bytes(self) noexcept nogil:
        return idmap_bytes(&self.known) + sizeof(Free) * self.free.capacity() + 4 * self.reached.capacity()
