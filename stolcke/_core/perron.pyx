"""Linear equations and the largest eigenvalue of sparse non-negative matrices.

The matrices are those of one strongly connected component of a grammar: what a
nonterminal leads to on average.  Most indices have few neighbours, however long
the chains and cycles of a grammar are; they are eliminated one after the other,
those that add least first, in an order that is found once for the pattern.  If
the rest is small, it is eliminated as a dense matrix; a large rest is a tangle
in which everything is near everything, and a Krylov method converges soon.

For a non-negative matrix J of one component, s - J has a non-negative inverse
exactly where s is above its spectral radius, and elimination meets a pivot
that is not positive exactly where it is not.  So solving also decides.
"""

import numpy as np

from libc.math cimport INFINITY, fabs, sqrt
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libcpp.pair cimport pair
from libcpp.queue cimport priority_queue
from libcpp.vector cimport vector

from stolcke._core.components cimport strong_components
from stolcke._core.containers cimport enqueue, refill
from stolcke._core.storage cimport idmap_find, idmap_free, idmap_init, idmap_put
from stolcke._core.types cimport NONE


cdef enum:
    MOST_DENSE = 400                    # that are eliminated as a dense matrix
    MOST_PRODUCTS = 16                  # that removing one index may add
    POWERS = 300                        # by which the radius of a tangle is sought
    INVERSIONS = 60                     # by which any other is
    RESTART = 50                        # vectors of a Krylov space
    ROUNDS = 40                         # such spaces, one after the other

cdef double SMALLEST = 1e-290           # what eigenvectors are kept above


