"""What can be said of a grammar without running it: sets of nonterminals, by name.

Everything is iterative and linear in the size of the grammar, so that neither
a deep nor a large grammar is a problem.  Terminals are taken to match some
text that is not empty; those that match nothing can be named where it counts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from stolcke.grammar.model import Grammar, Nonterminal, Rule, Symbol, TallyEntry, Terminal
from stolcke.grammar.tallies import Reach, alone

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

_Part = TallyEntry | str | None
"""Of which part of a tally a string of symbols is: an entry, "separator", or None for a rule's right-hand side."""


def _least_fixed_point(
    grammar: Grammar,
    strings: Iterable[tuple[str, tuple[Symbol, ...], _Part]],
    needs: Callable[[tuple[Symbol, ...]], Iterable[str]],
) -> frozenset[str]:
    """Nonterminals with a string that has all it needs, or tallies with enough of them.

    Parameters
    ----------
    grammar : Grammar
    strings : iterable of (nonterminal, symbols, part)
        Those of :func:`_strings` that count.
    needs : callable
        The nonterminals that a string of symbols needs.
    """
    found: set[str] = set()
    waiting: list[int] = []
    missing: list[int] = []
    users: dict[str, list[int]] = {}
    results: list[tuple[str, _Part]] = []
    for index, (name, symbols, part) in enumerate(strings):
        distinct = set(needs(symbols))
        results.append((name, part))
        missing.append(len(distinct))
        for needed in distinct:
            users.setdefault(needed, []).append(index)
        if not distinct:
            waiting.append(index)
    reach = {name: Reach(tally) for name, tally in grammar.tallies.items()}
    names = [name for name, found_so_far in reach.items() if found_so_far.is_possible()]
    while waiting or names:
        if not names:
            name, part = results[waiting.pop()]
            if part is None:
                names.append(name)
            else:
                if isinstance(part, TallyEntry):
                    reach[name].add(part)
                else:
                    reach[name].separable = True
                if name not in found and reach[name].is_possible():
                    names.append(name)
            continue
        name = names.pop()
        if name in found:
            continue
        found.add(name)
        for index in users.get(name, ()):
            missing[index] -= 1
            if not missing[index]:
                waiting.append(index)
    return frozenset(found)


def _strings(grammar: Grammar) -> Iterator[tuple[str, tuple[Symbol, ...], _Part]]:
    """Yield all strings of symbols in a grammar: whose they are, and which part of a tally."""
    for rule in grammar.rules:
        yield rule.lhs.name, rule.rhs, None
    for name, tally in grammar.tallies.items():
        for entry in tally.entries:
            yield name, entry.symbols, entry
        yield name, tally.separator, "separator"


def nullable(grammar: Grammar) -> frozenset[str]:
    """Nonterminals that derive the empty text."""
    strings = (s for s in _strings(grammar) if not any(isinstance(symbol, Terminal) for symbol in s[1]))
    return _least_fixed_point(grammar, strings, lambda symbols: [symbol.name for symbol in symbols])


def productive(grammar: Grammar, empty_terminals: Collection[str] = ()) -> frozenset[str]:
    """Nonterminals that derive some text, where ``empty_terminals`` match none."""
    empty = frozenset(empty_terminals)
    strings = _strings(grammar)
    if empty:
        strings = (s for s in strings if not any(isinstance(x, Terminal) and x.name in empty for x in s[1]))
    return _least_fixed_point(grammar, strings, lambda symbols: [x.name for x in symbols if isinstance(x, Nonterminal)])


def reachable(grammar: Grammar) -> frozenset[str]:
    """Nonterminals that the start leads to, itself included."""
    found = {grammar.start}
    waiting = [grammar.start]
    alternatives = grammar.alternatives
    while waiting:
        name = waiting.pop()
        if name in grammar.tallies:
            strings = grammar.tallies[name].strings()
        else:
            strings = (rule.rhs for rule in alternatives.get(name, ()))
        for symbols in strings:
            for symbol in symbols:
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
    corners: dict[str, set[Symbol]] = {name: set() for name in grammar.nonterminals}
    for name, symbols in _outer_strings(grammar):
        corners[name].update(symbol for symbol, _ in _corners(symbols, empty))
    return {name: frozenset(symbols) for name, symbols in corners.items()}


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
    for name, symbols in _outer_strings(grammar):
        for symbol, position in _corners(symbols, empty):
            # An edge within a component lies on a cycle, and so does every member together with it.
            home = component_of[name]
            if position and isinstance(symbol, Nonterminal) and component_of[symbol.name] == home:
                hidden.add(home)
    return frozenset(name for name, index in component_of.items() if index in hidden)


def cyclic(grammar: Grammar) -> frozenset[str]:
    """Nonterminals A with A =>+ A: texts with infinitely many derivations."""
    empty = nullable(grammar)
    graph: dict[str, set[str]] = {name: set() for name in grammar.nonterminals}
    strings = [(rule.lhs.name, rule.rhs) for rule in grammar.rules]
    strings += [(name, entry.symbols) for name, tally in grammar.tallies.items() for entry in alone(tally)]
    for name, symbols in strings:
        solid = [s for s in symbols if isinstance(s, Terminal) or s.name not in empty]
        if not solid:
            graph[name].update(s.name for s in symbols)
        elif len(solid) == 1 and isinstance(solid[0], Nonterminal):
            graph[name].add(solid[0].name)
    return _on_cycles(graph)


def _outer_strings(grammar: Grammar) -> Iterator[tuple[str, tuple[Symbol, ...]]]:
    """Yield what texts of each nonterminal begin and end with: right-hand sides, or entries.

    What follows an entry that derives the empty text is left out: no tally
    with such an entry can be compiled.
    """
    for rule in grammar.rules:
        yield rule.lhs.name, rule.rhs
    for name, tally in grammar.tallies.items():
        for entry in tally.entries:
            yield name, entry.symbols


def _corners(rhs: Iterable[Symbol], empty: frozenset[str]) -> Iterator[tuple[Symbol, int]]:
    """Yield the symbols that can come first, with their positions."""
    for position, symbol in enumerate(rhs):
        yield symbol, position
        if isinstance(symbol, Terminal) or symbol.name not in empty:
            return


def _corner_graph(grammar: Grammar, empty: frozenset[str], *, reverse: bool) -> dict[str, set[str]]:
    graph: dict[str, set[str]] = {name: set() for name in grammar.nonterminals}
    for name, symbols in _outer_strings(grammar):
        ordered = reversed(symbols) if reverse else symbols
        graph[name].update(s.name for s, _ in _corners(ordered, empty) if isinstance(s, Nonterminal))
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
