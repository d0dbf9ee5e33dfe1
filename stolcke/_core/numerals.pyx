"""The texts of the numbers of a set: an automaton made state by state.

A state says what has to be known of the digits read so far: how many stand
before the point, how they compare with the bounds and the excluded values,
how many stand behind the point, and what is left over of each divisor.
:mod:`stolcke.frontends.json_schema.number_texts` says which texts there are.

Every state is a row of numbers, its *words*, the first of which is its kind.
Equal states have equal words, and are numbered as they are met.
"""

from libc.stdint cimport int32_t, int64_t
from libcpp.algorithm cimport binary_search
from libcpp.vector cimport vector

from stolcke._core.containers cimport refill
from stolcke._core.decimals cimport (
    ANY_NUMBER, BEFORE, GREATER, LESS, LOWER, MARKS, MODE, NODE, PLACES, UPPER, Residues, Side, Words, advance, cut,
    order_of, read_side,
)
from stolcke._core.exponents cimport (
    ANY_FRACTION, ANY_INTEGER, ANY_POINT, ANY_ZERO, DIGITS, E, FRACTION, INTEGER, LEADING_ZERO, NEGATIVE, POINT, REST,
    START, ZERO_DIGITS, ZERO_E, ZERO_SIGN, ZEROS, Machine, move, move_by_e, move_digits, move_to_kind, moves_of_e,
    moves_of_exponent, state_number,
)
from stolcke._core.minimize cimport Dfa, byte_arrays, minimize_bytes

__all__ = ["ANYTHING", "NOTHING", "numerals"]

# In place of a side: there are no such texts, or all of them.
NOTHING, ANYTHING = -1, -2

# What is known of a fraction that an exponent may still follow.
cdef enum:
    NO_EXPONENT
    ANY_DIGITS
    ALL_ZEROS
    ENDS_NONZERO
    ENDS_ZERO

# Whether the text so far is a multiple.
cdef enum:
    NO = 0
    YES = 1
    OPEN = 2                         # the residue says so


# ---------------------------------------------------------------- what no longer matters, and where a text may end


cdef bint settle(Machine& machine, list divisors, Words& state) except -1:
    """Forget what no longer matters; False where nothing can follow."""
    cdef Side* side = &machine.sides[state[1]]
    cdef Residues divisor
    cdef int32_t exponent, i
    cdef bint done = False, open = False
    if state[MODE] != NO_EXPONENT:
        return True
    if state[BEFORE] != ANY_NUMBER:
        exponent = state[BEFORE] - 1
        if side.lower.given and exponent != side.lower.exponent:
            state[LOWER] = LESS if exponent < side.lower.exponent else GREATER
        if side.upper.given and exponent != side.upper.exponent:
            state[UPPER] = LESS if exponent < side.upper.exponent else GREATER
        if not binary_search(side.exponents.begin(), side.exponents.end(), exponent):
            state[NODE] = -1
    if (side.lower.given and state[LOWER] == LESS) or (side.upper.given and state[UPPER] == GREATER):
        return False
    if state[NODE] < 0:
        # How many digits are before the point is told by the comparisons.
        state[BEFORE] = ANY_NUMBER
    for i in range(machine.n_divisors):
        divisor = divisors[i]
        if state[MARKS + 2 * i] == NO and not divisor.negated:
            return False
        if state[MARKS + 2 * i] == OPEN:
            open = True
        else:
            state[MARKS + 2 * i + 1] = 0
        done = done or (state[MARKS + 2 * i] == YES and not divisor.negated)
    if done:
        # Only zeros may follow.
        if not takes_digits(machine, divisors, state):
            return False
        state[BEFORE], state[LOWER], state[UPPER], state[NODE] = ANY_NUMBER, GREATER, LESS, -1
        for i in range(machine.n_divisors):
            divisor = divisors[i]
            state[MARKS + 2 * i] = NO if divisor.negated else YES
            state[MARKS + 2 * i + 1] = 0
    if done or not open:
        state[PLACES] = 0
    return True


