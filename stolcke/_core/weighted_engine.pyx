"""Prefix probabilities: live states whose threads have masses.

The probability that a text begins with w is the sum over all *threads* that have
read its last byte: how probable the terminal was where it began, times the
weights of its automaton's ways since.  A live state keeps these as shares of
their sum, which is 1 in every state.  The sums themselves are the factors by
which prefix probabilities go down, and their logarithms are what steps return:

    log pi(w t) - log pi(w)

Masses are relative, so there is no underflow, however long the text; and states
that differ only in how probable the way to them was are the same state, and
share their steps and token scores.

The engine's lock guards all of this, as the tables below are shared with it.
"""

from libc.math cimport log
from libc.string cimport memset

from stolcke._core.automata cimport State
from stolcke._core.byte_dfa cimport ByteDfa
from stolcke._core.containers cimport refill, slot_of
from stolcke._core.counted cimport COUNTED, UNMADE
from stolcke._core.engine cimport TOKEN
from stolcke._core.follower_system cimport LARGEST
from stolcke._core.storage cimport (
    idmap_bytes, idmap_find, idmap_free, idmap_init, idmap_put, segments_at, segments_bytes, segments_free,
    segments_init, segments_push,
)
from stolcke._core.types cimport NONE, byteset_has, popcount64
from stolcke._core.weighted_chart cimport WeightedColumn
from stolcke._core.weighted_tables cimport WeightedTables, add_bits, rounded


cdef extern from *:
    """
    #include <algorithm>
    #include <functional>
    #include <tuple>
    #include <vector>
    template <class T> static void sort_weighted_threads(std::vector<T>& v) {
        std::sort(v.begin(), v.end(), [](const T& a, const T& b) {
            return std::make_tuple(a.terminal, a.state, a.column, a.mass)
                   < std::make_tuple(b.terminal, b.state, b.column, b.mass);
        });
    }
    template <class S> static void sort_shares(std::vector<S>& v) {
        std::sort(v.begin(), v.end(), [](const S& a, const S& b) {
            return std::make_tuple(a.column, a.share) < std::make_tuple(b.column, b.share);
        });
    }
    static void greatest_first(std::vector<double>& v, size_t n) {
        std::nth_element(v.begin(), v.begin() + n, v.end(), std::greater<double>());
    }
    """
    void sort_weighted_threads(vector[WeightedThread]& v) noexcept nogil
    void sort_shares(vector[Share]& v) noexcept nogil
    void greatest_first(vector[double]& v, size_t n) noexcept nogil


cdef enum:
    ROW = 257                           # weights of a state: of each byte, and of stopping
    SOME = 64                           # of so many misses, one measures the memory in use


cdef double SMALL = 1e-200              # products below it go on as logarithms


