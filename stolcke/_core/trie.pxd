"""Tries of token suffixes, shared as one graph: a subtree is a node id."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libcpp.vector cimport vector

from stolcke._core.storage cimport Arena, Segments, SequenceTable, segments_at
from stolcke._core.types cimport NONE


cdef struct Node:
    const uint8_t* bytes                # labels of the children, ascending
    const uint32_t* children
    const uint32_t* tokens              # tokens that end here
    uint32_t n_tokens
    uint16_t n_children
    uint8_t high                        # rows of UTF8 (utf8.pxd) that begin below; all if one is broken (of own nodes)
    uint8_t utf8                        # where in a character the node is: 0 between two (of own nodes, see trie.pyx)
    uint8_t whole                       # whether all tokens below end between characters (of own nodes)
    uint16_t begun                      # characters begun on the way here (of own nodes)
    uint32_t height                     # bytes of the longest way down; see TokenTrie.height
    uint64_t ascii[2]                   # ASCII bytes that occur below (of own nodes)
    uint32_t below                      # of the vocabulary's own trie: TokenTrie.order[below:below_end] are
    uint32_t below_end                  # the tokens here and below; equal for other nodes


cdef struct Place:
    # A node of the vocabulary's own trie as who goes through them in preorder needs it: five fit into a cache line.
    uint32_t behind                     # the next node that is not below this one
    uint32_t below                      # as in Node
    uint16_t depth
    uint8_t label                       # of the edge that leads here


cdef class TokenTrie:
    cdef readonly uint32_t n_own        # nodes of the vocabulary's own trie; its root is node 0
    cdef readonly object shape          # the arrays that outline() made
    cdef readonly object order          # token ids sorted by their bytes: uint32[number of matchable tokens]
    cdef Arena arena
    cdef Node* own
    cdef Place* places                  # of the own nodes, and one more behind them
    cdef Segments merged                # Node each: ids from n_own on
    cdef SequenceTable keys             # of merged nodes, compared whole
    cdef vector[uint32_t] key_node
    cdef vector[uint32_t] key
    cdef const uint32_t* sorted_tokens
    cdef uint16_t* characters           # begun in each of the sorted tokens
    cdef int build(self, const uint8_t* label, const uint16_t* depth, const uint32_t* ending,
                   uint32_t n, size_t n_tokens) except -1 nogil
    cdef uint32_t intern(self, const vector[uint32_t]& tokens, size_t first_token, const vector[uint64_t]& edges,
                         size_t first_edge) except? 0xFFFFFFFF nogil
    cdef uint32_t add_merged(self, const uint32_t* tokens, uint32_t n_tokens, const uint8_t* labels,
                             const uint32_t* children, uint16_t n_children) except? 0xFFFFFFFF nogil
    cdef uint32_t height(self, uint32_t index) noexcept nogil
    cdef uint32_t count(self, uint32_t index, uint32_t most) noexcept nogil
    cdef size_t bytes(self) noexcept nogil

    cdef inline const Node* node(self, uint32_t index) noexcept nogil:
        if index < self.n_own:
            return &self.own[index]
        return <const Node*>segments_at(&self.merged, index - self.n_own)
