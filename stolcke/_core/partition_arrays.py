"""What the arrays of saved partitions must fulfil before pointers are set into them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

__all__ = ["check_arrays"]

_NONE = 0xFFFFFFFF

_KINDS = {
    **dict.fromkeys(("edge_low", "edge_high", "state_accepting", "labels"), (np.uint8, 1)),
    "edge_target": (np.int32, 1),
    "dense": (np.uint64, 2),
    "families": (np.uint32, 2),
    "counted_states": (np.uint32, 2),
    **dict.fromkeys(
        (
            *("state_edges", "node_tokens", "node_children", "tokens", "children"),
            *("part_dense", "part_sizes", "part_tokens", "part_counts", "part_residues", "part_visits"),
            *("known_node", "known_state", "known_part", "base_node", "base_state", "base_exits"),
            *("exit_below", "exit_node"),
        ),
        (np.uint32, 1),
    ),
}
"""Element type and number of dimensions of each array but those of the trie, which checks its own."""


def check_arrays(arrays: Mapping[str, np.ndarray], n_tokens: int, n_own: int, row_words: int) -> None:
    """Check the arrays of :func:`stolcke._core.saved_partitions.to_arrays` against each other.

    Parameters
    ----------
    arrays : mapping of str to ndarray
    n_tokens : int
        Tokens of the vocabulary.
    n_own : int
        Nodes of its own trie.
    row_words : int
        uint64 words of a dense row.

    Raises
    ------
    ValueError
        Where an index is out of range or lengths do not fit.
    KeyError
        Where an array is missing.
    """
    for name, (dtype, ndim) in _KINDS.items():
        if arrays[name].dtype != dtype or arrays[name].ndim != ndim:
            raise ValueError(f"array {name} is not {ndim}-dimensional of {np.dtype(dtype).name}")
    if arrays["families"].shape[1] != 4 or arrays["counted_states"].shape[1] != 4:
        raise ValueError("array families or counted_states has another shape")
    n_parts, n_merged = len(arrays["part_counts"]), len(arrays["node_tokens"])
    n_nodes, n_states, n_families = n_own + n_merged, len(arrays["state_edges"]), len(arrays["families"])
    for name, limit in (
        ("order", n_tokens),
        ("tokens", n_tokens),
        ("part_tokens", n_tokens),
        ("known_node", n_nodes),
        ("known_part", n_parts),
        ("known_state", n_states + len(arrays["counted_states"])),
        ("edge_target", n_states),
        ("state_accepting", 2),
        ("base_node", n_own),
        ("base_state", n_states),
        ("exit_below", n_tokens),
        ("exit_node", n_nodes),
    ):
        if len(arrays[name]) and not 0 <= int(arrays[name].min()) <= int(arrays[name].max()) < limit:
            raise ValueError(f"array {name} has an index out of range")
    for sizes, name in (
        ("state_edges", "edge_target"),
        ("state_edges", "edge_low"),
        ("state_edges", "edge_high"),
        ("node_tokens", "tokens"),
        ("node_children", "children"),
        ("node_children", "labels"),
        ("part_sizes", "part_tokens"),
        ("base_exits", "exit_below"),
        ("base_exits", "exit_node"),
    ):
        if arrays[name].ndim != 1 or int(arrays[sizes].sum()) != len(arrays[name]):
            raise ValueError(f"array {name} does not fit {sizes}")
    for names in (
        ("state_edges", "state_accepting"),
        ("node_tokens", "node_children"),
        ("part_counts", "part_sizes", "part_dense", "part_residues", "part_visits"),
        ("base_node", "base_state", "base_exits"),
        ("known_node", "known_state", "known_part"),
    ):
        if len({len(arrays[name]) for name in names}) != 1:
            raise ValueError(f"arrays {', '.join(names)} differ in length")
    # The edges of a state are ascending and disjoint, so there are at most 256.
    first = np.zeros(len(arrays["edge_low"]) + 1, bool)
    first[np.concatenate([[0], np.cumsum(arrays["state_edges"], dtype=np.int64)])] = True
    follows = (arrays["edge_low"][1:] <= arrays["edge_high"][:-1]) & ~first[1:-1]
    if (arrays["edge_low"] > arrays["edge_high"]).any() or follows.any():
        raise ValueError("arrays edge_low and edge_high overlap")
    # A merged node is made after its children.
    owners = np.repeat(np.arange(n_own, n_nodes), arrays["node_children"])
    if (arrays["children"] >= owners).any() or (arrays["node_children"] > 256).any():
        raise ValueError("array children has an index out of range")
    # A family is made after the one it is based on, or is its own base.
    bases = arrays["families"][:, 1]
    if (bases > np.arange(n_families)).any() or (bases[bases] != bases).any():
        raise ValueError("array families has an index out of range")
    if (arrays["families"][:, [0, 2, 3]] >= n_states).any() or (arrays["counted_states"][:, 0] >= n_families).any():
        raise ValueError("array families or counted_states has an index out of range")
    is_dense = arrays["part_dense"] != _NONE
    rows = arrays["part_dense"][is_dense]
    if arrays["dense"].shape != (len(rows), row_words) or (len(rows) and int(rows.max()) >= len(rows)):
        raise ValueError("array dense has another shape")
    if arrays["part_sizes"][is_dense].any():
        raise ValueError("array part_sizes lists tokens of dense partitions")
    if (arrays["part_counts"][~is_dense] != arrays["part_sizes"][~is_dense]).any():
        raise ValueError("array part_sizes does not fit part_counts")
    residues = arrays["part_residues"][arrays["part_residues"] != _NONE]
    if len(residues) and int(residues.max()) >= n_nodes:
        raise ValueError("array part_residues has an index out of range")
