"""The vocabulary's trie laid out in preorder.

The nodes that masks look at are spread over ten times the memory, since each
knows much about what is below it.  A walk that learns nothing from that, as it
needs the weight of each token, is three times as fast here.
"""

from stolcke._core.partition cimport PartitionStore


cdef class FlatTrie:
    """One vocabulary's trie; its nodes have the numbers that they have elsewhere.

    Parameters
    ----------
    store : PartitionStore
    """

    def __cinit__(self, PartitionStore store not None):
        shape = store.trie.shape
        cdef const uint32_t[::1] ending = shape["ending"]
        cdef Py_ssize_t i, n = ending.shape[0]
        cdef uint32_t token, behind
        self.label, self.depth, self.order = shape["label"], shape["depth"], shape["order"]
        self.begin.resize(n + 1)
        self.after.resize(n)
        self.begin[0] = 0
        for i in range(n):
            self.begin[i + 1] = self.begin[i] + ending[i]
        for i in range(n - 1, -1, -1):
            behind = <uint32_t>i + 1
            while behind < <uint32_t>n and self.depth[behind] > self.depth[i]:
                behind = self.after[behind]
            self.after[i] = behind
        for i in range(self.order.shape[0]):
            token = self.order[i]
            if store.offsets[token + 1] - store.offsets[token] > LONG:
                self.long_tokens.push_back(token)
