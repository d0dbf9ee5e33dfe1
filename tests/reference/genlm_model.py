"""A grammar's weighted rules as a language model of genlm-grammar, for comparison; that package need not be there."""

from __future__ import annotations

from stolcke.grammar.model import Grammar, Nonterminal, Symbol
from tests.reference.weighted_rules import STOP, weighted_rules


def genlm_model(grammar: Grammar):
    """Convert a grammar: terminals become right-linear rules over bytes.

    Returns
    -------
    genlm.grammar.parse.earley_rescaled.EarleyLM
        Over one-byte ``bytes``; ``p_next`` takes a tuple of them.

    Raises
    ------
    ImportError
    """
    from genlm.grammar.cfg import CFG
    from genlm.grammar.cfglm import locally_normalize
    from genlm.grammar.parse.earley_rescaled import EarleyLM
    from genlm.grammar.semiring import Float

    def name(symbol: Symbol) -> tuple[str, str]:
        return ("nonterminal" if isinstance(symbol, Nonterminal) else "terminal", symbol.name)

    written = weighted_rules(grammar)
    model = CFG(Float, name(written.start), set())
    for lhs, rhs, weight in written.rules:
        model.add(weight, name(lhs), *map(name, rhs))
    for terminal, found in written.terminals.items():
        if len(found.table):
            model.add(1.0, name(terminal), (terminal.name, 0))
        for state in range(len(found.table)):
            model.add(float(found.table[state, STOP]), (terminal.name, state))
        for state, value, following, weight in found.rules:
            model.V.add(bytes([value]))
            model.add(weight, (terminal.name, state), bytes([value]), (terminal.name, following))
    # Its agenda gives up after so many steps of one component, far before it has converged.
    return EarleyLM(locally_normalize(model, tol=1e-14, maxiter=10**6))
