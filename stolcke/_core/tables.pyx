"""One grammar as integers.

Rules are stored as interned *suffixes*: a suffix is its first symbol and the
suffix after it, so that all rules share their common endings, and "the rest of
the rule" is one integer.

The rules of a *tally* are not there from the start.  Its states (see
:mod:`stolcke._core.tally`) become nonterminals, *instances*, when something
leads to them, and instances get their rules when they are first predicted::

    tally       ::= entry REST{entry} | ...         | nothing, where nothing must come
    REST{seen}  ::= separator CHOICE{seen}          | nothing, where nothing more must come
    CHOICE{seen} ::= entry REST{seen, entry} | ...

With n entries the rules of one choice lead to n states.  They are not even
looked up before a text, or a token, goes there: until then the suffix
``REST{seen, entry}`` is a *successor*, a reference to (state, entry), which
:meth:`GrammarTables.resolved` replaces where an item is about to be added.

Entries never derive the empty text, so instances begin with nothing that leads
back to them: each is a component of its own.
"""

from libc.stdint cimport int32_t
from libcpp.algorithm cimport sort, unique

from stolcke._core.automata cimport join_live
from stolcke._core.containers cimport refill
from stolcke._core.storage cimport Arena, idmap_bytes, idmap_find, idmap_free, idmap_init, idmap_put
from stolcke._core.tally cimport TallyEntry


cdef extern from *:
    """
    #include <algorithm>
    #include <vector>
    #include <tuple>
    /* Templates, because the struct is declared only further down in the generated file. */
    template <class P> static void sort_predicted(std::vector<P>& v, size_t first) {
        auto rank = [](const P& x) { return std::make_tuple(x.symbol, x.lhs, x.suffix); };
        std::sort(v.begin() + first, v.end(), [=](const P& a, const P& b) { return rank(a) < rank(b); });
        v.erase(std::unique(v.begin() + first, v.end(), [=](const P& a, const P& b) { return rank(a) == rank(b); }),
                v.end());
    }
    """
    void sort_predicted(vector[Predicted]& v, size_t first) noexcept nogil


