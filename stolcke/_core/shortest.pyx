"""The least that the parts of a grammar need: bytes, and tokens.

What a terminal, the rest of one, a nonterminal or the rest of a rule needs at
least is found once for a grammar, from below: the shortest matches of
terminals by their automata, nonterminals by Knuth's generalisation of
Dijkstra's algorithm (the cheapest is settled first, and what is settled is
final), tallies by arithmetic over the cheapest of their entries.

Two things are counted.  Bytes are exact.  Tokens are those of the texts that
are shortest in bytes, terminal by terminal, each spelled with as few tokens as
it can be.  A real text may do with fewer, as tokens reach across the ends of
terminals, but it can always be written with so many.

Who calls holds the engine's lock, which guards all that is written here.
"""

from libc.string cimport memset
from libcpp.algorithm cimport sort
from libcpp.queue cimport priority_queue
from libcpp.utility cimport pair

from stolcke._core.automata cimport State
from stolcke._core.components cimport strong_components
from stolcke._core.containers cimport enqueue, refill, slot_of
from stolcke._core.counted cimport COUNTED, UNMADE, Level
from stolcke._core.tables cimport CHOICE, REST, WHOLE, WRITTEN
from stolcke._core.tally cimport (
    NEED, NEED_MARKED, ROOM, ROOM_MARKED, SEEN, TALLY, Tally, TallyEntry,
)
from stolcke._core.trie cimport Node
from stolcke._core.types cimport NONE


