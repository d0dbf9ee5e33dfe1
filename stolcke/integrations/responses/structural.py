"""Structural tags: free text with constrained regions in it, as xgrammar, vLLM and SGLang take them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from stolcke.grammar.model import Grammar
from stolcke.integrations.responses.grammars import any_grammar
from stolcke.integrations.responses.markers import SpecialToken, literal
from stolcke.integrations.responses.places import Place
from stolcke.integrations.responses.regions import Chain, Either, Fixed, Free, Region, TokenFree

__all__ = ["read_structural_tag", "structural_tag"]

_DEPTH = 50
"""How deep formats may be nested; every level copies the grammars in it."""


def structural_tag(request: Mapping[str, Any] | str, *, json_options: Mapping[str, Any] | None = None) -> Region:
    """Read a structural tag.

    Parameters
    ----------
    request : mapping or str
        ``{"type": "structural_tag", "format": {...}}``, or the older ``{"type": "structural_tag", "structures":
        [{"begin", "schema", "end"}], "triggers": [...]}``; also as JSON text.
    json_options : mapping of str to object, optional
        Keywords of :meth:`stolcke.Grammar.from_json_schema`, for the schemas.

    Returns
    -------
    Region

    Raises
    ------
    ResponseFormatError
        Naming the place in the request.
    SchemaError, UnsupportedSchema
        About a schema in it, with the place counted from the request's root.
    LimitExceeded
    """
    return read_structural_tag(Place(request), json_options or {})


def read_structural_tag(place: Place, options: Mapping[str, Any]) -> Region:
    """Read a structural tag at a place of a larger request."""
    if isinstance(place.value, str):
        try:
            place = Place(json.loads(place.value), place.pointer)
        except (ValueError, RecursionError) as error:
            raise place.error(f"this is no JSON text: {error}") from None
    older = "structures" in place.object() or "triggers" in place.object()
    fields = place.fields(["type", "structures", "triggers"] if older else ["type", "format"])
    fields["type"].one_of(["structural_tag"])
    reader = _Reader(options)
    return reader.older(fields["structures"], fields["triggers"]) if older else reader.format(fields["format"])


class _Reader:
    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options
        self._depth = 0
        self._formats: dict[str, Callable[[Place], Region]] = {
            name.removeprefix("_read_"): getattr(self, name) for name in dir(self) if name.startswith("_read_")
        }

    def older(self, structures: Place, triggers: Place) -> Region:
        """Read the form without formats: each tag holds a schema."""
        tags = []
        for item in structures.items():
            fields = item.fields(["begin", "schema", "end"])
            content = Fixed(fields["schema"].schema(**self._options))
            tags.append((fields["begin"], content.ended([fields["end"].text()])))
        return _triggered(triggers, tags)

    def format(self, place: Place) -> Region:
        kind = place.object().get("type")
        names = sorted(self._formats)
        if kind is None:
            raise place.error("the field 'type' is missing")
        if self._depth == _DEPTH:
            raise place.error(f"formats are nested more than {_DEPTH} deep")
        self._depth += 1
        region = self._formats[place.at("type").one_of(names)](place)
        self._depth -= 1
        return region

    def _read_const_string(self, place: Place) -> Region:
        return Fixed(Grammar.literal(place.fields(["type", "value"])["value"].text()))

    def _read_json_schema(self, place: Place) -> Region:
        fields = place.fields(["type", "json_schema"], ["style", "any_order"])
        if "style" in fields:
            fields["style"].one_of(["json"])
        options = dict(self._options)
        if "any_order" in fields and fields["any_order"].flag():
            options["property_order"] = "any"
        return Fixed(fields["json_schema"].schema(**options))

    def _read_grammar(self, place: Place) -> Region:
        return Fixed(any_grammar(place.fields(["type", "grammar"])["grammar"], self._options))

    def _read_regex(self, place: Place) -> Region:
        return Fixed(place.fields(["type", "pattern"])["pattern"].grammar(Grammar.from_regex))

    def _read_any_text(self, place: Place) -> Region:
        excludes = place.fields(["type"], ["excludes"]).get("excludes")
        return Free(excludes=_texts(excludes), pointer=place.pointer)

    def _read_any_tokens(self, place: Place) -> Region:
        place.fields(["type"])
        return Free(pointer=place.pointer)

    def _read_sequence(self, place: Place) -> Region:
        return Chain([self.format(item) for item in place.fields(["type", "elements"])["elements"].items()])

    def _read_or(self, place: Place) -> Region:
        elements = place.fields(["type", "elements"])["elements"]
        return Either([self.format(item) for item in _some(elements)])

    def _read_optional(self, place: Place) -> Region:
        return Either([self.format(place.fields(["type", "content"])["content"]), Fixed(Grammar.literal(""))])

    def _read_plus(self, place: Place) -> Region:
        return Fixed(self.format(place.fields(["type", "content"])["content"]).alone().repeat(1))

    def _read_star(self, place: Place) -> Region:
        return Fixed(self.format(place.fields(["type", "content"])["content"]).alone().repeat())

    def _read_repeat(self, place: Place) -> Region:
        fields = place.fields(["type", "min", "max", "content"])
        least, most = fields["min"].count(), fields["max"].count()
        content = self.format(fields["content"]).alone()
        if least < 0 or (most < least and most != -1):
            raise place.error(f"there is no number from {least} to {most}; -1 as 'max' is no bound")
        return Fixed(content.repeat(least, None if most == -1 else most))

    def _read_token(self, place: Place) -> Region:
        return Fixed(literal(_token(place.fields(["type", "token"])["token"])))

    def _read_tag(self, place: Place) -> Region:
        begin, rest = self._tag(place)
        return Fixed(literal(_begin(begin)) + rest)

    def _read_triggered_tags(self, place: Place) -> Region:
        fields = place.fields(["type", "triggers", "tags"], ["at_least_one", "stop_after_first", "excludes"])
        tags = [self._tag(item) for item in fields["tags"].items()]
        return _triggered(fields["triggers"], tags, excludes=_texts(fields.get("excludes")), **_flags(fields))

    def _read_token_triggered_tags(self, place: Place) -> Region:
        fields = place.fields(["type", "trigger_tokens", "tags"], ["at_least_one", "stop_after_first"])
        triggers = {_token(item): item for item in _some(fields["trigger_tokens"])}
        tags, used = [], set()
        for item in _some(fields["tags"]):
            begin, rest = self._tag(item)
            marker = _begin(begin)
            if marker not in triggers:
                raise begin.error("the tag does not begin with one of the trigger tokens")
            used.add(marker)
            tags.append(literal(marker) + rest)
        for marker, item in triggers.items():
            if marker not in used:
                raise item.error("no tag begins with this token; leave it out")
        flags = _flags(fields)
        return TokenFree(tuple(tags), flags["at_least_one"], flags["stop_after_first"])

    def _read_tags_with_separator(self, place: Place) -> Region:
        fields = place.fields(["type", "tags", "separator"], ["at_least_one", "stop_after_first"])
        tags = [literal(_begin(begin)) + rest for begin, rest in map(self._tag, _some(fields["tags"]))]
        flags = _flags(fields)
        least, most = int(flags["at_least_one"]), 1 if flags["stop_after_first"] else None
        separator = fields["separator"].text()
        return Fixed(Grammar.choice(*tags).repeat(least, most, separator=separator or None))

    def _read_dispatch(self, place: Place) -> Region:
        fields = place.fields(["type", "rules"], ["loop", "excludes"])
        triggered = []
        for item in _some(fields["rules"]):
            pair = item.items()
            if len(pair) != 2:
                raise item.error("a rule of a dispatch is [pattern, format]")
            triggered.append((pair[0].nonempty(), self.format(pair[1]).alone()))
        once = "loop" in fields and not fields["loop"].flag()
        excludes = _texts(fields.get("excludes"))
        return Free(tuple(triggered), excludes, stop_after_first=once, pointer=place.pointer)

    def _tag(self, place: Place) -> tuple[Place, Grammar]:
        """Where a tag begins, and the grammar of its content and end."""
        fields = place.fields(["begin", "content", "end"], ["type"])
        if "type" in fields:
            fields["type"].one_of(["tag"])
        content, end = self.format(fields["content"]), fields["end"]
        if isinstance(end.value, Mapping):
            return fields["begin"], content.alone() + literal(_begin(end))
        ends = [end.text()] if isinstance(end.value, str) else [item.text() for item in _some(end)]
        return fields["begin"], content.ended(ends)


def _triggered(triggers: Place, tags: list[tuple[Place, Grammar]], **choices: Any) -> Region:
    """Free text in which the tags begin whose beginnings the triggers are."""
    texts = {item.nonempty(): item for item in _some(triggers)}
    triggered = []
    for begin, rest in tags:
        trigger = min((text for text in texts if begin.text().startswith(text)), key=len, default=None)
        if trigger is None:
            raise begin.error(f"the tag does not begin with one of the triggers, {', '.join(map(repr, texts))}")
        triggered.append((trigger, begin.text()[len(trigger) :] + rest))
    for text, item in texts.items():
        if not any(text.startswith(trigger) for trigger, _ in triggered):
            raise item.error("no tag begins with this trigger; leave it out, or exclude it from free text")
    return Free(tuple(triggered), pointer=triggers.pointer, **choices)


def _begin(place: Place) -> str | SpecialToken:
    """A text, or a token object."""
    if isinstance(place.value, Mapping):
        fields = place.fields(["type", "token"])
        fields["type"].one_of(["token"])
        return _token(fields["token"])
    return place.text()


def _token(place: Place) -> SpecialToken:
    if isinstance(place.value, Mapping):
        token = _begin(place)
        assert isinstance(token, SpecialToken)
        return token
    if isinstance(place.value, str):
        return SpecialToken(place.nonempty())
    if place.count() < 0:
        raise place.error("a token is a text or an id from 0 on")
    return SpecialToken(place.value)


def _texts(place: Place | None) -> tuple[str, ...]:
    return () if place is None else tuple(place.texts())


def _some(place: Place) -> list[Place]:
    if not place.items():
        raise place.error("this must not be empty")
    return place.items()


def _flags(fields: Mapping[str, Place]) -> dict[str, bool]:
    return {name: name in fields and fields[name].flag() for name in ("at_least_one", "stop_after_first")}
