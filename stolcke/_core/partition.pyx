"""Partitions of suffix tries by automaton states.

``partition(node, state)`` splits the tokens of the suffix trie below ``node`` by
what the terminal automaton does with them from ``state``:

* *inside*: the whole suffix is a live prefix of the terminal;
* *leaving*: the terminal can end somewhere within the suffix, and the rest is
  still to be matched by what follows.  The rests form a suffix trie again, the
  *residue*, on which the next terminal's partition is taken, and so on.

Tokens in neither set are impossible.  A token that is inside is left out of the
residue of its own path: it is allowed already.  A partition knows nothing of
grammars, so it is shared by all of them and can be kept on disk.
"""

import numpy as np

from libc.stdint cimport uint16_t
from libc.string cimport memcpy, memset
from libcpp.algorithm cimport sort

from stolcke._core.automata cimport State, state_next
from stolcke._core.locks cimport STORE
from stolcke._core.storage cimport (
    Slots,     idmap_bytes, idmap_find, idmap_free, idmap_init, idmap_put, segments_bytes, segments_free, segments_init,
    segments_push,
)
from stolcke._core.trie cimport Node

from stolcke._core.saved_partitions import check_arrays
from stolcke._core.trie import outline


cdef enum:
    SPARSE = 64                         # at most 1/64 of the vocabulary inside: a list, not a row
    SMALL_SORT = 96                     # below, comparison sorting beats counting

cdef extern from *:
    """
    #define LIVE_VISIT (1ull << 32)
    #define ELEMENT_MASK ((1ull << 33) - 1)
    """
    const uint64_t LIVE_VISIT           # an element that is a visit, not a node
    const uint64_t ELEMENT_MASK


