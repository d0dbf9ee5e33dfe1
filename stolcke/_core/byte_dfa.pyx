"""Minimal automata over bytes, as values: compact, and compared, hashed and joined without Python's arrays.

A JSON Schema makes two for each name that it has, most of which nobody has
seen before, so that what each costs by itself is what counts.
"""

import numpy as np

from libc.string cimport memcpy

from stolcke._core.containers cimport refill
from stolcke._core.minimize cimport minimize_bytes
from stolcke._core.types cimport mix64

__all__ = ["ByteDfa"]

cdef enum:
    MOST_HASHED = 512                # edges


cdef ByteDfa byte_dfa(Dfa& dfa):
    """The value of an automaton that is minimal and numbered breadth first."""
    cdef ByteDfa made = ByteDfa.__new__(ByteDfa)
    cdef size_t i
    made.offsets.assign(dfa.offsets.begin(), dfa.offsets.end())
    made.target.assign(dfa.target.begin(), dfa.target.end())
    made.accepting.assign(dfa.accepting.begin(), dfa.accepting.end())
    made.low.resize(dfa.low.size())
    made.high.resize(dfa.low.size())
    for i in range(dfa.low.size()):
        made.low[i] = <uint8_t>dfa.low[i]
        made.high[i] = <uint8_t>dfa.high[i]
    return made


cdef int32_t the_end(ByteDfa first) noexcept:
    """The state in which all texts end; -1 where there is none, or some text is a prefix of another."""
    cdef int32_t end = -1, s
    for s in range(<int32_t>first.accepting.size()):
        if first.accepting[s]:
            if end >= 0 or first.offsets[s] != first.offsets[s + 1]:
                return -1
            end = s
    return end


cdef bint ends_apart(ByteDfa first, int32_t end, ByteDfa after) noexcept:
    """Whether the bytes that lead to the end of the first automaton are in no text of the second."""
    cdef bint[256] leads_there
    cdef size_t e
    cdef int32_t byte
    for byte in range(256):
        leads_there[byte] = False
    for e in range(first.target.size()):
        if first.target[e] == end:
            for byte in range(first.low[e], first.high[e] + 1):
                leads_there[byte] = True
    for e in range(after.target.size()):
        for byte in range(after.low[e], after.high[e] + 1):
            if leads_there[byte]:
                return False
    return True


cdef int join(ByteDfa first, int32_t end, ByteDfa after, Dfa& result) except -1:
    """Put the start of the second automaton in the place of the first one's end, and number breadth first."""
    cdef vector[int32_t] number, order
    cdef int32_t n = <int32_t>first.accepting.size(), s, e, last, target, shift
    cdef size_t done = 0
    refill(number, n + after.accepting.size(), -1)
    order.reserve(number.size())
    result.offsets.reserve(number.size())
    result.accepting.reserve(number.size())
    result.low.reserve(first.target.size() + after.target.size())
    result.high.reserve(first.target.size() + after.target.size())
    result.target.reserve(first.target.size() + after.target.size())
    # States of the second are numbered on from those of the first.
    order.push_back(n if end == 0 else 0)
    number[order[0]] = 0
    result.offsets.push_back(0)
    while done < order.size():
        s = order[done]
        done += 1
        if s < n:
            shift = 0
            result.accepting.push_back(False)
            e = first.offsets[s]
            last = first.offsets[s + 1]
        else:
            shift = n
            result.accepting.push_back(after.accepting[s - n])
            e = after.offsets[s - n]
            last = after.offsets[s - n + 1]
        while e < last:
            if shift:
                result.low.push_back(after.low[e])
                result.high.push_back(after.high[e])
                target = after.target[e] + n
            else:
                result.low.push_back(first.low[e])
                result.high.push_back(first.high[e])
                target = n if first.target[e] == end else first.target[e]
            if number[target] < 0:
                number[target] = <int32_t>order.size()
                order.push_back(target)
            result.target.push_back(number[target])
            e += 1
        result.offsets.push_back(<int32_t>result.target.size())
    return 0


