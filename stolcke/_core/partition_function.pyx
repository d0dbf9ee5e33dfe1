"""The weight that all finite derivations of each nonterminal have together.

It is the least solution of a system of polynomials, one for each nonterminal.
Components of nonterminals that lead to each other are solved one after the
other, each after all that it leads to: a sum where there is no recursion, and
Newton's method from zero where there is.  From below, Newton's method ascends to
the least solution, if there is one; if not, a Jacobian comes to have a spectral
radius of one or more, which solving with it notices.

Where probabilities add up to one, 1 is a solution, and the least one exactly if
the spectral radius there is at most one.  That is asked first: it is the answer
for most grammars, exactly, and Newton's method would find it slowly and to half
the digits where the radius is one.
"""

import numpy as np

from libc.math cimport INFINITY, exp, fabs, isinf, log
from libc.stdint cimport int32_t, uint32_t
from libcpp.vector cimport vector

from stolcke._core.components cimport strong_components
from stolcke._core.containers cimport refill
from stolcke._core.perron cimport Matrix, group_by_component


cdef enum:
    STEPS = 300                         # of Newton's method; near a spectral radius of one each gives one more bit

cdef double EPSILON = 2.220446049250313e-16
cdef double ABOVE = 1e-12               # by how much a radius may exceed one and be taken for one
cdef double SETTLED = 1e-6              # relative steps below which no step means rounding, and not divergence
cdef double FAR = 200                   # logarithms beyond which a component is scaled


cdef struct Inner:                      # a rule of a component
    uint32_t lhs
    double weight                       # with all that is outside the component
    uint32_t begin, end                 # of its symbols within the component


cdef class Component:
    """The equations of one component, ``x = sum of weight * product of x``, one term for each rule."""
    cdef vector[Inner] rules
    cdef vector[uint32_t] symbols       # of all rules
    cdef vector[uint32_t] slots         # where in the matrix their derivatives are
    cdef vector[double] x, f, suffix
    cdef Matrix jacobian

    def __cinit__(self):
        self.jacobian = Matrix()

    cdef int evaluate(self) except -1 nogil:
        """Compute ``f`` at ``x``, and the Jacobian."""
        cdef uint32_t i, k
        cdef double product
        cdef Inner rule
        cdef double* derivatives = self.jacobian.values.data()
        refill(self.f, self.x.size(), 0)
        refill(self.jacobian.values, self.jacobian.values.size(), 0)
        for i in range(self.rules.size()):
            rule = self.rules[i]
            refill(self.suffix, rule.end - rule.begin + 1, 1)
            for k in range(rule.end, rule.begin, -1):
                self.suffix[k - 1 - rule.begin] = self.suffix[k - rule.begin] * self.x[self.symbols[k - 1]]
            self.f[rule.lhs] += rule.weight * self.suffix[0]
            product = rule.weight
            for k in range(rule.begin, rule.end):
                derivatives[self.slots[k]] += product * self.suffix[k - rule.begin + 1]
                product *= self.x[self.symbols[k]]
        return 0

    cdef bint is_one(self) except? -1 nogil:
        """Whether all x are one: that is a solution, and there is no lesser one."""
        cdef vector[uint32_t] terms
        cdef uint32_t i, n = <uint32_t>self.x.size()
        refill(self.x, n, 1)
        self.evaluate()
        refill(terms, n, 0)
        for i in range(self.rules.size()):
            terms[self.rules[i].lhs] += 1
        for i in range(n):
            if not fabs(self.f[i] - 1) <= (4 + terms[i]) * EPSILON:
                return False
        return self.jacobian.is_below(1 + ABOVE)

    cdef bint solve(self) except? -1 nogil:
        """Set ``x`` to the least solution; False where there is none."""
        cdef vector[double] step
        cdef uint32_t i, n = <uint32_t>self.x.size()
        cdef double relative, last = INFINITY
        refill(self.x, n, 0)
        for _ in range(STEPS):
            self.evaluate()
            step.resize(n)
            for i in range(n):
                step[i] = max(self.f[i] - self.x[i], 0.0)
            if not self.jacobian.solve(1, step):
                return last < SETTLED
            relative = 0
            for i in range(n):
                self.x[i] += step[i]
                if not self.x[i] < 1e280:
                    return False
                if self.x[i] > 0:
                    relative = max(relative, step[i] / self.x[i])
            if relative <= 2 * EPSILON or (relative < SETTLED and relative > 0.8 * last):
                return True
            last = relative
        return last < SETTLED


