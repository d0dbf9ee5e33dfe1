"""The first token of a text whose decoder takes one leading space away.

Nothing of the vocabulary has to be copied for that.  Tokens that begin with
another byte are the root's trie without one of its edges; the others, without
their space, are the subtree behind that edge.  A mask is the union of both.

Some decoders do more to the first token; what it stands for is then given, as
an exception, and the engine tries these tokens one by one.
"""

from libc.stdint cimport uint64_t

from stolcke._core.cascade cimport REFUSED
from stolcke._core.chart cimport Column
from stolcke._core.containers cimport slot_of
from stolcke._core.trie cimport Node
from stolcke._core.types cimport NONE


cdef enum:
    SPACE = 0x20


cdef class Opening:
    """What tokens stand for at the very beginning.

    Parameters
    ----------
    store : PartitionStore
    exceptions : mapping of int to bytes
        The text of each token for which it is not its bytes without one leading space.
    """

    def __cinit__(self, PartitionStore store not None, exceptions):
        cdef uint8_t byte
        self.store = store
        self.begins.push_back(0)
        for token, text in exceptions.items():
            slot_of(self.places, <uint32_t>token)[0] = self.exceptions.size()
            self.exceptions.push_back(<uint32_t>token)
            for byte in text:
                self.texts.push_back(byte)
            self.begins.push_back(self.texts.size())

    cdef const uint8_t* text(self, uint32_t token, size_t* n) noexcept nogil:
        """The bytes that a token, not a special one, stands for at the beginning."""
        cdef const uint8_t* start = &self.store.data[0] + self.store.offsets[token]
        cdef size_t place
        if self.places.count(token):
            place = self.places[token]
            n[0] = self.begins[place + 1] - self.begins[place]
            return self.texts.data() + self.begins[place]
        n[0] = <size_t>(self.store.offsets[token + 1] - self.store.offsets[token])
        if n[0] and start[0] == SPACE:
            n[0] -= 1
            start += 1
        return start

    cdef int collect(self, Cascade cascade, uint32_t column) except -1 nogil:
        """Let a cascade allow what may come first, in the column of the start rule; exceptions as if they were none."""
        cdef uint32_t others = 0, spaced = NONE
        cdef uint32_t i, part
        cdef Column c = cascade.chart.columns[column]
        cdef const Node* node
        self.store.lock.lock()
        try:
            self.find_tries(&others, &spaced)
        finally:
            self.store.lock.unlock()
        if cascade.fresh(column, others):
            return REFUSED
        if spaced == NONE:
            return 0
        if cascade.fresh(column, spaced):
            return REFUSED
        # The tries are not that of whole tokens, the only one in which a cascade looks for special ones.
        for i in range(c.terminals, c.terminals_end):
            part = cascade.tables.terminal_partition[cascade.chart.live_terminals[i]]
            if part != NONE:
                cascade.parts.push_back(part)
        # A space alone adds nothing to the text; and something, if only the end, can follow in every grammar.
        node = self.store.trie.node(spaced)
        if node.n_tokens:
            self.store.lock.lock()
            try:
                cascade.parts.push_back(self.store.of_tokens(node.tokens, node.n_tokens))
            finally:
                self.store.lock.unlock()
        return 0

    cdef int find_tries(self, uint32_t* others, uint32_t* spaced) except -1 nogil:
        """The trie of tokens without a leading space, and that of the others without it (NONE: there are none)."""
        cdef const Node* root = self.store.trie.node(0)
        cdef vector[uint32_t] tokens
        cdef vector[uint64_t] edges
        cdef uint32_t i
        for i in range(root.n_children):
            if root.bytes[i] == SPACE:
                spaced[0] = root.children[i]
            else:
                edges.push_back(<uint64_t>root.bytes[i] << 32 | root.children[i])
        if spaced[0] != NONE:
            others[0] = self.store.trie.intern(tokens, 0, edges, 0)
        return 0
