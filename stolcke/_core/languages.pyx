"""Regular languages over characters, as Python sees them.

Every language is held as its minimal automaton, without dead states and
numbered breadth first, so that equality of languages is equality of arrays.
What is known to come out minimal (words, counts, complements) is built so;
everything else is made deterministic and minimised.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libcpp.algorithm cimport sort
from libcpp.unordered_map cimport unordered_map
from libcpp.vector cimport vector

from stolcke._core.characters cimport (
    BOTH, EDGES_PER_STATE, EITHER, FIRST_ONLY, GAP, SURROGATES, Nfa, add_machine, add_state, complement, determinize,
    minimize_characters, product,
)
from stolcke._core.containers cimport refill, slot_of
from stolcke._core.minimize cimport Dfa
from stolcke._core.rows cimport Rows, intern_row, number_rows
from stolcke._core.subsets cimport Edge, Row, append_edge
from stolcke._core.types cimport mix64

from stolcke._core.dfa import TooManyStates

__all__ = ["CharacterDfa"]


cdef inline int32_t ordinal(Py_UCS4 character) noexcept:
    """Number of a character; -1 for a surrogate."""
    if character < SURROGATES:
        return <int32_t>character
    return <int32_t>character - GAP if character >= SURROGATES + GAP else -1


cdef inline Py_UCS4 character_of(int32_t number) noexcept:
    return <Py_UCS4>(number if number < SURROGATES else number + GAP)


cdef CharacterDfa chain(Row& row, int64_t least, int64_t most):
    """Repeat the characters of a row, whose targets are ignored; -1 is no bound."""
    cdef CharacterDfa result = CharacterDfa.__new__(CharacterDfa)
    cdef int64_t state, last = least if most < 0 else most
    cdef size_t i
    if 0 <= most < least or (row.empty() and least > 0):
        result.dfa.offsets.push_back(0)
        return result
    if row.empty():
        last = 0
    for state in range(last + 1):
        for i in range(row.size()):
            row[i].target = <int32_t>(state if state == last else state + 1)
        if state == last and most >= 0:
            row.clear()
        add_state(result.dfa, row, state >= least)
    return result


cdef CharacterDfa minimal(Dfa& raw):
    cdef CharacterDfa result = CharacterDfa.__new__(CharacterDfa)
    with nogil:
        minimize_characters(raw, result.dfa)
    return result


cdef bint by_low(const Edge& a, const Edge& b) noexcept nogil:
    return a.low < b.low


cdef class CharacterDfa:
    """A minimal deterministic automaton over characters; immutable, equal where the languages are.

    Bounds named ``limit`` are numbers of states; :class:`TooManyStates` is
    raised where they do not suffice.
    """

    @staticmethod
    def words(list words):
        """Make the automaton of texts that are sorted and distinct; one with a surrogate is no text."""
        cdef CharacterDfa result = CharacterDfa.__new__(CharacterDfa)
        cdef Rows rows, none
        cdef vector[Row] path            # unfinished rows along the last word
        cdef vector[uint8_t] ends        # whether a word ends there
        cdef vector[int32_t] before, letters
        cdef size_t common
        cdef Py_UCS4 character
        cdef str word
        path.resize(1)
        ends.push_back(0)
        for word in words:
            letters.clear()
            for character in word:
                letters.push_back(ordinal(character))
                if letters.back() < 0:
                    break
            if not letters.empty() and letters.back() < 0:
                continue
            common = 0
            while common < min(letters.size(), before.size()) and letters[common] == before[common]:
                common += 1
            finish_rows(rows, path, ends, before, common)
            path.resize(letters.size() + 1)
            ends.resize(letters.size() + 1, 0)
            ends[letters.size()] = 1
            before.assign(letters.begin(), letters.end())
        finish_rows(rows, path, ends, before, 0)
        if path[0].empty() and not ends[0]:
            result.dfa.offsets.push_back(0)
        else:
            number_rows(none, rows, intern_row(rows, path[0].data(), path[0].size(), ends[0]), result.dfa)
        return result

    @staticmethod
    def counted(tuple bounds, int64_t least, int64_t most):
        """Make the automaton of ``least`` to ``most`` characters of a set; ``most`` is -1 where there is no bound.

        ``bounds`` are code points, sorted, each pair half open, no two adjoining.
        """
        cdef Row row
        cdef int64_t low, end
        cdef Py_ssize_t bound
        for bound in range(0, len(bounds), 2):
            low = bounds[bound]
            end = bounds[bound + 1]
            # Surrogates are cut out; what stood on either side of them adjoins.
            low = low - GAP if low >= SURROGATES + GAP else min(low, <int64_t>SURROGATES)
            end = end - GAP if end >= SURROGATES + GAP else min(end, <int64_t>SURROGATES)
            if low < end:
                append_edge(row, <int32_t>low, <int32_t>end - 1, 0)
        return chain(row, least, most)

    @staticmethod
    def of_classes(
        list classes,
        const int32_t[::1] offsets,
        const int32_t[::1] low,
        const int32_t[::1] high,
        const int32_t[::1] target,
        const uint8_t[::1] accepting,
    ):
        """Make the automaton of one whose edges read ranges of classes of characters.

        ``classes`` are disjoint sets of code points, bounds as of ``counted``
        and without surrogates; the edges of state ``s``, ``offsets[s]`` to
        ``offsets[s + 1]``, have their first and last class in ``low`` and
        ``high``.
        """
        cdef vector[vector[Edge]] members
        cdef Dfa raw
        cdef Row edges, row
        cdef Edge edge
        cdef size_t i
        cdef int32_t state, e, member
        cdef Py_ssize_t bound
        cdef tuple bounds
        edge.target = 0
        for bounds in classes:
            row.clear()
            for bound in range(0, len(bounds), 2):
                edge.low = ordinal(bounds[bound])
                edge.high = ordinal(bounds[bound + 1] - 1)
                row.push_back(edge)
            members.push_back(row)
        raw.offsets.push_back(0)
        with nogil:
            for state in range(<int32_t>accepting.shape[0]):
                edges.clear()
                for e in range(offsets[state], offsets[state + 1]):
                    for member in range(low[e], high[e] + 1):
                        for i in range(members[member].size()):
                            edge = members[member][i]
                            edge.target = target[e]
                            edges.push_back(edge)
                if edges.size() > 1:
                    sort(edges.begin(), edges.end(), &by_low)
                row.clear()
                for i in range(edges.size()):
                    append_edge(row, edges[i].low, edges[i].high, edges[i].target)
                add_state(raw, row, accepting[state])
        return minimal(raw)

    @property
    def n_states(self):
        return self.dfa.accepting.size()

    def complement(self):
        """Make the automaton of all other texts."""
        cdef CharacterDfa result = CharacterDfa.__new__(CharacterDfa)
        complement(self.dfa, result.dfa)
        return result

    def intersection(self, CharacterDfa other not None, int64_t limit):
        return combined(self, other, BOTH, limit)

    def union(self, CharacterDfa other not None, int64_t limit):
        return combined(self, other, EITHER, limit)

    def difference(self, CharacterDfa other not None, int64_t limit):
        return combined(self, other, FIRST_ONLY, limit)

    def concatenation(self, CharacterDfa other not None, int64_t limit):
        """Make the automaton of one text of each, one after the other."""
        cdef Nfa nfa
        cdef Dfa raw
        cdef bint failed
        if self.dfa.accepting.empty() or other.dfa.accepting.empty():
            return self if self.dfa.accepting.empty() else other
        with nogil:
            add_machine(nfa, self.dfa, <int32_t>self.dfa.accepting.size(), False)
            add_machine(nfa, other.dfa, -1, True)
            failed = determinize(nfa, False, limit, raw)
        if failed:
            raise TooManyStates
        return minimal(raw)

    def repeat(self, int64_t least, int64_t most, int64_t limit):
        """Make the automaton of ``least`` to ``most`` texts of this one, -1 being no bound."""
        cdef Nfa nfa
        cdef Dfa raw
        cdef int64_t copies = max(least, <int64_t>1) if most < 0 else most, i
        cdef int32_t n = <int32_t>self.dfa.accepting.size(), start
        cdef bint failed = False, nullable = n > 0 and self.dfa.accepting[0]
        cdef Row row
        cdef int32_t e
        if 0 <= most < least:
            return CharacterDfa.words([])
        if nullable:
            least = 0
        if copies == 0 or n == 0:
            return CharacterDfa.words([] if least else [""])
        if copies * n > 2 * limit or copies * <int64_t>self.dfa.target.size() > limit * <int64_t>EDGES_PER_STATE:
            raise TooManyStates
        if n == 2 and not nullable and self.dfa.offsets[1] == self.dfa.offsets[2]:
            # One character: the result is known.
            for e in range(self.dfa.offsets[1]):
                append_edge(row, self.dfa.low[e], self.dfa.high[e], 0)
            if copies >= limit:
                raise TooManyStates
            return chain(row, least, most)
        with nogil:
            for i in range(copies):
                start = <int32_t>i * n
                if i + 1 < copies:
                    add_machine(nfa, self.dfa, start + n, i + 1 >= least)
                else:
                    add_machine(nfa, self.dfa, start if most < 0 else -1, True)
                if nullable:
                    # This copy does all that the next could do, and entering itself is nothing new.
                    nfa.jump[start] = -1
            failed = determinize(nfa, least == 0, limit, raw)
        if failed:
            raise TooManyStates
        return minimal(raw)

    def replace(self, list letters, list parts, int64_t limit):
        """Make the automaton of the texts with texts of ``parts[i]`` in place of each ``letters[i]``.

        Letters are sorted and distinct; no part has the empty text.
        """
        cdef Nfa nfa
        cdef Dfa raw
        cdef CharacterDfa part
        cdef vector[int32_t] numbers
        cdef vector[Dfa*] machines
        cdef bint failed
        cdef str letter
        for letter, part in zip(letters, parts):
            if not part.dfa.accepting.empty() and part.dfa.accepting[0]:
                raise ValueError(f"{letter!r} cannot be replaced by the empty text")
            numbers.push_back(ordinal(letter))
            machines.push_back(&part.dfa)
        if self.dfa.accepting.empty():
            return self
        with nogil:
            substitute(self.dfa, numbers, machines, nfa)
            failed = determinize(nfa, False, limit, raw)
        if failed:
            raise TooManyStates
        return minimal(raw)

    def __contains__(self, str text not None):
        cdef Py_UCS4 character
        cdef int32_t state = 0, number, low, high, middle
        if self.dfa.accepting.empty():
            return False
        for character in text:
            number = ordinal(character)
            low = self.dfa.offsets[state]
            high = self.dfa.offsets[state + 1]
            while low < high:
                middle = (low + high) // 2
                if self.dfa.high[middle] < number:
                    low = middle + 1
                else:
                    high = middle
            if number < 0 or low == self.dfa.offsets[state + 1] or self.dfa.low[low] > number:
                return False
            state = self.dfa.target[low]
        return bool(self.dfa.accepting[state])

    def finite_words(self, int64_t limit):
        """List all texts in the order of code points; None where they are more than ``limit``.

        No state is dead: each way taken ends in a text, and a way longer than
        there are states comes round for ever.
        """
        cdef list found = [], letters = []
        cdef vector[int32_t] edges, ends, numbers
        cdef int32_t state = 0, edge, number
        if self.dfa.accepting.empty():
            return ()
        while True:
            # Enter a state: its own text comes before those that go on from it.
            if self.dfa.accepting[state]:
                if <int64_t>len(found) >= limit:
                    return None
                found.append("".join(letters))
            if edges.size() >= self.dfa.accepting.size():
                return None
            edges.push_back(self.dfa.offsets[state])
            ends.push_back(self.dfa.offsets[state + 1])
            number = self.dfa.low[edges.back()] if edges.back() < ends.back() else 0
            numbers.push_back(number)
            # Leave all that is done.
            while edges.back() == ends.back():
                edges.pop_back()
                ends.pop_back()
                numbers.pop_back()
                if edges.empty():
                    return tuple(found)
                letters.pop()
            edge = edges.back()
            letters.append(character_of(numbers.back()))
            state = self.dfa.target[edge]
            if numbers.back() < self.dfa.high[edge]:
                numbers[numbers.size() - 1] += 1
            else:
                edges[edges.size() - 1] += 1
                if edges.back() < ends.back():
                    numbers[numbers.size() - 1] = self.dfa.low[edges.back()]

    def edges(self, int32_t state):
        """List the edges of a state as (first code point, last, target); an edge may pass over the surrogates."""
        return [
            (ord(character_of(self.dfa.low[e])), ord(character_of(self.dfa.high[e])), self.dfa.target[e])
            for e in range(self.dfa.offsets[state], self.dfa.offsets[state + 1])
        ]

    def is_accepting(self, int32_t state):
        return bool(self.dfa.accepting[state])

    def ends_in_repeat(self, int32_t count, bint loops):
        """Whether at some state there is nothing but more than ``count`` characters of one set to come.

        A loop counts as more, if ``loops``; only repeats whose states have growing numbers are found.
        """
        cdef vector[int32_t] longest     # -1 where anything else may come
        cdef int32_t s, t, e, begin, end
        cdef bint same
        refill(longest, self.dfa.accepting.size(), -1)
        for s in range(<int32_t>self.dfa.accepting.size() - 1, -1, -1):
            begin = self.dfa.offsets[s]
            end = self.dfa.offsets[s + 1]
            if begin == end:
                longest[s] = 0
                continue
            t = self.dfa.target[begin]
            same = t == s or longest[t] == 0 or self.dfa.offsets[t + 1] - self.dfa.offsets[t] == end - begin
            for e in range(begin, end):
                same = same and self.dfa.target[e] == t
                if same and t != s and longest[t] != 0:
                    same = (
                        self.dfa.low[e] == self.dfa.low[self.dfa.offsets[t] + e - begin]
                        and self.dfa.high[e] == self.dfa.high[self.dfa.offsets[t] + e - begin]
                    )
            if same and t == s and loops:
                longest[s] = count + 1
            elif same and t != s and longest[t] >= 0:
                longest[s] = longest[t] + 1
            if longest[s] > count:
                return True
        return False

    def __eq__(self, other):
        cdef CharacterDfa that
        if not isinstance(other, CharacterDfa):
            return NotImplemented
        that = <CharacterDfa>other
        return self is that or (
            self.dfa.accepting == that.dfa.accepting
            and self.dfa.offsets == that.dfa.offsets
            and self.dfa.low == that.dfa.low
            and self.dfa.high == that.dfa.high
            and self.dfa.target == that.dfa.target
        )

    def __hash__(self):
        cdef uint64_t value = 1
        cdef size_t i
        if self.hash_value == 0:
            for i in range(self.dfa.target.size()):
                value = mix64(value, (<uint64_t>self.dfa.low[i] << 32) ^ <uint64_t>self.dfa.high[i])
                value = mix64(value, <uint64_t>self.dfa.target[i])
            for i in range(self.dfa.accepting.size()):
                value = mix64(value, (<uint64_t>self.dfa.offsets[i] << 1) + self.dfa.accepting[i])
            self.hash_value = value | 1
        return <Py_hash_t>(self.hash_value >> 2)


cdef int add_edge(Nfa& nfa, int32_t low, int32_t high, int32_t target) except -1 nogil:
    cdef Edge edge
    if low <= high:
        edge.low = low
        edge.high = high
        edge.target = target
        nfa.edges.push_back(edge)
    return 0


cdef int substitute(Dfa& dfa, vector[int32_t]& letters, vector[Dfa*]& parts, Nfa& nfa) except -1 nogil:
    """Put copies of automata in place of edges.

    What leads by a letter to one state shares a copy of the letter's part; the
    way into it is that of its start, which need not be a state of the copy.
    """
    cdef unordered_map[uint64_t, int32_t] copies
    cdef vector[uint64_t] waiting
    cdef Dfa* part
    cdef uint64_t key
    cdef int32_t size = <int32_t>dfa.accepting.size(), s, e, i, at, first
    cdef size_t letter
    nfa.offsets.push_back(0)
    for s in range(<int32_t>dfa.accepting.size()):
        for e in range(dfa.offsets[s], dfa.offsets[s + 1]):
            at = dfa.low[e]
            for letter in range(letters.size()):
                if letters[letter] < at or letters[letter] > dfa.high[e]:
                    continue
                add_edge(nfa, at, letters[letter] - 1, dfa.target[e])
                at = letters[letter] + 1
                part = parts[letter]
                key = (<uint64_t>letter << 32) | <uint64_t>dfa.target[e]
                if copies.count(key) == 0:
                    slot_of(copies, key)[0] = size
                    waiting.push_back(key)
                    size += <int32_t>part.accepting.size()
                first = copies[key]
                for i in range(part.offsets[0], part.offsets[1] if part.accepting.size() else 0):
                    add_edge(nfa, part.low[i], part.high[i], first + part.target[i])
            add_edge(nfa, at, dfa.high[e], dfa.target[e])
        nfa.offsets.push_back(<int32_t>nfa.edges.size())
        nfa.jump.push_back(-1)
        nfa.accepting.push_back(dfa.accepting[s])
    for key in waiting:
        add_machine(nfa, parts[key >> 32][0], <int32_t><uint32_t>key, False)
    return 0


cdef int finish_rows(
    Rows& rows, vector[Row]& path, vector[uint8_t]& ends, vector[int32_t]& letters, size_t depth
) except -1:
    """Finish the rows of a word that are deeper than ``depth``."""
    cdef int32_t number
    cdef size_t at
    while path.size() > depth + 1:
        number = intern_row(rows, path.back().data(), path.back().size(), ends.back())
        path.pop_back()
        ends.pop_back()
        at = path.size() - 1
        append_edge(path[at], letters[at], letters[at], number)
    return 0


cdef CharacterDfa combined(CharacterDfa a, CharacterDfa b, int kind, int64_t limit):
    cdef Dfa raw
    cdef bint failed
    with nogil:
        failed = product(a.dfa, b.dfa, kind, limit, raw)
    if failed:
        raise TooManyStates
    return minimal(raw)
