"""OpenAI's ``response_format`` and vLLM's ``structured_outputs``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stolcke.grammar.model import Grammar
from stolcke.integrations.responses.grammars import any_grammar
from stolcke.integrations.responses.places import Place
from stolcke.integrations.responses.regions import Fixed, Free, Region
from stolcke.integrations.responses.structural import read_structural_tag

__all__ = ["check_name", "read_response_format", "read_structured_outputs", "response_format", "structured_outputs"]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CONSTRAINTS = ("json", "json_object", "regex", "choice", "grammar", "structural_tag")


def response_format(request: Mapping[str, Any], *, json_options: Mapping[str, Any] | None = None) -> Region:
    """Read OpenAI's ``response_format``.

    Parameters
    ----------
    request : mapping
        ``{"type": "text"}``, ``{"type": "json_object"}``, ``{"type": "json_schema", "json_schema": {"name": ...,
        "schema": ..., "strict": ...}}``, or a structural tag.  With ``strict`` the schema is kept exactly or refused;
        without, what cannot be kept is left out, and ``region.grammar.dropped`` lists it.
    json_options : mapping of str to object, optional
        Keywords of :meth:`stolcke.Grammar.from_json_schema`.

    Returns
    -------
    Region

    Raises
    ------
    ResponseFormatError
        Naming the place in the request.
    SchemaError, UnsupportedSchema
        About the schema in it, with the place counted from the request's root.
    LimitExceeded
    """
    return read_response_format(Place(request), json_options or {})


def structured_outputs(request: Mapping[str, Any], *, json_options: Mapping[str, Any] | None = None) -> Region:
    """Read vLLM's ``structured_outputs``.

    Parameters
    ----------
    request : mapping
        Exactly one of ``json`` (a schema, or its text), ``json_object`` (true), ``regex``, ``choice`` (a list of
        texts), ``grammar`` (EBNF, GBNF, or Lark's language or llguidance's dialect) and ``structural_tag``; beside
        it, ``disable_any_whitespace``.
    json_options : mapping of str to object, optional
        Keywords of :meth:`stolcke.Grammar.from_json_schema`.

    Returns
    -------
    Region

    Raises
    ------
    ResponseFormatError
        Naming the place in the request.
    SchemaError, UnsupportedSchema
        About the schema in it, with the place counted from the request's root.
    LimitExceeded
    """
    return read_structured_outputs(Place(request), json_options or {})


def read_response_format(place: Place, options: Mapping[str, Any]) -> Region:
    """Read a response format at a place of a larger request."""
    if place.object().get("type") is None:
        raise place.error("the field 'type' is missing")
    kind = place.at("type").one_of(["text", "json_object", "json_schema", "structural_tag"])
    if kind == "structural_tag":
        return read_structural_tag(place, options)
    if kind != "json_schema":
        place.fields(["type"])
        return Free(pointer=place.pointer) if kind == "text" else _any_object(options)
    inner = place.fields(["type", "json_schema"])["json_schema"]
    fields = inner.fields(["name", "schema"], ["description", "strict"])
    check_name(fields["name"])
    strict = "strict" in fields and fields["strict"].flag()
    return Fixed(fields["schema"].schema(**{**options, "strict": strict}))


def read_structured_outputs(place: Place, options: Mapping[str, Any]) -> Region:
    """Read structured outputs at a place of a larger request."""
    flags = ["disable_any_whitespace", "disable_additional_properties"]
    fields = place.fields([], [*_CONSTRAINTS, *flags, "whitespace_pattern"])
    given = [name for name in _CONSTRAINTS if name in fields]
    if len(given) != 1:
        found = f"here are {', '.join(given)}" if given else "here is none"
        raise place.error(f"exactly one of {', '.join(_CONSTRAINTS)} must be given; {found}")
    if "whitespace_pattern" in fields:
        raise fields["whitespace_pattern"].error(
            "patterns of white space are not supported; give disable_any_whitespace, or json_options"
        )
    if flags[1] in fields and fields[flags[1]].flag():
        raise fields[flags[1]].error("this is not supported; say so in the schema, by additionalProperties: false")
    if flags[0] in fields and fields[flags[0]].flag():
        options = {**options, "whitespace": "compact"}
    name, value = given[0], fields[given[0]]
    if name == "json":
        return Fixed(value.schema(**options))
    if name == "json_object":
        if not value.flag():
            raise value.error("json_object must be true; to be without it, leave it out")
        return _any_object(options)
    if name == "regex":
        return Fixed(value.grammar(Grammar.from_regex))
    if name == "choice":
        return Fixed(_choice(value))
    if name == "grammar":
        return Fixed(any_grammar(value, options))
    return read_structural_tag(value, options)


def check_name(place: Place) -> str:
    """Refuse what is no name of a schema or a function."""
    if not _NAME.fullmatch(place.text()):
        raise place.error(f"{place.value[:80]!r} is no name: 1 to 64 letters, digits, '_' and '-'")
    return place.value


def _any_object(options: Mapping[str, Any]) -> Region:
    return Fixed(Grammar.from_json_schema({"type": "object"}, **options))


def _choice(place: Place) -> Grammar:
    texts = [item.text() for item in place.items()]
    if not texts:
        raise place.error("no choices are given, so no text would be in the language")
    return Grammar.from_choices(texts)
