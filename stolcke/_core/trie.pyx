"""Tries of token suffixes.

The vocabulary's own trie comes first, numbered in preorder, so that the tokens
below a node are one slice of the sorted token ids.  What remains of tokens after
a terminal has ended inside them (:mod:`stolcke._core.partition`) is again a trie,
most of whose subtrees are subtrees of the vocabulary's: it is made of a few
*merged* nodes that point to them, never of copies.
"""

import numpy as np

from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from stolcke._core.storage cimport segments_bytes, segments_free, segments_init, segments_push
from stolcke._core.types cimport load32, store32
from stolcke._core.utf8 cimport utf8_row


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


cdef struct Siblings:                   # the children of one node, from the last one on
    uint32_t first
    uint32_t n
    uint32_t end                        # of the tokens below them
    uint32_t height                     # from their parent
    uint64_t ascii[2]
    uint8_t high
    bint bad                            # whether some token below ends within a character


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


def outline(const uint8_t[::1] data, const int64_t[::1] offsets, order):
    """The shape of the trie of some tokens, whose ids are sorted by their bytes here.

    Parameters
    ----------
    data : uint8[total]
        Bytes of all tokens.
    offsets : int64[n + 1]
        Where each token's bytes begin.
    order : uint32[m]
        Ids of the tokens to take, in any order.

    Returns
    -------
    dict
        ``order`` : uint32[m], ids sorted by their tokens' bytes, then by id;
        ``label`` : uint8[nodes], byte that leads to each node, in preorder;
        ``depth`` : uint16[nodes];
        ``ending`` : uint32[nodes], how many tokens end there.
    """
    if np.diff(np.asarray(offsets)).max(initial=0) > 0xFFFF:
        raise ValueError("a token is longer than 65,535 bytes")
    cdef uint32_t[::1] ids = np.array(order, np.uint32)
    cdef vector[uint8_t] label
    cdef vector[uint16_t] depth
    cdef vector[uint32_t] ending
    cdef Py_ssize_t i
    cdef int64_t j, common, length, previous_length = 0
    cdef const uint8_t* text
    cdef const uint8_t* previous = NULL
    with nogil:
        if ids.shape[0]:
            sort_tokens(&ids[0], ids.shape[0], &data[0], &offsets[0])
        label.push_back(0)
        depth.push_back(0)
        ending.push_back(0)
        for i in range(ids.shape[0]):
            text = &data[offsets[ids[i]]]
            length = offsets[ids[i] + 1] - offsets[ids[i]]
            common = 0
            while common < length and common < previous_length and text[common] == previous[common]:
                common += 1
            for j in range(common, length):
                label.push_back(text[j])
                depth.push_back(<uint16_t>(j + 1))
                ending.push_back(0)
            # Sorted, a token is never a proper prefix of the one before: it ends at the newest node, or again where
            # an equal one did.
            ending[ending.size() - 1] += 1
            previous = text
            previous_length = length
    cdef Py_ssize_t n = label.size()
    return {
        "order": np.asarray(ids),
        "label": np.asarray(<uint8_t[:n]>label.data()).copy(),
        "depth": np.asarray(<uint16_t[:n]>depth.data()).copy(),
        "ending": np.asarray(<uint32_t[:n]>ending.data()).copy(),
    }


