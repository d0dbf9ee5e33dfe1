"""States of the texts of numbers and ways between them; the texts of the exponents in a set of integers."""

from libc.stdint cimport int32_t
from libcpp.string cimport string
from libcpp.vector cimport vector

from stolcke._core.containers cimport slot_of
from stolcke._core.decimals cimport Words


cdef enum:
    MOST_DIGITS = 3                  # of an exponent


cdef int32_t state_number(Machine& machine, const Words& state) except -1:
    cdef string key
    cdef int32_t* number
    key.assign(<const char*>state.data(), state.size() * sizeof(int32_t))
    number = slot_of(machine.numbers, key)
    if number[0] == 0:
        machine.states.push_back(state)
        number[0] = <int32_t>machine.states.size()
    return number[0] - 1


cdef int move(Machine& machine, int32_t first, int32_t last, const Words& target) except -1:
    machine.raw.low.push_back(first)
    machine.raw.high.push_back(last)
    machine.raw.target.push_back(state_number(machine, target))
    return 0


cdef int move_digits(Machine& machine, int32_t first, int32_t last, const Words& target) except -1:
    return move(machine, c'0' + first, c'0' + last, target)


cdef int move_to_kind(Machine& machine, int32_t first, int32_t last, int32_t kind) except -1:
    cdef Words target
    target.push_back(kind)
    return move(machine, first, last, target)


cdef int move_by_e(Machine& machine, const Words& target) except -1:
    move(machine, c'E', c'E', target)
    return move(machine, c'e', c'e', target)


# ---------------------------------------------------------------- exponents


cdef int32_t clip(const int32_t* ranges, size_t size, int32_t low, int32_t high, int32_t offset, Words& clipped):
    """Add what lies from ``low`` to ``high``, less an offset; the number of ranges added."""
    cdef size_t i
    cdef int32_t count = 0
    for i in range(0, size, 2):
        if ranges[i] <= high and ranges[i + 1] >= low:
            clipped.push_back(max(ranges[i], low) - offset)
            clipped.push_back(min(ranges[i + 1], high) - offset)
            count += 1
    return count


cdef int moves_of_exponent(Machine& machine, const Words& state) except -1:
    """The ways on by digits of an exponent; neighbours that lead to one state are one."""
    cdef Words target, pending
    cdef vector[const int32_t*] ranges  # by the number of digits still to come: from here on so many, if not all
    cdef vector[size_t] sizes
    cdef int32_t digit, first = 0, count, power, kept, _length
    cdef size_t at = 1, i, here
    if state[0] == DIGITS:
        target.assign(state.begin(), state.end())
        target[1] = 1
        move_digits(machine, 0, 0, target)
        for _length in range(MOST_DIGITS):
            ranges.push_back(state.data() + 2)
            sizes.push_back(state.size() - 2)
    else:
        # The ranges where nothing more is to come are those of this very place.
        while at < state.size():
            if at > 1:
                ranges.push_back(state.data() + at + 1)
                sizes.push_back(2 * state[at])
            at += 1 + 2 * state[at]
    for digit in range(1 if state[0] == DIGITS else 0, 11):
        target.clear()
        if digit < 10:
            target.push_back(REST)
            power = 1
            kept = 1
            for i in range(ranges.size()):
                here = target.size()
                target.push_back(0)
                count = clip(ranges[i], sizes[i], digit * power, (digit + 1) * power - 1, digit * power, target)
                target[here] = count
                if count:
                    kept = <int32_t>target.size()
                power *= 10
            target.resize(kept)
            if kept == 1:
                target.clear()
        if target != pending:
            if not pending.empty():
                move_digits(machine, first, digit - 1, pending)
            pending.assign(target.begin(), target.end())
            first = digit
    return 0


cdef int moves_of_e(Machine& machine, const Words& state) except -1:
    """The ways on from the letter: a sign, or digits."""
    cdef Words plus, minus
    cdef size_t i
    plus.push_back(DIGITS)
    plus.push_back(0)
    minus.assign(plus.begin(), plus.end())
    clip(state.data() + 1, state.size() - 1, 0, machine.largest, 0, plus)
    i = state.size()
    while i > 1:
        i -= 2
        if state[i] <= 0:
            minus.push_back(-min(state[i + 1], 0))
            minus.push_back(-state[i])
    if plus.size() > 2:
        move(machine, c'+', c'+', plus)
    if minus.size() > 2:
        move(machine, c'-', c'-', minus)
    return moves_of_exponent(machine, plus) if plus.size() > 2 else 0
