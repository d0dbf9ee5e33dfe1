"""The run-time side of one compiled grammar.

A *live state* is what a text so far comes to: the column that begins at its
last byte, if a terminal ended there, and the *threads*, terminals under way.
Live states are interned, so a step is a table look-up once it has been made,
and so is a mask.

One engine serves many threads of execution.  Whoever finds what he needs in the
tables reads it without a lock; whoever must add to them takes ``lock`` for the
whole computation (always before the vocabulary's own, never while holding
Python's), so nothing half-made is ever visible.
"""

from libc.stdint cimport int64_t
from libc.string cimport memset
from libcpp.algorithm cimport sort, unique

from stolcke._core.automata cimport State, join_live, state_next
from stolcke._core.cascade cimport REFUSED
from stolcke._core.chart cimport Column
from stolcke._core.containers cimport refill, slot_of
from stolcke._core.counted cimport COUNTED, UNMADE
from stolcke._core.locks cimport ENGINE
from stolcke._core.mask cimport Mask
from stolcke._core.prefix cimport collect_prefix
from stolcke._core.storage cimport (
    idmap_bytes, idmap_free, idmap_init, idmap_put, segments_bytes, segments_free, segments_init,
    segments_push,
)
from stolcke._core.types cimport byteset_has, byteset_join, store32


cdef struct Stats:                      # what Engine.stats tells
    uint64_t terminals, nonterminals, rules, suffixes, tally_states, columns, items, continuations
    uint64_t continuation_entries, predictions, gotos, states, steps, masks, masks_computed, mask_rows
    uint64_t suffixes_evaluated, limits_met, table_bytes, cache_bytes


cdef enum:
    MANY_TOKENS = 1024                  # setting more bits than these costs so much that it is done only once
    SOME = 64                           # of so many misses, one measures the memory in use
    SLICE = 16                          # terminals of a column that are prepared at a time


