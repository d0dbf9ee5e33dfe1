"""Earley columns over interned continuations.

A textbook item is a dotted rule and the position where the rule began.  Here it
is what remains of the rule and a *continuation*: the set of (remaining symbols,
continuation) that may follow when the rule completes.  Positions vanish, equal
contexts are equal integers, and a column reached twice, at any distance, in any
sequence, is the same column; ``goto`` is then a table that fills itself.

The three steps of Earley's algorithm:

* predict: the closure of the nonterminals a column waits for
  (:meth:`GrammarTables.predict`), shared by all columns that wait for the same;
* scan: the items that wait for the terminal advance (:meth:`Chart.scan`);
* complete: an item with nothing left is replaced by the entries of its
  continuation, at once (:meth:`Chart.add`).

Continuations of recursive rules refer to themselves.  They are solved for one
strongly connected component of the "begins with" relation at a time, written
with relative references, and interned as a group.
"""

from libc.string cimport memset
from libcpp.algorithm cimport sort, unique

from stolcke._core.components cimport strong_components
from stolcke._core.containers cimport refill
from stolcke._core.storage cimport (
    idmap_bytes, idmap_find, idmap_free, idmap_init, idmap_put, seen_add, seen_clear, seen_free,
)
from stolcke._core.tables cimport Predicted
from stolcke._core.types cimport byteset_join


cdef extern from *:
    """
    #define RELATIVE 0x80000000u
    #include <algorithm>
    #include <tuple>
    #include <vector>
    template <class I> static void sort_items(std::vector<I>& v) {
        std::sort(v.begin(), v.end(), [](const I& a, const I& b) {
            return std::make_tuple(a.symbol, a.suffix, a.continuation)
                   < std::make_tuple(b.symbol, b.suffix, b.continuation);
        });
    }
    template <class P> static void sort_equations(std::vector<P>& v, size_t first) {
        auto rank = [](const P& x) { return std::make_tuple(x.member, x.suffix, x.continuation); };
        auto begin = v.begin() + first;
        std::sort(begin, v.end(), [=](const P& a, const P& b) { return rank(a) < rank(b); });
        v.erase(std::unique(begin, v.end(), [=](const P& a, const P& b) { return rank(a) == rank(b); }), v.end());
    }
    """
    const uint32_t RELATIVE             # marks a reference to a member of the group being solved
    void sort_items(vector[Item]& v) noexcept nogil
    void sort_equations(vector[Pending]& v, size_t first) noexcept nogil


cdef enum:
    MANY_ENTRIES = 256                  # a continuation of more entries is referred to by a tail call, not repeated