cdef class Matrix:
    """A matrix of one component; :meth:`build` makes its pattern, ``values`` are written by others."""

    cdef int build(self, uint32_t n, const vector[uint32_t]& rows, const vector[uint32_t]& columns,
                   vector[uint32_t]& slots) except -1 nogil:
        """Set the places of entries, which may occur several times; ``slots`` says where in ``values`` each is."""
        cdef uint32_t k, slot
        cdef uint64_t key
        self.n = n
        self.rows.clear()
        self.columns.clear()
        slots.resize(rows.size())
        idmap_init(&self.slot_of, 8)
        try:
            for k in range(rows.size()):
                if rows[k] == columns[k]:
                    slots[k] = rows[k]
                    continue
                key = <uint64_t>rows[k] << 32 | columns[k]
                slot = idmap_find(&self.slot_of, key)
                if slot == NONE:
                    slot = n + <uint32_t>self.rows.size()
                    idmap_put(&self.slot_of, key, slot)
                    self.rows.push_back(rows[k])
                    self.columns.push_back(columns[k])
                slots[k] = slot
            refill(self.values, n + self.rows.size(), 0)
            self.eliminate()
        finally:
            idmap_free(&self.slot_of)
        return 0

    cdef int eliminate(self) except -1 nogil:
        """Find an order of elimination, and what each step adds where."""
        cdef Links links
        cdef priority_queue[pair[int64_t, uint32_t]] waiting
        cdef pair[int64_t, uint32_t] least
        cdef vector[uint32_t] place, touched
        cdef uint32_t k, v, w
        cdef size_t step, budget = 100000 + 30 * (self.n + self.rows.size())
        links.before.resize(self.n)
        links.behind.resize(self.n)
        refill(links.gone, self.n, 0)
        refill(links.n_before, self.n, 0)
        refill(links.n_behind, self.n, 0)
        for k in range(self.rows.size()):
            links.behind[self.rows[k]].push_back(self.columns[k])
            links.before[self.columns[k]].push_back(self.rows[k])
            links.n_behind[self.rows[k]] += 1
            links.n_before[self.columns[k]] += 1
        self.removed.clear()
        refill(self.before_begin, 1, 0)
        refill(self.behind_begin, 1, 0)
        self.before.clear()
        self.before_slot.clear()
        self.behind.clear()
        self.behind_slot.clear()
        self.targets.clear()
        for v in range(self.n):
            least.first = -(<int64_t>links.n_before[v] * links.n_behind[v])
            least.second = v
            enqueue(waiting, least)
        while not waiting.empty():
            least = waiting.top()
            waiting.pop()
            v = least.second
            if links.gone[v] or least.first != -(<int64_t>links.n_before[v] * links.n_behind[v]):
                continue                # removed, or met again with what it adds now
            if -least.first > MOST_PRODUCTS or self.targets.size() > budget:
                break
            self.remove(v, &links)
            # What its neighbours add has changed.
            step = self.removed.size() - 1
            touched.assign(self.before.begin() + self.before_begin[step], self.before.end())
            touched.insert(touched.end(), self.behind.begin() + self.behind_begin[step], self.behind.end())
            for k in range(touched.size()):
                w = touched[k]
                least.first = -(<int64_t>links.n_before[w] * links.n_behind[w])
                least.second = w
                enqueue(waiting, least)
        # What is left.
        self.core.clear()
        refill(place, self.n, NONE)
        for v in range(self.n):
            if not links.gone[v]:
                place[v] = <uint32_t>self.core.size()
                self.core.push_back(v)
        refill(self.core_begin, 1, 0)
        self.core_column.clear()
        self.core_slot.clear()
        for k in range(self.core.size()):
            v = self.core[k]
            for w in range(links.behind[v].size()):
                if not links.gone[links.behind[v][w]]:
                    self.core_column.push_back(place[links.behind[v][w]])
                    self.core_slot.push_back(
                        idmap_find(&self.slot_of, <uint64_t>v << 32 | links.behind[v][w]))
            self.core_begin.push_back(<uint32_t>self.core_column.size())
        return 0

    cdef int remove(self, uint32_t v, Links* links) except -1 nogil:
        """Note the step that removes an index: what leads to it leads to what it leads to."""
        cdef uint32_t i, j, u, w, slot, first = self.before_begin.back(), begin = self.behind_begin.back()
        cdef uint64_t key
        links.gone[v] = 1
        self.removed.push_back(v)
        for i in range(links.before[v].size()):
            u = links.before[v][i]
            if not links.gone[u]:
                self.before.push_back(u)
                self.before_slot.push_back(idmap_find(&self.slot_of, <uint64_t>u << 32 | v))
                links.n_behind[u] -= 1
        for i in range(links.behind[v].size()):
            w = links.behind[v][i]
            if not links.gone[w]:
                self.behind.push_back(w)
                self.behind_slot.push_back(idmap_find(&self.slot_of, <uint64_t>v << 32 | w))
                links.n_before[w] -= 1
        self.before_begin.push_back(<uint32_t>self.before.size())
        self.behind_begin.push_back(<uint32_t>self.behind.size())
        for i in range(first, self.before.size()):
            for j in range(begin, self.behind.size()):
                u = self.before[i]
                w = self.behind[j]
                if u == w:
                    self.targets.push_back(u)
                    continue
                key = <uint64_t>u << 32 | w
                slot = idmap_find(&self.slot_of, key)
                if slot == NONE:
                    slot = <uint32_t>self.values.size()
                    self.values.push_back(0)
                    idmap_put(&self.slot_of, key, slot)
                    links.behind[u].push_back(w)
                    links.before[w].push_back(u)
                    links.n_behind[u] += 1
                    links.n_before[w] += 1
                self.targets.push_back(slot)
        return 0

    cdef void multiply(self, const double* x, double* out) noexcept nogil:
        """``out = J x``."""
        cdef uint32_t i, k
        for i in range(self.n):
            out[i] = self.values[i] * x[i]
        for k in range(self.rows.size()):
            out[self.rows[k]] += self.values[self.n + k] * x[self.columns[k]]

    cdef bint solve(self, double scale, vector[double]& x) except? -1 nogil:
        """Replace ``x``, which is not negative, by the solution of ``(scale - J) y = x``.

        Returns whether ``scale`` is above the spectral radius, so that the solution is not negative; ``x`` is spoilt
        where it is not.
        """
        cdef size_t step, target = 0
        cdef uint32_t i, j, v
        cdef double factor
        self.work.assign(self.values.begin(), self.values.end())
        for step in range(self.removed.size()):
            v = self.removed[step]
            if not scale - self.work[v] > 0:
                return False
            for i in range(self.before_begin[step], self.before_begin[step + 1]):
                factor = self.work[self.before_slot[i]] / (scale - self.work[v])
                x[self.before[i]] += factor * x[v]
                for j in range(self.behind_begin[step], self.behind_begin[step + 1]):
                    self.work[self.targets[target]] += factor * self.work[self.behind_slot[j]]
                    target += 1
        self.sweep.resize(self.core.size())
        for i in range(self.core.size()):
            if not scale - self.work[self.core[i]] > 0:
                return False
            self.sweep[i] = x[self.core[i]]
        if not (self.solve_dense(scale) if self.core.size() <= MOST_DENSE else self.iterate(scale)):
            return False
        for i in range(self.core.size()):
            x[self.core[i]] = self.sweep[i]
        for step in range(self.removed.size(), 0, -1):
            v = self.removed[step - 1]
            for j in range(self.behind_begin[step - 1], self.behind_begin[step]):
                x[v] += self.work[self.behind_slot[j]] * x[self.behind[j]]
            x[v] /= scale - self.work[v]
        return True

    cdef bint solve_dense(self, double scale) except? -1 nogil:
        """Solve for what is left, whose right side and solution are in ``sweep``."""
        cdef size_t m = self.core.size(), g, h, k
        cdef double factor
        cdef double* row
        cdef double* pivot
        refill(self.small, m * (m + 1), 0)
        for g in range(m):
            row = self.small.data() + g * (m + 1)
            row[g] = scale - self.work[self.core[g]]
            row[m] = self.sweep[g]
            for k in range(self.core_begin[g], self.core_begin[g + 1]):
                row[self.core_column[k]] = -self.work[self.core_slot[k]]
        for k in range(m):
            pivot = self.small.data() + k * (m + 1)
            if not pivot[k] > 0:
                return False
            for g in range(k + 1, m):
                row = self.small.data() + g * (m + 1)
                if row[k] != 0:
                    factor = row[k] / pivot[k]
                    for h in range(k + 1, m + 1):
                        row[h] -= factor * pivot[h]
        for k in range(m, 0, -1):
            pivot = self.small.data() + (k - 1) * (m + 1)
            for h in range(k, m):
                pivot[m] -= pivot[h] * self.sweep[h]
            self.sweep[k - 1] = pivot[m] / pivot[k - 1]
        return True

    cdef void lower_solve(self, double scale, double* x) noexcept nogil:
        """Solve with what is on the diagonal of what is left and left of it."""
        cdef uint32_t i, k
        cdef double total
        for i in range(self.core.size()):
            total = x[i]
            for k in range(self.core_begin[i], self.core_begin[i + 1]):
                if self.core_column[k] < i:
                    total += self.work[self.core_slot[k]] * x[self.core_column[k]]
            x[i] = total / (scale - self.work[self.core[i]])

    cdef void step(self, double scale, const double* x, double* out) noexcept nogil:
        """``out`` = x less what :meth:`lower_solve` makes of what is right of the diagonal."""
        cdef uint32_t i, k
        cdef double total
        for i in range(self.core.size()):
            total = 0
            for k in range(self.core_begin[i], self.core_begin[i + 1]):
                if self.core_column[k] > i:
                    total += self.work[self.core_slot[k]] * x[self.core_column[k]]
            out[i] = total
        self.lower_solve(scale, out)
        for i in range(self.core.size()):
            out[i] = x[i] - out[i]

    cdef bint iterate(self, double scale) except? -1 nogil:
        """The same by GMRES, restarted, with :meth:`lower_solve` as its preconditioner."""
        cdef uint32_t n = <uint32_t>self.core.size(), i, j, k, used, again
        cdef vector[double] y, right, cosine, sine, target
        cdef double* v
        cdef double* w
        cdef double* column
        cdef double norm, size, value, other, last = 0
        right.assign(self.sweep.begin(), self.sweep.end())
        self.lower_solve(scale, right.data())
        size = sqrt(dot(right.data(), right.data(), n))
        if size == 0:
            return True
        refill(y, n, 0)
        self.basis.resize(<size_t>n * (RESTART + 1))
        self.hessenberg.resize((RESTART + 1) * RESTART)
        cosine.resize(RESTART)
        sine.resize(RESTART)
        target.resize(RESTART + 1)
        for again in range(ROUNDS):
            v = self.basis.data()
            self.step(scale, y.data(), v)
            for i in range(n):
                v[i] = right[i] - v[i]
            norm = sqrt(dot(v, v, n))
            if not norm > 1e-16 * size or (again and norm > 0.9 * last):
                break
            last = norm
            for i in range(n):
                v[i] /= norm
            refill(target, RESTART + 1, 0)
            target[0] = norm
            used = 0
            for j in range(RESTART):
                w = self.basis.data() + <size_t>n * (j + 1)
                column = self.hessenberg.data() + j * (RESTART + 1)
                self.step(scale, self.basis.data() + <size_t>n * j, w)
                for k in range(j + 1):
                    column[k] = dot(w, self.basis.data() + <size_t>n * k, n)
                    for i in range(n):
                        w[i] -= column[k] * self.basis[<size_t>n * k + i]
                column[j + 1] = sqrt(dot(w, w, n))
                norm = column[j + 1]
                for k in range(j):
                    value = cosine[k] * column[k] + sine[k] * column[k + 1]
                    column[k + 1] = cosine[k] * column[k + 1] - sine[k] * column[k]
                    column[k] = value
                other = sqrt(column[j] * column[j] + norm * norm)
                if other == 0:
                    break
                cosine[j] = column[j] / other
                sine[j] = norm / other
                column[j] = other
                target[j + 1] = -sine[j] * target[j]
                target[j] *= cosine[j]
                used = j + 1
                if fabs(target[j + 1]) <= 1e-16 * size or norm <= 1e-300:
                    break
                for i in range(n):
                    w[i] /= norm
            for k in range(used, 0, -1):
                for j in range(k, used):
                    target[k - 1] -= self.hessenberg[j * (RESTART + 1) + k - 1] * target[j]
                target[k - 1] /= self.hessenberg[(k - 1) * (RESTART + 1) + k - 1]
            for k in range(used):
                for i in range(n):
                    y[i] += target[k] * self.basis[<size_t>n * k + i]
        # Whether it is a solution, and one that is not negative but for rounding.
        self.step(scale, y.data(), self.basis.data())
        norm = other = 0
        for i in range(n):
            norm = max(norm, fabs(right[i] - self.basis[i]))
            other = max(other, fabs(y[i]))
        for i in range(n):
            if not y[i] >= -1e-9 * other:
                return False
            self.sweep[i] = max(y[i], 0.0)
        return norm <= 1e-6 * size

    cdef bint is_below(self, double scale) except? -1 nogil:
        """Whether the spectral radius is."""
        cdef vector[double] ones
        if self.core.size() > MOST_DENSE:
            return self.radius() < scale
        refill(ones, self.n, 1)
        return self.solve(scale, ones)

    cdef double radius(self) except? -1 nogil:
        """The spectral radius, or what it is certainly not above."""
        cdef vector[double] x, w
        cdef double low = 0, high = INFINITY, least, most, largest
        cdef uint32_t i
        cdef int again, powers = POWERS if self.core.size() > MOST_DENSE else 0
        if self.n == 1:
            return self.values[0]
        refill(x, self.n, 1)
        w.resize(self.n)
        for again in range(powers + INVERSIONS):
            self.multiply(x.data(), w.data())
            least = most = w[0] / x[0]
            for i in range(self.n):
                least = min(least, w[i] / x[i])
                most = max(most, w[i] / x[i])
            # The quotients of any positive vector enclose the radius.
            low = max(low, least)
            if again > powers and most >= high:
                break
            high = min(high, most)
            if high - low <= 1e-14 * high:
                return high
            if again < powers:
                # In a tangle powers tell soon; with something of x, so that cycles do not make them swing.
                for i in range(self.n):
                    w[i] += 0.2 * high * x[i]
            else:
                # Noda's inverse iteration: from above, and quadratically.
                w.assign(x.begin(), x.end())
                if not self.solve(high, w):
                    break
            largest = 0
            for i in range(self.n):
                largest = max(largest, w[i])
            for i in range(self.n):
                x[i] = max(w[i] / largest, SMALLEST)
        # Eigenvectors whose values differ too much for floating point: halve what is left.
        for _ in range(60):
            if high - low <= 1e-12 * high or self.core.size() > MOST_DENSE:
                break
            most = low + (high - low) / 2
            if self.is_below(most):
                high = most
            else:
                low = most
        return high


