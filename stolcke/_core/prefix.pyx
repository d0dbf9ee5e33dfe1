"""What may come first where some bytes must come before the grammar begins.

These bytes are the end of a prompt: what its last tokens stood for, which were
taken away so that a longer one may take their place.  A token is allowed that is
a beginning of these bytes, or that goes on behind them as the grammar begins.
The first lie on one way down the vocabulary's trie, the others in the subtree at
its end: as for :mod:`stolcke._core.opening`, nothing has to be copied for that.
"""

from stolcke._core.trie cimport Node
from stolcke._core.types cimport NONE


cdef uint32_t child(const Node* node, uint32_t byte) noexcept nogil:
    """The child that a byte leads to, or NONE."""
    cdef uint32_t i
    for i in range(node.n_children):
        if node.bytes[i] == byte:
            return node.children[i]
    return NONE


cdef uint32_t collect_prefix(Cascade cascade, const uint32_t* text, uint32_t n) except? 0xFFFFFFFF nogil:
    """Allow the tokens that are a beginning of some bytes, one a word; the trie of what goes on behind, or NONE."""
    cdef uint32_t i, at = 0
    cdef const Node* node = cascade.store.trie.node(0)
    for i in range(n):
        at = child(node, text[i])
        if at == NONE:
            return NONE
        node = cascade.store.trie.node(at)
        if node.n_tokens:
            cascade.store.lock.lock()
            try:
                cascade.parts.push_back(cascade.store.of_tokens(node.tokens, node.n_tokens))
            finally:
                cascade.store.lock.unlock()
    return at
