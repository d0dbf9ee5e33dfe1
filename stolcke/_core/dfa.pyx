"""Determinisation of automata over bytes.

:mod:`stolcke._core.subsets` says what the input is, and turns it into a
deterministic automaton whose states are sets of positions.

A branch may be *lazy*: its first way is preferred, and once that way has
matched, a longer match by the second way is void.  Such a thread carries its
*rivals*, the positions that void it when they match, and a state is a set of
(position, rivals).  Rivals are sets of positions themselves, kept by number.
"""

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libcpp.algorithm cimport includes, sort, unique
from libcpp.pair cimport pair
from libcpp.string cimport string
from libcpp.unordered_map cimport unordered_map
from libcpp.vector cimport vector

from stolcke._core.containers cimport refill, slot_of
from stolcke._core.subsets cimport (
    ACCEPT, BRANCH, EMPTY, LAZY, READ, TOO_MANY, Machine, Positions, Row, Source, Subsets, append_edge, closure,
    determinize_plain, expand_set, fragment_state, mark_edges, next_cuts, node_after, number_of_set, position,
    prepare_sets,
)

__all__ = ["TooManyStates", "determinize", "literal_trie"]


class TooManyStates(Exception):
    """The automaton, or the work to build it, passed its bound."""


# A thread is a position and the number of its set of rivals.
ctypedef pair[uint64_t, uint64_t] Thread


cdef cppclass Bundles:
    # Sets of threads, the states of an automaton with lazy branches.
    vector[vector[Thread]] members
    vector[uint8_t] accepting
    unordered_map[string, int32_t] numbers
    vector[vector[Thread]] closures  # [nodes]: the threads that a node starts
    vector[uint8_t] closure_known
    unordered_map[uint64_t, int32_t] unions
    vector[Positions] visited        # [nodes]: scratch of the closure, the rivals each node was followed with
    vector[vector[Thread]] buckets   # [256]: scratch


cdef uint64_t AT_END = ~<uint64_t>0  # the position of a thread that has reached the end


# ---------------------------------------------------------------- lazy branches


cdef int32_t unite(Bundles& bundles, Subsets& sets, int32_t a, int32_t b) except -1 nogil:
    """The number of the union of two sets of positions."""
    cdef Positions both
    cdef uint64_t key
    cdef int32_t number
    if a == b or b == EMPTY:
        return a
    if a == EMPTY:
        return b
    key = position(min(a, b), max(a, b))
    if bundles.unions.count(key):
        return bundles.unions[key]
    sets.work -= <int64_t>(sets.members[a].size() + sets.members[b].size())
    both.assign(sets.members[a].begin(), sets.members[a].end())
    both.insert(both.end(), sets.members[b].begin(), sets.members[b].end())
    number = number_of_set(sets, both, sets.accepting[a] or sets.accepting[b])
    slot_of(bundles.unions, key)[0] = number
    return number


cdef bint is_subset(Subsets& sets, uint64_t a, uint64_t b) noexcept nogil:
    """Is every rival of the set ``a`` in the set ``b`` too?"""
    if a == b or a == EMPTY:
        return True
    if sets.accepting[a] and not sets.accepting[b]:
        return False
    sets.work -= 1 + <int64_t>sets.members[b].size() // 4
    return includes(
        sets.members[b].begin(), sets.members[b].end(), sets.members[a].begin(), sets.members[a].end()
    )


cdef int drop_dominated(Subsets& sets, vector[Thread]& threads) except -1 nogil:
    """Of threads at one position keep those whose rivals include no other's rivals."""
    cdef vector[Thread] kept
    cdef size_t begin = 0, end, i, j
    cdef bint dominated
    sort(threads.begin(), threads.end())
    threads.erase(unique(threads.begin(), threads.end()), threads.end())
    while begin < threads.size():
        end = begin + 1
        while end < threads.size() and threads[end].first == threads[begin].first:
            end += 1
        for i in range(begin, end):
            dominated = False
            sets.work -= <int64_t>(end - begin - 1)
            for j in range(begin, end):
                if i != j and is_subset(sets, threads[j].second, threads[i].second):
                    dominated = True
                    break
            if not dominated:
                kept.push_back(threads[i])
        begin = end
    threads.swap(kept)
    return 0


