"""How far live states are from the end of a text, in tokens.

Two numbers enclose the truth.  From below: the fewest bytes that complete the
text, divided by those of the longest token.  From above: the tokens of a
completion that is known.  The first such completion comes from the grammar
alone, terminal by terminal (:mod:`stolcke._core.shortest`): what an item needs
is what its rule's rest needs and what its continuation does, and what a live
state needs is the least that any of its readings does.  :meth:`Completions.refine`
spells the shortest text anew, with tokens that reach across terminals; and
whoever searches (:mod:`stolcke.completion`) may :meth:`~Completions.learn`
better numbers.

What is known is consistent: a state with a completion of n tokens has a
successor of which one of n - 1 tokens is known.  Numbers only ever become
better, and none is forgotten; so whoever keeps to tokens behind which a
completion is known never loses sight of the end.

Beside these, a state has a *worst* number: what the most demanding of all that
it may turn out to be reading needs.  It rises by no more than a constant of the
grammar with each byte, however the readings fall away, which the least number
does not.  Where even the worst number and the longest token leave room, no
token need be looked at.

All is guarded by the engine's lock.
"""

import numpy as np

cimport numpy as cnp
from libc.stdint cimport uint8_t
from libc.string cimport memset
from libcpp.unordered_set cimport unordered_set
from libcpp.vector cimport vector

from stolcke._core.automata cimport Loops
from stolcke._core.cascade cimport REFUSED
from stolcke._core.chart cimport Column, Continuation
from stolcke._core.containers cimport refill
from stolcke._core.counted cimport COUNTED
from stolcke._core.engine cimport DEAD, FINISHED, OPENING, START, Engine, Refusal
from stolcke._core.guarded_engine cimport GuardedEngine
from stolcke._core.shortest cimport FAR, IN_BYTES, IN_TOKENS, Need, Shortest, child, sum_of, times
from stolcke._core.storage cimport idmap_put
from stolcke._core.types cimport NONE, ByteSet, byteset_has, load64

cnp.import_array()


cdef enum:
    TRIES = 16                          # bytes that may be tried for each byte of a shortest text, on average


