"""Rule probabilities, and the left-corner closure that prediction needs.

Where a nonterminal X is expected with probability 1, a nonterminal Y is expected
at the same place as often as X can begin with Y, directly or by way of others.
With P[X, Y] the probability that a rule of X begins with Y, whatever stands
before it deriving the empty text, these expectations are the row of X in
``1 + P + P**2 + ... = (1 - P)**-1``, Stolcke's R_L.  A row is found when it is
first asked for: strongly connected components in order, each solved by itself.
"""

from libc.math cimport fabs
from libcpp.algorithm cimport sort
from libcpp.pair cimport pair

from stolcke._core.containers cimport refill
from stolcke._core.tables cimport CHOICE, REST, WRITTEN


cdef extern from *:
    """
    #include <algorithm>
    #include <tuple>
    #include <vector>
    template <class F> static void sort_firsts(std::vector<F>& v) {
        std::stable_sort(v.begin(), v.end(), [](const F& a, const F& b) {
            return std::make_tuple(a.symbol, a.suffix) < std::make_tuple(b.symbol, b.suffix);
        });
    }
    """
    void sort_firsts(vector[First]& v) noexcept nogil


cdef enum:
    DENSE = 500                         # members of a component up to which its matrix is factorised
    ROUNDS = 100_000                    # of iteration for larger components


