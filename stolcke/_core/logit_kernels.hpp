// Loops that apply mask rows, and log-probabilities of a grammar, to logits in place.
//
// A loop over single logits does not vectorise.  With one mask word per 32 logits the inner loop
// has a fixed length and becomes a few blends, compiled once per width of vector register where
// bit_kernels.hpp has versions to choose from, and once anywhere else.

#ifndef STOLCKE_LOGIT_KERNELS_HPP
#define STOLCKE_LOGIT_KERNELS_HPP

#include "bit_kernels.hpp"

#include <atomic>
#include <thread>
#include <vector>

#if defined(__GNUC__)
#define STOLCKE_ALWAYS_INLINE __attribute__((always_inline)) inline
#else
#define STOLCKE_ALWAYS_INLINE inline
#endif

namespace stolcke {

template <typename To, typename From>
STOLCKE_ALWAYS_INLINE To same_bits(From from) noexcept {
    static_assert(sizeof(To) == sizeof(From), "of one size");
    To to;
    std::memcpy(&to, &from, sizeof to);
    return to;
}

// The formats of logits.  `Bits` is what lies in memory, `Wide` what is added in; `narrow` rounds
// to the nearest, to the even one of two.  Without branches, so that loops vectorise.

struct Float64 {
    using Bits = uint64_t;
    using Wide = double;
    static constexpr Bits minus_infinity = 0xFFF0000000000000u;
    static STOLCKE_ALWAYS_INLINE Wide widen(Bits bits) noexcept { return same_bits<double>(bits); }
    static STOLCKE_ALWAYS_INLINE Bits narrow(Wide value) noexcept { return same_bits<uint64_t>(value); }
};

struct Float32 {
    using Bits = uint32_t;
    using Wide = float;
    static constexpr Bits minus_infinity = 0xFF800000u;
    static STOLCKE_ALWAYS_INLINE Wide widen(Bits bits) noexcept { return same_bits<float>(bits); }
    static STOLCKE_ALWAYS_INLINE Bits narrow(Wide value) noexcept { return same_bits<uint32_t>(value); }
};

struct Float16 {
    using Bits = uint16_t;
    using Wide = float;
    static constexpr Bits minus_infinity = 0xFC00u;
    // Exponent and fraction moved to their places are 2^-112 of the value, also for subnormal
    // ones; infinities and what is no number then still need the highest exponent.
    static STOLCKE_ALWAYS_INLINE Wide widen(Bits bits) noexcept {
        const uint32_t moved = (bits & 0x7FFFu) << 13;
        const uint32_t scaled = same_bits<uint32_t>(same_bits<float>(moved) * 0x1p112f);
        const uint32_t infinite = moved >= 0x0F800000u ? 0x7F800000u : 0u;
        return same_bits<float>(scaled | infinite | (bits & 0x8000u) << 16);
    }
    static STOLCKE_ALWAYS_INLINE Bits narrow(Wide value) noexcept {
        const uint32_t bits = same_bits<uint32_t>(value);
        const uint32_t size = bits & 0x7FFFFFFFu;
        // From 2^-14 on: half of what is dropped is added, less one where the kept part is even.
        const uint32_t normal = (size - 0x38000000u + 0xFFFu + (size >> 13 & 1u)) >> 13;
        // Below: floats between 1/2 and 1 are 2^-24 apart, as subnormal halves are, so adding rounds.
        const uint32_t subnormal = same_bits<uint32_t>(same_bits<float>(size) + 0.5f) - 0x3F000000u;
        uint32_t half = size < 0x38800000u ? subnormal : normal;
        half = size >= 0x477FF000u ? 0x7C00u : half;  // 65520 and more
        half = size > 0x7F800000u ? 0x7E00u : half;
        return static_cast<Bits>(half | (bits >> 16 & 0x8000u));
    }
};

struct BFloat16 {
    using Bits = uint16_t;
    using Wide = float;
    static constexpr Bits minus_infinity = 0xFF80u;
    static STOLCKE_ALWAYS_INLINE Wide widen(Bits bits) noexcept {
        return same_bits<float>(static_cast<uint32_t>(bits) << 16);
    }
    static STOLCKE_ALWAYS_INLINE Bits narrow(Wide value) noexcept {
        const uint32_t bits = same_bits<uint32_t>(value);
        const uint32_t rounded = (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16;
        const uint32_t no_number = 0x7FC0u | (bits >> 16 & 0x8000u);
        return static_cast<Bits>((bits & 0x7FFFFFFFu) > 0x7F800000u ? no_number : rounded);
    }
};

// One word of a mask, of which `forbidden` are the bits that are 0.
template <typename Bits>
STOLCKE_ALWAYS_INLINE void mask_word(Bits* block, uint32_t forbidden, Bits minus_infinity) noexcept {
    if (forbidden == 0xFFFFFFFFu) {
        for (int j = 0; j < 32; ++j) block[j] = minus_infinity;
    } else if (forbidden != 0) {
        for (int j = 0; j < 32; ++j) block[j] = (forbidden >> j) & 1u ? minus_infinity : block[j];
    }
}

// Words [first, last) of a mask row, all of whose bits stand for logits.  Of real masks most words are all zeros or
// all ones.  Where a few tokens are forbidden, as within strings, these are scattered: eight words with few zeros are
// written one by one, which touches less memory than blends, and asks no question of each word that is hard to predict.
template <typename Bits>
STOLCKE_ALWAYS_INLINE void mask_words(Bits* logits, const uint32_t* mask, std::ptrdiff_t first, std::ptrdiff_t last,
                                      Bits minus_infinity) noexcept {
    constexpr int at_a_look = 8;
    constexpr uint32_t few = 16;
    std::ptrdiff_t w = first;
    for (; last - w >= at_a_look; w += at_a_look) {
        uint32_t zeros = 0;
        for (int j = 0; j < at_a_look; ++j) zeros += bits_of_word(~mask[w + j]);
        if (zeros == 0) continue;
        for (int j = 0; j < at_a_look; ++j) {
            uint32_t forbidden = ~mask[w + j];
            Bits* block = logits + 32 * (w + j);
            if (zeros > few) {
                mask_word(block, forbidden, minus_infinity);
            } else {
                for (; forbidden; forbidden &= forbidden - 1u) block[lowest_bit(forbidden)] = minus_infinity;
            }
        }
    }
    for (; w < last; ++w) mask_word(logits + 32 * w, ~mask[w], minus_infinity);
}

// One logit with its log-probability: minus infinity where it is forbidden or impossible.  The sum is made of all
// and chosen by bits: a condition around it would keep the loop from becoming blends.
template <typename Format>
STOLCKE_ALWAYS_INLINE typename Format::Bits biased(typename Format::Bits logit, float logprob, float beta,
                                                   uint32_t allowed) noexcept {
    using Bits = typename Format::Bits;
    using Wide = typename Format::Wide;
    const uint32_t possible = same_bits<uint32_t>(logprob) != 0xFF800000u;
    const Bits kept = static_cast<Bits>(Bits{0} - static_cast<Bits>(allowed & possible));
    const Wide sum = Format::widen(logit) + static_cast<Wide>(beta) * static_cast<Wide>(logprob);
    return static_cast<Bits>((Format::narrow(sum) & kept) | (Format::minus_infinity & ~kept));
}

template <typename Format>
STOLCKE_ALWAYS_INLINE void bias_words(typename Format::Bits* logits, const uint32_t* mask, const float* logprobs,
                                      float beta, std::ptrdiff_t first, std::ptrdiff_t last) noexcept {
    for (std::ptrdiff_t w = first; w < last; ++w) {
        const uint32_t allowed = mask[w];
        typename Format::Bits* block = logits + 32 * w;
        const float* added = logprobs + 32 * w;
        if (allowed == 0) {
            for (int j = 0; j < 32; ++j) block[j] = Format::minus_infinity;
        } else {
            STOLCKE_NO_OVERLAP
            for (int j = 0; j < 32; ++j) block[j] = biased<Format>(block[j], added[j], beta, (allowed >> j) & 1u);
        }
    }
}

// `target_clones` takes no templates, so the loops get a name for each format.
#define STOLCKE_FORMAT(Format)                                                                                        \
    STOLCKE_CLONES static void mask_loop(Format, Format::Bits* logits, const uint32_t* mask, std::ptrdiff_t first,    \
                                         std::ptrdiff_t last) noexcept {                                              \
        mask_words(logits, mask, first, last, Format::minus_infinity);                                                \
    }                                                                                                                 \
    STOLCKE_CLONES static void bias_loop(Format, Format::Bits* logits, const uint32_t* mask, const float* logprobs,   \
                                         float beta, std::ptrdiff_t first, std::ptrdiff_t last) noexcept {            \
        bias_words<Format>(logits, mask, logprobs, beta, first, last);                                                \
    }

STOLCKE_FORMAT(Float64)
STOLCKE_FORMAT(Float32)
STOLCKE_FORMAT(Float16)
STOLCKE_FORMAT(BFloat16)

#undef STOLCKE_FORMAT

// A batch of logits and what is applied to it; strides in bytes, all rows aligned for their types.
struct LogitBatch {
    char* logits;
    const char* masks;
    const char* logprobs;
    std::ptrdiff_t logits_stride, masks_stride, logprobs_stride;
    const int64_t* indices;  // of the rows concerned, each once; null for the first `rows`
    std::ptrdiff_t rows;
    std::ptrdiff_t tokens;    // logits concerned in each row; the mask has a bit for each
    std::ptrdiff_t biased;    // of those, how many have a log-probability
    float beta;
};

// A quarter of a row of 128 k tokens: fine enough to share a batch of one sequence.
constexpr std::ptrdiff_t LOGITS_AT_A_TIME = 32 * 1024;

// Logits [begin, end) of one row; begin is a multiple of 32.
template <typename Format>
void apply_to_part(const LogitBatch& batch, std::ptrdiff_t row, std::ptrdiff_t begin, std::ptrdiff_t end) noexcept {
    auto* logits = reinterpret_cast<typename Format::Bits*>(batch.logits + row * batch.logits_stride);
    const auto* mask = reinterpret_cast<const uint32_t*>(batch.masks + row * batch.masks_stride);
    std::ptrdiff_t i = begin;
    if (i < batch.biased) {
        const auto* logprobs = reinterpret_cast<const float*>(batch.logprobs + row * batch.logprobs_stride);
        const std::ptrdiff_t stop = end < batch.biased ? end : batch.biased;
        bias_loop(Format(), logits, mask, logprobs, batch.beta, i / 32, stop / 32);
        for (i = stop / 32 * 32; i < stop; ++i) {
            logits[i] = biased<Format>(logits[i], logprobs[i], batch.beta, (mask[i / 32] >> (i % 32)) & 1u);
        }
    }
    const auto mask_one = [&] {
        if (!((mask[i / 32] >> (i % 32)) & 1u)) logits[i] = Format::minus_infinity;
    };
    for (; i % 32 != 0 && i < end; ++i) mask_one();  // of a word whose other logits had log-probabilities
    if (i / 32 < end / 32) {
        mask_loop(Format(), logits, mask, i / 32, end / 32);
        i = end / 32 * 32;
    }
    for (; i < end; ++i) mask_one();
}

// Apply a batch, shared by up to `threads` threads; no part of a row is touched by two.
template <typename Format>
void apply_batch(const LogitBatch& batch, int threads) noexcept {
    const std::ptrdiff_t parts = (batch.tokens + LOGITS_AT_A_TIME - 1) / LOGITS_AT_A_TIME;
    std::atomic<std::ptrdiff_t> next{0};
    const auto work = [&]() noexcept {
        for (;;) {
            const std::ptrdiff_t piece = next.fetch_add(1, std::memory_order_relaxed);
            if (piece >= batch.rows * parts) return;
            const std::ptrdiff_t row = batch.indices ? batch.indices[piece / parts] : piece / parts;
            const std::ptrdiff_t begin = piece % parts * LOGITS_AT_A_TIME;
            const std::ptrdiff_t end = begin + LOGITS_AT_A_TIME;
            apply_to_part<Format>(batch, row, begin, end < batch.tokens ? end : batch.tokens);
        }
    };
    std::vector<std::thread> others;
    try {
        for (std::ptrdiff_t i = 1; i < threads && i < batch.rows * parts; ++i) others.emplace_back(work);
    } catch (...) {
        // No memory, or no thread, to be had: those that there are do the work.
    }
    work();
    for (std::thread& other : others) other.join();
}

}  // namespace stolcke

#endif
