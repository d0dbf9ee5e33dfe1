"""The rules of one grammar as integers, rewritten until the engine can use them.

A :class:`Rules` is copied from what was written and then changed in place, each
step in linear time: :meth:`Rules.trim`, :meth:`Rules.remove_duplicates`,
:meth:`Rules.write_entries`, :func:`stolcke._core.lists.fold_lists`,
:func:`stolcke._core.ignored.write_ignore`, and at last :meth:`Rules.numbered`.
Each step keeps the language, and the weight that the derivations of each text
have together.
"""

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libcpp.vector cimport vector

from stolcke._core.containers cimport refill
from stolcke._core.storage cimport Arena, SequenceTable
from stolcke._core.types cimport NONE
from stolcke._core.written cimport WrittenRules


cdef bint is_possible(const Tally* t, const Reach* r, const Entry* entry, int64_t least) noexcept nogil:
    """Whether a choice of possible entries is between the bounds, holds ``entry`` (or NULL) and at least ``least``."""
    cdef int64_t must[2]
    cdef int64_t least_marked, most_marked
    if r.missing:
        return False
    must[0] = r.least[0]
    must[1] = r.least[1]
    if entry != NULL and not entry.required:
        must[entry.marked] += 1
    least_marked = max(must[1], t.least[1])
    most_marked = min(r.most[1], t.most[1])
    if least_marked > most_marked:
        return False
    return max(must[0] + least_marked, t.least[0], least) <= min(
        r.most[0] + most_marked, t.most[0] if r.separable else min(t.most[0], <int64_t>1))


cdef void add_entry(Reach* r, const Entry* entry) noexcept nogil:
    r.missing -= entry.required
    r.least[entry.marked] += entry.required
    r.most[entry.marked] = MANY if not entry.once else min(r.most[entry.marked] + 1, MANY)


