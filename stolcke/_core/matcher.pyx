"""One generated sequence, as an append-only list of live states."""

cimport numpy as cnp
from libc.math cimport INFINITY
from libc.stdint cimport int32_t, uint32_t, uint64_t

from stolcke._core.engine cimport DEAD, FINISHED, OPENING, START, TOKEN, Engine
from stolcke._core.meter cimport (
    COMMIT, MASK, MASK_HITS, MASK_MISSES, ROLLED_BACK, TEXTS_ACCEPTED, TEXTS_REFUSED, TOKEN_HITS, TOKEN_MISSES,
    TOKENS_ACCEPTED, TOKENS_REFUSED, Meter,
)
from stolcke._core.types cimport NONE, ByteSet, byteset_has, load32, popcount64
from stolcke._core.weighted_matcher cimport WeightTrack

cnp.import_array()


cdef int32_t* row_pointer(Engine engine, object row, Py_ssize_t* n_words) except NULL:
    """The words of a mask row given by the caller, after checking that they may be written."""
    cdef int kind
    if not cnp.PyArray_Check(row):
        raise engine.errors.VocabularyError(
            f"a mask row must be a NumPy array of int32 words, not {type(row).__name__}; "
            "a tensor's .numpy() shares its memory")
    kind = cnp.PyArray_TYPE(<cnp.ndarray>row)
    if (kind != cnp.NPY_INT32 and kind != cnp.NPY_UINT32) or not cnp.PyArray_ISNOTSWAPPED(<cnp.ndarray>row):
        raise engine.errors.VocabularyError(f"a mask row must have dtype int32 (or uint32), not {row.dtype}")
    if cnp.PyArray_NDIM(<cnp.ndarray>row) != 1:
        raise engine.errors.VocabularyError(f"a mask row must have one dimension, not shape {row.shape}")
    if not cnp.PyArray_CHKFLAGS(<cnp.ndarray>row, cnp.NPY_ARRAY_CARRAY):
        raise engine.errors.VocabularyError("a mask row must be contiguous and writeable")
    n_words[0] = cnp.PyArray_DIM(<cnp.ndarray>row, 0)
    if n_words[0] < <Py_ssize_t>engine.store.n_words:
        raise engine.errors.VocabularyError(
            f"the mask row has {n_words[0]} words, {engine.store.n_words} are needed"
            f" for {engine.store.n_tokens} tokens")
    return <int32_t*>cnp.PyArray_DATA(<cnp.ndarray>row)


