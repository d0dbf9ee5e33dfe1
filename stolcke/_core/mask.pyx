"""Masks, interned by content, and their bits.

Many live states have the same mask: ten thousand states of one document share
less than two hundred.  A mask is therefore the set of partitions it unites, and
its finished row, which is what costs memory and cache misses, exists once.
"""

from libc.string cimport memcpy, memset
from libcpp.algorithm cimport sort, unique

from stolcke._core.partition cimport Partition
from stolcke._core.storage cimport segments_bytes, segments_free, segments_init, segments_push
from stolcke._core.types cimport load_pointer, store_pointer


cdef enum:
    FEW_TOKENS = 256                    # setting so many bits costs less than keeping a row


cdef class MaskStore:

    def __cinit__(self, PartitionStore store not None, const uint32_t[::1] end_tokens):
        cdef Py_ssize_t i
        self.store = store
        self.arena = Arena()
        self.keys = SequenceTable(self.arena)
        segments_init(&self.masks, sizeof(Mask))
        for i in range(end_tokens.shape[0]):
            self.end_tokens.push_back(end_tokens[i])

    def __dealloc__(self):
        segments_free(&self.masks)

    cdef uint32_t intern(self, vector[uint32_t]& parts, bint accepting) except? 0xFFFFFFFF nogil:
        """The mask that unites these partitions, and the end tokens where the text may end."""
        cdef size_t i
        cdef uint32_t index, n_tokens = 0, n_dense = 0
        cdef const Partition* p
        cdef Mask* mask
        sort(parts.begin(), parts.end())
        parts.erase(unique(parts.begin(), parts.end()), parts.end())
        self.key.clear()
        self.key.push_back(<uint32_t>accepting)
        self.key.insert(self.key.end(), parts.begin(), parts.end())
        index = self.keys.find(self.key.data(), self.key.size())
        if index != NONE:
            return index
        for i in range(parts.size()):
            p = self.store.at(parts[i])
            if p.dense != NULL:
                n_dense += 1
            else:
                n_tokens += p.n_tokens
        if self.masks.size == self.keys.count():        # else an earlier MemoryError left one to be reused
            segments_push(&self.masks)
        index = self.keys.intern(self.key.data(), self.key.size())
        mask = self.at(index)
        mask.parts = self.keys.words(index) + 1
        mask.n_parts = <uint32_t>parts.size()
        mask.n_dense = n_dense
        mask.n_tokens = n_tokens
        mask.accepting = accepting
        mask.row = NULL
        mask.uses = 0
        return index

    cdef void write(self, Mask* mask, int32_t* row, size_t n_words) noexcept nogil:
        """Write the bits of a mask into a row; words beyond the vocabulary become zero."""
        cdef size_t n = self.store.n_words
        cdef size_t i, k
        cdef bint empty = True
        cdef const Partition* p
        cdef const uint32_t* other
        cdef uint32_t* words = <uint32_t*>row
        cdef uint32_t token
        cdef const void* finished = load_pointer(&mask.row)
        if n_words > n:
            memset(row + n, 0, (n_words - n) * 4)
        if finished != NULL:
            memcpy(row, finished, n * 4)
            return
        for k in range(mask.n_parts):
            p = self.store.at(mask.parts[k])
            if p.dense == NULL:
                continue
            if empty:
                memcpy(row, p.dense, n * 4)
                empty = False
                continue
            other = <const uint32_t*>p.dense
            for i in range(n):
                words[i] |= other[i]
        if empty:
            memset(row, 0, n * 4)
        for k in range(mask.n_parts):
            p = self.store.at(mask.parts[k])
            if p.dense == NULL:
                for i in range(p.n_tokens):
                    token = p.tokens[i]
                    words[token >> 5] |= <uint32_t>1 << (token & 31)
        if mask.accepting:
            for i in range(self.end_tokens.size()):
                token = self.end_tokens[i]
                words[token >> 5] |= <uint32_t>1 << (token & 31)

    cdef int finish(self, uint32_t index) except -1 nogil:
        """Keep the finished row of a mask that is asked for again, where that is cheaper."""
        cdef Mask* mask = self.at(index)
        cdef int32_t* row
        if mask.row != NULL or (mask.n_tokens <= FEW_TOKENS and mask.n_dense <= 1):
            return 0
        row = <int32_t*>self.arena.take((<size_t>self.store.n_words + 1) // 2 * 8)
        self.write(mask, row, self.store.n_words)
        self.n_rows += 1
        store_pointer(&mask.row, row)
        return 0

    cdef size_t bytes(self) noexcept nogil:
        return self.arena.bytes + segments_bytes(&self.masks) + self.keys.bytes()