cdef int lazy_closure(Bundles& bundles, Subsets& sets, Source& source, int32_t root) except -1 nogil:
    """Find the threads that ``root`` starts: its positions with the rivals met on the way.

    A thread that stays in a lazy loop gets what leaves the loop as a rival.
    A node is followed again only with rivals that include none of those it
    was followed with before.
    """
    cdef vector[pair[int32_t, int32_t]] stack
    cdef vector[int32_t] touched
    cdef vector[Thread] found
    cdef int32_t node, rivals, i
    cdef size_t j
    cdef bint known
    if bundles.closure_known[root]:
        return 0
    stack.push_back(pair[int32_t, int32_t](root, EMPTY))
    while not stack.empty():
        node = stack.back().first
        rivals = stack.back().second
        stack.pop_back()
        sets.work -= 1
        if sets.work < 0:
            break
        known = False
        for j in range(bundles.visited[node].size()):
            if is_subset(sets, bundles.visited[node][j], rivals):
                known = True
                break
        if known:
            continue
        bundles.visited[node].push_back(rivals)
        touched.push_back(node)
        if source.kind[node] == READ:
            found.push_back(Thread(position(source.first[node], source.second[node]), rivals))
        elif source.kind[node] == ACCEPT:
            found.push_back(Thread(AT_END, rivals))
        elif source.kind[node] == BRANCH:
            for i in range(source.first[node], source.second[node]):
                stack.push_back(pair[int32_t, int32_t](source.branches[i], rivals))
        else:
            i = source.first[node]
            stack.push_back(pair[int32_t, int32_t](
                source.branches[i + 1],
                unite(bundles, sets, rivals, closure(sets, source, source.branches[i])),
            ))
            stack.push_back(pair[int32_t, int32_t](source.branches[i], rivals))
    for j in range(touched.size()):
        bundles.visited[touched[j]].clear()
    drop_dominated(sets, found)
    bundles.closures[root].swap(found)
    bundles.closure_known[root] = 1
    return 0


cdef int start_threads(
    Bundles& bundles, Subsets& sets, Source& source, int32_t node, int32_t rivals, vector[Thread]& found
) except -1 nogil:
    """Add the threads that ``node`` starts under ``rivals``; 1 where one of them is at the end.

    A rival that matches here voids what reads on, but not what ends here too.
    """
    cdef size_t i
    cdef int32_t all_rivals
    cdef bint accepting = False
    lazy_closure(bundles, sets, source, node)
    for i in range(bundles.closures[node].size()):
        if bundles.closures[node][i].first == AT_END:
            accepting = True
            continue
        all_rivals = unite(bundles, sets, rivals, <int32_t>bundles.closures[node][i].second)
        if not sets.accepting[all_rivals]:
            found.push_back(Thread(bundles.closures[node][i].first, all_rivals))
    return accepting


cdef int32_t number_of_bundle(
    Bundles& bundles, Subsets& sets, vector[Thread]& threads, bint accepting
) except -1 nogil:
    """Simplify a set of threads and give its number; equal sets have one number."""
    cdef string key
    cdef int32_t number
    drop_dominated(sets, threads)
    key.assign(<const char*>threads.data(), threads.size() * sizeof(Thread))
    key.push_back(<char>accepting)
    if bundles.numbers.count(key):
        return bundles.numbers[key]
    number = <int32_t>bundles.members.size()
    slot_of(bundles.numbers, key)[0] = number
    bundles.members.push_back(threads)
    bundles.accepting.push_back(accepting)
    sets.work -= 2 * <int64_t>threads.size() + 1
    return number


cdef int32_t target_of(Row& row, int32_t byte) noexcept nogil:
    """Where a row leads; the empty set where it has no such edge."""
    cdef size_t i
    for i in range(row.size()):
        if byte <= row[i].high:
            return row[i].target if byte >= row[i].low else EMPTY
    return EMPTY


