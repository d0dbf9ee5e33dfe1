"""The partitions of a vocabulary as arrays for a file, and back.

Kept is what costs more to make than to load.  A partition drags the states along
that its own state leads to, and of two thousand schemas' property names nearly
all partitions took a few microseconds, while their states are most of the memory.
So the partitions that took the longest walks come first, and each is kept if its
walk is worth the states that it adds.  Those made by difference from a similar
state are made again; what they are made from is kept.
"""

import numpy as np

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libcpp.vector cimport vector

from stolcke._core.automata cimport State
from stolcke._core.byte_dfa cimport ByteDfa
from stolcke._core.containers cimport refill
from stolcke._core.counted cimport COUNTED, Family, Level
from stolcke._core.difference cimport Base, Exit
from stolcke._core.inside cimport Partition, add_listed, copy_row
from stolcke._core.partition cimport PartitionStore
from stolcke._core.storage cimport Slots, idmap_put, segments_push
from stolcke._core.trie cimport Node
from stolcke._core.types cimport NONE, popcount64

from stolcke._core.partition_arrays import check_arrays


cdef extern from *:
    """
    #include <algorithm>
    #include <vector>
    template <class K> static void sort_entries(std::vector<K>& v) {
        std::sort(v.begin(), v.end(), [](const K& a, const K& b) {
            return a.visits != b.visits ? a.visits > b.visits : a.node != b.node ? a.node < b.node : a.state < b.state;
        });
    }
    """
    void sort_entries(vector[Entry]& v) noexcept nogil


cdef enum:
    LEAST_VISITS = 8                    # to nodes of the trie: what took fewer is not worth loading
    FREE_STATES = 48                    # that any partition may add to a file
    VISITS_A_STATE = 4                  # to nodes of the trie, that pay for each state more


cdef struct Entry:
    uint32_t node
    uint32_t state
    uint32_t part
    uint32_t visits


