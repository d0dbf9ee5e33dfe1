"""A grammar compiled for a vocabulary: immutable tables, and caches that grow as they are used."""

from __future__ import annotations

import operator
import os
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from stolcke import container
from stolcke._core import views
from stolcke._core.engine import Engine
from stolcke._core.token_scores import TokenScores
from stolcke._core.weighted_matcher import WeightTrack
from stolcke.canonical import Canonical
from stolcke.compiler import GrammarArrays, bind, build_engine, build_scores, guarded, kept_apart, lower
from stolcke.compiler.binding import Marker
from stolcke.compiler.guard_choice import chosen_guard, guard_of_file, guard_to_file
from stolcke.completion import NEVER, Completion
from stolcke.deadline import Deadline
from stolcke.errors import BudgetError, CompileError, FileFormatError, VocabularyError, VocabularyMismatch, WeightsError
from stolcke.grammar.model import Grammar
from stolcke.guard import Guard
from stolcke.lexer import CountedAutomaton
from stolcke.matcher import Matcher
from stolcke.options import Limits, Options
from stolcke.scoring import Pruning
from stolcke.vocabulary import Vocabulary
from stolcke.weights import Distribution, ProperWeights
from stolcke.weights.sampling import MAX_BYTES, GrammarSampler

if TYPE_CHECKING:
    from stolcke.observing import Metrics

__all__ = ["CompiledGrammar", "compile"]

_KIND = "compiled grammar"
_LIMITS, _OPTIONS = Limits(), Options()


@dataclass(slots=True)
class _Remembered:
    """A compiled grammar without its vocabulary, which remembers it and must not be kept alive by it."""

    grammar: Grammar
    arrays: GrammarArrays
    bound: Mapping[str, tuple[int, ...]]
    engine: Engine
    arrays_bytes: int
    scores: dict[tuple[float, int], TokenScores]
    completions: dict[None, Completion] = field(default_factory=dict)
    prewarmed: int = 0

    @property
    def n_bytes(self) -> int:
        return self.arrays_bytes + _cached(self.engine, self.completions)

    def is_full(self, limits: Limits) -> bool:
        """Whether its caches are so large that the next user should begin with empty ones."""
        return 2 * self.engine.n_bytes > limits.cache_bytes


