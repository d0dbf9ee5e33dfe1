"""JSON string literals of a language over characters: an automaton over bytes.

Each state of the language leads to the next by every spelling of a character.
What stands between, inside the UTF-8 encoding or an escape, are rows of their
own, built from the end and kept once.  Where all characters of a block lead to
one state, its rows are remembered by that state.

The result is minimal as built if every character may be escaped: rows inside
an escape or an encoding begin with other bytes than states of the language
do, and than each other.  With fewer escapes this fails in odd cases, so that
such a result is minimised.
"""

from libc.stdint cimport int32_t, int64_t
from libcpp.vector cimport vector

from stolcke._core.byte_dfa cimport byte_dfa
from stolcke._core.characters cimport GAP, SURROGATES
from stolcke._core.containers cimport refill
from stolcke._core.languages cimport CharacterDfa
from stolcke._core.minimize cimport Dfa, minimize_bytes
from stolcke._core.rows cimport Rows, append_row, intern_row, number_rows, row_count
from stolcke._core.subsets cimport Edge, Row, append_edge

from stolcke._core.dfa import TooManyStates

__all__ = ["json_string"]

cdef enum:
    NONE = -1                        # leads nowhere
    UTF8 = 6                         # bits of a digit: a continuation byte
    HEX = 4                          # bits of a digit: a hexadecimal one, in either case
    ASTRAL = 0x10000                 # the first character that is escaped as a pair of surrogates
    END = 0x110000

# Rows remembered by the state that all their characters lead to.
cdef enum:
    TAIL = 0                         # before 1 to 3 continuation bytes
    HEXES = 3                        # before 1 to 3 hexadecimal digits
    LEADS = 6                        # after the lead bytes E0, ED, F0 and F4
    LOW_HALF = 10                    # before a low surrogate's escape
    HIGH_HALF = 11                   # before the last 1 or 2 digits of a high surrogate, and then a low one
    AFTER_D = 13                     # after the digit D: the surrogates' and those below
    KINDS = 14


cdef enum:
    ROWS_PER_STATE = 6               # nearly always: a backslash, u and four digits; only room for them


cdef struct Line:
    # The edges of a state over bytes, as they are put together.
    int32_t size
    Edge[256] edges


cdef cppclass Writer:
    Rows states                      # of the language, then the end and the start
    Rows rows                        # inside a character; numbers go on from those of the states
    vector[int32_t] known            # [states of the language * KINDS], NONE where not yet built
    Row plain                        # scratch: what one escape says
    Row necessary                    # scratch: what has to be escaped
    Row clipped                      # scratch: what is encoded in so many bytes
    int32_t first                    # the number of the first row


# ---------------------------------------------------------------- blocks that lead to one state


cdef inline void add(Line* line, int32_t low, int32_t high, int32_t target) noexcept nogil:
    """Add the next edge, as one with the last where they adjoin."""
    cdef Edge* edge = &line.edges[max(line.size, 1) - 1]
    if line.size:
        if edge.target == target and edge.high == low - 1:
            edge.high = high
            return
        edge += 1
    edge.low = low
    edge.high = high
    edge.target = target
    line.size += 1


cdef int32_t row_number(Writer& writer, const Line* line) except -2 nogil:
    return writer.first + intern_row(writer.rows, line.edges, line.size, False) if line.size else NONE


cdef int32_t single(Writer& writer, int32_t low, int32_t high, int32_t target) except -2 nogil:
    """A row of one edge."""
    cdef Line line
    line.size = 0
    add(&line, low, high, target)
    return row_number(writer, &line)


cdef int32_t hex_row(Writer& writer, const int32_t* digits) except -2 nogil:
    """A row of hexadecimal digits."""
    cdef Line line
    cdef int32_t i
    line.size = 0
    for i in range(10):
        if digits[i] >= 0:
            add(&line, c'0' + i, c'0' + i, digits[i])
    for i in range(10, 16):
        if digits[i] >= 0:
            add(&line, c'A' + i - 10, c'A' + i - 10, digits[i])
    for i in range(10, 16):
        if digits[i] >= 0:
            add(&line, c'a' + i - 10, c'a' + i - 10, digits[i])
    return row_number(writer, &line)


