"""Minimisation of deterministic automata over bytes, and their canonical form.

Partition refinement after Valmari and Lehtinen: blocks of states and blocks of
transitions split each other, which needs no state for what is missing and
costs O(m log n) for m transitions.  A transition here is a state and a *class*
of bytes that no edge of the whole automaton tells apart.
"""

import numpy as np

from libc.stdint cimport int32_t, uint8_t
from libc.string cimport memcpy
from libcpp.vector cimport vector

from stolcke._core.containers cimport refill

__all__ = ["minimize"]


cdef int add_set(Partition& sets, int32_t begin, int32_t end) except -1 nogil:
    sets.begin.push_back(begin)
    sets.end.push_back(end)
    sets.marked.push_back(0)
    return 0


cdef int one_set(Partition& sets, int32_t n) except -1 nogil:
    """All of 0..n-1 in one set."""
    cdef int32_t i
    for i in range(n):
        sets.elements.push_back(i)
        sets.place.push_back(i)
        sets.set_of.push_back(0)
    if n:
        add_set(sets, 0, n)
    return 0


cdef int mark(Partition& sets, int32_t element) except -1 nogil:
    """Move an element to the marked front of its set."""
    cdef int32_t group = sets.set_of[element]
    cdef int32_t here = sets.place[element]
    cdef int32_t there = sets.begin[group] + sets.marked[group]
    if here < there:
        return 0
    sets.elements[here] = sets.elements[there]
    sets.place[sets.elements[here]] = here
    sets.elements[there] = element
    sets.place[element] = there
    if sets.marked[group] == 0:
        sets.touched.push_back(group)
    sets.marked[group] += 1
    return 0


cdef int split(Partition& sets) except -1 nogil:
    """Part the marked elements of each set from the others; the smaller part becomes the new set."""
    cdef int32_t group, cut, new, i
    while not sets.touched.empty():
        group = sets.touched.back()
        sets.touched.pop_back()
        cut = sets.begin[group] + sets.marked[group]
        sets.marked[group] = 0
        if cut == sets.end[group]:
            continue
        new = <int32_t>sets.begin.size()
        if cut - sets.begin[group] <= sets.end[group] - cut:
            add_set(sets, sets.begin[group], cut)
            sets.begin[group] = cut
        else:
            add_set(sets, cut, sets.end[group])
            sets.end[group] = cut
        for i in range(sets.begin[new], sets.end[new]):
            sets.set_of[sets.elements[i]] = new
    return 0


cdef int trim(Dfa& raw, Dfa& dfa) except -1 nogil:
    """Copy the states that lie on a way from the start to an accepting state."""
    cdef int32_t n = <int32_t>raw.accepting.size()
    cdef vector[int32_t] incoming_offsets, incoming, number, stack
    cdef vector[uint8_t] live
    cdef int32_t s, e, kept = 0
    refill(incoming_offsets, n + 2, 0)
    incoming.resize(raw.target.size())
    for e in range(<int32_t>raw.target.size()):
        incoming_offsets[raw.target[e] + 2] += 1
    for s in range(n):
        incoming_offsets[s + 2] += incoming_offsets[s + 1]
    for s in range(n):
        for e in range(raw.offsets[s], raw.offsets[s + 1]):
            incoming[incoming_offsets[raw.target[e] + 1]] = s
            incoming_offsets[raw.target[e] + 1] += 1
    refill(live, n, 0)
    for s in range(n):
        if raw.accepting[s]:
            live[s] = 1
            stack.push_back(s)
    while not stack.empty():
        s = stack.back()
        stack.pop_back()
        for e in range(incoming_offsets[s], incoming_offsets[s + 1]):
            if not live[incoming[e]]:
                live[incoming[e]] = 1
                stack.push_back(incoming[e])
    # The start keeps number 0: states are copied in the order in which they are found.
    refill(number, n, -1)
    dfa.offsets.push_back(0)
    if n == 0 or not live[0]:
        return 0
    incoming.clear()
    incoming.push_back(0)
    number[0] = 0
    while kept < <int32_t>incoming.size():
        s = incoming[kept]
        kept += 1
        dfa.accepting.push_back(raw.accepting[s])
        for e in range(raw.offsets[s], raw.offsets[s + 1]):
            if not live[raw.target[e]]:
                continue
            if number[raw.target[e]] < 0:
                number[raw.target[e]] = <int32_t>incoming.size()
                incoming.push_back(raw.target[e])
            dfa.low.push_back(raw.low[e])
            dfa.high.push_back(raw.high[e])
            dfa.target.push_back(number[raw.target[e]])
        dfa.offsets.push_back(<int32_t>dfa.target.size())
    return 0


