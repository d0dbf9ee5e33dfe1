"""Log-probabilities of all tokens.

What a token adds to the prefix probability is a sum over the ways in which its
bytes can be read: within the terminal under way, or to its end and into what
comes next, and so on.  The sum is linear in the masses of a state's threads, so
it is put together from parts that know nothing of the state: what one state of a
terminal's automaton does to one *bundle* of rests of tokens.  A rest is a node
of the vocabulary's trie, for all tokens below it, with the weight of the bytes on
the way there.  Splitting a bundle by a state gives

* the tokens that stay inside the terminal, each with its weight; and
* another bundle, of what is left of those that leave it, each rest with the
  weight of having come there and ended.

From a state, the vocabulary is split by each thread and by each terminal that can
begin, what remains by the terminals of the columns after them, until nothing is
left.  Splits are made once for all states.
"""

import numpy as np

cimport numpy as cnp
from cython.operator cimport dereference, preincrement
from libc.math cimport INFINITY, exp, log
from libc.string cimport memcpy
from libcpp.memory cimport make_shared
from libcpp.pair cimport pair

from stolcke._core.automata cimport State, state_next
from stolcke._core.bitmask cimport fill_floats, shift_floats
from stolcke._core.counted cimport COUNTED, UNMADE
from stolcke._core.engine cimport TOKEN, Refusal
from stolcke._core.flat_trie cimport LONG, FlatTrie
from stolcke._core.storage cimport idmap_bytes, idmap_find, idmap_free, idmap_init, idmap_put
from stolcke._core.types cimport NONE, load64, store64
from stolcke._core.weighted_chart cimport Begun, WeightedColumn
from stolcke._core.weighted_engine cimport WeightedState, WeightedStep
from stolcke._core.weighted_tables cimport double_bits

cnp.import_array()


cdef extern from *:
    """
    #include <algorithm>
    #include <vector>
    template <class R> static void sort_rests(std::vector<R>& v) {
        std::sort(v.begin(), v.end(), [](const R& a, const R& b) {
            return a.node != b.node ? a.node < b.node : a.weight < b.weight;
        });
    }
    """
    void sort_rests(vector[Rest]& v) noexcept nogil


cdef enum:
    WIDE = 8                            # at least 1/8 of the vocabulary inside: a group for each token, not a list
    RECENT = 1024                       # weights whose groups are found at once
    MOST_COMPACTS = 256                 # compact forms that are remembered
    SOME = 64                           # of so many tasks, one measures the memory in use


