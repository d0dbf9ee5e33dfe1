"""Canonical states of all terminals' automata.

What a partition of the vocabulary depends on is the language that remains from
a state, not the automaton the state belongs to: two thousand schemas' strings
share nearly all of theirs.  States are therefore interned, one strongly
connected component at a time, successors first.

Nearly all components are a single state without a loop: it is what its edges
are, with targets by canonical id.  Any other is written down as integers, with
edges inside it relative and edges out of it by canonical id.  Input automata
are minimal, so within one no two states are equivalent, and a component has one
smallest way to be written down.
"""

from libc.string cimport memcmp, memcpy, memset

from stolcke._core.containers cimport refill
from stolcke._core.storage cimport segments_bytes, segments_free, segments_init, segments_push
from stolcke._core.types cimport mix64
from stolcke._core.utf8 cimport AFTER_LEAD, UTF8, utf8_rest


cdef extern from *:
    """
    #include <algorithm>
    #include <vector>
    typedef std::vector<uint32_t> Words;
    static inline bool smaller_words(const Words& a, const Words& b) { return a < b; }
    /* Of sequences that end with what they belong to, keeps those whose rest is rarest, then smallest. */
    static void keep_rarest(std::vector<Words>& all) {
        std::sort(all.begin(), all.end());
        auto same = [](const Words& a, const Words& b) {
            return a.size() == b.size() && std::equal(a.begin(), a.end() - 1, b.begin());
        };
        size_t first = 0, count = all.size() + 1;
        for (size_t i = 0, j; i < all.size(); i = j) {
            for (j = i + 1; j < all.size() && same(all[i], all[j]);) j++;
            if (j - i < count) { first = i; count = j - i; }
        }
        all.erase(all.begin() + first + count, all.end());
        all.erase(all.begin(), all.begin() + first);
    }
    """
    bint smaller_words(const vector[uint32_t]& a, const vector[uint32_t]& b) noexcept nogil
    void keep_rarest(vector[vector[uint32_t]]& all) except + nogil


cdef enum:
    FEW = 4                             # edges that are looked through; states of more have classes
    INSIDE = 0x40000000                 # marks an edge that stays in its component


