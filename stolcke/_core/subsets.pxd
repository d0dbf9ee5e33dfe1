"""The subset construction: automata of fragments and nodes, and sets of positions in them."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libcpp.string cimport string
from libcpp.unordered_map cimport unordered_map
from libcpp.vector cimport vector


cdef enum:
    READ = 0      # reads the fragment `first`, then goes to node `second`
    BRANCH = 1    # to each of branches[first:second] without reading
    LAZY = 2      # the same for two branches, the first preferred
    ACCEPT = 3    # the end of the expression
    ANYTHING = 4  # the end, and whatever the fragment `first` reads comes back here; without lazy branches only

cdef enum:
    EMPTY = 0     # number of the empty set of positions

cdef enum:
    TOO_MANY = 1  # status: the bound was passed


cdef struct Edge:
    int32_t low       # first byte
    int32_t high      # last byte
    int32_t target


ctypedef vector[uint64_t] Positions
ctypedef vector[Edge] Row


cdef struct Source:
    # What to determinise: views of the caller's arrays.
    const int32_t* edge_offsets      # [fragment states + 1]
    const uint8_t* edge_low          # [edges]
    const uint8_t* edge_high         # [edges]
    const int32_t* edge_target       # [edges]
    const uint8_t* final             # [fragment states]: the fragment may end here
    const uint8_t* kind              # [nodes]
    const int32_t* first             # [nodes]
    const int32_t* second            # [nodes]
    const int32_t* branches          # [branches]
    int32_t nodes


cdef cppclass Machine:
    # A deterministic automaton under construction; state 0 is the start.
    vector[Row] rows
    vector[uint8_t] accepting


cdef cppclass Subsets:
    # Sets of positions, numbered as they are met; number 0 is the empty set.
    vector[Positions] members
    vector[uint8_t] accepting
    unordered_map[string, int32_t] numbers
    vector[int32_t] closures         # [nodes]: the set that a node stands for, -1 where not yet known
    vector[int64_t] seen             # [nodes]: scratch of the closure, the last round that met the node
    int64_t round
    vector[Row] rows                 # transitions between sets, where known
    vector[uint8_t] row_known
    vector[Positions] buckets        # [256]: scratch, what each interval of bytes leads to
    int64_t work                     # positions that may still be stored


cdef int32_t number_of_set(Subsets& sets, Positions& members, bint accepting) except -1 nogil
cdef int prepare_sets(Subsets& sets, Source& source, int64_t work) except -1 nogil
cdef int32_t closure(Subsets& sets, Source& source, int32_t root) except -1 nogil
cdef int expand_set(Subsets& sets, Source& source, int32_t number) except -1 nogil
cdef int determinize_plain(
    Source& source, int32_t start, int64_t limit, int64_t work, Machine& machine
) except -1 nogil


cdef inline uint64_t position(int32_t state, int32_t node) noexcept nogil:
    return (<uint64_t>state << 32) | <uint64_t>node


cdef inline int32_t fragment_state(uint64_t place) noexcept nogil:
    return <int32_t>(place >> 32)


cdef inline int32_t node_after(uint64_t place) noexcept nogil:
    return <int32_t><uint32_t>place


cdef inline int append_edge(Row& row, int32_t low, int32_t high, int32_t target) except -1 nogil:
    """Add the next edge of a row, as one with the last edge where they adjoin."""
    cdef Edge edge
    if not row.empty() and row.back().target == target and row.back().high == low - 1:
        row.back().high = high
        return 0
    edge.low = low
    edge.high = high
    edge.target = target
    row.push_back(edge)
    return 0


cdef inline void mark_edges(Source& source, int32_t state, uint8_t* cuts) noexcept nogil:
    """Mark where the edges of a fragment's state begin, and where they have ended."""
    cdef int32_t e
    for e in range(source.edge_offsets[state], source.edge_offsets[state + 1]):
        cuts[source.edge_low[e]] = 1
        cuts[source.edge_high[e] + 1] = 1


cdef inline void next_cuts(const uint8_t* cuts, int32_t* following) noexcept nogil:
    """For each byte the next cut after it: an interval of bytes that behave alike ends there."""
    cdef int32_t byte, after = 256
    for byte in range(255, -1, -1):
        following[byte] = after
        if cuts[byte]:
            after = byte