cdef bint takes_digits(Machine& machine, list divisors, const Words& state) except -1:
    """Whether the text may end at digits."""
    cdef Side* side = &machine.sides[state[1]]
    cdef Residues divisor
    cdef int32_t exponent = state[BEFORE] - 1, order, i, power, verdict
    if side.lower.given:
        order = order_of(side.lower, state[LOWER])
        if state[MODE] != NO_EXPONENT and exponent != side.lower.exponent:
            order = exponent - side.lower.exponent
        if order < 0 or (order == 0 and side.lower.is_open):
            return False
    if side.upper.given:
        order = order_of(side.upper, state[UPPER])
        if state[MODE] != NO_EXPONENT and exponent != side.upper.exponent:
            order = exponent - side.upper.exponent
        if order > 0 or (order == 0 and side.upper.is_open):
            return False
    if state[NODE] >= 0 and binary_search(side.ends[state[NODE]].begin(), side.ends[state[NODE]].end(), exponent):
        return False
    for i in range(machine.n_divisors):
        divisor = divisors[i]
        verdict = state[MARKS + 2 * i]
        if verdict == OPEN:
            power = divisor.power(state[MARKS + 2 * i + 1])
            verdict = 0 <= power <= divisor.places - (0 if state[MODE] == ALL_ZEROS else state[PLACES])
        if verdict == divisor.negated:
            return False
    return True


cdef bint takes(Machine& machine, list divisors, const Words& state) except -1:
    """Whether the text may end."""
    cdef int32_t kind = state[0]
    cdef size_t i
    if kind == LEADING_ZERO or kind == ZEROS:
        return machine.sides[state[1]].zero and state[2]
    if kind == INTEGER or kind == FRACTION:
        return takes_digits(machine, divisors, state)
    if kind == DIGITS:
        for i in range(2, state.size(), 2):
            if state[1] and state[i] <= 0 <= state[i + 1]:
                return True
        return False
    if kind == REST:
        return state[1] > 0
    return kind in (ZERO_DIGITS, ANY_ZERO, ANY_INTEGER, ANY_FRACTION)


# ---------------------------------------------------------------- digits before the point


cdef int first_digits(Machine& machine, list divisors, int32_t number) except -1:
    """The ways on from where the digits begin: zero, and the first digit of all, not 0."""
    cdef Side* side
    cdef Residues divisor
    cdef Words start, target
    cdef vector[int32_t] begins
    cdef size_t i
    cdef int32_t j
    if number == NOTHING:
        return 0
    if number == ANYTHING:
        move_to_kind(machine, c'0', c'0', ANY_ZERO)
        return move_to_kind(machine, c'1', c'9', ANY_INTEGER)
    side = &machine.sides[number]
    refill(target, 3, 1)
    target[0], target[1] = LEADING_ZERO, number
    move_digits(machine, 0, 0, target)
    if side.only_zero:
        return 0
    refill(start, MARKS, 0)
    refill(target, MARKS + 2 * machine.n_divisors, OPEN)
    target[0], target[1], target[BEFORE], target[PLACES], target[MODE] = INTEGER, number, 1, 0, ALL_ZEROS
    cut(side[0], start, machine.tells_digits, 1, begins)
    for i in range(begins.size() - 1):
        advance(side[0], start, begins[i], target)
        for j in range(machine.n_divisors):
            divisor = divisors[j]
            target[MARKS + 2 * j + 1] = divisor.first(begins[i])
        move_digits(machine, begins[i], begins[i + 1] - 1, target)
    return 0


