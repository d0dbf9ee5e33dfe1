"""Lark's parser of grammar texts, with its tables in our own loop.

Which texts are grammars, and what their trees are, is told by the tables that
Lark has made of its grammar of grammars.  Its own loop takes 13 µs a token, most
of a large grammar's time; ours makes the same trees and tokens.  Where a text is
wrong, Lark's parser says why.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from lark import Token
from lark.load_grammar import _get_parser
from lark.parsers.lalr_analysis import Shift
from lark.tree import SlottedTree, Tree

from stolcke._core.lalr import Parser

__all__ = ["parse_grammar"]

DROPPED, KEPT, SPLICED = range(3)
NODE, ONLY_CHILD, LIST = range(3)


def parse_grammar(text: str) -> Tree:
    """Parse a grammar text that ends with a line break.

    Raises
    ------
    lark.exceptions.UnexpectedCharacters, lark.exceptions.UnexpectedToken
    """
    tree = _parser().parse(text)
    return _get_parser().parse(text, "start") if tree is None else tree


@cache
def _parser() -> Parser:
    frontend = _get_parser()
    lexer, table = frontend.lexer, frontend.parser._parse_table
    (pattern,) = lexer.scanner._mres
    names = [*sorted(lexer.terminals_by_name), "$END"]
    number = {name: index for index, name in enumerate(names)}
    terminals = np.full(pattern.groups + 1, -1, np.int32)
    for name, group in pattern.groupindex.items():
        if name not in lexer.ignore_types:
            terminals[group] = number[name]
    rules = list(dict.fromkeys(arg for ways in table.states.values() for act, arg in ways.values() if act is not Shift))
    nonterminals = {name: index for index, name in enumerate(dict.fromkeys(rule.origin.name for rule in rules))}
    state = {name: index for index, name in enumerate(table.states)}
    actions = np.zeros((len(state), len(names)), np.int32)
    gotos = np.full((len(state), len(nonterminals)), -1, np.int32)
    rule_number = {rule: index for index, rule in enumerate(rules)}
    for name, ways in table.states.items():
        for symbol, (act, arg) in ways.items():
            if symbol in nonterminals:
                gotos[state[name], nonterminals[symbol]] = state[arg]
            else:
                actions[state[name], number[symbol]] = state[arg] + 1 if act is Shift else -1 - rule_number[arg]
    return Parser(
        pattern,
        terminals,
        names,
        np.array([not name.startswith(("_", "$")) for name in names], np.uint8),
        actions,
        gotos,
        state[table.start_states["start"]],
        state[table.end_states["start"]],
        [(nonterminals[rule.origin.name], rule.origin.name, _makes(rule), _children(rule)) for rule in rules],
        SlottedTree,
        Token,
    )


def _makes(rule) -> int:
    if rule.origin.name.startswith("_"):
        return LIST
    return ONLY_CHILD if rule.options.expand1 else NODE


def _children(rule) -> bytes:
    """Say what becomes of each symbol of a rule, as Lark has it: marks go, and lists are part of the node above."""
    return bytes(
        DROPPED if s.is_term and s.filter_out else KEPT if s.is_term or s.name[0] != "_" else SPLICED
        for s in rule.expansion
    )
