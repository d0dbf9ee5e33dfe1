"""Earley columns over interned continuations, with probabilities.

The chart of :mod:`stolcke._core.chart`, in which items have a *mass*: how often
the item is expected where its column is reached, Stolcke's forward probability
divided by that of reaching the column.  A continuation is a distribution: what
may follow a nonterminal that begins here, given that it is this one that begins
here.  So a completed item needs no inner probability.  What it has read is in
its mass already; that is handed on to the entries, each of which has its share.

Masses are relative, so a context that repeats is the same column again, wherever
it is.  Where readings of the text so far compete, their shares differ from place
to place, and columns are many: as many as the classical chart would have.

All that follows without a byte is summed up when columns and continuations are
made: items whose next symbols derive the empty text (each symbol left out has
its probability of being empty for a factor), and rules that end where others
end, which may be cyclic (a linear system, Stolcke's R_U, per component).
"""

from libc.stdint cimport uint32_t
from libc.string cimport memset
from libcpp.pair cimport pair

from stolcke._core.containers cimport enqueue, refill
from stolcke._core.follower_system cimport Follower, FollowerSystem, Share
from stolcke._core.storage cimport idmap_bytes, idmap_find, idmap_free, idmap_init, idmap_put
from stolcke._core.weighted_tables cimport Slice, add_bits, rounded


cdef extern from *:
    """
    #define RELATIVE 0x80000000u
    #define ABSENT 0xFFFFFFFEu
    #include <algorithm>
    #include <tuple>
    #include <vector>
    template <class I> static void sort_weighted_items(std::vector<I>& v, size_t first) {
        std::sort(v.begin() + first, v.end(), [](const I& a, const I& b) {
            return std::make_tuple(a.symbol, a.suffix, a.continuation)
                   < std::make_tuple(b.symbol, b.suffix, b.continuation);
        });
    }
    """
    const uint32_t RELATIVE             # marks a reference to a member of the component being solved
    const uint32_t ABSENT               # continuation of a nonterminal that the column does not expect
    void sort_weighted_items(vector[WeightedItem]& v, size_t first) noexcept nogil


cdef enum:
    MANY_ENTRIES = 1024                 # a continuation of more entries is referred to, not repeated