cdef class CoreMatcher:
    """The state of one sequence; :class:`stolcke.Matcher` adds what needs no speed.

    Not to be used by two threads at once; any number of matchers of one engine may be.
    """

    def __init__(self, Engine engine not None, frozenset end_tokens not None, bint opening=False,
                 bint prunes_masks=False, const unsigned char[::1] prefix not None=b"", Meter meter=None):
        cdef uint32_t state = OPENING if opening else START
        self.engine = engine
        self.prunes_masks = prunes_masks
        self.meter = meter
        self.end_tokens = end_tokens
        self.texts = []
        if prefix.shape[0]:
            with nogil:
                engine.lock.lock()
                try:
                    state = engine.intern_prefix(&prefix[0], prefix.shape[0])
                finally:
                    engine.lock.unlock()
        self.history.clear()
        self.history.push_back(state)

    cdef uint32_t checked(self, token) except? 0xFFFFFFFF:
        cdef Py_ssize_t index
        try:
            index = token
        except (TypeError, OverflowError):
            raise self.engine.errors.VocabularyError(f"a token id must be an integer, not {token!r}") from None
        if index < 0 or index >= <Py_ssize_t>self.engine.store.n_tokens:
            raise self.engine.errors.VocabularyError(
                f"token id {token} is outside the vocabulary of {self.engine.store.n_tokens} tokens")
        return <uint32_t>index

    cdef uint32_t after(self, uint32_t state, uint32_t token) except? 0xFFFFFFFF:
        """The live state after a token, an end token included, or DEAD."""
        if state == FINISHED:
            return DEAD
        if self.engine.store.skip[token] and token in self.end_tokens and self.engine.at(state).accepting:
            return FINISHED
        # An end token may also be named by the grammar as a special token.
        return self.engine.run_token(state, token)

    cdef uint32_t metered_after(self, uint32_t token) except? 0xFFFFFFFF:
        """The same, told to the meter as a token that was to be accepted."""
        cdef bint known = self.is_known(token)
        cdef uint64_t begun = self.meter.now()
        cdef uint32_t state
        try:
            state = self.after(self.history.back(), token)
        except self.engine.errors.LimitExceeded as error:
            self.meter.add_limit(error)
            raise
        self.meter.add_since(COMMIT, begun)
        self.meter.count(TOKENS_REFUSED if state == DEAD else TOKENS_ACCEPTED, 1)
        self.meter.count(TOKEN_HITS if known else TOKEN_MISSES, 1)
        return state

    cdef bint is_known(self, uint32_t token) except -1:
        """Whether :meth:`after` needs nothing but what has been computed before."""
        cdef uint32_t state = self.history.back()
        cdef uint32_t symbol = TOKEN | token
        if state == FINISHED:
            return True
        if self.engine.store.skip[token]:
            if token in self.end_tokens and self.engine.at(state).accepting:
                return True
            if self.engine.special_symbols.count(token) == 0:
                return True
            symbol = self.engine.special_symbols[token]
            return self.engine.memoise_steps and self.engine.known_step(state, symbol) != NONE
        return self.engine.memoise_steps and (
            self.engine.known_step(state, symbol) != NONE or self.engine.stays(state, token))

    def accept(self, token):
        """Append a token.

        Parameters
        ----------
        token : int

        Returns
        -------
        bool
            False, and nothing is changed, where the grammar does not allow the
            token here; always False after an end token.

        Raises
        ------
        VocabularyError
            If the id is outside the vocabulary.
        """
        cdef uint32_t index = self.checked(token)
        cdef uint32_t state = (
            self.after(self.history.back(), index) if self.meter is None else self.metered_after(index))
        if state == DEAD:
            return False
        self.make_room()
        self.history.push_back(state)
        self.given.push_back(index)
        return True

    cdef int make_room(self) except -1:
        """Let the next call be written down without an allocation, so that all of it is or nothing."""
        if self.history.size() == self.history.capacity():
            self.history.reserve(2 * self.history.size())
        if self.given.size() == self.given.capacity():
            self.given.reserve(2 * self.given.size() + 8)
        return 0

    def accept_bytes(self, const unsigned char[::1] data not None):
        """Append bytes, all or none; counts as one call for :meth:`rollback`.

        Returns
        -------
        bool
            False, and nothing is changed, where no sentence continues so.
        """
        cdef uint32_t state
        if self.meter is None:
            state = self.after_bytes(data)
        else:
            state = self.metered_after_bytes(data)
        if state == DEAD:
            return False
        self.make_room()
        self.texts.append(bytes(data))
        self.history.push_back(state)
        self.given.push_back(NONE)
        return True

    cdef uint32_t after_bytes(self, const unsigned char[::1] data) except? 0xFFFFFFFF:
        cdef uint32_t state = self.history.back()
        if data.shape[0]:
            state = DEAD if state == FINISHED else self.engine.run_bytes(state, &data[0], data.shape[0])
        return state

    cdef uint32_t metered_after_bytes(self, const unsigned char[::1] data) except? 0xFFFFFFFF:
        """The same, told to the meter as a text that was to be accepted."""
        cdef uint64_t begun = self.meter.now()
        cdef uint32_t state
        try:
            state = self.after_bytes(data)
        except self.engine.errors.LimitExceeded as error:
            self.meter.add_limit(error)
            raise
        self.meter.add_since(COMMIT, begun)
        self.meter.count(TEXTS_REFUSED if state == DEAD else TEXTS_ACCEPTED, 1)
        return state

    def accept_tokens(self, tokens):
        """Append tokens one by one until one is not allowed; return how many were (each counts one)."""
        cdef Py_ssize_t n = 0
        for token in tokens:
            if not self.accept(token):
                break
            n += 1
        return n

    def allows(self, token):
        """Whether :meth:`accept` would take a token; found without a mask."""
        return self.after(self.history.back(), self.checked(token)) != DEAD

    def fill_exact_mask(self, row):
        """Write the mask of all tokens that the grammar allows; as :meth:`fill_mask`, but never restricted further."""
        cdef Py_ssize_t n_words = 0
        cdef int32_t* words = row_pointer(self.engine, row, &n_words)
        cdef uint32_t state = self.history.back()
        with nogil:
            self.engine.fill(state, words, n_words)

    def fill_mask(self, row):
        """Write the mask of allowed tokens.

        Parameters
        ----------
        row : int32[n], n >= (vocabulary size + 31) // 32
            Every word is written.  Bit ``id % 32`` of word ``id // 32`` is set
            where the token may come next; words beyond the vocabulary are zero.

        Raises
        ------
        VocabularyError
            If the row is too short, not contiguous, read-only or of another dtype.
        LimitExceeded
            If the compiled grammar's caches would outgrow their limit.
        """
        cdef Py_ssize_t n_words = 0
        cdef int32_t* words = row_pointer(self.engine, row, &n_words)
        cdef uint32_t state = self.history.back()
        if self.meter is not None:
            self.fill_metered(state, words, n_words)
        elif not self.engine.fill_known(state, words, n_words):
            with nogil:
                self.engine.fill(state, words, n_words)
        if self.prunes_masks:
            self.restrict_mask(row)

    cdef int fill_metered(self, uint32_t state, int32_t* words, size_t n_words) except -1:
        """Write the mask of a state, and tell the meter."""
        cdef bint known = load32(&self.engine.at(state).mask) != NONE
        cdef uint64_t begun = self.meter.now()
        try:
            if not self.engine.fill_known(state, words, n_words):
                with nogil:
                    self.engine.fill(state, words, n_words)
        except self.engine.errors.LimitExceeded as error:
            self.meter.add_limit(error)
            raise
        self.meter.add_since(MASK, begun)
        self.meter.count(MASK_HITS if known else MASK_MISSES, 1)
        return 0

    def rollback(self, Py_ssize_t n=1):
        """Take back the last ``n`` accepted calls; an end token counts as one."""
        if n < 0 or n > self.n_accepted:
            raise self.engine.errors.VocabularyError(f"cannot roll back {n} of {self.n_accepted} accepted calls")
        self.keep(self.n_accepted - n)
        if self.meter is not None:
            self.meter.count(ROLLED_BACK, n)

    def reset(self):
        """Back to the empty text."""
        self.keep(0)

    cdef int keep(self, size_t n) except -1:
        """Forget all but the first ``n`` calls."""
        cdef size_t i
        for i in range(n, self.given.size()):
            if self.given[i] == NONE:
                self.texts.pop()
        self.history.resize(n + 1)
        self.given.resize(n)
        if self.track is not None:
            self.track.cut(n)
        return 0

    def fork(self):
        """An independent matcher in the same state, with the same history."""
        cdef CoreMatcher other = self._new()
        other.history.assign(self.history.begin(), self.history.end())
        other.given.assign(self.given.begin(), self.given.end())
        other.texts = self.texts[:]
        other.track = None if self.track is None else self.track.fork()
        return other

    def forget_meter(self):
        """Report to nobody from now on."""
        self.meter = None

    @property
    def n_accepted(self):
        """How many calls have been accepted and can be rolled back."""
        return <Py_ssize_t>self.history.size() - 1

    @property
    def n_tokens(self):
        """How many of the accepted calls were tokens, an end token among them; bytes are not counted."""
        return self.n_accepted - len(self.texts)

    @property
    def is_accepting(self):
        """Whether the text so far is a sentence, so that an end token is allowed."""
        return self.engine.at(self.history.back()).accepting != 0

    @property
    def is_finished(self):
        """Whether an end token has been accepted."""
        return self.history.back() == FINISHED

    @property
    def is_opening(self):
        """Whether a space at the beginning of the next token will be taken away."""
        return self.history.back() == OPENING

    @property
    def prefix_left(self):
        """What must still be written before the grammar begins: the rest of the prefix, as bytes."""
        return self.prefix_of(self.history.back())

    cdef bytes prefix_of(self, uint32_t state):
        cdef uint32_t n = self.engine.prefix_length(state)
        cdef const uint32_t* words = self.engine.state_keys.words(state)
        return bytes([words[3 + i] for i in range(n)])

    @property
    def last_token(self):
        """The token accepted last; None where there is none yet, and behind bytes."""
        return None if self.given.empty() or self.given.back() == NONE else self.given.back()

    @property
    def state(self):
        """Id of the live state, for looking inside with ``CompiledGrammar.dump``."""
        return self.history.back()

    def forced_bytes(self, Py_ssize_t limit=1_000_000):
        """The text that must come next, as bytes, ``limit`` at most; empty where there is a choice.

        It ends where the text may end, where a special token may come, and
        before the first byte that has an alternative.
        """
        cdef uint32_t state = self.history.back()
        cdef ByteSet live
        cdef bint special = False
        cdef uint32_t byte, k
        cdef unsigned char one
        out = bytearray()
        while len(out) < limit and state != FINISHED and not self.engine.at(state).accepting:
            with nogil:
                self.engine.lock.lock()
                self.engine.live_bytes(state, &live, &special)
                self.engine.lock.unlock()
            k = 0
            for byte in range(4):
                k += popcount64(live.bits[byte])
            if special or k != 1:
                break
            byte = 0
            while not byteset_has(&live, byte):
                byte += 1
            one = <unsigned char>byte
            state = self.engine.run_bytes(state, &one, 1)
            if state == DEAD:           # a guard leaves no way on
                break
            out.append(byte)
        return bytes(out)

    def state_under(self, Engine engine not None):
        """The live state that another engine of the same texts is in after the same calls.

        Parameters
        ----------
        engine : Engine
            For the same vocabulary.

        Returns
        -------
        int
        """
        cdef uint32_t state = self.history[0]
        cdef size_t i, text = 0
        cdef const unsigned char[::1] data = self.prefix_of(state)
        if data.shape[0]:
            with nogil:
                engine.lock.lock()
                try:
                    state = engine.intern_prefix(&data[0], data.shape[0])
                finally:
                    engine.lock.unlock()
        for i in range(self.given.size()):
            if self.history[i + 1] == FINISHED:
                state = FINISHED
            elif self.given[i] == NONE:
                data = self.texts[text]
                text += 1
                if data.shape[0]:
                    state = engine.run_bytes(state, &data[0], data.shape[0])
            else:
                state = engine.run_token(state, self.given[i])
        return state

    # --- weights -------------------------------------------------------------------------------------------------

    def weigh(self, WeightTrack track):
        """Follow the text with weights from now on; ``track`` stands at the empty text."""
        self.track = track

    def weighed(self):
        """The weighted readings of the text so far, or None before :meth:`weigh`."""
        cdef size_t i, text, skip
        cdef const unsigned char[::1] data
        if self.track is None or self.track.readings.size() == self.history.size():
            return self.track
        # Counted from the end, so that following a text token by token does not look back each time.
        text = len(self.texts)
        for i in range(self.track.readings.size() - 1, self.given.size()):
            text -= self.given[i] == NONE
        for i in range(self.track.readings.size() - 1, self.given.size()):
            if self.given[i] == NONE:
                data = self.texts[text]
                text += 1
                skip = min(<size_t>self.engine.prefix_length(self.history[i]), <size_t>data.shape[0])
                self.track.follow_bytes(&data[0] + skip if data.shape[0] else NULL, data.shape[0] - skip)
            elif self.history[i + 1] == FINISHED:
                self.track.follow_end()
            elif self.history[i] == OPENING:
                self.track.follow_first(self.given[i])
            elif self.engine.prefix_length(self.history[i]):
                self.track.follow_behind(self.given[i], self.engine.prefix_length(self.history[i]))
            else:
                self.track.follow(self.given[i])
        return self.track

    def token_logprob(self, token):
        """The natural logarithm of how probable a token is to come next; :meth:`weigh` comes first."""
        cdef uint32_t index = self.checked(token)
        cdef WeightTrack track = self.weighed()
        if self.history.back() == FINISHED:
            return -INFINITY
        if self.history.back() == OPENING:
            return track.first_logprob(index)
        if self.engine.prefix_length(self.history.back()):
            if self.after(self.history.back(), index) == DEAD:
                return -INFINITY
            return track.behind_logprob(index, self.engine.prefix_length(self.history.back()))
        return track.logprob(index, index in self.end_tokens)