cdef class WeightedTables:
    """Probabilities beside the integer tables of a grammar.

    Parameters
    ----------
    tables : GrammarTables
    lhs : int32[rules]
        Nonterminal of each rule, in the order that ``tables`` was made from.
    probabilities : float64[rules]
        Those of one left side add up to 1, or are all 0.
    empty : float64[nonterminals]
        How probable it is that each nonterminal derives the empty text.

    The rules of tallies, which the tables make as they are needed, are equally
    probable, but that one half is left for the empty rule where there is a choice.
    """

    def __cinit__(self, GrammarTables tables not None, const int[::1] lhs, const double[::1] probabilities,
                  const double[::1] empty):
        cdef vector[uint32_t] place
        cdef Py_ssize_t i
        cdef uint32_t a
        cdef Slice unmade
        self.tables = tables
        refill(self.rule_weight, tables.n_rules, 0.0)
        # As the tables order them; those grow under the engine's lock, which nobody holds here.
        refill(place, tables.n_nonterminals + 1, 0)
        for i in range(lhs.shape[0]):
            place[lhs[i] + 1] += 1
        for a in range(tables.n_nonterminals):
            place[a + 1] += place[a]
        for i in range(lhs.shape[0]):
            a = <uint32_t>lhs[i]
            self.rule_weight[place[a]] = probabilities[i]
            place[a] += 1
        for i in range(empty.shape[0]):
            self.given_empty.push_back(empty[i])
        unmade.begin = unmade.end = NONE
        refill(self.firsts_of, tables.n_nonterminals, unmade)
        refill(self.corners_of, tables.n_nonterminals, unmade)

    cdef double rule_probability(self, uint32_t nonterminal, uint32_t place) noexcept nogil:
        """The probability of one of a nonterminal's rules, which have been made."""
        cdef uint32_t begin = self.tables.rules_begin[nonterminal]
        cdef uint32_t n = self.tables.rules_end[nonterminal] - begin
        if self.tables.instances[nonterminal].kind == WRITTEN:
            return self.rule_weight[place]
        if not self.tables.nullable[nonterminal] or n == 1:
            return 1.0 / n
        return 0.5 if place == begin else 0.5 / (n - 1)     # the empty rule comes first

    cdef double empty(self, uint32_t nonterminal) except -1 nogil:
        """How probable it is that a nonterminal derives the empty text."""
        if not self.tables.nullable[nonterminal]:
            return 0.0
        if self.tables.instances[nonterminal].kind == WRITTEN:
            return self.given_empty[nonterminal]
        if self.tables.rules_begin[nonterminal] == NONE:
            self.tables.make_rules(nonterminal)
        return self.rule_probability(nonterminal, self.tables.rules_begin[nonterminal])

    cdef const Slice* first(self, uint32_t nonterminal) except NULL nogil:
        """The ways in which a nonterminal can begin."""
        cdef uint32_t i, d
        cdef size_t k
        cdef First f
        cdef Slice made
        if nonterminal < self.firsts_of.size() and self.firsts_of[nonterminal].begin != NONE:
            return &self.firsts_of[nonterminal]
        if self.tables.rules_begin[nonterminal] == NONE:
            self.tables.make_rules(nonterminal)
        self.collecting.clear()
        for i in range(self.tables.rules_begin[nonterminal], self.tables.rules_end[nonterminal]):
            f.weight = self.rule_probability(nonterminal, i)
            d = self.tables.rule_suffix[i]
            while d and f.weight > 0:
                f.symbol = self.tables.suffixes[d].symbol
                f.suffix = d
                self.collecting.push_back(f)
                if f.symbol < self.tables.n_terminals:
                    break
                f.weight *= self.empty(f.symbol - self.tables.n_terminals)
                d = self.tables.suffixes[d].tail
        sort_firsts(self.collecting)
        made.begin = <uint32_t>self.firsts.size()
        for k in range(self.collecting.size()):
            f = self.collecting[k]
            if k and f.suffix == self.collecting[k - 1].suffix and f.symbol == self.collecting[k - 1].symbol:
                self.firsts[self.firsts.size() - 1].weight += f.weight
            else:
                self.firsts.push_back(f)
        made.end = <uint32_t>self.firsts.size()
        if nonterminal >= self.firsts_of.size():
            self.firsts_of.resize(nonterminal + 1, Slice(NONE, NONE))
        self.firsts_of[nonterminal] = made
        return &self.firsts_of[nonterminal]

    # --- the closure ---------------------------------------------------------------------------------------------

    cdef const Slice* corner(self, uint32_t nonterminal) except NULL nogil:
        """What is expected where a nonterminal is, itself included."""
        cdef size_t i, j
        cdef Slice made
        cdef Corner c
        if nonterminal < self.corners_of.size() and self.corners_of[nonterminal].begin != NONE:
            return &self.corners_of[nonterminal]
        self.reach(nonterminal)
        self.mass.resize(self.reached.size(), 0.0)
        self.mass[nonterminal] = 1.0
        made.begin = <uint32_t>self.corners.size()
        i = 0
        while i < self.reaching.size():
            j = i + 1
            while j < self.reaching.size() and self.rank(self.reaching[j]) == self.rank(self.reaching[i]):
                j += 1
            self.solve(i, j)
            i = j
        for i in range(self.reaching.size()):
            c.nonterminal = self.reaching[i]
            c.mass = self.mass[c.nonterminal]
            self.corners.push_back(c)
            self.mass[c.nonterminal] = 0.0
            self.reached[c.nonterminal] = 0
        made.end = <uint32_t>self.corners.size()
        if nonterminal >= self.corners_of.size():
            self.corners_of.resize(nonterminal + 1, Slice(NONE, NONE))
        self.corners_of[nonterminal] = made
        return &self.corners_of[nonterminal]

    cdef size_t rank(self, uint32_t nonterminal) noexcept nogil:
        """A number for each component: what one begins with comes after it."""
        cdef size_t highest = <size_t>1 << 40
        if self.tables.instances[nonterminal].kind == REST:
            return nonterminal                      # may begin with a choice, which begins with entries
        if self.tables.instances[nonterminal].kind == CHOICE:
            return highest + nonterminal
        # Components are numbered from what others begin with.
        return 2 * highest - self.tables.component[nonterminal]

    cdef int reach(self, uint32_t nonterminal) except -1 nogil:
        """Collect what a nonterminal can begin with, by rank."""
        cdef size_t at = 0
        cdef uint32_t k, b
        cdef Slice s
        cdef vector[pair[size_t, uint32_t]] order
        for at in range(self.reaching.size()):          # only after a MemoryError
            if self.reaching[at] < self.mass.size():
                self.mass[self.reaching[at]] = 0.0
            if self.reaching[at] < self.reached.size():
                self.reached[self.reaching[at]] = 0
        at = 0
        refill(self.reaching, 1, nonterminal)
        if nonterminal >= self.reached.size():
            self.reached.resize(self.tables.instances.size(), 0)
        self.reached[nonterminal] = 1
        while at < self.reaching.size():
            s = self.first(self.reaching[at])[0]
            if self.reached.size() < self.tables.instances.size():
                self.reached.resize(self.tables.instances.size(), 0)
            for k in range(s.begin, s.end):
                if self.firsts[k].symbol >= self.tables.n_terminals:
                    b = self.firsts[k].symbol - self.tables.n_terminals
                    if not self.reached[b]:
                        self.reached[b] = 1
                        self.reaching.push_back(b)
            at += 1
        for at in range(self.reaching.size()):
            order.push_back(pair[size_t, uint32_t](self.rank(self.reaching[at]), self.reaching[at]))
        sort(order.begin(), order.end())
        for at in range(order.size()):
            self.reaching[at] = order[at].second
        return 0

    cdef int solve(self, size_t begin, size_t end) except -1 nogil:
        """Solve the component ``reaching[begin:end]``, of which all that comes in is known, and pass it on."""
        cdef uint32_t a, k, b
        cdef size_t i, rank = self.rank(self.reaching[begin])
        cdef double loop = 0.0
        cdef Slice s
        if end - begin > DENSE:
            self.solve_sparse(begin, end)
        elif end - begin > 1:
            self.solve_dense(self.tables.component[self.reaching[begin]])
        else:
            a = self.reaching[begin]
            s = self.first(a)[0]
            for k in range(s.begin, s.end):
                if self.firsts[k].symbol == self.tables.n_terminals + a:
                    loop += self.firsts[k].weight
            self.mass[a] /= 1.0 - loop
        for i in range(begin, end):
            a = self.reaching[i]
            s = self.first(a)[0]
            for k in range(s.begin, s.end):
                if self.firsts[k].symbol >= self.tables.n_terminals:
                    b = self.firsts[k].symbol - self.tables.n_terminals
                    if self.rank(b) != rank:
                        self.mass[b] += self.mass[a] * self.firsts[k].weight
        return 0

    cdef int solve_sparse(self, size_t begin, size_t end) except -1 nogil:
        """Iterate ``x = in + x P`` within a component until it moves no more."""
        cdef size_t i, _round, rank = self.rank(self.reaching[begin])
        cdef uint32_t a, b, k
        cdef double passed
        cdef bint moved = True
        cdef vector[double] sent
        cdef Slice s
        # Each member passes on what has arrived since it last did.
        refill(sent, end - begin, 0.0)
        for _round in range(ROUNDS):
            moved = False
            for i in range(begin, end):
                a = self.reaching[i]
                passed = self.mass[a] - sent[i - begin]
                if fabs(passed) <= 1e-17 * fabs(self.mass[a]):
                    continue
                sent[i - begin] = self.mass[a]
                moved = True
                s = self.first(a)[0]
                for k in range(s.begin, s.end):
                    if self.firsts[k].symbol >= self.tables.n_terminals:
                        b = self.firsts[k].symbol - self.tables.n_terminals
                        if self.rank(b) == rank:
                            self.mass[b] += passed * self.firsts[k].weight
            if not moved:
                break
        return 0

    cdef int solve_dense(self, uint32_t component) except -1 nogil:
        """Solve ``x (1 - P) = in`` for all members of a component."""
        cdef uint32_t first = self.tables.members_begin[component]
        cdef Py_ssize_t n = self.tables.members_begin[component + 1] - first
        cdef Py_ssize_t i, j
        cdef uint32_t p
        cdef double* lu
        cdef double value
        if component >= self.factors.size():
            self.factors.resize(component + 1)
            self.pivots.resize(component + 1)
        if self.factors[component].empty():
            self.factorise(component)
        lu = self.factors[component].data()
        self.right.resize(n)
        for i in range(n):
            self.right[i] = self.mass[self.tables.members[first + i]]
        for i in range(n):
            p = self.pivots[component][i]
            value = self.right[p]
            self.right[p] = self.right[i]
            for j in range(i):
                value -= lu[i * n + j] * self.right[j]
            self.right[i] = value
        for i in range(n - 1, -1, -1):
            value = self.right[i]
            for j in range(i + 1, n):
                value -= lu[i * n + j] * self.right[j]
            self.right[i] = value / lu[i * n + i]
        for i in range(n):
            self.mass[self.tables.members[first + i]] = self.right[i]
        return 0

    cdef int factorise(self, uint32_t component) except -1 nogil:
        """Factorise the transpose of ``1 - P`` of a component, rows exchanged for the largest pivots."""
        cdef uint32_t first = self.tables.members_begin[component]
        cdef size_t n = self.tables.members_begin[component + 1] - first
        cdef size_t i, j, best
        cdef uint32_t k, b
        cdef vector[double] m
        cdef double factor
        cdef Slice s
        m.resize(n * n, 0.0)
        for i in range(n):
            m[i * n + i] = 1.0
        for i in range(n):
            s = self.first(self.tables.members[first + i])[0]
            for k in range(s.begin, s.end):
                if self.firsts[k].symbol >= self.tables.n_terminals:
                    b = self.firsts[k].symbol - self.tables.n_terminals
                    if self.tables.component[b] == component:
                        m[self.tables.place[b] * n + i] -= self.firsts[k].weight
        self.pivots[component].resize(n)
        for i in range(n):
            best = i
            for j in range(i + 1, n):
                if fabs(m[j * n + i]) > fabs(m[best * n + i]):
                    best = j
            self.pivots[component][i] = <uint32_t>best
            if best != i:
                for k in range(<uint32_t>n):
                    factor = m[i * n + k]
                    m[i * n + k] = m[best * n + k]
                    m[best * n + k] = factor
            for j in range(i + 1, n):
                factor = m[j * n + i] / m[i * n + i]
                m[j * n + i] = factor
                if factor != 0:
                    for k in range(i + 1, n):
                        m[j * n + k] -= factor * m[i * n + k]
        self.factors[component].swap(m)
        return 0

    cdef size_t bytes(self) noexcept nogil:
        cdef size_t i, total
        total = 8 * (self.rule_weight.capacity() + self.given_empty.capacity() + self.firsts_of.capacity()
                     + self.corners_of.capacity() + self.mass.capacity())
        total += sizeof(First) * self.firsts.capacity() + sizeof(Corner) * self.corners.capacity()
        for i in range(self.factors.size()):
            total += 8 * self.factors[i].capacity()
        return total
