"""How models write calls of tools: a few markers around names and arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from stolcke.integrations.responses.markers import Marker, SpecialToken, marker_in
from stolcke.vocabulary import Vocabulary

__all__ = ["TEMPLATES", "ToolTemplate"]


@dataclass(frozen=True, kw_only=True)
class ToolTemplate:
    """The spelling of calls in a chat template.

    A text is ``begin call separator call ... end``, and a call is ``call_begin``, what is said about the call, and
    ``call_end``.  That is a JSON object of the name and the arguments, or, with ``name_end``, the name as it is,
    ``name_end``, and the arguments.  Where the JSON may hold white space, it may also stand between markers.

    Attributes
    ----------
    begin, end : Marker
        Before the first call and behind the last.
    call_begin, call_end : Marker
        Around each.
    separator : Marker
        Between two.
    name_key, arguments_key : str
        The members of the object.
    name_end : Marker, optional
        What ends the name, where it is not in an object.
    """

    begin: Marker = ""
    call_begin: Marker = ""
    name_key: str = "name"
    arguments_key: str = "arguments"
    name_end: Marker | None = None
    call_end: Marker = ""
    separator: Marker = ""
    end: Marker = ""

    def in_vocabulary(self, vocabulary: Vocabulary) -> ToolTemplate:
        """Give the template with those markers as special tokens that are such in a vocabulary.

        Whether ``<tool_call>`` is one depends on the tokenizer: in text, models then never spell it.
        """
        return replace(
            self,
            begin=_found(self.begin, vocabulary),
            call_begin=_found(self.call_begin, vocabulary),
            name_end=None if self.name_end is None else _found(self.name_end, vocabulary),
            call_end=_found(self.call_end, vocabulary),
            separator=_found(self.separator, vocabulary),
            end=_found(self.end, vocabulary),
        )


def _found(marker: Marker, vocabulary: Vocabulary) -> Marker:
    if isinstance(marker, tuple):
        return tuple(marker_in(vocabulary, part) if isinstance(part, str) else part for part in marker)
    return marker_in(vocabulary, marker) if isinstance(marker, str) else marker


TEMPLATES: Mapping[str, ToolTemplate] = MappingProxyType(
    {
        "hermes": ToolTemplate(call_begin="<tool_call>", call_end="</tool_call>"),
        "llama3_json": ToolTemplate(arguments_key="parameters", separator=";"),
        "mistral": ToolTemplate(begin=(SpecialToken("[TOOL_CALLS]"), "["), separator=",", end="]"),
        "mistral_v11": ToolTemplate(call_begin=SpecialToken("[TOOL_CALLS]"), name_end=SpecialToken("[ARGS]")),
        "function_tag": ToolTemplate(call_begin="<function=", name_end=">", call_end="</function>"),
        "json_list": ToolTemplate(begin="[", separator=",", end="]"),
    }
)
"""Templates by name.  ``hermes`` is also Qwen's; of these, only Mistral's markers are special tokens."""
