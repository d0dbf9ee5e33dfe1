"""The weighted readings of one sequence.

A matcher writes down what it accepts, and nothing else; when the first question
about probabilities comes, the text is read again with weights, and from then on
whatever has come since the last question.  So masks cost the same with and
without weights.
"""

cimport numpy as cnp
from libc.math cimport INFINITY, exp, log, log1p

import numpy as np

from stolcke._core.containers cimport refill
from stolcke._core.engine cimport TOKEN
from stolcke._core.token_scores cimport TokenScores
from stolcke._core.types cimport NONE
from stolcke._core.weighted_engine cimport EMPTY_TEXT, IMPOSSIBLE, WeightedStep

cnp.import_array()


cdef double log_add(double a, double b) noexcept nogil:
    """``log(exp(a) + exp(b))``."""
    if a < b:
        a, b = b, a
    return a if b == -INFINITY else a + log1p(exp(b - a))


cdef void add_exactly(Reading* reading, double logprob) noexcept nogil:
    """Add to a text's logarithm; what rounding takes away is kept, for a text may have a million bytes."""
    cdef double total = reading.logprob + logprob
    if total > -INFINITY:               # the text so far is the larger of the two but for its first bytes
        if reading.logprob < logprob:
            reading.rest += (reading.logprob - total) + logprob
        else:
            reading.rest += (logprob - total) + reading.logprob
    reading.logprob = total


cdef double ending(TokenScores scores, uint32_t state):
    """The logarithm of how probable it is that the text ends in a state; the tables may grow meanwhile."""
    cdef double found
    with nogil:
        scores.engine.lock.lock()
        found = scores.live.eos(state)
        scores.engine.lock.unlock()
    return log(found)


