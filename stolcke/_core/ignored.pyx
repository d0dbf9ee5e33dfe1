"""Ignored terminals, written out in the rules."""

from libc.stdint cimport uint32_t
from libcpp.vector cimport vector

from stolcke._core.rules cimport Rule, Rules, String


def write_ignore(Rules rules not None, dict ignore, double stop, bint once):
    """Write out what ignoring means: optional ignored terminals before each terminal and before the end.

    One nonterminal, put before every terminal, holds any number of them: the grammar grows by a symbol for each.

    Parameters
    ----------
    rules : Rules
    ignore : dict of int to float
        The weight of another match of each ignored terminal, which matches some text; nothing happens where there
        is none.
    stop : float
        The weight of no other match.
    once : bool
        Whether several of them in a row are one match of a terminal anyway, so that none need be repeated.
    """
    cdef vector[Rule] written
    cdef size_t i, begin
    cdef uint32_t skip, text
    if not ignore:
        return
    skip = rules.make("ignored", rules.start)
    text = rules.make("text", rules.start)
    written.swap(rules.rules)
    begin = rules.symbols.size()
    rules.symbols.push_back(rules.n_terminals + rules.start)
    rules.symbols.push_back(rules.n_terminals + skip)
    rules.add_rule(text, begin, 1)
    for i in range(written.size()):
        skip_before_terminals(rules, skip, &written[i].rhs)
        rules.rules.push_back(written[i])
    for i in range(rules.entries.size()):
        skip_before_terminals(rules, skip, &rules.entries[i].symbols)
    for i in range(rules.tallies.size()):
        skip_before_terminals(rules, skip, &rules.tallies[i].separator)
    rules.add_rule(skip, rules.symbols.size(), stop)
    for terminal, weight in ignore.items():
        begin = rules.symbols.size()
        if not once:
            rules.symbols.push_back(rules.n_terminals + skip)
        rules.symbols.push_back(<uint32_t>terminal)
        rules.add_rule(skip, begin, weight)
    rules.start = text


cdef int skip_before_terminals(Rules rules, uint32_t skip, String* s) except -1 nogil:
    cdef String old = s[0]
    cdef uint32_t k, symbol
    s.begin = <uint32_t>rules.symbols.size()
    for k in range(old.begin, old.end):
        symbol = rules.symbols[k]
        if symbol < rules.n_terminals:
            rules.symbols.push_back(rules.n_terminals + skip)
        rules.symbols.push_back(symbol)
    s.end = <uint32_t>rules.symbols.size()
    return 0