cdef int moves_of_integer(Machine& machine, list divisors, const Words& state) except -1:
    """The point, or one more digit before it."""
    cdef Side* side = &machine.sides[state[1]]
    cdef Residues divisor
    cdef Words target
    target.assign(state.begin(), state.end())
    cdef vector[int32_t] begins
    cdef int32_t digits = state[BEFORE], j
    cdef size_t i
    cdef bint beyond
    target[0] = POINT
    if digits <= machine.integer_digits or digits >= side.free_from:
        target[MODE] = ALL_ZEROS if machine.n_divisors else ANY_DIGITS
    else:
        # Not even zeros are counted any more, so a divisor without decimals has its answer.
        target[MODE] = NO_EXPONENT
        for j in range(machine.n_divisors):
            divisor = divisors[j]
            if divisor.places == 0:
                target[MARKS + 2 * j] = divisor.power(state[MARKS + 2 * j + 1]) == 0
    if settle(machine, divisors, target):
        move(machine, c'.', c'.', target)
    target.assign(state.begin(), state.end())
    digits = min(digits + 1, side.free_from)
    target[BEFORE] = digits
    if side.upper.given and digits - 1 > side.upper.exponent:
        return 0
    beyond = side.lower.given and digits - 1 > side.lower.exponent
    cut(side[0], state, machine.tells_digits, 0, begins)
    for i in range(begins.size() - 1):
        advance(side[0], state, begins[i], target)
        if beyond:
            target[LOWER] = GREATER
        if digits >= side.free_from:
            target[NODE] = -1
        for j in range(machine.n_divisors):
            divisor = divisors[j]
            target[MARKS + 2 * j + 1] = divisor.after(state[MARKS + 2 * j + 1], begins[i])
        move_digits(machine, begins[i], begins[i + 1] - 1, target)
    return 0


# ---------------------------------------------------------------- digits after the point


cdef int mark(Residues divisor, int32_t digit, int32_t places, int32_t* verdict, int32_t* residue) except -1:
    """Read a digit after the point."""
    residue[0] = divisor.after(residue[0], digit)
    if verdict[0] != OPEN:
        verdict[0] = verdict[0] and digit == 0
    elif places == divisor.places:
        verdict[0] = divisor.power(residue[0]) == 0
    return 0


cdef bint read_decimal(
    Machine& machine, list divisors, const Words& state, int32_t digit, Words& target
) except -1:
    """Read a digit after the point; False where nothing can follow."""
    cdef Side* side = &machine.sides[state[1]]
    cdef Residues divisor
    cdef int32_t places = state[PLACES], mode = state[MODE], i, _zero
    target.assign(state.begin(), state.end())
    target[0] = FRACTION
    advance(side[0], state, digit, target)
    if mode == ALL_ZEROS and digit == 0:
        # Zeros are counted only as far as a digit that is none, after them, may still belong to a multiple.
        target[PLACES] = min(places + 1, max(machine.most_places, machine.fraction if state[BEFORE] == 1 else 0))
        return settle(machine, divisors, target)
    places = target[PLACES] = min(places + 1, side.places)
    if mode == ALL_ZEROS:
        for i in range(machine.n_divisors):
            divisor = divisors[i]
            for _zero in range(places - 1):
                target[MARKS + 2 * i + 1] = divisor.after(target[MARKS + 2 * i + 1], 0)
            target[MARKS + 2 * i] = OPEN if places <= divisor.places else NO
        mode = ENDS_NONZERO if state[BEFORE] == 1 else NO_EXPONENT
    elif mode >= ENDS_NONZERO:
        mode = ENDS_NONZERO if digit or not machine.negated else ENDS_ZERO
    if mode >= ENDS_NONZERO and places > machine.fraction:
        mode = NO_EXPONENT
    target[MODE] = mode
    for i in range(machine.n_divisors):
        mark(divisors[i], digit, places, &target[MARKS + 2 * i], &target[MARKS + 2 * i + 1])
    return settle(machine, divisors, target)


cdef int moves_of_fraction(Machine& machine, list divisors, const Words& state) except -1:
    cdef vector[int32_t] begins
    cdef Words target
    cdef int32_t i
    cdef size_t j
    cdef bint all_apart = machine.tells_digits
    if state[MODE] == NO_EXPONENT:
        all_apart = False
        for i in range(machine.n_divisors):
            all_apart = all_apart or state[MARKS + 2 * i] == OPEN
        all_apart = all_apart and machine.tells_digits
    elif state[MODE] == ALL_ZEROS:
        all_apart = all_apart and (
            state[PLACES] < machine.most_places or (state[BEFORE] == 1 and state[PLACES] < machine.fraction)
        )
    cut(machine.sides[state[1]], state, all_apart, 0, begins)
    for j in range(begins.size() - 1):
        if read_decimal(machine, divisors, state, begins[j], target):
            move_digits(machine, begins[j], begins[j + 1] - 1, target)
    return 0


