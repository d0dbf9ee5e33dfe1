"""Partitions from the difference to a similar state.

Each schema that names some properties and allows others has its own states of
"any name but these": at each of them nearly the whole vocabulary goes on as it
would in any string.  So such a state is compared with the state that most bytes
lead to, its *base*: both are led through the trie at once, and where they meet
again, all below is the same for both.  What remains are a few tokens that the
base allows and the state does not, to be taken away from the base's row, and
the *exits* of the base among them, the places where the terminal may end.

Whatever is not of this kind (the state allows more than its base; the terminal
may end where the two differ) is left to :meth:`Splitter.walk`.
"""

from libcpp.algorithm cimport sort

from stolcke._core.automata cimport Edge, State, state_next
from stolcke._core.counted cimport COUNTED
from stolcke._core.inside cimport Partition
from stolcke._core.split cimport is_broad
from stolcke._core.storage cimport (
    idmap_bytes, idmap_find, idmap_free, idmap_init, idmap_put, seen_add, seen_clear, seen_free,
)
from stolcke._core.trie cimport Node
from stolcke._core.types cimport NONE


cdef extern from *:
    """
    #include <algorithm>
    #include <vector>
    template <class E> static void sort_exits(std::vector<E>& v, size_t first) {
        std::sort(v.begin() + first, v.end(), [](const E& a, const E& b) {
            return a.below != b.below ? a.below < b.below : a.node < b.node;
        });
    }
    template <class E> static size_t exits_before(const std::vector<E>& v, size_t begin, size_t end, uint32_t below) {
        return std::lower_bound(v.begin() + begin, v.begin() + end, below,
                                [](const E& e, uint32_t at) { return e.below < at; }) - v.begin();
    }
    """
    void sort_exits(vector[Exit]& v, size_t first) noexcept nogil
    size_t exits_before(const vector[Exit]& v, size_t begin, size_t end, uint32_t below) noexcept nogil


cdef enum:
    MOST_PAIRS = 2048                   # to visit before two states are found to have little in common
    MOST_SIMILAR_PAIRS = 512            # the same, of states that agree for some bytes
    LEAST_BYTES = 12                    # for which they must agree: most tokens are shorter
    MOST_BYTES = 24                     # in which they are looked for where they are told apart: longer tokens are few
    MOST_APART = 2048                   # pairs of states, met on the way


cdef inline uint32_t n_ascii(const Edge* edge) noexcept nogil:
    """How many ASCII bytes an edge has."""
    return min(<uint32_t>edge.high + 1, <uint32_t>128) - min(<uint32_t>edge.low, <uint32_t>128)


cdef uint32_t usual_target(const State* s) noexcept nogil:
    """The state that most of the ASCII bytes with an edge lead to, or NONE."""
    cdef uint32_t votes = 0, live = 0, count = 0
    cdef uint32_t k, n
    cdef uint32_t usual = NONE
    # What has a majority is left when bytes of different targets are paired off.
    for k in range(s.n_edges):
        n = n_ascii(&s.edges[k])
        live += n
        if s.edges[k].target == usual:
            votes += n
        elif n > votes:
            usual = s.edges[k].target
            votes = n - votes
        else:
            votes -= n
    for k in range(s.n_edges):
        if s.edges[k].target == usual:
            count += n_ascii(&s.edges[k])
    return usual if 2 * count > live else NONE


cdef inline uint32_t enough(uint32_t length) noexcept nogil:
    return length if length >= LEAST_BYTES else 0


