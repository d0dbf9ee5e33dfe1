"""Counts and times of what matchers do, where somebody asked for them."""

from libc.stdint cimport int32_t, uint32_t, uint64_t

from stolcke._core.engine cimport Engine


cdef extern from *:
    """
    #include <chrono>
    #include <stdint.h>
    /* Counts meet nowhere, so no order between them is kept. */
    static inline void add_relaxed(uint64_t *p, uint64_t n) { __atomic_fetch_add(p, n, __ATOMIC_RELAXED); }
    static inline uint64_t read_relaxed(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_RELAXED); }
    static inline uint64_t steady_nanoseconds() {
        using namespace std::chrono;
        return (uint64_t)duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
    }
    """
    void add_relaxed(uint64_t* p, uint64_t n) noexcept nogil
    uint64_t read_relaxed(const uint64_t* p) noexcept nogil
    uint64_t steady_nanoseconds() noexcept nogil


cdef enum:
    N_BOUNDS = 25                       # 1, 2 and 5 times each power of ten, from 100 ns to 10 s


cdef enum:                              # what is counted; meter.pyx has the names
    MASK_HITS
    MASK_MISSES
    TOKENS_ACCEPTED
    TOKENS_REFUSED
    TOKEN_HITS
    TOKEN_MISSES
    TEXTS_ACCEPTED
    TEXTS_REFUSED
    ROLLED_BACK
    LOGPROB_ROWS
    COMPILATIONS
    N_COUNTS


cdef enum:                              # what is timed
    MASK
    COMMIT
    LOGPROBS
    COMPILE
    N_HISTOGRAMS


cdef struct Histogram:
    uint64_t counts[N_BOUNDS + 1]       # how many took up to each bound and longer than the one before; then the rest
    uint64_t nanoseconds                # all of them together


cdef class Meter:
    cdef readonly bint is_timing
    cdef dict limits_met                # changed by whoever holds Python's lock
    cdef uint64_t counts[N_COUNTS]
    cdef Histogram histograms[N_HISTOGRAMS]

    cdef inline void count(self, int which, uint64_t n) noexcept nogil:
        add_relaxed(&self.counts[which], n)

    cdef inline uint64_t now(self) noexcept nogil:
        """Nanoseconds of a clock that never goes back; 0, and no look at it, where nothing is timed."""
        return steady_nanoseconds() if self.is_timing else 0

    cdef void add(self, int which, uint64_t nanoseconds) noexcept nogil
    cdef int add_seconds(self, int which, double seconds) except -1

    cdef inline void add_since(self, int which, uint64_t begun) noexcept nogil:
        """Put what has taken since ``begun``, of :meth:`now`, into a histogram."""
        if self.is_timing:
            self.add(which, steady_nanoseconds() - begun)


cdef int metered_fill(Engine engine, Meter meter, uint32_t state, int32_t* row, size_t n_words) except -1 nogil
