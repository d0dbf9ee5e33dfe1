"""An engine whose columns carry the state of a guard.

A guard (:class:`stolcke.Guard`) is a deterministic automaton over terminals,
with states of any kind: layout keeps the widths of the blocks that are open.  It
is asked what it makes of each terminal that it *watches*: refuse it, or take
it, with a next state and terminals without text that come after it (a block
begins, two blocks end).

What the parser stands at is then not a column but a **place**: a column, the
guard's state, and bytes that must not come next.  Terminals are read as
**variants**: a watched terminal is one for each *kind* of its texts that the
guard tells apart, such as a line end for each width of the next line's indentation.

Masks cannot be made as in :mod:`stolcke._core.cascade`, where what a rule's rest
does to a suffix trie depends on nothing else: here it depends on the guard's
state.  They are made place by place: a place and a suffix trie give partitions
and, for each terminal that ends within tokens, another place and what is left
of them.  That makes columns of texts that nobody may write, and remembers them.

The guard is Python code.  It is not called in the midst of a computation, where
locks are held: questions are collected, the computation is given up, and begun
anew once they are answered.  An answer is asked for once.
"""

from libc.string cimport memset
from libcpp.algorithm cimport sort, unique

from stolcke._core.automata cimport join_live
from stolcke._core.cascade cimport first_bytes, overlap
from stolcke._core.chart cimport Column
from stolcke._core.containers cimport refill
from stolcke._core.engine cimport DEAD, OPENING, START, Refusal, sort_threads
from stolcke._core.inside cimport Partition
from stolcke._core.prefix cimport collect_prefix
from stolcke._core.storage cimport idmap_bytes, idmap_find, idmap_free, idmap_init, idmap_put
from stolcke._core.types cimport NONE, byteset_has, byteset_join


cdef extern from *:
    """
    #include <algorithm>
    #include <tuple>
    #include <vector>
    #define THE_END 0xFFFFFFFEu
    template <class A> static void sort_arrivals(std::vector<A>& v) {
        auto rank = [](const A& x) {
            return std::make_tuple(x.state, x.bar, x.insertion, x.column, x.terminal);
        };
        std::sort(v.begin(), v.end(), [=](const A& a, const A& b) { return rank(a) < rank(b); });
    }
    template <class A> static bool lead_alike(const A& a, const A& b) {
        return a.state == b.state && a.bar == b.bar && a.insertion == b.insertion;
    }
    """
    const uint32_t THE_END              # instead of a variant: may the text end?
    void sort_arrivals(vector[Arrival]& v) noexcept nogil
    bint lead_alike(const Arrival& a, const Arrival& b) noexcept nogil


cdef enum:
    SOME = 64                           # of so many misses, one measures the memory in use
    AHEAD = 2                           # so many ignored terminals are looked past: one, and one of it after itself


QUESTIONS = "questions"