cdef class Differences:

    def __cinit__(self, Splitter splitter not None):
        self.rests = SequenceTable(splitter.arena)
        idmap_init(&self.known, 4)
        seen_clear(&self.seen)

    def __dealloc__(self):
        idmap_free(&self.known)
        seen_free(&self.seen)

    cdef uint32_t base_of(self, Splitter splitter, uint32_t state) noexcept nogil:
        """The state that most bytes lead to and that they lead back to, if there is another such state; or NONE."""
        cdef uint32_t base
        if state >= COUNTED or splitter.automata.state(state).n_edges < 2:
            return NONE
        base = usual_target(splitter.automata.state(state))
        if base == NONE or base == state or usual_target(splitter.automata.state(base)) != base:
            return NONE
        return base

    cdef bint alike(self, Splitter splitter, uint32_t base, uint32_t node, uint32_t state) noexcept nogil:
        """Whether a state, which is wide, takes the same bytes as a base at the same node, and in the same groups."""
        cdef const State* s = splitter.automata.state(state)
        cdef const State* b = splitter.automata.state(self.bases[base].state)
        cdef uint32_t k
        if self.bases[base].node != node or self.bases[base].state == state or b.classes != s.classes:
            return False
        if s.classes == NULL:
            if s.n_edges != b.n_edges or not is_broad(s):
                return False
            for k in range(s.n_edges):
                if s.edges[k].low != b.edges[k].low or s.edges[k].high != b.edges[k].high:
                    return False
        return True

    cdef uint32_t agree(self, Splitter splitter, uint32_t state, uint32_t base) except? 0xFFFFFFFF nogil:
        """Up to how many bytes two states cannot be told apart by, as far as that is looked for; 0 where they are few.

        After so many bytes, whichever they are, either both are alive or none is, and before, both accept or none does.
        """
        cdef size_t i = 0, end
        cdef uint32_t length, k, m, byte
        cdef const State* s
        cdef const State* b
        cdef Apart pair
        seen_clear(&self.seen)
        self.apart.clear()
        pair.state = state
        pair.base = base
        self.apart.push_back(pair)
        for length in range(MOST_BYTES):
            end = self.apart.size()
            if end > MOST_APART:
                return enough(length)
            while i < end:
                s = splitter.automata.state(self.apart[i].state)
                b = splitter.automata.state(self.apart[i].base)
                i += 1
                if s.accepting != b.accepting:
                    return enough(length)
                k = m = byte = 0
                while k < s.n_edges and m < b.n_edges:
                    # Each round is about the bytes that one edge of each takes.
                    if max(<uint32_t>s.edges[k].low, byte) != max(<uint32_t>b.edges[m].low, byte):
                        return enough(length)
                    pair.state, pair.base = s.edges[k].target, b.edges[m].target
                    if pair.state != pair.base and seen_add(
                            &self.seen, <uint64_t>pair.state << 32 | pair.base):
                        self.apart.push_back(pair)
                    byte = min(s.edges[k].high, b.edges[m].high) + 1
                    k += <uint32_t>(s.edges[k].high < byte)
                    m += <uint32_t>(b.edges[m].high < byte)
                if k < s.n_edges or m < b.n_edges:
                    return enough(length)
        return MOST_BYTES

    cdef bint compare(self, Splitter splitter, uint32_t node, uint32_t state, uint32_t base,
                      uint32_t same) except -1 nogil:
        """Find the tokens below a node that a state does not allow and its base does; False where more is different.

        Where a pair of states is alive and differs, the terminal must not be able to end, so that the exits of the
        base are either in ``gone`` or the same for both.  Up to ``same`` bytes no text is known to tell the two apart,
        nor what is below a node if no way down leads further; only own nodes may have more than 0.
        """
        cdef size_t i = 0
        cdef uint32_t c, target, base_target
        cdef uint32_t deep = same + splitter.trie.places[node].depth if same else 0
        cdef const Node* at
        cdef const Node* below
        cdef const State* s
        cdef const State* b
        cdef Pair pair
        self.pairs.clear()
        self.gone.clear()
        pair.node = node
        pair.state = state
        pair.base = base
        self.pairs.push_back(pair)
        while i < self.pairs.size():
            if i == (MOST_SIMILAR_PAIRS if same else MOST_PAIRS):
                return False
            at = splitter.trie.node(self.pairs[i].node)
            s = splitter.automata.state(self.pairs[i].state)
            b = splitter.automata.state(self.pairs[i].base)
            if i > 0 and (s.accepting or b.accepting):
                return False
            for c in range(at.n_children):
                target = state_next(s, at.bytes[c])
                base_target = state_next(b, at.bytes[c])
                if target == base_target:
                    continue
                if base_target == NONE:
                    return False
                below = splitter.trie.node(at.children[c])
                if target == NONE:
                    self.gone.push_back(below.below)
                    self.gone.push_back(below.below_end)
                elif not same or below.height + splitter.trie.places[at.children[c]].depth > deep:
                    pair.node = at.children[c]
                    pair.state = target
                    pair.base = base_target
                    self.pairs.push_back(pair)
            i += 1
        splitter.visited += self.pairs.size()
        sort(self.gone.begin(), self.gone.end())        # disjoint ranges, so their ends fall into place
        return True

    cdef bint knows(self, uint32_t node, uint32_t state) noexcept nogil:
        return idmap_find(&self.known, <uint64_t>node << 32 | state) != NONE

    cdef uint32_t find(self, Splitter splitter, uint32_t node, uint32_t state) except? 0xFFFFFFFF nogil:
        """The base that a state is below a node."""
        cdef uint32_t index = idmap_find(&self.known, <uint64_t>node << 32 | state)
        if index != NONE:
            return index
        splitter.split(node, state)
        if splitter.scanned:
            splitter.find_rests()
        return self.learn(splitter, node, state)

    cdef uint32_t learn(self, Splitter splitter, uint32_t node, uint32_t state) except? 0xFFFFFFFF nogil:
        """Remember the exits of a base that has just been walked for."""
        cdef size_t i
        cdef uint32_t rest
        self.begin(node, state)
        if splitter.scanned:
            for i in range(0, splitter.leaving.size(), 2):
                self.add_exit(splitter.trie.node(splitter.leaving[i]).below, splitter.leaving[i + 1])
            return self.finish()
        for i in range(1, splitter.visits.size()):
            if splitter.visits[i].leaves and splitter.state(splitter.visits[i].state).accepting:
                splitter.clear_merging()
                splitter.add_visit(i)
                rest = splitter.merge(0, 1)
                self.add_exit(splitter.trie.node(splitter.visits[i].node).below, rest)
        return self.finish()

    # A base, one exit after the other.

    cdef int begin(self, uint32_t node, uint32_t state) except -1 nogil:
        self.made.node = node
        self.made.state = state
        self.made.exits = 0 if self.bases.empty() else self.bases.back().exits_end
        self.exits.resize(self.made.exits)      # heals what an earlier MemoryError left behind
        return 0

    cdef int add_exit(self, uint32_t below, uint32_t node) except -1 nogil:
        cdef Exit found
        found.below = below
        found.node = node
        self.exits.push_back(found)
        return 0

    cdef uint32_t finish(self) except? 0xFFFFFFFF nogil:
        sort_exits(self.exits, self.made.exits)
        self.made.exits_end = <uint32_t>self.exits.size()
        self.bases.push_back(self.made)
        idmap_put(&self.known, <uint64_t>self.made.node << 32 | self.made.state, <uint32_t>self.bases.size() - 1)
        return <uint32_t>self.bases.size() - 1

    cdef uint32_t lost(self, Splitter splitter, const Partition* p) noexcept nogil:
        """How many tokens of a partition's row are gone."""
        cdef size_t i
        cdef uint32_t k, token, hole = 0, n = 0
        for i in range(0, self.gone.size(), 2):
            for k in range(self.gone[i], self.gone[i + 1]):
                while hole < p.n_holes and p.holes[hole + 1] <= k:
                    hole += 2
                if hole == p.n_holes or k < p.holes[hole]:
                    token = splitter.trie.sorted_tokens[k]
                    n += <uint32_t>(p.dense[token >> 6] >> (token & 63) & 1)
        return n

    cdef uint32_t join_holes(self, const Partition* p) except? 0xFFFFFFFF nogil:
        """Put what is gone and the holes of a partition together in ``holes``; how many tokens these hold."""
        cdef size_t i = 0
        cdef uint32_t begin, end, hole = 0, n = 0
        self.holes.clear()
        while i < self.gone.size() or hole < p.n_holes:
            if hole == p.n_holes or (i < self.gone.size() and self.gone[i] < p.holes[hole]):
                begin, end = self.gone[i], self.gone[i + 1]
                i += 2
            else:
                begin, end = p.holes[hole], p.holes[hole + 1]
                hole += 2
            if self.holes.empty() or self.holes.back() < begin:
                self.holes.push_back(begin)
                self.holes.push_back(begin)
            n += max(end, self.holes.back()) - self.holes.back()
            self.holes[self.holes.size() - 1] = max(end, self.holes.back())
        return n

    cdef int subtract_tokens(self, Splitter splitter, const uint32_t* tokens, size_t n) except -1 nogil:
        """Leave in ``tokens`` those of a list, which is ascending, that are not gone."""
        cdef size_t i, at = 0
        self.taken.clear()
        self.tokens.clear()
        if n == 0:
            return 0
        for i in range(0, self.gone.size(), 2):
            self.taken.insert(self.taken.end(), splitter.trie.sorted_tokens + self.gone[i],
                              splitter.trie.sorted_tokens + self.gone[i + 1])
        sort(self.taken.begin(), self.taken.end())
        for i in range(n):
            while at < self.taken.size() and self.taken[at] < tokens[i]:
                at += 1
            if at == self.taken.size() or self.taken[at] != tokens[i]:
                self.tokens.push_back(tokens[i])
        return 0

    cdef uint32_t residue(self, Splitter splitter, uint32_t base, uint32_t whole) except? 0xFFFFFFFF nogil:
        """What remains of the base's residue, ``whole``, without the exits that are gone."""
        cdef Base b = self.bases[base]
        cdef size_t i, first, last
        cdef uint32_t known, node = NONE
        self.key.clear()
        self.key.push_back(base)
        for i in range(0, self.gone.size(), 2):
            first = exits_before(self.exits, b.exits, b.exits_end, self.gone[i])
            last = exits_before(self.exits, b.exits, b.exits_end, self.gone[i + 1])
            if first < last:
                self.key.push_back(<uint32_t>first)
                self.key.push_back(<uint32_t>last)
        if self.key.size() == 1:
            return whole
        known = self.rests.find(self.key.data(), self.key.size())
        if known != NONE:
            return self.rest_node[known]
        splitter.clear_merging()
        first = b.exits
        for i in range(1, self.key.size(), 2):
            self.keep(splitter, first, self.key[i])
            first = self.key[i + 1]
        self.keep(splitter, first, b.exits_end)
        if not splitter.elements.empty():
            node = splitter.merge(0, splitter.elements.size())
        self.rest_node.resize(self.rests.count())
        self.rest_node.push_back(node)
        self.rests.intern(self.key.data(), self.key.size())
        return node

    cdef int keep(self, Splitter splitter, size_t first, size_t last) except -1 nogil:
        cdef size_t i
        for i in range(first, last):
            splitter.elements.push_back(self.exits[i].node)
        return 0

    cdef size_t bytes(self) noexcept nogil:
        return (idmap_bytes(&self.known) + self.rests.bytes()
                + sizeof(Base) * self.bases.capacity() + sizeof(Exit) * self.exits.capacity()
                + 4 * self.rest_node.capacity())