cdef int expand_bundle(
    Bundles& bundles, Subsets& sets, Source& source, int32_t number, Row& row
) except -1 nogil:
    """Find the transitions of a set of threads."""
    cdef uint8_t[257] cuts
    cdef int32_t[256] following
    cdef int32_t e, byte, node, state, rivals
    cdef size_t i, j
    cdef bint accepting
    cdef vector[Thread] threads
    threads.assign(bundles.members[number].begin(), bundles.members[number].end())
    cdef vector[Thread] found
    for byte in range(257):
        cuts[byte] = 0
    for i in range(threads.size()):
        mark_edges(source, fragment_state(threads[i].first), cuts)
        rivals = <int32_t>threads[i].second
        expand_set(sets, source, rivals)
        for j in range(sets.rows[rivals].size()):
            cuts[sets.rows[rivals][j].low] = 1
            cuts[sets.rows[rivals][j].high + 1] = 1
    next_cuts(cuts, following)
    for i in range(threads.size()):
        state = fragment_state(threads[i].first)
        node = node_after(threads[i].first)
        for e in range(source.edge_offsets[state], source.edge_offsets[state + 1]):
            byte = source.edge_low[e]
            while byte <= source.edge_high[e]:
                sets.work -= 1
                rivals = target_of(sets.rows[threads[i].second], byte)
                bundles.buckets[byte].push_back(Thread(position(source.edge_target[e], node), rivals))
                byte = following[byte]
    for byte in range(256):
        if bundles.buckets[byte].empty():
            continue
        found.clear()
        accepting = False
        for i in range(bundles.buckets[byte].size()):
            rivals = <int32_t>bundles.buckets[byte][i].second
            state = fragment_state(bundles.buckets[byte][i].first)
            node = node_after(bundles.buckets[byte][i].first)
            if source.edge_offsets[state] < source.edge_offsets[state + 1] and not sets.accepting[rivals]:
                found.push_back(bundles.buckets[byte][i])
            if source.final[state] and start_threads(bundles, sets, source, node, rivals, found):
                accepting = True
        bundles.buckets[byte].clear()
        append_edge(row, byte, following[byte] - 1, number_of_bundle(bundles, sets, found, accepting))
    return 0


cdef int determinize_lazy(
    Source& source, int32_t start, int64_t limit, int64_t work, Machine& machine
) except -1 nogil:
    """The subset construction over threads with rivals; a status."""
    cdef Subsets sets
    cdef Bundles bundles
    cdef vector[Thread] found
    cdef bint accepting
    cdef size_t i = 0
    prepare_sets(sets, source, work)
    bundles.closures.resize(source.nodes)
    bundles.visited.resize(source.nodes)
    refill(bundles.closure_known, source.nodes, 0)
    bundles.buckets.resize(256)
    accepting = start_threads(bundles, sets, source, start, EMPTY, found)
    number_of_bundle(bundles, sets, found, accepting)
    while i < bundles.members.size():
        machine.rows.emplace_back()
        machine.accepting.push_back(bundles.accepting[i])
        expand_bundle(bundles, sets, source, <int32_t>i, machine.rows.back())
        if sets.work < 0 or <int64_t>bundles.members.size() > limit:
            return TOO_MANY
        i += 1
    return 0


# ---------------------------------------------------------------- Python's side


cdef tuple as_arrays(Machine& machine):
    """The rows of a machine as (offsets, low, high, target, accepting)."""
    cdef size_t states = machine.rows.size(), edges = 0, i, j, e = 0
    for i in range(states):
        edges += machine.rows[i].size()
    offsets = np.zeros(states + 1, np.int32)
    low = np.empty(edges, np.uint8)
    high = np.empty(edges, np.uint8)
    target = np.empty(edges, np.int32)
    accepting = np.empty(states, np.uint8)
    cdef int32_t[::1] offsets_view = offsets, target_view = target
    cdef uint8_t[::1] low_view = low, high_view = high, accepting_view = accepting
    with nogil:
        for i in range(states):
            for j in range(machine.rows[i].size()):
                low_view[e] = <uint8_t>machine.rows[i][j].low
                high_view[e] = <uint8_t>machine.rows[i][j].high
                target_view[e] = machine.rows[i][j].target
                e += 1
            offsets_view[i + 1] = <int32_t>e
            accepting_view[i] = machine.accepting[i]
    return offsets, low, high, target, accepting


