"""The cascade: from items to partitions of the vocabulary.

A mask is a union over items, and items are independent.  For a suffix trie and
the remaining symbols of a rule, :meth:`Cascade.evaluate` finds the partitions
whose inside is allowed, and the residues with which the rule completes; these go
on to the continuation.  No column is part of the key, so a mask makes no columns
of the text, and what one rule's rest allows is computed once per grammar.

Evaluation recurses only into residues, whose tokens are at least a byte shorter:
its depth is bounded by the longest token.  Continuations, of any depth, are
worked through from an explicit stack.

Where the vocabulary's memory would outgrow its limit, a status travels up:
nothing of the mask that was being computed is kept.
"""

from libcpp.algorithm cimport sort, unique

from stolcke._core.chart cimport HOLE, Column, Continuation
from stolcke._core.inside cimport Partition
from stolcke._core.storage cimport (
    Arena, idmap_bytes, idmap_find, idmap_free, idmap_init, idmap_put, seen_add, seen_clear, seen_free,
)
from stolcke._core.tables cimport Predicted
from stolcke._core.types cimport NONE


cdef enum:
    SMALL = 32                          # lists of more tokens, as of white space, recur: kept apart they stay the same
    FEW_PARTS = 2                       # more small partitions than this are merged into one
    SMALL_PARTS = 4096                  # as long as they have at most this many tokens together
    FEW_ENTRIES = 2                     # continuations of more entries are looked up as a whole
    MANY_TRIES = 48                     # more suffix tries than this are united before one continuation
    LARGE_TRIE = 1024                   # but for those of so many tokens, as long as they are not many


cdef extern from *:
    """
    #include <algorithm>
    #include <utility>
    #include <vector>
    template <class R> static void sort_returns(std::vector<R>& v, size_t first) {
        std::sort(v.begin() + first, v.end(), [](const R& a, const R& b) {
            return std::make_pair(a.continuation, a.node) < std::make_pair(b.continuation, b.node);
        });
    }
    """
    void sort_returns(vector[Return]& v, size_t first) noexcept nogil