cdef class AutomatonStore:

    def __cinit__(self, Arena arena not None):
        self.arena = arena
        self.keys = SequenceTable(arena)
        self.class_keys = SequenceTable(arena)
        refill(self.slots, 64, 0)
        self.nothing = self.no_loops()
        segments_init(&self.states, sizeof(State))

    def __dealloc__(self):
        segments_free(&self.states)

    cdef int add(self, Given* given) except -1 nogil:
        """Intern every state of a minimal automaton, so that ``given.ids`` are canonical."""
        # Tarjan's algorithm with an explicit stack; components come out successors first.
        cdef vector[uint32_t] index, low_link, edge, stack, path, component, place
        cdef uint32_t counter = 0
        cdef uint32_t root, s, t
        cdef bint loops
        refill(index, given.n, NONE)
        low_link.resize(given.n)
        edge.resize(given.n)
        for s in range(given.n):
            given.ids[s] = NONE
            edge[s] = given.offsets[s]
        for root in range(given.n):
            if index[root] != NONE:
                continue
            path.push_back(root)
            while not path.empty():
                s = path.back()
                if index[s] == NONE:
                    index[s] = low_link[s] = counter
                    counter += 1
                    stack.push_back(s)
                if edge[s] < <uint32_t>given.offsets[s + 1]:
                    t = given.target[edge[s]]
                    if index[t] == NONE:
                        path.push_back(t)       # edge[s] stays, so that low_link is taken on return
                        continue
                    if given.ids[t] == NONE and low_link[t] < low_link[s]:
                        low_link[s] = low_link[t]
                    edge[s] += 1
                    continue
                path.pop_back()
                if low_link[s] != index[s]:
                    continue
                loops = stack.back() != s
                for t in range(given.offsets[s], given.offsets[s + 1]):
                    loops = loops or <uint32_t>given.target[t] == s
                if not loops:
                    stack.pop_back()
                    self.intern_single(given, s)
                    continue
                component.clear()
                while component.empty() or component.back() != s:
                    component.push_back(stack.back())
                    stack.pop_back()
                if place.empty():
                    refill(place, given.n, NONE)
                self.intern_component(given, component, place)
        return 0

    # --- states that lie on no cycle -----------------------------------------------------------------------------

    cdef int intern_single(self, const Given* given, uint32_t s) except -1 nogil:
        cdef Edge[257] edges
        cdef uint32_t n = given.offsets[s + 1] - given.offsets[s], i
        cdef int32_t e = given.offsets[s]
        for i in range(n):
            edges[i].low = given.low[e]
            edges[i].high = given.high[e]
            edges[i].zero = 0
            edges[i].target = given.ids[given.target[e]]
            e += 1
        given.ids[s] = self.intern(edges, n, given.accepting[s])
        return 0

    cdef uint32_t intern(self, const Edge* edges, uint32_t n, bint accepting) except? 0xFFFFFFFF nogil:
        """The id of a state on no cycle; its edges are ascending, disjoint, and as long as they can be."""
        cdef uint64_t hash = n << 1 | accepting
        cdef size_t slot, mask = self.slots.size() - 1
        cdef State made
        cdef const State* known
        cdef uint32_t i
        for i in range(n):
            hash = mix64(hash, <uint64_t>edges[i].target << 16 | <uint64_t>edges[i].low << 8 | edges[i].high)
        hash = <uint32_t>(hash ^ hash >> 32)
        slot = hash & mask
        while self.slots[slot]:
            if self.slots[slot] >> 32 == hash:
                known = self.state(<uint32_t>self.slots[slot] - 1)
                if (known.n_edges == n and known.accepting == accepting
                        and memcmp(known.edges, edges, n * sizeof(Edge)) == 0):
                    return <uint32_t>self.slots[slot] - 1
            slot = (slot + 1) & mask
        made.accepting = accepting
        self.set_edges(&made, edges, n)
        if 3 * (self.singles + 1) > 2 * self.slots.size():
            self.grow()
            mask = self.slots.size() - 1
            slot = hash & mask
            while self.slots[slot]:
                slot = (slot + 1) & mask
        (<State*>segments_push(&self.states))[0] = made
        self.slots[slot] = hash << 32 | self.states.size
        self.singles += 1
        return self.states.size - 1

    cdef int grow(self) except -1 nogil:
        # In the order of their hashes, so that memory is read and written from one end to the other.
        cdef vector[uint64_t] larger
        cdef size_t mask = 2 * self.slots.size() - 1, i, slot
        refill(larger, mask + 1, 0)
        for i in range(self.slots.size()):
            if self.slots[i]:
                slot = (self.slots[i] >> 32) & mask
                while larger[slot]:
                    slot = (slot + 1) & mask
                larger[slot] = self.slots[i]
        self.slots.swap(larger)
        return 0

    # --- components with cycles ----------------------------------------------------------------------------------

    cdef int write_component(self, const Given* given, uint32_t start, vector[uint32_t]& place,
                             vector[uint32_t]& order, vector[uint32_t]& key) except -1 nogil:
        """Write a component down, breadth first from one of its states; ``place`` is all NONE, and left so."""
        cdef size_t i
        cdef uint32_t s, t
        cdef int32_t e
        order.clear()
        key.clear()
        order.push_back(start)
        place[start] = 0
        i = 0
        while i < order.size():
            s = order[i]
            i += 1
            key.push_back(<uint32_t>(given.offsets[s + 1] - given.offsets[s]) << 1 | given.accepting[s])
            for e in range(given.offsets[s], given.offsets[s + 1]):
                t = given.target[e]
                key.push_back(<uint32_t>given.low[e] << 8 | given.high[e])
                if given.ids[t] != NONE:
                    key.push_back(given.ids[t])
                    continue
                if place[t] == NONE:
                    place[t] = <uint32_t>order.size()
                    order.push_back(t)
                key.push_back(INSIDE | place[t])
        for i in range(order.size()):
            place[order[i]] = NONE
        return 0

    cdef int intern_component(self, const Given* given, vector[uint32_t]& component,
                              vector[uint32_t]& place) except -1 nogil:
        cdef vector[uint32_t] order, key, best_order, best_key, signature
        cdef vector[vector[uint32_t]] signatures
        cdef Edge[257] edges
        cdef State* state
        cdef size_t i
        cdef uint32_t s, index, base, n
        cdef int32_t e
        # The smallest key may start only at a state of the rarest signature: nearly always there is just one.
        for i in range(component.size()):
            s = component[i]
            signature.clear()
            signature.push_back(<uint32_t>(given.offsets[s + 1] - given.offsets[s]) << 1 | given.accepting[s])
            for e in range(given.offsets[s], given.offsets[s + 1]):
                signature.push_back(<uint32_t>given.low[e] << 8 | given.high[e])
                signature.push_back(given.ids[given.target[e]])
            signature.push_back(s)
            signatures.push_back(signature)
        keep_rarest(signatures)
        for i in range(signatures.size()):
            self.write_component(given, signatures[i].back(), place, order, key)
            if best_key.empty() or smaller_words(key, best_key):
                best_key.assign(key.begin(), key.end())
                best_order.assign(order.begin(), order.end())
        index = self.keys.find(best_key.data(), best_key.size())
        base = self.states.size if index == NONE else self.first[index]
        for i in range(best_order.size()):
            given.ids[best_order[i]] = base + <uint32_t>i
        if index != NONE:
            return 0
        self.first.resize(self.keys.count())        # heals what an earlier MemoryError left behind
        for i in range(best_order.size()):
            s = best_order[i]
            n = 0
            for e in range(given.offsets[s], given.offsets[s + 1]):
                edges[n].low = given.low[e]
                edges[n].high = given.high[e]
                edges[n].zero = 0
                edges[n].target = given.ids[given.target[e]]
                n += 1
            state = <State*>segments_push(&self.states)
            state.accepting = given.accepting[s]
            self.set_edges(state, edges, n)
        for i in range(best_order.size()):
            self.note_loops(base + <uint32_t>i)
        for i in range(best_order.size()):
            state = <State*>segments_at(&self.states, base + <uint32_t>i)
            for s in range(8):
                if state.loops.loop_utf8 >> s & 1:
                    self.note_home(base + <uint32_t>i, base + <uint32_t>i, AFTER_LEAD[s], UTF8[s])
        self.first.push_back(base)
        self.keys.intern(best_key.data(), best_key.size())
        return 0

    # --- parts of states -----------------------------------------------------------------------------------------

    cdef int set_edges(self, State* state, const Edge* edges, uint32_t n) except -1 nogil:
        """Give a state its edges, and classes where they are many."""
        cdef bint many = n > FEW
        cdef Edge* kept = <Edge*>self.arena.take(max(n + many, <uint32_t>1) * sizeof(Edge))
        memcpy(kept, edges, n * sizeof(Edge))
        state.edges = kept
        state.n_edges = <uint16_t>n
        state.classes = NULL
        state.loops = self.nothing
        if many:
            kept[n].low = kept[n].high = 0
            kept[n].zero = 0
            kept[n].target = NONE
            state.classes = self.classes_of(edges, n)
        return 0

    cdef const Classes* classes_of(self, const Edge* edges, uint32_t n) except? NULL nogil:
        """The classes that edges make of the bytes, by their bounds alone: two thousand in half a million states."""
        cdef uint32_t[256] key
        cdef uint32_t i, index
        cdef Classes* made
        for i in range(n):
            key[i] = <uint32_t>edges[i].low << 8 | edges[i].high
        index = self.class_keys.find(key, n)
        if index != NONE:
            return self.classes[index]
        made = <Classes*>self.arena.take(sizeof(Classes))
        memset(&made.live, 0, sizeof(ByteSet))
        # Behind 256 edges there is nothing, but then no byte is without one.
        memset(made.edge, <int>(n & 255), sizeof(made.edge))
        for i in range(n):
            byteset_add_range(&made.live, edges[i].low, edges[i].high)
            memset(&made.edge[edges[i].low], <int>i, edges[i].high - edges[i].low + 1)
        self.classes.resize(self.class_keys.count())        # heals what an earlier MemoryError left behind
        self.classes.push_back(made)
        self.class_keys.intern(key, n)
        return made

    cdef Loops* no_loops(self) except NULL nogil:
        cdef Loops* made = <Loops*>self.arena.take(sizeof(Loops))
        memset(made, 0, sizeof(Loops))
        memset(made.home, 0xFF, sizeof(made.home))
        return made

    cdef Loops* loops_of(self, State* state) except NULL nogil:
        """What leads back to a state, or through it, for more to be noted."""
        if state.loops == self.nothing:
            state.loops = self.no_loops()
        return <Loops*>state.loops

    cdef int note_loops(self, uint32_t index) except -1 nogil:
        cdef State* state = <State*>segments_at(&self.states, index)
        cdef Loops* loops
        cdef uint32_t i, b
        if state.n_edges and state.edges[state.n_edges - 1].high >= 128:
            for i in range(8):
                if self.returns(index, UTF8[i], index):
                    self.loops_of(state).loop_utf8 |= <uint8_t>(1 << i)
        for i in range(state.n_edges):
            if state.edges[i].target == index and state.edges[i].low < 128:
                loops = self.loops_of(state)
                for b in range(state.edges[i].low, min(<uint32_t>state.edges[i].high, 127) + 1):
                    loops.loop_ascii[b >> 6] |= <uint64_t>1 << (b & 63)
        return 0

    cdef int note_home(self, uint32_t index, uint32_t home, uint32_t utf8, const uint8_t* ranges) except -1 nogil:
        """Note, in the states that the ranges lead through, that the rest of the character leads home."""
        cdef State* state = <State*>segments_at(&self.states, index)
        cdef const Edge* edge
        cdef uint32_t i
        for i in range(state.n_edges):
            edge = &state.edges[i]
            if ranges[0] and edge.high >= ranges[0] and edge.low <= ranges[1] and edge.target != home:
                self.loops_of(<State*>segments_at(&self.states, edge.target)).home[utf8] = home
                self.note_home(edge.target, home, utf8_rest(utf8), ranges + 2)
        return 0

    cdef bint returns(self, uint32_t index, const uint8_t* ranges, uint32_t home) noexcept nogil:
        """Whether all byte sequences within the ranges lead from a state back home."""
        cdef const State* state = self.state(index)
        cdef uint32_t byte = ranges[0]
        cdef uint32_t i
        if byte == 0:
            return index == home
        for i in range(state.n_edges):
            if state.edges[i].high < byte:
                continue
            if state.edges[i].low > byte or not self.returns(state.edges[i].target, ranges + 2, home):
                return False
            byte = <uint32_t>state.edges[i].high + 1
            if byte > ranges[1]:
                return True
        return False

    cdef size_t bytes(self) noexcept nogil:
        return (segments_bytes(&self.states) + self.keys.bytes() + self.class_keys.bytes()
                + 4 * self.first.capacity() + 8 * self.slots.capacity() + sizeof(void*) * self.classes.capacity())