def determinize(
    const int32_t[::1] edge_offsets,
    const uint8_t[::1] edge_low,
    const uint8_t[::1] edge_high,
    const int32_t[::1] edge_target,
    const uint8_t[::1] final,
    const uint8_t[::1] kind,
    const int32_t[::1] first,
    const int32_t[::1] second,
    const int32_t[::1] branches,
    int32_t start,
    int64_t limit,
    int64_t work,
):
    """Make an automaton of fragments and nodes deterministic.

    Parameters
    ----------
    edge_offsets, edge_low, edge_high, edge_target, final : arrays
        The fragments: state ``s`` has the edges ``edge_offsets[s]`` to
        ``edge_offsets[s + 1]``, sorted and disjoint, and may be the end of
        its fragment.  A fragment never ends where it starts.
    kind, first, second, branches : arrays
        The nodes.  Kind 0 reads the fragment that starts at state ``first``
        and goes to the node ``second``; kinds 1 and 2 go to each of
        ``branches[first:second]``, kind 2 with the first of its two preferred;
        kind 3 is the end; kind 4 is one too, from which the fragment
        ``first``, which must read whatever may come, leads back to it.
    start : int
        The first node.
    limit : int
        States of the result, at most.
    work : int
        Positions stored and nodes visited on the way, at most.

    Returns
    -------
    tuple of numpy.ndarray
        ``offsets`` int32[n + 1], ``low`` and ``high`` uint8[edges], ``target``
        int32[edges], ``accepting`` uint8[n]; state 0 is the start.  Neither
        trimmed nor minimal.

    Raises
    ------
    TooManyStates
        Where ``limit`` or ``work`` does not suffice.
    """
    cdef Machine machine
    cdef Source source
    cdef bint lazy = False
    cdef int32_t node
    cdef int status
    source.edge_offsets = &edge_offsets[0]
    source.edge_low = &edge_low[0] if edge_low.shape[0] else NULL
    source.edge_high = &edge_high[0] if edge_high.shape[0] else NULL
    source.edge_target = &edge_target[0] if edge_target.shape[0] else NULL
    source.final = &final[0] if final.shape[0] else NULL
    source.kind = &kind[0]
    source.first = &first[0]
    source.second = &second[0]
    source.branches = &branches[0] if branches.shape[0] else NULL
    source.nodes = <int32_t>kind.shape[0]
    with nogil:
        for node in range(source.nodes):
            lazy = lazy or source.kind[node] == LAZY
        if lazy:
            status = determinize_lazy(source, start, limit, work, machine)
        else:
            status = determinize_plain(source, start, limit, work, machine)
    if status == TOO_MANY:
        raise TooManyStates
    return as_arrays(machine)


def literal_trie(const uint8_t[::1] data, const int64_t[::1] offsets):
    """Make the trie of words that are sorted and distinct.

    Parameters
    ----------
    data : uint8[total]
        The words, one after the other, in the order of their bytes.
    offsets : int64[words + 1]
        Word ``i`` is ``data[offsets[i]:offsets[i + 1]]``.

    Returns
    -------
    tuple of numpy.ndarray
        As of :func:`determinize`; state 0 is the root.
    """
    cdef Machine machine
    cdef vector[int32_t] path        # the states along the last word
    cdef int64_t begin, before, end, depth, common
    cdef Py_ssize_t word
    cdef int32_t state
    with nogil:
        machine.rows.emplace_back()
        machine.accepting.push_back(0)
        path.push_back(0)
        before = 0
        for word in range(offsets.shape[0] - 1):
            begin = offsets[word]
            end = offsets[word + 1]
            common = 0
            while common < min(end - begin, begin - before) and data[begin + common] == data[before + common]:
                common += 1
            path.resize(common + 1)
            for depth in range(common, end - begin):
                state = <int32_t>machine.rows.size()
                append_edge(machine.rows[path.back()], data[begin + depth], data[begin + depth], state)
                machine.rows.emplace_back()
                machine.accepting.push_back(0)
                path.push_back(state)
            machine.accepting[path.back()] = 1
            before = begin
    return as_arrays(machine)
