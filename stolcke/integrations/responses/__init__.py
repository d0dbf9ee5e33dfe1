"""Response formats: from what servers receive in a request to a grammar of the texts that may answer it.

Every function takes plain JSON data and gives a :class:`Region`, whose ``grammar`` any host can compile.
"""

from stolcke.integrations.responses.chat import chat_request
from stolcke.integrations.responses.formats import response_format, structured_outputs
from stolcke.integrations.responses.markers import SpecialToken, marker_in
from stolcke.integrations.responses.regions import Region
from stolcke.integrations.responses.structural import structural_tag
from stolcke.integrations.responses.templates import TEMPLATES, ToolTemplate
from stolcke.integrations.responses.tools import tool_calls

__all__ = [
    "TEMPLATES",
    "Region",
    "SpecialToken",
    "ToolTemplate",
    "chat_request",
    "marker_in",
    "response_format",
    "structural_tag",
    "structured_outputs",
    "tool_calls",
]
