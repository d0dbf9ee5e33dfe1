"""Walking a suffix trie with an automaton, and merging what remains of tokens into tries again.

:class:`Splitter` does the work of a partition, and :mod:`stolcke._core.partition`
remembers what came of it.  :meth:`Splitter.walk` visits the nodes where tokens
die, leave, or end, and skips whole subtrees whose tokens all stay inside;
:meth:`Splitter.residue` makes one trie of what lies behind the visited nodes
where the terminal may end.
"""

from libc.stdint cimport uint8_t, uint16_t
from libc.string cimport memset
from libcpp.algorithm cimport sort

from stolcke._core.automata cimport state_next
from stolcke._core.containers cimport refill
from stolcke._core.counted cimport UNMADE
from stolcke._core.trie cimport Node, Place


cdef enum:
    MANY_TOKENS = 64                    # below a node make it worth asking for free bytes
    BROAD = 16                          # bytes of a state that make it worth a scan
    FEW_VISITS = 1024                   # for which the places where the terminal may end may as well share their work
    MOST_LEAVING = 1024                 # places where the terminal may end: where there are more, they share their work
    MOST_LOCALS = 4096                  # states that a scan may meet; one of them leads to 256 more at most
    SMALL_SORT = 96                     # below, comparison sorting beats counting

cdef extern from *:
    """
    #define LIVE_VISIT (1ull << 32)
    #define ELEMENT_MASK ((1ull << 33) - 1)
    """
    const uint64_t LIVE_VISIT           # an element that is a visit, not a node
    const uint64_t ELEMENT_MASK


cdef bint is_broad(const State* s) noexcept nogil:
    """Whether so many bytes have an edge that many tokens may be alive."""
    cdef uint32_t k, n = 0
    if s.classes != NULL:
        return True
    for k in range(s.n_edges):
        n += <uint32_t>s.edges[k].high - s.edges[k].low + 1
    return n >= BROAD