cdef class WeightedEngine:
    """Weighted live states of one grammar over one vocabulary.

    Parameters
    ----------
    engine : Engine
    weights : WeightedTables
    distributions : sequence of (ByteDfa, float64[states, 257]) or None
        Of each terminal; None where all live bytes and stopping are equally probable.
    special_tokens : sequence of int
        How many tokens each of the engine's special symbols stands for; they are equally probable.
    options : stolcke.Options
    threshold : float
        Items, continuations' entries and threads below it are left out.
    beam : int
        How many threads are kept at most, 0 for all.
    """

    def __cinit__(self, Engine engine not None, WeightedTables weights not None, distributions, special_tokens,
                  options, double threshold=0.0, uint32_t beam=0):
        cdef WeightedState state
        self.engine = engine
        self.store = engine.store
        self.tables = engine.tables
        self.chart = WeightedChart(weights, options.memoise_goto, options.bisimulation, threshold)
        self.memoise_steps = options.memoise_steps
        self.threshold = threshold
        self.beam = beam
        self.arena = Arena()
        self.state_keys = SequenceTable(self.arena)
        idmap_init(&self.steps, 10)
        segments_init(&self.made_steps, sizeof(WeightedStep))
        refill(self.has_rows, self.tables.n_terminals, 0)
        for terminal, given in enumerate(distributions):
            if given is not None:
                machine, rows = given
                self.add_rows(<uint32_t>terminal, machine, rows)
        for n in special_tokens:
            self.special_tokens.push_back(<uint32_t>n)
        memset(&state, 0, sizeof(WeightedState))
        state.column = NONE
        self.states.push_back(state)                    # IMPOSSIBLE
        self.key.push_back(NONE)
        self.state_keys.intern(self.key.data(), 1)
        with nogil:
            self.engine.lock.lock()
            try:
                self.here = self.chart.start()
                self.inflow = 1.0
                self.threads.clear()
                self.intern_state()                     # EMPTY_TEXT
            finally:
                self.engine.lock.unlock()

    def __dealloc__(self):
        idmap_free(&self.steps)
        segments_free(&self.made_steps)

    cdef add_rows(self, uint32_t terminal, ByteDfa machine, const double[:, ::1] weights):
        """Set the weights of the ways from each state of a terminal's automaton."""
        cdef vector[uint32_t] ids
        cdef size_t i, k
        ids.resize(machine.accepting.size() + 1)
        self.store.add_states(machine, ids.data())
        self.has_rows[terminal] = 1
        for i in range(machine.accepting.size()):
            slot_of(self.row_of, <uint64_t>terminal << 32 | ids[i])[0] = <uint32_t>(self.rows.size() // ROW)
            for k in range(ROW):
                self.rows.push_back(weights[i, k])

    # --- automata ------------------------------------------------------------------------------------------------

    cdef double way(self, uint32_t state) except -1 nogil:
        """The weight of each way on from a state, if all of them are equally probable."""
        cdef const State* s
        cdef uint32_t i, n
        if state < self.uniform.size() and self.uniform[state] > 0:
            return self.uniform[state]
        s = self.store.state(state)
        n = s.accepting
        if s.classes != NULL:
            for i in range(4):
                n += popcount64(s.classes.live.bits[i])
        else:
            for i in range(s.n_edges):
                n += s.edges[i].high - s.edges[i].low + 1
        if state < COUNTED:
            if state >= self.uniform.size():
                self.uniform.resize(state + 1, 0.0)
            self.uniform[state] = 1.0 / n
        return 1.0 / n

    cdef const double* row(self, uint32_t terminal, uint32_t state) except NULL nogil:
        """The weights of a state of a terminal that has a distribution of its own."""
        return &self.rows[<size_t>self.row_of[<uint64_t>terminal << 32 | state] * ROW]

    cdef double stop(self, uint32_t terminal, uint32_t state) except -1 nogil:
        """How probable it is that a terminal ends in a state."""
        if not self.store.state(state).accepting:
            return 0.0
        return self.row(terminal, state)[256] if self.has_rows[terminal] else self.way(state)

    # --- steps ---------------------------------------------------------------------------------------------------

    cdef int step(self, uint32_t state, uint32_t symbol, WeightedStep* out) except -1:
        """The state after a symbol or a token; IMPOSSIBLE, and -inf, where the probability is 0."""
        cdef uint32_t known = idmap_find(&self.steps, <uint64_t>state << 32 | symbol)
        cdef Refusal refusal
        if known != NONE and self.memoise_steps:
            out[0] = (<WeightedStep*>segments_at(&self.made_steps, known))[0]
            return 0
        with nogil:
            self.engine.lock.lock()
            try:
                self.refusal.limit = NULL
                self.step_locked(state, symbol, out)
                refusal = self.refusal
                known = idmap_find(&self.steps, <uint64_t>state << 32 | symbol)
                # Tokens that are not possible are many, and not remembered.
                if known == NONE and refusal.limit == NULL and (out.state or symbol < TOKEN):
                    known = self.made_steps.size
                    (<WeightedStep*>segments_push(&self.made_steps))[0] = out[0]
                    idmap_put(&self.steps, <uint64_t>state << 32 | symbol, known)
            finally:
                self.engine.lock.unlock()
        if refusal.limit != NULL:
            self.fail(refusal)
        return 0

    cdef int step_locked(self, uint32_t state, uint32_t symbol, WeightedStep* out) except -1 nogil:
        cdef uint32_t token = symbol & ~<uint32_t>TOKEN
        cdef size_t i, begin, n
        cdef double factor, product = 1.0, lost = 0.0, logprob = 0.0
        out.state = IMPOSSIBLE
        out.logprob = out.log_lost = log(0.0)
        if state == IMPOSSIBLE or self.n_steps % SOME == 0 and self.out_of_memory():
            return 0
        self.n_steps += 1
        self.enter(state)
        begin = 0
        n = 1
        if symbol >= TOKEN:
            begin = <size_t>self.store.offsets[token]
            n = <size_t>(self.store.offsets[token + 1] - self.store.offsets[token])
        for i in range(n):
            factor = self.advance(self.store.data[begin + i] if symbol >= TOKEN else symbol, &lost)
            if factor == 0 or self.refusal.limit != NULL:
                # What was left out on the way may be all that there is.
                out.log_lost = logprob + log(product) + log(lost)
                return 0
            product *= factor
            if product < SMALL:         # tokens may have hundreds of bytes
                logprob += log(product)
                product = 1.0
        out.logprob = logprob + log(product)
        out.log_lost = out.logprob + log(lost)
        out.state = self.intern_state()
        return 0

    cdef int enter(self, uint32_t state) except -1 nogil:
        """Put a state into ``here``, ``inflow`` and ``threads``, for :meth:`advance`."""
        cdef WeightedState s = self.states[state]
        self.here = s.column
        self.inflow = s.inflow
        self.threads.assign(self.kept.begin() + s.threads, self.kept.begin() + s.threads_end)
        return 0

    cdef double advance(self, uint32_t symbol, double* lost) except -1 nogil:
        """Move by a symbol; how probable it was, 0 if it was not possible.

        ``lost`` is what pruning may have left out so far, as a share of what is known of the present text;
        of the text before, if the symbol was not possible.
        """
        cdef uint32_t i, t
        cdef WeightedColumn c
        cdef double factor
        self.moving.swap(self.threads)
        self.threads.clear()
        if symbol < 256:
            for i in range(self.moving.size()):
                self.move(self.moving[i].terminal, self.moving[i].state, self.moving[i].column, symbol,
                          self.moving[i].mass)
        if self.here == NONE:
            if symbol >= 256:
                return 0.0
        else:
            c = self.chart.columns[self.here]
            if symbol >= 256:
                return self.advance_special(symbol, &c, lost)
            for i in range(c.terminals, c.terminals_end):
                t = self.chart.begun[i].terminal
                if byteset_has(&self.tables.terminal_first[t], symbol):
                    self.move(t, self.tables.terminal_state[t], self.here, symbol,
                              self.inflow * self.chart.begun[i].mass)
        if self.refusal.limit != NULL:
            return 0.0
        factor = self.normalise(lost)
        if factor == 0:
            return 0.0
        self.end_terminals()
        if self.threads.size() > self.engine.live_threads:
            self.refusal = Refusal("live_threads", self.threads.size(), self.engine.live_threads)
        if self.refused():
            return 0.0
        if self.here != NONE:
            lost[0] += self.inflow * self.chart.columns[self.here].lost
        return factor

    cdef double advance_special(self, uint32_t symbol, const WeightedColumn* c, double* lost) except -1 nogil:
        """Move by a special token, which ends its terminals at once."""
        cdef uint32_t i, t
        cdef double whole = 0.0
        self.ended.clear()
        for i in range(c.terminals, c.terminals_end):
            t = self.chart.begun[i].terminal
            if self.tables.terminal_symbol[t] == symbol:
                whole += self.chart.begun[i].mass
                self.ended.push_back(Share(self.chart.goto_one(self.here, t), self.chart.begun[i].mass))
        if whole == 0 or self.refused():
            return 0.0
        whole = self.inflow * whole / self.special_tokens[symbol - 256]
        lost[0] /= whole
        self.inflow = 1.0
        self.mix_ended()
        lost[0] += self.chart.columns[self.here].lost
        return whole

    cdef int move(self, uint32_t terminal, uint32_t state, uint32_t column, uint32_t byte, double mass) except -1 nogil:
        """Let a thread read a byte."""
        cdef WeightedThread thread
        thread.state = self.store.next(state, byte, self.engine.vocabulary_cache_bytes)
        if thread.state == UNMADE:
            self.refuse_vocabulary()
        elif thread.state != NONE:
            thread.terminal = terminal
            thread.column = column
            thread.mass = mass * (self.row(terminal, state)[byte] if self.has_rows[terminal] else self.way(state))
            if thread.mass > 0:
                self.threads.push_back(thread)
        return 0

    cdef int refuse_vocabulary(self) except -1 nogil:
        self.engine.refuse_vocabulary()
        self.refusal = self.engine.refusal
        return 0

    cdef double normalise(self, double* lost) except -1 nogil:
        """Let each thread be there once, and the masses be shares; their sum before."""
        cdef size_t i = 0, j, n = 0
        cdef double whole = 0.0, rest = 0.0
        cdef WeightedThread thread
        if self.threads.size() > 1:
            sort_weighted_threads(self.threads)
        while i < self.threads.size():
            thread = self.threads[i]
            j = i + 1
            while (j < self.threads.size() and self.threads[j].terminal == thread.terminal
                    and self.threads[j].state == thread.state and self.threads[j].column == thread.column):
                thread.mass += self.threads[j].mass
                j += 1
            whole += thread.mass
            self.threads[n] = thread
            n += 1
            i = j
        self.threads.resize(n)
        if whole == 0:
            return 0.0
        lost[0] /= whole
        if self.threshold > 0 or self.beam:
            self.prune(whole)
            for i in range(self.threads.size()):
                rest += self.threads[i].mass
            # What remains is the new whole; the loss so far is larger beside it.
            lost[0] = (lost[0] + (whole - rest) / whole) * whole / rest if rest < whole else lost[0]
            whole = rest
        for i in range(self.threads.size()):
            self.threads[i].mass = rounded(self.threads[i].mass / whole)
        return whole

    cdef int prune(self, double whole) except -1 nogil:
        """Leave out threads below the threshold, and all but the best; one remains in any case."""
        cdef vector[double] masses
        cdef double least = self.threshold * whole, most = 0.0
        cdef size_t i, n = 0, equal         # how many of those just at the limit are kept
        for i in range(self.threads.size()):
            masses.push_back(self.threads[i].mass)
            most = max(most, self.threads[i].mass)
        if self.beam and masses.size() > self.beam:
            greatest_first(masses, self.beam - 1)
            least = max(least, masses[self.beam - 1])
        least = min(least, most)
        equal = self.beam if self.beam else self.threads.size()
        for i in range(self.threads.size()):
            if self.beam and self.threads[i].mass > least:
                equal -= 1
        for i in range(self.threads.size()):
            if self.threads[i].mass > least or self.threads[i].mass == least and equal:
                equal -= self.threads[i].mass == least
                self.threads[n] = self.threads[i]
                n += 1
        self.threads.resize(n)
        return 0

    cdef int end_terminals(self) except -1 nogil:
        """Find the column that begins here, and drop the threads that cannot go on."""
        cdef size_t i, n = 0
        cdef WeightedThread thread
        cdef double ending
        self.ended.clear()
        self.inflow = 0.0
        for i in range(self.threads.size()):
            thread = self.threads[i]
            ending = thread.mass * self.stop(thread.terminal, thread.state)
            if ending > 0:
                self.ended.push_back(Share(self.chart.goto_one(thread.column, thread.terminal), ending))
                self.inflow += ending
            if self.store.state(thread.state).n_edges:
                self.threads[n] = thread
                n += 1
        self.threads.resize(n)
        self.here = NONE
        if not self.ended.empty():
            self.inflow = rounded(self.inflow)
            self.mix_ended()
        return 0

    cdef int mix_ended(self) except -1 nogil:
        """Let ``here`` be the mixture of the columns in ``ended``."""
        cdef size_t i = 0, j, n = 0
        cdef double whole = 0.0
        cdef Share part
        sort_shares(self.ended)
        while i < self.ended.size():
            part = self.ended[i]
            j = i + 1
            while j < self.ended.size() and self.ended[j].column == part.column:
                part.share += self.ended[j].share
                j += 1
            whole += part.share
            self.ended[n] = part
            n += 1
            i = j
        self.ended.resize(n)
        for i in range(n):
            self.ended[i].share /= whole
        self.here = self.chart.mix(self.ended)
        return 0

    cdef uint32_t intern_state(self) except? 0xFFFFFFFF nogil:
        """The state of ``here``, ``inflow`` and ``threads``."""
        cdef size_t i
        cdef uint32_t index
        cdef WeightedState s
        self.key.clear()
        self.key.push_back(self.here)
        add_bits(self.key, self.inflow if self.here != NONE else 0.0)
        for i in range(self.threads.size()):
            self.key.push_back(self.threads[i].terminal)
            self.key.push_back(self.threads[i].state)
            self.key.push_back(self.threads[i].column)
            add_bits(self.key, self.threads[i].mass)
        index = self.state_keys.find(self.key.data(), self.key.size())
        if index != NONE:
            return index
        self.states.resize(self.state_keys.count())         # heals what an earlier MemoryError left behind
        s.column = self.here
        s.inflow = self.inflow
        s.threads = <uint32_t>self.kept.size()
        self.kept.insert(self.kept.end(), self.threads.begin(), self.threads.end())
        s.threads_end = <uint32_t>self.kept.size()
        self.states.push_back(s)
        return self.state_keys.intern(self.key.data(), self.key.size())

    # --- what comes next -----------------------------------------------------------------------------------------

    cdef double eos(self, uint32_t state) noexcept nogil:
        """How probable it is that the text ends in a state."""
        cdef WeightedState s = self.states[state]
        return 0.0 if s.column == NONE else s.inflow * self.chart.columns[s.column].accept

    cdef int next_bytes(self, uint32_t state, double* out) except -1 nogil:
        """Probabilities of each next byte, and of the end at last."""
        cdef WeightedState s = self.states[state]
        cdef WeightedColumn c
        cdef uint32_t i, t
        memset(out, 0, ROW * sizeof(double))
        for i in range(s.threads, s.threads_end):
            self.add_bytes(self.kept[i].terminal, self.kept[i].state, self.kept[i].mass, out)
        if s.column != NONE:
            c = self.chart.columns[s.column]
            for i in range(c.terminals, c.terminals_end):
                t = self.chart.begun[i].terminal
                if self.tables.terminal_state[t] != NONE:
                    self.add_bytes(t, self.tables.terminal_state[t], s.inflow * self.chart.begun[i].mass, out)
        out[256] = self.eos(state)
        return 0

    cdef int add_bytes(self, uint32_t terminal, uint32_t state, double mass, double* out) except -1 nogil:
        """Add what a thread contributes to each byte."""
        cdef const State* s = self.store.state(state)
        cdef const double* row = self.row(terminal, state) if self.has_rows[terminal] else NULL
        cdef double even = 0.0 if row != NULL else mass * self.way(state)
        cdef uint32_t i, b
        for i in range(s.n_edges):
            for b in range(s.edges[i].low, <uint32_t>s.edges[i].high + 1):
                out[b] += mass * row[b] if row != NULL else even
        return 0

    # --- the rest ------------------------------------------------------------------------------------------------

    cdef bint refused(self) noexcept nogil:
        """Whether something was refused, be it a circle of rules that is too large to be solved."""
        if self.chart.system.refused:
            self.refusal = Refusal("circle", self.chart.system.refused, LARGEST)
            self.chart.system.refused = 0       # other texts may do without it
        return self.refusal.limit != NULL

    cdef bint out_of_memory(self) noexcept nogil:
        cdef size_t used = self.engine.bytes() + self.own_bytes()
        if used > self.engine.cache_bytes:
            self.refusal = Refusal("cache_bytes", used, self.engine.cache_bytes)
        return used > self.engine.cache_bytes

    cdef size_t own_bytes(self) noexcept nogil:
        return (self.chart.bytes() + self.arena.bytes + self.state_keys.bytes() + idmap_bytes(&self.steps)
                + sizeof(WeightedState) * self.states.capacity() + sizeof(WeightedThread) * self.kept.capacity()
                + segments_bytes(&self.made_steps) + self.score_bytes
                + 8 * (self.uniform.capacity() + self.rows.capacity()))

    cdef int fail(self, Refusal refusal) except -1:
        """Raise what was refused; no lock may be held."""
        limit = refusal.limit.decode()
        if limit == "circle":
            raise self.engine.errors.WeightsError(
                f"{refusal.given} rules end with each other in a circle, so that what follows one may follow all;"
                f" probabilities are found where these are {refusal.allowed} at most: let fewer rules end with"
                " one another")
        self.engine.n_limits_met += 1
        raise self.engine.errors.LimitExceeded(limit, refusal.given, refusal.allowed, "matching with weights")

    def stats(self):
        """Deterministic counts of what has been computed so far, and bytes of memory."""
        cdef size_t columns, items, continuations, states, steps, used
        with nogil:
            self.engine.lock.lock()
            columns, items = self.chart.columns.size(), self.chart.items.size()
            continuations, states = self.chart.continuations.size(), self.states.size()
            steps, used = self.n_steps, self.own_bytes()
            self.engine.lock.unlock()
        return {
            "weighted_columns": columns,
            "weighted_items": items,
            "weighted_continuations": continuations,
            "weighted_states": states,
            "weighted_steps": steps,
            "weighted_bytes": used,
        }