cdef class Rules:
    """The rules and tallies of a grammar.

    Parameters
    ----------
    written : WrittenRules
        Is copied.
    weights : float64[rules], optional
        Of each rule; without them the rules of one nonterminal have equal weights that add up to one.

    Attributes
    ----------
    made : list of (str, int, int)
        Nonterminals that the steps below have added, after those that were written: "entry", "list", "round",
        "ignored" or "text", of which nonterminal, and a number.
    """

    def __cinit__(self, WrittenRules written not None, const double[::1] weights=None):
        cdef size_t i
        self.made = []
        self.written = written
        self.n_terminals = <uint32_t>len(written.patterns)
        self.n_nonterminals = <uint32_t>len(written.wanted)
        self.start = written.start
        self.symbols.resize(written.symbols.size())
        for i in range(written.symbols.size()):
            self.symbols[i] = <uint32_t>(
                written.symbols[i] if written.symbols[i] >= 0 else <int32_t>self.n_terminals + ~written.symbols[i])
        self.rules.assign(written.rules.begin(), written.rules.end())
        self.entries.assign(written.entries.begin(), written.entries.end())
        self.tallies.assign(written.tallies.begin(), written.tallies.end())
        self.weigh(weights)

    cdef int weigh(self, const double[::1] weights) except -1:
        """Give each rule its weight."""
        cdef vector[uint32_t] count
        cdef size_t i
        if weights is not None:
            if <size_t>weights.shape[0] != self.rules.size():
                raise ValueError("weights are needed for all rules, or for none")
            for i in range(self.rules.size()):
                self.rules[i].weight = weights[i]
            return 0
        refill(count, self.n_nonterminals, 0)
        for i in range(self.rules.size()):
            count[self.rules[i].lhs] += 1
        for i in range(self.rules.size()):
            self.rules[i].weight = 1.0 / count[self.rules[i].lhs]
        return 0

    cdef uint32_t make(self, str kind, uint32_t owner, uint32_t number=0) except? 0xFFFFFFFF:
        """A nonterminal that was not written."""
        self.made.append((kind, owner, number))
        self.n_nonterminals += 1
        return self.n_nonterminals - 1

    cdef int add_rule(self, uint32_t lhs, size_t begin, double weight) except -1 nogil:
        """Add a rule, whose right-hand side is the last symbols from ``begin`` on."""
        cdef Rule rule
        rule.lhs = lhs
        rule.weight = weight
        rule.rhs.begin = <uint32_t>begin
        rule.rhs.end = <uint32_t>self.symbols.size()
        self.rules.push_back(rule)
        return 0

    # --- what derives what ---------------------------------------------------------------------------------------

    cdef String string_at(self, size_t index) noexcept nogil:
        """All strings in a row: right-hand sides, entries, separators."""
        if index < self.rules.size():
            return self.rules[index].rhs
        index -= self.rules.size()
        if index < self.entries.size():
            return self.entries[index].symbols
        return self.tallies[index - self.entries.size()].separator

    cdef int find_deriving(self, const vector[char]& terminals, vector[char]& found) except -1 nogil:
        """Mark the nonterminals that derive a text of the marked terminals alone; counted down, in linear time."""
        cdef size_t n_rules = self.rules.size(), n_entries = self.entries.size(), i
        cdef size_t n = n_rules + n_entries + self.tallies.size()
        cdef vector[uint32_t] missing, uses, place, names
        cdef vector[size_t] ready
        cdef vector[Reach] reach
        cdef uint32_t k, x, a, t
        cdef String s
        refill(missing, n, 0)
        refill(place, self.n_nonterminals + 1, 0)
        refill(found, self.n_nonterminals, 0)
        for i in range(n):
            s = self.string_at(i)
            for k in range(s.begin, s.end):
                x = self.symbols[k]
                if x >= self.n_terminals:
                    missing[i] += 1
                elif not terminals[x]:
                    missing[i] = NONE
                    break
            if missing[i] == 0:
                ready.push_back(i)
            elif missing[i] != NONE:
                for k in range(s.begin, s.end):
                    if self.symbols[k] >= self.n_terminals:
                        place[self.symbols[k] - self.n_terminals + 1] += 1
        for a in range(self.n_nonterminals):
            place[a + 1] += place[a]
        cdef vector[uint32_t] begin
        begin.assign(place.begin(), place.end())
        uses.resize(begin[self.n_nonterminals])
        for i in range(n):
            if missing[i] != NONE:
                s = self.string_at(i)
                for k in range(s.begin, s.end):
                    if self.symbols[k] >= self.n_terminals:
                        a = self.symbols[k] - self.n_terminals
                        uses[place[a]] = <uint32_t>i
                        place[a] += 1
        self.start_reach(reach)
        for t in range(self.tallies.size()):
            if is_possible(&self.tallies[t], &reach[t], NULL, 0):
                names.push_back(self.tallies[t].lhs)
        while not (names.empty() and ready.empty()):
            if not names.empty():
                a = names.back()
                names.pop_back()
                if not found[a]:
                    found[a] = 1
                    for k in range(begin[a], begin[a + 1]):
                        missing[uses[k]] -= 1
                        if missing[uses[k]] == 0:
                            ready.push_back(uses[k])
                continue
            i = ready.back()
            ready.pop_back()
            if i < n_rules:
                names.push_back(self.rules[i].lhs)
                continue
            if i < n_rules + n_entries:
                t = self.entries[i - n_rules].tally
                add_entry(&reach[t], &self.entries[i - n_rules])
            else:
                t = <uint32_t>(i - n_rules - n_entries)
                reach[t].separable = True
            if is_possible(&self.tallies[t], &reach[t], NULL, 0):
                names.push_back(self.tallies[t].lhs)
        return 0

    cdef int start_reach(self, vector[Reach]& reach) except -1 nogil:
        """What is known of each tally when nothing is known of its parts."""
        cdef size_t i
        cdef Reach none
        none.least[0] = none.least[1] = none.most[0] = none.most[1] = none.missing = 0
        none.separable = False
        refill(reach, self.tallies.size(), none)
        for i in range(self.tallies.size()):
            reach[i].separable = self.tallies[i].separator.begin == self.tallies[i].separator.end
        for i in range(self.entries.size()):
            reach[self.entries[i].tally].missing += self.entries[i].required
        return 0

    cdef bint derives(self, String s, const vector[char]& terminals, const vector[char]& found) noexcept nogil:
        """Whether all symbols are marked."""
        cdef uint32_t k, x
        for k in range(s.begin, s.end):
            x = self.symbols[k]
            if not (terminals[x] if x < self.n_terminals else found[x - self.n_terminals]):
                return False
        return True

    # --- steps ---------------------------------------------------------------------------------------------------

    def trim(self, empty):
        """Drop the rules and entries that derive no text or cannot be met.

        Parameters
        ----------
        empty : iterable of int
            Terminals that match no text at all.

        Returns
        -------
        bool
            Whether the start derives some text; if not, nothing is dropped.
        """
        cdef vector[char] terminals, alive, kept
        cdef size_t i, n = 0
        refill(terminals, self.n_terminals, 1)
        for number in empty:
            terminals[<uint32_t>number] = 0
        with nogil:
            self.find_deriving(terminals, alive)
            if not alive[self.start]:
                with gil:
                    return False
            for i in range(self.rules.size()):
                if self.derives(self.rules[i].rhs, terminals, alive):
                    self.rules[n] = self.rules[i]
                    n += 1
            self.rules.resize(n)
            if not self.tallies.empty():
                self.find_entries(terminals, alive, kept)
                self.keep(alive, kept)
            self.keep_reachable()
        return True

    cdef int find_entries(self, const vector[char]& terminals, const vector[char]& alive,
                          vector[char]& kept) except -1 nogil:
        """Mark the entries that occur in some text, and drop the separators that never do."""
        cdef vector[Reach] reach
        cdef size_t t
        cdef uint32_t i
        cdef Tally* tally
        refill(kept, self.entries.size(), 0)
        self.start_reach(reach)
        for t in range(self.tallies.size()):
            tally = &self.tallies[t]
            if not alive[tally.lhs]:
                continue
            for i in range(tally.begin, tally.end):
                kept[i] = self.derives(self.entries[i].symbols, terminals, alive)
                if kept[i]:
                    add_entry(&reach[t], &self.entries[i])
            reach[t].separable = self.derives(tally.separator, terminals, alive)
            # In any order: an entry that occurs in some text is the first one of another.
            for i in range(tally.begin, tally.end):
                kept[i] = kept[i] and is_possible(tally, &reach[t], &self.entries[i], 0)
            if not (reach[t].separable and is_possible(tally, &reach[t], NULL, 2)):
                tally.separator.end = tally.separator.begin
                tally.most[0] = min(tally.most[0], <int64_t>1)
        return 0

    cdef int keep(self, const vector[char]& names, const vector[char]& entries) except -1 nogil:
        """Keep the tallies of marked names, and of their entries the marked ones (all, if the marks are empty)."""
        cdef size_t t, n = 0, n_tallies = 0
        cdef uint32_t i
        cdef Tally tally
        for t in range(self.tallies.size()):
            tally = self.tallies[t]
            if not names[tally.lhs]:
                continue
            self.tallies[n_tallies] = tally
            self.tallies[n_tallies].begin = <uint32_t>n
            for i in range(tally.begin, tally.end):
                if entries.empty() or entries[i]:
                    self.entries[n] = self.entries[i]
                    self.entries[n].tally = <uint32_t>n_tallies
                    n += 1
            self.tallies[n_tallies].end = <uint32_t>n
            n_tallies += 1
        self.tallies.resize(n_tallies)
        self.entries.resize(n)
        return 0

    cdef int group(self, vector[uint32_t]& ordered, vector[uint32_t]& begin) except -1 nogil:
        """The rules of each nonterminal ``a``, in order: ``ordered[begin[a]:begin[a + 1]]``."""
        cdef size_t i
        cdef uint32_t a
        refill(begin, self.n_nonterminals + 1, 0)
        for i in range(self.rules.size()):
            begin[self.rules[i].lhs + 1] += 1
        for a in range(self.n_nonterminals):
            begin[a + 1] += begin[a]
        cdef vector[uint32_t] place
        place.assign(begin.begin(), begin.end())
        ordered.resize(self.rules.size())
        for i in range(self.rules.size()):
            ordered[place[self.rules[i].lhs]] = <uint32_t>i
            place[self.rules[i].lhs] += 1
        return 0

    cdef int keep_reachable(self) except -1 nogil:
        """Drop the rules and tallies that the start does not lead to."""
        cdef vector[uint32_t] ordered, begin, waiting, tally_of
        cdef vector[char] met, all_entries
        cdef uint32_t a, i
        cdef size_t r, n = 0
        self.group(ordered, begin)
        refill(tally_of, self.n_nonterminals, NONE)
        for i in range(self.tallies.size()):
            tally_of[self.tallies[i].lhs] = i
        refill(met, self.n_nonterminals, 0)
        met[self.start] = 1
        waiting.push_back(self.start)
        while not waiting.empty():
            a = waiting.back()
            waiting.pop_back()
            for i in range(begin[a], begin[a + 1]):
                self.meet(self.rules[ordered[i]].rhs, met, waiting)
            if tally_of[a] != NONE:
                self.meet(self.tallies[tally_of[a]].separator, met, waiting)
                for i in range(self.tallies[tally_of[a]].begin, self.tallies[tally_of[a]].end):
                    self.meet(self.entries[i].symbols, met, waiting)
        for r in range(self.rules.size()):
            if met[self.rules[r].lhs]:
                self.rules[n] = self.rules[r]
                n += 1
        self.rules.resize(n)
        self.keep(met, all_entries)
        return 0

    cdef int meet(self, String s, vector[char]& met, vector[uint32_t]& waiting) except -1 nogil:
        cdef uint32_t k, a
        for k in range(s.begin, s.end):
            if self.symbols[k] >= self.n_terminals:
                a = self.symbols[k] - self.n_terminals
                if not met[a]:
                    met[a] = 1
                    waiting.push_back(a)
        return 0

    cdef bint is_loop(self, const Rule* rule) noexcept nogil:
        """Whether a rule is ``a: a``."""
        return rule.rhs.end - rule.rhs.begin == 1 and self.symbols[rule.rhs.begin] == self.n_terminals + rule.lhs

    def remove_duplicates(self):
        """Join the rules that agree in both sides, and drop ``a: a`` where ``a`` has other rules.

        Joined rules add their weights.  Without ``a: a [p]`` the others are 1 + p + p² + ... = 1 / (1 - p) times as
        likely; where that has no end, ``a: a`` stays, so that the partition function finds it.
        """
        cdef SequenceTable seen = SequenceTable(Arena())
        cdef vector[char] solid
        cdef vector[double] looping
        cdef vector[uint32_t] key
        cdef size_t i, n = 0
        cdef uint32_t first
        cdef Rule rule
        with nogil:
            refill(solid, self.n_nonterminals, 0)
            refill(looping, self.n_nonterminals, 0)
            for i in range(self.rules.size()):
                if self.is_loop(&self.rules[i]):
                    looping[self.rules[i].lhs] += self.rules[i].weight
                else:
                    solid[self.rules[i].lhs] = 1
            for i in range(self.rules.size()):
                rule = self.rules[i]
                if solid[rule.lhs] and looping[rule.lhs] < 1:
                    if self.is_loop(&rule):
                        continue
                    rule.weight /= 1 - looping[rule.lhs]
                key.assign(self.symbols.begin() + rule.rhs.begin, self.symbols.begin() + rule.rhs.end)
                key.push_back(rule.lhs)
                first = seen.intern(key.data(), key.size())
                if seen.added:
                    self.rules[n] = rule
                    n += 1
                else:
                    self.rules[first].weight += rule.weight
            self.rules.resize(n)

    def empty_entry(self):
        """An entry that derives the empty text, as (name of its tally, number); None where there is none."""
        cdef vector[char] terminals, empty
        cdef size_t i
        if self.entries.empty():
            return None
        refill(terminals, self.n_terminals, 0)
        self.find_deriving(terminals, empty)
        for i in range(self.entries.size()):
            if self.derives(self.entries[i].symbols, terminals, empty):
                names = self.written.names()[1]
                return names[self.tallies[self.entries[i].tally].lhs], self.entries[i].number
        return None

    def write_entries(self):
        """Let each entry of a tally be a single nonterminal.

        What a token can do within an entry is then found once, and not again for
        each state of the tally that goes on after the entry.
        """
        cdef size_t i
        cdef Rule rule
        cdef String s
        cdef const Tally* tally
        rule.weight = 1
        for i in range(self.entries.size()):
            rule.rhs = self.entries[i].symbols
            if rule.rhs.end - rule.rhs.begin > 1 or self.symbols[rule.rhs.begin] < self.n_terminals:
                tally = &self.tallies[self.entries[i].tally]
                rule.lhs = self.make("entry", tally.lhs, <uint32_t>i - tally.begin)
                self.rules.push_back(rule)
                s.begin = <uint32_t>self.symbols.size()
                self.symbols.push_back(self.n_terminals + rule.lhs)
                s.end = <uint32_t>self.symbols.size()
                self.entries[i].symbols = s

    # --- the result ----------------------------------------------------------------------------------------------

    def used(self):
        """Which terminals occur, as bool[n_terminals]."""
        found = np.zeros(self.n_terminals, np.bool_)
        cdef uint8_t[::1] marks = found.view(np.uint8)
        cdef size_t i
        cdef uint32_t k
        cdef String s
        for i in range(self.rules.size() + self.entries.size() + self.tallies.size()):
            s = self.string_at(i)
            for k in range(s.begin, s.end):
                if self.symbols[k] < self.n_terminals:
                    marks[self.symbols[k]] = 1
        return found

    def numbered(self, const int32_t[::1] terminals not None, uint32_t n_terminals):
        """The arrays of :class:`stolcke.compiler.arrays.GrammarArrays`, under their names there.

        Parameters
        ----------
        terminals : int32[terminals]
            The number that each terminal that occurs shall have.
        n_terminals : int
            How many numbers these are.

        Returns
        -------
        dict of str to array
        order : int32[nonterminals - 1]
            Which nonterminal, of those written and then ``made``, is number 1, 2, ...; number 0 is made here.
        """
        cdef size_t n_rules = self.rules.size(), n_entries = self.entries.size(), n_tallies = self.tallies.size(), i
        cdef vector[int32_t] number, order, symbols, offsets
        cdef uint32_t a, t
        cdef int32_t[::1] lhs, tally, entry, entry_offsets, bounds
        cdef double[::1] weights
        cdef uint8_t[::1] flags
        refill(number, self.n_nonterminals, 0)
        lhs_array = np.zeros(n_rules + 1, np.int32)
        weight_array = np.ones(n_rules + 1)
        tally_array = np.empty(n_tallies, np.int32)
        entry_array = np.empty(n_entries, np.int32)
        entry_offset_array = np.zeros(n_tallies + 1, np.int32)
        flag_array = np.empty(n_entries, np.uint8)
        bound_array = np.empty(4 * n_tallies, np.int32)
        lhs, tally, entry, entry_offsets = lhs_array, tally_array, entry_array, entry_offset_array
        weights, flags, bounds = weight_array, flag_array, bound_array
        for i in range(n_rules + n_tallies):
            a = self.rules[i].lhs if i < n_rules else self.tallies[i - n_rules].lhs
            if number[a] == 0:
                order.push_back(<int32_t>a)
                number[a] = <int32_t>order.size()
            if i < n_rules:
                lhs[i + 1] = number[a]
                weights[i + 1] = self.rules[i].weight
        offsets.push_back(0)
        symbols.push_back(<int32_t>n_terminals + number[self.start])
        offsets.push_back(1)
        for i in range(n_rules):
            self.write_symbols(self.rules[i].rhs, terminals, n_terminals, number, symbols)
            offsets.push_back(<int32_t>symbols.size())
        rhs, rhs_offsets = as_array(symbols), as_array(offsets)
        symbols.clear()
        refill(offsets, 1, 0)
        for t in range(n_tallies):
            tally[t] = number[self.tallies[t].lhs]
            entry_offsets[t + 1] = <int32_t>self.tallies[t].end
            self.write_symbols(self.tallies[t].separator, terminals, n_terminals, number, symbols)
            offsets.push_back(<int32_t>symbols.size())
            for i in range(2):
                bounds[4 * t + 2 * i] = <int32_t>min(self.tallies[t].least[i], GREATEST)
                bounds[4 * t + 2 * i + 1] = (
                    -1 if self.tallies[t].most[i] == MANY else <int32_t>min(self.tallies[t].most[i], GREATEST))
        for i in range(n_entries):
            a = self.symbols[self.entries[i].symbols.begin] - self.n_terminals
            entry[i] = <int32_t>n_terminals + number[a]
            flags[i] = self.entries[i].once | self.entries[i].required << 1 | self.entries[i].marked << 2
        return {
            "lhs": lhs_array,
            "rhs_offsets": rhs_offsets,
            "rhs": rhs,
            "weights": weight_array,
            "tally": tally_array,
            "entry_offsets": entry_offset_array,
            "entry": entry_array,
            "entry_flags": flag_array,
            "separator_offsets": as_array(offsets),
            "separator": as_array(symbols),
            "tally_bounds": bound_array,
        }, as_array(order)

    cdef int write_symbols(self, String s, const int32_t[::1] terminals, uint32_t n_terminals,
                           const vector[int32_t]& number, vector[int32_t]& out) except -1 nogil:
        cdef uint32_t k, x
        for k in range(s.begin, s.end):
            x = self.symbols[k]
            if x < self.n_terminals:
                out.push_back(terminals[x])
            else:
                out.push_back(<int32_t>n_terminals + number[x - self.n_terminals])
        return 0


def mention_weights(rules):
    """Whether any of the symbolic rules has a weight that was written."""
    for rule in rules:
        if rule.weight is not None:
            return True
    return False


cdef as_array(const vector[int32_t]& values):
    """A copy, as int32[n]."""
    made = np.empty(values.size(), np.int32)
    cdef int32_t[::1] view = made
    cdef size_t i
    for i in range(values.size()):
        view[i] = values[i]
    return made