cdef int32_t four_digits(Writer& writer, int32_t character, int32_t target) except -2 nogil:
    """The row before the four digits of one character."""
    cdef Edge[2] edges
    cdef int32_t digit, place
    for place in range(4):
        digit = character >> (HEX * place) & 15
        edges[0].low = edges[0].high = c'0' + digit if digit < 10 else c'A' + digit - 10
        edges[1].low = edges[1].high = c'a' + digit - 10
        edges[0].target = edges[1].target = target
        target = writer.first + intern_row(writer.rows, edges, 1 if digit < 10 else 2, False)
    return target


cdef int32_t any_hex(Writer& writer, int32_t target) except -2 nogil:
    cdef int32_t[16] digits
    cdef int32_t i
    for i in range(16):
        digits[i] = target
    return hex_row(writer, digits)


cdef int32_t before_low_half(Writer& writer, const int32_t* quarters) except -2 nogil:
    r"""A row that reads ``\uD`` and one of the digits C to F, in either case."""
    cdef int32_t[16] digits
    cdef int32_t i, row
    cdef Line either
    either.size = 0
    for i in range(16):
        digits[i] = quarters[i - 12] if i >= 12 else NONE
    row = hex_row(writer, digits)
    add(&either, c'D', c'D', row)
    add(&either, c'd', c'd', row)
    row = single(writer, c'u', c'u', row_number(writer, &either))
    return single(writer, c'\\', c'\\', row)


cdef int32_t after_d(Writer& writer, int32_t below, int32_t high_half) except -2 nogil:
    cdef int32_t[16] digits
    cdef int32_t i
    for i in range(16):
        digits[i] = below if i < 8 else (high_half if i < 12 else NONE)
    return hex_row(writer, digits)


cdef int32_t whole(Writer& writer, int32_t kind, int32_t state) except -2 nogil:
    """The row of a block of characters that all lead to ``state``."""
    cdef size_t place = <size_t>state * KINDS + kind
    cdef int32_t row
    cdef int32_t[4] quarters
    if writer.known[place] >= 0:
        return writer.known[place]
    if kind == TAIL or kind == HEXES:
        row = single(writer, 0x80, 0xBF, state) if kind == TAIL else any_hex(writer, state)
    elif kind < HEXES:
        row = single(writer, 0x80, 0xBF, whole(writer, kind - 1, state))
    elif kind < LEADS:
        row = any_hex(writer, whole(writer, kind - 1, state))
    elif kind == LEADS:
        row = single(writer, 0xA0, 0xBF, whole(writer, TAIL, state))
    elif kind == LEADS + 1:
        row = single(writer, 0x80, 0x9F, whole(writer, TAIL, state))
    elif kind == LEADS + 2:
        row = single(writer, 0x90, 0xBF, whole(writer, TAIL + 1, state))
    elif kind == LEADS + 3:
        row = single(writer, 0x80, 0x8F, whole(writer, TAIL + 1, state))
    elif kind == LOW_HALF:
        quarters[0] = quarters[1] = quarters[2] = quarters[3] = whole(writer, HEXES + 1, state)
        row = before_low_half(writer, quarters)
    elif kind == HIGH_HALF or kind == HIGH_HALF + 1:
        row = any_hex(writer, whole(writer, kind - 1, state))
    else:
        row = after_d(writer, whole(writer, HEXES + 1, state), whole(writer, HIGH_HALF + 1, state))
    writer.known[place] = row
    return row


# ---------------------------------------------------------------- blocks in general


cdef size_t find(const Row& spans, int32_t character) noexcept nogil:
    """The first span that does not end before a character."""
    cdef size_t low = 0, high = spans.size(), middle
    while low < high:
        middle = (low + high) // 2
        if spans[middle].high < character:
            low = middle + 1
        else:
            high = middle
    return low


cdef int32_t target_of_all(const Row& spans, int32_t low, int32_t high) noexcept nogil:
    """Where all characters from ``low`` to ``high`` lead; NONE where they differ."""
    cdef size_t i = find(spans, low)
    if i < spans.size() and spans[i].low <= low and spans[i].high >= high:
        return spans[i].target
    return NONE


cdef int clip(const Row& spans, int32_t low, int32_t high, Row& clipped) except -1 nogil:
    """Add the parts of spans that lie between two characters."""
    cdef size_t i = find(spans, low)
    while i < spans.size() and spans[i].low <= high:
        append_edge(clipped, max(spans[i].low, low), min(spans[i].high, high), spans[i].target)
        i += 1
    return 0


