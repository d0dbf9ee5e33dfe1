"""What can be said of a grammar without running it: sets of nonterminals, by name.

Everything is iterative and linear in the size of the grammar, so that neither
a deep nor a large grammar is a problem.  Terminals are taken to match some
text that is not empty; those that match nothing can be named where it counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from stolcke.grammar.model import Grammar, Nonterminal, Rule, Symbol, Terminal

__all__ = [
    "components",
    "cyclic",
    "duplicates",
    "hidden_left_recursive",
    "left_corners",
    "left_recursive",
    "nullable",
    "productive",
    "reachable",
    "right_recursive",
]


def _least_fixed_point(rules: Iterable[Rule], needs: Iterable[Iterable[str]]) -> frozenset[str]:
    """Nonterminals with a rule all of whose needs are among them."""
    found: set[str] = set()
    waiting: list[str] = []
    missing: list[int] = []
    users: dict[str, list[int]] = {}
    left_sides = []
    for index, (rule, names) in enumerate(zip(rules, needs, strict=True)):
        distinct = set(names)
        left_sides.append(rule.lhs.name)
        missing.append(len(distinct))
        for name in distinct:
            users.setdefault(name, []).append(index)
        if not distinct:
            waiting.append(rule.lhs.name)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        for index in users.get(name, ()):
            missing[index] -= 1
            if not missing[index]:
                waiting.append(left_sides[index])
    return frozenset(found)


def nullable(grammar: Grammar) -> frozenset[str]:
    """Nonterminals that derive the empty text."""
    rules = [rule for rule in grammar.rules if not any(isinstance(symbol, Terminal) for symbol in rule.rhs)]
    return _least_fixed_point(rules, ([symbol.name for symbol in rule.rhs] for rule in rules))


def productive(grammar: Grammar, empty_terminals: Collection[str] = ()) -> frozenset[str]:
    """Nonterminals that derive some text, where ``empty_terminals`` match none."""
    empty = frozenset(empty_terminals)
    rules: Iterable[Rule] = grammar.rules
    if empty:
        rules = [r for r in rules if not any(isinstance(s, Terminal) and s.name in empty for s in r.rhs)]
    return _least_fixed_point(rules, ([s.name for s in r.rhs if isinstance(s, Nonterminal)] for r in rules))


def reachable(grammar: Grammar) -> frozenset[str]:
    """Nonterminals that the start leads to, itself included."""
    found = {grammar.start}
    waiting = [grammar.start]
    alternatives = grammar.alternatives
    while waiting:
        for rule in alternatives.get(waiting.pop(), ()):
            for symbol in rule.rhs:
                if isinstance(symbol, Nonterminal) and symbol.name not in found:
                    found.add(symbol.name)
                    waiting.append(symbol.name)
    return frozenset(found)


def duplicates(grammar: Grammar) -> tuple[Rule, ...]:
    """Rules whose two sides stand earlier in the grammar already, in order."""
    seen: set[tuple[Nonterminal, tuple[Symbol, ...]]] = set()
    repeated = []
    for rule in grammar.rules:
        key = rule.lhs, rule.rhs
        if key in seen:
            repeated.append(rule)
        seen.add(key)
    return tuple(repeated)


def left_corners(grammar: Grammar) -> dict[str, frozenset[Symbol]]:
    """Symbols that a rule of each nonterminal can begin with, after symbols that derive the empty text."""
    empty = nullable(grammar)
    return {
        name: frozenset(symbol for rule in rules for symbol, _ in _corners(rule.rhs, empty))
        for name, rules in grammar.alternatives.items()
    }


def left_recursive(grammar: Grammar) -> frozenset[str]:
    """Nonterminals A with A =>+ A β."""
    empty = nullable(grammar)
    return _on_cycles(_corner_graph(grammar, empty, reverse=False))


def right_recursive(grammar: Grammar) -> frozenset[str]:
    """Nonterminals A with A =>+ α A."""
    empty = nullable(grammar)
    return _on_cycles(_corner_graph(grammar, empty, reverse=True))


def hidden_left_recursive(grammar: Grammar) -> frozenset[str]:
    """Nonterminals A with A =>+ α A β, where α is not empty but derives the empty text."""
    empty = nullable(grammar)
    graph = _corner_graph(grammar, empty, reverse=False)
    component_of = {name: index for index, names in enumerate(components(graph)) for name in names}
    hidden = set()
    for rule in grammar.rules:
        for symbol, position in _corners(rule.rhs, empty):
            # An edge within a component lies on a cycle, and so does every member together with it.
            home = component_of[rule.lhs.name]
            if position and isinstance(symbol, Nonterminal) and component_of[symbol.name] == home:
                hidden.add(home)
    return frozenset(name for name, index in component_of.items() if index in hidden)


def cyclic(grammar: Grammar) -> frozenset[str]:
    """Nonterminals A with A =>+ A: texts with infinitely many derivations."""
    empty = nullable(grammar)
    graph: dict[str, set[str]] = {name: set() for name in grammar.alternatives}
    for rule in grammar.rules:
        solid = [s for s in rule.rhs if isinstance(s, Terminal) or s.name not in empty]
        if not solid:
            graph[rule.lhs.name].update(s.name for s in rule.rhs)
        elif len(solid) == 1 and isinstance(solid[0], Nonterminal):
            graph[rule.lhs.name].add(solid[0].name)
    return _on_cycles(graph)


def _corners(rhs: Iterable[Symbol], empty: frozenset[str]) -> Iterator[tuple[Symbol, int]]:
    """Yield the symbols that can come first, with their positions."""
    for position, symbol in enumerate(rhs):
        yield symbol, position
        if isinstance(symbol, Terminal) or symbol.name not in empty:
            return


def _corner_graph(grammar: Grammar, empty: frozenset[str], *, reverse: bool) -> dict[str, set[str]]:
    graph: dict[str, set[str]] = {name: set() for name in grammar.alternatives}
    for rule in grammar.rules:
        rhs = reversed(rule.rhs) if reverse else rule.rhs
        graph[rule.lhs.name].update(s.name for s, _ in _corners(rhs, empty) if isinstance(s, Nonterminal))
    return graph


def _on_cycles(graph: Mapping[str, Collection[str]]) -> frozenset[str]:
    on_cycles: set[str] = set()
    for names in components(graph):
        if len(names) > 1 or names[0] in graph[names[0]]:
            on_cycles.update(names)
    return frozenset(on_cycles)


def components(graph: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Strongly connected components by Tarjan's algorithm, each after those it leads to.

    Parameters
    ----------
    graph : mapping of node to its successors
        Every successor must be a node.
    """
    found: list[list[str]] = []
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    open_nodes: list[str] = []
    is_open: set[str] = set()
    for root in graph:
        if root in number:
            continue
        path = [(root, iter(graph[root]))]
        number[root] = lowest[root] = len(number)
        open_nodes.append(root)
        is_open.add(root)
        while path:
            node, successors = path[-1]
            for successor in successors:
                if successor not in number:
                    number[successor] = lowest[successor] = len(number)
                    open_nodes.append(successor)
                    is_open.add(successor)
                    path.append((successor, iter(graph[successor])))
                    break
                if successor in is_open:
                    lowest[node] = min(lowest[node], number[successor])
            else:
                path.pop()
                if path:
                    lowest[path[-1][0]] = min(lowest[path[-1][0]], lowest[node])
                if lowest[node] == number[node]:
                    members: list[str] = []
                    while not members or members[-1] != node:
                        members.append(open_nodes.pop())
                        is_open.discard(members[-1])
                    found.append(members)
    return found