cdef class TokenScores:
    """Scores of one grammar's weighted states over one vocabulary.

    Parameters
    ----------
    live : WeightedEngine
    flat : FlatTrie
    end_tokens : frozenset of int
        Their probability is that of the text's end.
    memoise : bool
        Whether splits and scores are kept.
    """

    def __cinit__(self, WeightedEngine live not None, FlatTrie flat not None, frozenset end_tokens not None,
                  bint memoise):
        cdef Bundle whole
        cdef Rest root
        cdef uint32_t token
        self.live = live
        self.flat = flat
        self.engine = live.engine
        self.store = live.engine.store
        self.trie = self.store.trie
        self.memoise = memoise
        self.end_tokens = end_tokens
        for token in sorted(end_tokens):
            self.ends.push_back(token)
        self.layouts = {}
        self.compacts = {}
        idmap_init(&self.split_of, 8)
        root.node = 0
        root.weight = 1.0
        self.rests.push_back(root)
        whole.rests = 0
        whole.rests_end = 1
        whole.height = self.trie.height(0)
        self.bundles.push_back(whole)
        self.sums.resize(self.store.n_tokens, 0.0)
        self.state_at.resize(LONG + 1)
        self.weight_at.resize(LONG + 1)

    def __dealloc__(self):
        cdef size_t i
        idmap_free(&self.split_of)
        for i in range(self.wides.size()):
            del self.wides[i]

    # --- scores of a state ---------------------------------------------------------------------------------------

    cdef shared_ptr[Scores] scores(self, uint32_t state) except *:
        """The scores of a state, computed if need be."""
        cdef shared_ptr[Scores] found
        cdef Refusal refusal
        refusal.limit = NULL
        with nogil:
            self.engine.lock.lock()
            try:
                if state < self.known.size():
                    found = self.known[state]
                if found.get() == NULL:
                    self.live.refusal.limit = NULL
                    found = make_shared[Scores]()
                    self.compute(state, found.get())
                    refusal = self.live.refusal
                    if self.memoise and refusal.limit == NULL:
                        self.keep(state, found)
            finally:
                self.engine.lock.unlock()
        if refusal.limit != NULL:
            self.live.fail(refusal)
        return found

    cdef int keep(self, uint32_t state, shared_ptr[Scores] made) except -1 nogil:
        """Remember scores; all others are forgotten where they would take too much memory."""
        cdef Scores* s = made.get()
        if self.known_bytes > self.engine.cache_bytes // 4:
            self.known.clear()
            self.known_bytes = 0
        if state >= self.known.size():
            self.known.resize(self.live.states.size())
        self.known[state] = made
        self.known_bytes += sizeof(Scores) + 4 * (s.tokens.capacity() + s.logs.capacity() + s.all.capacity())
        return 0

    cdef int compute(self, uint32_t state, Scores* out) except -1 nogil:
        """Score all tokens in a state."""
        cdef WeightedState s = self.live.states[state]
        cdef uint32_t i, k
        self.n_scores += 1
        for i in range(<uint32_t>self.touched.size()):      # only after a MemoryError
            self.sums[self.touched[i]] = 0.0
        self.touched.clear()
        self.live.score_bytes = self.own_bytes()
        out.wide = NULL
        out.shift = 0.0
        self.mixed.clear()
        self.factors.clear()
        self.tasks.clear()
        if not self.live.out_of_memory():
            for i in range(s.threads, s.threads_end):
                k = self.split(0, self.live.kept[i].terminal, self.live.kept[i].state)
                if k == NONE:
                    break
                self.give(k, self.live.kept[i].mass)
                if self.splits[k].bundle != NONE:
                    self.ask(self.splits[k].bundle,
                             self.live.chart.goto_one(self.live.kept[i].column, self.live.kept[i].terminal),
                             self.live.kept[i].mass)
            if s.column != NONE:
                self.give_specials(s.column, s.inflow)
                self.ask(0, s.column, s.inflow)
            self.drain()
        return self.finish(state, out)

    cdef int give_token(self, uint32_t token, double mass) except -1 nogil:
        if self.sums[token] == 0:
            self.touched.push_back(token)
        self.sums[token] += mass
        return 0

    cdef int give(self, uint32_t split, double scale) except -1 nogil:
        """Add the tokens that stay inside."""
        cdef WeightedSplit p = self.splits[split]
        cdef uint32_t i
        cdef size_t k
        for i in range(p.inside, p.inside_end):
            self.give_token(self.scored[i].token, scale * self.scored[i].weight)
        if p.wide != NONE:
            for k in range(self.mixed.size()):
                if self.mixed[k] == p.wide:
                    self.factors[k] += scale
                    return 0
            self.mixed.push_back(p.wide)
            self.factors.push_back(scale)
        return 0

    cdef int give_specials(self, uint32_t column, double scale) except -1 nogil:
        """Add the special tokens that a column expects."""
        cdef WeightedColumn c = self.live.chart.columns[column]
        cdef uint32_t i, symbol
        cdef unordered_map[uint32_t, uint32_t].iterator at
        for i in range(c.terminals, c.terminals_end):
            symbol = self.live.tables.terminal_symbol[self.live.chart.begun[i].terminal]
            if symbol == NONE:
                continue
            at = self.engine.special_symbols.begin()
            while at != self.engine.special_symbols.end():
                if dereference(at).second == symbol:
                    self.give_token(dereference(at).first, scale * self.live.chart.begun[i].mass
                                    / self.live.special_tokens[symbol - 256])
                preincrement(at)
        return 0

    cdef int ask(self, uint32_t bundle, uint32_t column, double scale) except -1 nogil:
        """Let a bundle be matched from a column on, later; the same asked twice is done once."""
        cdef size_t i
        cdef Task task
        for i in range(self.tasks.size()):
            if self.tasks[i].bundle == bundle and self.tasks[i].column == column:
                self.tasks[i].scale += scale
                return 0
        task.bundle = bundle
        task.column = column
        task.scale = scale
        self.tasks.push_back(task)
        return 0

    cdef int drain(self) except -1 nogil:
        """Do all tasks.  Bundles get shorter by each terminal, so with the tallest first each is met once."""
        cdef size_t i, best, done = 0
        cdef uint32_t k, p
        cdef Task task
        cdef WeightedColumn c
        cdef Begun b
        while not self.tasks.empty():
            done += 1
            if done % SOME == 0:
                self.live.score_bytes = self.own_bytes()
                self.live.out_of_memory()
            if self.live.refused():
                self.tasks.clear()
                return 0
            best = 0
            for i in range(1, self.tasks.size()):
                if self.bundles[self.tasks[i].bundle].height > self.bundles[self.tasks[best].bundle].height:
                    best = i
            task = self.tasks[best]
            self.tasks[best] = self.tasks.back()
            self.tasks.pop_back()
            c = self.live.chart.columns[task.column]
            for k in range(c.terminals, c.terminals_end):
                b = self.live.chart.begun[k]
                if self.live.tables.terminal_state[b.terminal] == NONE:
                    continue
                p = self.split(task.bundle, b.terminal, self.live.tables.terminal_state[b.terminal])
                if p == NONE:
                    self.tasks.clear()
                    return 0
                self.give(p, task.scale * b.mass)
                if self.splits[p].bundle != NONE:
                    self.ask(self.splits[p].bundle, self.live.chart.goto_one(task.column, b.terminal),
                             task.scale * b.mass)
        return 0

    cdef int finish(self, uint32_t state, Scores* out) except -1 nogil:
        """Turn the sums into logarithms, and clear them."""
        cdef double total = 0.0, mass, ending = self.live.eos(state)
        cdef size_t i
        cdef uint32_t token
        for i in range(self.ends.size()):
            if ending > 0:
                if self.sums[self.ends[i]] == 0:
                    self.touched.push_back(self.ends[i])
                self.sums[self.ends[i]] = ending
        if self.mixed.size() > 1 or self.touched.size() * 4 > self.store.n_tokens:
            total = self.write_out(out)
        else:
            if self.mixed.size():
                out.wide = self.wides[self.mixed[0]]
                out.shift = log(self.factors[0])
                total = self.factors[0] * out.wide.total
            for i in range(self.touched.size()):
                token = self.touched[i]
                mass = self.sums[token]
                total += mass
                if out.wide != NULL:
                    mass += self.factors[0] * out.wide.value[out.wide.group[token]]
                out.tokens.push_back(token)
                out.logs.push_back(<float>log(mass))
        for i in range(self.touched.size()):
            self.sums[self.touched[i]] = 0.0
        self.touched.clear()
        self.score_long(state, out, &total)
        out.log_total = log(total)
        return 0

    cdef double write_out(self, Scores* out) except -1 nogil:
        """Write the logarithms of all tokens; the sum of their probabilities."""
        cdef uint32_t token
        cdef size_t k
        cdef double mass, total = 0.0
        cdef Wide* wide
        out.all.resize(self.store.n_tokens)
        for token in range(self.store.n_tokens):
            mass = self.sums[token]
            for k in range(self.mixed.size()):
                wide = self.wides[self.mixed[k]]
                mass += self.factors[k] * wide.value[wide.group[token]]
            total += mass
            out.all[token] = <float>log(mass) if mass > 0 else -INFINITY
        return total

    cdef int score_long(self, uint32_t state, Scores* out, double* total) except -1 nogil:
        """Score the long tokens by themselves."""
        cdef WeightedStep step
        cdef size_t i
        for i in range(self.flat.long_tokens.size()):
            self.live.step_locked(state, TOKEN | self.flat.long_tokens[i], &step)
            if step.state:
                total[0] += exp(step.logprob)
                if out.all.empty():
                    out.tokens.push_back(self.flat.long_tokens[i])
                    out.logs.push_back(<float>step.logprob)
                else:
                    out.all[self.flat.long_tokens[i]] = <float>step.logprob
        return 0

    # --- splits --------------------------------------------------------------------------------------------------

    cdef uint32_t split(self, uint32_t bundle, uint32_t terminal, uint32_t state) except? 0xFFFFFFFF nogil:
        """What a state of a terminal's automaton does to a bundle, or NONE where a limit refuses it."""
        cdef uint64_t source = <uint64_t>(terminal + 1 if self.live.has_rows[terminal] else 0) << 32 | state
        cdef uint64_t key
        cdef uint32_t result, i
        cdef WeightedSplit made
        if self.source_of.count(source) == 0:
            self.source_of.insert(pair[uint64_t, uint32_t](source, <uint32_t>self.source_of.size()))
        key = self.source_of[source]
        key |= <uint64_t>bundle << 32
        result = idmap_find(&self.split_of, key)
        if result != NONE and self.memoise:
            return result
        self.inside.clear()
        self.leaving.clear()
        for i in range(self.bundles[bundle].rests, self.bundles[bundle].rests_end):
            self.walk(self.rests[i], terminal, state)
            if self.live.refusal.limit != NULL:
                return NONE
        made.wide = NONE
        made.inside = <uint32_t>self.scored.size()
        if self.inside.size() * WIDE > self.store.n_tokens and self.inside.size() > WIDE * WIDE:
            made.wide = <uint32_t>self.wides.size()
            self.widen()
        else:
            self.scored.insert(self.scored.end(), self.inside.begin(), self.inside.end())
        made.inside_end = <uint32_t>self.scored.size()
        made.bundle = self.keep_bundle()
        self.splits.push_back(made)
        if result == NONE:
            idmap_put(&self.split_of, key, <uint32_t>self.splits.size() - 1)
        return <uint32_t>self.splits.size() - 1

    cdef int walk(self, const Rest& start, uint32_t terminal, uint32_t state) except -1 nogil:
        """Walk the tokens of a rest from a state on."""
        cdef Rest rest
        cdef const State* s
        cdef uint32_t i, k, at, target, depth = self.flat.depth[start.node]
        cdef uint32_t end = self.flat.after[start.node]
        cdef bint has_rows = self.live.has_rows[terminal] != 0
        cdef double weight
        if depth >= LONG:
            return 0
        self.state_at[depth] = state
        self.weight_at[depth] = start.weight
        i = start.node + 1
        while i < end:
            self.visited += 1
            depth = self.flat.depth[i]
            at = self.state_at[depth - 1]
            if at < COUNTED:
                target = state_next(self.store.automata.state(at), self.flat.label[i])
            else:
                target = self.store.next(at, self.flat.label[i], self.engine.vocabulary_cache_bytes)
                if target == UNMADE:
                    return self.live.refuse_vocabulary()
            weight = 0.0
            if target != NONE:
                weight = self.weight_at[depth - 1]
                weight *= self.live.row(terminal, at)[self.flat.label[i]] if has_rows else self.live.known_way(at)
            if weight == 0:
                i = self.flat.after[i]
                continue
            for k in range(self.flat.begin[i], self.flat.begin[i + 1]):
                self.inside.push_back(Scored(self.flat.order[k], weight))
            if self.flat.after[i] > i + 1 and depth < LONG:
                s = self.store.state(target)
                if s.accepting:
                    rest.node = i
                    rest.weight = weight * self.live.stop(terminal, target)
                    self.leaving.push_back(rest)
                if s.n_edges:
                    self.state_at[depth] = target
                    self.weight_at[depth] = weight
                    i += 1
                    continue
            i = self.flat.after[i]
        return 0

    cdef uint32_t keep_bundle(self) except? 0xFFFFFFFF nogil:
        """The bundle of the rests that leave, each once; NONE where there is none."""
        cdef size_t i = 0
        cdef Bundle made
        cdef Rest rest
        if self.leaving.empty():
            return NONE
        sort_rests(self.leaving)
        made.height = 0
        made.rests = <uint32_t>self.rests.size()
        while i < self.leaving.size():
            rest = self.leaving[i]
            i += 1
            while i < self.leaving.size() and self.leaving[i].node == rest.node:
                rest.weight += self.leaving[i].weight
                i += 1
            if rest.weight > 0:
                made.height = max(made.height, self.trie.height(rest.node))
                self.rests.push_back(rest)
        made.rests_end = <uint32_t>self.rests.size()
        if made.rests == made.rests_end:
            return NONE
        self.bundles.push_back(made)
        return <uint32_t>self.bundles.size() - 1

    cdef int widen(self) except -1 nogil:
        """The tokens inside as groups of equal weight."""
        cdef Wide* made
        cdef vector[uint64_t] recent
        cdef vector[uint32_t] recent_group
        cdef unordered_map[uint64_t, uint32_t] group_of
        cdef vector[float] log_of
        cdef uint64_t bits, slot
        cdef size_t i
        cdef uint32_t group
        self.wides.push_back(NULL)
        made = self.wides[self.wides.size() - 1] = new Wide()       # freed with the others, whatever comes
        recent.resize(RECENT, 0)
        recent_group.resize(RECENT, 0)
        made.group.resize(self.store.n_tokens, 0)
        made.value.push_back(0.0)
        log_of.push_back(-INFINITY)
        made.total = 0.0
        for i in range(self.inside.size()):
            bits = double_bits(self.inside[i].weight)
            slot = (bits ^ bits >> 20 ^ bits >> 41) % RECENT
            if recent[slot] != bits:
                if group_of.count(bits) == 0:
                    group_of.insert(pair[uint64_t, uint32_t](bits, <uint32_t>made.value.size()))
                    made.value.push_back(self.inside[i].weight)
                    log_of.push_back(<float>log(self.inside[i].weight))
                recent[slot] = bits
                recent_group[slot] = group_of[bits]
            group = recent_group[slot]
            made.group[self.inside[i].token] = group
            made.total += self.inside[i].weight
        made.logs.resize(self.store.n_tokens)
        for i in range(self.store.n_tokens):
            made.logs[i] = log_of[made.group[i]]
        return 0

    # --- what callers get ----------------------------------------------------------------------------------------

    cdef void write(self, const Scores* scores, float* row, size_t n, double normal) noexcept nogil:
        """Write scores, less a constant, into a row."""
        cdef size_t i, n_tokens = self.store.n_tokens
        cdef float shift = <float>(scores.shift - normal), less = <float>normal
        fill_floats(row + n_tokens, n - n_tokens, -INFINITY)
        if not scores.all.empty():
            shift_floats(row, scores.all.data(), n_tokens, -less)
            return
        if scores.wide == NULL:
            fill_floats(row, n_tokens, -INFINITY)
        elif shift == 0:
            memcpy(row, scores.wide.logs.data(), n_tokens * sizeof(float))
        else:
            shift_floats(row, scores.wide.logs.data(), n_tokens, shift)
        for i in range(scores.tokens.size()):
            row[scores.tokens[i]] = scores.logs[i] - less

    cdef int fill(self, uint32_t state, float* row, size_t n, bint normalize) except -1:
        cdef shared_ptr[Scores] scores = self.scores(state)
        # Where no token is possible, there is nothing to be divided by.
        cdef double normal = scores.get().log_total if normalize and scores.get().log_total > -INFINITY else 0.0
        with nogil:
            self.write(scores.get(), row, n, normal)
        return 0

    def log_total(self, uint32_t state):
        """The logarithm of the sum of all tokens' probabilities in a state."""
        cdef shared_ptr[Scores] scores = self.scores(state)
        return scores.get().log_total

    def compact(self, uint32_t state, bint normalize):
        """Scores as groups: int32[n_tokens] and float32[groups].  The first array is shared where it is the same."""
        cdef shared_ptr[Scores] shared
        cdef const Scores* s
        cdef uint64_t used
        found = self.compacts.get((state, normalize))
        if found is not None:
            return found
        shared = self.scores(state)
        s = shared.get()
        if not s.all.empty():
            values, layout = np.unique(copied(<const char*>s.all.data(), s.all.size(), np.float32), return_inverse=True)
            layout = layout.astype(np.int32)
        else:
            token_array = copied(<const char*>s.tokens.data(), s.tokens.size(), np.uint32)
            values = copied(<const char*>s.logs.data(), s.logs.size(), np.float32)
            order = np.argsort(token_array)
            own = np.zeros(1)
            if s.wide != NULL:
                own = copied(<const char*>s.wide.value.data(), s.wide.value.size(), np.float64)
            with np.errstate(divide="ignore"):
                own = np.log(own) + s.shift
            layout = self.layout(s.wide, token_array[order], len(own))
            values = np.concatenate([own.astype(np.float32), values[order]])
        if normalize and s.log_total > -INFINITY:
            values -= np.float32(s.log_total)
        layout.flags.writeable = values.flags.writeable = False
        if len(self.compacts) >= MOST_COMPACTS or self.compact_bytes > self.engine.cache_bytes // 4:
            self.compacts.clear()
            self.layouts.clear()
            store64(&self.compact_bytes, 0)
        used = layout.nbytes + values.nbytes
        store64(&self.compact_bytes, self.compact_bytes + used)
        self.compacts[state, normalize] = layout, values
        return layout, values

    cdef layout(self, const Wide* wide, tokens, n_groups):
        """The group of each token, where some tokens have groups of their own behind the others, as int32[n_tokens]."""
        key = <size_t>wide, tokens.tobytes()
        made = self.layouts.get(key)
        if made is None:
            made = np.zeros(self.store.n_tokens, np.int32)
            if wide != NULL:
                made = copied(<const char*>wide.group.data(), wide.group.size(), np.int32)
            made[tokens] = n_groups + np.arange(len(tokens), dtype=np.int32)
            self.layouts[key] = made
        return made

    cdef size_t own_bytes(self) noexcept nogil:
        return (sizeof(Rest) * self.rests.capacity() + sizeof(Scored) * self.scored.capacity()
                + sizeof(WeightedSplit) * self.splits.capacity() + idmap_bytes(&self.split_of)
                + 8 * self.wides.size() * self.store.n_tokens + self.known_bytes
                + sizeof(shared_ptr[Scores]) * self.known.capacity() + load64(&self.compact_bytes))

    def stats(self):
        """Deterministic counts of what has been computed so far, and bytes of memory."""
        cdef size_t n_scores, n_splits, visited, used
        with nogil:
            self.engine.lock.lock()
            n_scores, n_splits = self.n_scores, self.splits.size()
            visited, used = self.visited, self.own_bytes()
            self.engine.lock.unlock()
        return {
            "token_scores": n_scores,
            "token_splits": n_splits,
            "score_nodes_visited": visited,
            "score_bytes": used,
        }


cdef copied(const char* data, size_t n, dtype):
    """A copy of n numbers."""
    made = np.empty(n, dtype)
    if n:                               # else there may be no data at all
        memcpy(cnp.PyArray_DATA(<cnp.ndarray>made), data, made.nbytes)
    return made
