"""Calls of tools: OpenAI's ``tools`` and ``tool_choice``, spelled as a chat template has it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from stolcke.errors import ResponseFormatError
from stolcke.grammar.model import Grammar
from stolcke.integrations.responses.formats import check_name
from stolcke.integrations.responses.markers import Marker, SpecialToken, literal, texts_apart
from stolcke.integrations.responses.places import Place
from stolcke.integrations.responses.regions import Either, Fixed, Free, Region, TokenFree
from stolcke.integrations.responses.templates import TEMPLATES, ToolTemplate

__all__ = ["read_tool_calls", "template_of", "tool_calls"]

_MODES = ("none", "auto", "required")
_WHITE = r"[ \t\r\n]*"


def tool_calls(
    tools: Sequence[Mapping[str, Any]],
    tool_choice: str | Mapping[str, Any] = "auto",
    *,
    parallel_tool_calls: bool = True,
    template: ToolTemplate | str = "hermes",
    json_options: Mapping[str, Any] | None = None,
) -> Region:
    """Make the region of calls of some tools.

    Parameters
    ----------
    tools : sequence of mapping
        ``{"type": "function", "function": {"name": ..., "parameters": schema, "strict": ...}}``.  With ``strict`` the
        schema is kept exactly or refused; without, what cannot be kept is left out.
    tool_choice : str or mapping
        ``"none"``: text without a call; ``"auto"``: text, then calls or none; ``"required"``: calls;
        ``{"type": "function", "function": {"name": ...}}``: one call of that function; or ``allowed_tools``.
    parallel_tool_calls : bool
        Whether several calls may follow each other.
    template : ToolTemplate or str
        How calls are written; a string is a key of :data:`TEMPLATES`.
    json_options : mapping of str to object, optional
        Keywords of :meth:`stolcke.Grammar.from_json_schema`, for the arguments.

    Returns
    -------
    Region

    Raises
    ------
    ResponseFormatError
        Naming the place, as of a request with the fields ``tools`` and ``tool_choice``.
    SchemaError, UnsupportedSchema
        About the parameters of a function, with the place counted from the request's root.
    LimitExceeded
    """
    request = {"tools": tools, "tool_choice": tool_choice, "parallel_tool_calls": parallel_tool_calls}
    return read_tool_calls(Place(request), template_of(template), json_options or {})


def read_tool_calls(
    place: Place, template: ToolTemplate, options: Mapping[str, Any], content: Region | None = None
) -> Region:
    """Read the fields about tools of a request; ``content`` is what stands in place of calls, free text if None."""
    fields = {name: place.at(name) for name in place.object() if place.value[name] is not None}
    tools = _tools(fields["tools"]) if "tools" in fields else {}
    mode, names = _choice(fields.get("tool_choice"), tools)
    parallel = "parallel_tool_calls" not in fields or fields["parallel_tool_calls"].flag()
    if mode == "none":
        return _silent(template) if content is None else content
    calls = _Calls(template, {name: tools[name] for name in names}, options)
    if mode == "auto":
        return calls.or_text(parallel) if content is None else Either([content, Fixed(calls.grammar(parallel))])
    return Fixed(calls.grammar(parallel and mode == "required"))


def template_of(template: ToolTemplate | str) -> ToolTemplate:
    """Look up a template by its name."""
    if isinstance(template, ToolTemplate):
        return template
    if template not in TEMPLATES:
        raise ResponseFormatError(
            f"there is no template {template!r}; there are {', '.join(TEMPLATES)}, or give a ToolTemplate",
            pointer="#/template",
        )
    return TEMPLATES[template]


def _tools(place: Place) -> dict[str, Mapping[str, Place]]:
    """Functions by name, each as the fields of its description."""
    found: dict[str, Mapping[str, Place]] = {}
    for item in place.items():
        fields = item.fields(["type", "function"])
        fields["type"].one_of(["function"])
        function = fields["function"].fields(["name"], ["description", "parameters", "strict"])
        name = check_name(function["name"])
        if name in found:
            raise function["name"].error(f"there are two functions of the name {name!r}")
        found[name] = function
    if not found:
        raise place.error("no tools are given; leave the field out")
    return found


def _choice(place: Place | None, tools: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Read the mode, and the names of the functions that may be called."""
    if place is None:
        return ("auto" if tools else "none"), list(tools)
    if isinstance(place.value, str):
        mode = place.one_of(_MODES)
        if mode != "none" and not tools:
            raise place.error(f"{mode!r} asks for tools, and there are none; give tools")
        return mode, list(tools)
    if place.object().get("type") is None:
        raise place.error("the field 'type' is missing")
    if place.at("type").one_of(["function", "allowed_tools"]) == "function":
        return "named", [_name(place, tools)]
    allowed = place.fields(["type", "allowed_tools"])["allowed_tools"].fields(["mode", "tools"])
    names = [_name(item, tools) for item in allowed["tools"].items()]
    if not names:
        raise allowed["tools"].error("no tools are allowed; choose 'none' instead")
    return allowed["mode"].one_of(["auto", "required"]), list(dict.fromkeys(names))


