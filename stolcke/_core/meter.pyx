"""Counts and times of what matchers do, where somebody asked for them.

Matchers of any number of threads, with and without Python's lock, report to one
meter: each number is an atomic word.  A reader sees every number that was
complete when it looked, but not all of them as of the same moment.
"""

from libc.string cimport memset

from stolcke._core.types cimport NONE, load32


NAMES = ("mask_hits", "mask_misses", "tokens_accepted", "tokens_refused", "token_hits", "token_misses",
         "texts_accepted", "texts_refused", "calls_rolled_back", "logprob_rows", "compilations")
TIMED = ("mask", "commit", "logprobs", "compile")
BOUNDS = tuple(float(f"{digit}e{exponent}") for exponent in range(-7, 2) for digit in (1, 2, 5))[:N_BOUNDS]

cdef uint64_t bounds[N_BOUNDS]          # the same, in nanoseconds
for _i in range(N_BOUNDS):
    bounds[_i] = round(BOUNDS[_i] * 1e9)


cdef class Meter:
    """What some matchers have done.

    Parameters
    ----------
    is_timing : bool
        Whether to look at the clock, too: two looks take about a tenth of a microsecond.
    """

    def __init__(self, bint is_timing=True):
        self.is_timing = is_timing
        self.limits_met = {}
        memset(self.counts, 0, sizeof(self.counts))
        memset(self.histograms, 0, sizeof(self.histograms))

    cdef void add(self, int which, uint64_t nanoseconds) noexcept nogil:
        cdef int low = 0, high = N_BOUNDS, middle
        while low < high:
            middle = (low + high) // 2
            if bounds[middle] < nanoseconds:
                low = middle + 1
            else:
                high = middle
        add_relaxed(&self.histograms[which].counts[low], 1)
        add_relaxed(&self.histograms[which].nanoseconds, nanoseconds)

    def add_limit(self, error):
        """Count the limit that a ``LimitExceeded`` names as ``limit``; one of a guard's own may name none."""
        limit = getattr(error, "limit", None)
        if isinstance(limit, str):
            # A lock of our own could be waited for by a finaliser that runs here and meets a limit itself.
            self.limits_met[limit] = self.limits_met.get(limit, 0) + 1

    def add_logprobs(self, double seconds):
        """Count a row of log-probabilities, and what it took."""
        self.count(LOGPROB_ROWS, 1)
        self.add_seconds(LOGPROBS, seconds)

    def add_compilation(self, double seconds):
        """Count a compilation, and what it took."""
        self.count(COMPILATIONS, 1)
        self.add_seconds(COMPILE, seconds)

    cdef int add_seconds(self, int which, double seconds) except -1:
        if self.is_timing:
            self.add(which, <uint64_t>(min(max(0.0, seconds), 1e9) * 1e9))
        return 0

    def read(self):
        """All numbers so far.

        Returns
        -------
        counts : dict of str to int
        limits_met : dict of str to int
        histograms : dict of str to (list of int, float)
            How many took up to each of ``BOUNDS`` and longer than the one before, and at last longer than all; the sum
            of all times in seconds.
        """
        cdef int i, k
        counts = {NAMES[i]: read_relaxed(&self.counts[i]) for i in range(N_COUNTS)}
        histograms = {}
        for i in range(N_HISTOGRAMS):
            parts = [read_relaxed(&self.histograms[i].counts[k]) for k in range(N_BOUNDS + 1)]
            histograms[TIMED[i]] = parts, read_relaxed(&self.histograms[i].nanoseconds) / 1e9
        return counts, dict(self.limits_met), histograms


cdef int metered_fill(Engine engine, Meter meter, uint32_t state, int32_t* row, size_t n_words) except -1 nogil:
    """``engine.fill``, told to the meter; a limit that is met is left to the caller, who has Python's lock."""
    cdef bint known = load32(&engine.at(state).mask) != NONE
    cdef uint64_t begun = meter.now()
    engine.fill(state, row, n_words)
    meter.add_since(MASK, begun)
    meter.count(MASK_HITS if known else MASK_MISSES, 1)
    return 0
