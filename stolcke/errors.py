"""Every error that stolcke raises on purpose, in one place.

All of them derive from :class:`StolckeError`.  Those that speak of a place in
a text carry it as data fields (``line``, ``column``, ``excerpt``) and print it
with a caret, so that tools can use the fields and people can read the message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = [
    "BatchError",
    "BudgetError",
    "Cancelled",
    "CompileError",
    "FileFormatError",
    "GrammarError",
    "InconsistentGrammarWarning",
    "LimitExceeded",
    "MaskError",
    "ParseError",
    "RegexError",
    "ResponseFormatError",
    "SampleTooLong",
    "SchemaError",
    "StolckeError",
    "UnsupportedSchema",
    "VocabularyError",
    "VocabularyMismatch",
    "WeightsError",
]


class StolckeError(Exception):
    """Base class of every error raised by stolcke."""


def _with_caret(message: str, line: int | None, column: int | None, text_line: str | None, source: str | None) -> str:
    """Append the place, the offending line and a caret to a message."""
    if line is None:
        return message
    place = f"line {line}" if column is None else f"line {line}, column {column}"
    if source:
        place = f"{source}, {place}"
    lines = [f"{message} ({place})"]
    if text_line is not None and column is not None:
        # Very long lines are cut to a window, so that the caret stays in sight.
        start = max(0, column - 41)
        window = text_line[start : start + 80].replace("\t", " ")
        lines += ["    " + window, "    " + " " * (column - 1 - start) + "^"]
    return "\n".join(lines)


class GrammarError(StolckeError, ValueError):
    """A grammar text, or a grammar built in Python, is wrong.

    Parameters
    ----------
    reason : str
        What is wrong and, where there is one, the remedy.
    line, column : int, optional
        Where, counted from 1.
    text_line : str, optional
        The line of the source that the caret is printed under.
    source : str, optional
        Name of the file, when the text came from one.
    """

    def __init__(
        self,
        reason: str,
        *,
        line: int | None = None,
        column: int | None = None,
        text_line: str | None = None,
        source: str | None = None,
    ) -> None:
        self.reason = reason
        self.line = line
        self.column = column
        self.text_line = text_line
        self.source = source
        super().__init__(_with_caret(reason, line, column, text_line, source))


class RegexError(GrammarError):
    """A regular expression is malformed or uses what stolcke does not support.

    ``pattern`` is the expression and ``position`` the offset in it, from 0.
    """

    def __init__(self, reason: str, *, pattern: str, position: int | None = None, **place) -> None:
        self.pattern = pattern
        self.position = position
        if position is not None and place.get("line") is None:
            line = pattern.count("\n", 0, position) + 1
            begin = pattern.rfind("\n", 0, position) + 1
            end = pattern.find("\n", begin)
            place = {
                "line": line,
                "column": position - begin + 1,
                "text_line": pattern[begin : end if end >= 0 else len(pattern)],
                "source": place.get("source") or "regular expression",
            }
        super().__init__(reason, **place)


class SchemaError(GrammarError):
    """A JSON Schema is wrong.

    Parameters
    ----------
    reason : str
        What is wrong and, where there is one, the remedy.
    pointer : str, optional
        The place in the schema as a JSON pointer in its fragment form
        (``"#"`` or ``"#/properties/a"``), behind the URI of the resource where
        that is not the schema given.  ``None`` where there is no such place,
        as in a text that is not JSON.
    **place
        Line and column, as for :class:`GrammarError`.
    """

    def __init__(self, reason: str, *, pointer: str | None = None, **place) -> None:
        super().__init__(reason if pointer is None else f"{reason} (at {pointer})", **place)
        self.reason = reason
        self.pointer = pointer


class UnsupportedSchema(SchemaError):
    """A JSON Schema is right, and stolcke refuses it: what it asks for cannot be honoured."""


class ResponseFormatError(GrammarError):
    """A request asks for a response in a way that is wrong, or that no grammar can promise.

    Parameters
    ----------
    reason : str
        What is wrong and, where there is one, the remedy.
    pointer : str
        The place in the request as a JSON pointer in its fragment form: ``"#/tools/0/function/name"``.
    """

    def __init__(self, reason: str, *, pointer: str) -> None:
        super().__init__(f"{reason} (at {pointer})")
        self.reason = reason
        self.pointer = pointer


class ParseError(StolckeError, ValueError):
    """A text is not in the language of a grammar, or what was asked of its derivations does not exist.

    Parameters
    ----------
    reason : str
        What is wrong.
    byte : int, optional
        Where in the text, counted from 0: the first byte that nothing in the language goes on with.
    line, column : int, optional
        The same, counted from 1.
    text_line : str, optional
        The line of the text that the caret is printed under.
    expected : sequence of str
        What could have come there.
    """

    def __init__(
        self,
        reason: str,
        *,
        byte: int | None = None,
        line: int | None = None,
        column: int | None = None,
        text_line: str | None = None,
        expected: Sequence[str] = (),
    ) -> None:
        self.reason = reason
        self.byte = byte
        self.line = line
        self.column = column
        self.text_line = text_line
        self.expected = tuple(expected)
        super().__init__(_with_caret(reason, line, column, text_line, None))


class WeightsError(GrammarError):
    """The weights of a grammar cannot be made probabilities of texts.

    ``nonterminals`` names those that are to blame.
    """

    def __init__(self, reason: str, *, nonterminals: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.nonterminals = nonterminals


class InconsistentGrammarWarning(UserWarning):
    """By the weights of a grammar some derivations never end; its probabilities are those of the ones that do.

    ``spectral_radius`` is that of the mean numbers of nonterminals that one leads to, ``start_partition`` the
    probability that a derivation ends.
    """

    def __init__(self, message: str, *, spectral_radius: float, start_partition: float) -> None:
        super().__init__(message)
        self.spectral_radius = spectral_radius
        self.start_partition = start_partition


class SampleTooLong(StolckeError):
    """A text drawn at random grew longer than was allowed: ``max_bytes``."""

    def __init__(self, what: str, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        super().__init__(f"{what} (max_bytes={max_bytes}); allow more, or make what is repeated less probable")


class CompileError(StolckeError, ValueError):
    """A grammar and a vocabulary cannot be compiled together."""


class LimitExceeded(StolckeError):
    """A configured limit was met; nothing that was valid before is lost.

    ``limit`` is the name of the field of :class:`stolcke.Limits`, ``allowed``
    its value, ``given`` what would have been needed; ``place`` is what it was
    needed for, where that is known: line, column, text_line and source, as for
    :class:`GrammarError`.
    """

    def __init__(self, limit: str, given: object, allowed: object, what: str = "", **place) -> None:
        self.limit = limit
        self.given = given
        self.allowed = allowed
        about = f"{what}: " if what else ""
        message = f"{about}limit {limit}={allowed} exceeded, {given} given; raise it with stolcke.Limits({limit}=...)"
        keys = ("line", "column", "text_line", "source")
        super().__init__(_with_caret(message, *(place.get(key) for key in keys)))


class BatchError(StolckeError):
    """Some rows of a batch have no mask and are zero; all others are right.

    ``errors`` has the error of each such row, by its number.
    """

    def __init__(self, errors: Mapping[int, Exception]) -> None:
        self.errors = dict(errors)
        row, first = min(self.errors.items(), key=lambda item: item[0])
        others = f" (and {len(self.errors) - 1} more, see .errors)" if len(self.errors) > 1 else ""
        super().__init__(f"row {row} of the batch has no mask: {first}{others}")


class MaskError(StolckeError, ValueError):
    """Masks, logits or log-probabilities do not fit each other, or cannot be where they are asked for."""


class Cancelled(StolckeError):
    """A compilation was cancelled by its caller or ran out of its time budget."""


class BudgetError(StolckeError, ValueError):
    """No text of the grammar is known that is complete within so many tokens.

    Attributes
    ----------
    max_tokens : int or None
        What was asked for; None where any number would have done.
    least : int
        The tokens, end token included, that are needed in any case.
    shortest : int or None
        Those of the shortest completion found; None where none was.
    """

    def __init__(self, max_tokens: int | None, least: int, shortest: int | None) -> None:
        self.max_tokens = max_tokens
        self.least = least
        self.shortest = shortest
        if shortest is None:
            found = "no completion was found: the vocabulary may be unable to spell one"
        elif least == shortest:
            found = f"the shortest completion has {shortest} tokens, the end token included"
        else:
            found = f"the shortest completion found has {shortest} tokens, the end token included; {least} are needed"
        asked = "" if max_tokens is None else f"max_tokens={max_tokens} is too small: "
        super().__init__(asked + found)


class VocabularyError(StolckeError, ValueError):
    """A vocabulary is malformed, or a token id or tokenizer does not fit it."""


class VocabularyMismatch(VocabularyError):
    """A saved file was made for another vocabulary than the one given."""


class FileFormatError(StolckeError, ValueError):
    """A saved file is truncated, damaged, of another version or not ours."""
