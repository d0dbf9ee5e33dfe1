// Loops over packed mask rows: bit `id % 32` of word `id / 32` stands for token `id`.
//
// Each loop is written so that GCC vectorises it, and compiled once per width of
// vector register; the dynamic loader picks the version that the processor has.
// Other compilers, systems and architectures get the one portable version.

#ifndef STOLCKE_BIT_KERNELS_HPP
#define STOLCKE_BIT_KERNELS_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12 && \
    !defined(STOLCKE_PORTABLE)
#define STOLCKE_DISPATCH 1
#define STOLCKE_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#include <immintrin.h>
#else
#define STOLCKE_DISPATCH 0
#define STOLCKE_CLONES
#endif

// The rows of one call either coincide or do not overlap (the Python face checks it).
#if defined(__GNUC__) && !defined(__clang__)
#define STOLCKE_NO_OVERLAP _Pragma("GCC ivdep")
#else
#define STOLCKE_NO_OVERLAP
#endif

namespace stolcke {

// out = a & b, word by word.
STOLCKE_CLONES static void and_words(int32_t* out, const int32_t* a, const int32_t* b, std::ptrdiff_t n) noexcept {
    STOLCKE_NO_OVERLAP
    for (std::ptrdiff_t i = 0; i < n; ++i) out[i] = a[i] & b[i];
}

// out = a | b, word by word.
STOLCKE_CLONES static void or_words(int32_t* out, const int32_t* a, const int32_t* b, std::ptrdiff_t n) noexcept {
    STOLCKE_NO_OVERLAP
    for (std::ptrdiff_t i = 0; i < n; ++i) out[i] = a[i] | b[i];
}

// out = rows[0] & ... & rows[count - 1], count >= 1; `out` may be any of them.
// Two rows at a time into a block that stays in the first-level cache, so each row is
// read once and `out` is written once.
STOLCKE_CLONES static void and_many_words(int32_t* out, const int32_t* const* rows, std::ptrdiff_t count,
                                          std::ptrdiff_t n) noexcept {
    constexpr std::ptrdiff_t block = 1024;
    int32_t all[block];
    for (std::ptrdiff_t start = 0; start < n; start += block) {
        const std::ptrdiff_t length = n - start < block ? n - start : block;
        std::ptrdiff_t r = count % 2 ? 1 : 2;
        const int32_t* a = rows[0] + start;
        const int32_t* b = rows[r - 1] + start;
        for (std::ptrdiff_t i = 0; i < length; ++i) all[i] = a[i] & b[i];
        for (; r < count; r += 2) {
            a = rows[r] + start;
            b = rows[r + 1] + start;
            for (std::ptrdiff_t i = 0; i < length; ++i) all[i] &= a[i] & b[i];
        }
        std::memcpy(out + start, all, length * sizeof(int32_t));
    }
}

// Number of bits set in a word, by arithmetic that vectorises.
#if defined(__GNUC__)
__attribute__((always_inline))
#endif
static inline uint32_t bits_of_word(uint32_t x) noexcept {
    x -= (x >> 1) & 0x55555555u;
    x = (x & 0x33333333u) + ((x >> 2) & 0x33333333u);
    x = (x + (x >> 4)) & 0x0F0F0F0Fu;
    return (x * 0x01010101u) >> 24;
}

// Number of bits set.
STOLCKE_CLONES static int64_t popcount_words(const int32_t* row, std::ptrdiff_t n) noexcept {
    int64_t total = 0;
    for (std::ptrdiff_t i = 0; i < n; ++i) total += bits_of_word(static_cast<uint32_t>(row[i]));
    return total;
}

// out[0:n] = value; most of a row of log-probabilities is minus infinity.
// Long copies need not read the lines that they overwrite, as stores one by one do.
static inline void fill_floats(float* out, std::ptrdiff_t n, float value) noexcept {
    constexpr std::ptrdiff_t block = 4096;
    const std::ptrdiff_t first = n < block ? n : block;
    for (std::ptrdiff_t i = 0; i < first; ++i) out[i] = value;
    for (std::ptrdiff_t i = first; i < n; i += block) {
        std::memcpy(out + i, out, (n - i < block ? n - i : block) * sizeof(float));
    }
}

// out = a + shift, which do not overlap.
STOLCKE_CLONES static void shift_floats(float* out, const float* a, std::ptrdiff_t n, float shift) noexcept {
    STOLCKE_NO_OVERLAP
    for (std::ptrdiff_t i = 0; i < n; ++i) out[i] = a[i] + shift;
}

// Index of the lowest set bit of a word that is not 0.
static inline int lowest_bit(uint32_t bits) noexcept {
#if defined(__GNUC__)
    return __builtin_ctz(bits);
#else
    int index = 0;
    for (; !(bits & 1u); bits >>= 1) ++index;
    return index;
#endif
}

// The ids of the set bits below n, ascending; returns how many.  `ids` has room for all of them.
static inline std::ptrdiff_t ids_of_words(int64_t* ids, const int32_t* row, std::ptrdiff_t n) noexcept {
    int64_t* end = ids;
    for (std::ptrdiff_t w = 0; 32 * w < n; ++w) {
        uint32_t bits = static_cast<uint32_t>(row[w]);
        if (n - 32 * w < 32) bits &= (1u << (n - 32 * w)) - 1u;
        for (; bits; bits &= bits - 1u) {
            *end++ = 32 * w + lowest_bit(bits);
        }
    }
    return end - ids;
}

// Each bit below n as a byte, 0 or 1.
STOLCKE_CLONES static void unpack_words(uint8_t* flags, const int32_t* row, std::ptrdiff_t n) noexcept {
    for (std::ptrdiff_t w = 0; w < n / 32; ++w) {
        const uint32_t bits = static_cast<uint32_t>(row[w]);
        for (int j = 0; j < 32; ++j) flags[32 * w + j] = static_cast<uint8_t>((bits >> j) & 1u);
    }
    for (std::ptrdiff_t i = n / 32 * 32; i < n; ++i) flags[i] = static_cast<uint8_t>((row[i / 32] >> (i % 32)) & 1);
}

// Packing 32 bytes into one word is the one step that compilers do not find a vector
// instruction for by themselves, hence a version by hand for each register width.

// The word of 1 to 32 flags; any non-zero byte is a set bit.
static inline uint32_t packed_word(const uint8_t* flags, std::ptrdiff_t n) noexcept {
    uint32_t bits = 0;
    for (std::ptrdiff_t j = 0; j < n; ++j) bits |= static_cast<uint32_t>(flags[j] != 0) << j;
    return bits;
}

#if STOLCKE_DISPATCH

__attribute__((target("default"))) static void pack_whole_words(int32_t* row, const uint8_t* flags,
                                                                std::ptrdiff_t words) noexcept {
    const __m128i zero = _mm_setzero_si128();
    for (std::ptrdiff_t w = 0; w < words; ++w) {
        const __m128i* source = reinterpret_cast<const __m128i*>(flags + 32 * w);
        const uint32_t low = _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128(source), zero));
        const uint32_t high = _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128(source + 1), zero));
        row[w] = static_cast<int32_t>(~(low | high << 16));
    }
}