cdef class Engine:
    """Live states of one grammar over one vocabulary.

    Parameters
    ----------
    store : PartitionStore
    tables : GrammarTables
    end_tokens : uint32[k]
    special_tokens : dict of int to int
        Symbol (256 or more) of each special token that the grammar names.
    first_texts : dict of int to bytes
        See :class:`stolcke._core.opening.Opening`.
    errors : module
        Where ``LimitExceeded`` is found; the core itself defines no exceptions.
    limits : stolcke.Limits
    options : stolcke.Options
    """

    def __cinit__(self, PartitionStore store not None, GrammarTables tables not None, const uint32_t[::1] end_tokens,
                  special_tokens, first_texts, errors, limits, options):
        cdef LiveState* state
        self.lock = Lock(ENGINE)
        self.store = store
        self.tables = tables
        self.errors = errors
        self.chart = Chart(tables, options.memoise_goto, options.bisimulation)
        self.cascade = Cascade(store, self.chart, options.memoise_cascade, limits.vocabulary_cache_bytes)
        self.masks = MaskStore(store, end_tokens)
        self.opening = Opening(store, first_texts)
        self.memoise_steps = options.memoise_steps
        self.memoise_masks = options.memoise_masks
        self.cache_bytes = limits.cache_bytes
        self.vocabulary_cache_bytes = limits.vocabulary_cache_bytes
        self.live_threads = limits.live_threads
        self.arena = Arena()
        self.state_keys = SequenceTable(self.arena)
        segments_init(&self.states, sizeof(LiveState))
        idmap_init(&self.steps, 10)
        for token, symbol in special_tokens.items():
            slot_of(self.special_symbols, <uint32_t>token)[0] = <uint32_t>symbol
        # State FINISHED: no column, no threads; its mask is empty.
        self.key.push_back(NONE)
        self.state_keys.intern(self.key.data(), 1)
        state = <LiveState*>segments_push(&self.states)
        state.mask = NONE
        # State START: the column of the start rule.
        cdef uint32_t i
        self.chart.begin()
        for i in range(tables.rules_begin[tables.start], tables.rules_end[tables.start]):
            self.chart.add(tables.rule_suffix[i], 0)
        self.threads.clear()
        self.intern_state(self.chart.intern_column())
        # State OPENING: its key, which is not that of a column and threads, stands for START's.
        refill(self.key, 2, NONE)
        self.state_keys.intern(self.key.data(), 2)
        state = <LiveState*>segments_push(&self.states)
        state.mask = NONE
        state.accepting = self.at(START).accepting

    def __dealloc__(self):
        idmap_free(&self.steps)
        segments_free(&self.states)

    # --- steps ---------------------------------------------------------------------------------------------------

    cdef uint32_t compute_step(self, uint32_t state, uint32_t symbol) except? 0xFFFFFFFF nogil:
        """The state after a symbol, or DEAD; takes the lock, so the caller must not hold Python's."""
        cdef uint32_t known, result
        cdef Refusal refusal
        self.lock.lock()
        try:
            self.refusal.limit = NULL
            result = known = self.known_step(state, symbol)
            if known == NONE or not self.memoise_steps:
                result = self.step_locked(state, symbol)
                # Tokens that are not allowed are many, and not remembered.
                if known == NONE and result != NONE and (result != DEAD or symbol < TOKEN):
                    idmap_put(&self.steps, <uint64_t>state << 32 | symbol, result)
            refusal = self.refusal
        finally:
            self.lock.unlock()
        if result == NONE:
            self.fail(refusal)
        return result

    cdef uint32_t step_locked(self, uint32_t state, uint32_t symbol) except? 0xFFFFFFFF nogil:
        """The state after a symbol, DEAD, or NONE where a limit refuses it.

        Of a token only the last state is interned.  The states within tokens are many, and few are met again.
        """
        cdef uint32_t token = symbol & ~<uint32_t>TOKEN
        cdef const uint8_t* text
        cdef size_t n
        cdef bint alive
        if self.n_steps % SOME == 0 and self.out_of_memory():
            return NONE
        self.n_steps += 1
        if self.prefix_length(state):
            return DEAD if 256 <= symbol < TOKEN else self.step_prefix(state, symbol)
        self.enter(START if state == OPENING else state)
        if symbol < TOKEN:
            alive = self.advance(symbol)
        elif state == OPENING:
            text = self.opening.text(token, &n)
            alive = self.advance_all(text, n)
        else:
            n = <size_t>(self.store.offsets[token + 1] - self.store.offsets[token])
            alive = self.advance_all(&self.store.data[0] + self.store.offsets[token], n)
        if alive:
            return self.intern_state(self.here)
        return DEAD if self.refusal.limit == NULL else NONE

    cdef uint32_t step_prefix(self, uint32_t state, uint32_t symbol) except? 0xFFFFFFFF nogil:
        """The same, of a byte or a token where some bytes must come before the grammar begins."""
        cdef const uint32_t* words = self.state_keys.words(state) + 3
        cdef uint32_t length = self.prefix_length(state)
        cdef uint8_t byte = <uint8_t>symbol
        cdef const uint8_t* text = &byte
        cdef size_t i, n = 1
        if symbol >= TOKEN:
            symbol &= ~<uint32_t>TOKEN
            text = &self.store.data[0] + self.store.offsets[symbol]
            n = <size_t>(self.store.offsets[symbol + 1] - self.store.offsets[symbol])
        for i in range(min(n, length)):
            if text[i] != words[i]:
                return DEAD
        if n < length:
            refill(self.key, 3, NONE)
            self.key.insert(self.key.end(), words + n, words + length)
            return self.intern_key(False)
        self.enter(START)
        if self.advance_all(text + length, n - length):
            return self.intern_state(self.here)
        return DEAD if self.refusal.limit == NULL else NONE

    cdef bint stays(self, uint32_t state, uint32_t token) noexcept nogil:
        """Whether a token surely leads back to a state, as most do within strings; found without a lock."""
        cdef const uint32_t* words = self.state_keys.words(state)
        cdef uint32_t at
        cdef int64_t i
        if self.state_keys.length(state) != 4 or words[0] != NONE:
            return False
        at = words[2]
        for i in range(self.store.offsets[token], self.store.offsets[token + 1]):
            if at >= COUNTED:           # the next one may have to be made; and NONE
                return False
            at = state_next(self.store.automata.state(at), self.store.data[i])
            if at >= COUNTED or self.store.automata.state(at).accepting:
                return False
        return at == words[2]

    cdef int enter(self, uint32_t state) except -1 nogil:
        """Put a live state into ``here`` and ``threads``, for :meth:`advance`."""
        cdef const uint32_t* words = self.state_keys.words(state)
        cdef uint32_t i
        cdef Thread thread
        self.here = words[0]
        self.threads.clear()
        for i in range(1, self.state_keys.length(state), 3):
            thread.terminal = words[i]
            thread.state = words[i + 1]
            thread.column = words[i + 2]
            self.threads.push_back(thread)
        return 0

    cdef bint advance(self, uint32_t symbol) except -1 nogil:
        """Move ``here`` and ``threads`` by a symbol; whether any sentence allows it, and no limit refuses it."""
        cdef uint32_t i, t
        cdef Column c
        self.moving.swap(self.threads)
        self.threads.clear()
        self.ended.clear()
        if symbol < 256:
            for i in range(self.moving.size()):
                if self.move(self.moving[i].terminal, self.moving[i].state, self.moving[i].column, symbol):
                    return False
        if self.here != NONE:
            c = self.chart.columns[self.here]
            for i in range(c.terminals, c.terminals_end):
                t = self.chart.live_terminals[i]
                if symbol < 256:
                    if (byteset_has(&self.tables.terminal_first[t], symbol)
                            and self.move(t, self.tables.terminal_state[t], self.here, symbol)):
                        return False
                elif self.tables.terminal_symbol[t] == symbol:
                    self.ended.push_back(<uint64_t>self.here << 32 | t)
        if self.ended.empty():
            self.here = NONE
            if self.threads.empty():
                return False
        else:
            sort(self.ended.begin(), self.ended.end())
            self.ended.erase(unique(self.ended.begin(), self.ended.end()), self.ended.end())
            self.here = self.chart.goto_pairs(self.ended)
        sort_threads(self.threads)
        if self.threads.size() > self.live_threads:
            self.refuse("live_threads", self.threads.size(), self.live_threads)
            return False
        return True

    cdef bint advance_all(self, const uint8_t* text, size_t n) except -1 nogil:
        cdef size_t i
        for i in range(n):
            if not self.advance(text[i]):
                return False
        return True

    cdef int move(self, uint32_t terminal, uint32_t state, uint32_t column, uint32_t byte) except -1 nogil:
        """Let a thread read a byte; a status, as where a limit refuses it."""
        cdef uint32_t target = self.store.next(state, byte, self.vocabulary_cache_bytes)
        cdef const State* s
        cdef Thread thread
        if target == UNMADE:
            return self.refuse_vocabulary()
        if target == NONE:
            return 0
        s = self.store.state(target)
        if s.n_edges:
            thread.terminal = terminal
            thread.state = target
            thread.column = column
            self.threads.push_back(thread)
        if s.accepting:
            self.ended.push_back(<uint64_t>column << 32 | terminal)
        return 0

    cdef uint32_t intern_state(self, uint32_t column) except? 0xFFFFFFFF nogil:
        """The live state of a column (or NONE) and the collected threads."""
        cdef size_t i
        self.key.clear()
        self.key.push_back(column)
        for i in range(self.threads.size()):
            self.key.push_back(self.threads[i].terminal)
            self.key.push_back(self.threads[i].state)
            self.key.push_back(self.threads[i].column)
        return self.intern_key(column != NONE and self.accepts(column))

    cdef uint32_t intern_prefix(self, const uint8_t* text, size_t n) except? 0xFFFFFFFF nogil:
        """The live state in which these bytes, at least one, must come before the grammar begins."""
        refill(self.key, 3, NONE)
        self.key.insert(self.key.end(), text, text + n)
        return self.intern_key(False)

    cdef uint32_t intern_key(self, bint accepting) except? 0xFFFFFFFF nogil:
        """The live state whose key has been put together."""
        cdef LiveState* state
        cdef uint32_t index = self.state_keys.find(self.key.data(), self.key.size())
        if index != NONE:
            return index
        if self.states.size == self.state_keys.count():     # else an earlier MemoryError left one to be reused
            segments_push(&self.states)
        state = self.at(self.state_keys.count())
        state.mask = NONE
        state.accepting = accepting
        return self.state_keys.intern(self.key.data(), self.key.size())

    cdef bint accepts(self, uint32_t here) noexcept nogil:
        """Whether the text may end where ``here`` is."""
        return self.chart.columns[here].accepting

    cdef uint32_t run_token(self, uint32_t state, uint32_t token) except? 0xFFFFFFFF:
        """The state after a token (not an end token), or DEAD."""
        cdef uint32_t symbol, result
        if not self.store.skip[token]:
            result = self.known_step(state, TOKEN | token)
            if result == NONE or not self.memoise_steps:
                if self.memoise_steps and self.stays(state, token):
                    return state
                with nogil:
                    result = self.compute_step(state, TOKEN | token)
            return result
        if self.special_symbols.count(token) == 0:
            return DEAD
        symbol = self.special_symbols[token]
        result = self.known_step(state, symbol)
        if result == NONE or not self.memoise_steps:
            with nogil:
                result = self.compute_step(state, symbol)
        return result

    cdef uint32_t run_bytes(self, uint32_t state, const unsigned char* data, size_t n) except? 0xFFFFFFFF:
        """The state after some bytes, or DEAD."""
        cdef size_t i
        cdef uint32_t result
        for i in range(n):
            result = self.known_step(state, data[i])
            if result == NONE or not self.memoise_steps:
                with nogil:
                    result = self.compute_step(state, data[i])
            if result == DEAD:
                return DEAD
            state = result
        return state

    # --- masks ---------------------------------------------------------------------------------------------------

    cdef int fill(self, uint32_t state, int32_t* row, size_t n_words) except -1 nogil:
        """Write the mask of a state into a row, computed if need be; the caller must not hold Python's lock."""
        cdef uint32_t index, uses
        cdef Mask* mask
        if self.fill_known(state, row, n_words):
            return 0
        index = load32(&self.at(state).mask)
        if index == NONE:
            index = self.compute_mask(state)
        mask = self.masks.at(index)
        uses = load32(&mask.uses) + 1   # of two at once one is lost, but whoever writes HOT sees it
        store32(&mask.uses, uses)
        if uses == HOT or (uses == 1 and mask.n_tokens > MANY_TOKENS):
            self.finish_row(index)
        self.masks.write(mask, row, n_words)
        return 0

    cdef int finish_row(self, uint32_t mask) except -1 nogil:
        self.lock.lock()
        try:
            self.masks.finish(mask)
        finally:
            self.lock.unlock()
        return 0

    cdef uint32_t compute_mask(self, uint32_t state) except? 0xFFFFFFFF nogil:
        cdef uint32_t result
        cdef Refusal refusal
        self.lock.lock()
        try:
            self.refusal.limit = NULL
            result = self.at(state).mask
            if result == NONE:
                result = self.mask_locked(state)
                if self.memoise_masks:
                    store32(&self.at(state).mask, result)
            refusal = self.refusal
        finally:
            self.lock.unlock()
        if result == NONE:
            self.fail(refusal)
        return result

    cdef uint32_t mask_locked(self, uint32_t state) except? 0xFFFFFFFF nogil:
        """The mask of a state, or NONE where a limit refuses it."""
        cdef const uint32_t* words = self.state_keys.words(state)
        cdef uint32_t n = self.state_keys.length(state)
        cdef uint32_t i, node
        if self.n_masks % SOME == 0 and self.out_of_memory():
            return NONE
        self.n_masks += 1
        if state == OPENING:
            return self.opening_mask()
        self.cascade.start()
        if self.prefix_length(state):
            node = collect_prefix(self.cascade, words + 3, self.prefix_length(state))
            n = 0
            if node != NONE and self.cascade.fresh(self.state_keys.words(START)[0], node):
                self.refuse_vocabulary()
                return NONE
        for i in range(1, n, 3):
            if self.cascade.thread(words[i + 1], words[i + 2], words[i]):
                self.refuse_vocabulary()
                return NONE
        if words[0] != NONE and self.cascade.fresh(words[0], 0) or self.cascade.drain(0):
            self.refuse_vocabulary()
            return NONE
        return self.masks.intern(self.cascade.parts, self.at(state).accepting)

    cdef uint32_t opening_mask(self) except? 0xFFFFFFFF nogil:
        """The mask of the state OPENING, or NONE where a limit refuses it."""
        cdef uint32_t result
        self.cascade.start()
        if self.opening.collect(self.cascade, self.state_keys.words(START)[0]) or self.cascade.drain(0):
            self.refuse_vocabulary()
            return NONE
        result = self.masks.intern(self.cascade.parts, self.at(OPENING).accepting)
        return result if self.opening.exceptions.empty() else self.correct_exceptions(result)

    cdef uint32_t correct_exceptions(self, uint32_t mask) except? 0xFFFFFFFF nogil:
        """A mask of the state OPENING, but for the exceptions by what they stand for; NONE as above."""
        cdef vector[uint32_t] parts
        cdef uint32_t i, token
        cdef const uint8_t* text
        cdef size_t n
        self.row.resize(self.store.n_words)
        self.masks.write(self.masks.at(mask), self.row.data(), self.store.n_words)
        for i in range(self.opening.exceptions.size()):
            token = self.opening.exceptions[i]
            text = self.opening.text(token, &n)
            self.enter(START)
            self.row[token >> 5] &= ~(<int32_t>1 << (token & 31))
            if self.advance_all(text, n):
                self.row[token >> 5] |= <int32_t>1 << (token & 31)
            elif self.refusal.limit != NULL:
                return NONE
        self.key.clear()
        for token in range(self.store.n_tokens):
            if self.row[token >> 5] >> (token & 31) & 1:
                self.key.push_back(token)
        self.store.lock.lock()
        try:
            parts.push_back(self.store.of_tokens(self.key.data(), self.key.size()))
        finally:
            self.store.lock.unlock()
        return self.masks.intern(parts, self.at(OPENING).accepting)

    # --- the rest ------------------------------------------------------------------------------------------------

    cdef void live_bytes(self, uint32_t state, ByteSet* out, bint* special) noexcept nogil:
        """Bytes that may come next, and whether a special token may; the caller holds the lock."""
        cdef uint32_t known = START if state == OPENING else state
        cdef const uint32_t* words = self.state_keys.words(known)
        cdef uint32_t n = self.state_keys.length(known)
        cdef uint32_t i
        cdef const Column* c
        memset(out, 0, sizeof(ByteSet))
        special[0] = False
        if self.prefix_length(state):
            out.bits[words[3] >> 6] = <uint64_t>1 << (words[3] & 63)
            return
        for i in range(1, n, 3):
            join_live(out, self.store.state(words[i + 1]))
        if words[0] != NONE:
            c = &self.chart.columns[words[0]]
            byteset_join(out, &c.first)
            for i in range(c.terminals, c.terminals_end):
                if self.tables.terminal_state[self.chart.live_terminals[i]] == NONE:
                    special[0] = True

    # A limit is met deep within a computation, with locks held.  To raise an error there would run Python's garbage
    # collector, and whatever it finalises might wait for these locks.  So a status travels up, and the error is raised
    # where the locks are free again.

    cdef int refuse(self, const char* limit, size_t given, size_t allowed) noexcept nogil:
        self.refusal = Refusal(limit, given, allowed)
        return REFUSED

    cdef int refuse_vocabulary(self) noexcept nogil:
        """Refuse what the vocabulary's memory has no room for."""
        self.store.lock.lock()
        cdef size_t used = self.store.bytes()
        self.store.lock.unlock()
        return self.refuse("vocabulary_cache_bytes", used, self.vocabulary_cache_bytes)

    cdef bint out_of_memory(self) noexcept nogil:
        """Whether the caches have outgrown their limit; if so, that is the refusal."""
        cdef size_t used = self.bytes()
        if used > self.cache_bytes:
            self.refuse("cache_bytes", used, self.cache_bytes)
        return used > self.cache_bytes

    cdef int fail(self, Refusal refusal) except -1 nogil:
        """Raise what was refused; no lock may be held."""
        with gil:
            self.n_limits_met += 1
            raise self.errors.LimitExceeded(refusal.limit.decode(), refusal.given, refusal.allowed, "matching")

    cdef size_t bytes(self) noexcept nogil:
        return (self.tables.bytes() + self.chart.bytes() + self.cascade.bytes() + self.masks.bytes() + self.arena.bytes
                + self.state_keys.bytes() + segments_bytes(&self.states) + idmap_bytes(&self.steps))

    def prewarm_column(self, uint32_t column, uint32_t begin):
        """Compute what masks at a column and one byte into its terminals need.

        A slice of the terminals at a time, so that the caller can stop between
        two and the lock is never held for long.

        Returns
        -------
        list of int
            The columns after these terminals.
        int or None
            Where to begin next, None after the last slice.
        """
        cdef uint32_t i, end
        cdef Column c
        cdef vector[uint32_t] after
        cdef Refusal refusal
        with nogil:
            self.lock.lock()
            try:
                self.refusal.limit = NULL
                c = self.chart.columns[column]
                end = min(c.terminals_end, c.terminals + begin + SLICE)
                if not self.out_of_memory() and (begin or not self.prewarm_start(column)):
                    for i in range(c.terminals + begin, end):
                        after.push_back(self.chart.goto_one(column, self.chart.live_terminals[i]))
                        if self.prewarm_terminal(column, self.chart.live_terminals[i]):
                            break
                refusal = self.refusal
            finally:
                self.lock.unlock()
        if refusal.limit != NULL:
            self.fail(refusal)
        return list(after), (end - c.terminals if end < c.terminals_end else None)

    cdef int prewarm_start(self, uint32_t column) except -1 nogil:
        """Compute the mask of the state that consists of a column alone."""
        cdef uint32_t state, mask
        self.threads.clear()
        state = self.intern_state(column)
        if self.at(state).mask == NONE and self.memoise_masks:
            mask = self.mask_locked(state)
            if mask == NONE:
                return REFUSED
            store32(&self.at(state).mask, mask)
        return 0

    cdef int prewarm_terminal(self, uint32_t column, uint32_t terminal) except -1 nogil:
        """Compute what masks one byte into a terminal need."""
        cdef uint32_t state = self.tables.terminal_state[terminal]
        cdef uint32_t k, target, last = NONE
        cdef const State* start
        if state == NONE:
            return 0
        start = self.store.state(state)
        for k in range(start.n_edges):
            target = self.store.next(state, start.edges[k].low, self.vocabulary_cache_bytes)
            if target == last:
                continue
            last = target
            self.cascade.start()
            if target == UNMADE or self.cascade.thread(target, column, terminal) or self.cascade.drain(0):
                return self.refuse_vocabulary()
        return 0

    def stats(self):
        """Deterministic counts of what has been computed so far, and bytes of memory."""
        cdef Stats found
        found.limits_met = self.n_limits_met
        with nogil:                     # and all at once: other threads may be at work
            self.lock.lock()
            found.terminals = self.tables.n_terminals
            found.nonterminals = self.tables.n_nonterminals
            found.rules = self.tables.n_rules
            found.suffixes = self.tables.suffixes.size()
            found.tally_states = self.tables.tallies.states.count()
            found.columns = self.chart.columns.size()
            found.items = self.chart.items.size()
            found.continuations = self.chart.continuations.size()
            found.continuation_entries = self.chart.entries.size()
            found.predictions = self.tables.predictions.size()
            found.gotos = self.chart.n_gotos
            found.states = self.state_keys.count()
            found.steps = self.n_steps
            found.masks = self.masks.keys.count()
            found.masks_computed = self.n_masks
            found.mask_rows = self.masks.n_rows
            found.suffixes_evaluated = self.cascade.n_evaluated
            found.table_bytes = self.tables.bytes()
            found.cache_bytes = self.bytes()
            self.lock.unlock()
        return found

    @property
    def n_bytes(self):
        """Bytes of memory that all caches take."""
        return self.stats()["cache_bytes"]