cdef class Completions:
    """What is known of how texts of one compiled grammar can end.

    Parameters
    ----------
    engine : Engine
        Without a guard: a guard's refusals are not part of the grammar.
    end_tokens : frozenset of int
        Where there are any, a text ends with one, and it counts.
    """

    def __init__(self, Engine engine not None, frozenset end_tokens not None):
        if isinstance(engine, GuardedEngine):
            raise ValueError("completions under a guard are not known")
        self.engine = engine
        self.end_tokens = end_tokens
        self.end = len(end_tokens) > 0
        self.shortest = Shortest(engine.store, engine.tables, engine.vocabulary_cache_bytes)
        with nogil:
            engine.lock.lock()
            try:
                self.shortest.prepare()
            finally:
                engine.lock.unlock()

    @property
    def n_visits(self):
        """Nodes and tokens looked at: a deterministic measure of work."""
        return load64(&self.visits)

    # --- bounds --------------------------------------------------------------------------------------------------

    cdef int see_continuations(self) except -1 nogil:
        """Find the outlook of all continuations made so far: each refers to older ones, or to others of its group."""
        cdef Continuation c
        cdef Outlook outlook
        cdef Need need
        cdef uint32_t first, m, i, k, size
        cdef int64_t worst
        cdef bint changed
        while self.n_seen < self.engine.chart.continuations.size():
            first = <uint32_t>self.n_seen
            self.continuations.resize(first)
            size = self.engine.chart.continuations[first].group_size
            for m in range(first, first + size):
                for k in range(2):
                    outlook.need.least[k] = 0 if self.engine.chart.continuations[m].accepting else FAR
                outlook.worst = 0
                self.continuations.push_back(outlook)
            changed = True
            while changed:              # at most as often as the group has members
                changed = False
                for m in range(first, first + size):
                    c = self.engine.chart.continuations[m]
                    for i in range(c.entries, c.entries_end):
                        self.shortest.suffix(self.engine.chart.entries[i].suffix, &need)
                        outlook = self.continuations[self.engine.chart.entries[i].continuation]
                        for k in range(2):
                            need.least[k] = sum_of(need.least[k], outlook.need.least[k])
                            if need.least[k] < self.continuations[m].need.least[k]:
                                self.continuations[m].need.least[k] = need.least[k]
                                changed = True
            worst = 0
            for m in range(first, first + size):
                c = self.engine.chart.continuations[m]
                for i in range(c.entries, c.entries_end):
                    self.shortest.suffix(self.engine.chart.entries[i].suffix, &need)
                    outlook = self.continuations[self.engine.chart.entries[i].continuation]
                    worst = max(worst, outlook.worst)
                    worst = max(worst, sum_of(need.least[IN_TOKENS], outlook.need.least[IN_TOKENS]))
            for m in range(first, first + size):
                self.continuations[m].worst = worst
            self.n_seen += size
        return 0

    cdef int see_column(self, uint32_t column) except -1 nogil:
        """Find the outlook of a column: the least, and the worst, of its items."""
        cdef Column c
        cdef Outlook outlook, behind
        cdef Need need
        cdef uint32_t i, k
        if column < self.columns.size() and self.columns[column].need.least[0] >= 0:
            return 0
        self.see_continuations()
        c = self.engine.chart.columns[column]
        outlook.need.least[IN_BYTES] = outlook.need.least[IN_TOKENS] = 0 if c.accepting else FAR
        outlook.worst = 0
        for i in range(c.items, c.items_end):
            self.shortest.suffix(self.engine.chart.items[i].suffix, &need)
            behind = self.continuations[self.engine.chart.items[i].continuation]
            for k in range(2):
                need.least[k] = sum_of(need.least[k], behind.need.least[k])
                outlook.need.least[k] = min(outlook.need.least[k], need.least[k])
            outlook.worst = max(outlook.worst, max(need.least[IN_TOKENS], behind.worst))
        if column >= self.columns.size():
            memset(&behind, 0, sizeof(Outlook))
            behind.need.least[0] = -1
            self.columns.resize(self.engine.chart.columns.size(), behind)
        self.columns[column] = outlook
        return 0

    cdef int see_state(self, uint32_t state) except -1 nogil:
        """Find the distance of a live state as the grammar alone knows it."""
        cdef Distance d, begun
        cdef Outlook behind
        cdef const uint32_t* words
        cdef uint32_t i, column, prefix
        if state < self.states.size() and self.states[state].bytes >= 0:
            return 0
        prefix = self.engine.prefix_length(state)
        d.token = NONE
        d.roomy = FAR
        if state == FINISHED:
            d.bytes = d.spelled = d.worst = d.low = d.high = 0
        elif state == OPENING or prefix:
            # The first tokens stand for other bytes than later on: what suffices is left to a search.
            self.see_state(START)
            begun = self.states[START]
            d.bytes = sum_of(begun.bytes, prefix)
            d.spelled = d.high = FAR
            d.worst = sum_of(begun.worst, prefix) if self.shortest.spells_bytes or not prefix else FAR
        else:
            words = self.engine.state_keys.words(state)
            d.bytes = d.spelled = FAR
            d.worst = 0
            if words[0] != NONE:
                self.see_column(words[0])
                behind = self.columns[words[0]]
                d.bytes = behind.need.least[IN_BYTES]
                d.spelled = behind.need.least[IN_TOKENS]
                d.worst = behind.worst
            for i in range(1, self.engine.state_keys.length(state), 3):
                column = self.engine.chart.goto_one(words[i + 2], words[i])
                self.see_column(column)
                behind = self.columns[column]
                d.bytes = min(d.bytes, sum_of(self.shortest.bytes_left(words[i + 1]), behind.need.least[IN_BYTES]))
                d.spelled = min(
                    d.spelled, sum_of(self.shortest.tokens_left(words[i + 1]), behind.need.least[IN_TOKENS]))
                d.worst = max(d.worst, behind.worst)
            d.high = d.spelled = sum_of(d.spelled, self.end)
        if state != FINISHED:
            d.low = (d.bytes + self.shortest.longest - 1) // self.shortest.longest + self.end
            if d.bytes >= FAR:
                d.low = FAR
        if state >= self.states.size():
            memset(&begun, 0, sizeof(Distance))
            begun.bytes = -1
            self.states.resize(self.engine.state_keys.count(), begun)
        self.states[state] = d
        return 0

    def bounds(self, uint32_t state):
        """The fewest tokens to the end: not fewer than the first number, and not more than the second.

        The end token counts.  ``2 ** 40`` stands for more than anything: no completion is known.
        """
        cdef Distance d
        with nogil:
            self.engine.lock.lock()
            try:
                self.see_state(state)
                d = self.states[state]
            finally:
                self.engine.lock.unlock()
        return d.low, d.high

    def is_free(self, uint32_t state, int64_t left):
        """Whether whatever token comes next, all of its completions have room in what is left, that token included."""
        cdef bint free
        with nogil:
            self.engine.lock.lock()
            try:
                self.see_state(state)
                free = self.states[state].roomy <= left or self.ample(state, self.shortest.longest) < left
            finally:
                self.engine.lock.unlock()
        return free

    cdef int64_t ample(self, uint32_t state, int64_t n_bytes) noexcept nogil:
        """So many tokens are enough after any text of so many bytes; found without looking at any."""
        return sum_of(sum_of(self.states[state].worst, times(n_bytes, self.shortest.growth)),
                      sum_of(self.shortest.within, self.end))

    def accepts(self, uint32_t state):
        """Whether the text may end in a state."""
        return self.engine.at(state).accepting != 0

    def is_ordinary(self, uint32_t state):
        """Whether tokens stand for their bytes here, and all of them for bytes of the grammar's text."""
        return state != OPENING and not self.engine.prefix_length(state)

    # --- walking through the vocabulary --------------------------------------------------------------------------

    cdef uint32_t step(self, uint32_t state, uint32_t symbol) except? 0xFFFFFFFF nogil:
        """The state after a symbol, DEAD, or NONE where a limit refuses it; its distance is known then."""
        cdef uint32_t result = self.engine.known_step(state, symbol)
        if result == NONE:
            result = self.engine.step_locked(state, symbol)
            if result != NONE:
                idmap_put(&self.engine.steps, <uint64_t>state << 32 | symbol, result)
        if result != NONE and result != DEAD:
            self.see_state(result)
        return result

    cdef uint32_t home(self, const Node* below, uint32_t state) except? 0xFFFFFFFF nogil:
        """The one live state that all tokens below a node lead to, as most do in strings; NONE where they differ."""
        cdef const uint32_t* words = self.engine.state_keys.words(state)
        cdef uint32_t at, made
        if self.engine.state_keys.length(state) != 4 or words[0] != NONE or words[2] >= COUNTED:
            return NONE
        if not self.covered(below, words[2]):
            return NONE
        at = words[2]
        if below.utf8:
            at = self.engine.store.automata.state(at).loops.home[below.utf8]
        if self.engine.store.automata.state(at).accepting:
            return NONE
        if at == words[2]:
            return state
        self.engine.enter(state)
        self.engine.threads[0].state = at
        made = self.engine.intern_state(NONE)
        self.see_state(made)
        return made

    cdef bint covered(self, const Node* below, uint32_t at) noexcept nogil:
        """Whether each whole character below a node leads back to where it began, and none is broken."""
        cdef const Loops* loops
        if below.below == below.below_end:
            return False
        loops = self.engine.store.home(below, at)
        return (loops != NULL and (below.ascii[0] & ~loops.loop_ascii[0]) == 0
                and (below.ascii[1] & ~loops.loop_ascii[1]) == 0
                and (below.high & ~loops.loop_utf8) == 0 and (below.whole or not below.high))

    cdef bint is_uniform(self, const Node* below, uint32_t state) noexcept nogil:
        """Whether all tokens below a node lead to states of the same distance as far as the grammar alone knows it.

        So it is within a counted repeat that must not go on: its states differ only in how long it may.
        """
        cdef const uint32_t* words = self.engine.state_keys.words(state)
        return (self.engine.state_keys.length(state) == 4 and words[0] == NONE and words[2] >= COUNTED
                and below.utf8 == 0 and self.engine.store.counted.index_of(words[2]) == 0
                and self.engine.store.counted.level_of(words[2]).required == 0
                and not self.engine.store.counted.may_end_within(words[2])
                and self.covered(below, words[2]))

    cdef int push_children(self, uint32_t node, uint32_t state) except -1 nogil:
        """Put the children of a node that the grammar allows on the stack; a status, as where a limit refuses one."""
        cdef const Node* at = self.engine.store.trie.node(node)
        cdef ByteSet live
        cdef bint special = False
        cdef uint32_t c
        cdef Reached reached
        self.engine.live_bytes(state, &live, &special)
        for c in range(at.n_children):
            if not byteset_has(&live, at.bytes[c]):
                continue
            reached.node = at.children[c]
            reached.state = self.step(state, at.bytes[c])
            self.visit(1)
            if reached.state == NONE:
                return REFUSED
            if reached.state != DEAD:
                self.stack.push_back(reached)
        return 0

    cdef int judge(self, uint32_t state, int64_t left, const uint32_t* tokens, uint32_t n,
                   int32_t* row) except -1 nogil:
        """Forbid tokens that lead to a state unless a completion within what is left is known behind it."""
        cdef const Distance* d = &self.states[state]
        cdef uint32_t i
        if n == 0 or d.high < left:
            return 0
        for i in range(n):
            row[tokens[i] >> 5] &= ~(<int32_t>1 << (tokens[i] & 31))
        self.forbade = True
        if d.low < left:
            self.unsettled.push_back(state)
        return 0

    cdef int walk_mask(self, uint32_t state, int64_t left, int32_t* row) except -1 nogil:
        """Judge all tokens of the trie that the grammar allows; a status, as where a limit refuses a step."""
        cdef const Node* at
        cdef const Distance* d
        cdef Reached reached
        cdef uint32_t same
        self.stack.clear()
        if self.push_children(0, state):
            return REFUSED
        while not self.stack.empty():
            reached = self.stack.back()
            self.stack.pop_back()
            at = self.engine.store.trie.node(reached.node)
            if self.ample(reached.state, at.height) < left:
                continue
            same = self.home(at, reached.state)
            if same == NONE and self.is_uniform(at, reached.state):
                d = &self.states[reached.state]
                if d.spelled < left:
                    continue
                if d.low >= left:
                    same = reached.state
            if same != NONE:
                self.judge(same, left, self.engine.store.trie.sorted_tokens + at.below, at.below_end - at.below, row)
                continue
            self.judge(reached.state, left, at.tokens, at.n_tokens, row)
            if at.n_children and self.push_children(reached.node, reached.state):
                return REFUSED
        return 0

    def restrict(self, uint32_t state, int64_t left, int32_t[::1] row not None):
        """Take out of the mask of an ordinary state the tokens behind which no completion is known that has room.

        Parameters
        ----------
        state : int
        left : int
            Tokens that may come, the next one and the end token included.
        row : int32[words]
            The exact mask.

        Returns
        -------
        list of int
            Live states that tokens were forbidden for only because nothing is known: one may have room after all.
        """
        cdef Refusal refusal
        cdef vector[uint32_t] specials, unsettled
        cdef int status
        cdef size_t i
        self.special_steps(state, specials)
        with nogil:
            self.engine.lock.lock()
            try:
                self.engine.refusal.limit = NULL
                self.unsettled.clear()
                self.forbade = False
                status = self.walk_mask(state, left, &row[0])
                for i in range(0, specials.size(), 2):
                    self.see_state(specials[i + 1])
                    self.judge(specials[i + 1], left, &specials[i], 1, &row[0])
                if not status and not self.forbade:
                    self.states[state].roomy = min(self.states[state].roomy, left)
                unsettled.swap(self.unsettled)
                refusal = self.engine.refusal
            finally:
                self.engine.lock.unlock()
        if status:
            self.engine.fail(refusal)
        return sorted(set(unsettled))

    cdef int special_steps(self, uint32_t state, vector[uint32_t]& steps) except -1:
        """Special tokens that the grammar names and allows here, each with where it leads; none that ends a text."""
        cdef uint32_t after
        for token, _ in self.engine.special_symbols:
            if not (token in self.end_tokens and self.engine.at(state).accepting):
                after = self.engine.run_token(state, token)
                if after != DEAD:
                    steps.push_back(token)
                    steps.push_back(after)
        return 0

    # --- what a search needs -------------------------------------------------------------------------------------

    cdef int note(self, uint32_t state, uint32_t token, int64_t most, unordered_set[uint32_t]& seen) except -1 nogil:
        if self.states[state].low <= most and seen.insert(state).second:
            self.found_tokens.push_back(token)
            self.found_states.push_back(state)
        return 0

    cdef int walk_successors(self, uint32_t state, int64_t most, unordered_set[uint32_t]& seen) except -1 nogil:
        """Collect one token for each state that a token leads to; a status."""
        cdef const Node* at
        cdef Reached reached
        cdef uint32_t same
        self.stack.clear()
        if self.push_children(0, state):
            return REFUSED
        while not self.stack.empty():
            reached = self.stack.back()
            self.stack.pop_back()
            at = self.engine.store.trie.node(reached.node)
            same = self.home(at, reached.state)
            if same != NONE:
                self.note(same, self.engine.store.trie.sorted_tokens[at.below], most, seen)
                continue
            if at.n_tokens:
                self.note(reached.state, at.tokens[0], most, seen)
            if at.n_children and self.push_children(reached.node, reached.state):
                return REFUSED
        return 0

    def successors(self, uint32_t state, int64_t most):
        """Where tokens lead from an ordinary state, as far as the end may be within ``most`` further tokens.

        Returns
        -------
        tokens : uint32[n]
            One for each live state.
        states : uint32[n]
        """
        cdef unordered_set[uint32_t] seen
        cdef vector[uint32_t] specials, tokens, states
        cdef Refusal refusal
        cdef int status
        cdef size_t i
        self.special_steps(state, specials)
        with nogil:
            self.engine.lock.lock()
            try:
                self.engine.refusal.limit = NULL
                self.found_tokens.clear()
                self.found_states.clear()
                status = self.walk_successors(state, most, seen)
                self.visit(1 + specials.size() // 2)
                for i in range(0, specials.size(), 2):
                    self.see_state(specials[i + 1])
                    self.note(specials[i + 1], specials[i], most, seen)
                tokens.swap(self.found_tokens)
                states.swap(self.found_states)
                refusal = self.engine.refusal
            finally:
                self.engine.lock.unlock()
        if status:
            self.engine.fail(refusal)
        return np.array(tokens, np.uint32), np.array(states, np.uint32)

    def fill(self, uint32_t state, int32_t[::1] row not None):
        """Write the exact mask of any state."""
        with nogil:
            self.engine.fill(state, &row[0], row.shape[0])

    def after_each(self, uint32_t state, tokens):
        """Where tokens that the mask allows lead from any state, one by one: uint32[len(tokens)]."""
        cdef uint32_t token
        return np.array([self.engine.run_token(state, token) for token in tokens], np.uint32)

    cdef int descend(self, uint32_t state, int64_t most_bytes) except -1 nogil:
        """Follow the shortest text from a state to the end, into ``path`` and ``text``; a status."""
        cdef ByteSet live
        cdef bint special
        cdef uint32_t symbol, after, last
        cdef int64_t left, tried = 0
        self.path.clear()
        self.text.clear()
        self.see_state(state)
        self.path.push_back(state)
        while self.states[state].bytes:
            left = self.states[state].bytes
            if left > most_bytes or tried > TRIES * most_bytes:
                return 0
            special = False
            self.engine.live_bytes(state, &live, &special)
            last = 256 + (<uint32_t>self.engine.special_symbols.size() if special else 0)
            for symbol in range(last):
                if symbol < 256 and not byteset_has(&live, symbol):
                    continue
                after = self.step(state, symbol)
                tried += 1
                self.visit(1)
                if after == NONE:
                    return REFUSED
                if after != DEAD and self.states[after].bytes == left - (1 if symbol < 256 else self.shortest.longest):
                    break
            else:
                return 0
            state = after
            self.text.push_back(symbol)
            self.path.push_back(state)
        return 0

    cdef int respell(self) except -1 nogil:
        """Spell the text of :meth:`descend` with as few tokens as possible, from each of its states on."""
        cdef const Node* at
        cdef Distance* d
        cdef uint32_t node, token
        cdef size_t i, k, j, n = self.text.size()
        if self.states[self.path[n]].bytes:
            return 0
        refill(self.fewest, n + 1, FAR)
        self.fewest[n] = self.end
        for k in range(n):
            i = n - 1 - k
            token = NONE
            if self.text[i] >= 256:
                self.fewest[i] = sum_of(self.fewest[i + 1], 1)
            else:
                at = self.engine.store.trie.node(0)
                for j in range(i, n):
                    node = NONE if self.text[j] >= 256 else child(at, <uint8_t>self.text[j])
                    if node == NONE:
                        break
                    at = self.engine.store.trie.node(node)
                    if at.n_tokens and self.fewest[j + 1] + 1 < self.fewest[i]:
                        self.fewest[i] = self.fewest[j + 1] + 1
                        token = at.tokens[0]
            d = &self.states[self.path[i]]
            if self.fewest[i] < d.high:
                d.high = self.fewest[i]
                d.token = token         # of a special token any that is bound to the symbol will do
        return 0

    def refine(self, uint32_t state, int64_t most_bytes):
        """Spell the shortest text from an ordinary state on anew, if it has at most so many bytes."""
        cdef Refusal refusal
        cdef int status
        with nogil:
            self.engine.lock.lock()
            try:
                self.engine.refusal.limit = NULL
                status = self.descend(state, most_bytes)
                if not status:
                    self.respell()
                refusal = self.engine.refusal
            finally:
                self.engine.lock.unlock()
        if status:
            self.engine.fail(refusal)

    def learn(self, uint32_t state, int64_t low, int64_t high, token=None):
        """Note better bounds of a state, and the first token of a completion of ``high`` tokens."""
        cdef uint32_t first = NONE if token is None else token
        with nogil:
            self.engine.lock.lock()
            try:
                self.see_state(state)
                self.states[state].low = max(self.states[state].low, low)
                if high < self.states[state].high:
                    self.states[state].high = high
                    self.states[state].token = first
            finally:
                self.engine.lock.unlock()

    def token(self, uint32_t state):
        """The first token of the shortest completion that is known, where it is; None where it must be looked for."""
        cdef uint32_t token
        with self.engine.lock:
            self.see_state(state)
            token = self.states[state].token
        return None if token == NONE else token

    @property
    def n_bytes(self):
        """Memory in use, in bytes."""
        with self.engine.lock:
            return (sizeof(Outlook) * (self.continuations.capacity() + self.columns.capacity())
                    + sizeof(Distance) * self.states.capacity() + self.shortest.bytes())