cdef int byte_transitions(Dfa& dfa, Transitions& transitions) except -1 nogil:
    """List the transitions of an automaton over bytes."""
    cdef int32_t[257] cuts
    cdef int32_t[257] class_of       # for each byte
    cdef int32_t s, e, byte, label, classes = -1
    for byte in range(257):
        cuts[byte] = 0
    for e in range(<int32_t>dfa.target.size()):
        cuts[dfa.low[e]] = 1
        cuts[dfa.high[e] + 1] = 1
    for byte in range(257):
        if byte == 0 or cuts[byte]:
            classes += 1
        class_of[byte] = classes
    transitions.labels = classes + 1
    for s in range(<int32_t>dfa.accepting.size()):
        for e in range(dfa.offsets[s], dfa.offsets[s + 1]):
            for label in range(class_of[dfa.low[e]], class_of[dfa.high[e]] + 1):
                transitions.tail.push_back(s)
                transitions.label.push_back(label)
                transitions.head.push_back(dfa.target[e])
    return 0


cdef int refine(Dfa& dfa, Transitions& transitions, Partition& blocks) except -1 nogil:
    """Part the states into classes of equal language."""
    cdef int32_t n = <int32_t>dfa.accepting.size(), labels = transitions.labels
    cdef int32_t count = <int32_t>transitions.tail.size()
    cdef vector[int32_t] by_label, label_begin, incoming, incoming_begin
    cdef Partition bundles           # of transitions
    cdef int32_t s, i, j, _j, block = 1, bundle = 0
    one_set(blocks, n)
    for s in range(n):
        if dfa.accepting[s]:
            mark(blocks, s)
    split(blocks)

    # Transitions in sets by their label, and lists of those that come into each state.
    refill(label_begin, labels + 1, 0)
    refill(incoming_begin, n + 2, 0)
    for i in range(count):
        label_begin[transitions.label[i] + 1] += 1
        incoming_begin[transitions.head[i] + 2] += 1
    for i in range(labels):
        label_begin[i + 1] += label_begin[i]
    for s in range(n):
        incoming_begin[s + 2] += incoming_begin[s + 1]
    bundles.elements.resize(count)
    bundles.place.resize(count)
    bundles.set_of.resize(count)
    incoming.resize(count)
    for i in range(labels):
        if label_begin[i] < label_begin[i + 1]:
            add_set(bundles, label_begin[i], label_begin[i + 1])
            for _j in range(label_begin[i], label_begin[i + 1]):
                by_label.push_back(<int32_t>bundles.begin.size() - 1)
    for i in range(count):
        j = label_begin[transitions.label[i]]
        label_begin[transitions.label[i]] += 1
        bundles.elements[j] = i
        bundles.place[i] = j
        bundles.set_of[i] = by_label[j]
        incoming[incoming_begin[transitions.head[i] + 1]] = i
        incoming_begin[transitions.head[i] + 1] += 1

    while bundle < <int32_t>bundles.begin.size():
        for i in range(bundles.begin[bundle], bundles.end[bundle]):
            mark(blocks, transitions.tail[bundles.elements[i]])
        split(blocks)
        bundle += 1
        while block < <int32_t>blocks.begin.size():
            for i in range(blocks.begin[block], blocks.end[block]):
                s = blocks.elements[i]
                for j in range(incoming_begin[s], incoming_begin[s + 1]):
                    mark(bundles, incoming[j])
            split(bundles)
            block += 1
    return 0