cdef class PartitionStore:
    """The shared, lazily grown tables of one vocabulary.

    Parameters
    ----------
    data : uint8[total]
        Bytes of all tokens, one after the other.
    offsets : int64[n + 1]
        Where each token begins in ``data``.
    skip : uint8[n]
        Nonzero for ids that text never matches: special, end, empty, unused.
    shape : dict, optional
        The token trie as :func:`stolcke._core.trie.outline` gives it, where that is known already.
    """

    def __cinit__(self, const uint8_t[::1] data, const int64_t[::1] offsets, const uint8_t[::1] skip, shape=None):
        self.n_tokens = <uint32_t>skip.shape[0]
        self.n_words = (self.n_tokens + 31) // 32
        self.data = data
        self.offsets = offsets
        self.skip = skip
        self.lock = Lock(STORE)
        self.arena = Arena()
        self.automata = AutomatonStore(self.arena)
        self.token_sets = SequenceTable(self.arena)
        self.unions = SequenceTable(self.arena)
        segments_init(&self.partitions, sizeof(Partition))
        idmap_init(&self.known, 8)
        if shape is None:
            shape = outline(data, offsets, np.flatnonzero(np.asarray(skip) == 0))
        self.trie = TokenTrie(self.arena, shape)

    def __dealloc__(self):
        idmap_free(&self.known)
        segments_free(&self.partitions)

    def add_automaton(self, const int32_t[::1] offsets, const uint8_t[::1] low, const uint8_t[::1] high,
                      const int32_t[::1] target, const uint8_t[::1] accepting):
        """Canonical ids of a minimal automaton's states, as uint32[n]."""
        ids = np.empty(accepting.shape[0], np.uint32)
        cdef uint32_t[::1] out = ids
        if out.shape[0] == 0:
            return ids
        cdef const uint8_t* low_ = &low[0] if low.shape[0] else NULL
        cdef const uint8_t* high_ = &high[0] if low.shape[0] else NULL
        cdef const int32_t* target_ = &target[0] if low.shape[0] else NULL
        with nogil:
            self.lock.lock()
            try:
                self.automata.add(<uint32_t>out.shape[0], &offsets[0], low_, high_, target_, &accepting[0], &out[0])
            finally:
                self.lock.unlock()
        return ids

    def add_token_set(self, ids):
        """The partition that holds just these tokens: what a special token's terminal allows."""
        cdef const uint32_t[::1] tokens = np.unique(np.asarray(ids, np.uint32))
        with self.lock:
            return self.of_tokens(&tokens[0], tokens.shape[0])

    def stats(self):
        """Deterministic counts, and bytes of memory."""
        return {
            "tokens": self.n_tokens,
            "trie_nodes": self.trie.n_own,
            "merged_nodes": self.trie.merged.size,
            "automaton_states": self.automata.states.size,
            "partitions": self.partitions.size,
            "dense_partitions": self.n_dense,
            "trie_nodes_visited": self.visited,
            "vocabulary_bytes": self.n_bytes,
        }

    cdef size_t bytes(self) noexcept nogil:
        return (self.arena.bytes + self.automata.bytes() + self.trie.bytes() + idmap_bytes(&self.known)
                + segments_bytes(&self.partitions) + self.token_sets.bytes() + self.unions.bytes())

    @property
    def n_bytes(self):
        """Memory in use."""
        with self.lock:
            return self.bytes()

    @property
    def longest_token(self):
        """Bytes of the longest token."""
        return int(np.diff(np.asarray(self.offsets)).max(initial=0))

    def has_longer(self, const uint8_t[::1] text not None):
        """Whether some token begins with a text and is longer than it."""
        cdef const Node* at = self.trie.node(0)
        cdef Py_ssize_t i
        cdef uint32_t c
        for i in range(text.shape[0]):
            for c in range(at.n_children):
                if at.bytes[c] == text[i]:
                    at = self.trie.node(at.children[c])
                    break
            else:
                return False
        return at.n_children > 0

    # --- files ---------------------------------------------------------------------------------------------------

    def arrays(self):
        """Everything computed so far, as named arrays for :meth:`from_arrays`."""
        cdef uint32_t i, k, n_states
        cdef const State* s
        cdef const Node* node
        cdef const Partition* p
        cdef Slots* slots
        cdef uint64_t slot
        cdef vector[uint64_t] keys
        cdef vector[uint32_t] values
        cdef uint32_t n_nodes, n_parts
        edges, edge_sizes, accepting = [], [], []
        sizes, tokens, labels, children = [], [], [], []
        dense, dense_index, inside_sizes, inside, counts, residues = [], [], [], [], [], []
        # What ids below these counts stand for never changes, so only the counts and the map need the lock.
        with nogil:
            self.lock.lock()
            try:
                n_nodes = self.trie.merged.size
                n_parts = self.partitions.size
                n_states = self.automata.states.size
                slots = self.known.current
                while slots != NULL:
                    for slot in range(slots.mask + 1):
                        if slots.keys[slot] != ~<uint64_t>0:
                            keys.push_back(slots.keys[slot])
                            values.push_back(slots.values[slot])
                    slots = slots.retired
            finally:
                self.lock.unlock()
        for i in range(n_states):
            s = self.automata.state(i)
            edge_sizes.append(s.n_edges)
            accepting.append(s.accepting)
            edges += [(s.low[k], s.high[k], s.target[k]) for k in range(s.n_edges)]
        for i in range(n_nodes):
            node = self.trie.node(self.trie.n_own + i)
            sizes.append((node.n_tokens, node.n_children))
            tokens += [node.tokens[k] for k in range(node.n_tokens)]
            labels += [node.bytes[k] for k in range(node.n_children)]
            children += [node.children[k] for k in range(node.n_children)]
        for i in range(n_parts):
            p = self.at(i)
            counts.append(p.n_tokens)
            residues.append(p.residue)
            dense_index.append(NONE if p.dense == NULL else len(dense))
            inside_sizes.append(0 if p.dense != NULL else p.n_tokens)
            if p.dense != NULL:
                dense.append(np.asarray(<const uint64_t[:(self.n_words + 1) // 2]>p.dense).copy())
            else:
                inside += [p.tokens[k] for k in range(p.n_tokens)]
        known = dict(zip(keys, values))     # older tables of the map repeat what newer ones hold
        edge_array = np.array(edges, np.uint32).reshape(-1, 3)
        size_array = np.array(sizes, np.uint32).reshape(-1, 2)
        return {
            **self.trie.shape,
            "state_edges": np.array(edge_sizes, np.uint32),
            "state_accepting": np.array(accepting, np.uint8),
            "edge_low": edge_array[:, 0].astype(np.uint8),
            "edge_high": edge_array[:, 1].astype(np.uint8),
            "edge_target": edge_array[:, 2].astype(np.int32),
            "node_tokens": np.ascontiguousarray(size_array[:, 0]),
            "node_children": np.ascontiguousarray(size_array[:, 1]),
            "tokens": np.array(tokens, np.uint32),
            "labels": np.array(labels, np.uint8),
            "children": np.array(children, np.uint32),
            "dense": np.array(dense, np.uint64).reshape(-1, (self.n_words + 1) // 2),
            "part_dense": np.array(dense_index, np.uint32),
            "part_sizes": np.array(inside_sizes, np.uint32),
            "part_tokens": np.array(inside, np.uint32),
            "part_counts": np.array(counts, np.uint32),
            "part_residues": np.array(residues, np.uint32),
            "known_node": np.array([key >> 32 for key in known], np.uint32),
            "known_state": np.array([key & 0xFFFFFFFF for key in known], np.uint32),
            "known_part": np.array(list(known.values()), np.uint32),
        }

    @classmethod
    def from_arrays(cls, data, offsets, skip, arrays):
        """The store that :meth:`arrays` came from; the arrays are kept and pointed into.

        Raises
        ------
        ValueError
            Where the arrays contradict each other.
        """
        shape = {name: arrays[name] for name in ("order", "label", "depth", "ending")}
        cdef PartitionStore self = cls(data, offsets, skip, shape)
        self.kept = arrays
        check_arrays(arrays, self.n_tokens, self.trie.n_own, (self.n_words + 1) // 2)
        self.restore(arrays)
        return self

    cdef restore(self, arrays):
        cdef const uint32_t[::1] sizes = arrays["node_tokens"]
        cdef const uint32_t[::1] n_children = arrays["node_children"]
        cdef const uint32_t[::1] tokens = arrays["tokens"]
        cdef const uint8_t[::1] labels = arrays["labels"]
        cdef const uint32_t[::1] children = arrays["children"]
        cdef const uint64_t[:, ::1] dense = arrays["dense"]
        cdef const uint32_t[::1] dense_index = arrays["part_dense"]
        cdef const uint32_t[::1] part_sizes = arrays["part_sizes"]
        cdef const uint32_t[::1] inside = arrays["part_tokens"]
        cdef const uint32_t[::1] counts = arrays["part_counts"]
        cdef const uint32_t[::1] residues = arrays["part_residues"]
        cdef const uint32_t[::1] known_node = arrays["known_node"]
        cdef const uint32_t[::1] known_state = arrays["known_state"]
        cdef const uint32_t[::1] known_part = arrays["known_part"]
        cdef Py_ssize_t i
        cdef size_t token = 0, edge = 0, listed = 0
        cdef uint32_t none = 0              # what empty arrays are pointed at
        cdef Partition* p
        cdef const uint32_t* tokens_ = &tokens[0] if tokens.shape[0] else &none
        cdef const uint32_t* inside_ = &inside[0] if inside.shape[0] else &none
        cdef const uint8_t* labels_ = &labels[0] if labels.shape[0] else NULL
        cdef const uint32_t* children_ = &children[0] if children.shape[0] else &none
        offsets = np.zeros(len(arrays["state_edges"]) + 1, np.int32)
        np.cumsum(arrays["state_edges"], out=offsets[1:])
        # Canonical ids may come out in another order than they were given in.
        cdef uint32_t[::1] ids = self.add_automaton(
            offsets, arrays["edge_low"], arrays["edge_high"], arrays["edge_target"], arrays["state_accepting"])
        for i in range(sizes.shape[0]):
            self.trie.add_merged(tokens_ + token, sizes[i], labels_ + edge, children_ + edge, <uint16_t>n_children[i])
            token += sizes[i]
            edge += n_children[i]
        for i in range(counts.shape[0]):
            p = <Partition*>segments_push(&self.partitions)
            p.n_tokens = counts[i]
            p.residue = residues[i]
            p.tokens = inside_ + listed
            p.dense = NULL
            if dense_index[i] != NONE:
                p.dense = &dense[dense_index[i], 0]
                self.n_dense += 1
            listed += part_sizes[i]
        for i in range(known_part.shape[0]):
            idmap_put(&self.known, <uint64_t>known_node[i] << 32 | ids[known_state[i]], known_part[i])

    # --- building ------------------------------------------------------------------------------------------------

    cdef uint32_t partition(self, uint32_t node, uint32_t state, size_t most_bytes) except? 0xFFFFFFFF nogil:
        """The partition of a suffix trie by a state, built when first asked for.

        NONE, and nothing is built, where more than ``most_bytes`` are in use already.
        """
        cdef uint64_t key = <uint64_t>node << 32 | state
        cdef uint32_t index = idmap_find(&self.known, key)
        if index != NONE:
            return index
        self.lock.lock()
        try:
            index = idmap_find(&self.known, key)
            if index == NONE and self.bytes() <= most_bytes:
                index = self.build(node, state)
                idmap_put(&self.known, key, index)
        finally:
            self.lock.unlock()
        return index

    cdef uint32_t of_tokens(self, const uint32_t* tokens, size_t n) except? 0xFFFFFFFF nogil:
        """The partition of a given list of tokens (ascending), with the lock held."""
        cdef uint32_t set_id = self.token_sets.find(tokens, n)
        cdef Partition* p
        if set_id != NONE:
            return self.token_set_partition[set_id]
        # The partition's own copy of the tokens, made before the key: a key must never stand for what was not made.
        cdef uint32_t* kept = <uint32_t*>self.arena.take(4 * n + 1)
        memcpy(kept, tokens, 4 * n)
        p = <Partition*>segments_push(&self.partitions)
        p.dense = NULL
        p.tokens = kept
        p.n_tokens = <uint32_t>n
        p.residue = NONE
        self.token_set_partition.resize(self.token_sets.count())
        self.token_set_partition.push_back(self.partitions.size - 1)
        set_id = self.token_sets.intern(tokens, n)
        return self.token_set_partition[set_id]

    cdef uint32_t unite(self, const uint32_t* nodes, size_t n, size_t most_bytes) except? 0xFFFFFFFF nogil:
        """The suffix trie of all tokens of several (ascending), NONE as in :meth:`partition`; takes the lock."""
        cdef uint32_t index, result = NONE
        cdef size_t i
        self.lock.lock()
        try:
            index = self.unions.find(nodes, n)
            if index == NONE and self.bytes() <= most_bytes:
                self.clear_merging()
                for i in range(n):
                    self.elements.push_back(nodes[i])
                self.union_node.resize(self.unions.count())
                self.union_node.push_back(self.merge(0, n))
                index = self.unions.intern(nodes, n)
            if index != NONE:
                result = self.union_node[index]
        finally:
            self.lock.unlock()
        return result

    cdef void clear_merging(self) noexcept nogil:
        self.elements.clear()
        self.gathered.clear()
        self.edges.clear()
        self.left_tokens.clear()

    cdef uint32_t build(self, uint32_t node, uint32_t state) except? 0xFFFFFFFF nogil:
        cdef Partition made
        cdef Partition* p
        self.walk(node, state)
        self.store_inside(&made, node == 0)
        made.residue = self.residue()
        p = <Partition*>segments_push(&self.partitions)
        p[0] = made
        return self.partitions.size - 1

    cdef int walk(self, uint32_t node, uint32_t state) except -1 nogil:
        """Visit, breadth first, every node that the automaton reaches alive and that it can still leave."""
        cdef Visit visit
        cdef size_t i = 0
        cdef uint32_t c, t, k, child
        cdef const Node* at
        cdef const Node* below
        cdef const State* s
        cdef const State* next_state
        cdef const State* home
        self.visits.clear()
        self.inside.clear()
        self.inside_ranges.clear()
        self.outside_ranges.clear()
        memset(&visit, 0, sizeof(Visit))
        visit.node = node
        visit.state = state
        visit.merged = NONE
        self.visits.push_back(visit)
        while i < self.visits.size():
            at = self.trie.node(self.visits[i].node)
            s = self.automata.state(self.visits[i].state)
            self.visits[i].first = <uint32_t>self.visits.size()
            if s.n_edges == 0:
                self.visits[i].leaves = at.n_children > 0
                self.visits[i].last = self.visits[i].first
                self.outside_ranges.push_back(at.below + at.n_tokens)
                self.outside_ranges.push_back(at.below_end)
                i += 1
                continue
            for c in range(at.n_children):
                t = state_next(s, at.bytes[c])
                child = at.children[c]
                below = self.trie.node(child)
                if t == NONE:
                    self.visits[i].leaves = True
                    self.outside_ranges.push_back(below.below)
                    self.outside_ranges.push_back(below.below_end)
                    continue
                next_state = self.automata.state(t)
                home = next_state
                if below.utf8:
                    home = NULL
                    if below.whole and next_state.home[below.utf8] != NONE:
                        home = self.automata.state(next_state.home[below.utf8])
                if (home != NULL and below.below < below.below_end
                        and (below.ascii[0] & ~home.loop_ascii[0]) == 0
                        and (below.ascii[1] & ~home.loop_ascii[1]) == 0
                        and (not below.high or (below.whole and home.loops_utf8))):
                    # Whatever comes below ends in the state it began with: all tokens there are inside.
                    self.inside_ranges.push_back(below.below)
                    self.inside_ranges.push_back(below.below_end)
                    continue
                for k in range(below.n_tokens):
                    self.inside.push_back(below.tokens[k])
                if below.n_children:
                    visit.node = child
                    visit.state = t
                    visit.label = at.bytes[c]
                    self.visits.push_back(visit)
            self.visits[i].last = <uint32_t>self.visits.size()
            i += 1
        self.visited += self.visits.size()
        while i > 0:
            i -= 1
            for c in range(self.visits[i].first, self.visits[i].last):
                if self.visits[i].leaves:
                    break
                self.visits[i].leaves = self.visits[c].leaves
        return 0

    cdef int store_inside(self, Partition* p, bint whole_tokens) except -1 nogil:
        """Keep the tokens found inside by :meth:`walk`, which went through the vocabulary's own trie or another."""
        cdef size_t total = self.inside.size()
        cdef size_t i, n
        cdef size_t row_bytes = (<size_t>self.n_words + 1) // 2 * 8
        cdef uint32_t k, token
        cdef uint64_t* row
        cdef uint32_t* tokens
        for i in range(0, self.inside_ranges.size(), 2):
            total += self.inside_ranges[i + 1] - self.inside_ranges[i]
        if total * SPARSE > self.n_tokens and total > SPARSE:
            row = <uint64_t*>self.arena.take(row_bytes)
            if whole_tokens and total * 2 > self.n_tokens:
                # Nearly all are inside: take away the others.
                if self.all_tokens == NULL:
                    self.all_tokens = <uint64_t*>self.arena.take(row_bytes)
                    memset(self.all_tokens, 0, row_bytes)
                    self.set_range(self.all_tokens, 0, self.trie.own[0].below_end)
                memcpy(row, self.all_tokens, row_bytes)
                for i in range(0, self.outside_ranges.size(), 2):
                    for k in range(self.outside_ranges[i], self.outside_ranges[i + 1]):
                        token = self.trie.sorted_tokens[k]
                        row[token >> 6] &= ~(<uint64_t>1 << (token & 63))
            else:
                memset(row, 0, row_bytes)
                for i in range(self.inside.size()):
                    token = self.inside[i]
                    row[token >> 6] |= <uint64_t>1 << (token & 63)
                for i in range(0, self.inside_ranges.size(), 2):
                    self.set_range(row, self.inside_ranges[i], self.inside_ranges[i + 1])
            p.dense = row
            p.tokens = NULL
            p.n_tokens = <uint32_t>total
            self.n_dense += 1
            return 0
        for i in range(0, self.inside_ranges.size(), 2):
            for k in range(self.inside_ranges[i], self.inside_ranges[i + 1]):
                self.inside.push_back(self.trie.sorted_tokens[k])
        sort(self.inside.begin(), self.inside.end())
        tokens = <uint32_t*>self.arena.take(4 * self.inside.size() + 1)
        n = 0
        for i in range(self.inside.size()):
            if n == 0 or tokens[n - 1] != self.inside[i]:
                tokens[n] = self.inside[i]
                n += 1
        p.dense = NULL
        p.tokens = tokens
        p.n_tokens = <uint32_t>n
        return 0

    cdef void set_range(self, uint64_t* row, uint32_t begin, uint32_t end) noexcept nogil:
        cdef uint32_t k, token
        for k in range(begin, end):
            token = self.trie.sorted_tokens[k]
            row[token >> 6] |= <uint64_t>1 << (token & 63)

    cdef uint32_t residue(self) except? 0xFFFFFFFF nogil:
        """The suffix trie of what remains after the terminal ended at any visited node."""
        cdef size_t i
        self.clear_merging()
        for i in range(1, self.visits.size()):
            if self.visits[i].leaves and self.automata.state(self.visits[i].state).accepting:
                self.elements.push_back(LIVE_VISIT | i)
        if self.elements.empty():
            return NONE
        return self.merge(0, self.elements.size())

    cdef int gather(self, uint64_t element) except -1 nogil:
        """Collect an element's edges (``label << 33 | element``) and, of a node, its tokens."""
        cdef const Node* at
        cdef const Visit* visit
        cdef uint32_t c, live, child
        if not element & LIVE_VISIT:
            at = self.trie.node(<uint32_t>element)
            for c in range(at.n_children):
                self.gathered.push_back(<uint64_t>at.bytes[c] << 33 | at.children[c])
            for c in range(at.n_tokens):
                self.left_tokens.push_back(at.tokens[c])
            return 0
        visit = &self.visits[<uint32_t>element]
        at = self.trie.node(visit.node)
        live = visit.first
        for c in range(at.n_children):
            child = at.children[c]
            if live < visit.last and self.visits[live].label == at.bytes[c]:
                if self.visits[live].leaves:
                    self.gathered.push_back(<uint64_t>at.bytes[c] << 33 | LIVE_VISIT | live)
                live += 1
            elif state_next(self.automata.state(visit.state), at.bytes[c]) == NONE:
                self.gathered.push_back(<uint64_t>at.bytes[c] << 33 | child)
        return 0

    cdef uint32_t merge(self, size_t begin, size_t end) except? 0xFFFFFFFF nogil:
        """One node for the union of elements begin..end-1.  The depth is bounded by the longest token."""
        cdef uint64_t only = self.elements[begin]
        cdef bint single = end - begin == 1
        if single and not only & LIVE_VISIT:
            return <uint32_t>only
        if single and self.visits[<uint32_t>only].merged != NONE:
            return self.visits[<uint32_t>only].merged
        cdef size_t first_gathered = self.gathered.size()
        cdef size_t first_token = self.left_tokens.size()
        cdef size_t first_edge = self.edges.size()
        cdef size_t first_element = self.elements.size()
        cdef size_t i, j
        cdef uint64_t label
        cdef uint32_t child, node
        for i in range(begin, end):
            self.gather(self.elements[i])
        cdef size_t last_gathered = self.gathered.size()
        if not single:
            self.sort_gathered(first_gathered)
        i = first_gathered
        while i < last_gathered:
            label = self.gathered[i] >> 33
            j = i
            while j < last_gathered and self.gathered[j] >> 33 == label:
                self.elements.push_back(self.gathered[j] & ELEMENT_MASK)
                j += 1
            child = self.merge(first_element, self.elements.size())
            self.elements.resize(first_element)
            self.edges.push_back(label << 32 | child)
            i = j
        if not single and self.left_tokens.size() - first_token > 1:
            sort(self.left_tokens.begin() + first_token, self.left_tokens.end())
            j = first_token + 1
            for i in range(first_token + 1, self.left_tokens.size()):
                if self.left_tokens[i] != self.left_tokens[j - 1]:
                    self.left_tokens[j] = self.left_tokens[i]
                    j += 1
            self.left_tokens.resize(j)
        node = self.trie.intern(self.left_tokens, first_token, self.edges, first_edge)
        self.gathered.resize(first_gathered)
        self.left_tokens.resize(first_token)
        self.edges.resize(first_edge)
        if single:
            self.visits[<uint32_t>only].merged = node
        return node

    cdef int sort_gathered(self, size_t first) except -1 nogil:
        """Sort gathered[first:] by label; elements of one label may stay in any order."""
        cdef size_t n = self.gathered.size() - first
        cdef size_t i, total = 0, count
        cdef size_t places[256]
        if n < SMALL_SORT:
            sort(self.gathered.begin() + first, self.gathered.end())
            return 0
        memset(places, 0, sizeof(places))
        for i in range(n):
            places[self.gathered[first + i] >> 33] += 1
        for i in range(256):
            count = places[i]
            places[i] = total
            total += count
        self.sorting.resize(n)
        for i in range(n):
            self.sorting[places[self.gathered[first + i] >> 33]] = self.gathered[first + i]
            places[self.gathered[first + i] >> 33] += 1
        for i in range(n):
            self.gathered[first + i] = self.sorting[i]
        return 0
