"""Grammars in the languages of other tools: the methods of :class:`~stolcke.grammar.model.Grammar` that read and write.

As the other constructors, they are the place where this floor reaches up to the front ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stolcke.errors import GrammarError
from stolcke.grammar.patterns import Special
from stolcke.options import Limits

if TYPE_CHECKING:
    from stolcke.grammar.model import Grammar

__all__ = ["FORMATS", "Formats", "format_of"]

FORMATS = {"lark": "start", "llguidance": "start", "gbnf": "root", "ebnf": "root"}
"""Languages of grammar files, and what each calls its start."""


def format_of(path: str | Path) -> str:
    """Tell the language of a grammar file by its suffix; it is Lark's where that says nothing."""
    suffix = Path(path).suffix[1:].lower()
    return suffix if suffix in FORMATS else "lark"


class Formats:
    """What a grammar is read from and written to, beside Lark's own language."""

    @classmethod
    def from_gbnf(
        cls, text: str, root: str = "root", *, source: str | Path | None = None, limits: Limits = Limits()
    ) -> Grammar:
        """Read a grammar of llama.cpp, in its notation GBNF.

        What is regular becomes terminals, so that trees show the other rules only.

        Parameters
        ----------
        text : str
            The grammar.
        root : str
            The rule to start from.
        source : path, optional
            Path of the file the text came from, for errors.
        limits : Limits
            What the text may cost.

        Raises
        ------
        GrammarError
            With line, column and remedy, where the text is wrong, or says what no grammar can: ``!<token>``.
        LimitExceeded
        """
        from stolcke.frontends.bnf.gbnf import read_gbnf

        return read_gbnf(text, root, source=None if source is None else str(source), limits=limits)

    @classmethod
    def from_ebnf(
        cls, text: str, root: str = "root", *, source: str | Path | None = None, limits: Limits = Limits()
    ) -> Grammar:
        """Read a grammar in the EBNF of xgrammar, which SGLang and vLLM take, too.

        What is regular becomes terminals, so that trees show the other rules only.  Lookahead assertions ``(= ...)``
        change no text there, and are left out.

        Parameters
        ----------
        text : str
            The grammar.
        root : str
            The rule to start from.
        source : path, optional
            Path of the file the text came from, for errors.
        limits : Limits
            What the text may cost.

        Raises
        ------
        GrammarError
            With line, column and remedy, where the text is wrong, or says what no grammar can: ``ExcludeToken``.
        RegexError
            Where the expression of ``Regex("...")`` is.
        LimitExceeded
        """
        from stolcke.frontends.bnf.ebnf import read_ebnf

        return read_ebnf(text, root, source=None if source is None else str(source), limits=limits)

    @classmethod
    def from_llguidance(
        cls,
        text: str,
        start: str = "start",
        *,
        source: str | Path | None = None,
        json_options: Mapping[str, Any] | None = None,
        limits: Limits = Limits(),
    ) -> Grammar:
        """Read a grammar in llguidance's dialect of Lark's language.

        It is a method of its own, as it is not only larger than Lark's language: terminals may match the empty text.
        No lexer chooses among terminals, and ignored text may also begin and end a text, as in :meth:`from_lark`.

        Parameters
        ----------
        text : str
            The grammar.
        start : str
            The rule to start from.
        source : path, optional
            Path of the file the text came from, for errors.
        json_options : mapping of str to object, optional
            Keywords of :meth:`from_json_schema`, for the schemas of ``%json``.
        limits : Limits
            What the text may cost.

        Raises
        ------
        GrammarError
            With line, column and remedy, where the text is wrong, or says what cannot be kept: ``stop=``,
            ``max_tokens=``, ``temperature=``, tokens by exclusion.
        RegexError, SchemaError, LimitExceeded
        """
        from stolcke.frontends.llguidance.read import read_llguidance

        source = None if source is None else str(source)
        return read_llguidance(text, start, source=source, json_options=json_options, limits=limits)

    @classmethod
    def from_file(cls, path: str | Path, start: str | None = None, *, format: str | None = None, **keywords) -> Grammar:
        """Read a grammar file.

        Parameters
        ----------
        path : path
        start : str, optional
            The rule to start from; if not given, ``start``, or ``root`` where that is the custom of the format.
        format : {"lark", "llguidance", "gbnf", "ebnf"}, optional
            The language; if not given, by the suffix of the file, and ``lark`` where that tells nothing.
        **keywords
            As for the method that reads texts of the format, such as :meth:`from_lark`.

        Raises
        ------
        OSError
            Where the file cannot be read.
        GrammarError, LimitExceeded
        """
        if format is None:
            format = format_of(path)
        if format not in FORMATS:
            raise GrammarError(f"unknown format {format!r}; the formats are {', '.join(FORMATS)}")
        data = Path(path).read_bytes()
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
            raise GrammarError("the file is not UTF-8", line=line, column=column, source=str(path)) from None
        read = getattr(cls, f"from_{format}")
        return read(text, FORMATS[format] if start is None else start, **{"source": str(path), **keywords})

    @property
    def named_tokens(self) -> dict[str, tuple[str | int, ...]]:
        """By declared terminal, the special tokens that the grammar itself says it stands for: texts or ids."""
        # Kept, as it is asked for each time that a grammar is compiled.
        if "_named_tokens" not in self.__dict__:
            found = {}
            # What was written as numbers has none.
            terminals = self.terminals if self.written is None else {}  # type: ignore[attr-defined]  # of the Grammar
            for name, definition in terminals.items():
                if isinstance(definition.pattern, Special) and definition.pattern.markers:
                    found[name] = definition.pattern.markers
            self.__dict__["_named_tokens"] = found
        return dict(self.__dict__["_named_tokens"])

    def to_gbnf(self, root: str = "root") -> str:
        """Print the grammar in the notation of llama.cpp; :meth:`from_gbnf` reads the same language again.

        Terminals are written as rules, and so is what is ignored.  Weights are left out.

        Parameters
        ----------
        root : str
            What the start is called; llama.cpp takes ``root`` only.

        Raises
        ------
        GrammarError
            Naming what GBNF cannot say: rules that begin with themselves, but for plain lists; tallies that do more
            than count; bytes that are no characters; what terminals ask of their neighbours; declared terminals
            that name no token.
        """
        from stolcke.frontends.bnf.printing import GBNF
        from stolcke.frontends.bnf.writing import bnf_text

        return bnf_text(self, root, GBNF)  # type: ignore[arg-type]  # a Grammar is all that this is a base of

    def to_ebnf(self, root: str = "root") -> str:
        """Print the grammar in the EBNF of xgrammar; :meth:`from_ebnf` reads the same language again.

        Terminals are written as rules, and so is what is ignored.  Weights are left out.

        Parameters
        ----------
        root : str
            What the start is called.

        Raises
        ------
        GrammarError
            Naming what EBNF cannot say: tallies that do more than count; bytes that are no characters; what terminals
            ask of their neighbours; special tokens that are not named by their ids.
        """
        from stolcke.frontends.bnf.printing import EBNF
        from stolcke.frontends.bnf.writing import bnf_text

        return bnf_text(self, root, EBNF)  # type: ignore[arg-type]
