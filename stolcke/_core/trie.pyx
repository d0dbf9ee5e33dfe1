"""Tries of token suffixes.

The vocabulary's own trie comes first, numbered in preorder, so that the tokens
below a node are one slice of the sorted token ids.  What remains of tokens after
a terminal has ended inside them (:mod:`stolcke._core.partition`) is again a trie,
most of whose subtrees are subtrees of the vocabulary's: it is made of a few
*merged* nodes that point to them, never of copies.
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from stolcke._core.storage cimport segments_bytes, segments_free, segments_init, segments_push


cdef extern from *:
    """
    #include <algorithm>
    #include <vector>
    #include <string.h>
    namespace {
    struct PrefixedToken { uint64_t prefix; uint32_t id; };
    /* Sorts token ids by their bytes, then by id.  Eight bytes at a time decide nearly every comparison. */
    void sort_tokens(uint32_t *ids, size_t n, const uint8_t *data, const int64_t *offsets) {
        std::vector<PrefixedToken> work(n);
        for (size_t i = 0; i < n; i++) {
            int64_t begin = offsets[ids[i]], length = offsets[ids[i] + 1] - begin;
            uint64_t prefix = 0;
            for (int64_t k = 0; k < 8; k++) prefix = prefix << 8 | (k < length ? data[begin + k] : 0);
            work[i] = {prefix, ids[i]};
        }
        std::sort(work.begin(), work.end(), [=](const PrefixedToken &a, const PrefixedToken &b) {
            if (a.prefix != b.prefix) return a.prefix < b.prefix;
            size_t la = offsets[a.id + 1] - offsets[a.id], lb = offsets[b.id + 1] - offsets[b.id];
            int c = memcmp(data + offsets[a.id], data + offsets[b.id], la < lb ? la : lb);
            return c ? c < 0 : la != lb ? la < lb : a.id < b.id;
        });
        for (size_t i = 0; i < n; i++) ids[i] = work[i].id;
    }
    }
    """
    void sort_tokens(uint32_t* ids, size_t n, const uint8_t* data, const int64_t* offsets) except + nogil


cdef enum:
    BROKEN = 9                          # state of the UTF-8 check after a byte that cannot follow


cdef uint32_t utf8_step(uint32_t state, uint32_t byte) noexcept nogil:
    """Well-formedness byte by byte: 0 between characters, 1 to 3 continuations due, 4 to 7 as RFC 3629 narrows them."""
    if state == 0:
        if byte < 0x80:
            return 0
        if 0xC2 <= byte <= 0xDF:
            return 1
        if byte == 0xE0:
            return 4
        if byte == 0xED:
            return 5
        if 0xE1 <= byte <= 0xEF:
            return 2
        if byte == 0xF0:
            return 6
        if byte == 0xF4:
            return 7
        return 3 if 0xF1 <= byte <= 0xF3 else BROKEN
    if state == BROKEN or byte < 0x80 or byte > 0xBF:
        return BROKEN
    if state <= 3:
        return state - 1
    if state == 4:
        return 1 if byte >= 0xA0 else BROKEN
    if state == 5:
        return 1 if byte < 0xA0 else BROKEN
    if state == 6:
        return 2 if byte >= 0x90 else BROKEN
    return 2 if byte < 0x90 else BROKEN


cdef class TokenTrie:
    """The trie of a vocabulary's tokens, and every suffix trie derived from it.

    Parameters
    ----------
    arena : Arena
    data : uint8[total]
        Bytes of all tokens.
    offsets : int64[n + 1]
        Where each token's bytes begin.
    order : uint32[m]
        Ids of the tokens that text can match, in any order; sorted in place
        unless ``is_sorted``.
    """

    def __cinit__(self, Arena arena not None, const uint8_t[::1] data, const int64_t[::1] offsets, order,
                  bint is_sorted):
        cdef uint32_t[::1] ids
        cdef const uint32_t[::1] sorted_ids
        cdef const uint8_t* bytes_ = &data[0] if data.shape[0] else NULL
        self.arena = arena
        self.keys = SequenceTable(arena)
        segments_init(&self.merged, sizeof(Node))
        if len(order) and not is_sorted:
            ids = order
            with nogil:
                sort_tokens(&ids[0], ids.shape[0], bytes_, &offsets[0])
        self.order = order
        sorted_ids = order
        self.sorted_tokens = &sorted_ids[0] if sorted_ids.shape[0] else NULL
        with nogil:
            self.build(bytes_, &offsets[0], <uint32_t>sorted_ids.shape[0])

    def __dealloc__(self):
        free(self.own)
        segments_free(&self.merged)

    cdef int build(self, const uint8_t* data, const int64_t* offsets, uint32_t n) except -1 nogil:
        cdef vector[uint32_t] parent, place, path, fill
        cdef vector[uint8_t] label, utf8, bad
        cdef uint32_t i, k, node
        cdef int64_t j, common, length, previous_length = 0
        cdef const uint8_t* text
        cdef const uint8_t* previous = NULL
        cdef uint32_t token
        # Pass 1, in preorder: parents, labels, where each node's tokens begin.
        parent.push_back(0)
        label.push_back(0)
        utf8.push_back(0)
        place.push_back(0)
        path.push_back(0)
        cdef vector[uint32_t] ending        # by node: how many tokens end there
        ending.push_back(0)
        for i in range(n):
            token = self.sorted_tokens[i]
            text = data + offsets[token]
            length = offsets[token + 1] - offsets[token]
            common = 0
            while common < length and common < previous_length and text[common] == previous[common]:
                common += 1
            path.resize(common + 1)
            for j in range(common, length):
                node = <uint32_t>parent.size()
                parent.push_back(path.back())
                label.push_back(text[j])
                utf8.push_back(<uint8_t>utf8_step(utf8[path.back()], text[j]))
                place.push_back(i)
                ending.push_back(0)
                path.push_back(node)
            ending[path.back()] += 1
            previous = text
            previous_length = length
        # Pass 2: children next to each other, ascending because preorder is.
        self.n_own = <uint32_t>parent.size()
        self.own = <Node*>calloc(self.n_own, sizeof(Node))
        if self.own == NULL:
            with gil:
                raise MemoryError("stolcke: out of memory for the token trie")
        cdef uint8_t* labels = <uint8_t*>self.arena.take(self.n_own)
        cdef uint32_t* children = <uint32_t*>self.arena.take(<size_t>self.n_own * 4)
        for i in range(1, self.n_own):
            self.own[parent[i]].n_children += 1
        k = 0
        fill.resize(self.n_own)
        for i in range(self.n_own):
            self.own[i].bytes = labels + k
            self.own[i].children = children + k
            fill[i] = k
            k += self.own[i].n_children
            self.own[i].tokens = self.sorted_tokens + place[i]
            self.own[i].n_tokens = ending[i]
            self.own[i].below = place[i]
        for i in range(1, self.n_own):
            node = parent[i]
            labels[fill[node]] = label[i]
            children[fill[node]] = i
            fill[node] += 1
        # Pass 3, from the last node up: what lies below.
        bad.assign(self.n_own, 0)
        for i in range(self.n_own):
            self.own[i].below_end = self.own[i].below + self.own[i].n_tokens
            bad[i] = (ending[i] > 0 and utf8[i] != 0) or utf8[i] == BROKEN
        i = self.n_own
        while i > 0:
            i -= 1
            self.own[i].utf8 = utf8[i]
            self.own[i].whole = not bad[i]
            if i == 0:
                break
            node = parent[i]
            bad[node] |= bad[i]
            self.own[node].below_end = max(self.own[node].below_end, self.own[i].below_end)
            if self.own[i].high or label[i] >= 128:
                self.own[node].high = 1
            self.own[node].ascii[0] |= self.own[i].ascii[0]
            self.own[node].ascii[1] |= self.own[i].ascii[1]
            if label[i] < 128:
                self.own[node].ascii[label[i] >> 6] |= <uint64_t>1 << (label[i] & 63)
        return 0

    cdef uint32_t intern(self, const vector[uint32_t]& tokens, size_t first_token, const vector[uint64_t]& edges,
                         size_t first_edge) except? 0xFFFFFFFF nogil:
        """The merged node of these tokens (ascending) and edges (``label << 32 | child``, ascending)."""
        cdef size_t n_tokens = tokens.size() - first_token
        cdef size_t n_edges = edges.size() - first_edge
        cdef size_t i
        cdef uint32_t index
        self.key.clear()
        self.key.push_back(<uint32_t>n_tokens)
        for i in range(n_tokens):
            self.key.push_back(tokens[first_token + i])
        for i in range(n_edges):
            self.key.push_back(<uint32_t>(edges[first_edge + i] >> 32))
            self.key.push_back(<uint32_t>edges[first_edge + i])
        index = self.keys.intern(self.key.data(), self.key.size())
        if not self.keys.added:
            return self.key_node[index]
        cdef uint32_t* stored_tokens = <uint32_t*>self.arena.take(4 * n_tokens + 1)
        cdef uint32_t* children = <uint32_t*>self.arena.take(4 * n_edges + 1)
        cdef uint8_t* labels = <uint8_t*>self.arena.take(n_edges + 1)
        memcpy(stored_tokens, tokens.data() + first_token, 4 * n_tokens)
        for i in range(n_edges):
            labels[i] = <uint8_t>(edges[first_edge + i] >> 32)
            children[i] = <uint32_t>edges[first_edge + i]
        cdef uint32_t node = self.add_merged(stored_tokens, <uint32_t>n_tokens, labels, children, <uint16_t>n_edges)
        self.key_node.resize(index)
        self.key_node.push_back(node)
        return node

    cdef uint32_t add_merged(self, const uint32_t* tokens, uint32_t n_tokens, const uint8_t* labels,
                             const uint32_t* children, uint16_t n_children) except? 0xFFFFFFFF nogil:
        cdef Node* node = <Node*>segments_push(&self.merged)
        cdef const Node* child
        cdef size_t i
        node.tokens = tokens
        node.n_tokens = n_tokens
        node.bytes = labels
        node.children = children
        node.n_children = n_children
        for i in range(n_children):
            child = self.node(children[i])
            if child.high or labels[i] >= 128:
                node.high = 1
            node.ascii[0] |= child.ascii[0]
            node.ascii[1] |= child.ascii[1]
            if labels[i] < 128:
                node.ascii[labels[i] >> 6] |= <uint64_t>1 << (labels[i] & 63)
        return self.n_own + self.merged.size - 1

    cdef size_t bytes(self) noexcept nogil:
        return (self.n_own * sizeof(Node) + segments_bytes(&self.merged) + self.keys.bytes()
                + 4 * self.key_node.capacity())
