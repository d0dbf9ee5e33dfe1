"""Regions: pieces of a response that know how to stand alone, and how to stand before a text that ends them.

That matters to free text only.  Whatever else is there ends by itself; free text ends where the first of the texts
ends that may come behind it, as programs that read a response from left to right see it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stolcke.errors import ResponseFormatError
from stolcke.grammar.model import Grammar
from stolcke.grammar.patterns import Special
from stolcke.integrations.responses.markers import SpecialToken, free_text, literal, minimal, text_until

__all__ = ["Chain", "Either", "Fixed", "Free", "Region", "TokenFree"]


class Region:
    """What may stand in a response, or in a part of it."""

    def alone(self) -> Grammar:
        """Make the grammar of its texts."""
        raise NotImplementedError

    def ended(self, ends: Sequence[str]) -> Grammar:
        """Make the grammar of its texts, each with one of ``ends`` behind it, before which free text stops."""
        return self.alone() + Grammar.choice(*ends)

    @property
    def grammar(self) -> Grammar:
        """The texts of the region, and of nothing else: what :func:`stolcke.compile` takes; made once."""
        # Compiled grammars are remembered by the identity of what they were compiled from.
        if "_made" not in self.__dict__:
            self.__dict__["_made"] = self.alone()
        return self.__dict__["_made"]

    @property
    def special_tokens(self) -> tuple[str | int, ...]:
        """The special tokens that the grammar names, by text or id; ``compile`` looks them up in its vocabulary."""
        patterns = [definition.pattern for definition in self.grammar.terminals.values()]
        return tuple(dict.fromkeys(m for pattern in patterns if isinstance(pattern, Special) for m in pattern.markers))

    def after(self, marker: str | SpecialToken, *, optional: bool = False, whitespace: bool = True) -> Region:
        """Let free text come first, which ends with a marker such as ``"</think>"``.

        Parameters
        ----------
        marker : str or SpecialToken
            Where it is a text, free text ends where it occurs first.
        optional : bool
            Whether the region may also come at once.
        whitespace : bool
            Whether white space may follow the marker.

        Returns
        -------
        Region
        """
        thought = free_text() + literal(marker) if isinstance(marker, SpecialToken) else Free().ended([marker])
        if whitespace:
            thought = thought + Grammar.from_regex(r"[ \t\r\n]*")
        thinking = Chain([Fixed(thought), self])
        return Either([thinking, self]) if optional else thinking

    def stopping(self, stop: str | Sequence[str]) -> Region:
        """Let a stop string end the text, as the end token does; free text goes up to the first one.

        Whatever is no free text stays whole: the host must look for stop strings behind it only.
        """
        stops = [stop] if isinstance(stop, str) else list(stop)
        if not all(stops):
            raise ResponseFormatError("a stop string must not be empty", pointer="#/stop")
        if not stops:
            return self
        return _Stopped(self, tuple(stops))

    def without(self, excluded: Sequence[str]) -> Region:
        """Keep some texts out of free text at the end."""
        return self

    def stopped(self, stops: Sequence[str]) -> Grammar:
        """Make the grammar of its texts, with a stop string behind them or without one."""
        # Without one, free text must hold none either; it would have ended there.
        return self.without(stops).alone() | self.ended(stops)


@dataclass(frozen=True)
class Fixed(Region):
    """Texts that end by themselves."""

    texts: Grammar

    def alone(self) -> Grammar:
        return self.texts

    def stopped(self, stops: Sequence[str]) -> Grammar:
        return self.texts + Grammar.choice("", *stops)


@dataclass(frozen=True)
class Free(Region):
    """Free text, in which nothing that triggers occurs but where it begins what it triggers.

    A trigger counts where it ends; free text begins anew behind what was triggered.

    Attributes
    ----------
    triggered : tuple of (str, Grammar)
        A trigger, and what goes on behind it.
    excludes : tuple of str
        What occurs nowhere in free text.
    at_least_one : bool
        Whether the text begins with a trigger.
    stop_after_first : bool
        Whether nothing follows what was triggered first.
    pointer : str
        The place in the request, for errors.
    """

    triggered: tuple[tuple[str, Grammar], ...] = ()
    excludes: tuple[str, ...] = ()
    at_least_one: bool = False
    stop_after_first: bool = False
    pointer: str = "#"

    def without(self, excluded: Sequence[str]) -> Region:
        own = (self.at_least_one, self.stop_after_first, self.pointer)
        return Free(self.triggered, (*self.excludes, *excluded), *own)

    def alone(self) -> Grammar:
        return self._grammar([])

    def ended(self, ends: Sequence[str]) -> Grammar:
        if "" in ends:
            others = [end for end in ends if end]
            return self.alone() | self.ended(others) if others else self.alone()
        return self._grammar(list(ends))

    def _grammar(self, ends: list[str]) -> Grammar:
        stops = minimal([trigger for trigger, _ in self.triggered] + ends)
        self._check(stops, ends)
        excludes = tuple(sorted({text for text in self.excludes if not _is_implied(text, stops)}))
        opened, at_once = [], []
        for trigger in stops:
            further = [each for text, each in self.triggered if text == trigger]
            # A longer trigger is one that begins as the shorter does.
            further += [text[len(trigger) :] + each for text, each in self.triggered if _extends(text, trigger)]
            if not further:
                continue
            body = _any(further)
            until = text_until(trigger, tuple(stops), excludes)
            if until is not None:
                opened.append(until + body)
            if self.at_least_one:
                at_once.append(trigger + body)
        last = _any(self._last(stops, ends, excludes)) if ends else free_text((*stops, *excludes))
        if not opened:
            return last
        first = _any(at_once or opened)
        if self.stop_after_first:
            whole = first + Grammar.choice(*ends) if ends else first
            return whole if self.at_least_one else whole | last
        more = _any(opened).repeat()
        return Grammar.sequence(first, more, last) if self.at_least_one else more + last

    def _last(self, stops: list[str], ends: list[str], excludes: tuple[str, ...]) -> list[Grammar]:
        """Free text and what ends it."""
        found = []
        for stop in stops:
            further = [end[len(stop) :] for end in dict.fromkeys(ends) if end.startswith(stop)]
            until = text_until(stop, tuple(stops), excludes) if further else None
            if until is not None:
                found.append(until + Grammar.choice(*further) if any(further) else until)
        if not found:
            raise ResponseFormatError(
                "free text here can never end, as what ends it is excluded from it", pointer=self.pointer
            )
        return found

    def _check(self, stops: list[str], ends: list[str]) -> None:
        """Refuse triggers and ends of which one hides another."""
        for text in [trigger for trigger, _ in self.triggered] + ends:
            hiding = [stop for stop in stops if stop in text[1:]]
            if hiding:
                raise ResponseFormatError(
                    f"{text!r} holds {hiding[0]!r}, which ends free text before; let triggers and ends not hold "
                    "each other",
                    pointer=self.pointer,
                )
            excluded = [each for each in self.excludes if each in text and each not in ends]
            if excluded:
                raise ResponseFormatError(
                    f"{text!r} holds {excluded[0]!r}, which is excluded from free text", pointer=self.pointer
                )
        for trigger, _ in self.triggered:
            if any(trigger.startswith(end) or end.startswith(trigger) for end in ends):
                raise ResponseFormatError(
                    f"free text here is ended by a text that begins as the trigger {trigger!r} does, so that nobody "
                    "can tell them apart; change one of them",
                    pointer=self.pointer,
                )


def _any(parts: list[Grammar]) -> Grammar:
    """Make a choice, if there is one."""
    return parts[0] if len(parts) == 1 else Grammar.choice(*parts)


def _extends(text: str, beginning: str) -> bool:
    return text != beginning and text.startswith(beginning)


def _is_implied(text: str, stops: Iterable[str]) -> bool:
    """Whether free text without ``stops`` does not hold a text anyway, up to where a stop ends."""
    return text in stops or any(stop in text[:-1] for stop in stops)


@dataclass(frozen=True)
class TokenFree(Region):
    """Free text in which special tokens open other regions; what spells them is only text."""

    tags: tuple[Grammar, ...]
    at_least_one: bool = False
    stop_after_first: bool = False
    excludes: tuple[str, ...] = ()

    def without(self, excluded: Sequence[str]) -> Region:
        return TokenFree(self.tags, self.at_least_one, self.stop_after_first, (*self.excludes, *excluded))

    def alone(self) -> Grammar:
        return self._grammar(free_text(self.excludes), Grammar.literal(""))

    def ended(self, ends: Sequence[str]) -> Grammar:
        return self._grammar(Free((), self.excludes).ended(ends), Grammar.choice(*ends), ends)

    def _grammar(self, last: Grammar, nothing: Grammar, ends: Sequence[str] = ()) -> Grammar:
        text = free_text(tuple(sorted({*self.excludes, *ends} - {""})))
        tag = Grammar.choice(*self.tags)
        if self.stop_after_first:
            return tag + nothing if self.at_least_one else text + tag + nothing | last
        more = (text + tag).repeat() + last
        return tag + more if self.at_least_one else more


@dataclass(frozen=True)
class Chain(Region):
    """One region after the other."""

    parts: Sequence[Region]

    def alone(self) -> Grammar:
        return Grammar.sequence(*(part.alone() for part in self.parts))

    def ended(self, ends: Sequence[str]) -> Grammar:
        if not self.parts:
            return Grammar.choice(*ends)
        return Grammar.sequence(*(part.alone() for part in self.parts[:-1]), self.parts[-1].ended(ends))

    def without(self, excluded: Sequence[str]) -> Region:
        return Chain([*self.parts[:-1], *(part.without(excluded) for part in self.parts[-1:])])

    def stopped(self, stops: Sequence[str]) -> Grammar:
        if not self.parts:
            return Grammar.choice("", *stops)
        return Grammar.sequence(*(part.alone() for part in self.parts[:-1]), self.parts[-1].stopped(stops))


@dataclass(frozen=True)
class Either(Region):
    """Any of several regions."""

    parts: Sequence[Region]

    def alone(self) -> Grammar:
        return Grammar.choice(*(part.alone() for part in self.parts))

    def ended(self, ends: Sequence[str]) -> Grammar:
        return Grammar.choice(*(part.ended(ends) for part in self.parts))

    def without(self, excluded: Sequence[str]) -> Region:
        return Either([part.without(excluded) for part in self.parts])

    def stopped(self, stops: Sequence[str]) -> Grammar:
        return Grammar.choice(*(part.stopped(stops) for part in self.parts))


@dataclass(frozen=True)
class _Stopped(Region):
    """A region that stop strings may end."""

    region: Region
    stops: tuple[str, ...]

    def alone(self) -> Grammar:
        return self.region.stopped(self.stops)