cdef class GuardedEngine(Engine):
    """Live states of one grammar under a guard, over one vocabulary.

    Takes the parameters of :class:`Engine` and, by :meth:`guard_with`, those of the guard.
    """

    def __cinit__(self, *args):
        idmap_init(&self.answers, 8)
        idmap_init(&self.targets, 8)
        idmap_init(&self.known, 8)
        self.insertions = SequenceTable(self.arena)
        self.place_keys = SequenceTable(self.arena)
        self.spots = SequenceTable(self.arena)

    def __dealloc__(self):
        idmap_free(&self.answers)
        idmap_free(&self.targets)
        idmap_free(&self.known)

    def guard_with(self, clerk, const uint32_t[::1] terminals not None, const uint32_t[::1] bars not None,
                   const uint32_t[:, ::1] starts not None, const uint32_t[::1] watched not None,
                   const uint32_t[::1] inserting not None):
        """Begin; to be called once, before anything else.

        Parameters
        ----------
        clerk : stolcke.compiler.guarding.Clerk
            Whose ``read(state, variant)`` gives None, or ``(state, terminals)``, and whose ``end(state)`` gives None or
            the terminals that come at the end; state 0 is the first one.
        terminals : uint32[n_variants]
            The terminal that each variant is one of.
        bars : uint32[n_variants]
            Which set of bytes must not come after each.
        starts : uint32[n_bars, n_variants]
            Canonical state that each begins with where such a set must not come, 0xFFFFFFFF where it cannot.
        watched : uint32[n_watched]
            The terminals that the clerk is asked about.
        inserting : uint32[n_inserting]
            Those of them after which it may insert others.
        """
        cdef uint32_t bar, v, t, state, zero = 0
        cdef ByteSet first
        self.clerk = clerk
        self.n_variants = <uint32_t>terminals.shape[0]
        for v in range(self.n_variants):
            self.terminal_of.push_back(terminals[v])
            self.bar_after.push_back(bars[v])
        for bar in range(<uint32_t>starts.shape[0]):
            for v in range(self.n_variants):
                state = starts[bar, v]
                self.starts.push_back(state)
                memset(&first, 0, sizeof(ByteSet))
                if state != NONE:
                    join_live(&first, self.store.state(state))
                self.firsts.push_back(first)
        refill(self.is_watched, self.tables.n_terminals, 0)
        refill(self.may_insert, self.tables.n_terminals, 0)
        for v in range(<uint32_t>inserting.shape[0]):
            self.may_insert[inserting[v]] = True
        for v in range(<uint32_t>watched.shape[0]):
            self.is_watched[watched[v]] = True
        for t in range(self.tables.n_terminals):
            self.variants_begin.push_back(<uint32_t>self.variants_of.size())
            for v in range(self.n_variants):
                if self.terminal_of[v] == t:
                    self.variants_of.push_back(v)
        self.variants_begin.push_back(<uint32_t>self.variants_of.size())
        # State START was made with column 0 for what it stands at; place 0, and spot 0, are that column.
        while True:
            with nogil:
                state = self.place(0, 0, 0)
            if state != NONE:
                break
            self.answer_questions()
        self.spots.intern(&zero, 1)
        self.at(START).accepting = self.at(OPENING).accepting = self.places[0].accepting

    # --- the guard -----------------------------------------------------------------------------------------------

    cdef bint ask(self, uint32_t state, uint32_t variant) except -1 nogil:
        """Whether an answer is known; if not, it is a question now."""
        cdef uint64_t key = <uint64_t>state << 32 | variant
        if idmap_find(&self.answers, key) != NONE:
            return True
        self.questions.push_back(key)
        return False

    cdef int answer_questions(self) except -1:
        """Ask the guard what the last computation was given up for; no lock may be held."""
        cdef vector[uint64_t] asked
        cdef Reading r
        cdef uint64_t key
        with nogil:
            self.lock.lock()
            asked.swap(self.questions)
            self.lock.unlock()
        sort(asked.begin(), asked.end())
        asked.erase(unique(asked.begin(), asked.end()), asked.end())
        answers = []
        for key in asked:
            if <uint32_t>key == THE_END:
                terminals = self.clerk.end(key >> 32)
                answers.append(None if terminals is None else (0, terminals))
            else:
                answers.append(self.clerk.read(key >> 32, <uint32_t>key))
        for key, answer in zip(asked, answers, strict=True):
            r.allowed = answer is not None
            r.state = r.insertion = 0
            if answer is not None:
                r.state = answer[0]
                r.insertion = self.insertion_of(answer[1])
            with nogil:
                self.lock.lock()
                try:
                    if idmap_find(&self.answers, key) == NONE:
                        self.readings.push_back(r)
                        idmap_put(&self.answers, key, <uint32_t>self.readings.size() - 1)
                finally:
                    self.lock.unlock()
        return 0

    cdef uint32_t insertion_of(self, tuple terminals) except? 0xFFFFFFFF:
        cdef vector[uint32_t] words
        cdef uint32_t result
        for terminal in terminals:
            words.push_back(<uint32_t>terminal)
        with nogil:
            self.lock.lock()
            try:
                result = self.insertions.intern(words.data(), words.size())
            finally:
                self.lock.unlock()
        return result

    cdef int fail(self, Refusal refusal) except -1 nogil:
        if refusal.limit != QUESTIONS:
            return Engine.fail(self, refusal)
        with gil:
            self.answer_questions()
        return 0

    cdef uint32_t compute_step(self, uint32_t state, uint32_t symbol) except? 0xFFFFFFFF nogil:
        cdef uint32_t result = NONE
        while result == NONE:           # questions have come up, and have been answered
            result = Engine.compute_step(self, state, symbol)
        return result

    cdef uint32_t compute_mask(self, uint32_t state) except? 0xFFFFFFFF nogil:
        cdef uint32_t result = NONE
        while result == NONE:
            result = Engine.compute_mask(self, state)
        return result

    # --- places --------------------------------------------------------------------------------------------------

    cdef bint leads_nowhere(self, uint32_t column, uint32_t state, uint32_t depth) except -1 nogil:
        """Whether only terminals that guards insert, and text that is ignored before them, could come next.

        What the guard makes of the text's end in its state must be known.
        """
        cdef Column c = self.chart.columns[column]
        cdef const Reading* r = &self.readings[idmap_find(&self.answers, <uint64_t>state << 32 | THE_END)]
        cdef uint32_t i, t, after
        if c.accepting or r.allowed and self.chart.columns[self.inserted(column, r.insertion)].accepting:
            return False
        for i in range(c.terminals, c.terminals_end):
            t = self.chart.live_terminals[i]
            if self.tables.terminal_state[t] == NONE and self.tables.terminal_symbol[t] == NONE:
                continue
            if depth == 0 or self.may_insert[t]:
                return False
            after = self.chart.goto_one(column, t)
            if after != column and not self.leads_nowhere(after, state, depth - 1):
                return False
        return True

    cdef uint32_t inserted(self, uint32_t column, uint32_t insertion) except? 0xFFFFFFFF nogil:
        """The column after the terminals of an insertion."""
        cdef uint32_t i
        for i in range(self.insertions.length(insertion)):
            column = self.chart.goto_one(column, self.insertions.words(insertion)[i])
        return column

    cdef uint32_t entered(self, uint32_t column, const Reading* r) except? 0xFFFFFFFF nogil:
        """The column after what a reading inserts; DEAD if it leads nowhere, NONE where a question has come up."""
        if not self.ask(r.state, THE_END):
            return NONE
        column = self.inserted(column, r.insertion)
        return DEAD if self.leads_nowhere(column, r.state, AHEAD) else column

    cdef uint32_t place(self, uint32_t column, uint32_t state, uint32_t bar) except? 0xFFFFFFFF nogil:
        """The place of a column, a guard's state and a bar; NONE where questions have come up."""
        cdef uint32_t key[3]
        cdef uint32_t index, i, k, v, t
        cdef bint known
        cdef Column c
        cdef Place p
        cdef const Reading* r
        key[0] = column
        key[1] = state
        key[2] = bar
        index = self.place_keys.find(key, 3)
        if index != NONE:
            return index
        known = self.ask(state, THE_END)
        c = self.chart.columns[column]
        for i in range(c.terminals, c.terminals_end):
            t = self.chart.live_terminals[i]
            if self.is_watched[t]:
                for k in range(self.variants_begin[t], self.variants_begin[t + 1]):
                    v = self.variants_of[k]
                    if not self.ask(state, v):
                        known = False
                        continue
                    r = &self.readings[idmap_find(&self.answers, <uint64_t>state << 32 | v)]
                    if r.allowed and not self.ask(r.state, THE_END):
                        known = False
        if not known:
            return NONE
        p.column = column
        p.state = state
        p.bar = bar
        p.live = <uint32_t>self.live.size()
        for i in range(c.terminals, c.terminals_end):
            t = self.chart.live_terminals[i]
            for k in range(self.variants_begin[t], self.variants_begin[t + 1]):
                v = self.variants_of[k]
                if self.is_watched[t]:
                    r = &self.readings[idmap_find(&self.answers, <uint64_t>state << 32 | v)]
                    if (not r.allowed or self.starts[bar * self.n_variants + v] == NONE
                            or self.entered(self.chart.goto_one(column, t), r) == DEAD):
                        continue
                elif self.starts[bar * self.n_variants + v] == NONE and self.tables.terminal_symbol[t] == NONE:
                    continue
                self.live.push_back(v)
        p.live_end = <uint32_t>self.live.size()
        r = &self.readings[idmap_find(&self.answers, <uint64_t>state << 32 | THE_END)]
        p.accepting = r.allowed and self.chart.columns[self.inserted(column, r.insertion)].accepting
        self.places.resize(self.place_keys.count())     # heals what an earlier MemoryError left behind
        self.places.push_back(p)
        return self.place_keys.intern(key, 3)

    cdef Arrival arrival(self, uint32_t place, uint32_t variant) noexcept nogil:
        """Where a variant that was read from a place leads to."""
        cdef const Place* p = &self.places[place]
        cdef const Reading* r
        cdef Arrival a
        a.column = p.column
        a.terminal = self.terminal_of[variant]
        a.bar = self.bar_after[variant]
        a.state = p.state
        a.insertion = NONE
        if self.is_watched[a.terminal]:
            r = &self.readings[idmap_find(&self.answers, <uint64_t>p.state << 32 | variant)]
            a.state = r.state
            a.insertion = r.insertion
        return a

    cdef uint32_t landing(self, uint32_t column, const Arrival* a) except? 0xFFFFFFFF nogil:
        """The place that arrivals with a column in common lead to; DEAD, or NONE where questions have come up."""
        cdef Reading r
        if a.insertion != NONE:
            r.state = a.state
            r.insertion = a.insertion
            column = self.entered(column, &r)
            if column == DEAD or column == NONE:
                return column
        return self.place(column, a.state, a.bar)

    cdef uint32_t target(self, uint32_t place, uint32_t variant) except? 0xFFFFFFFF nogil:
        """The place after a variant that was read from a place; DEAD, or NONE where questions have come up."""
        cdef uint64_t key = <uint64_t>place << 32 | variant
        cdef uint32_t result = idmap_find(&self.targets, key)
        cdef Arrival a
        if result == NONE:
            a = self.arrival(place, variant)
            result = self.landing(self.chart.goto_one(a.column, a.terminal), &a)
            if result != NONE:
                idmap_put(&self.targets, key, result)
        return result

    cdef uint32_t arrive(self) except? 0xFFFFFFFF nogil:
        """The spot that all of ``ended``, which are places and variants, lead to; NONE where there is none."""
        cdef size_t i = 0
        cdef uint32_t place
        cdef Arrival a
        self.arrivals.clear()
        self.spot.clear()
        for i in range(self.ended.size()):
            self.arrivals.push_back(self.arrival(<uint32_t>(self.ended[i] >> 32), <uint32_t>self.ended[i]))
        sort_arrivals(self.arrivals)
        i = 0
        while i < self.arrivals.size():
            a = self.arrivals[i]
            self.pairs.clear()
            while i < self.arrivals.size() and lead_alike(a, self.arrivals[i]):
                self.pairs.push_back(<uint64_t>self.arrivals[i].column << 32 | self.arrivals[i].terminal)
                i += 1
            self.pairs.erase(unique(self.pairs.begin(), self.pairs.end()), self.pairs.end())
            place = self.landing(self.chart.goto_pairs(self.pairs), &a)
            if place != NONE and place != DEAD:
                self.spot.push_back(place)
        if not self.questions.empty():
            self.refuse(QUESTIONS, 0, 0)
            return NONE
        if self.spot.empty():
            return NONE
        sort(self.spot.begin(), self.spot.end())
        self.spot.erase(unique(self.spot.begin(), self.spot.end()), self.spot.end())
        return self.spots.intern(self.spot.data(), self.spot.size())

    # --- steps ---------------------------------------------------------------------------------------------------

    cdef bint advance(self, uint32_t symbol) except -1 nogil:
        """As :meth:`Engine.advance`; threads hold variants and places, ``here`` is a spot."""
        cdef uint32_t i, k, v, place, start
        cdef Place p
        self.moving.swap(self.threads)
        self.threads.clear()
        self.ended.clear()
        self.questions.clear()
        if symbol < 256:
            for i in range(self.moving.size()):
                if self.move(self.moving[i].terminal, self.moving[i].state, self.moving[i].column, symbol):
                    return False
        for k in range(0 if self.here == NONE else self.spots.length(self.here)):
            place = self.spots.words(self.here)[k]
            p = self.places[place]
            for i in range(p.live, p.live_end):
                v = self.live[i]
                if symbol < 256:
                    start = p.bar * self.n_variants + v
                    if byteset_has(&self.firsts[start], symbol) and self.move(v, self.starts[start], place, symbol):
                        return False
                elif self.tables.terminal_symbol[self.terminal_of[v]] == symbol:
                    self.ended.push_back(<uint64_t>place << 32 | v)
        self.here = NONE if self.ended.empty() else self.arrive()
        if self.refusal.limit != NULL or (self.here == NONE and self.threads.empty()):
            return False
        sort_threads(self.threads)
        if self.threads.size() > self.live_threads:
            self.refuse("live_threads", self.threads.size(), self.live_threads)
            return False
        return True

    cdef bint accepts(self, uint32_t here) noexcept nogil:
        cdef uint32_t k
        for k in range(self.spots.length(here)):
            if self.places[self.place_of(self.spots.words(here)[k])].accepting:
                return True
        return False

    # --- masks ---------------------------------------------------------------------------------------------------

    cdef uint32_t mask_locked(self, uint32_t state) except? 0xFFFFFFFF nogil:
        if self.n_masks % SOME == 0 and self.out_of_memory():
            return NONE
        self.n_masks += 1
        self.questions.clear()
        if self.collect(state):
            return NONE
        return self.masks.intern(self.cascade.parts, self.at(state).accepting)

    cdef int collect(self, uint32_t state) except -1 nogil:
        """Put the partitions of a mask together; a status, as where a limit or a question stands against it."""
        cdef const uint32_t* words = self.state_keys.words(state)
        cdef uint32_t n = self.state_keys.length(state)
        cdef uint32_t spot = words[0]
        cdef uint32_t node = 0
        cdef uint32_t i, part, place, found
        cdef const Partition* p
        self.cascade.start()
        if self.prefix_length(state):
            node = collect_prefix(self.cascade, words + 3, n - 3)
            n = 0
            if node != NONE:
                spot = self.state_keys.words(START)[0]
        for i in range(1, n, 3):
            place = self.begun(words[i + 2], words[i])
            if place == NONE or place == DEAD:
                continue
            part = self.store.partition(0, words[i + 1], self.vocabulary_cache_bytes)
            if part == NONE:
                return self.refuse_vocabulary()
            p = self.store.at(part)
            if p.n_tokens:
                self.cascade.parts.push_back(part)
            if p.residue == NONE:
                continue
            place = self.target(place, words[i])
            if place != NONE and place != DEAD:
                found = self.evaluate(place, p.residue)
                if found != NONE:
                    self.allow(found)
        for i in range(0 if spot == NONE else self.spots.length(spot)):
            place = self.begun(self.spots.words(spot)[i], NONE)
            if place == NONE or place == DEAD:
                continue
            found = self.evaluate(place, node)
            if found != NONE:
                self.allow(found)
        if self.refusal.limit == NULL and not self.questions.empty():
            self.refuse(QUESTIONS, 0, 0)
        return self.refusal.limit != NULL

    # What a live state is made of are places here, and may be more elsewhere: these two say what masks make of that.

    cdef uint32_t place_of(self, uint32_t word) noexcept nogil:
        """The place that a thread began at, or that is one of a spot."""
        return word

    cdef uint32_t begun(self, uint32_t word, uint32_t variant) except? 0xFFFFFFFF nogil:
        """The place to make a mask from; DEAD where a thread of this variant (NONE: a spot) adds nothing."""
        return word

    cdef uint32_t entering(self, uint32_t place) except? 0xFFFFFFFF nogil:
        """The place to go on from within tokens; NONE where questions have come up."""
        return place

    cdef int allow(self, uint32_t kept) except -1 nogil:
        """Add what was found to the partitions of the mask."""
        cdef Kept found = self.kept[kept]
        self.cascade.parts.insert(self.cascade.parts.end(), self.kept_parts.begin() + found.parts,
                                  self.kept_parts.begin() + found.parts_end)
        return 0

    cdef uint32_t evaluate(self, uint32_t place, uint32_t node) except? 0xFFFFFFFF nogil:
        """What a place allows of a suffix trie, as one of ``kept``; NONE where questions or a limit have come up.

        Recurses only into what terminals leave of tokens, so its depth is bounded by the longest token.
        """
        place = self.entering(place)
        if place == NONE:
            return NONE
        cdef uint64_t key = self.mode | <uint64_t>place << 32 | node
        cdef uint32_t result = idmap_find(&self.known, key)
        cdef size_t first = self.cascade.parts.size()
        cdef size_t before = self.questions.size()
        cdef Place p
        cdef ByteSet bytes
        cdef Kept made
        cdef const Partition* inside
        cdef uint32_t i, v, t, start, part, after
        if result != NONE:
            return result
        p = self.places[place]
        if node == 0:
            memset(&bytes, 0xFF, sizeof(ByteSet))
        else:
            first_bytes(self.store.trie.node(node), &bytes)
        for i in range(p.live, p.live_end):
            v = self.live[i]
            t = self.terminal_of[v]
            start = p.bar * self.n_variants + v
            if self.tables.terminal_symbol[t] != NONE:
                if node == 0:
                    self.cascade.parts.push_back(self.tables.terminal_partition[t])
                continue
            if not overlap(&bytes, &self.firsts[start]):
                continue
            part = self.store.partition(node, self.starts[start], self.vocabulary_cache_bytes)
            if part == NONE:
                self.refuse_vocabulary()
                return NONE
            inside = self.store.at(part)
            if inside.n_tokens:
                self.cascade.parts.push_back(part)
            if inside.residue == NONE:
                continue
            after = self.target(place, v)
            if after == NONE or after == DEAD:
                continue
            result = self.evaluate(after, inside.residue)
            if result != NONE:
                self.allow(result)
            elif self.refusal.limit != NULL:
                return NONE
        if self.questions.size() > before:
            self.cascade.parts.resize(first)
            return NONE
        sort(self.cascade.parts.begin() + first, self.cascade.parts.end())
        self.cascade.parts.erase(unique(self.cascade.parts.begin() + first, self.cascade.parts.end()),
                                 self.cascade.parts.end())
        if self.cascade.merge_small(first):
            self.refuse_vocabulary()
            return NONE
        made.parts = <uint32_t>self.kept_parts.size()
        self.kept_parts.insert(self.kept_parts.end(), self.cascade.parts.begin() + first, self.cascade.parts.end())
        made.parts_end = <uint32_t>self.kept_parts.size()
        self.cascade.parts.resize(first)
        self.kept.push_back(made)
        result = <uint32_t>self.kept.size() - 1
        idmap_put(&self.known, key, result)
        return result

    def prewarm_column(self, uint32_t column, uint32_t begin):
        """Compute the mask of the empty text; places further on depend on what the guard makes of the text."""
        with nogil:
            self.compute_mask(START)
        return [], None

    # --- the rest ------------------------------------------------------------------------------------------------

    cdef void live_bytes(self, uint32_t state, ByteSet* out, bint* special) noexcept nogil:
        cdef const uint32_t* words = self.state_keys.words(state)
        cdef uint32_t i, k
        cdef Place p
        memset(out, 0, sizeof(ByteSet))
        special[0] = False
        if self.prefix_length(state):
            out.bits[words[3] >> 6] = <uint64_t>1 << (words[3] & 63)
            return
        for i in range(1, self.state_keys.length(state), 3):
            join_live(out, self.store.state(words[i + 1]))
        for k in range(0 if words[0] == NONE else self.spots.length(words[0])):
            p = self.places[self.place_of(self.spots.words(words[0])[k])]
            for i in range(p.live, p.live_end):
                byteset_join(out, &self.firsts[p.bar * self.n_variants + self.live[i]])
                if self.tables.terminal_symbol[self.terminal_of[self.live[i]]] != NONE:
                    special[0] = True

    cdef size_t bytes(self) noexcept nogil:
        return (Engine.bytes(self) + idmap_bytes(&self.answers) + idmap_bytes(&self.targets) + idmap_bytes(&self.known)
                + self.insertions.bytes() + self.place_keys.bytes() + self.spots.bytes()
                + sizeof(Reading) * self.readings.capacity() + sizeof(Place) * self.places.capacity()
                + 4 * (self.live.capacity() + self.kept_parts.capacity()) + sizeof(Kept) * self.kept.capacity())

    def stats(self):
        """As :meth:`Engine.stats`, and counts of what the guard adds."""
        return {**Engine.stats(self), "guard_answers": self.readings.size(), "places": self.places.size(),
                "places_evaluated": self.kept.size()}
