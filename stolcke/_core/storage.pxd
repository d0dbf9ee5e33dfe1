"""Memory whose pointers never move: an arena, growing arrays, interned sequences.

Everything here is written under its owner's lock.  What is read without one is
published with release and loaded with acquire: elements of ``Segments`` (an id
is handed out only after its element is complete) and entries of ``IdMap``.
"""

from libc.stdint cimport uint32_t, uint64_t
from libcpp.vector cimport vector

from stolcke._core.types cimport NONE, leading_zeros, load64, load_pointer


cdef class Arena:
    """Bump allocation; everything is freed with the arena."""
    cdef vector[void*] blocks
    cdef char* head
    cdef size_t left
    cdef readonly size_t bytes          # allocated from the system so far
    cdef void* take(self, size_t size) except NULL nogil


cdef enum:
    SEGMENT_FIRST = 64                  # elements in the first segment; each further one doubles
    SEGMENTS = 26


cdef struct Segments:
    char* segment[SEGMENTS]
    size_t element                      # bytes of one element
    uint32_t size                       # elements handed out


cdef void segments_init(Segments* s, size_t element) noexcept nogil
cdef void* segments_push(Segments* s) except NULL nogil
cdef void segments_free(Segments* s) noexcept nogil
cdef size_t segments_bytes(const Segments* s) noexcept nogil

cdef inline void* segments_at(const Segments* s, uint32_t index) noexcept nogil:
    cdef uint32_t j = index + SEGMENT_FIRST
    cdef int k = 25 - leading_zeros(j)
    return s.segment[k] + <size_t>(j - (<uint32_t>SEGMENT_FIRST << k)) * s.element


cdef struct Slots:
    uint64_t mask
    uint64_t* keys                      # ~0 where free
    uint32_t* values
    Slots* retired                      # the next older table, kept for readers that still hold it


cdef struct IdMap:
    Slots* current
    Slots* previous                     # being moved into current, a few slots with each insertion
    uint64_t used
    uint64_t moved


cdef int idmap_init(IdMap* m, uint32_t log2_size) except -1 nogil
cdef int idmap_put(IdMap* m, uint64_t key, uint32_t value) except -1 nogil
cdef void idmap_free(IdMap* m) noexcept nogil
cdef size_t idmap_bytes(const IdMap* m) noexcept nogil

cdef inline uint64_t idmap_hash(uint64_t key) noexcept nogil:
    key = (key ^ (key >> 32)) * <uint64_t>0xD6E8FEB86659FD93
    return key ^ (key >> 32)

cdef inline uint32_t slots_find(const Slots* s, uint64_t key) noexcept nogil:
    cdef uint64_t i = idmap_hash(key) & s.mask
    cdef uint64_t k
    while True:
        k = load64(&s.keys[i])
        if k == key:
            return s.values[i]
        if k == ~<uint64_t>0:
            return NONE
        i = (i + 1) & s.mask

cdef inline uint32_t idmap_find(IdMap* m, uint64_t key) noexcept nogil:
    """The value of a key, or NONE.

    Without the owner's lock a key that is just being moved may be missed; a
    caller without the lock must look again under it before it inserts.
    """
    cdef Slots* s = <Slots*>load_pointer(<void**>&m.current)
    cdef uint32_t value = slots_find(s, key)
    if value != NONE:
        return value
    s = <Slots*>load_pointer(<void**>&m.previous)
    return NONE if s == NULL else slots_find(s, key)


cdef struct SeenSet:
    uint64_t* keys                      # a set of pairs of ids that is emptied in constant time
    uint32_t* stamps
    uint32_t mask
    uint32_t count
    uint32_t epoch


cdef void seen_clear(SeenSet* s) noexcept nogil
cdef bint seen_add(SeenSet* s, uint64_t key) except -1 nogil
cdef void seen_free(SeenSet* s) noexcept nogil


cdef class SequenceTable:
    """Interns sequences of integers: equal content, equal id.  Compared whole, never by hash alone."""
    cdef Arena arena
    cdef Segments records               # uint32_t* each: length, words...
    cdef vector[uint32_t] slots         # id + 1, 0 where free
    cdef vector[uint32_t] hashes        # by id
    cdef bint added                     # whether the last intern() made a new id
    cdef uint32_t intern(self, const uint32_t* words, size_t length) except? 0xFFFFFFFF nogil
    cdef uint32_t find(self, const uint32_t* words, size_t length) noexcept nogil
    cdef int rehash(self) except -1 nogil
    cdef size_t bytes(self) noexcept nogil

    cdef inline uint32_t count(self) noexcept nogil:
        return self.records.size

    cdef inline const uint32_t* words(self, uint32_t index) noexcept nogil:
        return (<uint32_t**>segments_at(&self.records, index))[0] + 1

    cdef inline uint32_t length(self, uint32_t index) noexcept nogil:
        return (<uint32_t**>segments_at(&self.records, index))[0][0]
