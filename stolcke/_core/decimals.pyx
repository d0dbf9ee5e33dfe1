"""Decimals digit by digit: how those read compare with bounds and excluded values, and what divisors leave over."""

from libc.stdint cimport int32_t
from libcpp.algorithm cimport sort
from libcpp.vector cimport vector


cdef class Residues:
    """A divisor with its residues numbered."""

    def __cinit__(self, divisor):
        self.divisor = divisor
        self.number_of = {}
        self.residues = []
        self.places = divisor.places
        self.negated = divisor.negated

    cdef int32_t number(self, residue) except -1:
        cdef Node unknown
        found = self.number_of.get(residue)
        if found is None:
            found = self.number_of[residue] = len(self.residues)
            self.residues.append(residue)
            unknown.child[0] = -1
            self.rows.push_back(unknown)
            self.powers.push_back(-2)
        return found

    cdef int32_t first(self, int32_t digit) except -1:
        """The residue of the first digit of all."""
        return self.number(self.divisor.canonical(digit))

    cdef int32_t after(self, int32_t residue, int32_t digit) except -1:
        cdef Node row
        cdef int32_t i = 0
        if self.rows[residue].child[0] < 0:
            for following in self.divisor.row(self.residues[residue]):
                row.child[i] = self.number(following)
                i += 1
            self.rows[residue] = row
        return self.rows[residue].child[digit]

    cdef int32_t power(self, int32_t residue) except -2:
        """Zeros that, appended, make a multiple; -1 where none do."""
        if self.powers[residue] == -2:
            found = self.divisor.least_power(self.residues[residue])
            self.powers[residue] = -1 if found is None else found
        return self.powers[residue]


cdef int32_t compare_digit(const Bound& bound, int32_t known, int32_t digit) noexcept:
    """Compare one more digit, when the first ``known`` are the same."""
    cdef int32_t size = <int32_t>bound.digits.size(), expected
    if not bound.given:
        return 0
    if known < 0:
        return known
    expected = bound.digits[known] if known < size else 0
    if digit == expected:
        return min(known + 1, size)
    return LESS if digit < expected else GREATER


cdef int32_t order_of(const Bound& bound, int32_t known) noexcept:
    """-1, 0 or 1 as the digits read, followed by zeros, are less, the same or more."""
    if known == GREATER:
        return 1
    return 0 if known == <int32_t>bound.digits.size() else -1


cdef int read_bound(Bound& bound, given) except -1:
    cdef int32_t digit
    bound.given = given is not None
    bound.is_open = False
    bound.exponent = 0
    if bound.given:
        digits, bound.exponent, bound.is_open = given
        for digit in digits:
            bound.digits.push_back(digit)
    return 0


cdef int32_t child_of(Side& side, int32_t node, int32_t digit) except -1:
    """The child of a node, made where there is none."""
    cdef Node leaf
    cdef int32_t i
    if side.nodes[node].child[digit] < 0:
        for i in range(10):
            leaf.child[i] = -1
        side.nodes[node].child[digit] = <int32_t>side.nodes.size()
        side.nodes.push_back(leaf)
        side.ends.emplace_back()
    return side.nodes[node].child[digit]


cdef int read_excluded(Side& side, excluded) except -1:
    """Make the trie.  Zeros after a value change nothing: they lead on, at last to where they are read."""
    cdef Node root
    cdef int32_t node, i, following
    cdef bint is_leaf
    cdef int32_t digit, exponent
    for i in range(10):
        root.child[i] = -1
    side.nodes.push_back(root)
    side.ends.emplace_back()
    for digits, exponent in excluded:
        node = 0
        for digit in digits:
            node = child_of(side, node, digit)
        side.ends[node].push_back(exponent)
        side.exponents.push_back(exponent)
    sort(side.exponents.begin(), side.exponents.end())
    node = 0
    # Children have larger numbers, so that what ends at a node is known when it is passed on.
    while node < <int32_t>side.nodes.size():
        if not side.ends[node].empty():
            is_leaf = True
            for i in range(10):
                is_leaf = is_leaf and side.nodes[node].child[i] < 0
            if is_leaf:
                side.nodes[node].child[0] = node
            else:
                following = child_of(side, node, 0)
                if following != node:
                    side.ends[following].insert(
                        side.ends[following].end(), side.ends[node].begin(), side.ends[node].end()
                    )
            sort(side.ends[node].begin(), side.ends[node].end())
        node += 1
    return 0


cdef int read_side(Side& side, given, int32_t most_places, int32_t fraction) except -1:
    cdef int32_t low = 0, high = 0
    lower, upper, excluded, zero, only_zero = given
    read_bound(side.lower, lower)
    read_bound(side.upper, upper)
    side.zero = zero
    side.only_zero = only_zero
    read_excluded(side, excluded)
    if side.lower.given:
        low, high = min(low, side.lower.exponent), max(high, side.lower.exponent)
    if side.upper.given:
        low, high = min(low, side.upper.exponent), max(high, side.upper.exponent)
    if not side.exponents.empty():
        low, high = min(low, side.exponents.front()), max(high, side.exponents.back())
    side.free_from = high + 2
    side.most_zeros = max(-low, most_places)
    side.places = max(fraction, most_places) + 1 if fraction else 0
    return 0


cdef int cut(Side& side, const Words& state, bint all_apart, int32_t first, vector[int32_t]& begins) except -1:
    """Part the digits from ``first`` to 9 into ranges that lead to one state each; a 10 comes last."""
    cdef bint[12] cuts
    cdef int32_t digit, known
    cdef int32_t[10] child
    for digit in range(11):
        cuts[digit] = all_apart
    # Zeros alone leave a number what it is.
    cuts[first] = cuts[1] = cuts[10] = True
    known = state[LOWER]
    if side.lower.given and known >= 0:
        digit = side.lower.digits[known] if known < <int32_t>side.lower.digits.size() else 0
        cuts[digit] = cuts[digit + 1] = True
    known = state[UPPER]
    if side.upper.given and known >= 0:
        digit = side.upper.digits[known] if known < <int32_t>side.upper.digits.size() else 0
        cuts[digit] = cuts[digit + 1] = True
    if state[NODE] >= 0:
        child = side.nodes[state[NODE]].child
        for digit in range(10):
            if child[digit] >= 0:
                cuts[digit] = cuts[digit + 1] = True
    begins.clear()
    for digit in range(first, 11):
        if cuts[digit]:
            begins.push_back(digit)
    return 0


cdef int advance(Side& side, const Words& state, int32_t digit, Words& target) except -1:
    """Compare one more digit with the bounds and the excluded values."""
    target[LOWER] = compare_digit(side.lower, state[LOWER], digit)
    target[UPPER] = compare_digit(side.upper, state[UPPER], digit)
    target[NODE] = side.nodes[state[NODE]].child[digit] if state[NODE] >= 0 else -1
    return 0
