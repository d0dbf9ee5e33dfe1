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

from stolcke._core.automata cimport State
from stolcke._core.counted cimport UNBOUNDED, UNMADE, Family, Level
from stolcke._core.locks cimport STORE
from stolcke._core.profile cimport Profile
from stolcke._core.storage cimport (
    Slots, idmap_bytes, idmap_find, idmap_free, idmap_init, idmap_put, segments_bytes, segments_free, segments_init,
    segments_push,
)
from stolcke._core.trie cimport Node, TokenTrie
from stolcke._core.types cimport trailing_zeros64

from stolcke._core.saved_partitions import check_arrays
from stolcke._core.trie import outline


cdef class PartitionStore(Splitter):
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
        self.profiles = ProfileStore()
        self.token_sets = SequenceTable(self.arena)
        self.merges = SequenceTable(self.arena)
        self.merging = TokenBits(self.n_tokens)
        self.unions = SequenceTable(self.arena)
        segments_init(&self.partitions, sizeof(Partition))
        idmap_init(&self.known, 8)
        idmap_init(&self.known_splits, 8)
        if shape is None:
            shape = outline(data, offsets, np.flatnonzero(np.asarray(skip) == 0))
        self.trie = TokenTrie(self.arena, shape)

    def __dealloc__(self):
        idmap_free(&self.known)
        idmap_free(&self.known_splits)
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

    def add_counted(self, uint32_t before, uint32_t unit, uint32_t after, uint32_t unbounded, uint32_t least, most):
        """The start state of ``before unit{least,most} after``.

        Parameters
        ----------
        before, unit, after, unbounded : int
            Canonical start states of the three, and of ``before unit* after``.
        least : int
        most : int or None

        Raises
        ------
        ValueError
            Where words of ``before`` or of ``unit`` are prefixes of each other, or a byte begins both a unit and what
            follows; or ``unbounded`` is the state of something else.
        """
        cdef uint32_t most_ = UNBOUNDED if most is None else most
        cdef uint32_t result
        cdef const char* reason
        if max(before, unit, after, unbounded) >= self.automata.states.size:
            raise ValueError("counted repeat: no such state")
        with nogil:
            self.lock.lock()
            try:
                result = self.counted.add(before, unit, after, unbounded, least, most_)
                reason = self.counted.reason
            finally:
                self.lock.unlock()
        if result == NONE:
            raise ValueError(f"counted repeat: {reason.decode()}")
        return result

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
            "repeat_levels": self.counted.level_keys.count(),
            "partitions": self.partitions.size,
            "dense_partitions": self.n_dense,
            "trie_nodes_visited": self.visited,
            "vocabulary_bytes": self.n_bytes,
        }

    cdef size_t bytes(self) noexcept nogil:
        return (self.arena.bytes + self.automata.bytes() + self.counted.bytes() + self.trie.bytes()
                + self.profiles.bytes() + idmap_bytes(&self.known) + idmap_bytes(&self.known_splits)
                + segments_bytes(&self.partitions) + self.token_sets.bytes() + self.merges.bytes()
                + self.unions.bytes())

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
        cdef uint32_t n_nodes, n_parts, n_families
        cdef const Family* family
        cdef const Level* level
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
                n_families = self.counted.family_keys.count()
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
        families, counted_states, states = [], [], []
        for i in range(n_families):
            family = self.counted.family(i)
            families.append((family.start, family.base, family.after, family.twins[0 if family.base == i else 1]))
        known = dict(zip(keys, values))     # older tables of the map repeat what newer ones hold
        for key in known:
            i = key & 0xFFFFFFFF
            states.append(i if i < COUNTED else n_states + len(counted_states))
            if i >= COUNTED:
                level = self.counted.level_of(i)
                counted_states.append((level.family, self.counted.index_of(i), level.required, level.slack))
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
            # States of counted repeats come after the explicit ones.
            "known_state": np.array(states, np.uint32),
            "families": np.array(families, np.uint32).reshape(-1, 4),
            "counted_states": np.array(counted_states, np.uint32).reshape(-1, 4),
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
        states = np.concatenate([ids, self.restore_counted(arrays, ids)])
        cdef const uint32_t[::1] state = states
        for i in range(known_part.shape[0]):
            idmap_put(&self.known, <uint64_t>known_node[i] << 32 | state[known_state[i]], known_part[i])

    cdef restore_counted(self, arrays, const uint32_t[::1] ids):
        """Make the families and the counted states of a file; ids of the latter."""
        cdef const uint32_t[:, ::1] families = arrays["families"]
        cdef const uint32_t[:, ::1] states = arrays["counted_states"]
        cdef uint32_t i, start, after, twin, family
        made, numbers = [], []
        for i in range(families.shape[0]):
            start, after, twin = ids[families[i, 0]], ids[families[i, 2]], ids[families[i, 3]]
            if families[i, 1] == i:
                family = self.counted.unit_family(start, after, twin)
            else:
                family = self.counted.prefix_family(start, made[families[i, 1]], twin)
            if family == NONE:
                raise ValueError(f"counted repeat: {self.counted.reason.decode()}")
            made.append(family)
        for i in range(states.shape[0]):
            family = made[states[i, 0]]
            if not self.counted.has_state(family, states[i, 1], states[i, 2], states[i, 3]):
                raise ValueError("array counted_states has a state that does not exist")
            numbers.append(self.counted.level(family, states[i, 2], states[i, 3]) + states[i, 1])
        return np.array(numbers, np.uint32)

    # --- building ------------------------------------------------------------------------------------------------

    # What the vocabulary's memory has no room for is refused by a status: an error must not be raised with a lock held.

    cdef uint32_t next(self, uint32_t state, uint32_t byte, size_t most_bytes) except? 0xFFFFFFFE nogil:
        """The state that a byte leads to, or NONE; takes the lock where the state has to be made.

        UNMADE, and nothing is made, where more than ``most_bytes`` are in use already.
        """
        cdef uint32_t target
        if state < COUNTED:
            return state_next(self.automata.state(state), byte)
        target = self.counted.next(state, byte)
        if target == UNMADE:
            self.lock.lock()
            try:
                target = self.counted.next(state, byte)     # another thread may have made it
                if target == UNMADE and self.bytes() <= most_bytes:
                    target = self.step(state, byte)
            finally:
                self.lock.unlock()
        return target

    cdef uint32_t partition(self, uint32_t node, uint32_t state, size_t most_bytes) except? 0xFFFFFFFF nogil:
        """The partition of a suffix trie by a state, built when first asked for.

        NONE, and nothing is built, where more than ``most_bytes`` are in use already.
        """
        cdef uint32_t twin = state
        cdef uint32_t index = NONE
        cdef uint64_t key
        cdef bint room
        if state >= COUNTED:
            twin = self.counted.nearest(state, self.trie.height(node), False, False)
        key = <uint64_t>node << 32 | twin
        if twin != UNMADE:
            index = idmap_find(&self.known, key)
        if index != NONE:
            return index
        self.lock.lock()
        try:
            room = self.bytes() <= most_bytes
            if twin == UNMADE:
                twin = self.counted.nearest(state, self.trie.height(node), True, room)
                key = <uint64_t>node << 32 | twin
            index = idmap_find(&self.known, key)
            if index == NONE and room:
                index = self.build(node, twin)
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

    cdef uint32_t merged(self, const uint32_t* parts, size_t n, size_t most_bytes) except? 0xFFFFFFFF nogil:
        """The partition that holds the tokens of several sparse ones (ascending), NONE as in :meth:`partition`."""
        cdef uint32_t index, made = NONE
        cdef size_t i
        cdef const Partition* p
        self.lock.lock()
        try:
            index = self.merges.find(parts, n)
            if index == NONE and self.bytes() <= most_bytes:
                for i in range(n):
                    p = self.at(parts[i])
                    self.merging.add(p.tokens, p.n_tokens)
                self.left_tokens.clear()
                self.merging.drain(self.left_tokens)
                made = self.of_tokens(self.left_tokens.data(), self.left_tokens.size())
                self.merge_partition.resize(self.merges.count())
                self.merge_partition.push_back(made)
                index = self.merges.intern(parts, n)
            if index != NONE:
                made = self.merge_partition[index]
        finally:
            self.lock.unlock()
        return made

    cdef uint32_t unite(self, const uint32_t* nodes, size_t n, size_t most_bytes) except? 0xFFFFFFFF nogil:
        """The suffix trie of all tokens of several (ascending), NONE as in :meth:`partition`; takes the lock."""
        cdef uint32_t result = NONE
        self.lock.lock()
        try:
            if self.unions.find(nodes, n) != NONE or self.bytes() <= most_bytes:
                result = self.unite_locked(nodes, n)
        finally:
            self.lock.unlock()
        return result

    cdef uint32_t unite_locked(self, const uint32_t* nodes, size_t n) except? 0xFFFFFFFF nogil:
        cdef uint32_t index = self.unions.find(nodes, n)
        cdef size_t i
        if index == NONE:
            self.clear_merging()
            for i in range(n):
                self.elements.push_back(nodes[i])
            self.union_node.resize(self.unions.count())
            self.union_node.push_back(self.merge(0, n))
            index = self.unions.intern(nodes, n)
        return self.union_node[index]

    cdef uint32_t build(self, uint32_t node, uint32_t state) except? 0xFFFFFFFF nogil:
        cdef Partition made
        if node == 0 and state >= COUNTED and not self.counted.may_end_within(state):
            return self.build_counted(state)
        self.walk(node, state, False)
        self.store_inside(&made, node == 0)
        made.residue = self.residue()
        (<Partition*>segments_push(&self.partitions))[0] = made
        return self.partitions.size - 1

    cdef uint32_t build_counted(self, uint32_t state) except? 0xFFFFFFFF nogil:
        """The partition of the vocabulary by a state of a counted repeat, from the profile of all its levels."""
        cdef const Level* level = self.counted.level_of(state)
        cdef uint32_t index = self.profiles.find(self, state)
        cdef const Profile* profile = self.profiles.at(index)
        cdef uint32_t least = level.required
        cdef uint32_t most = self.counted.units_left(state)
        cdef uint64_t key
        cdef uint32_t known
        cdef Partition made
        self.profiles.narrow(profile, &least, &most)
        key = <uint64_t>index << 32 | least << 16 | most
        known = idmap_find(&self.known_splits, key)
        if known != NONE:
            return known
        self.profiles.split(profile, least, most, (<size_t>self.n_words + 1) // 2)
        self.store_row(&made, self.profiles.row.data(), self.profiles.n_tokens)
        made.residue = NONE
        if not self.profiles.residues.empty():
            made.residue = self.unite_locked(self.profiles.residues.data(), self.profiles.residues.size())
        (<Partition*>segments_push(&self.partitions))[0] = made
        idmap_put(&self.known_splits, key, self.partitions.size - 1)
        return self.partitions.size - 1

    cdef int store_row(self, Partition* p, const uint64_t* row, size_t total) except -1 nogil:
        """Keep a row of tokens inside, of which there are ``total``."""
        cdef size_t row_bytes = (<size_t>self.n_words + 1) // 2 * 8
        cdef uint64_t* kept
        cdef uint32_t* tokens
        cdef uint64_t word
        cdef size_t i, n = 0
        p.n_tokens = <uint32_t>total
        p.dense = NULL
        p.tokens = NULL
        if self.is_wide(total):
            kept = <uint64_t*>self.arena.take(row_bytes)
            memcpy(kept, row, row_bytes)
            p.dense = kept
            self.n_dense += 1
            return 0
        tokens = <uint32_t*>self.arena.take(4 * total + 1)
        for i in range(row_bytes // 8):
            word = row[i]
            while word:
                tokens[n] = <uint32_t>(i * 64) + trailing_zeros64(word)
                n += 1
                word &= word - 1
        p.tokens = tokens
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
        if self.is_wide(total):
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
