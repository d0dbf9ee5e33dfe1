"""Rows of a deterministic automaton that is built from its ends, each kept once.

Where the rows that a row leads to are known before it, and equal rows are one,
no two states without cycles between them are equivalent: a dictionary comes
out minimal without a pass of its own.
"""

from libc.stdint cimport int32_t, uint64_t
from libcpp.vector cimport vector

from stolcke._core.containers cimport refill
from stolcke._core.minimize cimport Dfa
from stolcke._core.subsets cimport Edge
from stolcke._core.types cimport mix64


cdef int32_t append_row(Rows& rows, const Edge* row, size_t size, bint accepting) except -1 nogil:
    """Add a row and give its number."""
    if rows.begin.empty():
        rows.begin.push_back(0)
    rows.edges.insert(rows.edges.end(), row, row + size)
    rows.begin.push_back(rows.edges.size())
    rows.accepting.push_back(accepting)
    return <int32_t>rows.accepting.size() - 1


cdef bint is_row(Rows& rows, int32_t number, const Edge* row, size_t size, bint accepting) noexcept nogil:
    cdef size_t i, begin = rows.begin[number]
    cdef const Edge* edge
    if rows.accepting[number] != accepting or rows.begin[number + 1] - begin != size:
        return False
    for i in range(size):
        edge = &rows.edges[begin + i]
        if edge.low != row[i].low or edge.high != row[i].high or edge.target != row[i].target:
            return False
    return True


cdef int grow(Rows& rows) except -1 nogil:
    cdef size_t mask, slot
    cdef int32_t number
    refill(rows.slots, max(<size_t>64, 2 * rows.slots.size()), -1)
    mask = rows.slots.size() - 1
    for number in range(row_count(rows)):
        slot = rows.hashes[number] & mask
        while rows.slots[slot] >= 0:
            slot = (slot + 1) & mask
        rows.slots[slot] = number
    return 0


cdef int32_t intern_row(Rows& rows, const Edge* row, size_t size, bint accepting) except -1 nogil:
    """Give the number of a row, and add it where it is new."""
    cdef uint64_t hash = mix64(size, accepting)
    cdef size_t i, slot, mask
    cdef int32_t number
    for i in range(size):
        hash = mix64(hash, (<uint64_t>row[i].low << 43) ^ (<uint64_t>row[i].high << 22) ^ <uint64_t>row[i].target)
    hash ^= hash >> 32
    if 2 * rows.accepting.size() >= rows.slots.size():
        grow(rows)
    mask = rows.slots.size() - 1
    slot = hash & mask
    while True:
        number = rows.slots[slot]
        if number < 0:
            break
        if rows.hashes[number] == hash and is_row(rows, number, row, size, accepting):
            return number
        slot = (slot + 1) & mask
    number = append_row(rows, row, size, accepting)
    rows.hashes.push_back(hash)
    rows.slots[slot] = number
    return number


cdef int number_rows(Rows& named, Rows& interned, int32_t start, Dfa& result) except -1 nogil:
    """Number the rows that ``start`` reaches, breadth first along edges in their order.

    Numbers below the count of ``named`` speak of its rows, others of
    ``interned``'s, from there on.
    """
    cdef vector[int32_t] number, order
    cdef int32_t split = row_count(named), row
    cdef size_t kept = 0
    cdef const Edge* edge
    cdef const Edge* end
    refill(number, split + row_count(interned), -1)
    number[start] = 0
    order.reserve(number.size())
    order.push_back(start)
    result.offsets.push_back(0)
    result.target.reserve(named.edges.size() + interned.edges.size())
    result.low.reserve(named.edges.size() + interned.edges.size())
    result.high.reserve(named.edges.size() + interned.edges.size())
    while kept < order.size():
        row = order[kept]
        kept += 1
        if row < split:
            edge = named.edges.data() + named.begin[row]
            end = named.edges.data() + named.begin[row + 1]
            result.accepting.push_back(named.accepting[row])
        else:
            row -= split
            edge = interned.edges.data() + interned.begin[row]
            end = interned.edges.data() + interned.begin[row + 1]
            result.accepting.push_back(interned.accepting[row])
        while edge != end:
            if number[edge.target] < 0:
                number[edge.target] = <int32_t>order.size()
                order.push_back(edge.target)
            result.low.push_back(edge.low)
            result.high.push_back(edge.high)
            result.target.push_back(number[edge.target])
            edge += 1
        result.offsets.push_back(<int32_t>result.target.size())
    return 0
