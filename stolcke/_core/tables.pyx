"""One grammar as integers.

Rules are stored as interned *suffixes*: a suffix is its first symbol and the
suffix after it, so that all rules share their common endings, and "the rest of
the rule" is one integer.
"""

from libc.stdint cimport int32_t
from libcpp.algorithm cimport sort, unique

from stolcke._core.storage cimport Arena, idmap_find, idmap_free, idmap_init, idmap_put


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
    """

    def __cinit__(self, PartitionStore store not None, uint32_t n_terminals, uint32_t n_nonterminals,
                  const int32_t[::1] lhs, const int32_t[::1] offsets, const int32_t[::1] symbols, uint32_t start,
                  const uint32_t[::1] terminal_states, const uint32_t[::1] terminal_symbols,
                  const uint32_t[::1] terminal_partitions):
        cdef uint32_t i, r, suffix, index, symbol
        cdef int32_t k
        cdef IdMap known
        cdef Suffix made
        cdef ByteSet empty
        self.n_terminals = n_terminals
        self.n_nonterminals = n_nonterminals
        self.n_rules = <uint32_t>lhs.shape[0]
        self.start = start
        self.prediction_keys = SequenceTable(Arena())
        empty.bits[0] = empty.bits[1] = empty.bits[2] = empty.bits[3] = 0
        for i in range(n_terminals):
            self.terminal_state.push_back(terminal_states[i])
            self.terminal_symbol.push_back(terminal_symbols[i])
            self.terminal_partition.push_back(terminal_partitions[i])
            self.terminal_first.push_back(
                empty if terminal_states[i] == NONE else store.state(terminal_states[i]).live)
        idmap_init(&known, 8)
        try:
            made.symbol = NONE
            made.tail = 0
            self.suffixes.push_back(made)
            for r in range(self.n_rules):
                suffix = 0
                k = offsets[r + 1]
                while k > offsets[r]:
                    k -= 1
                    symbol = <uint32_t>symbols[k]
                    index = idmap_find(&known, <uint64_t>symbol << 32 | suffix)
                    if index == NONE:
                        index = <uint32_t>self.suffixes.size()
                        idmap_put(&known, <uint64_t>symbol << 32 | suffix, index)
                        made.symbol = symbol
                        made.tail = suffix
                        self.suffixes.push_back(made)
                    suffix = index
                self.rule_suffix.push_back(suffix)
                self.rule_lhs.push_back(<uint32_t>lhs[r])
        finally:
            idmap_free(&known)
        self.stamp.assign(n_nonterminals, 0)
        self.group_rules()
        self.find_nullable(offsets, symbols)
        self.find_components()

    cdef group_rules(self):
        cdef uint32_t i
        self.rules_of_begin.assign(self.n_nonterminals + 1, 0)
        self.rules_of.resize(self.n_rules)
        for i in range(self.n_rules):
            self.rules_of_begin[self.rule_lhs[i] + 1] += 1
        for i in range(self.n_nonterminals):
            self.rules_of_begin[i + 1] += self.rules_of_begin[i]
        cdef vector[uint32_t] place = self.rules_of_begin
        for i in range(self.n_rules):
            self.rules_of[place[self.rule_lhs[i]]] = i
            place[self.rule_lhs[i]] += 1

    cdef find_nullable(self, const int32_t[::1] offsets, const int32_t[::1] symbols):
        """A rule is nullable once each of its symbols is; counted down from a queue, in linear time."""
        cdef vector[uint32_t] waiting, uses, uses_begin, ready
        cdef uint32_t i, r, a
        cdef int32_t k
        self.nullable.assign(self.n_nonterminals, 0)
        waiting.resize(self.n_rules)
        uses_begin.assign(self.n_nonterminals + 1, 0)
        for k in range(symbols.shape[0]):
            if <uint32_t>symbols[k] >= self.n_terminals:
                uses_begin[<uint32_t>symbols[k] - self.n_terminals + 1] += 1
        for i in range(self.n_nonterminals):
            uses_begin[i + 1] += uses_begin[i]
        uses.resize(uses_begin[self.n_nonterminals])
        cdef vector[uint32_t] place = uses_begin
        for r in range(self.n_rules):
            waiting[r] = offsets[r + 1] - offsets[r]
            if waiting[r] == 0 and not self.nullable[self.rule_lhs[r]]:
                self.nullable[self.rule_lhs[r]] = 1
                ready.push_back(self.rule_lhs[r])
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
                if waiting[r] == 0 and not self.nullable[self.rule_lhs[r]]:
                    self.nullable[self.rule_lhs[r]] = 1
                    ready.push_back(self.rule_lhs[r])

    cdef find_components(self):
        """Strongly connected components of "B has a rule that can begin with A" (Tarjan, explicit stack)."""
        cdef uint32_t n = self.n_nonterminals
        cdef vector[uint32_t] edges, begin, index, low, stack, path, at
        cdef uint32_t a, i, s, t, d, counter = 0, n_components = 0
        for a in range(n):
            begin.push_back(<uint32_t>edges.size())
            for i in range(self.rules_of_begin[a], self.rules_of_begin[a + 1]):
                d = self.rule_suffix[self.rules_of[i]]
                while d and self.suffixes[d].symbol >= self.n_terminals:
                    edges.push_back(self.suffixes[d].symbol - self.n_terminals)
                    if not self.nullable[self.suffixes[d].symbol - self.n_terminals]:
                        break
                    d = self.suffixes[d].tail
        begin.push_back(<uint32_t>edges.size())
        index.assign(n, NONE)
        low.assign(n, 0)
        at = begin
        self.component.assign(n, NONE)
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
        self.members_begin.push_back(<uint32_t>self.members.size())
        for i in range(n_components):
            sort(self.members.begin() + self.members_begin[i], self.members.begin() + self.members_begin[i + 1])
        self.place.resize(n)
        for i in range(n_components):
            for a in range(self.members_begin[i], self.members_begin[i + 1]):
                self.place[self.members[a]] = a - self.members_begin[i]

    cdef uint32_t predict(self, vector[uint32_t]& nonterminals) except? 0xFFFFFFFF nogil:
        """What a column that waits for these nonterminals predicts; its argument is left sorted and unique."""
        cdef uint32_t index, a, i, d, symbol, r
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
            for i in range(self.rules_of_begin[a], self.rules_of_begin[a + 1]):
                r = self.rules_of[i]
                d = self.rule_suffix[r]
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

    def suffix_symbols(self, uint32_t suffix):
        """The symbols of a suffix, as a tuple."""
        out = []
        while suffix:
            out.append(self.suffixes[suffix].symbol)
            suffix = self.suffixes[suffix].tail
        return tuple(out)

    cdef size_t bytes(self) noexcept nogil:
        return (8 * self.suffixes.capacity() + 4 * (self.rule_suffix.capacity() + self.rule_lhs.capacity()
                + self.rules_of.capacity() + self.members.capacity() + self.component.capacity()
                + self.predicted_terminals.capacity()) + 12 * self.predicted.capacity()
                + 16 * self.predictions.capacity() + 44 * self.n_terminals + self.prediction_keys.bytes())