cdef class WeightedChart:

    def __cinit__(self, WeightedTables weights not None, bint memoise, bint merge, double threshold):
        cdef WeightedContinuation root
        self.weights = weights
        self.tables = weights.tables
        self.memoise = memoise
        self.merge = merge
        self.threshold = threshold
        self.system = FollowerSystem(threshold)
        self.arena = Arena()
        self.groups = SequenceTable(self.arena)
        self.column_keys = SequenceTable(self.arena)
        idmap_init(&self.continuation_of, 8)
        idmap_init(&self.expectation_of, 8)
        idmap_init(&self.gotos, 8)
        idmap_init(&self.slot_of, 8)
        memset(&root, 0, sizeof(WeightedContinuation))
        root.accept = 1.0
        self.continuations.push_back(root)

    def __dealloc__(self):
        idmap_free(&self.continuation_of)
        idmap_free(&self.expectation_of)
        idmap_free(&self.gotos)
        idmap_free(&self.slot_of)

    # --- columns -------------------------------------------------------------------------------------------------

    cdef uint32_t start(self) except? 0xFFFFFFFF nogil:
        """The column of the empty text."""
        cdef uint32_t i
        self.begin()
        for i in range(self.tables.rules_begin[self.tables.start], self.tables.rules_end[self.tables.start]):
            self.add(self.tables.rule_suffix[i], 0, self.weights.rule_probability(self.tables.start, i))
        return self.intern_column()

    cdef void begin(self) noexcept nogil:
        """Start collecting the kernel of a new column, or what follows a member."""
        cdef size_t i
        self.kernel_accept = 0.0
        self.kernel_lost = 0.0
        for i in range(self.summed.size()):         # only after a MemoryError
            self.sums[self.summed[i]] = 0.0
        self.summed.clear()
        while not self.completing.empty():
            self.completing.pop()

    cdef uint32_t slot(self, uint32_t suffix, uint32_t continuation) except? 0xFFFFFFFF nogil:
        """The number of an item, by which masses are added up."""
        cdef uint64_t key = <uint64_t>suffix << 32 | continuation
        cdef uint32_t index = idmap_find(&self.slot_of, key)
        if index == NONE:
            index = <uint32_t>self.slot_suffix.size()
            self.slot_suffix.push_back(suffix)
            self.slot_continuation.resize(index)
            self.slot_continuation.push_back(continuation)
            self.sums.resize(index + 1, 0.0)
            idmap_put(&self.slot_of, key, index)
        return index

    cdef int put(self, uint32_t slot, double mass) except -1 nogil:
        """Add a mass to that of an item."""
        if self.sums[slot] == 0:
            self.summed.push_back(slot)
        self.sums[slot] += mass
        return 0

    cdef int add(self, uint32_t suffix, uint32_t continuation, double mass) except -1 nogil:
        """Add an item, and what follows from it without a byte."""
        cdef uint32_t symbol
        if continuation == ABSENT:              # the mass is one of the smallest numbers, and was 0 before rounding
            return 0
        while mass > 0:
            suffix = self.tables.resolved(suffix)
            if suffix == 0:
                self.complete(continuation, mass)
                break
            self.put(self.slot(suffix, continuation), mass)
            symbol = self.tables.suffixes[suffix].symbol
            if symbol < self.tables.n_terminals:
                break
            mass *= self.weights.empty(symbol - self.tables.n_terminals)
            suffix = self.tables.suffixes[suffix].tail
        return 0

    cdef int complete(self, uint32_t continuation, double mass) except -1 nogil:
        """Hand a mass on to what follows."""
        cdef WeightedContinuation c = self.continuations[continuation]
        cdef WeightedEntry* entry
        cdef uint32_t i
        self.kernel_accept += mass * c.accept
        self.kernel_lost += mass * c.lost
        enqueue(self.completing, pair[uint32_t, double](continuation, mass))
        while not self.completing.empty():
            # A continuation refers to older ones, so with the youngest first each is met once.
            continuation = self.completing.top().first
            mass = 0.0
            while not self.completing.empty() and self.completing.top().first == continuation:
                mass += self.completing.top().second
                self.completing.pop()
            c = self.continuations[continuation]
            for i in range(c.entries, c.entries_end):
                entry = &self.entries[i]
                if entry.slot != NONE:
                    self.put(entry.slot, mass * entry.weight)
                else:                   # whether the text ends is known already, its entries are not
                    enqueue(self.completing, pair[uint32_t, double](entry.continuation, mass * entry.weight))
        return 0

    cdef int scan(self, uint32_t column, uint32_t terminal) except -1 nogil:
        """Collect the items of a column that wait for a terminal, advanced, given that it is read."""
        cdef WeightedColumn c = self.columns[column]
        cdef Expectation e = self.expectations[c.expectation]
        cdef WeightedItem item
        cdef uint32_t i, first
        cdef double whole = 0.0
        first = self.first_item(self.items, c.items, c.items_end, terminal)
        i = first
        while i < c.items_end and self.items[i].symbol == terminal:
            whole += self.items[i].mass
            i += 1
        i = self.first_item(self.predicted, e.items, e.items_end, terminal)
        while i < e.items_end and self.predicted[i].symbol == terminal:
            whole += c.scale * self.predicted[i].mass
            self.continuation(self.predicted[i].continuation, column)      # before sums are begun, which it needs
            if self.system.refused:
                return 0
            i += 1
        self.begin()
        i = first
        while i < c.items_end and self.items[i].symbol == terminal:
            item = self.items[i]
            self.add(self.tables.suffixes[item.suffix].tail, item.continuation, item.mass / whole)
            i += 1
        i = self.first_item(self.predicted, e.items, e.items_end, terminal)
        while i < e.items_end and self.predicted[i].symbol == terminal:
            item = self.predicted[i]
            self.add(self.tables.suffixes[item.suffix].tail, self.continuation(item.continuation, column),
                     c.scale * item.mass / whole)
            i += 1
        return 0

    cdef uint32_t goto_one(self, uint32_t column, uint32_t terminal) except? 0xFFFFFFFF nogil:
        """The column after a terminal that began in a column and ends here; any one where the system refuses."""
        cdef uint64_t key = <uint64_t>column << 32 | terminal
        cdef uint32_t result = idmap_find(&self.gotos, key)
        if result != NONE and self.memoise:
            return result
        self.scan(column, terminal)
        if self.system.refused:
            return column
        cdef uint32_t made = self.intern_column()
        if result == NONE:
            idmap_put(&self.gotos, key, made)
        return made

    cdef uint32_t mix(self, const vector[Share]& parts) except? 0xFFFFFFFF nogil:
        """The column that is one of several, with these probabilities."""
        cdef size_t k
        cdef uint32_t i
        cdef WeightedColumn c
        if parts.size() == 1:
            return parts[0].column
        self.begin()
        for k in range(parts.size()):
            c = self.columns[parts[k].column]
            self.kernel_accept += parts[k].share * c.accept
            self.kernel_lost += parts[k].share * c.lost
            for i in range(c.items, c.items_end):
                self.put(self.items[i].slot, parts[k].share * self.items[i].mass)
        return self.intern_column()

    cdef int take_kernel(self) except -1 nogil:
        """Turn the sums into a kernel, by symbol."""
        cdef size_t i
        cdef WeightedItem item
        cdef double most = 0.0
        self.kernel.clear()
        for i in range(self.summed.size()):
            item.slot = self.summed[i]
            item.mass = rounded(self.sums[item.slot])
            self.sums[item.slot] = 0.0
            item.suffix = self.slot_suffix[item.slot]
            item.continuation = self.slot_continuation[item.slot]
            item.symbol = self.tables.suffixes[item.suffix].symbol
            most = max(most, item.mass)
            self.kernel.push_back(item)
        self.summed.clear()
        sort_weighted_items(self.kernel, 0)
        if most > 0 and self.threshold > 0:
            self.prune(min(self.threshold, most))
        self.kernel_accept = rounded(self.kernel_accept)
        self.kernel_lost = rounded(self.kernel_lost)
        return 0

    cdef int prune(self, double least) except -1 nogil:
        """Leave out items of less than a mass."""
        cdef size_t i, n = 0
        for i in range(self.kernel.size()):
            if self.kernel[i].mass < least:
                self.kernel_lost += self.kernel[i].mass
            else:
                self.kernel[n] = self.kernel[i]
                n += 1
        self.kernel.resize(n)
        return 0

    cdef uint32_t intern_column(self) except? 0xFFFFFFFF nogil:
        """The column of the kernel collected since :meth:`begin`."""
        cdef size_t i
        cdef uint32_t index
        cdef WeightedColumn c
        self.take_kernel()
        self.key.clear()
        add_bits(self.key, self.kernel_accept)
        add_bits(self.key, self.kernel_lost)
        for i in range(self.kernel.size()):
            self.key.push_back(self.kernel[i].suffix)
            self.key.push_back(self.kernel[i].continuation)
            add_bits(self.key, self.kernel[i].mass)
        index = self.column_keys.find(self.key.data(), self.key.size())
        if index != NONE:
            return index
        self.columns.resize(self.column_keys.count())       # heals what an earlier MemoryError left behind
        c.accept = self.kernel_accept
        c.lost = self.kernel_lost
        c.items = <uint32_t>self.items.size()
        for i in range(self.kernel.size()):
            self.items.push_back(self.kernel[i])
        c.items_end = <uint32_t>self.items.size()
        self.expect(&c)
        self.find_terminals(&c)
        self.columns.push_back(c)
        return self.column_keys.intern(self.key.data(), self.key.size())

    cdef int expect(self, WeightedColumn* column) except -1 nogil:
        """Find what a column predicts."""
        cdef uint32_t i, k, a, known, last = NONE, n_waiting = 0
        cdef double mass = 0.0
        cdef Slice s
        cdef Expectation made
        i = self.first_item(self.items, column.items, column.items_end, self.tables.n_terminals)
        for k in range(i, column.items_end):
            n_waiting += self.items[k].symbol != last
            last = self.items[k].symbol
            mass += self.items[k].mass
        known = NONE
        column.scale = 1.0
        if n_waiting == 0:
            last = self.tables.n_terminals + self.tables.start      # which nothing waits for
        if n_waiting <= 1:
            column.scale = mass
            known = idmap_find(&self.expectation_of, last)
        if known == NONE:
            for k in range(<uint32_t>self.touched.size()):      # only after a MemoryError
                self.mass[self.touched[k]] = 0.0
            self.touched.clear()
            for k in range(i, column.items_end):
                s = self.weights.corner(self.items[k].symbol - self.tables.n_terminals)[0]
                if self.mass.size() < self.tables.instances.size():
                    self.mass.resize(self.tables.instances.size(), 0.0)
                for i in range(s.begin, s.end):
                    a = self.weights.corners[i].nonterminal
                    if self.mass[a] == 0:
                        self.touched.push_back(a)
                    self.mass[a] += self.weights.corners[i].mass * (1.0 if n_waiting == 1 else self.items[k].mass)
                if n_waiting == 1:      # once for all columns that wait for this one
                    break
            self.predict(&made)
            known = <uint32_t>self.expectations.size()
            self.expectations.push_back(made)
            if n_waiting <= 1:
                idmap_put(&self.expectation_of, last, known)
        column.expectation = known
        return 0

    cdef int predict(self, Expectation* made) except -1 nogil:
        """List the items of all nonterminals that have a mass, and take the masses away."""
        cdef size_t i
        cdef uint32_t a, k
        cdef Slice s
        cdef WeightedItem item
        made.items = <uint32_t>self.predicted.size()
        for i in range(self.touched.size()):
            a = self.touched[i]
            s = self.weights.first(a)[0]
            for k in range(s.begin, s.end):
                item.symbol = self.weights.firsts[k].symbol
                item.suffix = self.weights.firsts[k].suffix
                item.continuation = a
                item.mass = self.mass[a] * self.weights.firsts[k].weight
                if item.mass > 0:
                    self.predicted.push_back(item)
            self.mass[a] = 0.0
        self.touched.clear()
        sort_weighted_items(self.predicted, made.items)
        made.items_end = <uint32_t>self.predicted.size()
        return 0

    cdef int find_terminals(self, WeightedColumn* column) except -1 nogil:
        """Sum up how probable each terminal is, of the kernel and predicted ones, both ascending."""
        cdef Expectation e = self.expectations[column.expectation]
        cdef uint32_t i = column.items, k = e.items
        cdef Begun b
        column.terminals = <uint32_t>self.begun.size()
        while True:
            b.terminal = self.tables.n_terminals
            if i < column.items_end:
                b.terminal = min(b.terminal, self.items[i].symbol)
            if k < e.items_end:
                b.terminal = min(b.terminal, self.predicted[k].symbol)
            if b.terminal == self.tables.n_terminals:
                break
            b.mass = 0.0
            while i < column.items_end and self.items[i].symbol == b.terminal:
                b.mass += self.items[i].mass
                i += 1
            while k < e.items_end and self.predicted[k].symbol == b.terminal:
                b.mass += column.scale * self.predicted[k].mass
                k += 1
            self.begun.push_back(b)
        column.terminals_end = <uint32_t>self.begun.size()
        return 0

    # --- continuations -------------------------------------------------------------------------------------------

    cdef uint32_t continuation(self, uint32_t nonterminal, uint32_t column) except? 0xFFFFFFFF nogil:
        """What may follow a nonterminal that begins in a column; ABSENT where the system refuses."""
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
                if self.system.refused:
                    return ABSENT
                self.solving.pop_back()
        return idmap_find(&self.continuation_of, key)

    cdef bint is_solved(self, uint32_t component, uint32_t column) noexcept nogil:
        cdef uint32_t last = self.tables.members[self.tables.members_begin[component + 1] - 1]
        return idmap_find(&self.continuation_of, <uint64_t>column << 32 | last) != NONE

    cdef bint push_unsolved(self, uint32_t component, uint32_t column) except -1 nogil:
        """Put the components whose continuations this one needs, and that are not solved yet, on the stack."""
        cdef Expectation e = self.expectations[self.columns[column].expectation]
        cdef size_t before = self.solving.size()
        cdef uint32_t m, i, symbol, other
        for m in range(self.tables.members_begin[component], self.tables.members_begin[component + 1]):
            symbol = self.tables.n_terminals + self.tables.members[m]
            i = self.first_item(self.predicted, e.items, e.items_end, symbol)
            while i < e.items_end and self.predicted[i].symbol == symbol:
                other = self.tables.component[self.predicted[i].continuation]
                if other != component and not self.is_solved(other, column):
                    self.solving.push_back(other)
                i += 1
        return self.solving.size() > before

    cdef int solve(self, uint32_t component, uint32_t column) except -1 nogil:
        """Continuations of all members of a component that begin in a column."""
        cdef WeightedColumn c = self.columns[column]
        cdef Expectation e = self.expectations[c.expectation]
        cdef uint32_t first = self.tables.members_begin[component]
        cdef uint32_t n = self.tables.members_begin[component + 1] - first
        cdef uint32_t m, i, kernel, predicted, symbol, lhs, base
        cdef double whole
        cdef bint cyclic = False
        cdef size_t j
        self.begin()
        self.system.start(n)
        refill(self.waiting, n, 0)       # whether the column expects a member at all
        for m in range(n):
            symbol = self.tables.n_terminals + self.tables.members[first + m]
            kernel = self.first_item(self.items, c.items, c.items_end, symbol)
            predicted = self.first_item(self.predicted, e.items, e.items_end, symbol)
            whole = 0.0
            i = kernel
            while i < c.items_end and self.items[i].symbol == symbol:
                whole += self.items[i].mass
                i += 1
            i = predicted
            while i < e.items_end and self.predicted[i].symbol == symbol:
                whole += c.scale * self.predicted[i].mass
                i += 1
            if whole == 0:
                continue
            self.waiting[m] = 1
            i = kernel
            while i < c.items_end and self.items[i].symbol == symbol:
                self.add_follower(m, self.tables.suffixes[self.items[i].suffix].tail, self.items[i].continuation,
                                  self.items[i].mass / whole)
                i += 1
            i = predicted
            while i < e.items_end and self.predicted[i].symbol == symbol:
                lhs = self.predicted[i].continuation
                if self.tables.component[lhs] == component:
                    base = RELATIVE | self.tables.place[lhs]
                else:
                    base = idmap_find(&self.continuation_of, <uint64_t>column << 32 | lhs)
                self.add_follower(m, self.tables.suffixes[self.predicted[i].suffix].tail, base,
                                  c.scale * self.predicted[i].mass / whole)
                i += 1
            self.take_followers(m)
        self.system.close()
        if self.system.refused:
            return 0
        for m in range(n):
            for j in range(self.system.followers[m].size()):
                cyclic |= (self.system.followers[m][j].continuation & RELATIVE) != 0
        base = self.intern_group(0, n) if cyclic else NONE
        for m in range(n):
            if not self.waiting[m]:
                i = ABSENT
            else:
                i = base + m if cyclic else self.intern_group(m, 1)
            idmap_put(&self.continuation_of, <uint64_t>column << 32 | self.tables.members[first + m], i)
        return 0

    cdef int add_follower(self, uint32_t member, uint32_t suffix, uint32_t continuation,
                          double weight) except -1 nogil:
        """After the member comes ``suffix`` and then the continuation, with a probability."""
        cdef const WeightedContinuation* c
        cdef Follower f
        cdef uint32_t i, symbol
        if continuation == ABSENT:              # see add()
            return 0
        while weight > 0:
            suffix = self.tables.resolved(suffix)
            f.suffix = suffix
            f.continuation = continuation
            f.weight = weight
            if suffix == 0:
                break
            self.system.followers[member].push_back(f)
            symbol = self.tables.suffixes[suffix].symbol
            if symbol < self.tables.n_terminals:
                return 0
            weight *= self.weights.empty(symbol - self.tables.n_terminals)
            suffix = self.tables.suffixes[suffix].tail
        if weight == 0:
            return 0
        if continuation & RELATIVE:             # the member ends where another of the component ends
            self.system.units[member].push_back(Share(continuation & ~RELATIVE, weight))
            return 0
        c = &self.continuations[continuation]
        self.system.accept(member, weight * c.accept, weight * c.lost)
        if c.entries_end - c.entries > MANY_ENTRIES:
            self.system.followers[member].push_back(f)
            return 0
        for i in range(c.entries, c.entries_end):
            if self.entries[i].slot != NONE:
                self.put(self.entries[i].slot, weight * self.entries[i].weight)
                continue
            f.continuation = self.entries[i].continuation
            f.weight = weight * self.entries[i].weight
            self.system.followers[member].push_back(f)
        return 0

    cdef int take_followers(self, uint32_t member) except -1 nogil:
        """Let what has been added up follow a member."""
        cdef size_t i
        cdef Follower f
        for i in range(self.summed.size()):
            f.suffix = self.slot_suffix[self.summed[i]]
            f.continuation = self.slot_continuation[self.summed[i]]
            f.weight = self.sums[self.summed[i]]
            self.sums[self.summed[i]] = 0.0
            self.system.followers[member].push_back(f)
        self.summed.clear()
        return 0

    cdef uint32_t intern_group(self, uint32_t first, uint32_t n) except? 0xFFFFFFFF nogil:
        """Intern the followers of members first..first+n-1; the id of the first continuation."""
        cdef size_t i
        cdef uint32_t m, index, base
        cdef WeightedContinuation c
        cdef WeightedEntry e
        cdef Follower f
        self.key.clear()
        self.key.push_back(n)
        for m in range(first, first + n):
            add_bits(self.key, rounded(self.system.accepts[m]))
            add_bits(self.key, rounded(self.system.losses[m]))
            for i in range(self.system.followers[m].size()):
                f = self.system.followers[m][i]
                self.key.push_back(f.suffix)
                self.key.push_back(f.continuation)
                add_bits(self.key, rounded(f.weight))
            self.key.push_back(NONE)            # no suffix: ends the member
        if self.merge:
            index = self.groups.find(self.key.data(), self.key.size())
            if index != NONE:
                return self.group_first[index]
        base = <uint32_t>self.continuations.size()
        for m in range(first, first + n):
            c.entries = <uint32_t>self.entries.size()
            c.accept = rounded(self.system.accepts[m])
            c.lost = rounded(self.system.losses[m])
            for i in range(self.system.followers[m].size()):
                f = self.system.followers[m][i]
                e.suffix = f.suffix
                e.continuation = f.continuation
                if e.continuation & RELATIVE:
                    e.continuation = base + (e.continuation & ~RELATIVE) - first
                e.slot = NONE if e.suffix == 0 else self.slot(e.suffix, e.continuation)
                e.weight = rounded(f.weight)
                self.entries.push_back(e)
            c.entries_end = <uint32_t>self.entries.size()
            self.continuations.push_back(c)
        if self.merge:
            self.group_first.resize(self.groups.count())
            self.group_first.push_back(base)
            self.groups.intern(self.key.data(), self.key.size())
        return base

    cdef size_t bytes(self) noexcept nogil:
        return (sizeof(WeightedEntry) * self.entries.capacity()
                + sizeof(WeightedContinuation) * self.continuations.capacity() + self.groups.bytes()
                + sizeof(WeightedItem) * (self.items.capacity() + self.predicted.capacity())
                + sizeof(Begun) * self.begun.capacity() + sizeof(WeightedColumn) * self.columns.capacity()
                + self.column_keys.bytes() + idmap_bytes(&self.gotos) + idmap_bytes(&self.continuation_of)
                + idmap_bytes(&self.expectation_of) + idmap_bytes(&self.slot_of)
                + 16 * self.sums.capacity() + self.weights.bytes() + self.arena.bytes)