cdef int moves_of_zero(Machine& machine, list divisors, const Words& state) except -1:
    """The ways on from ``0``, or from ``0.`` and zeros."""
    cdef Side* side = &machine.sides[state[1]]
    cdef Residues divisor
    cdef Words start, target
    cdef vector[int32_t] begins
    cdef int32_t places, j
    cdef size_t i
    refill(target, 4, 0)
    target[0], target[1] = ZEROS, state[1]
    if state[0] == LEADING_ZERO:
        move(machine, c'.', c'.', target)
    else:
        target[2] = 1
        if not side.only_zero:
            target[3] = min(state[3] + 1, side.most_zeros)
        move_digits(machine, 0, 0, target)
    if state[0] == ZEROS and not side.only_zero:
        places = state[3] + 1
        refill(start, MARKS, 0)
        cut(side[0], start, machine.tells_digits, 1, begins)
        for i in range(begins.size() - 1):
            refill(target, MARKS + 2 * machine.n_divisors, NO)
            target[0], target[1], target[BEFORE], target[PLACES] = FRACTION, state[1], 1 - places, places
            target[MODE] = NO_EXPONENT
            advance(side[0], start, begins[i], target)
            for j in range(machine.n_divisors):
                divisor = divisors[j]
                target[MARKS + 2 * j + 1] = divisor.first(begins[i])
                if places < divisor.places:
                    target[MARKS + 2 * j] = OPEN
                elif places == divisor.places:
                    target[MARKS + 2 * j] = divisor.power(target[MARKS + 2 * j + 1]) == 0
            if settle(machine, divisors, target):
                move_digits(machine, begins[i], begins[i + 1] - 1, target)
    if takes(machine, divisors, state):
        refill(target, 1, ZERO_E)
        move_by_e(machine, target)
    return 0


# ---------------------------------------------------------------- before an exponent


cdef int exponents_after(Machine& machine, list divisors, const Words& state, Words& found) except -1:
    """Add the exponents that may follow digits: first and last of each range."""
    cdef Side* side = &machine.sides[state[1]]
    cdef Residues divisor
    cdef int32_t digits = state[BEFORE], mode = state[MODE], least, most = machine.largest
    cdef int32_t order, power, begin, barred, i
    cdef size_t j
    if mode == NO_EXPONENT or mode == ENDS_ZERO:
        return 0
    if state[0] == INTEGER and machine.integer_digits < digits < side.free_from:
        return 0
    least = -machine.largest if digits == 1 else 0
    if side.lower.given:
        order = order_of(side.lower, state[LOWER])
        begin = 1 if order > 0 or (order == 0 and not side.lower.is_open) else 2
        least = max(least, side.lower.exponent - digits + begin)
    if side.upper.given:
        order = order_of(side.upper, state[UPPER])
        begin = 1 if order < 0 or (order == 0 and not side.upper.is_open) else 0
        most = min(most, side.upper.exponent - digits + begin)
    for i in range(machine.n_divisors):
        divisor = divisors[i]
        power = divisor.power(state[MARKS + 2 * i + 1])
        begin = machine.largest + 1
        if power >= 0:
            begin = (0 if mode == ALL_ZEROS else state[PLACES]) - divisor.places + power
        if divisor.negated:
            most = min(most, begin - 1)
        else:
            least = max(least, begin)
    if state[NODE] >= 0:
        for j in range(side.ends[state[NODE]].size()):
            barred = side.ends[state[NODE]][j] - digits + 1
            if least <= barred <= most:
                if least < barred:
                    found.push_back(least)
                    found.push_back(barred - 1)
                least = barred + 1
    if least <= most:
        found.push_back(least)
        found.push_back(most)
    return 0


cdef int moves_of_digits(Machine& machine, list divisors, const Words& state) except -1:
    cdef Words target
    target.push_back(E)
    if state[0] == INTEGER:
        moves_of_integer(machine, divisors, state)
    else:
        moves_of_fraction(machine, divisors, state)
    if state[0] != POINT:
        exponents_after(machine, divisors, state, target)
    if target.size() > 1:
        move_by_e(machine, target)
    return 0


# ---------------------------------------------------------------- texts without conditions, and all together


