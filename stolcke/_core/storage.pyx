"""Memory whose pointers never move: an arena, growing arrays, interned sequences."""

from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy, memset

from stolcke._core.containers cimport refill
from stolcke._core.types cimport NONE, mix64, store64, store_pointer


cdef enum:
    ARENA_BLOCK = 1 << 16


cdef int out_of_memory() except -1 nogil:
    with gil:
        raise MemoryError("stolcke: out of memory")


cdef class Arena:

    def __cinit__(self):
        self.head = NULL
        self.left = 0
        self.bytes = 0

    def __dealloc__(self):
        cdef size_t i
        for i in range(self.blocks.size()):
            free(self.blocks[i])

    cdef void* take(self, size_t size) except NULL nogil:
        cdef void* block
        cdef size_t wanted
        size = (size + 7) & ~<size_t>7
        if size > self.left:
            # The first block is small (most schemas need little), large requests get their own.
            wanted = ARENA_BLOCK if self.blocks.size() > 2 else ARENA_BLOCK >> 4
            if size > wanted // 4:
                wanted = size
            self.blocks.push_back(NULL)             # first what may fail without a trace
            block = malloc(wanted)
            if block == NULL:
                out_of_memory()
            self.blocks[self.blocks.size() - 1] = block
            self.bytes += wanted
            if wanted == size:
                return block
            self.head = <char*>block
            self.left = wanted
        block = self.head
        self.head += size
        self.left -= size
        return block


cdef void segments_init(Segments* s, size_t element) noexcept nogil:
    memset(s, 0, sizeof(Segments))
    s.element = element


cdef void* segments_push(Segments* s) except NULL nogil:
    """Room for one more element, zeroed; its id is the old ``size``."""
    cdef uint32_t j = s.size + SEGMENT_FIRST
    cdef int k = 25 - leading_zeros(j)
    if s.segment[k] == NULL:
        s.segment[k] = <char*>calloc(<size_t>SEGMENT_FIRST << k, s.element)
        if s.segment[k] == NULL:
            out_of_memory()
    s.size += 1
    return segments_at(s, s.size - 1)


cdef void segments_free(Segments* s) noexcept nogil:
    cdef int k
    for k in range(SEGMENTS):
        free(s.segment[k])
        s.segment[k] = NULL


cdef size_t segments_bytes(const Segments* s) noexcept nogil:
    cdef size_t total = 0
    cdef int k
    for k in range(SEGMENTS):
        if s.segment[k] != NULL:
            total += (<size_t>SEGMENT_FIRST << k) * s.element
    return total


cdef Slots* slots_new(uint64_t size) except NULL nogil:
    cdef Slots* s = <Slots*>malloc(sizeof(Slots) + size * 12)
    if s == NULL:
        out_of_memory()
    s.mask = size - 1
    s.keys = <uint64_t*>(<char*>s + sizeof(Slots))
    s.values = <uint32_t*>(s.keys + size)
    s.retired = NULL
    memset(s.keys, 0xFF, size * 8)
    return s


cdef void slots_put(Slots* s, uint64_t key, uint32_t value) noexcept nogil:
    cdef uint64_t i = idmap_hash(key) & s.mask
    while s.keys[i] != ~<uint64_t>0:
        if s.keys[i] == key:
            return
        i = (i + 1) & s.mask
    s.values[i] = value
    store64(&s.keys[i], key)


cdef int idmap_init(IdMap* m, uint32_t log2_size) except -1 nogil:
    memset(m, 0, sizeof(IdMap))
    m.current = slots_new(<uint64_t>1 << log2_size)
    return 0


cdef void idmap_move(IdMap* m, uint64_t slots) noexcept nogil:
    """Move some slots of the previous table, so that no single insertion pays for a whole rehash."""
    cdef uint64_t end = min(m.moved + slots, m.previous.mask + 1)
    while m.moved < end:
        if m.previous.keys[m.moved] != ~<uint64_t>0:
            slots_put(m.current, m.previous.keys[m.moved], m.previous.values[m.moved])
        m.moved += 1
    if m.moved > m.previous.mask:
        store_pointer(<void**>&m.previous, NULL)


cdef int idmap_put(IdMap* m, uint64_t key, uint32_t value) except -1 nogil:
    """Insert a key that is not there yet; the caller holds the owner's lock."""
    cdef Slots* larger
    if m.previous != NULL:
        idmap_move(m, 8)
    if (m.used + 1) * 2 > m.current.mask + 1:
        if m.previous != NULL:
            idmap_move(m, ~<uint64_t>0 >> 1)
        larger = slots_new((m.current.mask + 1) * 2)
        larger.retired = m.current
        m.moved = 0
        # Readers look into current first: previous must be set before current changes.
        store_pointer(<void**>&m.previous, m.current)
        store_pointer(<void**>&m.current, larger)
    slots_put(m.current, key, value)
    m.used += 1
    return 0


