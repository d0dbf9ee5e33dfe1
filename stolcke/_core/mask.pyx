"""Masks, interned by content, and their bits.

Many live states have the same mask: ten thousand states of one document share
less than two hundred.  A mask is therefore the set of partitions it unites, and
its finished row, which is what costs memory and cache misses, exists once.

Masks differ in what little they allow at one place or another, and agree in
wide partitions: seven hundred of one grammar had 140 sets of these.  So the row
of each such set that costs something is made once, and a new mask copies it.
"""

from libc.string cimport memcpy, memset
from libcpp.algorithm cimport sort, unique

from stolcke._core.inside cimport Partition, add_listed, add_row, copy_row
from stolcke._core.storage cimport segments_bytes, segments_free, segments_init, segments_push
from stolcke._core.types cimport load_pointer, store_pointer


cdef enum:
    WIDE = 64                           # a list of more tokens is wide, and so is a row
    CHEAP_ROWS = 2                      # wide partitions are worth a row where more rows than these are united,
    CHEAP_TOKENS = 1024                 # or more bits set
    FEW_TOKENS = 256                    # setting so many bits costs less than keeping a row


cdef class MaskStore:

    def __cinit__(self, PartitionStore store not None, const uint32_t[::1] end_tokens):
        cdef Py_ssize_t i
        self.store = store
        self.arena = Arena()
        self.keys = SequenceTable(self.arena)
        self.wide_sets = SequenceTable(self.arena)
        segments_init(&self.masks, sizeof(Mask))
        for i in range(end_tokens.shape[0]):
            self.end_tokens.push_back(end_tokens[i])

    def __dealloc__(self):
        segments_free(&self.masks)

    cdef uint32_t intern(self, vector[uint32_t]& parts, bint accepting) except? 0xFFFFFFFF nogil:
        """The mask that unites these partitions, and the end tokens where the text may end."""
        cdef size_t i, n_wide
        cdef uint32_t index, n_dense = 0, n_tokens = 0, n_narrow = 0
        cdef const void* wide = NULL
        cdef const Partition* p
        cdef Mask* mask
        sort(parts.begin(), parts.end())
        parts.erase(unique(parts.begin(), parts.end()), parts.end())
        self.key.clear()
        self.key.push_back(<uint32_t>accepting)
        for i in range(parts.size()):
            if self.is_wide(parts[i]):
                p = self.store.at(parts[i])
                self.key.push_back(parts[i])
                n_dense += <uint32_t>(p.dense != NULL)
                n_tokens += p.n_listed + p.n_in_holes
        n_wide = self.key.size() - 1
        for i in range(parts.size()):
            if not self.is_wide(parts[i]):
                self.key.push_back(parts[i])
                n_narrow += self.store.at(parts[i]).n_tokens
        index = self.keys.find(self.key.data(), self.key.size())
        if index != NONE:
            return index
        if n_dense > CHEAP_ROWS or n_tokens > CHEAP_TOKENS:
            wide = self.wide_row(self.key.data() + 1, n_wide)
            n_dense = n_tokens = 0
        else:
            n_wide = 0
        if self.masks.size == self.keys.count():        # else an earlier MemoryError left one to be reused
            segments_push(&self.masks)
        index = self.keys.intern(self.key.data(), self.key.size())
        mask = self.at(index)
        mask.wide = wide
        mask.parts = self.keys.words(index) + 1 + n_wide
        mask.n_parts = <uint32_t>(parts.size() - n_wide)
        mask.n_dense = n_dense
        mask.n_tokens = n_tokens + n_narrow
        mask.accepting = accepting
        mask.row = NULL
        mask.uses = 0
        return index

    cdef bint is_wide(self, uint32_t part) noexcept nogil:
        cdef const Partition* p = self.store.at(part)
        return p.dense != NULL or p.n_tokens > WIDE

    cdef const void* wide_row(self, const uint32_t* parts, size_t n) except? NULL nogil:
        """The row that a set of wide partitions comes to."""
        cdef uint32_t index = self.wide_sets.find(parts, n)
        cdef size_t k, n_words = (<size_t>self.store.n_words + 1) // 2
        cdef const Partition* p
        cdef uint64_t* row
        if index != NONE:
            return self.wide_rows[index]
        self.wide_rows.resize(self.wide_sets.count())       # heals what an earlier MemoryError left behind
        row = <uint64_t*>self.arena.take(n_words * 8)
        memset(row, 0, n_words * 8)
        for k in range(n):
            p = self.store.at(parts[k])
            if p.dense != NULL:
                add_row(<uint32_t*>row, self.store.n_words, p, self.store.trie.sorted_tokens)
            add_listed(<uint32_t*>row, p)
        self.n_rows += 1
        self.wide_rows.push_back(row)
        return self.wide_rows[self.wide_sets.intern(parts, n)]

    cdef void write(self, Mask* mask, int32_t* row, size_t n_words) noexcept nogil:
        """Write the bits of a mask into a row; words beyond the vocabulary become zero."""
        cdef size_t n = self.store.n_words
        cdef size_t i
        cdef bint empty = mask.wide == NULL
        cdef const Partition* p
        cdef uint32_t* words = <uint32_t*>row
        cdef uint32_t token
        cdef const void* finished = load_pointer(&mask.row)
        if n_words > n:
            memset(row + n, 0, (n_words - n) * 4)
        if finished != NULL:
            memcpy(row, finished, n * 4)
            return
        if mask.wide != NULL:
            memcpy(row, mask.wide, n * 4)
        for i in range(mask.n_parts if mask.n_dense else 0):
            p = self.store.at(mask.parts[i])
            if p.dense == NULL:
                continue
            if empty:
                copy_row(words, n, p, self.store.trie.sorted_tokens)
                empty = False
            else:
                add_row(words, n, p, self.store.trie.sorted_tokens)
        if empty:
            memset(row, 0, n * 4)
        for i in range(mask.n_parts):
            add_listed(words, self.store.at(mask.parts[i]))
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
        return (self.arena.bytes + segments_bytes(&self.masks) + self.keys.bytes() + self.wide_sets.bytes()
                + sizeof(void*) * self.wide_rows.capacity())