cdef double dot(const double* a, const double* b, uint32_t n) noexcept nogil:
    cdef double total = 0
    cdef uint32_t i
    for i in range(n):
        total += a[i] * b[i]
    return total


cdef int group_by_component(const vector[uint32_t]& component, uint32_t n_components,
                            vector[uint32_t]& members, vector[uint32_t]& begin) except -1 nogil:
    """The members of each component ``c``: ``members[begin[c]:begin[c + 1]]``."""
    cdef uint32_t i
    cdef vector[uint32_t] at
    refill(begin, n_components + 1, 0)
    for i in range(component.size()):
        begin[component[i] + 1] += 1
    for i in range(n_components):
        begin[i + 1] += begin[i]
    at.assign(begin.begin(), begin.end())
    members.resize(component.size())
    for i in range(component.size()):
        members[at[component[i]]] = i
        at[component[i]] += 1
    return 0


def spectral_radii(const int32_t[::1] rows not None, const int32_t[::1] columns not None,
                   const double[::1] values not None, uint32_t n):
    """The spectral radius of each strongly connected component of a sparse matrix.

    Parameters
    ----------
    rows, columns : int32[entries]
    values : float64[entries]
        Not negative; those of the same place add up. Zeros are no entries.
    n : int
        Number of rows.

    Returns
    -------
    float64[n]
        That of the component that each index belongs to.
    """
    radii = np.zeros(n)
    cdef double[::1] out = radii
    cdef vector[uint32_t] begin, at, successors, component, members, members_begin, local, local_rows, local_columns
    cdef vector[uint32_t] entries, slots
    cdef uint32_t n_components, c, i, k, m
    cdef double radius
    cdef Matrix matrix = Matrix()
    with nogil:
        refill(begin, n + 1, 0)
        for k in range(rows.shape[0]):
            begin[rows[k] + 1] += values[k] > 0
        for i in range(n):
            begin[i + 1] += begin[i]
        at.assign(begin.begin(), begin.end())
        successors.resize(begin[n])
        entries.resize(begin[n])
        for k in range(rows.shape[0]):
            if values[k] > 0:
                successors[at[rows[k]]] = columns[k]
                entries[at[rows[k]]] = k
                at[rows[k]] += 1
        n_components = strong_components(begin, successors, component)
        group_by_component(component, n_components, members, members_begin)
        refill(local, n, 0)
        for c in range(n_components):
            m = members_begin[c + 1] - members_begin[c]
            for i in range(m):
                local[members[members_begin[c] + i]] = i
            local_rows.clear()
            local_columns.clear()
            at.clear()
            for i in range(members_begin[c], members_begin[c + 1]):
                for k in range(begin[members[i]], begin[members[i] + 1]):
                    if component[successors[k]] == c:
                        local_rows.push_back(i - members_begin[c])
                        local_columns.push_back(local[successors[k]])
                        at.push_back(entries[k])
            if at.empty():
                continue
            matrix.build(m, local_rows, local_columns, slots)
            for k in range(at.size()):
                matrix.values[slots[k]] += values[at[k]]
            radius = matrix.radius()
            for i in range(members_begin[c], members_begin[c + 1]):
                out[members[i]] = radius
    return radii