cdef class Cascade:

    def __cinit__(self, PartitionStore store not None, Chart chart not None, bint memoise, size_t most_bytes):
        self.store = store
        self.chart = chart
        self.tables = chart.tables
        self.memoise = memoise
        self.most_bytes = most_bytes
        self.lists = SequenceTable(Arena())
        idmap_init(&self.known, 8)
        idmap_init(&self.known_lists, 8)

    def __dealloc__(self):
        cdef size_t i
        idmap_free(&self.known)
        idmap_free(&self.known_lists)
        for i in range(self.seen.size()):
            seen_free(&self.seen[i])

    cdef int start(self) except -1 nogil:
        """Begin a mask; clears what an evaluation that failed may have left."""
        self.depth = 0
        self.parts.clear()
        self.residues.clear()
        self.returns.clear()
        self.round.clear()
        self.exits.clear()
        if not self.memoise and not self.cascaded.empty():
            # Within one mask results are needed in any case: without them the cascade is exponential.
            idmap_free(&self.known)
            idmap_init(&self.known, 8)
            idmap_free(&self.known_lists)
            idmap_init(&self.known_lists, 8)
            self.cascaded.clear()
            self.results.clear()
        return self.open()

    cdef int open(self) except -1 nogil:
        """Begin an evaluation: a set of its own of the continuations already returned to."""
        cdef SeenSet empty
        if self.depth == self.seen.size():
            memset(&empty, 0, sizeof(SeenSet))
            self.seen.push_back(empty)
        self.depth += 1
        seen_clear(&self.seen[self.depth - 1])
        return 0

    cdef void close(self) noexcept nogil:
        self.depth -= 1

    cdef int thread(self, uint32_t state, uint32_t column, uint32_t terminal) except -1 nogil:
        """Whole tokens, from within a terminal that began in a column."""
        cdef uint32_t part = self.store.partition(0, state, self.most_bytes)
        cdef const Partition* p
        if part == NONE:
            return REFUSED
        p = self.store.at(part)
        if p.n_tokens:
            self.parts.push_back(part)
        return 0 if p.residue == NONE else self.scan(p.residue, column, terminal)

    cdef int fresh(self, uint32_t column, uint32_t node) except -1 nogil:
        """The tokens of a trie, where a column begins."""
        cdef uint32_t i
        cdef Column c = self.chart.columns[column]
        for i in range(c.items, c.items_end):
            if self.item(node, self.chart.items[i].suffix, self.chart.items[i].continuation):
                return REFUSED
        return 0

    cdef int scan(self, uint32_t node, uint32_t column, uint32_t terminal) except -1 nogil:
        """A terminal that began in a column has ended; the rests of tokens are below ``node``."""
        cdef Column c = self.chart.columns[column]
        cdef uint32_t i, suffix, continuation
        cdef Predicted p
        i = self.chart.first_item(&c, terminal)
        while i < c.items_end and self.chart.items[i].symbol == terminal:
            suffix = self.chart.items[i].suffix
            continuation = self.chart.items[i].continuation
            if self.item(node, self.tables.suffixes[suffix].tail, continuation):
                return REFUSED
            i += 1
        i = self.tables.first_predicted(c.prediction, terminal)
        while i < self.tables.predictions[c.prediction].items_end and self.tables.predicted[i].symbol == terminal:
            p = self.tables.predicted[i]
            continuation = self.chart.continuation(p.lhs, column)
            if self.item(node, self.tables.suffixes[p.suffix].tail, continuation):
                return REFUSED
            i += 1
        return 0

    cdef int item(self, uint32_t node, uint32_t suffix, uint32_t continuation) except -1 nogil:
        cdef Cascaded e
        cdef uint32_t i
        suffix = self.tables.resolved(suffix)
        if suffix == 0:
            return self.push_return(continuation, node)
        i = self.evaluate(node, suffix)
        if i == NONE:
            return REFUSED
        e = self.cascaded[i]
        for i in range(e.parts, e.parts_end):
            self.parts.push_back(self.results[i])
        for i in range(e.parts_end, e.residues_end):
            self.push_return(continuation, self.results[i])
        return 0

    cdef int push_return(self, uint32_t continuation, uint32_t node) except -1 nogil:
        cdef Return r
        if continuation == HOLE:
            self.residues.push_back(node)
        elif seen_add(&self.seen[self.depth - 1], <uint64_t>continuation << 32 | node):
            r.continuation = continuation
            r.node = node
            self.returns.push_back(r)
        return 0

    cdef int drain(self, size_t first_return) except -1 nogil:
        """Go on with what follows each completed rule, until nothing is left above the mark.

        Round by round, each a byte further into the tokens: where many tries
        return to one continuation in a round, unions stand for most of them.
        """
        cdef size_t first_round = self.round.size()
        cdef size_t i, j, k, end
        cdef uint32_t continuation
        while self.returns.size() > first_return:
            self.round.insert(self.round.end(), self.returns.begin() + first_return, self.returns.end())
            self.returns.resize(first_return)
            sort_returns(self.round, first_round)
            end = self.round.size()
            i = first_round
            while i < end:
                continuation = self.round[i].continuation
                j = i
                while j < end and self.round[j].continuation == continuation:
                    j += 1
                if j - i > MANY_TRIES:
                    self.uniting.clear()
                    for k in range(i, j):
                        self.uniting.push_back(self.round[k].node)
                    if self.unite_many():
                        return REFUSED
                    i = j - self.uniting.size()
                    for k in range(i, j):
                        self.round[k].node = self.uniting[k - i]
                        seen_add(&self.seen[self.depth - 1], <uint64_t>continuation << 32 | self.round[k].node)
                if self.follow(self.round[i].node, continuation):
                    return REFUSED
                i += 1
            self.round.resize(first_round)
        return 0

    cdef int follow(self, uint32_t node, uint32_t continuation) except -1 nogil:
        """Go on with all that may follow a rule; many continuations have the same suffixes in their entries."""
        cdef Continuation c = self.chart.continuations[continuation]
        cdef Cascaded e
        cdef uint64_t key
        cdef uint32_t i
        if c.entries_end - c.entries <= FEW_ENTRIES:
            for i in range(c.entries, c.entries_end):
                if self.item(node, self.chart.entries[i].suffix, self.chart.entries[i].continuation):
                    return REFUSED
            return 0
        key = <uint64_t>node << 32 | self.suffix_list(continuation)
        i = idmap_find(&self.known_lists, key)
        if i == NONE:
            i = self.evaluate_entries(node, c.entries, c.entries_end)
            if i == NONE:
                return REFUSED
            idmap_put(&self.known_lists, key, i)
        e = self.cascaded[i]
        self.parts.insert(self.parts.end(), self.results.begin() + e.parts, self.results.begin() + e.parts_end)
        for i in range(e.parts_end, e.residues_end, 2):
            self.push_return(self.chart.entries[c.entries + self.results[i]].continuation, self.results[i + 1])
        return 0

    cdef uint32_t suffix_list(self, uint32_t continuation) except? 0xFFFFFFFF nogil:
        """The suffixes of a continuation's entries, as one number."""
        cdef Continuation c
        cdef uint32_t k
        if continuation >= self.list_of.size():
            self.list_of.resize(self.chart.continuations.size(), NONE)
        if self.list_of[continuation] == NONE:
            c = self.chart.continuations[continuation]
            self.listing.clear()
            for k in range(c.entries, c.entries_end):
                self.listing.push_back(self.chart.entries[k].suffix)
            self.list_of[continuation] = self.lists.intern(self.listing.data(), self.listing.size())
        return self.list_of[continuation]

    cdef uint32_t evaluate_entries(self, uint32_t node, uint32_t first, uint32_t end) except? 0xFFFFFFFF nogil:
        """What the suffixes of some entries allow together, and what each leaves, as pairs of its place and a node."""
        cdef size_t first_part = self.parts.size()
        cdef size_t first_exit = self.exits.size()
        cdef uint32_t k, i, suffix
        cdef Cascaded e
        for k in range(first, end):
            suffix = self.tables.resolved(self.chart.entries[k].suffix)
            if suffix == 0:
                self.exits.push_back(k - first)
                self.exits.push_back(node)
                continue
            i = self.evaluate(node, suffix)
            if i == NONE:
                return NONE
            e = self.cascaded[i]
            self.parts.insert(self.parts.end(), self.results.begin() + e.parts, self.results.begin() + e.parts_end)
            for i in range(e.parts_end, e.residues_end):
                self.exits.push_back(k - first)
                self.exits.push_back(self.results[i])
        return self.keep(first_part, self.exits, first_exit)

    cdef uint32_t keep(self, size_t first_part, vector[uint32_t]& left, size_t first_left) except? 0xFFFFFFFF nogil:
        """Store the parts above a mark, and what is left above another; the index, NONE where that is refused."""
        cdef Cascaded made
        sort(self.parts.begin() + first_part, self.parts.end())
        self.parts.erase(unique(self.parts.begin() + first_part, self.parts.end()), self.parts.end())
        if self.merge_small(first_part):
            return NONE
        made.parts = <uint32_t>self.results.size()
        self.results.insert(self.results.end(), self.parts.begin() + first_part, self.parts.end())
        made.parts_end = <uint32_t>self.results.size()
        self.results.insert(self.results.end(), left.begin() + first_left, left.end())
        made.residues_end = <uint32_t>self.results.size()
        self.parts.resize(first_part)
        left.resize(first_left)
        self.cascaded.push_back(made)
        return <uint32_t>self.cascaded.size() - 1

    cdef int unite_residues(self, size_t first) except -1 nogil:
        """Replace many residues by their union."""
        if self.residues.size() - first > MANY_TRIES:       # they are sorted
            self.uniting.assign(self.residues.begin() + first, self.residues.end())
            if self.unite_many():
                return REFUSED
            self.residues.resize(first)
            self.residues.insert(self.residues.end(), self.uniting.begin(), self.uniting.end())
        return 0

    cdef int unite_many(self) except -1 nogil:
        """Replace most of the many tries in ``uniting``, which are ascending, by their union.

        The union of two large tries costs more than looking at both, and there are seldom more than a few.
        """
        cdef size_t i, large = 0
        cdef uint32_t node
        for i in range(self.uniting.size()):
            node = self.uniting[i]
            if self.store.trie.count(node, LARGE_TRIE) >= LARGE_TRIE:
                self.uniting[i] = self.uniting[large]
                self.uniting[large] = node
                large += 1
        sort(self.uniting.begin() + large, self.uniting.end())
        if self.unite_last(large):
            return REFUSED
        if self.uniting.size() <= MANY_TRIES:
            return 0
        sort(self.uniting.begin(), self.uniting.end())
        return self.unite_last(0)

    cdef int unite_last(self, size_t first) except -1 nogil:
        """Replace the tries in ``uniting`` from one on, which are ascending, by their union."""
        cdef uint32_t node
        if self.uniting.size() - first > 1:
            node = self.store.unite(self.uniting.data() + first, self.uniting.size() - first, self.most_bytes)
            if node == NONE:
                return REFUSED
            self.uniting.resize(first)
            self.uniting.push_back(node)
        return 0

    cdef uint32_t evaluate(self, uint32_t node, uint32_t suffix) except? 0xFFFFFFFF nogil:
        """What a suffix allows of a suffix trie: an index into ``cascaded``, or NONE where that is refused."""
        cdef uint64_t key = <uint64_t>node << 32 | suffix
        cdef uint32_t known = idmap_find(&self.known, key)
        if known != NONE:
            return known
        self.n_evaluated += 1
        cdef size_t first_part = self.parts.size()
        cdef size_t first_residue = self.residues.size()
        cdef size_t first_return = self.returns.size()
        cdef uint32_t residue
        cdef ByteSet bytes
        cdef uint32_t i, t, column
        cdef Column c
        if node == 0:
            memset(&bytes, 0xFF, sizeof(ByteSet))       # of whole tokens, which hardly any terminal is ruled out by
        else:
            first_bytes(self.store.trie.node(node), &bytes)
        self.open()
        t = self.tables.suffixes[suffix].symbol
        if t < self.tables.n_terminals:
            # No column is needed where there is just one way to go on.
            if self.terminal(node, t, &bytes, &residue):
                return NONE
            if residue != NONE and self.item(residue, self.tables.suffixes[suffix].tail, HOLE):
                return NONE
        else:
            column = self.chart.item_column(suffix)
            c = self.chart.columns[column]
            if c.completes:
                self.residues.push_back(node)
            for i in range(c.terminals, c.terminals_end):
                t = self.chart.live_terminals[i]
                if self.terminal(node, t, &bytes, &residue):
                    return NONE
                if residue != NONE and self.scan(residue, column, t):
                    return NONE
        if self.drain(first_return):
            return NONE
        self.close()
        sort(self.residues.begin() + first_residue, self.residues.end())
        self.residues.erase(unique(self.residues.begin() + first_residue, self.residues.end()), self.residues.end())
        if self.unite_residues(first_residue):
            return NONE
        known = self.keep(first_part, self.residues, first_residue)
        if known != NONE:
            idmap_put(&self.known, key, known)
        return known

    cdef int terminal(self, uint32_t node, uint32_t terminal, const ByteSet* bytes,
                      uint32_t* residue) except -1 nogil:
        """Allow what stays within a terminal; give the suffix trie of what leaves it, NONE where nothing does."""
        cdef uint32_t part
        cdef const Partition* p
        residue[0] = NONE
        if self.tables.terminal_state[terminal] == NONE:
            # A special token: only a whole token, and nothing of it remains.
            if node == 0:
                self.parts.push_back(self.tables.terminal_partition[terminal])
            return 0
        if not overlap(bytes, &self.tables.terminal_first[terminal]):
            return 0
        part = self.store.partition(node, self.tables.terminal_state[terminal], self.most_bytes)
        if part == NONE:
            return REFUSED
        p = self.store.at(part)
        if p.n_tokens:
            self.parts.push_back(part)
        residue[0] = p.residue
        return 0

    cdef int merge_small(self, size_t first) except -1 nogil:
        """Replace many small partitions by one, so that masks are made of few parts."""
        cdef size_t i, kept = first
        cdef size_t total = 0
        cdef uint32_t part
        cdef const Partition* p
        self.merging.clear()
        for i in range(first, self.parts.size()):
            p = self.store.at(self.parts[i])
            if p.n_tokens <= SMALL:
                total += p.n_tokens
                self.merging.push_back(self.parts[i])
            else:
                self.parts[kept] = self.parts[i]
                kept += 1
        if self.merging.size() > FEW_PARTS and total <= SMALL_PARTS:
            self.parts.resize(kept)
            part = self.store.merged(self.merging.data(), self.merging.size(), self.most_bytes)
            if part == NONE:
                return REFUSED
            self.parts.push_back(part)
        else:
            for i in range(self.merging.size()):
                self.parts[kept + i] = self.merging[i]
        return 0

    cdef size_t bytes(self) noexcept nogil:
        return (idmap_bytes(&self.known) + idmap_bytes(&self.known_lists) + self.lists.bytes() + self.lists.arena.bytes
                + sizeof(Cascaded) * self.cascaded.capacity() + 4 * (self.results.capacity() + self.list_of.capacity()))
