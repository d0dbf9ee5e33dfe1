"""Which distribution each terminal of a grammar has, and its table of weights, compiled and in files."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stolcke.errors import CompileError
from stolcke.grammar.model import Grammar, TerminalDefinition
from stolcke.grammar.patterns import Special
from stolcke.lexer import Automaton, CountedAutomaton
from stolcke.weights import Distribution, Uniform
from stolcke.weights.distributions import STOP, choices

__all__ = ["Chosen", "choose", "from_arrays", "to_arrays"]

_UNIFORM = Uniform()


@dataclass(frozen=True, slots=True)
class Chosen:
    """A distribution and whether it was chosen for this very terminal, not for all of them."""

    distribution: Distribution
    by_name: bool

    def table(self, title: str, machine: Automaton) -> np.ndarray | None:
        """The weights of a terminal, float64[n_states, 257]; None where they are those of the uniform distribution.

        Raises
        ------
        CompileError
            Where the distribution does not suit the terminal.
        """
        if not self.by_name and (choices(machine).sum(axis=1) == 1).all():
            return None  # one text, whose probability is 1 whatever the distribution
        try:
            rows = self.distribution.weights(machine)
        except CompileError as error:
            remedy = "" if self.by_name else f"; give it another one, distributions={{{title!r}: stolcke.weights...}}"
            raise CompileError(f"the distribution of terminal {title}: {error}{remedy}") from error
        if np.array_equal(rows, _UNIFORM.weights(machine)):
            return None
        rows.flags.writeable = False
        return rows


def choose(
    grammar: Grammar,
    distributions: Mapping[str, Distribution],
    default: Distribution | None,
    title: Callable[[TerminalDefinition], str],
) -> dict[str, Chosen]:
    """The distribution of each terminal of a grammar that has another one than the uniform, by its name there.

    Parameters
    ----------
    grammar : Grammar
    distributions : mapping of str to Distribution
        By the names of terminals, or by what unnamed ones match, as messages show it.
    default : Distribution, optional
        That of all other terminals.
    title : callable
        Makes the name of a terminal in messages.

    Raises
    ------
    CompileError
        Where a name is none of the grammar's, or a value is no distribution.
    """
    for name, each in [*distributions.items(), ("the default", default or _UNIFORM)]:
        if not isinstance(each, Distribution):
            raise CompileError(
                f"the distribution of {name} is {each!r}; it must be one of stolcke.weights, such as MeanLength(12), "
                "or Table(...) for weights of your own"
            )
    if not distributions and default is None:
        return {}
    named = _resolved(grammar, distributions, title)
    found = {}
    for name, definition in grammar.terminals.items():
        each = named.get(name, default)
        if each is not None and each != _UNIFORM and not isinstance(definition.pattern, Special):
            found[name] = Chosen(each, name in named)
    return found


def _resolved(
    grammar: Grammar, distributions: Mapping[str, Distribution], title: Callable[[TerminalDefinition], str]
) -> dict[str, Distribution]:
    """The mapping with the grammar's own names as its keys."""
    terminals = grammar.terminals
    if distributions.keys() <= terminals.keys():
        titles = {}
    else:
        titles = {title(definition): name for name, definition in terminals.items()}
    named = {}
    for given, distribution in distributions.items():
        name = given if given in terminals else titles.get(given)
        if name is None:
            close = difflib.get_close_matches(given, titles, n=3)
            hint = f"did you mean {' or '.join(close)}?" if close else f"it has {', '.join(titles) or 'none'}"
            raise CompileError(f"distributions= names {given!r}, which is no terminal of the grammar: {hint}")
        if isinstance(terminals[name].pattern, Special):
            raise CompileError(f"terminal {given} is declared: special tokens stand for it, which have no distribution")
        named[name] = distribution
    return named


# --- files -------------------------------------------------------------------------------------------------------

Tables = tuple[np.ndarray | None, ...]
"""For each machine float64[n_states, 257], or None for the uniform distribution."""


def to_arrays(tables: Tables, machines: Sequence[Automaton | CountedAutomaton]) -> dict[str, np.ndarray]:
    """The tables as a saved file holds them.

    * distributed, int32[n]: the machines that have one;
    * probabilities, float64[total]: for each of these, state by state, the probability of each byte that leads on,
      ascending, and of stopping where the state accepts.
    """
    distributed = [terminal for terminal, table in enumerate(tables) if table is not None]
    possible = [tables[terminal][choices(machines[terminal])] for terminal in distributed]
    return {
        "distributed": np.array(distributed, np.int32),
        "probabilities": np.concatenate([np.zeros(0), *possible]),
    }


def from_arrays(arrays: Mapping[str, np.ndarray], machines: Sequence[Automaton | CountedAutomaton]) -> Tables:
    """The reverse of :func:`to_arrays`; KeyError or ValueError where something is missing or wrong."""
    distributed, probabilities = arrays["distributed"], arrays["probabilities"]
    if distributed.dtype != np.int32 or probabilities.dtype != np.float64 or distributed.ndim + probabilities.ndim != 2:
        raise ValueError("the distributions have another type or shape")
    tables: list[np.ndarray | None] = [None] * len(machines)
    begin = 0
    for terminal in distributed.tolist():
        machine = machines[terminal] if 0 <= terminal < len(machines) else None
        if not isinstance(machine, Automaton):
            raise ValueError("a distribution belongs to no automaton")
        possible = choices(machine)
        end = begin + int(possible.sum())
        table = np.zeros((machine.n_states, STOP + 1))
        table[possible] = probabilities[begin:end]
        # Said so that not-a-number is refused, too.
        if not (table >= 0).all() or not (abs(table.sum(axis=1) - 1) < 1e-9).all():
            raise ValueError("the probabilities of a terminal do not add up to one")
        table.flags.writeable = False
        tables[terminal] = table
        begin = end
    if begin != probabilities.size:
        raise ValueError("there are more probabilities than choices")
    return tuple(tables)