cdef bint add_exponentials(const vector[double]& factor, const vector[double]& power, double* out) except? -1 nogil:
    """The logarithm of a sum of ``factor * exp(power)``; 0 where it is 1 up to rounding."""
    cdef double most = -INFINITY, total = 0
    cdef size_t i
    for i in range(factor.size()):
        most = max(most, power[i])
    for i in range(factor.size()):
        total += factor[i] * exp(power[i] - most)
    if most == 0 and fabs(total - 1) <= (4 + factor.size()) * EPSILON:
        out[0] = 0
    else:
        out[0] = most + log(total)
    return True


cdef int find_deriving(const int32_t[::1] lhs, const int32_t[::1] offsets, const int32_t[::1] symbols,
                       const double[::1] weights, uint32_t n_terminals, vector[char]& derives) except -1 nogil:
    """Mark, beside those marked already, the nonterminals that have a finite derivation of some weight."""
    cdef vector[uint32_t] missing, begin, at, uses, ready
    cdef uint32_t n = <uint32_t>derives.size(), r, k, a
    cdef uint32_t n_rules = <uint32_t>lhs.shape[0]
    refill(begin, n + 1, 0)
    refill(missing, n_rules, 0)
    for r in range(n_rules):
        for k in range(offsets[r], offsets[r + 1]):
            if <uint32_t>symbols[k] >= n_terminals and not derives[symbols[k] - n_terminals]:
                begin[symbols[k] - n_terminals + 1] += 1
                missing[r] += 1
    for a in range(n):
        begin[a + 1] += begin[a]
    at.assign(begin.begin(), begin.end())
    uses.resize(begin[n])
    for r in range(n_rules):
        for k in range(offsets[r], offsets[r + 1]):
            if <uint32_t>symbols[k] >= n_terminals and not derives[symbols[k] - n_terminals]:
                uses[at[symbols[k] - n_terminals]] = r
                at[symbols[k] - n_terminals] += 1
    for r in range(n_rules):
        if missing[r] == 0 and weights[r] > 0:
            ready.push_back(r)
    while not ready.empty():
        a = lhs[ready.back()]
        ready.pop_back()
        if derives[a]:
            continue
        derives[a] = 1
        for k in range(begin[a], begin[a + 1]):
            r = uses[k]
            missing[r] -= 1
            if missing[r] == 0 and weights[r] > 0:
                ready.push_back(r)
    return 0