cdef class Splitter:

    def __cinit__(self):
        self.arena = Arena()
        self.automata = AutomatonStore(self.arena)
        self.counted = CountedStore(self.arena, self.automata)
        self.free = FreeBytes(self.automata)

    cdef uint32_t step_counted(self, uint32_t state, uint32_t byte) except? 0xFFFFFFFE nogil:
        cdef uint32_t target = self.counted.next(state, byte)
        if target == UNMADE:
            self.counted.make_next(state)
            target = self.counted.next(state, byte)
        return target

    cdef int walk(self, uint32_t node, uint32_t state, bint counting) except -1 nogil:
        """Visit, breadth first, every node that the automaton reaches alive and that it can still leave.

        The tokens inside are left in ``inside`` and ``inside_ranges``, or if ``counting``, with the number of units
        that each begins, in ``measured``.  Those that are not are in ``outside_ranges``, if ``all_seen``.
        """
        cdef Visit visit
        cdef size_t i = 0
        cdef uint32_t c, t, k
        cdef const Node* at
        cdef const Node* below
        cdef const State* s
        self.visits.clear()
        self.inside.clear()
        self.inside_ranges.clear()
        self.measured.clear()
        self.outside_ranges.clear()
        # From a state of few edges few tokens stay inside.  Then the children that die, which are most of a wide
        # node's, are not so much as looked at.
        self.all_seen = state >= COUNTED or self.automata.state(state).classes != NULL
        memset(&visit, 0, sizeof(Visit))
        visit.node = node
        visit.state = state
        visit.merged = NONE
        self.visits.push_back(visit)
        while i < self.visits.size():
            at = self.trie.node(self.visits[i].node)
            state = self.visits[i].state
            s = self.state(state)
            self.visits[i].first = <uint32_t>self.visits.size()
            if s.n_edges == 0:
                self.visits[i].leaves = at.n_children > 0
                self.outside_ranges.push_back(at.below + at.n_tokens)
                self.outside_ranges.push_back(at.below_end)
            elif s.classes == NULL and state < COUNTED and not self.all_seen:
                c = 0
                for k in range(s.n_edges):
                    while c < at.n_children and at.bytes[c] < s.edges[k].low:
                        c += 1
                        self.visits[i].leaves = True
                    while c < at.n_children and at.bytes[c] <= s.edges[k].high:
                        self.descend(i, at.bytes[c], at.children[c], s.edges[k].target, counting)
                        c += 1
                if c < at.n_children:
                    self.visits[i].leaves = True
            else:
                for c in range(at.n_children):
                    t = self.step(state, at.bytes[c])
                    if t == NONE:
                        below = self.trie.node(at.children[c])
                        self.visits[i].leaves = True
                        self.outside_ranges.push_back(below.below)
                        self.outside_ranges.push_back(below.below_end)
                    else:
                        self.descend(i, at.bytes[c], at.children[c], t, counting)
            self.visits[i].last = <uint32_t>self.visits.size()
            i += 1
        self.visited += self.visits.size()
        self.n_visits = <uint32_t>self.visits.size()
        while i > 0:
            i -= 1
            for c in range(self.visits[i].first, self.visits[i].last):
                if self.visits[i].leaves:
                    break
                self.visits[i].leaves = self.visits[c].leaves
        return 0

    # The same for wide states and the vocabulary's own trie, where a visit to a node should cost next to nothing: in
    # preorder, memory is read from one end to the other, what is dead is left behind in one step, and which state a
    # byte leads to is one look into a table of the states met here.

    cdef int split(self, uint32_t node, uint32_t state) except -1 nogil:
        """Find tokens inside and what is left, by :meth:`scan` if it can be, else by :meth:`walk`."""
        self.scanned = (node < self.trie.n_own and state < COUNTED and is_broad(self.automata.state(state))
                        and self.scan(node, state))
        if not self.scanned:
            return self.walk(node, state, False)
        return 0

    cdef bint scan(self, uint32_t node, uint32_t state) except -1 nogil:
        """As :meth:`walk`, in preorder; False, and nothing is found, where that is not worth it.

        The places where the terminal may end are left in ``leaving``, with their states for :meth:`find_rests`.
        """
        cdef const Place* places = self.trie.places
        cdef const Place* at
        cdef const Local* here
        cdef uint32_t i = node + 1
        cdef uint32_t end = places[node].behind
        cdef uint32_t depth = places[node].depth
        cdef uint32_t t, behind
        cdef uint32_t begin = places[i].below           # of the tokens inside, as far as they follow each other ...
        cdef uint32_t seen = begin                      # ... to here
        cdef uint64_t visited = 1
        self.inside.clear()
        self.inside_ranges.clear()
        self.outside_ranges.clear()
        self.leaving.clear()
        self.locals.clear()
        self.rows.clear()
        refill(self.local_slots, 256, 0)
        self.path.resize(self.trie.node(node).height + 1)
        self.all_seen = True
        self.path[0] = self.local(state)
        self.make_row(self.path[0])
        while i < end:
            at = &places[i]
            t = self.rows[self.locals[self.path[at.depth - depth - 1]].row + at.label]
            if t == 0:
                i = at.behind
                continue
            t -= 1
            if at.below != seen:
                if begin != seen:
                    self.inside_ranges.push_back(begin)
                    self.inside_ranges.push_back(seen)
                self.outside_ranges.push_back(seen)
                self.outside_ranges.push_back(at.below)
                begin = at.below
            i += 1
            seen = places[i].below
            if at.behind == i:
                continue
            here = &self.locals[t]
            behind = at.behind
            if here.loops or behind - i >= MANY_TOKENS:
                if self.all_inside(self.trie.node(i - 1), here.state):
                    i = behind
                    seen = places[i].below
                    continue
            visited += 1
            if here.accepting:
                if self.leaving.size() == 2 * MOST_LEAVING:
                    return False
                self.leaving.push_back(i - 1)
                self.leaving.push_back(here.state)
            if not here.leads_on:
                i = behind
                continue
            if here.row == NONE:
                if self.locals.size() > MOST_LOCALS:
                    return False
                self.make_row(t)
            self.path[at.depth - depth] = t
        if self.leaving.size() > 2 and visited < FEW_VISITS:
            return False
        if begin != seen:
            self.inside_ranges.push_back(begin)
            self.inside_ranges.push_back(seen)
        if seen != places[end].below:
            self.outside_ranges.push_back(seen)
            self.outside_ranges.push_back(places[end].below)
        self.visited += visited
        self.n_visits = <uint32_t>visited
        return True

    cdef uint32_t local(self, uint32_t state) except? 0xFFFFFFFF nogil:
        """The index of a state among those that a scan has met."""
        cdef uint32_t mask = <uint32_t>self.local_slots.size() - 1
        cdef uint32_t slot = (state * <uint32_t>0x9E3779B1) >> 7 & mask
        cdef Local made
        cdef const State* s
        while self.local_slots[slot]:
            if self.locals[self.local_slots[slot] - 1].state == state:
                return self.local_slots[slot] - 1
            slot = (slot + 1) & mask
        s = self.automata.state(state)
        made.state = state
        made.row = NONE
        made.accepting = s.accepting
        made.leads_on = s.n_edges > 0
        made.loops = s.loops != self.automata.nothing
        self.locals.push_back(made)
        self.local_slots[slot] = <uint32_t>self.locals.size()
        if self.locals.size() * 2 > self.local_slots.size():
            self.grow_locals()
        return <uint32_t>self.locals.size() - 1

    cdef int grow_locals(self) except -1 nogil:
        cdef uint32_t mask = <uint32_t>self.local_slots.size() * 4 - 1
        cdef uint32_t slot, i
        refill(self.local_slots, mask + 1, 0)
        for i in range(self.locals.size()):
            slot = (self.locals[i].state * <uint32_t>0x9E3779B1) >> 7 & mask
            while self.local_slots[slot]:
                slot = (slot + 1) & mask
            self.local_slots[slot] = i + 1
        return 0

    cdef int make_row(self, uint32_t index) except -1 nogil:
        """Note where each byte leads from a state that has been met."""
        cdef const State* s = self.automata.state(self.locals[index].state)
        cdef uint32_t row = <uint32_t>self.rows.size()
        cdef uint32_t k, byte, t
        self.rows.resize(row + 256, 0)
        for k in range(s.n_edges):
            t = self.local(s.edges[k].target) + 1
            for byte in range(s.edges[k].low, <uint32_t>s.edges[k].high + 1):
                self.rows[row + byte] = <uint16_t>t
        self.locals[index].row = row
        return 0

    cdef int find_rests(self) except -1 nogil:
        """Replace each state in ``leaving`` by the suffix trie of what is left there; drop places of which nothing is.

        What is inside is forgotten.
        """
        cdef size_t i, n = 0
        cdef uint64_t visited = self.visited
        for i in range(0, self.leaving.size(), 2):
            self.walk(self.leaving[i], self.leaving[i + 1], False)
            if self.visits[0].leaves:
                self.clear_merging()
                self.add_visit(0)
                self.leaving[n] = self.leaving[i]
                self.leaving[n + 1] = self.merge(0, 1)
                n += 2
        self.leaving.resize(n)
        self.visited = visited          # what is behind an end has been visited before
        return 0

    cdef inline int descend(self, size_t parent, uint8_t label, uint32_t child, uint32_t state,
                            bint counting) except -1 nogil:
        """Note the tokens at a child that is reached alive; visit it later, unless all below it are inside as well."""
        cdef Visit visit
        cdef uint32_t k
        cdef uint32_t before = self.visits[parent].state
        cdef uint32_t units = self.visits[parent].units
        cdef const Node* below = self.trie.node(child)
        if counting and before >= COUNTED and state >= COUNTED and self.counted.index_of(before) == 0:
            units += 1
        if self.all_inside(below, state):
            if counting:
                return self.measure(below, below.below_end, units, state >= COUNTED)
            self.inside_ranges.push_back(below.below)
            self.inside_ranges.push_back(below.below_end)
            return 0
        if counting:
            self.measure(below, below.below + below.n_tokens, units, state >= COUNTED)
        else:
            for k in range(below.n_tokens):
                self.inside.push_back(below.tokens[k])
        if below.n_children:
            memset(&visit, 0, sizeof(Visit))
            visit.node = child
            visit.state = state
            visit.merged = NONE
            visit.label = label
            visit.units = units
            self.visits.push_back(visit)
        return 0

    cdef bint all_inside(self, const Node* below, uint32_t state) except -1 nogil:
        """Whether every token below a node certainly ends within the terminal."""
        cdef const Loops* home
        cdef const State* at
        if below.below == below.below_end:
            return False
        home = self.home(below, state)
        if (home != NULL and (below.ascii[0] & ~home.loop_ascii[0]) == 0
                and (below.ascii[1] & ~home.loop_ascii[1]) == 0
                and (below.high & ~home.loop_utf8) == 0 and (below.whole or not below.high)):
            return True                 # whatever comes below ends in the state it began with
        if state >= COUNTED or below.below_end - below.below < MANY_TOKENS:
            return False
        if below.utf8 != 0:
            at = self.automata.state(state)
            if not below.whole or at.loops == NULL or at.loops.home[below.utf8] == NONE:
                return False
            state = at.loops.home[below.utf8]
        return self.free.cover(state, below)

    cdef int measure(self, const Node* node, uint32_t below_end, uint32_t units, bint within) except -1 nogil:
        """Note tokens inside at a node of the vocabulary's own trie, and possibly below it."""
        cdef Measured found
        if node.below == below_end:
            return 0
        found.below = node.below
        found.below_end = below_end
        found.units = units
        found.begun = node.begun
        found.within = within
        self.measured.push_back(found)
        return 0

    cdef int add_visit(self, size_t index) except -1 nogil:
        """Let what is left at a visit be part of the next merge."""
        self.elements.push_back(LIVE_VISIT | index)
        return 0

    cdef uint32_t residue(self) except? 0xFFFFFFFF nogil:
        """The suffix trie of what remains after the terminal ended at any visited node."""
        cdef size_t i
        if self.scanned:
            self.find_rests()
        self.clear_merging()
        if self.scanned:
            for i in range(0, self.leaving.size(), 2):
                self.elements.push_back(self.leaving[i + 1])
        else:
            for i in range(1, self.visits.size()):
                if self.visits[i].leaves and self.state(self.visits[i].state).accepting:
                    self.add_visit(i)
        if self.elements.empty():
            return NONE
        return self.merge(0, self.elements.size())

    cdef int gather(self, uint64_t element) except -1 nogil:
        """Collect an element's edges (``label << 33 | element``) and, of a node, its tokens."""
        cdef const Node* at
        cdef const Visit* visit
        cdef uint32_t c, live, child
        if not element & LIVE_VISIT:
            at = self.trie.node(<uint32_t>element)
            for c in range(at.n_children):
                self.gathered.push_back(<uint64_t>at.bytes[c] << 33 | at.children[c])
            for c in range(at.n_tokens):
                self.left_tokens.push_back(at.tokens[c])
            return 0
        visit = &self.visits[<uint32_t>element]
        at = self.trie.node(visit.node)
        live = visit.first
        for c in range(at.n_children):
            child = at.children[c]
            if live < visit.last and self.visits[live].label == at.bytes[c]:
                if self.visits[live].leaves:
                    self.gathered.push_back(<uint64_t>at.bytes[c] << 33 | LIVE_VISIT | live)
                live += 1
            elif state_next(self.state(visit.state), at.bytes[c]) == NONE:
                self.gathered.push_back(<uint64_t>at.bytes[c] << 33 | child)
        return 0

    cdef uint32_t merge(self, size_t begin, size_t end) except? 0xFFFFFFFF nogil:
        """One node for the union of elements begin..end-1.  The depth is bounded by the longest token."""
        cdef uint64_t only = self.elements[begin]
        cdef bint single = end - begin == 1
        if single and not only & LIVE_VISIT:
            return <uint32_t>only
        if single and self.visits[<uint32_t>only].merged != NONE:
            return self.visits[<uint32_t>only].merged
        cdef size_t first_gathered = self.gathered.size()
        cdef size_t first_token = self.left_tokens.size()
        cdef size_t first_edge = self.edges.size()
        cdef size_t first_element = self.elements.size()
        cdef size_t i, j
        cdef uint64_t label
        cdef uint32_t child, node
        for i in range(begin, end):
            self.gather(self.elements[i])
        cdef size_t last_gathered = self.gathered.size()
        if not single:
            self.sort_gathered(first_gathered)
        i = first_gathered
        while i < last_gathered:
            label = self.gathered[i] >> 33
            j = i
            while j < last_gathered and self.gathered[j] >> 33 == label:
                self.elements.push_back(self.gathered[j] & ELEMENT_MASK)
                j += 1
            child = self.merge(first_element, self.elements.size())
            self.elements.resize(first_element)
            self.edges.push_back(label << 32 | child)
            i = j
        if not single and self.left_tokens.size() - first_token > 1:
            sort(self.left_tokens.begin() + first_token, self.left_tokens.end())
            j = first_token + 1
            for i in range(first_token + 1, self.left_tokens.size()):
                if self.left_tokens[i] != self.left_tokens[j - 1]:
                    self.left_tokens[j] = self.left_tokens[i]
                    j += 1
            self.left_tokens.resize(j)
        node = self.trie.intern(self.left_tokens, first_token, self.edges, first_edge)
        self.gathered.resize(first_gathered)
        self.left_tokens.resize(first_token)
        self.edges.resize(first_edge)
        if single:
            self.visits[<uint32_t>only].merged = node
        return node

    cdef int sort_gathered(self, size_t first) except -1 nogil:
        """Sort gathered[first:] by label; elements of one label may stay in any order."""
        cdef size_t n = self.gathered.size() - first
        cdef size_t i, total = 0, count
        cdef size_t places[256]
        if n < SMALL_SORT:
            sort(self.gathered.begin() + first, self.gathered.end())
            return 0
        memset(places, 0, sizeof(places))
        for i in range(n):
            places[self.gathered[first + i] >> 33] += 1
        for i in range(256):
            count = places[i]
            places[i] = total
            total += count
        self.sorting.resize(n)
        for i in range(n):
            self.sorting[places[self.gathered[first + i] >> 33]] = self.gathered[first + i]
            places[self.gathered[first + i] >> 33] += 1
        for i in range(n):
            self.gathered[first + i] = self.sorting[i]
        return 0

    cdef void clear_merging(self) noexcept nogil:
        self.elements.clear()
        self.gathered.clear()
        self.edges.clear()
        self.left_tokens.clear()