def compile(  # the name that re and the other engines use, too
    grammar: Grammar,
    vocabulary: Vocabulary,
    *,
    special: Mapping[str, Marker | Iterable[Marker]] | None = None,
    limits: Limits | None = None,
    options: Options | None = None,
    distributions: Mapping[str, Distribution] | None = None,
    default_distribution: Distribution | None = None,
    guard: Guard | None = None,
    prewarm: int = 1,
    timeout: float | None = None,
    cancel: Callable[[], bool] | None = None,
) -> CompiledGrammar:
    """Compile a grammar for a vocabulary.

    The same grammar for the same vocabulary is compiled once, and is remembered with all that its masks have taught
    so far, as long as ``Limits.remembered`` and ``Limits.remembered_bytes`` allow.

    Parameters
    ----------
    grammar : Grammar
    vocabulary : Vocabulary
    special : mapping, optional
        Special token (text or id, or several) of each terminal under ``%declare``.
    limits : Limits, optional
    options : Options, optional
    distributions : mapping of str to Distribution, optional
        How probable each match of a terminal is (:mod:`stolcke.weights`), by its name in the grammar, or by what it
        matches where it has none.  It matters for probabilities only, never for masks.
    default_distribution : Distribution, optional
        That of the terminals that ``distributions`` does not name, where they match more than one text; without it,
        :class:`stolcke.weights.Uniform`.
    guard : Guard, optional
        A condition beyond the grammar; by default ``grammar.guard``.  Such a grammar has no probabilities.
    prewarm : int
        Of how many columns, breadth first, the masks are computed at once; so
        the first tokens of a text find them ready. The default, that of the
        first mask, costs what this mask would cost soon after; more is time
        taken from the first token and given to later ones.
    timeout : float, optional
        Seconds after which to give up.
    cancel : callable, optional
        Asked now and then; when it returns true, compilation stops.

    Returns
    -------
    CompiledGrammar

    Raises
    ------
    GrammarError, RegexError
        If the start derives nothing, a terminal matches the empty text, or a regular expression is not supported.
    CompileError
        If declared terminals and ``special`` do not fit each other, or a distribution and its terminal, or the guard
        and the grammar.
    VocabularyError
        If a marker is not a special token of the vocabulary.
    LimitExceeded
    Cancelled
    """
    if not isinstance(grammar, Grammar):
        raise CompileError(f"compile() takes a Grammar, not {type(grammar).__name__}; see Grammar.from_lark")
    if not isinstance(vocabulary, Vocabulary):
        raise CompileError(
            f"compile() takes a Vocabulary, not {type(vocabulary).__name__}; see Vocabulary.from_tokenizer"
        )
    limits, options = limits or _LIMITS, options or _OPTIONS
    deadline = Deadline(timeout, cancel)
    deadline.check("beginning")
    special = {name: each if isinstance(each, Marker) else tuple(each) for name, each in dict(special or {}).items()}
    special = grammar.named_tokens | special
    distributions = dict(distributions or {})
    memo = vocabulary.remembered
    guard = chosen_guard(grammar, guard)
    whole = grammar if guard is None else guarded(grammar, guard)
    apart, inserted = ((), ()) if guard is None else (kept_apart(guard), guard.inserts)
    key = _key(grammar, special, limits, options, distributions, default_distribution, guard)
    known = memo.get(key)
    if known is not None and known.is_full(limits):
        memo.forget(key)
        known = None
    if known is None:
        given = whole, limits, options, deadline, distributions, default_distribution, apart, inserted
        arrays = lower(*given, joining=options.join_ignored and guard is None)
        bound = bind(arrays, special, vocabulary, inserted)
        deadline.check("building the tables")
        engine = build_engine(arrays, bound, vocabulary, limits, options, guard)
        known = _Remembered(grammar, arrays, bound, engine, arrays.n_bytes, {})
        if key is not None:
            known = memo.add(key, known, limits)
    compiled = CompiledGrammar(
        known.arrays, known.bound, vocabulary, limits, options, known.engine, known.scores, guard, known.completions
    )
    columns = known.prewarmed
    warming = compiled.warming() if columns < prewarm else iter(())
    while columns < prewarm and (finished := next(warming, None)) is not None:
        deadline.check("computing the first masks")
        columns += finished
    known.prewarmed = max(columns, prewarm)
    return compiled


def _cached(engine: Engine, completions: Mapping[None, Completion]) -> int:
    return engine.n_bytes + sum(each.core.n_bytes for each in completions.values())


def _key(
    grammar: Grammar,
    special: Mapping[str, Marker | tuple[Marker, ...]],
    limits: Limits,
    options: Options,
    distributions: Mapping[str, Distribution],
    default_distribution: Distribution | None,
    guard: Guard | None,
) -> Hashable | None:
    """All that a compiled grammar depends on but its vocabulary; None where nothing is to be remembered."""
    # What is remembered holds its grammar, so no other can have this id.
    try:
        chosen = frozenset(distributions.items()), default_distribution
        key = (id(grammar), tuple(special.items()), limits, options, *chosen, guard)
        hash(key)
    except TypeError:  # markers or distributions that are none
        return None
    return key if options.memoise_grammars else None


