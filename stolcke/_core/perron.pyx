"""Linear equations and the largest eigenvalue of sparse non-negative matrices.

The matrices are those of one strongly connected component of a grammar: what a
nonterminal leads to on average.  Rows are put in the order in which a search in
depth leaves them, so that all entries are left of the diagonal but for those of
edges that lead back.  The targets of these, the *heads*, are few in grammars,
however long their chains and cycles are: with the values at the heads given,
the rest is one sweep, and a dense system among the heads alone is solved by
elimination.  Where there are too many heads, the same sweep is what makes a
Krylov method converge.

For a non-negative matrix J of one component, s - J has a non-negative inverse
exactly where s is above its spectral radius, and elimination meets a pivot
that is not positive exactly where it is not.  So solving also decides.
"""

import numpy as np

from libc.math cimport fabs, sqrt
from libc.stdint cimport int32_t, uint32_t
from libcpp.vector cimport vector

from stolcke._core.components cimport strong_components
from stolcke._core.types cimport NONE


cdef enum:
    MOST_HEADS = 400                    # that are eliminated
    RESTART = 50                        # vectors of a Krylov space
    ROUNDS = 40                         # such spaces, one after the other

cdef double SMALLEST = 1e-290           # what eigenvectors are kept above


cdef class Matrix:
    """A matrix of one component; :meth:`build` makes its pattern, ``values`` are written by others."""

    cdef int build(self, uint32_t n, const vector[uint32_t]& rows, const vector[uint32_t]& columns,
                   vector[uint32_t]& slots) except -1 nogil:
        """Set the places of entries, which may occur several times; ``slots`` says where in ``values`` each is."""
        cdef vector[uint32_t] by_row, row_begin, seen, next_place, head_of
        cdef uint32_t k, i, r, c, side
        self.n = n
        self.order(rows, columns)
        row_begin.assign(n + 1, 0)
        for k in range(rows.size()):
            row_begin[self.place[rows[k]] + 1] += 1
        for i in range(n):
            row_begin[i + 1] += row_begin[i]
        next_place = row_begin
        by_row.resize(rows.size())
        for k in range(rows.size()):
            r = self.place[rows[k]]
            by_row[next_place[r]] = k
            next_place[r] += 1
        slots.resize(rows.size())
        seen.assign(n, NONE)
        self.column.assign(n, 0)
        self.begin.assign(n + 1, n)
        self.middle.assign(n, n)
        for i in range(n):
            self.column[i] = i
        for i in range(n):
            self.begin[i] = <uint32_t>self.column.size()
            for side in range(2):
                for k in range(row_begin[i], row_begin[i + 1]):
                    c = self.place[columns[by_row[k]]]
                    if c == i:
                        slots[by_row[k]] = i
                    elif (c > i) == <bint>side:
                        if seen[c] == NONE or seen[c] < self.begin[i]:
                            seen[c] = <uint32_t>self.column.size()
                            self.column.push_back(c)
                        slots[by_row[k]] = seen[c]
                if side == 0:
                    self.middle[i] = <uint32_t>self.column.size()
        self.begin[n] = <uint32_t>self.column.size()
        self.values.assign(self.column.size(), 0)
        # By column, what is right of the diagonal.
        self.heads.clear()
        self.upper_begin.assign(1, 0)
        head_of.assign(n, 0)
        for i in range(n):
            for k in range(self.middle[i], self.begin[i + 1]):
                head_of[self.column[k]] += 1
        for c in range(n):
            if head_of[c]:
                self.upper_begin.push_back(self.upper_begin.back() + head_of[c])
                head_of[c] = <uint32_t>self.heads.size()
                self.heads.push_back(c)
        next_place = self.upper_begin
        self.upper_row.resize(self.upper_begin.back())
        self.upper_slot.resize(self.upper_begin.back())
        for i in range(n):
            for k in range(self.middle[i], self.begin[i + 1]):
                c = head_of[self.column[k]]
                self.upper_row[next_place[c]] = i
                self.upper_slot[next_place[c]] = k
                next_place[c] += 1
        return 0

    cdef int order(self, const vector[uint32_t]& rows, const vector[uint32_t]& columns) except -1 nogil:
        """Give each index the place in which a search in depth from index 0 leaves it."""
        cdef vector[uint32_t] begin, at, target, path
        cdef uint32_t k, i, t, left = 0
        begin.assign(self.n + 1, 0)
        for k in range(rows.size()):
            begin[rows[k] + 1] += 1
        for i in range(self.n):
            begin[i + 1] += begin[i]
        at = begin
        target.resize(rows.size())
        for k in range(rows.size()):
            target[at[rows[k]]] = columns[k]
            at[rows[k]] += 1
        at = begin
        self.place.assign(self.n, NONE)
        for i in range(self.n):
            if self.place[i] != NONE:
                continue
            self.place[i] = 0               # met; its place is known when it is left
            path.push_back(i)
            while not path.empty():
                t = path.back()
                if at[t] == begin[t + 1]:
                    self.place[t] = left
                    left += 1
                    path.pop_back()
                    continue
                k = target[at[t]]
                at[t] += 1
                if self.place[k] == NONE:
                    self.place[k] = 0
                    path.push_back(k)
        return 0

    cdef void multiply(self, const double* x, double* out) noexcept nogil:
        """``out = J x``."""
        cdef uint32_t i, k
        cdef double total
        for i in range(self.n):
            total = self.values[i] * x[i]
            for k in range(self.begin[i], self.begin[i + 1]):
                total += self.values[k] * x[self.column[k]]
            out[i] = total

    cdef void lower_solve(self, double scale, double* x, uint32_t first) noexcept nogil:
        """Solve with what is on the diagonal of ``scale - J`` and left of it; ``x`` is zero before ``first``."""
        cdef uint32_t i, k
        cdef double total
        for i in range(first, self.n):
            total = x[i]
            for k in range(self.begin[i], self.middle[i]):
                total += self.values[k] * x[self.column[k]]
            x[i] = total / (scale - self.values[i])

    cdef bint solve(self, double scale, vector[double]& x) except? -1 nogil:
        """Replace ``x``, which is not negative, by the solution of ``(scale - J) y = x``.

        Returns whether ``scale`` is above the spectral radius, so that the solution is not negative; ``x`` is spoilt
        where it is not.
        """
        cdef uint32_t i
        for i in range(self.n):
            if not scale - self.values[i] > 0:
                return False
        if self.heads.size() <= MOST_HEADS:
            return self.solve_heads(scale, x)
        return self.iterate(scale, x)

    cdef bint solve_heads(self, double scale, vector[double]& x) except? -1 nogil:
        cdef size_t m = self.heads.size(), g, h, k
        cdef uint32_t i
        cdef double factor
        cdef double* row
        cdef double* pivot
        # The heads' values z fulfil z = K z + z0, where z0 is what they are without edges that lead back.
        self.small.assign(m * (m + 1), 0)
        for h in range(m):
            self.sweep.assign(self.n, 0)
            for k in range(self.upper_begin[h], self.upper_begin[h + 1]):
                self.sweep[self.upper_row[k]] = self.values[self.upper_slot[k]]
            self.lower_solve(scale, self.sweep.data(), self.upper_row[self.upper_begin[h]])
            for g in range(m):
                self.small[g * (m + 1) + h] = (g == h) - self.sweep[self.heads[g]]
        self.sweep = x
        self.lower_solve(scale, self.sweep.data(), 0)
        for g in range(m):
            self.small[g * (m + 1) + m] = self.sweep[self.heads[g]]
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
                pivot[m] -= pivot[h] * self.small[h * (m + 1) + m]
            pivot[m] /= pivot[k - 1]
        for h in range(m):
            for k in range(self.upper_begin[h], self.upper_begin[h + 1]):
                x[self.upper_row[k]] += self.values[self.upper_slot[k]] * self.small[h * (m + 1) + m]
        self.lower_solve(scale, x.data(), 0)
        for i in range(self.n):
            if not x[i] >= 0:
                return False
        return True

    cdef bint iterate(self, double scale, vector[double]& x) except? -1 nogil:
        """GMRES, restarted, with the sweep of :meth:`lower_solve` as its preconditioner."""
        cdef uint32_t n = self.n, i, j, k, used, again
        cdef vector[double] y, right, cosine, sine, target
        cdef double* v
        cdef double* w
        cdef double* column
        cdef double norm, size, value, other, last = 0
        right = x
        self.lower_solve(scale, right.data(), 0)
        size = sqrt(dot(right.data(), right.data(), n))
        if size == 0:
            return True
        y.assign(n, 0)
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
            target.assign(RESTART + 1, 0)
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
            x[i] = max(y[i], 0.0)
        return norm <= 1e-6 * size

    cdef void step(self, double scale, const double* x, double* out) noexcept nogil:
        """``out`` = x less what one sweep makes of the edges that lead back."""
        cdef uint32_t i, k
        cdef double total
        for i in range(self.n):
            total = 0
            for k in range(self.middle[i], self.begin[i + 1]):
                total += self.values[k] * x[self.column[k]]
            out[i] = total
        self.lower_solve(scale, out, 0)
        for i in range(self.n):
            out[i] = x[i] - out[i]

    cdef double radius(self) except? -1 nogil:
        """The spectral radius, by Noda's inverse iteration: from above, and quadratically."""
        cdef vector[double] x, w
        cdef double low = 0, high = 0, least, most, largest
        cdef uint32_t i, again
        if self.n == 1:
            return self.values[0]
        x.assign(self.n, 1)
        w.resize(self.n)
        for again in range(60):
            self.multiply(x.data(), w.data())
            least = most = w[0] / x[0]
            for i in range(self.n):
                least = min(least, w[i] / x[i])
                most = max(most, w[i] / x[i])
            # The quotients of any positive vector enclose the radius.
            low = max(low, least)
            if again and most >= high:
                break
            high = most
            if high - low <= 1e-14 * high:
                return high
            w = x
            if not self.solve(high, w):
                break
            largest = 0
            for i in range(self.n):
                largest = max(largest, w[i])
            for i in range(self.n):
                x[i] = max(w[i] / largest, SMALLEST)
        # Eigenvectors whose values differ too much for floating point: halve what is left.
        for _ in range(60):
            if high - low <= 1e-12 * high or self.heads.size() > MOST_HEADS:
                break
            x.assign(self.n, 1)
            most = low + (high - low) / 2
            if self.solve(most, x):
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
    begin.assign(n_components + 1, 0)
    for i in range(component.size()):
        begin[component[i] + 1] += 1
    for i in range(n_components):
        begin[i + 1] += begin[i]
    at = begin
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
        begin.assign(n + 1, 0)
        for k in range(rows.shape[0]):
            begin[rows[k] + 1] += values[k] > 0
        for i in range(n):
            begin[i + 1] += begin[i]
        at = begin
        successors.resize(begin[n])
        entries.resize(begin[n])
        for k in range(rows.shape[0]):
            if values[k] > 0:
                successors[at[rows[k]]] = columns[k]
                entries[at[rows[k]]] = k
                at[rows[k]] += 1
        n_components = strong_components(begin, successors, component)
        group_by_component(component, n_components, members, members_begin)
        local.assign(n, 0)
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