cdef int moves_without_conditions(Machine& machine, int32_t kind) except -1:
    cdef Words zero_e
    zero_e.push_back(ZERO_E)
    if kind == ZERO_E:
        move_to_kind(machine, c'+', c'+', ZERO_SIGN)
        move_to_kind(machine, c'-', c'-', ZERO_SIGN)
    elif kind == ANY_ZERO or kind == ANY_INTEGER:
        move_to_kind(machine, c'.', c'.', ANY_POINT)
    if kind in (ZERO_E, ZERO_SIGN, ZERO_DIGITS):
        return move_to_kind(machine, c'0', c'9', ZERO_DIGITS)
    if kind == ANY_INTEGER:
        move_to_kind(machine, c'0', c'9', ANY_INTEGER)
    elif kind == ANY_POINT or kind == ANY_FRACTION:
        move_to_kind(machine, c'0', c'9', ANY_FRACTION)
    return 0 if kind == ANY_POINT else move_by_e(machine, zero_e)


cdef int moves(Machine& machine, list divisors, const Words& state, int32_t plus, int32_t minus) except -1:
    """Add the ways on from a state, in the order of their bytes."""
    cdef int32_t kind = state[0]
    if kind == START:
        move_to_kind(machine, c'-', c'-', NEGATIVE)
        return first_digits(machine, divisors, plus)
    if kind == NEGATIVE:
        return first_digits(machine, divisors, minus)
    if kind == LEADING_ZERO or kind == ZEROS:
        return moves_of_zero(machine, divisors, state)
    if kind == INTEGER or kind == POINT or kind == FRACTION:
        return moves_of_digits(machine, divisors, state)
    if kind == E:
        return moves_of_e(machine, state)
    if kind == DIGITS or kind == REST:
        return moves_of_exponent(machine, state)
    return moves_without_conditions(machine, kind)


def numerals(
    list sides, int32_t plus, int32_t minus, list divisors, int32_t fraction, int32_t largest, int32_t integer_digits,
    int64_t limit,
):
    """Make the automaton of the texts that denote a number of a set.

    Parameters
    ----------
    sides : list of tuple
        Each ``(lower, upper, excluded, zero, only_zero)``.  A bound is None or
        ``(digits, exponent, is_open)``: the significant digits as bytes, the
        last of them not 0, and the exponent of the first.  ``excluded`` are
        such digits and exponents; ``zero`` says whether zero is allowed, and
        ``only_zero`` whether nothing else is.
    plus, minus : int
        What may follow no sign, and a minus: the index of a side, NOTHING or
        ANYTHING.
    divisors : list of Divisor
        What every number is a multiple of, or none is.
    fraction : int
        Digits of a fraction that is not all zeros and that an exponent
        follows, at most, where there are divisors.
    largest : int
        The largest exponent, in either direction.
    integer_digits : int
        Digits before the point of a number that has an exponent, at most.
    limit : int
        Edges before minimisation, at most.

    Returns
    -------
    tuple of numpy.ndarray, or None
        As of :func:`stolcke._core.minimize.minimize`; None where the limit
        does not suffice.
    """
    cdef Machine machine
    cdef Dfa result
    cdef Words state
    cdef size_t done = 0
    cdef list counted = [Residues(divisor) for divisor in divisors]
    machine.n_divisors = <int32_t>len(divisors)
    machine.negated = any([divisor.negated for divisor in divisors])
    machine.tells_digits = any([divisor.modulus > 1 for divisor in divisors])
    machine.most_places = max([divisor.places for divisor in divisors], default=0)
    machine.fraction = fraction
    machine.largest = largest
    machine.integer_digits = integer_digits
    for given in sides:
        machine.sides.emplace_back()
        read_side(machine.sides.back(), given, machine.most_places, fraction)
    state.push_back(START)
    state_number(machine, state)
    machine.raw.offsets.push_back(0)
    while done < machine.states.size():
        state.assign(machine.states[done].begin(), machine.states[done].end())
        moves(machine, counted, state, plus, minus)
        machine.raw.accepting.push_back(takes(machine, counted, state))
        machine.raw.offsets.push_back(<int32_t>machine.raw.target.size())
        if <int64_t>machine.raw.target.size() > limit:
            return None
        done += 1
    with nogil:
        minimize_bytes(machine.raw, result)
    return byte_arrays(result)
