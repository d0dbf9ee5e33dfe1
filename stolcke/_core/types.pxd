"""Integers that every core module speaks in, and a few one-line leaves over them.

All ids are ``uint32_t``; ``NONE`` means "no such thing".  A symbol below 256 is
a byte of the text; 256 and above are special tokens.
"""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef extern from *:
    """
    #ifndef STOLCKE_TYPES
    #define STOLCKE_TYPES
    #include <stdint.h>
    static const uint32_t NONE = 0xFFFFFFFFu;
    static inline uint64_t mix64(uint64_t hash, uint64_t value) {
        hash = (hash ^ value) * 0x9E3779B97F4A7C15ull;
        return hash ^ (hash >> 29);
    }
    static inline int leading_zeros(uint32_t x) { return __builtin_clz(x); }
    static inline int trailing_zeros64(uint64_t x) { return __builtin_ctzll(x); }
    static inline int popcount64(uint64_t x) { return __builtin_popcountll(x); }
    /* Publication without locks: a writer stores with release what readers load with acquire. */
    static inline uint32_t load32(const uint32_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
    static inline void store32(uint32_t *p, uint32_t v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }
    static inline uint64_t load64(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
    static inline void store64(uint64_t *p, uint64_t v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }
    static inline void *load_pointer(void *const *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
    static inline void store_pointer(void **p, void *v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }
    #endif
    """
    const uint32_t NONE
    uint64_t mix64(uint64_t hash, uint64_t value) noexcept nogil
    int leading_zeros(uint32_t x) noexcept nogil
    int trailing_zeros64(uint64_t x) noexcept nogil
    int popcount64(uint64_t x) noexcept nogil
    uint32_t load32(const uint32_t* p) noexcept nogil
    void store32(uint32_t* p, uint32_t v) noexcept nogil
    uint64_t load64(const uint64_t* p) noexcept nogil
    void store64(uint64_t* p, uint64_t v) noexcept nogil
    void* load_pointer(void** p) noexcept nogil
    void store_pointer(void** p, void* v) noexcept nogil


cdef struct ByteSet:
    uint64_t bits[4]


cdef inline bint byteset_has(const ByteSet* s, uint32_t byte) noexcept nogil:
    return (s.bits[byte >> 6] >> (byte & 63)) & 1


cdef inline void byteset_add_range(ByteSet* s, uint32_t low, uint32_t high) noexcept nogil:
    cdef uint32_t word, first, last
    for word in range(low >> 6, (high >> 6) + 1):
        first = low & 63 if word == low >> 6 else 0
        last = high & 63 if word == high >> 6 else 63
        s.bits[word] |= (~<uint64_t>0 << first) & (~<uint64_t>0 >> (63 - last))


cdef inline void byteset_join(ByteSet* a, const ByteSet* b) noexcept nogil:
    a.bits[0] |= b.bits[0]
    a.bits[1] |= b.bits[1]
    a.bits[2] |= b.bits[2]
    a.bits[3] |= b.bits[3]
