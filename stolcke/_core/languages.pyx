"""The algebra of regular languages over characters.

Every language is held as its minimal automaton, without dead states and
numbered breadth first, so that equality of languages is equality of arrays.
What is known to come out minimal (words, counts, complements) is built so;
everything else is made deterministic here and minimised.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libcpp.algorithm cimport lower_bound, sort, unique
from libcpp.string cimport string
from libcpp.unordered_map cimport unordered_map
from libcpp.vector cimport vector

from stolcke._core.minimize cimport (
    Dfa, Partition, Transitions, mark, one_set, quotient, refine, split, trim,
)
from stolcke._core.rows cimport Rows, append_row, intern_row, number_rows
from stolcke._core.subsets cimport Edge, Row, append_edge
from stolcke._core.types cimport mix64

from stolcke._core.dfa import TooManyStates

__all__ = ["CharacterDfa"]

# Edges met on the way, per state that is allowed: a bound on memory and time.
cdef int64_t EDGES_PER_STATE = 200


cdef cppclass Nfa:
    # Automata side by side, with ways from one into the other that read nothing.
    vector[int32_t] offsets
    vector[Edge] edges
    vector[int32_t] jump             # [states]: the state that is entered with this one, -1 for none
    vector[uint8_t] accepting


# ---------------------------------------------------------------- minimisation


cdef int character_transitions(Dfa& dfa, Transitions& transitions) except -1 nogil:
    """List the transitions of an automaton over characters.

    Edges of one state to one other state have one set of characters.  There
    are few distinct such sets; two characters are of one class where each set
    has both or neither.
    """
    cdef unordered_map[string, int32_t] number_of
    cdef vector[int32_t] cuts, row_of, class_of
    cdef vector[int32_t] label_begin, label_edges, labels, heads, heads_begin
    cdef vector[Edge] edges
    cdef Partition classes
    cdef string key
    cdef Row row
    cdef int32_t s, e, i, first, last, label
    cdef size_t a, b
    heads_begin.push_back(0)
    label_begin.push_back(0)
    # The sets of each state, by target; equal sets get one number.
    for s in range(<int32_t>dfa.accepting.size()):
        row.clear()
        for e in range(dfa.offsets[s], dfa.offsets[s + 1]):
            append_edge(row, dfa.low[e], dfa.high[e], dfa.target[e])
        sort_by_target(row)
        a = 0
        while a < row.size():
            b = a
            key.clear()
            while b < row.size() and row[b].target == row[a].target:
                key.append(<const char*>&row[b].low, sizeof(int32_t))
                key.append(<const char*>&row[b].high, sizeof(int32_t))
                b += 1
            if number_of.count(key) == 0:
                number_of[key] = <int32_t>label_begin.size() - 1
                while a < b:
                    label_edges.push_back(row[a].low)
                    label_edges.push_back(row[a].high + 1)
                    cuts.push_back(row[a].low)
                    cuts.push_back(row[a].high + 1)
                    a += 1
                label_begin.push_back(<int32_t>label_edges.size())
            a = b
            labels.push_back(number_of[key])
            heads.push_back(row[b - 1].target)
        heads_begin.push_back(<int32_t>heads.size())
    # Classes of the intervals between cuts.
    sort(cuts.begin(), cuts.end())
    cuts.erase(unique(cuts.begin(), cuts.end()), cuts.end())
    for e in range(<int32_t>label_edges.size()):
        label_edges[e] = <int32_t>(lower_bound(cuts.begin(), cuts.end(), label_edges[e]) - cuts.begin())
    one_set(classes, <int32_t>cuts.size())
    for label in range(<int32_t>label_begin.size() - 1):
        e = label_begin[label]
        while e < label_begin[label + 1]:
            for i in range(label_edges[e], label_edges[e + 1]):
                mark(classes, i)
            e += 2
        split(classes)
    transitions.labels = <int32_t>classes.begin.size()
    # The classes of each set, in place of its intervals.
    row_of.push_back(0)
    for label in range(<int32_t>label_begin.size() - 1):
        e = label_begin[label]
        while e < label_begin[label + 1]:
            for i in range(label_edges[e], label_edges[e + 1]):
                if classes.elements[classes.begin[classes.set_of[i]]] == i:
                    class_of.push_back(classes.set_of[i])
            e += 2
        row_of.push_back(<int32_t>class_of.size())
    for s in range(<int32_t>dfa.accepting.size()):
        for e in range(heads_begin[s], heads_begin[s + 1]):
            first = row_of[labels[e]]
            last = row_of[labels[e] + 1]
            for i in range(first, last):
                transitions.tail.push_back(s)
                transitions.label.push_back(class_of[i])
                transitions.head.push_back(heads[e])
    return 0


cdef bint by_target(const Edge& a, const Edge& b) noexcept nogil:
    return a.target < b.target or (a.target == b.target and a.low < b.low)


cdef bint by_low(const Edge& a, const Edge& b) noexcept nogil:
    return a.low < b.low


cdef int sort_by_target(Row& row) except -1 nogil:
    if row.size() > 1:
        sort(row.begin(), row.end(), &by_target)
    return 0


cdef int minimize_characters(Dfa& raw, Dfa& result) except -1 nogil:
    """Trim and minimise an automaton over characters and number its states breadth first."""
    cdef Dfa dfa
    cdef Transitions transitions
    cdef Partition blocks
    trim(raw, dfa)
    if not dfa.accepting.empty():
        character_transitions(dfa, transitions)
        refine(dfa, transitions, blocks)
    return quotient(dfa, blocks, result)


cdef int add_state(Dfa& dfa, const Row& row, bint accepting) except -1 nogil:
    """Append a state to an automaton."""
    cdef size_t i
    if dfa.offsets.empty():
        dfa.offsets.push_back(0)
    for i in range(row.size()):
        dfa.low.push_back(row[i].low)
        dfa.high.push_back(row[i].high)
        dfa.target.push_back(row[i].target)
    dfa.offsets.push_back(<int32_t>dfa.target.size())
    dfa.accepting.push_back(accepting)
    return 0


# ---------------------------------------------------------------- the subset construction


cdef int enter(Nfa& nfa, int32_t state, vector[int32_t]& members) except -1 nogil:
    """Add a state and those entered with it to a set; does one of them accept?"""
    cdef bint accepting = False
    while state >= 0:
        accepting = accepting or nfa.accepting[state]
        if nfa.offsets[state] < nfa.offsets[state + 1]:
            members.push_back(state)
        state = nfa.jump[state]
    return accepting


cdef int32_t number_of_set(
    unordered_map[string, int32_t]& numbers, vector[vector[int32_t]]& sets, vector[uint8_t]& accepting,
    vector[int32_t]& members, bint accepts
) except -1 nogil:
    cdef string key
    cdef int32_t number
    sort(members.begin(), members.end())
    members.erase(unique(members.begin(), members.end()), members.end())
    key.assign(<const char*>members.data(), members.size() * sizeof(int32_t))
    key.push_back(<char>accepts)
    if numbers.count(key):
        return numbers[key]
    number = <int32_t>sets.size()
    numbers[key] = number
    sets.push_back(members)
    accepting.push_back(accepts)
    return number


cdef bint determinize(Nfa& nfa, bint accepts_empty, int64_t limit, Dfa& result) except -1 nogil:
    """The subset construction; True where the limit does not suffice."""
    cdef unordered_map[string, int32_t] numbers
    cdef vector[vector[int32_t]] sets
    cdef vector[uint8_t] accepting
    cdef vector[int32_t] members, cuts
    cdef vector[vector[int32_t]] reached
    cdef vector[Edge] edges
    cdef Row row
    cdef int64_t work = limit * EDGES_PER_STATE
    cdef size_t done = 0, i
    cdef int32_t s, e, first, j, interval, number
    cdef bint accepts
    accepts = enter(nfa, 0, members)
    number_of_set(numbers, sets, accepting, members, accepts or accepts_empty)
    while done < sets.size():
        edges.clear()
        cuts.clear()
        for i in range(sets[done].size()):
            s = sets[done][i]
            for e in range(nfa.offsets[s], nfa.offsets[s + 1]):
                edges.push_back(nfa.edges[e])
                cuts.push_back(nfa.edges[e].low)
                cuts.push_back(nfa.edges[e].high + 1)
        sort(cuts.begin(), cuts.end())
        cuts.erase(unique(cuts.begin(), cuts.end()), cuts.end())
        if reached.size() < cuts.size():
            reached.resize(cuts.size())
        for i in range(edges.size()):
            first = <int32_t>(lower_bound(cuts.begin(), cuts.end(), edges[i].low) - cuts.begin())
            j = first
            while cuts[j] <= edges[i].high:
                reached[j].push_back(edges[i].target)
                j += 1
            work -= j - first
        row.clear()
        for interval in range(<int32_t>cuts.size() - 1):
            if reached[interval].empty():
                continue
            members.clear()
            accepts = False
            for i in range(reached[interval].size()):
                if enter(nfa, reached[interval][i], members):
                    accepts = True
            reached[interval].clear()
            work -= <int64_t>members.size()
            number = number_of_set(numbers, sets, accepting, members, accepts)
            append_edge(row, cuts[interval], cuts[interval + 1] - 1, number)
        add_state(result, row, accepting[done])
        if work < 0 or <int64_t>sets.size() > limit:
            return True
        done += 1
    return False


cdef int add_machine(Nfa& nfa, Dfa& dfa, int32_t jump, bint accepting) except -1 nogil:
    """Set an automaton beside those of ``nfa``; where it accepts, the state ``jump`` is entered too."""
    cdef int32_t base = <int32_t>nfa.accepting.size(), s, e
    cdef Edge edge
    cdef bint ends
    if nfa.offsets.empty():
        nfa.offsets.push_back(0)
    for s in range(<int32_t>dfa.accepting.size()):
        for e in range(dfa.offsets[s], dfa.offsets[s + 1]):
            edge.low = dfa.low[e]
            edge.high = dfa.high[e]
            edge.target = dfa.target[e] + base
            nfa.edges.push_back(edge)
        nfa.offsets.push_back(<int32_t>nfa.edges.size())
        nfa.jump.push_back(jump if dfa.accepting[s] else -1)
        ends = accepting and dfa.accepting[s]
        nfa.accepting.push_back(ends)
    return 0


# ---------------------------------------------------------------- products

cdef enum:
    BOTH = 0
    EITHER = 1
    FIRST_ONLY = 2


cdef inline bint is_member(int kind, bint in_a, bint in_b) noexcept nogil:
    if kind == BOTH:
        return in_a and in_b
    if kind == EITHER:
        return in_a or in_b
    return in_a and not in_b


cdef inline int32_t number_of_pair(
    unordered_map[uint64_t, int32_t]& numbers, vector[uint64_t]& pairs, int32_t p, int32_t q
) except -1 nogil:
    cdef uint64_t key = (<uint64_t>(p + 1) << 32) | <uint64_t>(q + 1)
    cdef int32_t number
    if numbers.count(key):
        return numbers[key]
    number = <int32_t>pairs.size()
    numbers[key] = number
    pairs.push_back(key)
    return number


cdef bint product(Dfa& a, Dfa& b, int kind, int64_t limit, Dfa& result) except -1 nogil:
    """Run two automata side by side, -1 standing for a dead state; True where the limit does not suffice."""
    cdef unordered_map[uint64_t, int32_t] numbers
    cdef vector[uint64_t] pairs
    cdef Row row
    cdef size_t done = 0
    cdef int64_t work = limit * EDGES_PER_STATE
    cdef int32_t p, q, i, j, end_i, end_j, at, last, target_a, target_b
    if a.accepting.empty() and b.accepting.empty():
        result.offsets.push_back(0)
        return False
    number_of_pair(numbers, pairs, -1 if a.accepting.empty() else 0, -1 if b.accepting.empty() else 0)
    while done < pairs.size():
        p = <int32_t>(pairs[done] >> 32) - 1
        q = <int32_t>(pairs[done] & <uint64_t>0xFFFFFFFF) - 1
        i = a.offsets[p] if p >= 0 else 0
        end_i = a.offsets[p + 1] if p >= 0 else 0
        j = b.offsets[q] if q >= 0 else 0
        end_j = b.offsets[q + 1] if q >= 0 else 0
        at = 0
        row.clear()
        while i < end_i or j < end_j:
            target_a = target_b = -1
            last = LAST
            if i < end_i:
                if a.low[i] <= at:
                    target_a = a.target[i]
                    last = a.high[i]
                else:
                    last = a.low[i] - 1
            if j < end_j:
                if b.low[j] <= at:
                    target_b = b.target[j]
                    last = min(last, b.high[j])
                else:
                    last = min(last, b.low[j] - 1)
            if (target_a >= 0 and target_b >= 0) if kind == BOTH else (
                target_a >= 0 or (kind == EITHER and target_b >= 0)
            ):
                append_edge(row, at, last, number_of_pair(numbers, pairs, target_a, target_b))
            at = last + 1
            if i < end_i and a.high[i] < at:
                i += 1
            if j < end_j and b.high[j] < at:
                j += 1
            work -= 1
        add_state(result, row, is_member(kind, p >= 0 and a.accepting[p], q >= 0 and b.accepting[q]))
        if work < 0 or <int64_t>pairs.size() > limit:
            return True
        done += 1
    return False


cdef int complement(Dfa& dfa, Dfa& result) except -1 nogil:
    """Swap what is accepted; no two states become equivalent, and only that of all texts dies."""
    cdef Rows rows, none
    cdef Row row
    cdef int32_t n = <int32_t>dfa.accepting.size(), s, e, at
    cdef int32_t dead = -1
    for s in range(n):
        e = dfa.offsets[s]
        if (
            dfa.accepting[s] and dfa.offsets[s + 1] == e + 1
            and dfa.low[e] == 0 and dfa.high[e] == LAST and dfa.target[e] == s
        ):
            dead = s
    if dead == 0:
        result.offsets.push_back(0)
        return 0
    for s in range(n):
        row.clear()
        at = 0
        for e in range(dfa.offsets[s], dfa.offsets[s + 1]):
            if dfa.low[e] > at:
                append_edge(row, at, dfa.low[e] - 1, n)
            if dfa.target[e] != dead:
                append_edge(row, dfa.low[e], dfa.high[e], dfa.target[e])
            at = dfa.high[e] + 1
        if at <= LAST:
            append_edge(row, at, LAST, n)
        append_row(rows, row, not dfa.accepting[s])
    row.clear()
    append_edge(row, 0, LAST, n)
    append_row(rows, row, True)
    return number_rows(rows, none, 0, result)


# ---------------------------------------------------------------- Python's side


cdef inline int32_t ordinal(Py_UCS4 character) noexcept:
    """Number of a character; -1 for a surrogate."""
    if character < SURROGATES:
        return <int32_t>character
    return <int32_t>character - GAP if character >= SURROGATES + GAP else -1


cdef inline Py_UCS4 character_of(int32_t number) noexcept:
    return <Py_UCS4>(number if number < SURROGATES else number + GAP)


cdef CharacterDfa minimal(Dfa& raw):
    cdef CharacterDfa result = CharacterDfa.__new__(CharacterDfa)
    with nogil:
        minimize_characters(raw, result.dfa)
    return result


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
            before = letters
        finish_rows(rows, path, ends, before, 0)
        if path[0].empty() and not ends[0]:
            result.dfa.offsets.push_back(0)
        else:
            number_rows(none, rows, intern_row(rows, path[0], ends[0]), result.dfa)
        return result

    @staticmethod
    def counted(tuple bounds, int64_t least, int64_t most):
        """Make the automaton of ``least`` to ``most`` characters of a set; ``most`` is -1 where there is no bound.

        ``bounds`` are code points, sorted, each pair half open, no two adjoining.
        """
        cdef CharacterDfa result = CharacterDfa.__new__(CharacterDfa)
        cdef Row row
        cdef int64_t state, last = least if most < 0 else most, low, end
        cdef size_t i
        cdef Py_ssize_t bound
        for bound in range(0, len(bounds), 2):
            low = bounds[bound]
            end = bounds[bound + 1]
            # Surrogates are cut out; what stood on either side of them adjoins.
            low = low - GAP if low >= SURROGATES + GAP else min(low, <int64_t>SURROGATES)
            end = end - GAP if end >= SURROGATES + GAP else min(end, <int64_t>SURROGATES)
            if low < end:
                append_edge(row, <int32_t>low, <int32_t>end - 1, 0)
        if row.empty():
            last = 0
        if 0 <= most < least or (row.empty() and least > 0):
            result.dfa.offsets.push_back(0)
            return result
        for state in range(last + 1):
            for i in range(row.size()):
                row[i].target = <int32_t>(state if state == last else state + 1)
            if state == last and most >= 0:
                row.clear()
            add_state(result.dfa, row, state >= least)
        return result

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
        if 0 <= most < least:
            return CharacterDfa.words([])
        if nullable:
            least = 0
        if copies == 0 or n == 0:
            return CharacterDfa.words([] if least else [""])
        if copies * n > 2 * limit or copies * <int64_t>self.dfa.target.size() > limit * EDGES_PER_STATE:
            raise TooManyStates
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


cdef int finish_rows(
    Rows& rows, vector[Row]& path, vector[uint8_t]& ends, vector[int32_t]& letters, size_t depth
) except -1:
    """Finish the rows of a word that are deeper than ``depth``."""
    cdef int32_t number
    cdef size_t at
    while path.size() > depth + 1:
        number = intern_row(rows, path.back(), ends.back())
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
