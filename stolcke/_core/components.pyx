"""Strongly connected components, by Tarjan's algorithm with an explicit stack: graphs may be long chains."""

from stolcke._core.containers cimport refill
from stolcke._core.types cimport NONE


cdef uint32_t strong_components(const vector[uint32_t]& begin, const vector[uint32_t]& successors,
                                vector[uint32_t]& component) except? 0xFFFFFFFF nogil:
    """Number the components of a graph, each after all that it leads to; return how many there are.

    The successors of node ``i`` are ``successors[begin[i]:begin[i + 1]]``;
    ``component`` receives the number of each node's component.
    """
    cdef uint32_t n = <uint32_t>begin.size() - 1
    cdef vector[uint32_t] index, low, open_nodes, path
    cdef vector[uint32_t] at                        # the next successor to look at
    cdef uint32_t root, s, t, counter = 0, n_components = 0
    at.assign(begin.begin(), begin.end())
    refill(index, n, NONE)
    refill(low, n, 0)
    refill(component, n, NONE)
    for root in range(n):
        if index[root] == NONE:
            path.push_back(root)
        while not path.empty():
            s = path.back()
            if index[s] == NONE:
                index[s] = low[s] = counter
                counter += 1
                open_nodes.push_back(s)
            if at[s] < begin[s + 1]:
                t = successors[at[s]]
                if index[t] == NONE:
                    path.push_back(t)               # at[s] stays, so that low[t] is taken on return
                    continue
                if component[t] == NONE:
                    low[s] = min(low[s], low[t])
                at[s] += 1
                continue
            path.pop_back()
            if low[s] == index[s]:
                while component[s] == NONE:
                    component[open_nodes.back()] = n_components
                    open_nodes.pop_back()
                n_components += 1
    return n_components