cdef class Shortest:
    """What is needed at least, of one grammar over one vocabulary.

    Parameters
    ----------
    store : PartitionStore
    tables : GrammarTables
    most_bytes : int
        Memory of the vocabulary's tables, to which states of counted repeats may be added.
    """

    def __cinit__(self, PartitionStore store not None, GrammarTables tables not None, size_t most_bytes):
        cdef Need unknown
        self.store = store
        self.tables = tables
        self.most_bytes = most_bytes
        self.longest = max(store.trie.node(0).height, 1)        # special tokens are not in the trie
        unknown.least[IN_BYTES] = unknown.least[IN_TOKENS] = FAR
        refill(self.nonterminals, tables.n_nonterminals, unknown)

    cdef int prepare(self) except -1 nogil:
        """Settle all that does not depend on a text; the caller holds the engine's lock."""
        cdef const Node* root = self.store.trie.node(0)
        cdef uint32_t c, spelled = 0
        for c in range(root.n_children):
            spelled += self.store.trie.node(root.children[c]).n_tokens > 0
        self.spells_bytes = spelled == 256
        self.settle(IN_BYTES)
        self.settle(IN_TOKENS)
        self.find_within()
        self.find_growth()
        return 0

    # --- terminals -----------------------------------------------------------------------------------------------

    cdef int64_t bytes_left(self, uint32_t state) except -1 nogil:
        """Bytes of the shortest text that leads from a state of an automaton to acceptance."""
        if state >= COUNTED:
            return self.counted_left(state)
        if self.bytes_of.count(state) == 0:
            self.explore(state)
        return slot_of(self.bytes_of, state)[0]

    cdef int explore(self, uint32_t start) except -1 nogil:
        """Find the distances of all explicit states that a state leads to, from those that accept."""
        cdef unordered_map[uint32_t, uint32_t] place
        cdef vector[uint32_t] found, begin, at, sources
        cdef vector[int64_t] least
        cdef priority_queue[pair[int64_t, uint32_t]] waiting        # of negative distances
        cdef pair[int64_t, uint32_t] nearest
        cdef const State* s
        cdef uint32_t e, target, k
        cdef size_t i = 0
        found.push_back(start)
        slot_of(place, start)[0] = 0
        while i < found.size():
            s = self.store.automata.state(found[i])
            for e in range(s.n_edges):
                target = s.edges[e].target
                if place.count(target) == 0:
                    slot_of(place, target)[0] = <uint32_t>found.size()
                    found.push_back(target)
            i += 1
        refill(begin, found.size() + 1, 0)
        for i in range(found.size()):
            s = self.store.automata.state(found[i])
            for e in range(s.n_edges):
                target = place[s.edges[e].target]
                begin[target + 1] += 1
        for i in range(found.size()):
            begin[i + 1] += begin[i]
        at.assign(begin.begin(), begin.end())
        sources.resize(begin[found.size()])
        refill(least, found.size(), FAR)
        for i in range(found.size()):
            s = self.store.automata.state(found[i])
            for e in range(s.n_edges):
                target = place[s.edges[e].target]
                sources[at[target]] = <uint32_t>i
                at[target] += 1
            if s.accepting:
                least[i] = 0
                enqueue(waiting, pair[int64_t, uint32_t](0, <uint32_t>i))
        while not waiting.empty():
            nearest = waiting.top()
            waiting.pop()
            if least[nearest.second] != -nearest.first:
                continue
            for k in range(begin[nearest.second], begin[nearest.second + 1]):
                if least[sources[k]] > 1 - nearest.first:
                    least[sources[k]] = 1 - nearest.first
                    enqueue(waiting, pair[int64_t, uint32_t](nearest.first - 1, sources[k]))
        for i in range(found.size()):
            slot_of(self.bytes_of, <uint32_t>found[i])[0] = least[i]
        return 0

    cdef int64_t counted_left(self, uint32_t state) except -1 nogil:
        """The same for a state within a counted repeat: the word at hand, the units required, and what follows."""
        cdef const Level* level = self.store.counted.level_of(state)
        cdef const Family* family = self.store.counted.family(level.family)
        cdef const Family* unit = self.store.counted.family(family.base)
        cdef uint32_t index = self.store.counted.index_of(state)
        cdef int64_t least = 0
        self.explore_family(family.base, unit)
        if index:
            self.explore_family(level.family, family)
            least = slot_of(self.inner_of, level.family)[0][index - 1]
        least = sum_of(least, self.bytes_left(family.after))
        return sum_of(least, times(level.required, slot_of(self.inner_of, family.base)[0][0]))

    cdef int explore_family(self, uint32_t index, const Family* family) except -1 nogil:
        """How far the states within a word are from its end; the rounds are at most as many as the states."""
        cdef vector[int64_t] least
        cdef const State* s
        cdef uint32_t i, e, target
        cdef int64_t further
        cdef bint changed = True
        if self.inner_of.count(index):
            return 0
        refill(least, family.n_inner, FAR)
        while changed:
            changed = False
            for i in range(family.n_inner, 0, -1):
                s = &family.inner[i - 1]
                for e in range(s.n_edges):
                    target = s.edges[e].target & ~COUNTED
                    further = 1 + (least[target - 1] if target else 0)
                    if further < least[i - 1]:
                        least[i - 1] = further
                        changed = True
        slot_of(self.inner_of, index)[0].swap(least)
        return 0

    cdef uint32_t onward(self, uint32_t state, uint8_t* byte) except? 0xFFFFFFFE nogil:
        """The first byte of the shortest text that accepts, the least one where there are several, and where it leads.

        NONE where there is none, or no memory for the state that it leads to.
        """
        cdef const State* s = self.store.state(state)
        cdef int64_t left = self.bytes_left(state)
        cdef uint32_t e, target
        for e in range(s.n_edges):
            target = self.store.next(state, s.edges[e].low, self.most_bytes)
            if target != NONE and target != UNMADE and self.bytes_left(target) == left - 1:
                byte[0] = s.edges[e].low
                return target
        return NONE

    cdef int64_t tokens_left(self, uint32_t state) except -1 nogil:
        """The fewest tokens that spell the shortest text from a state of an automaton to acceptance."""
        cdef vector[uint32_t] states
        cdef vector[uint8_t] text
        cdef vector[int64_t] least
        cdef const Node* at
        cdef uint8_t byte = 0
        cdef uint32_t target = state, c
        cdef size_t first_known = 0, i, k
        cdef bint known = False
        if self.tokens_of.count(state):
            return slot_of(self.tokens_of, state)[0]
        # The rest of a state's text is the text of the state that it leads to: all are answered at once, from the end,
        # or from where the longest token that begins before what is known cannot see further.
        while True:
            states.push_back(target)
            if not known and self.tokens_of.count(target):
                known = True
                first_known = states.size() - 1
            if self.bytes_left(target) == 0 or (known and states.size() - first_known > <size_t>self.longest):
                break
            target = self.onward(target, &byte)
            if target == NONE:
                break
            text.push_back(byte)
        if not known:
            first_known = states.size()
        refill(least, states.size(), FAR)
        for k in range(states.size()):
            i = states.size() - 1 - k
            if self.bytes_left(states[i]) == 0:
                least[i] = 0
            elif i >= first_known:
                if self.tokens_of.count(states[i]):
                    least[i] = slot_of(self.tokens_of, <uint32_t>states[i])[0]
                continue
            else:
                at = self.store.trie.node(0)
                for c in range(i, text.size()):
                    target = child(at, text[c])
                    if target == NONE:
                        break
                    at = self.store.trie.node(target)
                    if at.n_tokens:
                        least[i] = min(least[i], sum_of(least[c + 1], 1))
            if i < first_known:
                slot_of(self.tokens_of, <uint32_t>states[i])[0] = least[i]
        return slot_of(self.tokens_of, state)[0]

    cdef int terminal(self, uint32_t terminal, Need* need) except -1 nogil:
        """What a terminal needs; a special token is one."""
        cdef uint32_t state = self.tables.terminal_state[terminal]
        if state == NONE:
            need.least[IN_BYTES] = self.longest
            need.least[IN_TOKENS] = 1
        else:
            need.least[IN_BYTES] = self.bytes_left(state)
            need.least[IN_TOKENS] = self.tokens_left(state)
        return 0

    cdef int find_within(self) except -1 nogil:
        """The most tokens that any state of a terminal is away from its end."""
        cdef vector[uint32_t] states
        cdef uint32_t t, i, state
        cdef int64_t most
        cdef const Level* level
        cdef const Family* family
        cdef pair[uint32_t, int64_t] known
        self.within = 0
        for t in range(self.tables.n_terminals):
            state = self.tables.terminal_state[t]
            if state == NONE or state < COUNTED:
                continue
            # The states of a counted repeat are not all there: a token for each byte is enough, if there is one.
            level = self.store.counted.level_of(state)
            most = self.counted_left(state)
            for i in range(2):
                family = self.store.counted.family(level.family)
                if i:
                    family = self.store.counted.family(family.base)
                self.explore_family(family.base if i else level.family, family)
                most = sum_of(most, self.longest_inner(family.base if i else level.family))
            self.within = max(self.within, most if self.spells_bytes else FAR)
        for known in self.bytes_of:
            states.push_back(known.first)
        for i in range(states.size()):
            self.within = max(self.within, self.tokens_left(states[i]))
        return 0

    cdef int64_t longest_inner(self, uint32_t family) except -1 nogil:
        cdef const vector[int64_t]* inner = slot_of(self.inner_of, family)
        cdef int64_t most = 0
        cdef size_t i
        for i in range(inner.size()):
            most = max(most, inner[0][i])
        return most

    # --- rules ---------------------------------------------------------------------------------------------------

    cdef int64_t symbol_least(self, uint32_t symbol, uint32_t kind) except -1 nogil:
        cdef Need need
        if symbol < self.tables.n_terminals:
            self.terminal(symbol, &need)
            return need.least[kind]
        return self.nonterminals[symbol - self.tables.n_terminals].least[kind]

    cdef int settle(self, uint32_t kind) except -1 nogil:
        """Knuth's algorithm over the grammar's nonterminals: a rule counts once all of its symbols are settled."""
        cdef uint32_t n = self.tables.n_nonterminals
        cdef vector[uint32_t] lhs, waiting, begin
        cdef vector[int64_t] sums
        cdef vector[uint64_t] uses              # nonterminal << 32 | rule, or past the rules, tally
        cdef vector[char] settled
        cdef priority_queue[pair[int64_t, uint32_t]] ready
        cdef pair[int64_t, uint32_t] cheapest
        cdef uint32_t a, r, d, t, k, symbol, n_rules
        cdef int64_t least
        for a in range(n):
            if self.tables.instances[a].kind != WRITTEN:
                continue
            for r in range(self.tables.rules_begin[a], self.tables.rules_end[a]):
                sums.push_back(0)
                waiting.push_back(0)
                d = self.tables.rule_suffix[r]
                while d:
                    symbol = self.tables.suffixes[d].symbol
                    if symbol < self.tables.n_terminals:
                        sums[lhs.size()] = sum_of(sums[lhs.size()], self.symbol_least(symbol, kind))
                    else:
                        uses.push_back(<uint64_t>(symbol - self.tables.n_terminals) << 32 | lhs.size())
                        waiting[lhs.size()] += 1
                    d = self.tables.suffixes[d].tail
                if waiting[lhs.size()] == 0 and sums[lhs.size()] < FAR:
                    enqueue(ready, pair[int64_t, uint32_t](-sums[lhs.size()], a))
                lhs.push_back(a)
        n_rules = <uint32_t>lhs.size()
        for t in range(self.tables.tallies.tallies.size()):
            for k in range(self.tables.tallies.tallies[t].entries, self.tables.tallies.tallies[t].entries_end):
                symbol = self.tables.tallies.entries[k].symbol - self.tables.n_terminals
                uses.push_back(<uint64_t>symbol << 32 | (n_rules + t))
            for k in range(self.tables.tallies.tallies[t].separator, self.tables.tallies.tallies[t].separator_end):
                if self.tables.tallies.separators[k] >= self.tables.n_terminals:
                    symbol = self.tables.tallies.separators[k] - self.tables.n_terminals
                    uses.push_back(<uint64_t>symbol << 32 | (n_rules + t))
            least = self.tally_least(self.tables.tallies.tallies[t].initial, WHOLE, kind)
            if least < FAR:                     # nothing need come
                enqueue(ready, pair[int64_t, uint32_t](-least, self.tables.tallies.nonterminals[t]))
        sort(uses.begin(), uses.end())
        refill(begin, n + 1, 0)
        for k in range(uses.size()):
            begin[(uses[k] >> 32) + 1] += 1
        for a in range(n):
            begin[a + 1] += begin[a]
        refill(settled, n, 0)
        while not ready.empty():
            cheapest = ready.top()
            ready.pop()
            a = cheapest.second
            if settled[a]:
                continue
            settled[a] = True
            self.nonterminals[a].least[kind] = -cheapest.first
            for k in range(begin[a], begin[a + 1]):
                r = <uint32_t>uses[k]
                if r < n_rules:
                    waiting[r] -= 1
                    sums[r] = sum_of(sums[r], -cheapest.first)
                    if waiting[r] == 0 and sums[r] < FAR and not settled[lhs[r]]:
                        enqueue(ready, pair[int64_t, uint32_t](-sums[r], lhs[r]))
                elif not settled[self.tables.tallies.nonterminals[r - n_rules]]:
                    # Entries come in ascending order.  So what is possible with those that are settled is not made
                    # cheaper by any that comes later; asking each time keeps that argument out of the code.
                    least = self.tally_least(self.tables.tallies.tallies[r - n_rules].initial, WHOLE, kind)
                    if least < FAR:
                        enqueue(ready, pair[int64_t, uint32_t](-least, self.tables.tallies.nonterminals[r - n_rules]))
        return 0

    cdef int64_t separator_least(self, uint32_t tally, uint32_t kind) except -1 nogil:
        cdef int64_t least = 0
        cdef uint32_t k
        for k in range(self.tables.tallies.tallies[tally].separator, self.tables.tallies.tallies[tally].separator_end):
            least = sum_of(least, self.symbol_least(self.tables.tallies.separators[k], kind))
        return least

    cdef int64_t tally_least(self, uint32_t state, uint32_t place, uint32_t kind) except -1 nogil:
        """What must come at least in a state of a tally, where it begins (WHOLE), goes on (REST) or must (CHOICE).

        All required entries come.  Beside them, so many marked ones, and so many in all, must; the cheapest are taken.
        How many of these are marked is free between bounds, and their cost is convex in that number.
        """
        cdef const uint32_t* s = self.tables.tallies.states.words(state)
        cdef const Tally* tally = &self.tables.tallies.tallies[s[TALLY]]
        cdef const TallyEntry* e
        cdef vector[int64_t] once[2]
        cdef int64_t[2] often = [FAR, FAR]      # the cheapest entry that may come any number of times
        cdef int64_t[2] required = [0, 0]
        cdef int64_t[2] room
        cdef int64_t total = 0, least, separator, need, need_marked, low, high, middle
        cdef uint32_t i
        cdef bint seen
        if place != CHOICE and self.tables.tallies.complete(state):
            return 0
        for i in range(tally.entries, tally.entries_end):
            e = &self.tables.tallies.entries[i]
            seen = e.bit != NONE and (s[SEEN + (e.bit >> 5)] >> (e.bit & 31)) & 1
            least = self.nonterminals[e.symbol - self.tables.n_terminals].least[kind]
            if e.required and not seen:
                total = sum_of(total, least)
                required[e.marked] += 1
            elif e.once and not seen and least < FAR:
                once[e.marked].push_back(least)
            if not e.once:
                often[e.marked] = min(often[e.marked], least)
        if total >= FAR:
            return FAR
        for i in range(2):
            sort(once[i].begin(), once[i].end())
            room[i] = FAR if often[i] < FAR else <int64_t>once[i].size()
        need = <int64_t>s[NEED] - required[0] - required[1]
        if place == CHOICE:
            need = max(need, 1 - required[0] - required[1])
        need_marked = max(<int64_t>s[NEED_MARKED] - required[1], 0)
        need = max(need, need_marked)
        if s[ROOM_MARKED] != NONE:
            room[1] = min(room[1], <int64_t>s[ROOM_MARKED] - required[1])
        if s[ROOM] != NONE and need > <int64_t>s[ROOM] - required[0] - required[1]:
            return FAR
        low = max(need_marked, need - room[0])
        high = min(need, room[1])
        if low > high:
            return FAR
        while low < high:
            middle = (low + high) // 2
            if (sum_of(cheapest(once[1], often[1], middle), cheapest(once[0], often[0], need - middle))
                    <= sum_of(cheapest(once[1], often[1], middle + 1),
                              cheapest(once[0], often[0], need - middle - 1))):
                high = middle
            else:
                low = middle + 1
        total = sum_of(total, sum_of(cheapest(once[1], often[1], low), cheapest(once[0], often[0], need - low)))
        separator = self.separator_least(s[TALLY], kind)
        need += required[0] + required[1] - (place != REST)
        return sum_of(total, times(need, separator)) if need > 0 else total

    cdef int64_t tally_most(self, uint32_t tally) except -1 nogil:
        """More tokens than what must come in any state of a tally needs."""
        cdef const Tally* t = &self.tables.tallies.tallies[tally]
        cdef const uint32_t* s = self.tables.tallies.states.words(t.initial)
        cdef int64_t entries = 1 + <int64_t>s[NEED] + s[NEED_MARKED]
        cdef int64_t most = 0
        cdef uint32_t i
        for i in range(t.entries, t.entries_end):
            entries += self.tables.tallies.entries[i].required
            most = max(most, self.symbol_least(self.tables.tallies.entries[i].symbol, IN_TOKENS))
        most = sum_of(most, self.separator_least(tally, IN_TOKENS))
        return times(entries, most)

    cdef int nonterminal(self, uint32_t nonterminal, Need* need) except -1 nogil:
        """What a nonterminal needs, also one that stands for a state of a tally."""
        cdef uint32_t kind, state
        cdef uint64_t key
        if nonterminal < self.tables.n_nonterminals:
            need[0] = self.nonterminals[nonterminal]
            return 0
        kind = self.tables.instances[nonterminal].kind
        state = self.tables.instances[nonterminal].state
        key = <uint64_t>kind << 32 | state
        if self.instances.count(key) == 0:
            need.least[IN_BYTES] = self.tally_least(state, kind, IN_BYTES)
            need.least[IN_TOKENS] = self.tally_least(state, kind, IN_TOKENS)
            slot_of(self.instances, key)[0] = need[0]
        need[0] = slot_of(self.instances, key)[0]
        return 0

    cdef int suffix(self, uint32_t suffix, Need* need) except -1 nogil:
        """What the rest of a rule needs."""
        cdef Need one
        cdef vector[uint32_t] path
        cdef uint32_t symbol
        memset(need, 0, sizeof(Need))
        while suffix:
            suffix = self.tables.resolved(suffix)
            if suffix < self.suffixes.size() and self.suffixes[suffix].least[0] >= 0:
                need[0] = self.suffixes[suffix]
                break
            if suffix:
                path.push_back(suffix)
                suffix = self.tables.suffixes[suffix].tail
        while not path.empty():
            suffix = path.back()
            path.pop_back()
            symbol = self.tables.suffixes[suffix].symbol
            if symbol < self.tables.n_terminals:
                self.terminal(symbol, &one)
            else:
                self.nonterminal(symbol - self.tables.n_terminals, &one)
            need.least[0] = sum_of(need.least[0], one.least[0])
            need.least[1] = sum_of(need.least[1], one.least[1])
            if suffix >= self.suffixes.size():
                one.least[0] = one.least[1] = -1
                self.suffixes.resize(self.tables.suffixes.size(), one)
            self.suffixes[suffix] = need[0]
        return 0

    cdef int find_growth(self) except -1 nogil:
        """By how many tokens what is left to be done can grow where a terminal begins: the longest way to predict it.

        Each rule on the way leaves its rest to be done.  The way taken is the cheapest, so it meets no nonterminal
        twice; the longest way that enters each strongly connected component once is no shorter.
        """
        cdef uint32_t n = self.tables.n_nonterminals
        cdef vector[uint32_t] begin, targets, component
        cdef vector[int64_t] costs, leaf, around, best
        cdef vector[uint64_t] order
        cdef int64_t rest
        cdef Need need
        cdef uint32_t a, r, d, k, t, n_components
        refill(leaf, n, 0)
        begin.push_back(0)
        for a in range(n):
            if self.tables.instances[a].kind == WRITTEN:
                for r in range(self.tables.rules_begin[a], self.tables.rules_end[a]):
                    d = self.tables.rule_suffix[r]
                    while d:
                        self.suffix(self.tables.suffixes[d].tail, &need)
                        rest = need.least[IN_TOKENS]
                        if self.tables.suffixes[d].symbol < self.tables.n_terminals:
                            leaf[a] = max(leaf[a], rest)
                            break
                        targets.push_back(self.tables.suffixes[d].symbol - self.tables.n_terminals)
                        costs.push_back(rest)
                        if not self.tables.nullable[targets.back()]:
                            break
                        d = self.tables.suffixes[d].tail
            else:
                t = self.tables.tallies.states.words(self.tables.instances[a].state)[TALLY]
                rest = self.tally_most(t)
                leaf[a] = rest
                for k in range(self.tables.tallies.tallies[t].entries, self.tables.tallies.tallies[t].entries_end):
                    targets.push_back(self.tables.tallies.entries[k].symbol - self.tables.n_terminals)
                    costs.push_back(rest)
                for k in range(self.tables.tallies.tallies[t].separator, self.tables.tallies.tallies[t].separator_end):
                    if self.tables.tallies.separators[k] >= self.tables.n_terminals:
                        targets.push_back(self.tables.tallies.separators[k] - self.tables.n_terminals)
                        costs.push_back(rest)
            begin.push_back(<uint32_t>targets.size())
        n_components = strong_components(begin, targets, component)
        refill(best, n_components, 0)           # behind a component's last nonterminal
        refill(around, n_components, 0)         # within it
        for a in range(n):
            rest = 0
            for k in range(begin[a], begin[a + 1]):
                if component[targets[k]] == component[a]:
                    rest = max(rest, costs[k])
            around[component[a]] = sum_of(around[component[a]], rest)
        # Components are numbered after all that they lead to.
        for a in range(n):
            order.push_back(<uint64_t>component[a] << 32 | a)
        sort(order.begin(), order.end())
        self.growth = 0
        for r in range(n):
            a = <uint32_t>order[r]
            best[component[a]] = max(best[component[a]], leaf[a])
            for k in range(begin[a], begin[a + 1]):
                t = component[targets[k]]
                if t != component[a]:
                    best[component[a]] = max(best[component[a]], sum_of(costs[k], sum_of(around[t], best[t])))
            self.growth = max(self.growth, sum_of(around[component[a]], best[component[a]]))
        return 0

    cdef size_t bytes(self) noexcept nogil:
        # A node of a map is about three words beside its key and value.
        return (32 * (self.bytes_of.size() + self.tokens_of.size()) + 48 * self.instances.size()
                + sizeof(Need) * (self.nonterminals.capacity() + self.suffixes.capacity()))


cdef uint32_t child(const Node* at, uint8_t byte) noexcept nogil:
    """The child of a node of a trie behind a byte, or NONE."""
    cdef uint32_t low = 0
    cdef uint32_t high = at.n_children
    cdef uint32_t middle
    while low < high:
        middle = (low + high) // 2
        if at.bytes[middle] < byte:
            low = middle + 1
        else:
            high = middle
    return at.children[low] if low < at.n_children and at.bytes[low] == byte else NONE


cdef int64_t cheapest(const vector[int64_t]& once, int64_t often, int64_t n) noexcept nogil:
    """What the ``n`` cheapest entries need: some that come once, ascending, and one that may come again and again."""
    cdef int64_t total = 0
    cdef size_t i = 0
    while n > 0 and i < once.size() and once[i] <= often:
        total = min(total + once[i], FAR)
        i += 1
        n -= 1
    if n <= 0:
        return total
    return sum_of(total, times(n, often))