def _name(place: Place, tools: Mapping[str, Any]) -> str:
    fields = place.fields(["type", "function"])
    fields["type"].one_of(["function"])
    return fields["function"].fields(["name"])["name"].one_of(tools)


def _silent(template: ToolTemplate) -> Region:
    """Free text in which no call begins."""
    first = _first(template)
    return Free(excludes=(first,)) if isinstance(first, str) and first else Free()


def _first(template: ToolTemplate) -> str | SpecialToken:
    """What a call begins with, if it is a marker of its own, and no JSON text.

    An opening bracket is none: free text is full of them.
    """
    for marker in (template.begin, template.call_begin):
        parts = marker if isinstance(marker, tuple) else (marker,)
        for part in parts:
            if part:
                return part if isinstance(part, SpecialToken) or part.strip() not in ("[", "{") else ""
    return ""


class _Calls:
    """The grammar of calls."""

    def __init__(
        self, template: ToolTemplate, tools: Mapping[str, Mapping[str, Place]], options: Mapping[str, Any]
    ) -> None:
        self._template = template
        self._options = options
        whitespace = options.get("whitespace", "flexible")
        self._is_flexible = whitespace == "flexible"
        self._gap = Grammar.from_regex(_WHITE) if self._is_flexible else Grammar.literal("")
        # Between the members of the object, what json.dumps writes, unless any or none may stand there.
        self._space = Grammar.literal("" if whitespace in ("flexible", "compact") else " ")
        self._one = Grammar.choice(*(self._call(name, tool) for name, tool in tools.items()))

    def grammar(self, parallel: bool, *, opened: bool = False) -> Grammar:
        """Give one call, or one and more; ``opened``: the first marker has been written."""
        template = self._template
        begin, first = template.begin, template.call_begin
        if opened:
            begin, first = ("", _tail(first)) if _is_empty(begin) else (_tail(begin), first)
        # What is said about a call brings the white space around it along; markers need their own.
        nothing = Grammar.literal("")
        lead = nothing if _is_empty(template.call_begin) else self._gap
        trail = nothing if _is_empty(template.call_end) else self._gap
        start = nothing if _is_empty(template.begin) else literal(begin) + lead
        calls = self._one if _is_empty(template.call_end) else self._one + literal(template.call_end)
        if parallel:
            separator = template.separator
            between = (trail,) if _is_empty(separator) else (trail, literal(separator), lead)
            calls = calls.repeat(1, separator=Grammar.sequence(*between, literal(template.call_begin)))
        return Grammar.sequence(start, literal(first), calls, trail, literal(template.end))

    def or_text(self, parallel: bool) -> Region:
        """Give free text and then calls, or none."""
        first = _first(self._template)
        if not first:
            # Nothing but its first character tells a call from text.
            if self._template.name_end is not None:
                raise ResponseFormatError(
                    "nothing in this template tells a call from text; give it a marker, or require calls",
                    pointer="#/template",
                )
            opening = "{" if _is_empty(self._template.begin) else "["
            return Either([Fixed(self.grammar(parallel)), Fixed(texts_apart(_WHITE + "\\" + opening))])
        rest = self.grammar(parallel, opened=True)
        if isinstance(first, SpecialToken):
            return TokenFree((literal(first) + rest,), stop_after_first=True)
        return Free(((first, rest),), stop_after_first=True)

    def _call(self, name: str, tool: Mapping[str, Place]) -> Grammar:
        template, arguments = self._template, self._arguments(tool)
        if template.name_end is not None:
            return name + literal(template.name_end) + arguments
        gap, space = self._gap, self._space
        before: list[Grammar | str] = [gap, "{", gap, json.dumps(template.name_key), gap, ":", gap, space]
        before += [json.dumps(name), gap, ","]
        before += [gap, space, json.dumps(template.arguments_key), gap, ":", space]
        # The arguments, being a document, hold the white space around them.
        return Grammar.sequence(*before, arguments, "}", gap)

    def _arguments(self, tool: Mapping[str, Place]) -> Grammar:
        strict = "strict" in tool and tool["strict"].flag()
        if "parameters" not in tool:
            empty = {"type": "object", "properties": {}, "additionalProperties": False}
            return Grammar.from_json_schema(empty, **self._options)
        place = tool["parameters"]
        value = place.object()
        if not {"type", "$ref"} & set(value):
            # Arguments go by name.
            place = Place({**value, "type": "object"}, place.pointer)
        return place.schema(**{**self._options, "strict": strict})


def _is_empty(marker: Marker) -> bool:
    return not (any(marker) if isinstance(marker, tuple) else marker)


def _tail(marker: Marker) -> Marker:
    """What is left of a marker behind its first part."""
    return tuple(part for part in marker if part)[1:] if isinstance(marker, tuple) else ""