cdef class WeightTrack:
    """Weighted states along one text.

    Parameters
    ----------
    scores : TokenScores
    log_start : float
        Added to each prefix's and sentence's logarithm: the start's partition function where weights are raw, else 0.
    """

    def __init__(self, TokenScores scores not None, double log_start):
        self.scores = scores
        self.log_start = log_start
        refill(self.readings, 1, Reading(EMPTY_TEXT, 0.0, 0.0, -INFINITY))

    cdef void cut(self, size_t n) noexcept:
        """Forget all but the empty text and the first ``n`` calls."""
        if self.readings.size() > n + 1:
            self.readings.resize(n + 1)

    def fork(self):
        """A copy."""
        cdef WeightTrack other = WeightTrack(self.scores, self.log_start)
        other.readings.assign(self.readings.begin(), self.readings.end())
        return other

    @property
    def n_calls(self):
        """How many accepted calls have been read."""
        return <Py_ssize_t>self.readings.size() - 1

    cdef int move(self, Reading* reading, uint32_t symbol) except -1:
        """Let a reading be that after a symbol or a token."""
        cdef WeightedStep step
        if reading.state != IMPOSSIBLE:
            self.scores.live.step(reading.state, symbol, &step)
            reading.state = step.state
            reading.log_lost = log_add(reading.log_lost, reading.logprob + step.log_lost)
            add_exactly(reading, step.logprob)
        return 0

    cdef uint32_t symbol(self, uint32_t token) noexcept:
        """What the engine calls a token; NONE for a special one that the grammar does not name."""
        if not self.scores.store.skip[token]:
            return TOKEN | token
        if self.scores.engine.special_symbols.count(token) == 0:
            return NONE
        return self.scores.engine.special_symbols[token]

    cdef int follow(self, uint32_t token) except -1:
        """Read one more call: a token that is allowed and does not end the text."""
        cdef Reading reading = self.readings.back()
        self.move(&reading, self.symbol(token))
        self.readings.push_back(reading)
        return 0

    cdef int follow_first(self, uint32_t token) except -1:
        """Read the first call: a token that loses its leading space."""
        cdef const unsigned char* text
        cdef size_t n
        if self.scores.store.skip[token]:
            return self.follow(token)
        text = self.scores.engine.opening.text(token, &n)
        return self.follow_bytes(text, n)

    cdef int follow_behind(self, uint32_t token, size_t prefix) except -1:
        """Read one more call: a token whose first bytes, up to ``prefix``, are none of the text's."""
        cdef size_t n = <size_t>(self.scores.store.offsets[token + 1] - self.scores.store.offsets[token])
        cdef size_t skip = min(n, prefix)
        return self.follow_bytes(&self.scores.store.data[0] + self.scores.store.offsets[token] + skip, n - skip)

    cdef int follow_end(self) except -1:
        """Read one more call: the end of the text, behind which nothing comes."""
        cdef Reading reading = self.readings.back()
        add_exactly(&reading, ending(self.scores, reading.state))
        reading.state = IMPOSSIBLE
        self.readings.push_back(reading)
        return 0

    cdef int follow_bytes(self, const unsigned char* data, size_t n) except -1:
        """Read one more call: some bytes."""
        cdef Reading reading = self.readings.back()
        cdef size_t i
        for i in range(n):
            self.move(&reading, data[i])
        self.readings.push_back(reading)
        return 0

    @property
    def state(self):
        """Id of the weighted live state."""
        return self.readings.back().state

    @property
    def prefix_logprob(self):
        """The logarithm of the probability that a text begins so."""
        return self.readings.back().logprob + self.readings.back().rest + self.log_start

    @property
    def log_lost(self):
        """The logarithm of what pruning may have left out of this probability."""
        return self.readings.back().log_lost + self.log_start

    @property
    def eos_logprob(self):
        """The logarithm of the probability that the text ends here, given that it begins so."""
        return ending(self.scores, self.readings.back().state)

    def next_byte_logprobs(self):
        """The logarithm of how probable each next byte is, and the end at last, as float64[257]."""
        made = np.empty(257, np.float64)
        cdef double[::1] out = made
        cdef uint32_t state = self.readings.back().state
        with nogil:
            self.scores.engine.lock.lock()
            try:
                self.scores.live.next_bytes(state, &out[0])
            finally:
                self.scores.engine.lock.unlock()
        with np.errstate(divide="ignore"):
            return np.log(made, out=made)

    def fill(self, row, bint normalize):
        """Write the scores of all tokens into a row, which has been checked."""
        cdef float[::1] out = row
        self.scores.fill(self.readings.back().state, &out[0], out.shape[0], normalize)

    def logprob(self, uint32_t token, bint is_end):
        """The logarithm of how probable a token is to come next."""
        cdef uint32_t state = self.readings.back().state
        cdef uint32_t symbol = self.symbol(token)
        cdef WeightedStep step
        cdef double end = ending(self.scores, state) if is_end else -INFINITY
        if end > -INFINITY:
            return end
        if state == IMPOSSIBLE or symbol == NONE:
            return -INFINITY
        self.scores.live.step(state, symbol, &step)
        return step.logprob

    def first_logprob(self, uint32_t token):
        """The same where a leading space of the token will be taken away."""
        cdef double logprob
        if self.scores.store.skip[token]:
            return self.logprob(token, token in self.scores.end_tokens)
        self.follow_first(token)
        logprob = self.readings.back().logprob
        self.readings.pop_back()
        return logprob

    def behind_logprob(self, uint32_t token, size_t prefix):
        """The same where the first bytes of the token, up to ``prefix``, are none of the text's."""
        cdef double logprob
        self.follow_behind(token, prefix)
        logprob = self.readings.back().logprob
        self.readings.pop_back()
        return logprob

    def log_total(self):
        """The logarithm of the sum of all tokens' probabilities."""
        return self.scores.log_total(self.readings.back().state)

    def compact(self, bint normalize):
        """Scores as groups; see :meth:`TokenScores.compact`."""
        return self.scores.compact(self.readings.back().state, normalize)