cdef class TokenTrie:
    """The trie of a vocabulary's tokens, and every suffix trie derived from it.

    Parameters
    ----------
    arena : Arena
    shape : dict
        As :func:`outline` returns it.

    Raises
    ------
    ValueError
        Where the arrays of ``shape`` contradict each other.
    """

    def __cinit__(self, Arena arena not None, shape):
        cdef const uint32_t[::1] order = shape["order"]
        cdef const uint8_t[::1] label = shape["label"]
        cdef const uint16_t[::1] depth = shape["depth"]
        cdef const uint32_t[::1] ending = shape["ending"]
        self.arena = arena
        self.keys = SequenceTable(arena)
        segments_init(&self.merged, sizeof(Node))
        cdef bint fits = len(label) == len(depth) == len(ending) > 0
        self.shape = shape
        self.order = shape["order"]
        self.sorted_tokens = &order[0] if order.shape[0] else NULL
        if fits:
            with nogil:
                fits = self.build(&label[0], &depth[0], &ending[0], <uint32_t>label.shape[0], order.shape[0])
        if not fits:
            raise ValueError("the arrays of a token trie contradict each other")

    def __dealloc__(self):
        free(self.own)
        free(self.places)
        segments_free(&self.merged)

    cdef int build(self, const uint8_t* label, const uint16_t* depth, const uint32_t* ending,
                   uint32_t n, size_t n_tokens) except -1 nogil:
        """Make the vocabulary's own nodes; whether the arrays fit together."""
        cdef vector[uint32_t] path              # the newest node of each depth
        cdef vector[Siblings] seen              # of each depth, those whose parent is still to come
        cdef vector[uint32_t] following         # the next child of the same parent
        cdef uint32_t i, k, c, place
        cdef uint32_t deepest = 0
        cdef const Node* above
        cdef Node* node
        cdef Siblings* siblings
        cdef Siblings* below
        self.own = <Node*>calloc(n, sizeof(Node))
        self.places = <Place*>calloc(<size_t>n + 1, sizeof(Place))
        if self.own == NULL or self.places == NULL:
            with gil:
                raise MemoryError("stolcke: out of memory for the token trie")
        self.n_own = n
        cdef uint8_t* labels = <uint8_t*>self.arena.take(n)
        cdef uint32_t* children = <uint32_t*>self.arena.take(<size_t>n * 4)
        self.characters = <uint16_t*>self.arena.take(n_tokens * 2 + 1)
        for i in range(n):
            deepest = max(deepest, depth[i])
        path.resize(deepest + 1)
        seen.resize(deepest + 2)
        following.resize(n)
        # Down, in preorder: what a node has from its parent, and where its tokens begin.
        place = 0
        for i in range(n):
            node = &self.own[i]
            if depth[i] > (depth[i - 1] + 1 if i else 0) or (i and depth[i] == 0) or ending[i] > n_tokens - place:
                return False
            path[depth[i]] = i
            self.places[i].below = place
            self.places[i].depth = depth[i]
            self.places[i].label = label[i]
            if i:
                above = &self.own[path[depth[i] - 1]]
                node.utf8 = <uint8_t>utf8_step(above.utf8, label[i])
                # Every byte but a continuation begins a character; broken ones do not matter to whoever counts.
                node.begun = above.begun + <uint16_t>(label[i] & 0xC0 != 0x80)
            node.tokens = self.sorted_tokens + place
            node.n_tokens = ending[i]
            node.below = place
            for k in range(place, place + ending[i]):
                self.characters[k] = node.begun
            place += ending[i]
        if place != n_tokens:
            return False
        self.places[n].below = place
        # Back: what lies below a node has just been seen.  Children are next to each other, ascending.
        place = n - 1
        for k in range(n):
            i = n - 1 - k
            node = &self.own[i]
            c = i + 1
            while c < n and depth[c] > depth[i]:
                c = self.places[c].behind
            self.places[i].behind = c
            siblings = &seen[depth[i]]
            below = &seen[depth[i] + 1]
            place -= below.n
            node.bytes = labels + place
            node.children = children + place
            node.n_children = <uint16_t>below.n
            c = below.first
            while c:                            # the root is no child
                labels[place] = label[c]
                children[place] = c
                place += 1
                c = following[c]
            place -= below.n
            node.height = below.height
            node.high = below.high
            node.ascii[0] = below.ascii[0]
            node.ascii[1] = below.ascii[1]
            node.below_end = below.end if below.n else node.below + node.n_tokens
            node.whole = not (below.bad or node.utf8 == BROKEN or (node.n_tokens and node.utf8))
            if siblings.n == 0:
                siblings.end = node.below_end
            following[i] = siblings.first
            siblings.first = i
            siblings.n += 1
            siblings.height = max(siblings.height, node.height + 1)
            if not node.whole:
                siblings.bad = True
            siblings.high |= node.high
            if label[i] >= 128:
                siblings.high |= 0xFF if node.utf8 == BROKEN else utf8_row(label[i])
            siblings.ascii[0] |= node.ascii[0]
            siblings.ascii[1] |= node.ascii[1]
            if label[i] < 128:
                siblings.ascii[label[i] >> 6] |= <uint64_t>1 << (label[i] & 63)
            memset(below, 0, sizeof(Siblings))
        return True

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
        index = self.keys.find(self.key.data(), self.key.size())
        if index != NONE:
            return self.key_node[index]
        self.key_node.resize(self.keys.count())     # heals what an earlier MemoryError left behind
        cdef uint32_t* stored_tokens = <uint32_t*>self.arena.take(4 * n_tokens + 1)
        cdef uint32_t* children = <uint32_t*>self.arena.take(4 * n_edges + 1)
        cdef uint8_t* labels = <uint8_t*>self.arena.take(n_edges + 1)
        memcpy(stored_tokens, tokens.data() + first_token, 4 * n_tokens)
        for i in range(n_edges):
            labels[i] = <uint8_t>(edges[first_edge + i] >> 32)
            children[i] = <uint32_t>edges[first_edge + i]
        self.key_node.push_back(self.add_merged(stored_tokens, <uint32_t>n_tokens, labels, children, <uint16_t>n_edges))
        # The key comes last: it must never stand for a node that was not made.
        index = self.keys.intern(self.key.data(), self.key.size())
        return self.key_node[index]

    cdef uint32_t add_merged(self, const uint32_t* tokens, uint32_t n_tokens, const uint8_t* labels,
                             const uint32_t* children, uint16_t n_children) except? 0xFFFFFFFF nogil:
        cdef Node* node = <Node*>segments_push(&self.merged)
        node.tokens = tokens
        node.n_tokens = n_tokens
        node.bytes = labels
        node.children = children
        node.n_children = n_children
        return self.n_own + self.merged.size - 1

    cdef uint32_t height(self, uint32_t index) noexcept nogil:
        """Bytes of the longest way down from a node.

        Found when first asked for, of merged nodes: few are asked, and their children may be far away in memory.
        """
        cdef const Node* node = self.node(index)
        cdef uint32_t height = load32(&node.height)
        cdef uint32_t i
        if height == 0 and index >= self.n_own:
            for i in range(node.n_children):
                height = max(height, self.height(node.children[i]) + 1)
            store32(<uint32_t*>&node.height, height)
        return height

    cdef uint32_t count(self, uint32_t index, uint32_t most) noexcept nogil:
        """How many tokens end in a trie, where they are fewer than ``most``; else some number that is not less."""
        cdef const Node* node = self.node(index)
        cdef uint32_t total = node.n_tokens
        cdef uint32_t i
        if index < self.n_own:
            return node.below_end - node.below
        for i in range(node.n_children):
            if total >= most:
                break
            total += self.count(node.children[i], most - total)
        return total

    cdef size_t bytes(self) noexcept nogil:
        return (self.n_own * (sizeof(Node) + sizeof(Place)) + segments_bytes(&self.merged) + self.keys.bytes()
                + 4 * self.key_node.capacity())
