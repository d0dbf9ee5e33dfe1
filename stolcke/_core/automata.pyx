"""Canonical states of all terminals' automata.

What a partition of the vocabulary depends on is the language that remains from
a state, not the automaton the state belongs to: two thousand schemas' strings
share nearly all of theirs.  States are therefore interned, one strongly
connected component at a time, successors first: a component is written down as
integers, with edges inside it relative and edges out of it by canonical id.
Input automata are minimal, so within one no two states are equivalent, and a
component has one smallest way to be written down.
"""

from libc.stdint cimport int32_t
from libc.string cimport memset

from stolcke._core.storage cimport segments_bytes, segments_free, segments_init, segments_push
from stolcke._core.types cimport byteset_add
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
    ROW_FROM = 4                        # states of more edges than this get a row of 256 targets
    INSIDE = 0x40000000                 # marks an edge that stays in its component


cdef class AutomatonStore:

    def __cinit__(self, Arena arena not None):
        self.arena = arena
        self.keys = SequenceTable(arena)
        segments_init(&self.states, sizeof(State))

    def __dealloc__(self):
        segments_free(&self.states)

    cdef int add(self, uint32_t n, const int32_t* offsets, const uint8_t* low, const uint8_t* high,
                 const int32_t* target, const uint8_t* accepting, uint32_t* ids) except -1 nogil:
        """Intern every state of a minimal automaton; ``ids[s]`` becomes the canonical id of state s."""
        # Tarjan's algorithm with an explicit stack; components come out successors first.
        cdef vector[uint32_t] index, low_link, stack, path, edge, component, place
        cdef uint32_t counter = 0
        cdef uint32_t root, s, t, w
        index.assign(n, NONE)
        low_link.assign(n, 0)
        edge.assign(n, 0)
        place.assign(n, NONE)
        for s in range(n):
            ids[s] = NONE
        for root in range(n):
            if index[root] != NONE:
                continue
            path.push_back(root)
            while not path.empty():
                s = path.back()
                if index[s] == NONE:
                    index[s] = low_link[s] = counter
                    counter += 1
                    stack.push_back(s)
                if offsets[s] + <int32_t>edge[s] < offsets[s + 1]:
                    t = target[offsets[s] + <int32_t>edge[s]]
                    if index[t] == NONE:
                        path.push_back(t)       # edge[s] stays, so that low_link is taken on return
                        continue
                    if ids[t] == NONE and low_link[t] < low_link[s]:
                        low_link[s] = low_link[t]
                    edge[s] += 1
                    continue
                path.pop_back()
                if low_link[s] == index[s]:
                    component.clear()
                    while True:
                        w = stack.back()
                        stack.pop_back()
                        component.push_back(w)
                        if w == s:
                            break
                    self.intern_component(component, offsets, low, high, target, accepting, ids, place)
        return 0

    cdef int write_component(self, uint32_t start, const int32_t* offsets, const uint8_t* low, const uint8_t* high,
                             const int32_t* target, const uint8_t* accepting, const uint32_t* ids,
                             vector[uint32_t]& place, vector[uint32_t]& order, vector[uint32_t]& key) except -1 nogil:
        """Write a component down, breadth first from one of its states; ``place`` is left as it was, all NONE."""
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
            key.push_back(<uint32_t>(offsets[s + 1] - offsets[s]) << 1 | accepting[s])
            for e in range(offsets[s], offsets[s + 1]):
                t = target[e]
                key.push_back(<uint32_t>low[e] << 8 | high[e])
                if ids[t] != NONE:
                    key.push_back(ids[t])
                    continue
                if place[t] == NONE:
                    place[t] = <uint32_t>order.size()
                    order.push_back(t)
                key.push_back(INSIDE | place[t])
        for i in range(order.size()):
            place[order[i]] = NONE
        return 0

    cdef int intern_component(self, vector[uint32_t]& component, const int32_t* offsets, const uint8_t* low,
                              const uint8_t* high, const int32_t* target, const uint8_t* accepting,
                              uint32_t* ids, vector[uint32_t]& place) except -1 nogil:
        cdef vector[uint32_t] order, key, best_order, best_key, signature
        cdef vector[vector[uint32_t]] signatures
        cdef size_t i
        cdef uint32_t s, index, base
        cdef int32_t e
        if component.size() == 1:
            self.write_component(component[0], offsets, low, high, target, accepting, ids, place, best_order, best_key)
        else:
            # The smallest key may start only at a state of the rarest signature: nearly always there is just one.
            for i in range(component.size()):
                s = component[i]
                signature.clear()
                signature.push_back(<uint32_t>(offsets[s + 1] - offsets[s]) << 1 | accepting[s])
                for e in range(offsets[s], offsets[s + 1]):
                    signature.push_back(<uint32_t>low[e] << 8 | high[e])
                    signature.push_back(ids[target[e]])
                signature.push_back(s)
                signatures.push_back(signature)
            keep_rarest(signatures)
            for i in range(signatures.size()):
                self.write_component(
                    signatures[i].back(), offsets, low, high, target, accepting, ids, place, order, key
                )
                if best_key.empty() or smaller_words(key, best_key):
                    best_key = key
                    best_order = order
        index = self.keys.find(best_key.data(), best_key.size())
        if index == NONE:
            self.first.resize(self.keys.count())        # heals what an earlier MemoryError left behind
            base = self.states.size
            for i in range(best_order.size()):
                ids[best_order[i]] = base + <uint32_t>i
            for i in range(best_order.size()):
                self.make_state(best_order[i], offsets, low, high, target, accepting, ids)
            for i in range(best_order.size()):
                self.note_loops(base + <uint32_t>i)
            for i in range(best_order.size()):
                if self.state(base + <uint32_t>i).loops_utf8:
                    for s in range(8):
                        self.note_home(base + <uint32_t>i, base + <uint32_t>i, AFTER_LEAD[s], UTF8[s])
            self.first.push_back(base)
            self.keys.intern(best_key.data(), best_key.size())
        else:
            base = self.first[index]
            for i in range(best_order.size()):
                ids[best_order[i]] = base + <uint32_t>i
        return 0

    cdef int make_state(self, uint32_t s, const int32_t* offsets, const uint8_t* low, const uint8_t* high,
                        const int32_t* target, const uint8_t* accepting, const uint32_t* ids) except -1 nogil:
        cdef uint32_t n = offsets[s + 1] - offsets[s]
        cdef uint32_t i, b
        cdef uint8_t* bounds = <uint8_t*>self.arena.take(2 * n + 1)
        cdef uint32_t* targets = <uint32_t*>self.arena.take(4 * n + 4)
        cdef uint32_t* row = NULL
        cdef State* state
        if n > ROW_FROM:
            row = <uint32_t*>self.arena.take(1024)
            memset(row, 0xFF, 1024)
        state = <State*>segments_push(&self.states)
        state.accepting = accepting[s]
        state.n_edges = n
        state.low = bounds
        state.high = bounds + n
        state.target = targets
        state.row = row
        for i in range(n):
            bounds[i] = low[offsets[s] + <int32_t>i]
            bounds[n + i] = high[offsets[s] + <int32_t>i]
            targets[i] = ids[target[offsets[s] + <int32_t>i]]
            for b in range(bounds[i], <uint32_t>bounds[n + i] + 1):
                byteset_add(&state.live, b)
                if row != NULL:
                    row[b] = targets[i]
        return 0

    cdef void note_loops(self, uint32_t index) noexcept nogil:
        cdef State* state = <State*>segments_at(&self.states, index)
        cdef uint32_t i, b
        for i in range(state.n_edges):
            if state.target[i] == index:
                for b in range(state.low[i], min(<uint32_t>state.high[i], 127) + 1):
                    state.loop_ascii[b >> 6] |= <uint64_t>1 << (b & 63)
        state.loops_utf8 = state.n_edges > 0 and state.high[state.n_edges - 1] >= 0xF4
        memset(state.home, 0xFF, sizeof(state.home))
        for i in range(8):
            if state.loops_utf8 and not self.returns(index, &UTF8[i][0], index):
                state.loops_utf8 = False

    cdef void note_home(self, uint32_t index, uint32_t home, uint32_t utf8, const uint8_t* ranges) noexcept nogil:
        """Note, in the states that the ranges lead through, that the rest of the character leads home."""
        cdef State* state = <State*>segments_at(&self.states, index)
        cdef uint32_t i
        for i in range(state.n_edges):
            if ranges[0] and state.high[i] >= ranges[0] and state.low[i] <= ranges[1] and state.target[i] != home:
                (<State*>segments_at(&self.states, state.target[i])).home[utf8] = home
                self.note_home(state.target[i], home, utf8_rest(utf8), ranges + 2)

    cdef bint returns(self, uint32_t index, const uint8_t* ranges, uint32_t home) noexcept nogil:
        """Whether all byte sequences within the ranges lead from a state back home."""
        cdef const State* state = self.state(index)
        cdef uint32_t byte = ranges[0]
        cdef uint32_t i
        if byte == 0:
            return index == home
        for i in range(state.n_edges):
            if state.high[i] < byte:
                continue
            if state.low[i] > byte or not self.returns(state.target[i], ranges + 2, home):
                return False
            byte = <uint32_t>state.high[i] + 1
            if byte > ranges[1]:
                return True
        return False

    cdef size_t bytes(self) noexcept nogil:
        return segments_bytes(&self.states) + self.keys.bytes() + 4 * self.first.capacity()
