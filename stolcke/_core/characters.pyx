"""Automata over characters: minimisation, the subset construction, products and complements.

Characters are ordinals: code points without the surrogates, so that all
characters are one range.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libcpp.algorithm cimport lower_bound, sort, unique
from libcpp.string cimport string
from libcpp.unordered_map cimport unordered_map
from libcpp.vector cimport vector

from stolcke._core.containers cimport refill, slot_of
from stolcke._core.minimize cimport (
    Dfa, Partition, Transitions, mark, one_set, quotient, refine, split, trim,
)
from stolcke._core.rows cimport Rows, append_row, intern_row, number_rows, row_count
from stolcke._core.subsets cimport Edge, Row, append_edge
# Pairs of states up to which they are numbered in a table.
cdef size_t DENSE_PAIRS = 20_000


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
    cdef Partition classes
    cdef vector[Row] parts           # of a state's edges, by target
    cdef vector[int32_t] part_of     # [states]: scratch, -1 where the state is no target
    cdef string key
    cdef int32_t s, e, i, first, last, label
    cdef size_t a
    heads_begin.push_back(0)
    label_begin.push_back(0)
    # The sets of each state, by target; equal sets get one number.
    refill(part_of, dfa.accepting.size(), -1)
    for s in range(<int32_t>dfa.accepting.size()):
        first = <int32_t>heads.size()
        for e in range(dfa.offsets[s], dfa.offsets[s + 1]):
            i = part_of[dfa.target[e]]
            if i < 0:
                i = part_of[dfa.target[e]] = <int32_t>heads.size() - first
                heads.push_back(dfa.target[e])
                if <size_t>i == parts.size():
                    parts.emplace_back()
                parts[i].clear()
            append_edge(parts[i], dfa.low[e], dfa.high[e], 0)
        for i in range(<int32_t>heads.size() - first):
            part_of[heads[first + i]] = -1
            key.assign(<const char*>parts[i].data(), parts[i].size() * sizeof(Edge))
            if number_of.count(key) == 0:
                slot_of(number_of, key)[0] = <int32_t>label_begin.size() - 1
                for a in range(parts[i].size()):
                    label_edges.push_back(parts[i][a].low)
                    label_edges.push_back(parts[i][a].high + 1)
                    cuts.push_back(parts[i][a].low)
                    cuts.push_back(parts[i][a].high + 1)
                label_begin.push_back(<int32_t>label_edges.size())
            labels.push_back(number_of[key])
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


cdef enum:
    NEW = 0                          # colours of the walk below
    OPEN = 1
    DONE = 2
    SELF = -2                        # target: the state that the edge leaves


cdef bint ends_first(Dfa& dfa, vector[int32_t]& order) except -1 nogil:
    """List the states, each after all others that it leads to; False where that cannot be done."""
    cdef vector[int32_t] stack, edges
    cdef vector[uint8_t] colour
    cdef int32_t state, target
    refill(colour, dfa.accepting.size(), NEW)
    stack.push_back(0)
    edges.push_back(0)
    colour[0] = OPEN
    while not stack.empty():
        state = stack.back()
        if edges.back() == dfa.offsets[state + 1]:
            colour[state] = DONE
            order.push_back(state)
            stack.pop_back()
            edges.pop_back()
            continue
        target = dfa.target[edges.back()]
        edges[edges.size() - 1] += 1
        if colour[target] == NEW:
            colour[target] = OPEN
            stack.push_back(target)
            edges.push_back(dfa.offsets[target])
        elif colour[target] == OPEN and target != state:
            return False
    return True


cdef int resolve(const Row& row, int32_t self, Row& resolved) except -1 nogil:
    """Write out a row with the loops of its state."""
    cdef size_t i
    resolved.clear()
    for i in range(row.size()):
        append_edge(resolved, row[i].low, row[i].high, self if row[i].target == SELF else row[i].target)
    return 0


cdef int32_t group_of(Rows& rows, vector[int32_t]& group, const Row& row, bint accepting) except -2 nogil:
    """Number of the row; where it is new, no group stands for it yet."""
    cdef int32_t number = intern_row(rows, row.data(), row.size(), accepting)
    if <size_t>number == group.size():
        group.push_back(-1)
    return number


cdef bint fold(Dfa& dfa, Dfa& result) except -1 nogil:
    """Minimise an automaton whose only cycles are loops at one state; False where there are others.

    States are taken from the ends.  The first of several equivalent ones leads
    to its own kind by loops alone; a later one does so by loops, by edges to
    the first, or both.  Hence a state is new if it differs from all before it
    as it is, and also with each state it leads to in the place of itself.
    """
    cdef Rows groups, rows, none
    cdef vector[int32_t] order, number, group      # of the states; of the rows
    cdef Row row, resolved
    cdef size_t i, j
    cdef int32_t s, e, target, found, as_is
    cdef bint loops
    if not ends_first(dfa, order):
        return False
    number.resize(order.size())
    for i in range(order.size()):
        s = order[i]
        loops = False
        row.clear()
        for e in range(dfa.offsets[s], dfa.offsets[s + 1]):
            target = SELF if dfa.target[e] == s else number[dfa.target[e]]
            loops = loops or target == SELF
            append_edge(row, dfa.low[e], dfa.high[e], target)
        as_is = group_of(rows, group, row, dfa.accepting[s])
        found = group[as_is]
        j = 0
        while loops and found < 0 and j < row.size():
            target = row[j].target
            if target != SELF and (j == 0 or row[j - 1].target != target):
                resolve(row, target, resolved)
                if group[group_of(rows, group, resolved, dfa.accepting[s])] == target:
                    found = target
            j += 1
        if found < 0:
            found = row_count(groups)
            resolve(row, found, resolved)
            append_row(groups, resolved.data(), resolved.size(), dfa.accepting[s])
            group[as_is] = found
            if loops:
                group[group_of(rows, group, resolved, dfa.accepting[s])] = found
        number[s] = found
    number_rows(groups, none, number[0], result)
    return True


cdef int minimize_characters(Dfa& raw, Dfa& result) except -1 nogil:
    """Trim and minimise an automaton over characters and number its states breadth first."""
    cdef Dfa dfa
    cdef Transitions transitions
    cdef Partition blocks
    trim(raw, dfa)
    if not dfa.accepting.empty():
        if fold(dfa, result):
            return 0
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


cdef enum:
    MOST_KNOWN = 8                   # places that intervals are compared with


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
    slot_of(numbers, key)[0] = number
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
    cdef int64_t work = limit * <int64_t>EDGES_PER_STATE
    cdef size_t done = 0, i
    cdef int32_t s, e, first, j, interval
    cdef vector[vector[int32_t]] known   # what intervals of this row have led to
    cdef int32_t[8] known_numbers        # and the sets that this made
    cdef size_t n_known
    cdef bint accepts
    known.resize(MOST_KNOWN)
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
        n_known = 0
        for interval in range(<int32_t>cuts.size() - 1):
            if reached[interval].empty():
                continue
            # Intervals are many where sets of characters are wide, but lead to few different places.
            i = 0
            while i < n_known and known[i] != reached[interval]:
                i += 1
            if i == n_known:
                n_known = min(n_known + 1, MOST_KNOWN)
                i = min(i, <size_t>MOST_KNOWN - 1)
                known[i].assign(reached[interval].begin(), reached[interval].end())
                members.clear()
                accepts = False
                for j in range(<int32_t>reached[interval].size()):
                    if enter(nfa, reached[interval][j], members):
                        accepts = True
                work -= <int64_t>members.size()
                known_numbers[i] = number_of_set(numbers, sets, accepting, members, accepts)
            reached[interval].clear()
            append_edge(row, cuts[interval], cuts[interval + 1] - 1, known_numbers[i])
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


cdef inline bint is_member(int kind, bint in_a, bint in_b) noexcept nogil:
    if kind == BOTH:
        return in_a and in_b
    if kind == EITHER:
        return in_a or in_b
    return in_a and not in_b


cdef cppclass Pairs:
    # Pairs of states, numbered as they are met; -1 stands for a dead state.
    vector[int32_t] first
    vector[int32_t] second
    vector[int32_t] table            # numbers by pair where these are few, else empty
    unordered_map[uint64_t, int32_t] numbers
    int32_t width                    # of the table


cdef inline int32_t number_of_pair(Pairs& pairs, int32_t p, int32_t q) except -1 nogil:
    cdef int32_t* number
    if pairs.table.empty():
        number = slot_of(pairs.numbers, (<uint64_t>(p + 1) << 32) | <uint64_t>(q + 1))
    else:
        number = &pairs.table[<size_t>(p + 1) * pairs.width + (q + 1)]
    if number[0] == 0:
        pairs.first.push_back(p)
        pairs.second.push_back(q)
        number[0] = <int32_t>pairs.first.size()
    return number[0] - 1


cdef bint product(Dfa& a, Dfa& b, int kind, int64_t limit, Dfa& result) except -1 nogil:
    """Run two automata side by side, -1 standing for a dead state; True where the limit does not suffice."""
    cdef Pairs pairs
    cdef Row row
    cdef size_t done = 0
    cdef int64_t work = limit * <int64_t>EDGES_PER_STATE
    cdef int32_t p, q, i, j, end_i, end_j, at, last, target_a, target_b
    if a.accepting.empty() and b.accepting.empty():
        result.offsets.push_back(0)
        return False
    pairs.width = <int32_t>b.accepting.size() + 1
    if (a.accepting.size() + 1) * (b.accepting.size() + 1) <= DENSE_PAIRS:
        refill(pairs.table, (a.accepting.size() + 1) * (b.accepting.size() + 1), 0)
    number_of_pair(pairs, -1 if a.accepting.empty() else 0, -1 if b.accepting.empty() else 0)
    while done < pairs.first.size():
        p = pairs.first[done]
        q = pairs.second[done]
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
                append_edge(row, at, last, number_of_pair(pairs, target_a, target_b))
            at = last + 1
            if i < end_i and a.high[i] < at:
                i += 1
            if j < end_j and b.high[j] < at:
                j += 1
            work -= 1
        add_state(result, row, is_member(kind, p >= 0 and a.accepting[p], q >= 0 and b.accepting[q]))
        if work < 0 or <int64_t>pairs.first.size() > limit:
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
        append_row(rows, row.data(), row.size(), not dfa.accepting[s])
    row.clear()
    append_edge(row, 0, LAST, n)
    append_row(rows, row.data(), row.size(), True)
    return number_rows(rows, none, 0, result)