def log_partition(const int32_t[::1] lhs not None, const int32_t[::1] offsets not None,
                  const int32_t[::1] symbols not None, const double[::1] weights not None, uint32_t n_terminals,
                  const double[::1] given not None):
    """The logarithm of the partition function.

    Parameters
    ----------
    lhs : int32[rules]
        Nonterminal of each rule, from 0.
    offsets : int32[rules + 1]
    symbols : int32[total]
        Right-hand sides; nonterminal ``A`` is written ``n_terminals + A``, and terminals count as 1.
    weights : float64[rules]
        Not negative.
    n_terminals : int
    given : float64[nonterminals]
        Logarithms of what is known, of nonterminals without rules; nan for the others.

    Returns
    -------
    float64[nonterminals]
        Minus infinity for nonterminals without finite derivations of any weight, infinity where the sum diverges.
    """
    cdef uint32_t n = <uint32_t>given.shape[0]
    logs = np.full(n, -np.inf)
    cdef double[::1] out = logs
    cdef vector[char] derives, live
    cdef vector[uint32_t] begin, at, successors, component, members, members_begin, local, rows, columns, rule_begin
    cdef vector[uint32_t] rule_order
    cdef vector[double] factor, power
    cdef uint32_t n_rules = <uint32_t>lhs.shape[0], n_components, a, c, i, k, r, m, first
    cdef double outside, scale
    cdef bint infinite, plain
    cdef Inner rule
    cdef Component equations = Component()
    with nogil:
        refill(derives, n, 0)
        for a in range(n):
            if given[a] > -INFINITY:
                derives[a] = 1
                out[a] = given[a]
        find_deriving(lhs, offsets, symbols, weights, n_terminals, derives)
        # What is left of the grammar, as a graph.
        refill(live, n_rules, 0)
        refill(begin, n + 1, 0)
        refill(rule_begin, n + 1, 0)
        for r in range(n_rules):
            live[r] = weights[r] > 0
            for k in range(offsets[r], offsets[r + 1]):
                if <uint32_t>symbols[k] >= n_terminals and not derives[symbols[k] - n_terminals]:
                    live[r] = 0
            if live[r]:
                rule_begin[lhs[r] + 1] += 1
                for k in range(offsets[r], offsets[r + 1]):
                    begin[lhs[r] + 1] += <uint32_t>symbols[k] >= n_terminals
        for a in range(n):
            begin[a + 1] += begin[a]
            rule_begin[a + 1] += rule_begin[a]
        successors.resize(begin[n])
        rule_order.resize(rule_begin[n])
        at.assign(rule_begin.begin(), rule_begin.end())
        for r in range(n_rules):
            if live[r]:
                rule_order[at[lhs[r]]] = r
                at[lhs[r]] += 1
        at.assign(begin.begin(), begin.end())
        for r in range(n_rules):
            if live[r]:
                for k in range(offsets[r], offsets[r + 1]):
                    if <uint32_t>symbols[k] >= n_terminals:
                        successors[at[lhs[r]]] = symbols[k] - n_terminals
                        at[lhs[r]] += 1
        n_components = strong_components(begin, successors, component)
        group_by_component(component, n_components, members, members_begin)
        refill(local, n, 0)
        for c in range(n_components):
            first = members_begin[c]
            m = members_begin[c + 1] - first
            for i in range(m):
                local[members[first + i]] = i
            # Its rules, with the logarithms of what is outside in ``power``.
            equations.rules.clear()
            equations.symbols.clear()
            factor.clear()
            power.clear()
            rows.clear()
            columns.clear()
            infinite = False
            plain = True
            scale = -INFINITY
            for i in range(m):
                for a in range(rule_begin[members[first + i]], rule_begin[members[first + i] + 1]):
                    r = rule_order[a]
                    rule.lhs = i
                    rule.begin = <uint32_t>equations.symbols.size()
                    outside = 0
                    for k in range(offsets[r], offsets[r + 1]):
                        if <uint32_t>symbols[k] < n_terminals:
                            continue
                        if component[symbols[k] - n_terminals] == c:
                            equations.symbols.push_back(local[symbols[k] - n_terminals])
                            rows.push_back(i)
                            columns.push_back(local[symbols[k] - n_terminals])
                        else:
                            outside += out[symbols[k] - n_terminals]
                    rule.end = <uint32_t>equations.symbols.size()
                    infinite |= isinf(outside)
                    plain &= outside == 0
                    equations.rules.push_back(rule)
                    factor.push_back(weights[r])
                    power.push_back(outside)
                    if rule.begin == rule.end:
                        scale = max(scale, log(weights[r]) + outside)
            if equations.rules.empty():
                continue                # known, or nothing
            if infinite:
                for i in range(m):
                    out[members[first + i]] = INFINITY
                continue
            if rows.empty():
                add_exponentials(factor, power, &out[members[first]])
                continue
            # x is exp(scale) times what is solved for, so that its digits are not lost below what floats can say.
            scale = scale if fabs(scale) > FAR else 0
            for i in range(equations.rules.size()):
                k = equations.rules[i].end - equations.rules[i].begin
                outside = power[i] + (<double>k - 1) * scale
                equations.rules[i].weight = exp(log(factor[i]) + outside) if outside != 0 else factor[i]
            equations.jacobian.build(m, rows, columns, equations.slots)
            refill(equations.x, m, 1)
            if plain and scale == 0 and equations.is_one():
                for i in range(m):
                    out[members[first + i]] = 0
                continue
            infinite = not equations.solve()
            for i in range(m):
                outside = equations.x[i]
                out[members[first + i]] = INFINITY if infinite else scale + log(outside)
    return logs