cdef class Selection:
    """Which entries of a store are kept, with all that they refer to, renumbered."""
    cdef PartitionStore store
    cdef vector[Entry] entries
    cdef vector[uint32_t] states, nodes, parts              # kept, by their new numbers
    cdef vector[uint32_t] new_state, new_node, new_part     # the new numbers, NONE for what is not kept
    cdef vector[Base] bases
    cdef vector[Exit] exits
    cdef uint32_t n_families, n_parts

    def __cinit__(self, PartitionStore store not None):
        self.store = store
        self.read()
        self.choose()
        self.renumber()

    cdef int read(self) except -1:
        """Copy under the lock what later changes; what ids below the sizes stand for never does."""
        cdef Slots* slots
        cdef uint64_t slot
        cdef Entry entry
        cdef dict found = {}
        with self.store.lock:
            refill(self.new_node, self.store.trie.merged.size, NONE)
            refill(self.new_state, self.store.automata.states.size, NONE)
            self.n_families = self.store.counted.family_keys.count()
            self.n_parts = self.store.partitions.size
            self.bases.assign(self.store.differences.bases.begin(), self.store.differences.bases.end())
            self.exits.assign(self.store.differences.exits.begin(), self.store.differences.exits.end())
            slots = self.store.known.current
            while slots != NULL:
                for slot in range(slots.mask + 1):
                    if slots.keys[slot] != ~<uint64_t>0:
                        found[slots.keys[slot]] = slots.values[slot]    # older tables repeat what newer ones hold
                slots = slots.retired
        refill(self.new_part, self.n_parts, NONE)
        for key, part in found.items():
            entry.node = key >> 32
            entry.state = key & 0xFFFFFFFF
            entry.part = part
            entry.visits = self.store.at(entry.part).visits
            if entry.visits >= LEAST_VISITS:
                self.entries.push_back(entry)
        sort_entries(self.entries)
        return 0

    cdef int choose(self) except -1:
        """Keep entries that are worth their states, the states of counted families, and the bases among these."""
        cdef size_t i, n = 0
        cdef const Family* family
        for i in range(self.n_families):
            family = self.store.counted.family(<uint32_t>i)
            for state in (family.start, family.after, family.twins[0], family.twins[1]):
                if state != NONE and state < COUNTED:
                    self.add_state(state, NONE)
        for i in range(self.entries.size()):
            if self.entries[i].state >= COUNTED or self.add_state(
                    self.entries[i].state, FREE_STATES + self.entries[i].visits // VISITS_A_STATE):
                self.entries[n] = self.entries[i]
                n += 1
        self.entries.resize(n)
        n = 0
        for i in range(self.bases.size()):
            if self.new_state[self.bases[i].state] != NONE:
                self.bases[n] = self.bases[i]
                n += 1
        self.bases.resize(n)
        return 0

    cdef bint add_state(self, uint32_t state, uint32_t most) except -1:
        """Keep a state and all that it leads to; False, and none is kept, where more than ``most`` would be new."""
        cdef size_t first = self.states.size()
        cdef size_t i = first
        cdef uint32_t k, target
        cdef const State* s
        if self.new_state[state] != NONE:
            return True
        self.new_state[state] = <uint32_t>first
        self.states.push_back(state)
        while i < self.states.size() and self.states.size() - first <= most:
            s = self.store.automata.state(self.states[i])
            for k in range(s.n_edges):
                target = s.edges[k].target
                if self.new_state[target] == NONE:
                    self.new_state[target] = <uint32_t>self.states.size()
                    self.states.push_back(target)
            i += 1
        if self.states.size() - first <= most:
            return True
        for i in range(first, self.states.size()):
            self.new_state[self.states[i]] = NONE
        self.states.resize(first)
        return False

    cdef int renumber(self) except -1:
        """Number the partitions and merged nodes that are referred to; nodes after their children, as once made."""
        cdef size_t i
        cdef uint32_t k, c
        cdef uint32_t n_own = self.store.trie.n_own
        cdef const Node* node
        for i in range(self.entries.size()):
            k = self.entries[i].part
            self.need_node(self.entries[i].node)
            if self.new_part[k] == NONE:
                self.new_part[k] = <uint32_t>self.parts.size()
                self.parts.push_back(k)
                self.need_node(self.store.at(k).residue)
        for i in range(self.bases.size()):
            for k in range(self.bases[i].exits, self.bases[i].exits_end):
                self.need_node(self.exits[k].node)
        for i in range(self.new_node.size(), 0, -1):
            if self.new_node[i - 1] != NONE:
                node = self.store.trie.node(n_own + <uint32_t>i - 1)
                for c in range(node.n_children):
                    self.need_node(node.children[c])
        for i in range(self.new_node.size()):
            if self.new_node[i] != NONE:
                self.new_node[i] = n_own + <uint32_t>self.nodes.size()
                self.nodes.push_back(n_own + <uint32_t>i)
        return 0

    cdef void need_node(self, uint32_t node) noexcept nogil:
        if node != NONE and node >= self.store.trie.n_own:
            self.new_node[node - self.store.trie.n_own] = 0

    cdef uint32_t node(self, uint32_t node) noexcept nogil:
        """The new number of a node that is kept."""
        return node if node < self.store.trie.n_own or node == NONE else self.new_node[node - self.store.trie.n_own]

    def arrays(self):
        return {**self.store.trie.shape, **self.state_arrays(), **self.node_arrays(), **self.part_arrays(),
                **self.known_arrays(), **self.base_arrays()}

    def state_arrays(self):
        cdef size_t i
        cdef uint32_t k
        cdef const State* s
        edges, sizes, accepting = [], [], []
        for i in range(self.states.size()):
            s = self.store.automata.state(self.states[i])
            sizes.append(s.n_edges)
            accepting.append(s.accepting)
            edges += [(s.edges[k].low, s.edges[k].high, self.new_state[s.edges[k].target])
                      for k in range(s.n_edges)]
        table = np.array(edges, np.uint32).reshape(-1, 3)
        return {
            "state_edges": np.array(sizes, np.uint32),
            "state_accepting": np.array(accepting, np.uint8),
            "edge_low": table[:, 0].astype(np.uint8),
            "edge_high": table[:, 1].astype(np.uint8),
            "edge_target": table[:, 2].astype(np.int32),
        }

    def node_arrays(self):
        cdef size_t i
        cdef uint32_t k
        cdef const Node* node
        sizes, tokens, labels, children = [], [], [], []
        for i in range(self.nodes.size()):
            node = self.store.trie.node(self.nodes[i])
            sizes.append((node.n_tokens, node.n_children))
            tokens += [node.tokens[k] for k in range(node.n_tokens)]
            labels += [node.bytes[k] for k in range(node.n_children)]
            children += [self.node(node.children[k]) for k in range(node.n_children)]
        table = np.array(sizes, np.uint32).reshape(-1, 2)
        return {
            "node_tokens": np.ascontiguousarray(table[:, 0]),
            "node_children": np.ascontiguousarray(table[:, 1]),
            "tokens": np.array(tokens, np.uint32),
            "labels": np.array(labels, np.uint8),
            "children": np.array(children, np.uint32),
        }

    def part_arrays(self):
        cdef size_t i
        cdef uint32_t k
        cdef const Partition* p
        cdef size_t n_words = (<size_t>self.store.n_words + 1) // 2
        cdef uint64_t[::1] row_
        dense, dense_index, sizes, inside, counts, residues, visits = [], [], [], [], [], [], []
        for i in range(self.parts.size()):
            p = self.store.at(self.parts[i])
            counts.append(p.n_tokens)
            residues.append(self.node(p.residue))
            visits.append(p.visits)
            dense_index.append(NONE if p.dense == NULL else len(dense))
            sizes.append(0 if p.dense != NULL else p.n_tokens)
            if p.dense != NULL:
                row = np.zeros(n_words, np.uint64)
                row_ = row
                copy_row(<uint32_t*>&row_[0], 2 * n_words, p, self.store.trie.sorted_tokens)
                add_listed(<uint32_t*>&row_[0], p)
                dense.append(row)
            else:
                inside += [p.tokens[k] for k in range(p.n_tokens)]
        return {
            "dense": np.array(dense, np.uint64).reshape(-1, n_words),
            "part_dense": np.array(dense_index, np.uint32),
            "part_sizes": np.array(sizes, np.uint32),
            "part_tokens": np.array(inside, np.uint32),
            "part_counts": np.array(counts, np.uint32),
            "part_residues": np.array(residues, np.uint32),
            "part_visits": np.array(visits, np.uint32),
        }

    def known_arrays(self):
        cdef size_t i
        cdef Entry entry
        cdef const Family* family
        cdef const Level* level
        families, counted, nodes, states, parts = [], [], [], [], []
        for i in range(self.n_families):
            family = self.store.counted.family(<uint32_t>i)
            families.append((self.new_state[family.start], family.base, self.new_state[family.after],
                             self.new_state[family.twins[0 if family.base == i else 1]]))
        for i in range(self.entries.size()):
            entry = self.entries[i]
            nodes.append(self.node(entry.node))
            parts.append(self.new_part[entry.part])
            # States of counted repeats come after the explicit ones.
            states.append(self.new_state[entry.state] if entry.state < COUNTED else self.states.size() + len(counted))
            if entry.state >= COUNTED:
                level = self.store.counted.level_of(entry.state)
                counted.append((level.family, self.store.counted.index_of(entry.state), level.required, level.slack))
        return {
            "families": np.array(families, np.uint32).reshape(-1, 4),
            "counted_states": np.array(counted, np.uint32).reshape(-1, 4),
            "known_node": np.array(nodes, np.uint32),
            "known_state": np.array(states, np.uint32),
            "known_part": np.array(parts, np.uint32),
        }

    def base_arrays(self):
        cdef Base base
        cdef uint32_t k
        below, nodes = [], []
        for base in self.bases:
            below += [self.exits[k].below for k in range(base.exits, base.exits_end)]
            nodes += [self.node(self.exits[k].node) for k in range(base.exits, base.exits_end)]
        return {
            "base_node": np.array([base.node for base in self.bases], np.uint32),
            "base_state": np.array([self.new_state[base.state] for base in self.bases], np.uint32),
            "base_exits": np.array([base.exits_end - base.exits for base in self.bases], np.uint32),
            "exit_below": np.array(below, np.uint32),
            "exit_node": np.array(nodes, np.uint32),
        }


def to_arrays(PartitionStore store not None):
    """What a store has computed and is worth keeping, as named arrays for :func:`from_arrays`."""
    return Selection(store).arrays()


def from_arrays(data, offsets, skip, arrays):
    """The store that :func:`to_arrays` was given; the arrays are kept and pointed into.

    Raises
    ------
    ValueError
        Where the arrays contradict each other.
    KeyError
        Where one is missing.
    """
    shape = {name: arrays[name] for name in ("order", "label", "depth", "ending")}
    cdef PartitionStore store = PartitionStore(data, offsets, skip, shape)
    store.kept = arrays
    if int(arrays["depth"].max(initial=0)) > store.longest_token:
        raise ValueError("array depth makes a trie that is deeper than the longest token")
    check_arrays(arrays, store.n_tokens, store.trie.n_own, (store.n_words + 1) // 2)
    starts = np.zeros(len(arrays["state_edges"]) + 1, np.int32)
    np.cumsum(arrays["state_edges"], out=starts[1:])
    # Canonical ids may come out in another order than they were given in.
    machine = ByteDfa.from_arrays(
        starts, arrays["edge_low"], arrays["edge_high"], arrays["edge_target"], arrays["state_accepting"])
    ids = np.empty(machine.n_states + 1, np.uint32)         # one more, so that there is a first one
    cdef uint32_t[::1] ids_ = ids
    store.add_states(machine, &ids_[0])
    ids = ids[:machine.n_states]
    restore_nodes(store, arrays)
    restore_partitions(store, arrays)
    restore_bases(store, arrays, ids)
    restore_known(store, arrays, np.concatenate([ids, restore_counted(store, arrays, ids)]))
    return store


cdef int restore_nodes(PartitionStore store, arrays) except -1:
    cdef const uint32_t[::1] sizes = arrays["node_tokens"]
    cdef const uint32_t[::1] n_children = arrays["node_children"]
    cdef const uint32_t[::1] tokens = arrays["tokens"]
    cdef const uint8_t[::1] labels = arrays["labels"]
    cdef const uint32_t[::1] children = arrays["children"]
    cdef uint32_t none = 0                  # what empty arrays are pointed at
    cdef const uint32_t* tokens_ = &tokens[0] if tokens.shape[0] else &none
    cdef const uint8_t* labels_ = &labels[0] if labels.shape[0] else NULL
    cdef const uint32_t* children_ = &children[0] if children.shape[0] else &none
    cdef size_t token = 0, edge = 0
    cdef Py_ssize_t i
    cdef uint32_t k, child, height
    cdef uint32_t n_own = store.trie.n_own
    cdef uint32_t longest = store.longest_token
    cdef vector[uint32_t] heights
    for i in range(sizes.shape[0]):
        # Nothing is deeper than the longest token, which bounds all recursion.
        height = 0
        for k in range(n_children[i]):
            child = children_[edge + k]
            height = max(height, 1 + (store.trie.node(child).height if child < n_own else heights[child - n_own]))
        if height > longest:
            raise ValueError("array children makes a trie that is deeper than the longest token")
        heights.push_back(height)
        store.trie.add_merged(tokens_ + token, sizes[i], labels_ + edge, children_ + edge, <uint16_t>n_children[i])
        token += sizes[i]
        edge += n_children[i]
    return 0


cdef int restore_partitions(PartitionStore store, arrays) except -1:
    cdef const uint64_t[:, ::1] dense = arrays["dense"]
    cdef const uint32_t[::1] dense_index = arrays["part_dense"]
    cdef const uint32_t[::1] sizes = arrays["part_sizes"]
    cdef const uint32_t[::1] inside = arrays["part_tokens"]
    cdef const uint32_t[::1] counts = arrays["part_counts"]
    cdef const uint32_t[::1] residues = arrays["part_residues"]
    cdef const uint32_t[::1] visits = arrays["part_visits"]
    cdef uint32_t none = 0
    cdef const uint32_t* inside_ = &inside[0] if inside.shape[0] else &none
    cdef size_t listed = 0, n
    cdef Py_ssize_t i, w
    cdef uint64_t beyond
    cdef Partition* p
    for i in range(counts.shape[0]):
        p = <Partition*>segments_push(&store.partitions)
        p.n_tokens = counts[i]
        p.residue = residues[i]
        p.visits = visits[i]
        if dense_index[i] == NONE:
            p.tokens = inside_ + listed
            p.n_listed = sizes[i]
        else:
            p.dense = &dense[dense_index[i], 0]
            store.n_dense += 1
            n = 0
            for w in range(dense.shape[1]):
                n += popcount64(p.dense[w])
            w = store.n_tokens // 64
            beyond = p.dense[w] >> (store.n_tokens & 63) if w < dense.shape[1] else 0
            if n != counts[i] or not store.is_wide(n) or beyond:
                raise ValueError("array dense does not fit part_counts")
        listed += sizes[i]
    return 0


cdef int restore_bases(PartitionStore store, arrays, const uint32_t[::1] ids) except -1:
    cdef const uint32_t[::1] base_nodes = arrays["base_node"]
    cdef const uint32_t[::1] states = arrays["base_state"]
    cdef const uint32_t[::1] sizes = arrays["base_exits"]
    cdef const uint32_t[::1] below = arrays["exit_below"]
    cdef const uint32_t[::1] nodes = arrays["exit_node"]
    cdef Py_ssize_t i
    cdef uint32_t k, at = 0
    for i in range(states.shape[0]):
        store.differences.begin(base_nodes[i], ids[states[i]])
        for k in range(at, at + sizes[i]):
            store.differences.add_exit(below[k], nodes[k])
        at += sizes[i]
        store.differences.finish()
    return 0


cdef int restore_known(PartitionStore store, arrays, const uint32_t[::1] states) except -1:
    cdef const uint32_t[::1] known_node = arrays["known_node"]
    cdef const uint32_t[::1] known_state = arrays["known_state"]
    cdef const uint32_t[::1] known_part = arrays["known_part"]
    cdef Py_ssize_t i
    for i in range(known_part.shape[0]):
        idmap_put(&store.known, <uint64_t>known_node[i] << 32 | states[known_state[i]], known_part[i])
    return 0


cdef object restore_counted(PartitionStore store, arrays, const uint32_t[::1] ids):
    """Make the families and the counted states of a file; ids of the latter."""
    cdef const uint32_t[:, ::1] families = arrays["families"]
    cdef const uint32_t[:, ::1] states = arrays["counted_states"]
    cdef uint32_t i, start, after, twin, family
    made, numbers = [], []
    for i in range(families.shape[0]):
        start, after, twin = ids[families[i, 0]], ids[families[i, 2]], ids[families[i, 3]]
        if families[i, 1] == i:
            family = store.counted.unit_family(start, after, twin)
        else:
            family = store.counted.prefix_family(start, made[families[i, 1]], twin)
        if family == NONE:
            raise ValueError(f"counted repeat: {store.counted.reason.decode()}")
        made.append(family)
    for i in range(states.shape[0]):
        family = made[states[i, 0]]
        if not store.counted.has_state(family, states[i, 1], states[i, 2], states[i, 3]):
            raise ValueError("array counted_states has a state that does not exist")
        numbers.append(store.counted.level(family, states[i, 2], states[i, 3]) + states[i, 1])
    return np.array(numbers, np.uint32)