__attribute__((target("arch=x86-64-v3"))) static void pack_whole_words(int32_t* row, const uint8_t* flags,
                                                             std::ptrdiff_t words) noexcept {
    const __m256i zero = _mm256_setzero_si256();
    for (std::ptrdiff_t w = 0; w < words; ++w) {
        const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(flags + 32 * w));
        row[w] = ~_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, zero));
    }
}

__attribute__((target("arch=x86-64-v4"))) static void pack_whole_words(int32_t* row, const uint8_t* flags,
                                                                std::ptrdiff_t words) noexcept {
    std::ptrdiff_t w = 0;
    for (; w + 2 <= words; w += 2) {
        const __m512i bytes = _mm512_loadu_si512(flags + 32 * w);
        const uint64_t bits = _mm512_test_epi8_mask(bytes, bytes);
        std::memcpy(row + w, &bits, sizeof bits);
    }
    if (w < words) row[w] = static_cast<int32_t>(packed_word(flags + 32 * w, 32));
}

#else

static void pack_whole_words(int32_t* row, const uint8_t* flags, std::ptrdiff_t words) noexcept {
    for (std::ptrdiff_t w = 0; w < words; ++w) row[w] = static_cast<int32_t>(packed_word(flags + 32 * w, 32));
}

#endif

// Pack n flags into the first (n + 31) / 32 words of row; bits beyond n are 0.
static inline void pack_flags(int32_t* row, const uint8_t* flags, std::ptrdiff_t n) noexcept {
    const std::ptrdiff_t whole = n / 32;
    pack_whole_words(row, flags, whole);
    if (n % 32) row[whole] = static_cast<int32_t>(packed_word(flags + 32 * whole, n % 32));
}

}  // namespace stolcke

#endif