class CompiledGrammar:
    """What :func:`stolcke.compile` returns; safe to share between threads.

    Attributes
    ----------
    vocabulary : Vocabulary
    limits : Limits
    options : Options
    arrays : GrammarArrays
        The trimmed grammar as numbers; those with weights may be others, ``arrays.weighted``.
    engine : Engine
        The run-time side, of no stable interface.
    guard : Guard or None
    """

    def __init__(
        self,
        arrays: GrammarArrays,
        bound: Mapping[str, tuple[int, ...]],
        vocabulary: Vocabulary,
        limits: Limits,
        options: Options,
        engine: Engine | None = None,
        scores: dict[tuple[float, int], TokenScores] | None = None,
        guard: Guard | None = None,
        completions: dict[None, Completion] | None = None,
    ) -> None:
        self.arrays = arrays
        self.vocabulary = vocabulary
        self.limits = limits
        self.options = options
        self.end_tokens = frozenset(vocabulary.eos_token_ids)
        self._bound = dict(bound)
        self._sampler: GrammarSampler | None = None
        self._unjoined: CompiledGrammar | None = None
        self._completions = {} if completions is None else completions  # one at most
        if engine is None:
            engine = build_engine(arrays, bound, vocabulary, limits, options, guard)
        self.engine = engine
        self._scores = {} if scores is None else scores
        self.guard = guard

    @property
    def weights(self) -> ProperWeights:
        """The grammar's probabilities, and what was found when they were made proper; computed when first needed.

        Where terminals ask for neighbours, derivations that do not keep that are left out, and nothing is made up for
        them: ``start_log_partition`` is then the logarithm of what all texts weigh together, and below 0.

        Raises
        ------
        WeightsError
            Where the weights cannot be made probabilities of texts.

        Warns
        -----
        InconsistentGrammarWarning
            Where derivations that never end would have taken part of the probability.
        """
        if self.guard is not None:
            raise WeightsError(
                "a grammar under a guard has no probabilities: the guard refuses texts that have a share of them; "
                "compile it without guard="
            )
        return self.arrays.proper

    def weight_track(self, pruning: Pruning) -> WeightTrack:
        """The empty text, read with weights; what a matcher follows."""
        key = pruning.threshold, pruning.beam
        weights, arrays = self.weights, self.unjoined.arrays
        if key not in self._scores:
            given = self.unjoined.engine, arrays, weights, self._bound, self.vocabulary, self.end_tokens, self.options
            self._scores.setdefault(key, build_scores(*given, *key))
        return WeightTrack(self._scores[key], weights.start_log_partition if arrays.raw_weights else 0.0)

    @property
    def unjoined(self) -> CompiledGrammar:
        """The same with the grammar's own terminals and derivations, where ``arrays`` has others; else this one."""
        if self.arrays.weighted is not None and self._unjoined is None:
            given = self.arrays.weighted, self._bound, self.vocabulary, self.limits, self.options
            self._unjoined = CompiledGrammar(*given, scores=self._scores)
        return self._unjoined or self

    @property
    def completion(self) -> Completion:
        """How texts can be completed in few tokens, which is what budgets rest on; made when first needed.

        Raises
        ------
        CompileError
            Under a guard.
        """
        if not self._completions:
            if self.guard is not None:
                raise CompileError(
                    "the shortest completion under a guard is not known, as the guard refuses texts of the grammar; "
                    "leave max_tokens out, or compile without guard="
                )
            # Of two threads that are here at once, both go on with what the first has stored.
            self._completions.setdefault(
                None, Completion(self.engine, self.vocabulary.eos_token_ids, self.limits.cache_bytes // 2)
            )
        return self._completions[None]

    def matcher(
        self,
        *,
        strip_first_space: bool = False,
        prefix: bytes = b"",
        canonical: Canonical | None = None,
        previous: int | None = None,
        pruning: Pruning = Pruning(),
        observer: Metrics | None = None,
        max_tokens: int | None = None,
    ) -> Matcher:
        """A new matcher, at the empty text.

        Parameters
        ----------
        strip_first_space : bool
            Whether the generated ids are decoded by themselves, by a tokenizer
            that takes the first space of a text away (as those of Llama 2 and
            Mistral do: ``vocabulary.strips_first_space``; of other vocabularies
            this changes nothing).  ``" {"`` is then one more way to write the
            ``{`` that a text begins with, and likely the one the model prefers.
            The default is right for hosts that decode ids behind those of the
            prompt, as servers do: there the space stays.  Where no text of the
            grammar begins with a space, it is safe for the others as well.
        prefix : bytes
            What must be written before the text of the grammar begins: the end
            of a prompt whose last tokens were taken away (:func:`stolcke.heal`).
            It is certain, so it has probability 1, and no part of the text: a
            token that goes on behind it is worth what it adds to the text.
        canonical : Canonical, optional
            Masks then leave out the tokens that the tokenizer would not have
            written behind the one before, unless no other remains.  What
            ``accept`` takes does not depend on it, nor do probabilities.
        previous : int, optional
            The last token of the prompt, for ``canonical``; without it the text
            stands alone.
        pruning : Pruning
            What probabilities may leave out; nothing, so that they are exact,
            unless you ask for it.
        observer : stolcke.observing.Metrics, optional
            Counts, and times, what this matcher and its forks do.
        max_tokens : int, optional
            A budget of tokens, the end token among them as hosts count it.  Near
            its end masks leave out the tokens behind which no completion has room
            any more, so that whoever keeps to the masks ends in time.  What
            ``accept`` takes does not depend on it; bytes are not counted.

        Raises
        ------
        BudgetError, LimitExceeded
            If no completion within the budget is found, or looking for one would outgrow the caches.
        CompileError
            If there is a guard, and a first space to be taken away or a budget to be kept.
        """
        if strip_first_space and self.guard is not None and self.vocabulary.strips_first_space:
            raise CompileError("strip_first_space is not supported under a guard; begin the text with accept_bytes()")
        try:
            max_tokens = None if max_tokens is None else operator.index(max_tokens)
        except TypeError:
            raise VocabularyError(f"max_tokens must be a number of tokens, not {max_tokens!r}") from None
        matcher = Matcher(
            self,
            strip_first_space=strip_first_space,
            prefix=prefix,
            canonical=canonical,
            previous=previous,
            pruning=pruning,
            observer=observer,
            max_tokens=max_tokens,
        )
        if max_tokens is not None:
            least, found = self.completion.bounds(matcher.state, max_tokens)
            if found > max_tokens:
                least, found = self.completion.bounds(matcher.state)  # for the message: how many would do
                raise BudgetError(max_tokens, least, found if found < NEVER else None)
        return matcher

    def __repr__(self) -> str:
        n, m = len(self.arrays.lhs), self.arrays.n_terminals
        return f"<CompiledGrammar of {n} rules, {m} terminals, for {self.vocabulary!r}>"

    @property
    def n_bytes(self) -> int:
        """About the memory of its tables and caches, without the vocabulary's."""
        return self.arrays.n_bytes + _cached(self.engine, self._completions)

    def stats(self) -> dict[str, int]:
        """Deterministic counts of tables and caches so far, and bytes of memory, the vocabulary's included."""
        return {**self.engine.stats(), **self.engine.store.stats()}

    def prewarm(self, budget_ms: float = 10.0) -> int:
        """Compute masks ahead of time, breadth first over columns, for about ``budget_ms`` milliseconds.

        Returns
        -------
        int
            How many columns were visited.
        """
        end = time.perf_counter() + budget_ms / 1000
        visited = 0
        for finished in self.warming():
            visited += finished
            if time.perf_counter() >= end:
                break
        return visited

    def warming(self) -> Iterator[bool]:
        """Go through the columns breadth first; each step computes a little, and tells whether a column is finished."""
        seen = set(found := views.state_threads(self.engine, 1)[0])
        for column in found:  # which grows
            begin: int | None = 0
            while begin is not None:
                after, begin = self.engine.prewarm_column(column, begin)
                found += [new for new in dict.fromkeys(after) if new not in seen]
                seen.update(after)
                yield begin is None

    def sample(
        self, seed: int | np.random.Generator | None = None, n: int | None = None, *, max_bytes: int = MAX_BYTES
    ) -> bytes | list[bytes]:
        """Draw texts at random, each as often as it is probable.

        Rules and the matches of terminals are drawn from the grammar's weights and distributions.  For a special
        token its own text is written.

        Parameters
        ----------
        seed : int or numpy.random.Generator, optional
            The same seed gives the same texts.
        n : int, optional
            How many texts; without it, one.
        max_bytes : int
            The length of a text from which on none is drawn.

        Returns
        -------
        bytes, or list of bytes where ``n`` is given

        Raises
        ------
        SampleTooLong
            Where a text is longer than ``max_bytes``.
        WeightsError
            Where the weights of the grammar are no probabilities.
        """
        if self._sampler is None:
            texts = {name: [self.vocabulary.tokens[token] for token in ids] for name, ids in self._bound.items()}
            self._sampler = GrammarSampler(self.unjoined.arrays, self.weights.rule_probabilities, texts)
        rng = np.random.default_rng(seed)
        drawn = [self._sampler.draw(rng, max_bytes) for _ in range(1 if n is None else n)]
        return drawn[0] if n is None else drawn

    # --- files ---------------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike) -> None:
        """Write the tables to a file; caches are not kept."""
        meta, arrays = self.arrays.to_file()
        meta |= {
            "bound": {name: list(ids) for name, ids in self._bound.items()},
            "vocabulary": self.vocabulary.fingerprint,
            "limits": asdict(self.limits),
            "guard": guard_to_file(self.guard),
        }
        container.write(path, _KIND, meta, arrays)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike,
        vocabulary: Vocabulary,
        *,
        limits: Limits | None = None,
        options: Options | None = None,
        guard: Guard | None = None,
    ) -> CompiledGrammar:
        """Read what :meth:`save` wrote; a guard that :func:`compile` was given is no part of it, and is given again.

        Raises
        ------
        FileFormatError
            If the file is truncated, damaged, or no compiled grammar.
        VocabularyMismatch
            If it was compiled for another vocabulary.
        CompileError
            If it was compiled with another guard, or with one while none is given.
        """
        meta, stored = container.read(path, _KIND)
        if meta.get("vocabulary") != vocabulary.fingerprint:
            raise VocabularyMismatch(f"{os.fspath(path)} was compiled for another vocabulary than {vocabulary!r}")
        arrays = GrammarArrays.from_file(meta, stored)
        guard = guard_of_file(meta.get("guard"), guard, os.fspath(path))
        inserted = () if guard is None else guard.inserts
        try:
            bound = {str(name): tuple(map(int, ids)) for name, ids in meta["bound"].items()}
            limits = limits or Limits(**meta["limits"])
            n = len(vocabulary)
            in_range = all(0 <= min(ids) <= max(ids) < n if ids else name in inserted for name, ids in bound.items())
            if set(bound) != set(arrays.specials) or not in_range:
                raise ValueError("special tokens do not fit the grammar")
            return cls(arrays, bound, vocabulary, limits, options or Options(), guard=guard)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FileFormatError(f"{os.fspath(path)}: the compiled grammar is malformed: {error}") from error

    # --- looking inside ------------------------------------------------------------------------------------------

    def dump(self) -> str:
        """The tables in words: terminals with the size of their automata, rules, tallies, columns made so far.

        Within a tally ``t``, ``t{a,b}`` is what may follow once the entries a
        and b have occurred, ``t{a,b}!`` one more entry and what follows it, and
        ``t{a,b}+c`` what follows if that entry is c.  Entries are called by the
        first terminal of their rule.  ``t{a; 1..3, 0..1 marked}`` says how many
        more are to come.
        """
        a = self.arrays
        n_text = len(a.machines)
        lines = ["terminals"]
        for terminal, title in enumerate(a.terminals):
            size = f"{a.machines[terminal].n_states} states" if terminal < n_text else f"tokens {self._bound[title]}"
            if terminal < n_text and isinstance(machine := a.machines[terminal], CountedAutomaton):
                most = "any number of" if machine.most is None else machine.most
                size += f" without bounds, a part of them {machine.least} to {most} times"
            lines.append(f"  {terminal}: {title} ({size})")
        lines.append("rules")
        for rule in range(len(a.lhs)):
            rhs = a.rhs[a.rhs_offsets[rule] : a.rhs_offsets[rule + 1]]
            lines.append(f"  {self._name(len(a.terminals) + a.lhs[rule])} ::= {self._names(rhs) or 'nothing'}")
        if a.tally.size:
            lines.append("tallies")
        for tally in range(a.tally.size):
            lines += self._dump_tally(tally)
        for column in range(self.engine.stats()["columns"]):
            lines.append(self.dump_column(column))
        return "\n".join(lines)

    def _dump_tally(self, tally: int) -> Iterator[str]:
        a = self.arrays
        separator = self._names(a.separator[a.separator_offsets[tally] : a.separator_offsets[tally + 1]])
        least, most, least_marked, most_marked = (
            None if bound < 0 else bound for bound in a.tally_bounds[4 * tally : 4 * tally + 4].tolist()
        )
        counts = [f"{_span(least, most)} entries"]
        counts += [f"{_span(least_marked, most_marked)} marked ones"] if least_marked or most_marked is not None else []
        between = f", {separator} between them" if separator else ""
        yield f"  {a.nonterminals[a.tally[tally]]} ::= {', '.join(counts)}{between}, in any order"
        for entry in range(a.entry_offsets[tally], a.entry_offsets[tally + 1]):
            flags = [name for bit, name in enumerate(("once", "required", "marked")) if a.entry_flags[entry] >> bit & 1]
            yield f"    {self._name(a.entry[entry])}" + (f" ({', '.join(flags)})" if flags else "")

    def dump_column(self, column: int) -> str:
        """One Earley column: its kernel items as ``what remains (continuation)``, and the live terminals."""
        lines = [f"column {column}"]
        lines += [
            f"  · {self._names(symbols)} ({follows})" for symbols, follows in views.column_items(self.engine, column)
        ]
        lines.append(
            f"  expects {', '.join(self._name(t) for t in views.column_terminals(self.engine, column)) or 'nothing'}"
        )
        return "\n".join(lines)

    def dump_continuation(self, continuation: int) -> str:
        """What may follow when a rule completes, as ``what remains (continuation)``."""
        entries, accepting = views.continuation_entries(self.engine, continuation)
        lines = [f"continuation {continuation}" + (", the text may end" if accepting else "")]
        return "\n".join(lines + [f"  {self._names(symbols)} ({follows})" for symbols, follows in entries])

    def dump_state(self, state: int) -> str:
        """A live state: its threads as ``terminal from column``, and the column that begins there."""
        columns, threads = views.state_threads(self.engine, state)
        lines = [f"state {state}"]
        lines += [f"  {self._name(t)} under way (automaton state {q}) from column {c}" for t, q, c in threads]
        return "\n".join([*lines, *map(self.dump_column, columns)])

    def _name(self, symbol: int) -> str:
        terminals, nonterminals = self.arrays.terminals, self.arrays.nonterminals
        if symbol < len(terminals):
            return terminals[symbol]
        if symbol < len(terminals) + len(nonterminals):
            return nonterminals[symbol - len(terminals)] or "(text)"
        tally, seen, (need, room, need_marked, room_marked), kind, entry = views.tally_place(self.engine, symbol)
        inside = [",".join(map(self._entry_name, seen))]
        counts = [_span(need, room)] if need or room is not None else []
        counts += [f"{_span(need_marked, room_marked)} marked"] if need_marked or room_marked is not None else []
        inside += [", ".join(counts)] if counts else []
        name = f"{nonterminals[self.arrays.tally[tally]]}{{{'; '.join(inside)}}}"
        last = "" if entry is None else f"+{self._entry_name(entry)}"
        return f"{name}!" if kind == "choice" else name + last

    def _entry_name(self, symbol: int) -> str:
        """An entry's nonterminal by the first terminal of its rule, where it has one."""
        a = self.arrays
        for rule in np.flatnonzero(a.lhs == symbol - len(a.terminals))[:1]:
            for part in a.rhs[a.rhs_offsets[rule] : a.rhs_offsets[rule + 1]]:
                if part < len(a.terminals):
                    return a.terminals[part]
        return self._name(symbol)

    def _names(self, symbols: Iterable[int]) -> str:
        return " ".join(map(self._name, symbols))


def _span(least: int, most: int | None) -> str:
    return f"{least}.." if most is None else f"{least}..{most}"