cdef void idmap_free(IdMap* m) noexcept nogil:
    cdef Slots* s = m.current
    cdef Slots* older
    while s != NULL:
        older = s.retired
        free(s)
        s = older
    m.current = NULL
    m.previous = NULL


cdef size_t idmap_bytes(const IdMap* m) noexcept nogil:
    cdef size_t total = 0
    cdef const Slots* s = m.current
    while s != NULL:
        total += sizeof(Slots) + (s.mask + 1) * 12
        s = s.retired
    return total


cdef void seen_clear(SeenSet* s) noexcept nogil:
    s.count = 0
    s.epoch += 1
    if s.epoch == 0 and s.stamps != NULL:       # after four thousand million uses
        memset(s.stamps, 0, (<size_t>s.mask + 1) * 4)
        s.epoch = 1


cdef bint seen_put(SeenSet* s, uint64_t key) noexcept nogil:
    cdef uint32_t i = <uint32_t>idmap_hash(key) & s.mask
    while s.stamps[i] == s.epoch:
        if s.keys[i] == key:
            return False
        i = (i + 1) & s.mask
    s.stamps[i] = s.epoch
    s.keys[i] = key
    s.count += 1
    return True


cdef bint seen_add(SeenSet* s, uint64_t key) except -1 nogil:
    """Add a key; whether it is new.  The set must have been cleared (``seen_clear``) once."""
    cdef SeenSet larger
    cdef uint32_t i
    if s.keys == NULL or s.count * 2 > s.mask:
        larger.mask = 63 if s.keys == NULL else s.mask * 4 + 3
        larger.keys = <uint64_t*>malloc((<size_t>larger.mask + 1) * 8)
        larger.stamps = <uint32_t*>calloc(<size_t>larger.mask + 1, 4)
        larger.count = 0
        larger.epoch = 1
        if larger.keys == NULL or larger.stamps == NULL:
            free(larger.keys)
            free(larger.stamps)
            out_of_memory()
        if s.keys != NULL:
            for i in range(s.mask + 1):
                if s.stamps[i] == s.epoch:
                    seen_put(&larger, s.keys[i])
        seen_free(s)
        s[0] = larger
    return seen_put(s, key)


cdef void seen_free(SeenSet* s) noexcept nogil:
    free(s.keys)
    free(s.stamps)
    s.keys = NULL
    s.stamps = NULL


cdef uint32_t sequence_hash(const uint32_t* words, size_t length) noexcept nogil:
    cdef uint64_t h = length
    cdef size_t i
    for i in range(length):
        h = mix64(h, words[i])
    return <uint32_t>(h ^ (h >> 32))


cdef class SequenceTable:

    def __cinit__(self, Arena arena not None):
        self.arena = arena
        segments_init(&self.records, sizeof(uint32_t*))
        refill(self.slots, 64, 0)

    def __dealloc__(self):
        segments_free(&self.records)

    cdef uint32_t find(self, const uint32_t* words, size_t length) noexcept nogil:
        cdef uint32_t h = sequence_hash(words, length)
        cdef size_t mask = self.slots.size() - 1
        cdef size_t i = h & mask
        cdef uint32_t index
        while self.slots[i]:
            index = self.slots[i] - 1
            if (self.hashes[index] == h and self.length(index) == length
                    and memcmp(self.words(index), words, length * 4) == 0):
                return index
            i = (i + 1) & mask
        return NONE

    cdef uint32_t intern(self, const uint32_t* words, size_t length) except? 0xFFFFFFFF nogil:
        cdef uint32_t index = self.find(words, length)
        self.added = index == NONE
        if not self.added:
            return index
        cdef uint32_t h = sequence_hash(words, length)
        cdef uint32_t* record = <uint32_t*>self.arena.take((length + 1) * 4)
        record[0] = <uint32_t>length
        memcpy(record + 1, words, length * 4)
        if (self.records.size + 1) * 2 > self.slots.size():
            self.rehash()
        self.hashes.resize(self.records.size)       # heals what an earlier MemoryError left behind
        self.hashes.push_back(h)
        (<uint32_t**>segments_push(&self.records))[0] = record
        cdef size_t mask = self.slots.size() - 1
        cdef size_t i = h & mask
        while self.slots[i]:
            i = (i + 1) & mask
        self.slots[i] = self.records.size
        return self.records.size - 1

    cdef int rehash(self) except -1 nogil:
        cdef size_t size = self.slots.size() * 4
        cdef size_t mask = size - 1
        cdef size_t i
        cdef uint32_t index
        refill(self.slots, size, 0)
        for index in range(self.records.size):
            i = self.hashes[index] & mask
            while self.slots[i]:
                i = (i + 1) & mask
            self.slots[i] = index + 1
        return 0

    cdef size_t bytes(self) noexcept nogil:
        return segments_bytes(&self.records) + 4 * (self.slots.capacity() + self.hashes.capacity())
