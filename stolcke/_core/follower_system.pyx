"""What may follow the members of a component, as linear equations.

Where a rule of one member ends with another one, what follows the first follows
the second, too: with U[a, b] how often a ends where b ends, and D[a] what follows
a otherwise, ``E = D + U E``.  The members that end with each other in a circle
are solved together, ``E = (1 - U)**-1 D``, the others by putting in what is known.
"""

from libc.math cimport fabs

from stolcke._core.components cimport strong_components
from stolcke._core.containers cimport refill


cdef extern from *:
    """
    #include <algorithm>
    #include <tuple>
    #include <vector>
    /* By weight at last, so that sums are taken in one order whatever came first. */
    template <class F> static void sort_followers(std::vector<F>& v) {
        std::sort(v.begin(), v.end(), [](const F& a, const F& b) {
            return std::make_tuple(a.suffix, a.continuation, a.weight)
                   < std::make_tuple(b.suffix, b.continuation, b.weight);
        });
    }
    """
    void sort_followers(vector[Follower]& v) noexcept nogil


cdef class FollowerSystem:

    def __cinit__(self, double threshold):
        self.threshold = threshold

    cdef int start(self, uint32_t n) except -1 nogil:
        """Begin with the equations of ``n`` members."""
        cdef uint32_t m
        self.n = n
        refill(self.accepts, n, 0.0)
        refill(self.losses, n, 0.0)
        if self.units.size() < n:
            self.followers.resize(n)
            self.units.resize(n)
        for m in range(n):
            self.followers[m].clear()
            self.units[m].clear()
        return 0

    cdef void accept(self, uint32_t member, double ending, double lost) noexcept nogil:
        """After the member the text may end; and something was lost to pruning."""
        self.accepts[member] += ending
        self.losses[member] += lost

    cdef int close(self) except -1 nogil:
        """Where a member ends with another one, what follows the other follows it."""
        cdef uint32_t m, k, other, n_classes, at, n = self.n
        cdef bint within
        cdef vector[vector[uint32_t]] classes
        cdef size_t j
        refill(self.unit_begin, 1, 0)
        self.unit_to.clear()
        for m in range(n):
            for j in range(self.units[m].size()):
                self.unit_to.push_back(self.units[m][j].column)
            self.unit_begin.push_back(<uint32_t>self.unit_to.size())
        if self.unit_to.empty():
            for m in range(n):
                self.combine(m)
            return 0
        n_classes = strong_components(self.unit_begin, self.unit_to, self.class_of)
        classes.resize(n_classes)
        for m in range(n):
            classes[self.class_of[m]].push_back(m)
        for at in range(n_classes):             # each after all that it ends with
            within = False
            for k in range(<uint32_t>classes[at].size()):
                m = classes[at][k]
                for j in range(self.units[m].size()):
                    other = self.units[m][j].column
                    if self.class_of[other] == at:
                        within = True
                    else:
                        self.add_scaled(m, other, self.units[m][j].share)
            if within:
                self.close_class(classes[at])
            for k in range(<uint32_t>classes[at].size()):
                self.combine(classes[at][k])
        return 0

    cdef int add_scaled(self, uint32_t member, uint32_t other, double weight) except -1 nogil:
        cdef size_t i
        cdef Follower f
        self.accepts[member] += weight * self.accepts[other]
        self.losses[member] += weight * self.losses[other]
        for i in range(self.followers[other].size()):
            f = self.followers[other][i]
            f.weight *= weight
            self.followers[member].push_back(f)
        return 0

    cdef int close_class(self, const vector[uint32_t]& members) except -1 nogil:
        """Solve ``E = D + U E`` for members that end with each other: ``E = (1 - U)**-1 D``."""
        cdef size_t s = members.size(), i, j, k, best
        cdef vector[double] u, accepts, losses
        cdef vector[vector[Follower]] given
        cdef double value
        cdef Follower f
        if s > LARGEST:
            self.refused = s
            return 0
        # One half is 1 - U, the other becomes its inverse.
        u.resize(2 * s * s, 0.0)
        for i in range(s):
            u[2 * s * i + i] = u[2 * s * i + s + i] = 1.0
            for k in range(self.units[members[i]].size()):
                for j in range(s):
                    if members[j] == self.units[members[i]][k].column:
                        u[2 * s * i + j] -= self.units[members[i]][k].share
        for i in range(s):
            best = i
            for j in range(i + 1, s):
                if fabs(u[2 * s * j + i]) > fabs(u[2 * s * best + i]):
                    best = j
            for k in range(2 * s):
                value = u[2 * s * i + k]
                u[2 * s * i + k] = u[2 * s * best + k]
                u[2 * s * best + k] = value
            value = u[2 * s * i + i]
            for k in range(2 * s):
                u[2 * s * i + k] /= value
            for j in range(s):
                value = u[2 * s * j + i]
                if j != i and value != 0:
                    for k in range(2 * s):
                        u[2 * s * j + k] -= value * u[2 * s * i + k]
        given.resize(s)
        for i in range(s):
            given[i].swap(self.followers[members[i]])
            accepts.push_back(self.accepts[members[i]])
            losses.push_back(self.losses[members[i]])
        for i in range(s):
            self.accepts[members[i]] = self.losses[members[i]] = 0.0
            for j in range(s):
                value = u[2 * s * i + s + j]
                if value > 0:
                    self.accepts[members[i]] += value * accepts[j]
                    self.losses[members[i]] += value * losses[j]
                    for k in range(given[j].size()):
                        f = given[j][k]
                        f.weight *= value
                        self.followers[members[i]].push_back(f)
        return 0

    cdef int combine(self, uint32_t member) except -1 nogil:
        """Let each follower of a member be there once."""
        cdef size_t i = 0, j, n = 0
        cdef vector[Follower]* all_ = &self.followers[member]
        cdef Follower f
        cdef double most = 0.0
        sort_followers(all_[0])
        while i < all_.size():
            f = all_[0][i]
            j = i + 1
            while (j < all_.size() and all_[0][j].suffix == f.suffix
                    and all_[0][j].continuation == f.continuation):
                f.weight += all_[0][j].weight
                j += 1
            most = max(most, f.weight)
            all_[0][n] = f
            n += 1
            i = j
        all_.resize(n)
        if self.threshold > 0:
            self.prune(member, min(self.threshold, most))
        return 0

    cdef int prune(self, uint32_t member, double least) except -1 nogil:
        """Leave out followers of less than a weight."""
        cdef size_t i, n = 0
        cdef vector[Follower]* all_ = &self.followers[member]
        for i in range(all_.size()):
            if all_[0][i].weight < least:
                self.losses[member] += all_[0][i].weight
            else:
                all_[0][n] = all_[0][i]
                n += 1
        all_.resize(n)
        return 0