cdef int quotient(Dfa& dfa, Partition& blocks, Dfa& result) except -1 nogil:
    """One state per block, breadth first from the start's in the order of bytes, edges as long as can be."""
    cdef vector[int32_t] number, order
    cdef int32_t kept = 0, s, e, block
    result.offsets.push_back(0)
    if dfa.accepting.empty():
        return 0
    refill(number, blocks.begin.size(), -1)
    number[blocks.set_of[0]] = 0
    order.push_back(0)
    while kept < <int32_t>order.size():
        s = order[kept]
        kept += 1
        result.accepting.push_back(dfa.accepting[s])
        for e in range(dfa.offsets[s], dfa.offsets[s + 1]):
            block = blocks.set_of[dfa.target[e]]
            if number[block] < 0:
                number[block] = <int32_t>order.size()
                order.push_back(dfa.target[e])
            if (
                <int32_t>result.target.size() > result.offsets.back()
                and result.target.back() == number[block]
                and result.high.back() == dfa.low[e] - 1
            ):
                result.high[result.high.size() - 1] = dfa.high[e]
            else:
                result.low.push_back(dfa.low[e])
                result.high.push_back(dfa.high[e])
                result.target.push_back(number[block])
        result.offsets.push_back(<int32_t>result.target.size())
    return 0


cdef int minimize_bytes(Dfa& raw, Dfa& result) except -1 nogil:
    """Trim and minimise an automaton over bytes and number its states breadth first."""
    cdef Dfa dfa
    cdef Transitions transitions
    cdef Partition blocks
    trim(raw, dfa)
    if not dfa.accepting.empty():
        byte_transitions(dfa, transitions)
        refine(dfa, transitions, blocks)
    return quotient(dfa, blocks, result)


cdef as_int32(const vector[int32_t]& values):
    array = np.empty(values.size(), np.int32)
    cdef int32_t[::1] view = array
    if not values.empty():
        memcpy(&view[0], values.data(), values.size() * sizeof(int32_t))
    return array


cdef as_uint8(const vector[int32_t]& values):
    cdef const int32_t* source = values.data()
    cdef Py_ssize_t i
    array = np.empty(values.size(), np.uint8)
    cdef uint8_t[::1] view = array
    for i in range(view.shape[0]):
        view[i] = <uint8_t>source[i]
    return array


cdef tuple byte_arrays(Dfa& dfa):
    """An automaton over bytes as (offsets, low, high, target, accepting)."""
    flags = np.empty(dfa.accepting.size(), np.uint8)
    cdef uint8_t[::1] view = flags
    if not dfa.accepting.empty():
        memcpy(&view[0], dfa.accepting.data(), dfa.accepting.size())
    return as_int32(dfa.offsets), as_uint8(dfa.low), as_uint8(dfa.high), as_int32(dfa.target), flags


def minimize(
    const int32_t[::1] offsets,
    const uint8_t[::1] low,
    const uint8_t[::1] high,
    const int32_t[::1] target,
    const uint8_t[::1] accepting,
):
    """Trim and minimise an automaton and number its states breadth first.

    Parameters
    ----------
    offsets : int32[n + 1]
        Edges of state ``s`` are ``offsets[s]`` to ``offsets[s + 1]``, sorted
        and disjoint.  State 0 is the start.
    low, high : uint8[edges]
        First and last byte of each edge.
    target : int32[edges]
    accepting : uint8[n]

    Returns
    -------
    tuple of numpy.ndarray
        The same five for the minimal automaton; automata of equal language
        give equal arrays.  No state where the language is empty.
    """
    cdef Dfa raw, result
    cdef Py_ssize_t i
    raw.offsets.resize(offsets.shape[0])
    raw.low.resize(low.shape[0])
    raw.high.resize(low.shape[0])
    raw.target.resize(low.shape[0])
    raw.accepting.resize(accepting.shape[0])
    with nogil:
        for i in range(offsets.shape[0]):
            raw.offsets[i] = offsets[i]
        for i in range(low.shape[0]):
            raw.low[i] = low[i]
            raw.high[i] = high[i]
            raw.target[i] = target[i]
        for i in range(accepting.shape[0]):
            raw.accepting[i] = accepting[i]
        minimize_bytes(raw, result)
    return byte_arrays(result)
