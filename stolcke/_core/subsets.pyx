"""The subset construction.

The input is an automaton in two layers.  *Fragments* are small deterministic
byte automata, one after the other in one table: the UTF-8 encodings of a set
of characters, or a dictionary of words.  *Nodes* are what Thompson's
construction makes of an expression: a node reads a fragment and goes on, or
branches without reading.  Where the automaton stands inside a fragment, and
to which node that leads, is one 64-bit *position*; a state of the
deterministic automaton is a set of positions.

Here a lazy branch is a branch like any other: :mod:`stolcke._core.dfa` adds
what the preference means.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libcpp.algorithm cimport sort, unique
from libcpp.string cimport string
from libcpp.vector cimport vector

from stolcke._core.containers cimport refill, slot_of


cdef int32_t number_of_set(Subsets& sets, Positions& members, bint accepting) except -1 nogil:
    """Sort a set of positions and give its number; equal sets have one number."""
    cdef string key
    cdef int32_t number
    sort(members.begin(), members.end())
    members.erase(unique(members.begin(), members.end()), members.end())
    key.assign(<const char*>members.data(), members.size() * sizeof(uint64_t))
    key.push_back(<char>accepting)
    if sets.numbers.count(key):
        return sets.numbers[key]
    number = <int32_t>sets.members.size()
    slot_of(sets.numbers, key)[0] = number
    sets.members.push_back(members)
    sets.accepting.push_back(accepting)
    sets.rows.emplace_back()
    sets.row_known.push_back(0)
    sets.work -= <int64_t>members.size() + 1
    return number


cdef int prepare_sets(Subsets& sets, Source& source, int64_t work) except -1 nogil:
    cdef Positions none
    sets.work = work
    sets.round = 0
    refill(sets.closures, source.nodes, -1)
    refill(sets.seen, source.nodes, -1)
    sets.buckets.resize(256)
    number_of_set(sets, none, False)
    return 0


cdef bint follow(Subsets& sets, Source& source, vector[int32_t]& stack, Positions& found) except -1 nogil:
    """Add the positions that the nodes on the stack reach without reading; is the end one of them?"""
    cdef bint accepting = False
    cdef int32_t node, i
    sets.round += 1
    while not stack.empty():
        node = stack.back()
        stack.pop_back()
        if sets.seen[node] == sets.round:
            continue
        sets.seen[node] = sets.round
        sets.work -= 1
        if source.kind[node] == READ:
            found.push_back(position(source.first[node], source.second[node]))
        elif source.kind[node] == ACCEPT:
            accepting = True
        elif source.kind[node] == ANYTHING:
            # Every text is accepted from here on: no other position matters.
            found.clear()
            found.push_back(position(source.first[node], node))
            stack.clear()
            return True
        else:
            for i in range(source.first[node], source.second[node]):
                stack.push_back(source.branches[i])
    return accepting


cdef int32_t closure(Subsets& sets, Source& source, int32_t root) except -1 nogil:
    """Number the set of positions that ``root`` reaches without reading."""
    cdef vector[int32_t] stack
    cdef Positions found
    cdef bint accepting
    if sets.closures[root] < 0:
        stack.push_back(root)
        accepting = follow(sets, source, stack, found)
        sets.closures[root] = number_of_set(sets, found, accepting)
    return sets.closures[root]


cdef int32_t arrive(Subsets& sets, Source& source, Positions& reached) except -1 nogil:
    """Number the set that stands after a byte has led to the positions ``reached``."""
    cdef vector[int32_t] stack
    cdef Positions found
    cdef size_t i
    cdef int32_t state
    for i in range(reached.size()):
        state = fragment_state(reached[i])
        if source.edge_offsets[state] < source.edge_offsets[state + 1]:
            found.push_back(reached[i])
        if source.final[state]:
            stack.push_back(node_after(reached[i]))
    return number_of_set(sets, found, follow(sets, source, stack, found))


cdef int expand_set(Subsets& sets, Source& source, int32_t number) except -1 nogil:
    """Find the transitions of a set."""
    cdef uint8_t[257] cuts
    cdef int32_t[256] following
    cdef int32_t e, byte, node, state, target
    cdef uint64_t place
    cdef size_t i
    cdef Row row
    if sets.row_known[number]:
        return 0
    for byte in range(257):
        cuts[byte] = 0
    for i in range(sets.members[number].size()):
        mark_edges(source, fragment_state(sets.members[number][i]), cuts)
    next_cuts(cuts, following)
    for i in range(sets.members[number].size()):
        place = sets.members[number][i]
        state = fragment_state(place)
        node = node_after(place)
        for e in range(source.edge_offsets[state], source.edge_offsets[state + 1]):
            byte = source.edge_low[e]
            while byte <= source.edge_high[e]:
                sets.buckets[byte].push_back(position(source.edge_target[e], node))
                byte = following[byte]
    for byte in range(256):
        if not sets.buckets[byte].empty():
            target = arrive(sets, source, sets.buckets[byte])
            sets.buckets[byte].clear()
            append_edge(row, byte, following[byte] - 1, target)
    sets.rows[number].swap(row)
    sets.row_known[number] = 1
    return 0


cdef int determinize_plain(
    Source& source, int32_t start, int64_t limit, int64_t work, Machine& machine
) except -1 nogil:
    """The subset construction; a status."""
    cdef Subsets sets
    cdef vector[int32_t] states      # [states], the set of each state
    cdef vector[int32_t] state_of    # [sets], -1 where the set is no state
    cdef size_t i = 0, j
    cdef int32_t number
    prepare_sets(sets, source, work)
    states.push_back(closure(sets, source, start))
    refill(state_of, sets.members.size(), -1)
    state_of[states[0]] = 0
    while i < states.size():
        number = states[i]
        expand_set(sets, source, number)
        if sets.work < 0:
            return TOO_MANY
        state_of.resize(sets.members.size(), -1)
        machine.rows.emplace_back()
        machine.rows.back().swap(sets.rows[number])
        machine.accepting.push_back(sets.accepting[number])
        for j in range(machine.rows[i].size()):
            number = machine.rows[i][j].target
            if state_of[number] < 0:
                state_of[number] = <int32_t>states.size()
                states.push_back(number)
            machine.rows[i][j].target = state_of[number]
        if <int64_t>states.size() > limit:
            return TOO_MANY
        i += 1
    return 0
