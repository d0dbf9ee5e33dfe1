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

from libc.string cimport memcpy, memset
from libcpp.algorithm cimport sort

from stolcke._core.automata cimport State, state_next
from stolcke._core.counted cimport UNMADE, Level
from stolcke._core.inside cimport MOST_IN_HOLES, add_listed, copy_row
from stolcke._core.profile cimport Profile
from stolcke._core.storage cimport (
    idmap_bytes, idmap_find, idmap_free, idmap_init, idmap_put, segments_bytes, segments_free, segments_init,
    segments_push,
)
from stolcke._core.trie cimport Node, TokenTrie
from stolcke._core.types cimport popcount64, trailing_zeros64

from stolcke._core.trie import outline


cdef enum:
    MOST_SIMILAR = 4                    # states to compare one with
    MANY = 256                          # tokens below a node, for which a similar partition is worth looking for


cdef struct Stats:                      # what PartitionStore.stats tells
    uint64_t tokens, trie_nodes, merged_nodes, automaton_states, repeat_levels, partitions
    uint64_t dense_partitions, trie_nodes_visited, vocabulary_bytes


cdef class PartitionStore(StartStates):
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
        self.profiles = ProfileStore()
        self.differences = Differences(self)
        self.by_difference = True
        self.token_sets = SequenceTable(self.arena)
        self.merges = SequenceTable(self.arena)
        self.merging = TokenBits(self.n_tokens)
        self.unions = SequenceTable(self.arena)
        self.cuts = SequenceTable(self.arena)
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

    def add_token_set(self, ids):
        """The partition that holds just these tokens: what a special token's terminal allows."""
        cdef const uint32_t[::1] tokens = np.unique(np.asarray(ids, np.uint32))
        with self.lock:
            return self.of_tokens(&tokens[0], tokens.shape[0])

    def stats(self):
        """Deterministic counts, and bytes of memory."""
        cdef Stats found
        with nogil:
            self.lock.lock()
            found.tokens = self.n_tokens
            found.trie_nodes = self.trie.n_own
            found.merged_nodes = self.trie.merged.size
            found.automaton_states = self.automata.states.size
            found.repeat_levels = self.counted.level_keys.count()
            found.partitions = self.partitions.size
            found.dense_partitions = self.n_dense
            found.trie_nodes_visited = self.visited
            found.vocabulary_bytes = self.bytes()
            self.lock.unlock()
        return found

    cdef size_t bytes(self) noexcept nogil:
        return (self.arena.bytes + self.automata.bytes() + self.counted.bytes() + self.trie.bytes()
                + self.profiles.bytes() + self.differences.bytes() + self.free.bytes()
                + idmap_bytes(&self.known) + idmap_bytes(&self.known_splits) + segments_bytes(&self.partitions)
                + self.token_sets.bytes() + self.merges.bytes() + self.unions.bytes() + self.cuts.bytes())

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
        p.n_tokens = p.n_listed = <uint32_t>n
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
        cdef uint32_t index
        if node == 0 and state >= COUNTED and not self.counted.may_end_within(state):
            return self.build_counted(state)
        if (self.by_difference and state < COUNTED
                and self.trie.node(node).below_end - self.trie.node(node).below > MANY):
            index = self.build_from_edge(node, state)
            if index == NONE:
                index = self.build_from_base(node, state)
            if index == NONE:
                index = self.build_from_similar(node, state)
            if index != NONE:
                return index
        self.split(node, state)
        memset(&made, 0, sizeof(Partition))
        made.visits = self.n_visits
        self.store_inside(&made, node == 0)
        made.residue = self.residue()
        if self.scanned and made.dense != NULL and not self.differences.knows(node, state):
            self.differences.learn(self, node, state)
        return self.add(&made)

    cdef uint32_t add(self, const Partition* made) except? 0xFFFFFFFF nogil:
        (<Partition*>segments_push(&self.partitions))[0] = made[0]
        return self.partitions.size - 1

    cdef const Partition* other(self, uint32_t node, uint32_t state) except NULL nogil:
        """The partition that another one is made from; the caller holds the lock."""
        cdef uint64_t key = <uint64_t>node << 32 | state
        cdef uint32_t index = idmap_find(&self.known, key)
        if index == NONE:
            index = self.build(node, state)
            idmap_put(&self.known, key, index)
        return self.at(index)

    cdef uint32_t build_from_edge(self, uint32_t node, uint32_t state) except? 0xFFFFFFFF nogil:
        """The partition by a state with one byte to go on, behind which the text cannot end: that of what follows.

        NONE where the state is no such one.
        """
        cdef const State* s = self.automata.state(state)
        cdef const Node* at = self.trie.node(node)
        cdef const Node* child
        cdef const Partition* p
        cdef uint32_t c = 0
        if s.n_edges != 1 or s.edges[0].low != s.edges[0].high or self.automata.state(s.edges[0].target).accepting:
            return NONE
        while c < at.n_children and at.bytes[c] != s.edges[0].low:
            c += 1
        if c == at.n_children:
            return NONE
        child = self.trie.node(at.children[c])
        if child.below_end - child.below <= MANY:
            return NONE
        p = self.other(at.children[c], s.edges[0].target)
        self.differences.gone.clear()
        return self.cut(p, p.residue, child.tokens, child.n_tokens)

    cdef uint32_t build_from_base(self, uint32_t node, uint32_t state) except? 0xFFFFFFFF nogil:
        """The partition by a state that differs little from its base; NONE where it has none."""
        cdef uint32_t base = self.differences.base_of(self, state)
        cdef const Partition* p
        cdef uint32_t residue
        cdef bint is_new
        if base == NONE or not self.differences.compare(self, node, state, base, 0):
            return NONE
        is_new = idmap_find(&self.known, <uint64_t>node << 32 | base) == NONE
        p = self.other(node, base)
        residue = p.residue
        if residue != NONE:
            # A walk just made is still at hand.
            if is_new and not self.differences.knows(node, base):
                base = self.differences.learn(self, node, base)
            else:
                base = self.differences.find(self, node, base)
            residue = self.differences.residue(self, base, residue)
        return self.cut(p, residue, NULL, 0)

    cdef uint32_t build_from_similar(self, uint32_t node, uint32_t state) except? 0xFFFFFFFF nogil:
        """The partition by a state that differs little from one that has been walked for lately; NONE where none does.

        Such are the places within `[a-z]{1,63}`: few tokens are long enough to tell them apart.
        """
        cdef size_t n = self.differences.bases.size()
        cdef size_t tried = 0
        cdef uint32_t residue, index, base, same
        cdef const Partition* p
        while n > 0 and tried < MOST_SIMILAR:
            n -= 1
            if not self.differences.alike(self, <uint32_t>n, node, state):
                continue
            tried += 1
            index = idmap_find(&self.known, <uint64_t>node << 32 | self.differences.bases[n].state)
            base = self.differences.bases[n].state
            same = self.differences.agree(self, state, base) if index != NONE else 0
            if same == 0 or not self.differences.compare(self, node, state, base, same):
                continue
            p = self.at(index)
            residue = p.residue
            if residue != NONE:
                residue = self.differences.residue(self, <uint32_t>n, residue)
            return self.cut(p, residue, NULL, 0)
        return NONE

    cdef uint32_t cut(self, const Partition* p, uint32_t residue, const uint32_t* more,
                      uint32_t n_more) except? 0xFFFFFFFF nogil:
        """The partition of a residue, and of the tokens of another one that are not ``gone`` and some more."""
        cdef Partition made
        cdef uint32_t index
        memset(&made, 0, sizeof(Partition))
        made.residue = residue
        self.differences.subtract_tokens(self, p.tokens, p.n_listed)
        self.inside.swap(self.differences.tokens)
        self.inside.insert(self.inside.end(), more, more + n_more)
        if p.dense == NULL:
            self.inside_ranges.clear()
            self.store_inside(&made, False)
            return self.add(&made)
        made.dense = p.dense
        made.n_tokens = p.n_tokens - p.n_listed - self.differences.lost(self, p) + <uint32_t>self.inside.size()
        made.n_listed = <uint32_t>self.inside.size()
        made.tokens = self.inside.data()
        made.n_in_holes = self.differences.join_holes(p)
        made.n_holes = <uint32_t>self.differences.holes.size()
        made.holes = self.differences.holes.data()
        if max(made.n_in_holes, made.n_listed) > MOST_IN_HOLES or not self.is_wide(made.n_tokens):
            self.row.resize((<size_t>self.n_words + 1) // 2)
            copy_row(<uint32_t*>self.row.data(), 2 * self.row.size(), &made, self.trie.sorted_tokens)
            add_listed(<uint32_t*>self.row.data(), &made)
            memset(&made, 0, sizeof(Partition))
            made.residue = residue
            self.store_row(&made, self.row.data())
            return self.add(&made)
        self.key.clear()
        self.key.push_back(<uint32_t><uint64_t>made.dense)
        self.key.push_back(<uint32_t>(<uint64_t>made.dense >> 32))
        self.key.push_back(residue)
        self.key.push_back(made.n_listed)
        self.key.insert(self.key.end(), self.inside.begin(), self.inside.end())
        self.key.insert(self.key.end(), self.differences.holes.begin(), self.differences.holes.end())
        index = self.cuts.find(self.key.data(), self.key.size())
        if index != NONE:
            return self.cut_partition[index]
        self.cut_partition.resize(self.cuts.count() + 1)    # and so nothing can fail once the key is there
        index = self.add(&made)
        # The list and the holes are where the key has them.
        made.tokens = self.cuts.words(self.cuts.intern(self.key.data(), self.key.size())) + 4
        made.holes = made.tokens + made.n_listed
        (<Partition*>self.at(index))[0] = made
        self.cut_partition[self.cuts.count() - 1] = index
        return index

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
        memset(&made, 0, sizeof(Partition))
        self.profiles.narrow(profile, &least, &most)
        key = <uint64_t>index << 32 | least << 16 | most
        known = idmap_find(&self.known_splits, key)
        if known != NONE:
            return known
        made.visits = 64                # what it costs to compare so many numbers is like these; the profile cost more
        self.profiles.split(profile, least, most, (<size_t>self.n_words + 1) // 2)
        self.store_row(&made, self.profiles.row.data())
        made.residue = NONE
        if not self.profiles.residues.empty():
            made.residue = self.unite_locked(self.profiles.residues.data(), self.profiles.residues.size())
        known = self.add(&made)
        idmap_put(&self.known_splits, key, known)
        return known

    cdef int store_row(self, Partition* p, const uint64_t* row) except -1 nogil:
        """Keep a row of tokens inside."""
        cdef size_t row_bytes = (<size_t>self.n_words + 1) // 2 * 8
        cdef uint64_t* kept
        cdef uint32_t* tokens
        cdef uint64_t word
        cdef size_t i, n = 0, total = 0
        for i in range(row_bytes // 8):
            total += popcount64(row[i])
        p.n_tokens = <uint32_t>total
        p.dense = NULL
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
        p.n_listed = p.n_tokens
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
            if whole_tokens and self.all_seen and total * 2 > self.n_tokens:
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
        p.tokens = tokens
        p.n_tokens = p.n_listed = <uint32_t>n
        return 0

    cdef void set_range(self, uint64_t* row, uint32_t begin, uint32_t end) noexcept nogil:
        cdef uint32_t k, token
        for k in range(begin, end):
            token = self.trie.sorted_tokens[k]
            row[token >> 6] |= <uint64_t>1 << (token & 63)