cdef class Chart:

    def __cinit__(self, GrammarTables tables not None, bint memoise, bint bisimulation):
        cdef Continuation c
        cdef Entry e
        self.tables = tables
        self.memoise = memoise
        self.bisimulation = bisimulation
        self.arena = Arena()
        self.groups = SequenceTable(self.arena)
        self.column_keys = SequenceTable(self.arena)
        self.pair_sets = SequenceTable(self.arena)
        idmap_init(&self.continuation_of, 8)
        idmap_init(&self.gotos, 8)
        memset(&self.seen, 0, sizeof(SeenSet))
        memset(&c, 0, sizeof(Continuation))
        c.group_size = 1
        c.accepting = True
        self.continuations.push_back(c)         # ROOT
        c.accepting = False
        c.group = HOLE
        c.entries_end = 1
        self.continuations.push_back(c)         # HOLE
        e.suffix = 0
        e.continuation = HOLE
        self.entries.push_back(e)

    def __dealloc__(self):
        idmap_free(&self.continuation_of)
        idmap_free(&self.gotos)
        seen_free(&self.seen)

    # --- columns -------------------------------------------------------------------------------------------------

    cdef void begin(self) noexcept nogil:
        """Start collecting the kernel of a new column."""
        self.kernel.clear()
        self.kernel_accepting = False
        self.kernel_completes = False
        seen_clear(&self.seen)

    cdef int add(self, uint32_t suffix, uint32_t continuation) except -1 nogil:
        """Add an item, and what follows from it without a byte: completions and nullable symbols."""
        cdef Entry e
        cdef Item item
        cdef uint32_t i
        cdef const Continuation* c
        e.suffix = suffix
        e.continuation = continuation
        self.adding.clear()
        self.adding.push_back(e)
        while not self.adding.empty():
            e = self.adding.back()
            self.adding.pop_back()
            e.suffix = self.tables.resolved(e.suffix)
            if not seen_add(&self.seen, <uint64_t>e.suffix << 32 | e.continuation):
                continue
            if e.suffix == 0:
                if e.continuation == HOLE:
                    self.kernel_completes = True
                    continue
                c = &self.continuations[e.continuation]
                self.kernel_accepting |= c.accepting
                for i in range(c.entries, c.entries_end):
                    self.adding.push_back(self.entries[i])
                continue
            item.symbol = self.tables.suffixes[e.suffix].symbol
            item.suffix = e.suffix
            item.continuation = e.continuation
            self.kernel.push_back(item)
            if item.symbol >= self.tables.n_terminals and self.tables.nullable[item.symbol - self.tables.n_terminals]:
                e.suffix = self.tables.suffixes[e.suffix].tail
                self.adding.push_back(e)
        return 0

    cdef int scan(self, uint32_t column, uint32_t terminal) except -1 nogil:
        """Advance the items of a column that wait for a terminal into the kernel being collected."""
        cdef Column c = self.columns[column]
        cdef uint32_t i, tail
        cdef Predicted p
        i = self.first_item(&c, terminal)
        while i < c.items_end and self.items[i].symbol == terminal:
            self.add(self.tables.suffixes[self.items[i].suffix].tail, self.items[i].continuation)
            i += 1
        i = self.tables.first_predicted(c.prediction, terminal)
        while i < self.tables.predictions[c.prediction].items_end and self.tables.predicted[i].symbol == terminal:
            p = self.tables.predicted[i]
            tail = self.continuation(p.lhs, column)
            self.add(self.tables.suffixes[p.suffix].tail, tail)
            i += 1
        return 0

    cdef uint32_t intern_column(self) except? 0xFFFFFFFF nogil:
        """The column of the kernel collected since :meth:`begin`."""
        cdef size_t i
        cdef uint32_t index, t
        cdef Column c
        sort_items(self.kernel)
        self.key.clear()
        self.key.push_back(<uint32_t>self.kernel_accepting | <uint32_t>self.kernel_completes << 1)
        for i in range(self.kernel.size()):
            self.key.push_back(self.kernel[i].suffix)
            self.key.push_back(self.kernel[i].continuation)
        index = self.column_keys.find(self.key.data(), self.key.size())
        if index != NONE:
            return index
        self.columns.resize(self.column_keys.count())       # heals what an earlier MemoryError left behind
        memset(&c, 0, sizeof(Column))
        c.accepting = self.kernel_accepting
        c.completes = self.kernel_completes
        c.items = <uint32_t>self.items.size()
        self.waiting.clear()
        for i in range(self.kernel.size()):
            self.items.push_back(self.kernel[i])
            if self.kernel[i].symbol >= self.tables.n_terminals:
                self.waiting.push_back(self.kernel[i].symbol - self.tables.n_terminals)
        c.items_end = <uint32_t>self.items.size()
        c.prediction = self.tables.predict(self.waiting)
        # Live terminals: those of the kernel and the predicted ones, both ascending.
        c.terminals = <uint32_t>self.live_terminals.size()
        i = 0
        t = self.tables.predictions[c.prediction].terminals
        cdef uint32_t t_end = self.tables.predictions[c.prediction].terminals_end
        cdef uint32_t symbol
        while True:
            symbol = NONE
            if i < self.kernel.size() and self.kernel[i].symbol < self.tables.n_terminals:
                symbol = self.kernel[i].symbol
            if t < t_end and self.tables.predicted_terminals[t] < symbol:
                symbol = self.tables.predicted_terminals[t]
            if symbol == NONE:
                break
            while i < self.kernel.size() and self.kernel[i].symbol == symbol:
                i += 1
            if t < t_end and self.tables.predicted_terminals[t] == symbol:
                t += 1
            self.live_terminals.push_back(symbol)
            byteset_join(&c.first, &self.tables.terminal_first[symbol])
        c.terminals_end = <uint32_t>self.live_terminals.size()
        self.columns.push_back(c)
        return self.column_keys.intern(self.key.data(), self.key.size())

    cdef uint32_t goto_one(self, uint32_t column, uint32_t terminal) except? 0xFFFFFFFF nogil:
        """The column after a terminal that began in a column and ends here."""
        cdef uint64_t key = <uint64_t>column << 32 | terminal
        cdef uint32_t result = idmap_find(&self.gotos, key)
        if result != NONE and self.memoise:
            return result
        self.n_gotos += 1
        self.begin()
        self.scan(column, terminal)
        cdef uint32_t made = self.intern_column()
        if result == NONE:
            idmap_put(&self.gotos, key, made)
        return made

    cdef uint32_t goto_pairs(self, const vector[uint64_t]& pairs) except? 0xFFFFFFFF nogil:
        """The column after all (column << 32 | terminal) that end at the same byte; ascending and unique."""
        cdef size_t i
        cdef uint32_t index, made
        if pairs.size() == 1:
            return self.goto_one(<uint32_t>(pairs[0] >> 32), <uint32_t>pairs[0])
        self.key.clear()
        for i in range(pairs.size()):
            self.key.push_back(<uint32_t>(pairs[i] >> 32))
            self.key.push_back(<uint32_t>pairs[i])
        index = self.pair_sets.find(self.key.data(), self.key.size())
        if index != NONE and self.memoise:
            return self.pair_set_column[index]
        self.n_gotos += 1
        self.begin()
        for i in range(pairs.size()):
            self.scan(<uint32_t>(pairs[i] >> 32), <uint32_t>pairs[i])
        made = self.intern_column()
        if index == NONE:
            self.key.clear()
            for i in range(pairs.size()):
                self.key.push_back(<uint32_t>(pairs[i] >> 32))
                self.key.push_back(<uint32_t>pairs[i])
            self.pair_set_column.resize(self.pair_sets.count())
            self.pair_set_column.push_back(made)
            self.pair_sets.intern(self.key.data(), self.key.size())
        return made

    cdef uint32_t item_column(self, uint32_t suffix) except? 0xFFFFFFFF nogil:
        """The column that consists of one suffix before a hole."""
        if suffix >= self.item_columns.size():
            self.item_columns.resize(self.tables.suffixes.size(), NONE)
        if self.item_columns[suffix] == NONE:
            self.begin()
            self.add(suffix, HOLE)
            self.item_columns[suffix] = self.intern_column()
        return self.item_columns[suffix]

    # --- continuations -------------------------------------------------------------------------------------------

    cdef uint32_t continuation(self, uint32_t nonterminal, uint32_t column) except? 0xFFFFFFFF nogil:
        """What may follow a nonterminal that begins in a column."""
        cdef uint64_t key = <uint64_t>column << 32 | nonterminal
        cdef uint32_t result = idmap_find(&self.continuation_of, key)
        cdef uint32_t component
        if result != NONE:
            return result
        # Components that this one depends on come first; a stack of our own, for chains may be long.
        self.solving.clear()
        self.solving.push_back(self.tables.component[nonterminal])
        while not self.solving.empty():
            component = self.solving.back()
            if self.is_solved(component, column):       # meanwhile, as another one's need
                self.solving.pop_back()
            elif not self.push_unsolved(component, column):
                self.solve(component, column)
                self.solving.pop_back()
        return idmap_find(&self.continuation_of, key)

    cdef bint is_solved(self, uint32_t component, uint32_t column) noexcept nogil:
        cdef uint32_t last = self.tables.members[self.tables.members_begin[component + 1] - 1]
        return idmap_find(&self.continuation_of, <uint64_t>column << 32 | last) != NONE

    cdef bint push_unsolved(self, uint32_t component, uint32_t column) except -1 nogil:
        """Put the components whose continuations this one needs, and that are not solved yet, on the stack."""
        cdef uint32_t prediction = self.columns[column].prediction
        cdef uint32_t end = self.tables.predictions[prediction].items_end
        cdef size_t before = self.solving.size()
        cdef uint32_t m, i, symbol, other
        for m in range(self.tables.members_begin[component], self.tables.members_begin[component + 1]):
            symbol = self.tables.n_terminals + self.tables.members[m]
            i = self.tables.first_predicted(prediction, symbol)
            while i < end and self.tables.predicted[i].symbol == symbol:
                other = self.tables.component[self.tables.predicted[i].lhs]
                if other != component and not self.is_solved(other, column):
                    self.solving.push_back(other)
                i += 1
        return self.solving.size() > before

    cdef int add_equation(self, uint32_t member, uint32_t suffix, uint32_t continuation) except -1 nogil:
        """After the member comes ``suffix`` and then the continuation."""
        cdef Pending p
        cdef const Continuation* c
        cdef uint32_t i
        p.member = member
        if suffix or continuation == HOLE:
            p.suffix = suffix
            p.continuation = continuation
            self.pending.push_back(p)
        elif continuation & RELATIVE:           # the member ends where another of the group ends
            if continuation != (RELATIVE | member):
                self.unit.push_back(<uint64_t>member << 32 | (continuation & ~RELATIVE))
        else:                                   # a tail call: nothing of this rule remains to be remembered
            c = &self.continuations[continuation]
            self.accepts[member] |= c.accepting
            if c.entries_end - c.entries > MANY_ENTRIES:
                p.suffix = 0
                p.continuation = continuation
                self.pending.push_back(p)
                return 0
            for i in range(c.entries, c.entries_end):
                p.suffix = self.entries[i].suffix
                p.continuation = self.entries[i].continuation
                self.pending.push_back(p)
        return 0

    cdef int solve(self, uint32_t component, uint32_t column) except -1 nogil:
        """Continuations of all members of a component that begin in a column."""
        cdef Column c = self.columns[column]
        cdef uint32_t first = self.tables.members_begin[component]
        cdef uint32_t n = self.tables.members_begin[component + 1] - first
        cdef uint32_t end = self.tables.predictions[c.prediction].items_end
        cdef uint32_t m, i, symbol, lhs, base, n_classes
        cdef bint cyclic = False
        cdef size_t j
        self.pending.clear()
        self.unit.clear()
        refill(self.accepts, n, 0)
        for m in range(n):
            symbol = self.tables.n_terminals + self.tables.members[first + m]
            i = self.first_item(&c, symbol)
            while i < c.items_end and self.items[i].symbol == symbol:
                self.add_equation(m, self.tables.suffixes[self.items[i].suffix].tail, self.items[i].continuation)
                i += 1
            i = self.tables.first_predicted(c.prediction, symbol)
            while i < end and self.tables.predicted[i].symbol == symbol:
                lhs = self.tables.predicted[i].lhs
                if self.tables.component[lhs] == component:
                    base = RELATIVE | self.tables.place[lhs]
                else:
                    base = idmap_find(&self.continuation_of, <uint64_t>column << 32 | lhs)
                self.add_equation(m, self.tables.suffixes[self.tables.predicted[i].suffix].tail, base)
                i += 1
        n_classes = self.condense(n)
        self.index_pending(n_classes)
        if not self.unit.empty():
            self.close_units(n_classes)
        for j in range(self.pending.size()):
            cyclic |= (self.pending[j].continuation & RELATIVE) != 0
        self.class_continuation.resize(n_classes)
        if cyclic:
            base = self.bisimilar(n_classes) if self.bisimulation else NONE
            if base == NONE:
                base = self.intern_group(0, n_classes)
            for m in range(n_classes):
                self.class_continuation[m] = base + m
        else:
            for m in range(n_classes):
                self.class_continuation[m] = self.intern_group(m, 1)
        for m in range(n):
            idmap_put(&self.continuation_of, <uint64_t>column << 32 | self.tables.members[first + m],
                      self.class_continuation[self.class_of[m]])
        return 0

    cdef int index_pending(self, uint32_t n) except -1 nogil:
        """Sort the pending equations; those of member m are ``pending[begin_of[m]:begin_of[m + 1]]``."""
        cdef size_t i
        cdef uint32_t m
        sort_equations(self.pending, 0)
        refill(self.begin_of, n + 1, 0)
        for i in range(self.pending.size()):
            self.begin_of[self.pending[i].member + 1] += 1
        for m in range(n):
            self.begin_of[m + 1] += self.begin_of[m]
        return 0

    cdef uint32_t condense(self, uint32_t n) except? 0xFFFFFFFF nogil:
        """Members that end with each other are followed by the same: one class each; the number of classes.

        Equations are rewritten to speak of classes.  A class comes after all that it ends with.
        """
        cdef uint32_t m, s, n_classes
        cdef size_t i
        if self.unit.empty():
            self.class_of.resize(n)
            for m in range(n):
                self.class_of[m] = m
            return n
        self.index_units(n)
        n_classes = strong_components(self.unit_begin, self.unit_to, self.class_of)
        for i in range(self.unit.size()):
            s = self.class_of[self.unit[i] >> 32]
            self.unit[i] = <uint64_t>s << 32 | self.class_of[<uint32_t>self.unit[i]]
        for i in range(self.pending.size()):
            self.pending[i].member = self.class_of[self.pending[i].member]
            if self.pending[i].continuation & RELATIVE:
                self.pending[i].continuation = RELATIVE | self.class_of[self.pending[i].continuation & ~RELATIVE]
        refill(self.class_accepts, n_classes, 0)
        for m in range(n):
            self.class_accepts[self.class_of[m]] |= self.accepts[m]
        self.accepts.swap(self.class_accepts)
        return n_classes

    cdef int index_units(self, uint32_t n) except -1 nogil:
        """Sort the unit equations; member m ends with ``unit_to[unit_begin[m]:unit_begin[m + 1]]``."""
        cdef size_t i
        cdef uint32_t m
        sort(self.unit.begin(), self.unit.end())
        self.unit.erase(unique(self.unit.begin(), self.unit.end()), self.unit.end())
        refill(self.unit_begin, n + 1, 0)
        self.unit_to.resize(self.unit.size())
        for i in range(self.unit.size()):
            self.unit_begin[(self.unit[i] >> 32) + 1] += 1
            self.unit_to[i] = <uint32_t>self.unit[i]
        for m in range(n):
            self.unit_begin[m + 1] += self.unit_begin[m]
        return 0

    cdef int close_units(self, uint32_t n_classes) except -1 nogil:
        """Where one class ends with another, it is followed by all that follows the other."""
        cdef uint32_t m, other
        cdef size_t k, first
        self.index_units(n_classes)
        self.solved.clear()
        refill(self.solved_begin, 1, 0)
        for m in range(n_classes):
            first = self.solved.size()
            for k in range(self.begin_of[m], self.begin_of[m + 1]):
                self.solved.push_back(self.pending[k])
            for k in range(self.unit_begin[m], self.unit_begin[m + 1]):
                other = self.unit_to[k]
                if other != m:                          # a class of a smaller number, closed already
                    self.accepts[m] |= self.accepts[other]
                    self.add_closed(m, other)
            sort_equations(self.solved, first)
            self.solved_begin.push_back(<uint32_t>self.solved.size())
        self.pending.swap(self.solved)
        self.index_pending(n_classes)
        return 0

    cdef int add_closed(self, uint32_t m, uint32_t other) except -1 nogil:
        """Let a class be followed by what follows another."""
        cdef Pending p
        cdef size_t k
        if self.solved_begin[other + 1] - self.solved_begin[other] > MANY_ENTRIES:
            p.member = m
            p.suffix = 0
            p.continuation = RELATIVE | other
            self.solved.push_back(p)
            return 0
        for k in range(self.solved_begin[other], self.solved_begin[other + 1]):
            p = self.solved[k]
            p.member = m
            self.solved.push_back(p)
        return 0

    cdef uint32_t bisimilar(self, uint32_t n) except? 0xFFFFFFFF nogil:
        """An existing group that the pending one equals when substituted for it, or NONE.

        If every reference to the group itself is replaced by a reference to a
        group that occurs in it, and the result is that group's own definition,
        then the two have the same solutions: the same continuations.
        """
        cdef size_t i, j
        cdef uint32_t candidate, m
        cdef bint same
        self.waiting.clear()
        for i in range(self.pending.size()):
            candidate = self.pending[i].continuation
            if candidate & RELATIVE or candidate == HOLE or candidate == ROOT:
                continue
            if n > 1:
                if self.continuations[candidate].group_size != n:
                    continue
                candidate = self.continuations[candidate].group
            self.waiting.push_back(candidate)
        sort(self.waiting.begin(), self.waiting.end())
        self.waiting.erase(unique(self.waiting.begin(), self.waiting.end()), self.waiting.end())
        for j in range(self.waiting.size()):
            same = True
            for m in range(n):
                same = same and self.same_entries(m, self.waiting[j])
            if same:
                return self.waiting[j]
        return NONE

    cdef bint same_entries(self, uint32_t member, uint32_t base) except -1 nogil:
        """Whether a member, with ``base`` for its group, has the entries of that group's member."""
        cdef const Continuation* c = &self.continuations[base + member]
        cdef size_t i, n_relative = 0
        cdef size_t n = self.begin_of[member + 1] - self.begin_of[member]
        cdef uint32_t k
        cdef Pending p
        if c.accepting != self.accepts[member] or c.entries_end - c.entries > n:
            return False
        # Only references to the group itself can become equal to others by substitution.
        for i in range(self.begin_of[member], self.begin_of[member + 1]):
            n_relative += (self.pending[i].continuation & RELATIVE) != 0
        if c.entries_end - c.entries + n_relative < n:
            return False
        self.solved.clear()
        for i in range(self.begin_of[member], self.begin_of[member + 1]):
            p = self.pending[i]
            if p.continuation & RELATIVE:
                p.continuation = base + (p.continuation & ~RELATIVE)
            self.solved.push_back(p)
        sort_equations(self.solved, 0)
        if self.solved.size() != c.entries_end - c.entries:
            return False
        for i in range(self.solved.size()):
            k = c.entries + <uint32_t>i
            if (self.entries[k].suffix != self.solved[i].suffix
                    or self.entries[k].continuation != self.solved[i].continuation):
                return False
        return True

    cdef uint32_t intern_group(self, uint32_t first, uint32_t n) except? 0xFFFFFFFF nogil:
        """Intern the pending equations of members first..first+n-1; the id of the first continuation."""
        cdef size_t i, j
        cdef uint32_t m, index, base
        cdef Continuation c
        cdef Entry e
        cdef Pending p
        self.key.clear()
        self.key.push_back(n)
        for m in range(first, first + n):
            self.key.push_back(<uint32_t>(self.accepts[m] != 0))
            for i in range(self.begin_of[m], self.begin_of[m + 1]):
                self.key.push_back(self.pending[i].suffix)
                self.key.push_back(self.pending[i].continuation)
            self.key.push_back(NONE)            # no suffix: ends the member
        index = self.groups.find(self.key.data(), self.key.size())
        if index != NONE:
            return self.group_first[index]
        base = <uint32_t>self.continuations.size()
        for m in range(first, first + n):
            c.entries = <uint32_t>self.entries.size()
            c.group = base
            c.group_size = n
            c.accepting = self.accepts[m] != 0
            self.solved.clear()
            for i in range(self.begin_of[m], self.begin_of[m + 1]):
                p = self.pending[i]
                if p.continuation & RELATIVE:
                    p.continuation = base + (p.continuation & ~RELATIVE) - first
                self.solved.push_back(p)
            sort_equations(self.solved, 0)
            for j in range(self.solved.size()):
                e.suffix = self.solved[j].suffix
                e.continuation = self.solved[j].continuation
                self.entries.push_back(e)
            c.entries_end = <uint32_t>self.entries.size()
            self.continuations.push_back(c)
        self.group_first.resize(self.groups.count())
        self.group_first.push_back(base)
        self.groups.intern(self.key.data(), self.key.size())
        return base

    cdef size_t bytes(self) noexcept nogil:
        return (8 * self.entries.capacity() + sizeof(Continuation) * self.continuations.capacity()
                + self.groups.bytes() + self.column_keys.bytes() + self.pair_sets.bytes()
                + idmap_bytes(&self.continuation_of) + idmap_bytes(&self.gotos)
                + sizeof(Item) * self.items.capacity() + 4 * self.live_terminals.capacity()
                + sizeof(Column) * self.columns.capacity() + self.arena.bytes)
