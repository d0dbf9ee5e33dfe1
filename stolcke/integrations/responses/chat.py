"""Whole requests for a chat completion: all that they say about the text to be written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stolcke.integrations.responses.formats import read_response_format, read_structured_outputs
from stolcke.integrations.responses.places import Place
from stolcke.integrations.responses.regions import Free, Region
from stolcke.integrations.responses.templates import ToolTemplate
from stolcke.integrations.responses.tools import read_tool_calls, template_of

__all__ = ["chat_request"]


def chat_request(
    request: Mapping[str, Any],
    *,
    template: ToolTemplate | str = "hermes",
    json_options: Mapping[str, Any] | None = None,
) -> Region:
    """Read the body of a request for a chat completion.

    Parameters
    ----------
    request : mapping
        ``response_format`` or ``structured_outputs``, ``tools`` with ``tool_choice`` and ``parallel_tool_calls``, and
        ``stop`` are read; what else there is, such as ``messages``, does not concern the grammar.
    template : ToolTemplate or str
        How the model writes calls of tools.
    json_options : mapping of str to object, optional
        Keywords of :meth:`stolcke.Grammar.from_json_schema`.

    Returns
    -------
    Region
        Where both a format and tools are given, a text is calls, or of the format.

    Raises
    ------
    ResponseFormatError
        Naming the place in the request.
    SchemaError, UnsupportedSchema
        About a schema in it, with the place counted from the request's root.
    LimitExceeded
    """
    place, options = Place(request), json_options or {}
    fields = {name: place.at(name) for name in place.object() if request[name] is not None}
    content: Region | None = None
    if "response_format" in fields and "structured_outputs" in fields:
        raise fields["structured_outputs"].error("response_format is given, too; leave one of them out")
    if "response_format" in fields:
        content = read_response_format(fields["response_format"], options)
        if fields["response_format"].value["type"] == "text":
            content = None
    elif "structured_outputs" in fields:
        content = read_structured_outputs(fields["structured_outputs"], options)
    if "tools" in fields or "tool_choice" in fields:
        region = read_tool_calls(place, template_of(template), options, content)
    else:
        region = Free() if content is None else content
    if "stop" in fields:
        stop = fields["stop"]
        region = region.stopping([stop.nonempty()] if isinstance(stop.value, str) else stop.texts())
    return region