cdef readonly_copy(const void* data, size_t count, dtype):
    array = np.empty(count, dtype)
    cdef uint8_t[::1] view = array.view(np.uint8)
    if view.shape[0]:
        memcpy(&view[0], data, view.shape[0])
    array.flags.writeable = False
    return array


cdef class ByteDfa:
    """A minimal deterministic automaton over bytes; immutable, equal where the languages are."""

    @staticmethod
    def from_arrays(
        const int32_t[::1] offsets, const uint8_t[::1] low, const uint8_t[::1] high, const int32_t[::1] target,
        const uint8_t[::1] accepting,
    ):
        """Take the arrays that :func:`stolcke._core.minimize.minimize` returns."""
        cdef ByteDfa made = ByteDfa.__new__(ByteDfa)
        made.offsets.assign(&offsets[0], &offsets[0] + offsets.shape[0])
        if low.shape[0]:
            made.low.assign(&low[0], &low[0] + low.shape[0])
            made.high.assign(&high[0], &high[0] + low.shape[0])
            made.target.assign(&target[0], &target[0] + low.shape[0])
        if accepting.shape[0]:
            made.accepting.assign(&accepting[0], &accepting[0] + accepting.shape[0])
        return made

    def arrays(self):
        """Make the arrays of :meth:`from_arrays`; they cannot be written to."""
        return (
            readonly_copy(self.offsets.data(), self.offsets.size(), np.int32),
            readonly_copy(self.low.data(), self.low.size(), np.uint8),
            readonly_copy(self.high.data(), self.high.size(), np.uint8),
            readonly_copy(self.target.data(), self.target.size(), np.int32),
            readonly_copy(self.accepting.data(), self.accepting.size(), np.uint8),
        )

    @property
    def n_states(self):
        return self.accepting.size()

    @property
    def matches_empty(self):
        """Whether the empty text is accepted."""
        return not self.accepting.empty() and bool(self.accepting[0])

    def then(self, ByteDfa after not None):
        r"""Make the automaton of a text of this language and then one of another.

        No text of this one may be a prefix of another: then it ends in a single
        state without edges, and the start of the second takes its place.

        The result is minimal as joined where the bytes that lead to the end, as
        the closing quote does, are in no text of the second.  Let X and Y be
        what leads from two states of the first to its end, and L the second
        language.  If X L = Y L, then X = Y: else let u be a shortest text in
        just one of them, say X, and w a shortest one of L.  u w is in Y L, so
        it is v z with v in Y and z in L.  v = u is not in Y; a v shorter than u
        is in X too, where it would be a prefix of u; a longer one leaves a z
        shorter than w.  Nor can X L be what remains from a state of the second:
        its texts have a byte that leads to the end.

        Returns
        -------
        ByteDfa or None
            None where some text of this language is a prefix of another, or a language is empty.
        """
        cdef int32_t end = the_end(self)
        cdef Dfa joined, minimal
        if end < 0 or after.accepting.empty():
            return None
        join(self, end, after, joined)
        if end == 0 or ends_apart(self, end, after):
            return byte_dfa(joined)
        minimize_bytes(joined, minimal)
        return byte_dfa(minimal)

    def __eq__(self, other):
        cdef ByteDfa that
        if not isinstance(other, ByteDfa):
            return NotImplemented
        that = <ByteDfa>other
        return self is that or (
            self.accepting == that.accepting
            and self.offsets == that.offsets
            and self.low == that.low
            and self.high == that.high
            and self.target == that.target
        )

    def __hash__(self):
        # Of a large automaton some edges say enough: two that agree in these and in size are compared, which is seldom.
        cdef uint64_t value = mix64(self.accepting.size(), self.target.size())
        cdef size_t i = 0, step = 1 + self.target.size() // MOST_HASHED
        if self.hash_value == 0:
            while i < self.target.size():
                value = mix64(value, <uint64_t>self.target[i] << 16 | <uint64_t>self.low[i] << 8 | self.high[i])
                i += step
            i = 0
            while i < self.accepting.size():
                value = mix64(value, (<uint64_t>self.offsets[i] << 1) + self.accepting[i])
                i += step
            self.hash_value = value | 1
        return <Py_hash_t>(self.hash_value >> 2)