cdef class GrammarTables:
    """Integer tables of one trimmed grammar.

    Parameters
    ----------
    store : PartitionStore
        The vocabulary's shared tables, which hold the terminals' automata.
    n_terminals, n_nonterminals : int
    lhs : int32[rules]
        Nonterminal (from 0) of each rule.
    offsets : int32[rules + 1]
    symbols : int32[total]
        Right-hand sides; nonterminal ``A`` is written ``n_terminals + A``.
    start : int
        A nonterminal that occurs in no right-hand side.
    terminal_states : uint32[n_terminals]
        Canonical start state of each terminal's automaton, 0xFFFFFFFF for a special token's.
    terminal_symbols : uint32[n_terminals]
        256 or more for a special token's terminal, else 0xFFFFFFFF.
    terminal_partitions : uint32[n_terminals]
        The partition of a special token's terminal, else 0xFFFFFFFF.
    tallies : TallyTable
        The nonterminals that are tallies, which have no rules.

    Raises
    ------
    ValueError
        Where an entry of a tally derives the empty text.
    """

    def __cinit__(self, PartitionStore store not None, uint32_t n_terminals, uint32_t n_nonterminals,
                  const int32_t[::1] lhs, const int32_t[::1] offsets, const int32_t[::1] symbols, uint32_t start,
                  const uint32_t[::1] terminal_states, const uint32_t[::1] terminal_symbols,
                  const uint32_t[::1] terminal_partitions, TallyTable tallies not None):
        cdef uint32_t i
        cdef Instance made
        cdef Suffix nothing
        cdef ByteSet empty
        idmap_init(&self.suffix_ids, 8)
        self.n_terminals = n_terminals
        self.n_nonterminals = n_nonterminals
        self.n_rules = <uint32_t>lhs.shape[0]
        self.start = start
        self.tallies = tallies
        self.prediction_keys = SequenceTable(Arena())
        empty.bits[0] = empty.bits[1] = empty.bits[2] = empty.bits[3] = 0
        for i in range(n_terminals):
            self.terminal_state.push_back(terminal_states[i])
            self.terminal_symbol.push_back(terminal_symbols[i])
            self.terminal_partition.push_back(terminal_partitions[i])
            self.terminal_first.push_back(empty)
            if terminal_states[i] != NONE:
                join_live(&self.terminal_first[i], store.state(terminal_states[i]))
        nothing.symbol = NONE
        nothing.tail = 0
        self.suffixes.push_back(nothing)
        refill(self.stamp, n_nonterminals, 0)
        made.kind = WRITTEN
        made.state = NONE
        refill(self.instances, n_nonterminals, made)
        self.group_rules(lhs, offsets, symbols)
        for i in range(tallies.tallies.size()):
            self.instances[tallies.nonterminals[i]].kind = WHOLE
            self.instances[tallies.nonterminals[i]].state = tallies.tallies[i].initial
            self.rules_begin[tallies.nonterminals[i]] = NONE
        self.find_nullable(lhs, offsets, symbols)
        for i in range(tallies.entries.size()):
            if self.nullable[tallies.entries[i].symbol - n_terminals]:
                raise ValueError(f"entry {i} of the tallies derives the empty text")
        self.find_components()
        if tallies.tallies.empty():
            idmap_free(&self.suffix_ids)        # there will be no more suffixes

    def __dealloc__(self):
        idmap_free(&self.suffix_ids)

    cdef uint32_t add_suffix(self, uint32_t symbol, uint32_t tail) except? 0xFFFFFFFF nogil:
        """The suffix that has a symbol before another suffix."""
        cdef uint64_t key = <uint64_t>symbol << 32 | tail
        cdef uint32_t index = idmap_find(&self.suffix_ids, key)
        cdef Suffix made
        if index == NONE:
            index = <uint32_t>self.suffixes.size()
            made.symbol = symbol
            made.tail = tail
            self.suffixes.push_back(made)
            idmap_put(&self.suffix_ids, key, index)
        return index

    cdef group_rules(self, const int32_t[::1] lhs, const int32_t[::1] offsets, const int32_t[::1] symbols):
        """Intern the rules' suffixes, and put the rules of each nonterminal side by side, in the order given."""
        cdef uint32_t i, suffix
        cdef int32_t k
        refill(self.rules_end, self.n_nonterminals, 0)
        for i in range(self.n_rules):
            self.rules_end[lhs[i]] += 1
        refill(self.rules_begin, self.n_nonterminals, 0)
        for i in range(1, self.n_nonterminals):
            self.rules_begin[i] = self.rules_begin[i - 1] + self.rules_end[i - 1]
        self.rules_end.assign(self.rules_begin.begin(), self.rules_begin.end())
        self.rule_suffix.resize(self.n_rules)
        for i in range(self.n_rules):
            suffix = 0
            for k in range(offsets[i + 1] - 1, offsets[i] - 1, -1):
                suffix = self.add_suffix(<uint32_t>symbols[k], suffix)
            self.rule_suffix[self.rules_end[lhs[i]]] = suffix
            self.rules_end[lhs[i]] += 1

    cdef find_nullable(self, const int32_t[::1] lhs, const int32_t[::1] offsets, const int32_t[::1] symbols):
        """A rule is nullable once each of its symbols is; counted down from a queue, in linear time."""
        cdef vector[uint32_t] waiting, uses, uses_begin, ready
        cdef uint32_t i, r, a
        cdef int32_t k
        refill(self.nullable, self.n_nonterminals, 0)
        for a in range(self.n_nonterminals):
            if self.instances[a].kind == WHOLE and self.tallies.complete(self.instances[a].state):
                self.nullable[a] = 1
                ready.push_back(a)
        waiting.resize(self.n_rules)
        refill(uses_begin, self.n_nonterminals + 1, 0)
        for k in range(symbols.shape[0]):
            if <uint32_t>symbols[k] >= self.n_terminals:
                uses_begin[<uint32_t>symbols[k] - self.n_terminals + 1] += 1
        for i in range(self.n_nonterminals):
            uses_begin[i + 1] += uses_begin[i]
        uses.resize(uses_begin[self.n_nonterminals])
        cdef vector[uint32_t] place
        place.assign(uses_begin.begin(), uses_begin.end())
        for r in range(self.n_rules):
            waiting[r] = offsets[r + 1] - offsets[r]
            if waiting[r] == 0 and not self.nullable[lhs[r]]:
                self.nullable[lhs[r]] = 1
                ready.push_back(<uint32_t>lhs[r])
            for k in range(offsets[r], offsets[r + 1]):
                if <uint32_t>symbols[k] >= self.n_terminals:
                    a = <uint32_t>symbols[k] - self.n_terminals
                    uses[place[a]] = r
                    place[a] += 1
        while not ready.empty():
            a = ready.back()
            ready.pop_back()
            for i in range(uses_begin[a], uses_begin[a + 1]):
                r = uses[i]
                waiting[r] -= 1
                if waiting[r] == 0 and not self.nullable[lhs[r]]:
                    self.nullable[lhs[r]] = 1
                    ready.push_back(<uint32_t>lhs[r])

    cdef find_components(self):
        """Strongly connected components of "B has a rule that can begin with A" (Tarjan, explicit stack)."""
        cdef uint32_t n = self.n_nonterminals
        cdef vector[uint32_t] edges, begin, index, low, stack, path, at
        cdef uint32_t a, i, s, t, d, counter = 0, n_components = 0
        for a in range(n):
            begin.push_back(<uint32_t>edges.size())
            if self.instances[a].kind == WHOLE:
                t = self.tallies.states.words(self.instances[a].state)[0]
                for i in range(self.tallies.tallies[t].entries, self.tallies.tallies[t].entries_end):
                    edges.push_back(self.tallies.entries[i].symbol - self.n_terminals)
                continue
            for i in range(self.rules_begin[a], self.rules_end[a]):
                d = self.rule_suffix[i]
                while d and self.suffixes[d].symbol >= self.n_terminals:
                    edges.push_back(self.suffixes[d].symbol - self.n_terminals)
                    if not self.nullable[self.suffixes[d].symbol - self.n_terminals]:
                        break
                    d = self.suffixes[d].tail
        begin.push_back(<uint32_t>edges.size())
        refill(index, n, NONE)
        refill(low, n, 0)
        at.assign(begin.begin(), begin.end())
        refill(self.component, n, NONE)
        for a in range(n):
            if index[a] != NONE:
                continue
            path.push_back(a)
            while not path.empty():
                s = path.back()
                if index[s] == NONE:
                    index[s] = low[s] = counter
                    counter += 1
                    stack.push_back(s)
                if at[s] < begin[s + 1]:
                    t = edges[at[s]]
                    if index[t] == NONE:
                        path.push_back(t)
                        continue
                    if self.component[t] == NONE and low[t] < low[s]:
                        low[s] = low[t]
                    at[s] += 1
                    continue
                path.pop_back()
                if low[s] == index[s]:
                    self.members_begin.push_back(<uint32_t>self.members.size())
                    while True:
                        t = stack.back()
                        stack.pop_back()
                        self.component[t] = n_components
                        self.members.push_back(t)
                        if t == s:
                            break
                    n_components += 1
        self.n_components = n_components
        self.members_begin.push_back(<uint32_t>self.members.size())
        for i in range(n_components):
            sort(self.members.begin() + self.members_begin[i], self.members.begin() + self.members_begin[i + 1])
        self.place.resize(n)
        for i in range(n_components):
            for a in range(self.members_begin[i], self.members_begin[i + 1]):
                self.place[self.members[a]] = a - self.members_begin[i]

    cdef uint32_t predict(self, vector[uint32_t]& nonterminals) except? 0xFFFFFFFF nogil:
        """What a column that waits for these nonterminals predicts; its argument is left sorted and unique."""
        cdef uint32_t index, a, i, d, symbol
        cdef Predicted item
        cdef Prediction made
        sort(nonterminals.begin(), nonterminals.end())
        nonterminals.erase(unique(nonterminals.begin(), nonterminals.end()), nonterminals.end())
        index = self.prediction_keys.find(nonterminals.data(), nonterminals.size())
        if index != NONE:
            return index
        self.stamped += 1
        self.queue.clear()
        for i in range(nonterminals.size()):
            self.stamp[nonterminals[i]] = self.stamped
            self.queue.push_back(nonterminals[i])
        self.predictions.resize(self.prediction_keys.count())      # heals what an earlier MemoryError left behind
        made.items = <uint32_t>self.predicted.size()
        while not self.queue.empty():
            a = self.queue.back()
            self.queue.pop_back()
            if self.rules_begin[a] == NONE:
                self.make_rules(a)
            for i in range(self.rules_begin[a], self.rules_end[a]):
                d = self.rule_suffix[i]
                while d:
                    symbol = self.suffixes[d].symbol
                    item.symbol = symbol
                    item.lhs = a
                    item.suffix = d
                    self.predicted.push_back(item)
                    if symbol < self.n_terminals:
                        break
                    symbol -= self.n_terminals
                    if self.stamp[symbol] != self.stamped:
                        self.stamp[symbol] = self.stamped
                        self.queue.push_back(symbol)
                    if not self.nullable[symbol]:
                        break
                    d = self.suffixes[d].tail
        sort_predicted(self.predicted, made.items)
        made.items_end = <uint32_t>self.predicted.size()
        made.terminals = <uint32_t>self.predicted_terminals.size()
        for i in range(made.items, made.items_end):
            symbol = self.predicted[i].symbol
            if symbol >= self.n_terminals:
                break
            if i == made.items or self.predicted[i - 1].symbol != symbol:
                self.predicted_terminals.push_back(symbol)
        made.terminals_end = <uint32_t>self.predicted_terminals.size()
        self.predictions.push_back(made)
        return self.prediction_keys.intern(nonterminals.data(), nonterminals.size())

    # --- instances of tallies ------------------------------------------------------------------------------------

    cdef uint32_t instance(self, vector[uint32_t]& known, uint32_t kind, uint32_t state) except? 0xFFFFFFFF nogil:
        """The nonterminal of a state; ``known`` is that kind's table."""
        cdef uint32_t a
        cdef char empty
        cdef Instance made
        if state < known.size() and known[state] != NONE:
            return known[state]
        if state >= known.size():
            known.resize(self.tallies.states.count(), NONE)
        a = <uint32_t>self.instances.size()
        # The table of instances grows last: what a MemoryError has left beyond it is cut off by the next attempt.
        self.rules_begin.resize(a)
        self.rules_begin.push_back(NONE)
        self.rules_end.resize(a)
        self.rules_end.push_back(NONE)
        self.nullable.resize(a)
        empty = kind == REST and self.tallies.complete(state)
        self.nullable.push_back(empty)
        self.stamp.resize(a)
        self.stamp.push_back(0)
        self.members.resize(a)
        self.members.push_back(a)
        self.members_begin.resize(self.n_components + a - self.n_nonterminals + 1)
        self.members_begin.push_back(a + 1)
        self.component.resize(a)
        self.component.push_back(self.n_components + a - self.n_nonterminals)
        self.place.resize(a)
        self.place.push_back(0)
        made.kind = kind
        made.state = state
        self.instances.push_back(made)
        known[state] = a
        return a

    cdef int make_rules(self, uint32_t nonterminal) except -1 nogil:
        """Make the rules of a tally or an instance, in the order of its entries."""
        cdef uint32_t kind = self.instances[nonterminal].kind
        cdef uint32_t state = self.instances[nonterminal].state
        cdef uint32_t t = self.tallies.states.words(state)[0]
        cdef uint32_t first = <uint32_t>self.rule_suffix.size()
        cdef uint32_t i, suffix
        if self.nullable[nonterminal]:
            self.rule_suffix.push_back(0)
        if kind == REST and self.tallies.tallies[t].separator < self.tallies.tallies[t].separator_end:
            if self.tallies.continues(state):
                suffix = self.add_suffix(self.n_terminals + self.instance(self.choice_of, CHOICE, state), 0)
                for i in range(self.tallies.tallies[t].separator_end, self.tallies.tallies[t].separator, -1):
                    suffix = self.add_suffix(self.tallies.separators[i - 1], suffix)
                self.rule_suffix.push_back(suffix)
        else:
            self.make_entries(state)
        self.rules_end[nonterminal] = <uint32_t>self.rule_suffix.size()
        self.rules_begin[nonterminal] = first
        return 0

    cdef int make_entries(self, uint32_t state) except -1 nogil:
        """Make a rule for each entry that can come next."""
        cdef uint32_t i, suffix
        cdef uint32_t repeated[2]       # what follows the unmarked and the marked entries that leave no trace
        cdef const TallyEntry* e
        cdef Successor successor
        cdef Suffix made
        repeated[0] = repeated[1] = NONE
        self.tallies.usable(state, self.usable)
        for i in range(self.usable.size()):
            e = &self.tallies.entries[self.usable[i]]
            if e.bit == NONE:
                # Resolved at once, as it is one for all of them, and so the rule may be that of another state, too.
                if repeated[e.marked] == NONE:
                    repeated[e.marked] = self.rest(self.tallies.after(state, self.usable[i]))
                suffix = self.add_suffix(e.symbol, repeated[e.marked])
            else:
                successor.state = state
                successor.entry = self.usable[i]
                successor.suffix = NONE
                made.symbol = SUCCESSOR
                made.tail = <uint32_t>self.successors.size()
                self.successors.push_back(successor)
                self.suffixes.push_back(made)
                made.symbol = e.symbol
                made.tail = <uint32_t>self.suffixes.size() - 1
                self.suffixes.push_back(made)
                suffix = made.tail + 1
            self.rule_suffix.push_back(suffix)
        return 0

    cdef uint32_t rest(self, uint32_t state) except? 0xFFFFFFFF nogil:
        """The suffix of what may follow in a state: empty where no more entries fit."""
        if not self.tallies.continues(state):
            return 0
        return self.add_suffix(self.n_terminals + self.instance(self.rest_of, REST, state), 0)

    cdef uint32_t resolve(self, uint32_t suffix) except? 0xFFFFFFFF nogil:
        """The suffix that a successor stands for."""
        cdef uint32_t index = self.suffixes[suffix].tail
        if self.successors[index].suffix == NONE:
            self.successors[index].suffix = self.rest(
                self.tallies.after(self.successors[index].state, self.successors[index].entry))
        return self.successors[index].suffix

    # --- looking inside ------------------------------------------------------------------------------------------

    cdef int spell(self, uint32_t suffix, vector[uint32_t]& symbols) except -1 nogil:
        """Append the symbols of a suffix and NONE; a successor is spelled as itself with the highest bit set."""
        while suffix:
            if self.suffixes[suffix].symbol == SUCCESSOR:
                symbols.push_back(<uint32_t>1 << 31 | self.suffixes[suffix].tail)
                break
            symbols.push_back(self.suffixes[suffix].symbol)
            suffix = self.suffixes[suffix].tail
        symbols.push_back(NONE)
        return 0

    cdef size_t bytes(self) noexcept nogil:
        return (8 * self.suffixes.capacity() + idmap_bytes(&self.suffix_ids) + 4 * (self.rule_suffix.capacity()
                + self.rules_begin.capacity() + self.rules_end.capacity() + self.rest_of.capacity()
                + self.choice_of.capacity() + self.members.capacity() + self.members_begin.capacity()
                + self.component.capacity() + self.place.capacity() + self.stamp.capacity()
                + self.predicted_terminals.capacity()) + self.nullable.capacity()
                + sizeof(Instance) * self.instances.capacity() + sizeof(Successor) * self.successors.capacity()
                + 12 * self.predicted.capacity() + 16 * self.predictions.capacity() + 44 * self.n_terminals
                + self.prediction_keys.bytes() + self.tallies.bytes())