cdef int divide(
    Writer& writer, const Row& spans, int32_t base, int bits, int depth, int32_t* digits
) except -1 nogil:
    """Find where each first digit of a block leads.

    The block starts at the character ``base`` and is told apart by ``depth``
    digits of ``bits`` bits.
    """
    cdef int32_t step = 1 << (bits * (depth - 1)), count = 1 << bits, digit = 0, at, last, covered
    cdef size_t i = find(spans, base)
    for at in range(count):
        digits[at] = NONE
    while i < spans.size():
        digit = max(digit, (spans[i].low - base) // step)
        if digit >= count:
            break
        at = base + digit * step
        last = at + step - 1
        if at > spans[i].high:
            i += 1
        elif spans[i].low <= at and spans[i].high >= last:
            covered = spans[i].target
            if depth > 1:
                covered = whole(writer, (TAIL if bits == UTF8 else HEXES) + depth - 2, covered)
            while digit < count and spans[i].high >= base + (digit + 1) * step - 1:
                digits[digit] = covered
                digit += 1
        else:
            digits[digit] = block(writer, spans, at, bits, depth - 1)
            digit += 1
    return 0


cdef int32_t block(Writer& writer, const Row& spans, int32_t base, int bits, int depth) except -2 nogil:
    """The row of a block of characters; NONE where there are none in it."""
    cdef int32_t[64] digits
    cdef int32_t state = target_of_all(spans, base, base + (1 << (bits * depth)) - 1), i
    cdef Line line
    if state >= 0:
        return whole(writer, (TAIL if bits == UTF8 else HEXES) + depth - 1, state)
    divide(writer, spans, base, bits, depth, digits)
    if bits == HEX:
        return hex_row(writer, digits)
    line.size = 0
    for i in range(64):
        if digits[i] >= 0:
            add(&line, 0x80 + i, 0x80 + i, digits[i])
    return row_number(writer, &line)


cdef int32_t high_half(Writer& writer, const Row& spans, int32_t base, int depth) except -2 nogil:
    """The row before ``depth`` digits of a high surrogate, and then a low one; NONE where there is no such pair."""
    cdef int32_t size = 0x400 << (HEX * depth), state = target_of_all(spans, base, base + size - 1), i
    cdef int32_t[16] digits
    cdef size_t at = find(spans, base)
    if at == spans.size() or spans[at].low >= base + size:
        return NONE
    if state >= 0:
        return whole(writer, LOW_HALF + depth, state)
    if depth == 0:
        for i in range(4):
            digits[i] = block(writer, spans, base + i * 0x100, HEX, 2)
        return before_low_half(writer, digits)
    for i in range(16):
        digits[i] = high_half(writer, spans, base + i * (size >> HEX), depth - 1)
    return hex_row(writer, digits)


# ---------------------------------------------------------------- states


cdef int copy(const Row& spans, int32_t low, int32_t high, Line* line) except -1 nogil:
    """Add the edges of characters that are one byte."""
    cdef size_t i = find(spans, low)
    while i < spans.size() and spans[i].low <= high:
        add(line, max(spans[i].low, low), min(spans[i].high, high), spans[i].target)
        i += 1
    return 0


cdef int raw_characters(
    Writer& writer, const Row& spans, bint ascii_only, int32_t backslash, int32_t quote, Line* line
) except -1 nogil:
    """The edges of a state: characters as they are, and where a backslash and the closing quote lead."""
    cdef int32_t[64] digits
    cdef int32_t state, i
    copy(spans, 0x20, c'"' - 1, line)
    if quote >= 0:
        add(line, c'"', c'"', quote)
    copy(spans, c'"' + 1, c'\\' - 1, line)
    if backslash >= 0:
        add(line, c'\\', c'\\', backslash)
    copy(spans, c'\\' + 1, 0x7F, line)
    if ascii_only:
        return 0
    state = target_of_all(spans, 0x80, SURROGATES - 1)
    if state >= 0 and state == target_of_all(spans, SURROGATES + GAP, END - 1):
        add(line, 0xC2, 0xDF, whole(writer, TAIL, state))
        add(line, 0xE0, 0xE0, whole(writer, LEADS, state))
        add(line, 0xE1, 0xEC, whole(writer, TAIL + 1, state))
        add(line, 0xED, 0xED, whole(writer, LEADS + 1, state))
        add(line, 0xEE, 0xEF, whole(writer, TAIL + 1, state))
        add(line, 0xF0, 0xF0, whole(writer, LEADS + 2, state))
        add(line, 0xF1, 0xF3, whole(writer, TAIL + 2, state))
        add(line, 0xF4, 0xF4, whole(writer, LEADS + 3, state))
        return 0
    if find(spans, 0x80) == spans.size():
        return 0
    writer.clipped.clear()
    clip(spans, 0x80, 0x7FF, writer.clipped)
    divide(writer, writer.clipped, 0, UTF8, 2, digits)
    for i in range(32):
        if digits[i] >= 0:
            add(line, 0xC0 + i, 0xC0 + i, digits[i])
    writer.clipped.clear()
    clip(spans, 0x800, 0xFFFF, writer.clipped)
    divide(writer, writer.clipped, 0, UTF8, 3, digits)
    for i in range(16):
        if digits[i] >= 0:
            add(line, 0xE0 + i, 0xE0 + i, digits[i])
    writer.clipped.clear()
    clip(spans, ASTRAL, END - 1, writer.clipped)
    divide(writer, writer.clipped, 0, UTF8, 4, digits)
    for i in range(5):
        if digits[i] >= 0:
            add(line, 0xF0 + i, 0xF0 + i, digits[i])
    return 0


cdef bint is_all_but_one(const Row& spans) noexcept nogil:
    """Whether all characters lead to one state, but for one before the surrogates: so it is in names but some."""
    return (
        spans.size() == 4 and spans[0].low == 0 and spans[1].low == spans[1].high < 0xD000
        and spans[0].high + 1 == spans[1].low and spans[1].high + 1 == spans[2].low
        and spans[2].high == SURROGATES - 1 and spans[3].low == SURROGATES + GAP and spans[3].high == END - 1
        and spans[0].target == spans[2].target == spans[3].target
    )


cdef int32_t all_but_one(Writer& writer, int32_t character, int32_t target, int32_t others) except -2 nogil:
    """The row before the four digits of a character or of any other, or before those of two surrogates."""
    cdef int32_t[16] digits
    cdef int32_t place, i, other
    for place in range(4):
        other = others if place == 0 else whole(writer, HEXES + place - 1, others)
        for i in range(16):
            digits[i] = other
        if place == 3:
            digits[0xD] = whole(writer, AFTER_D, others)
        digits[character >> (HEX * place) & 15] = target
        target = hex_row(writer, digits)
    return target


cdef int32_t hexadecimal(Writer& writer, const Row& spans) except -2 nogil:
    r"""The row after ``\u``; NONE where no character may be escaped so."""
    cdef int32_t[16] digits
    cdef int32_t[16] surrogates
    cdef int32_t state, i
    if spans.size() == 1 and spans[0].low == spans[0].high < ASTRAL:
        return four_digits(writer, spans[0].low, spans[0].target)
    if is_all_but_one(spans):
        return all_but_one(writer, spans[1].low, spans[1].target, spans[0].target)
    writer.plain.clear()
    clip(spans, 0, 0xCFFF, writer.plain)
    clip(spans, 0xE000, ASTRAL - 1, writer.plain)
    divide(writer, writer.plain, 0, HEX, 4, digits)
    state = target_of_all(spans, 0xD000, SURROGATES - 1)
    if state >= 0 and state == target_of_all(spans, ASTRAL, END - 1):
        digits[0xD] = whole(writer, AFTER_D, state)
    else:
        for i in range(16):
            surrogates[i] = NONE
        for i in range(8):
            surrogates[i] = NONE if find(spans, 0xD000) == spans.size() else block(
                writer, spans, 0xD000 + i * 0x100, HEX, 2
            )
        for i in range(4):
            surrogates[8 + i] = high_half(writer, spans, ASTRAL + i * 0x40000, 2)
        digits[0xD] = hex_row(writer, surrogates)
    return hex_row(writer, digits)


cdef int32_t escapes_of(Writer& writer, const Row& spans, bint all_escapes, bint ascii_only) except -2 nogil:
    """The row after a backslash; NONE where no character may be escaped."""
    cdef const char* letters = b'"/\\bfnrt'
    cdef const char* meanings = b'"/\\\x08\x0C\n\r\t'
    cdef Line line
    cdef int32_t state, i
    line.size = 0
    for i in range(8):
        state = target_of_all(spans, meanings[i], meanings[i])
        if state >= 0 and (all_escapes or i != 1):
            add(&line, letters[i], letters[i], state)
    if all_escapes:
        state = hexadecimal(writer, spans)
    else:
        writer.necessary.clear()
        clip(spans, 0, 7, writer.necessary)
        clip(spans, 0x0B, 0x0B, writer.necessary)
        clip(spans, 0x0E, 0x1F, writer.necessary)
        if ascii_only:
            clip(spans, 0x80, END - 1, writer.necessary)
        state = hexadecimal(writer, writer.necessary) if not writer.necessary.empty() else NONE
    if state >= 0:
        add(&line, c'u', c'u', state)
    return row_number(writer, &line)


cdef int spans_of(Dfa& dfa, int32_t state, Row& spans) except -1 nogil:
    """The edges of a state in code points, parted where the surrogates are."""
    cdef int32_t e, low, high
    for e in range(dfa.offsets[state], dfa.offsets[state + 1]):
        low = dfa.low[e]
        high = dfa.high[e]
        if low < SURROGATES:
            append_edge(spans, low, min(high, <int32_t>SURROGATES - 1), dfa.target[e])
        if high >= SURROGATES:
            append_edge(spans, max(low, <int32_t>SURROGATES) + GAP, high + GAP, dfa.target[e])
    return 0


cdef int make_room(Rows& rows, size_t expected) except -1 nogil:
    """Let so many rows be added without moving those before them."""
    rows.begin.reserve(expected + 1)
    rows.edges.reserve(2 * expected)
    rows.accepting.reserve(expected)
    rows.hashes.reserve(expected)
    return 0


cdef bint write(Dfa& dfa, bint all_escapes, bint ascii_only, int64_t limit, Dfa& result) except -1 nogil:
    """Make the automaton of all literals; True where the limit does not suffice."""
    cdef Writer writer
    cdef Row spans
    cdef Line line
    cdef Dfa raw
    cdef int32_t n = <int32_t>dfa.accepting.size(), state, backslash
    cdef size_t slots = 64
    if n == 0:
        result.offsets.push_back(0)
        return False
    refill(writer.known, <size_t>n * KINDS, NONE)
    writer.first = n + 2
    make_room(writer.states, <size_t>n + 2)
    make_room(writer.rows, <size_t>n * ROWS_PER_STATE)
    while slots < 2 * (<size_t>n * ROWS_PER_STATE + 1):
        slots *= 2
    refill(writer.rows.slots, slots, NONE)
    for state in range(n):
        spans.clear()
        line.size = 0
        spans_of(dfa, state, spans)
        backslash = escapes_of(writer, spans, all_escapes, ascii_only) if not spans.empty() else NONE
        raw_characters(writer, spans, ascii_only, backslash, n if dfa.accepting[state] else NONE, &line)
        append_row(writer.states, line.edges, line.size, False)
        if row_count(writer.states) + row_count(writer.rows) > limit:
            return True
    line.size = 0
    append_row(writer.states, line.edges, line.size, True)
    add(&line, c'"', c'"', 0)
    append_row(writer.states, line.edges, line.size, False)
    if all_escapes:
        number_rows(writer.states, writer.rows, n + 1, result)
    else:
        number_rows(writer.states, writer.rows, n + 1, raw)
        minimize_bytes(raw, result)
    return False


def json_string(CharacterDfa language not None, bint all_escapes, bint ascii_only, int64_t limit):
    r"""Make the automaton of the JSON string literals that denote a text of a language.

    Parameters
    ----------
    language : CharacterDfa
    all_escapes : bool
        Whether every character may be escaped, or only those that must be.
    ascii_only : bool
        Whether characters beyond ASCII must be escaped.
    limit : int
        States, at most.

    Returns
    -------
    ByteDfa

    Raises
    ------
    TooManyStates
        Where ``limit`` does not suffice.
    """
    cdef Dfa result
    cdef bint failed
    with nogil:
        failed = write(language.dfa, all_escapes, ascii_only, limit, result)
    if failed:
        raise TooManyStates
    return byte_dfa(result)
