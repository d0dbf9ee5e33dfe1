"""The arguments of the command."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import stolcke
from stolcke.grammar.formats import FORMATS, format_of

__all__ = ["parse_arguments"]

DESCRIPTION = """\
Check a grammar or a JSON Schema and say what it contains; optionally compile
it for the vocabulary of a language model, and try texts against it.
"""

EPILOG = """\
examples:
  stolcke-compile grammars/json.lark
      check the grammar, count its rules, terminals and tables, name oddities
  stolcke-compile grammars/json.lark --check a.json b.json
      is each file a text of the language? if not: where does it leave it, and
      what was expected there
  echo '[1,]' | stolcke-compile grammars/json.lark --check -
      the same for standard input
  stolcke-compile grammars/arithmetic.lark --parse '1 + 2*x' --k 3
      the three most probable parses of a text, with their log-probabilities and
      their probabilities given the text
  stolcke-compile grammars/json.lark --vocab tokenizer.json -o json.stolcke
      compile for a tokenizer; read it back with CompiledGrammar.load
  stolcke-compile calls.lark --vocab tokenizer.json --special '_CALL=<|tool_call|>'
      bind the terminal that `%declare _CALL` declares to a special token
  stolcke-compile --json-schema schema.json --check a.json
      is the file a document that the schema allows? if not: where does it leave
      it, and which keyword of the schema forbids what
  stolcke-compile moves.gbnf --check game.txt
      the same for a grammar of llama.cpp; --format says what the suffix does not
  stolcke-compile grammars/json.lark --to gbnf > json.gbnf
      the grammar in another language
  stolcke-compile grammars/json.lark --json | python -m json.tool
      everything as one JSON object

exit status:
  0  all is well (warnings about the grammar do not change that)
  1  a text given to --check or --parse is not in the language
  2  wrong usage, grammar, schema, vocabulary or file
  3  a limit or the --timeout was exceeded

A text is in the language if the grammar derives it under any segmentation
into terminals. Warnings point at what is probably a mistake; notes at what is
fine, but good to know.
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="stolcke-compile",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "grammar",
        nargs="?",
        type=Path,
        metavar="GRAMMAR",
        help="a grammar; imports are looked up beside it",
    )
    add(
        "--format",
        choices=FORMATS,
        help="the language of the grammar: Lark's, llguidance's dialect of it, llama.cpp's GBNF, or the EBNF of "
        "xgrammar (default: by the suffix of the file, else lark)",
    )
    add("--to", choices=("gbnf", "ebnf"), help="print the grammar in that language, and nothing else about it")
    add("--json-schema", type=Path, metavar="FILE", help="a JSON Schema instead of a grammar")
    add("--start", metavar="RULE", help="the rule to start from (default: start; root in GBNF and EBNF)")
    add(
        "--lexer",
        choices=("dynamic_complete", "contextual"),
        help="cut texts into terminals in every way, or as Lark's LALR parser does (default: dynamic_complete)",
    )
    add(
        "--import-path",
        "-I",
        action="append",
        default=[],
        type=Path,
        metavar="FOLDER",
        help="where else to look for imported grammars; may be repeated",
    )
    add(
        "--vocab",
        type=Path,
        metavar="FILE",
        help="a vocabulary saved by stolcke, or the tokenizer.json of a model (default: single bytes)",
    )
    add(
        "--special",
        action="append",
        default=[],
        type=_special,
        metavar="NAME=MARKER",
        help="bind a %%declare'd terminal to a special token; may be repeated. "
        "In checked texts the marker stands for that token",
    )
    add("-o", "--output", type=Path, metavar="FILE", help="write the compiled grammar here (needs --vocab)")
    add("--check", nargs="+", default=[], metavar="FILE", help="texts to try; - is standard input")
    add("--chomp", action="store_true", help="leave out one line break at the end of each checked or parsed file")
    add("--parse", metavar="TEXT", help="a text to parse; @FILE is what a file holds, @- standard input")
    add("--k", type=_positive, default=1, metavar="N", help="how many of the best parses to print (default: 1)")
    add("--dump", action="store_true", help="print the compiled tables in words")
    add("--timeout", type=_seconds, metavar="SECONDS", help="give up compiling after this time")
    add("--json", action="store_true", help="print one JSON object instead of text")
    add("-q", "--quiet", action="store_true", help="print nothing about the grammar, only failed checks and errors")
    _add_schema_options(parser)
    add("--version", action="version", version=f"stolcke {stolcke.__version__}")
    return parser


def _add_schema_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group(
        "how documents are written", "under --json-schema, and in place of %%json {...} in grammars"
    ).add_argument
    add(
        "--property-order",
        choices=("declared", "any"),
        default="declared",
        help="of the members that `properties` names (default: declared)",
    )
    add(
        "--whitespace",
        type=_whitespace,
        default="flexible",
        metavar="{flexible,compact,spaced,N}",
        help="any; none; after commas and colons; or one member a line, indented by N columns (default: flexible)",
    )
    add("--max-whitespace", type=_count, metavar="N", help="longest run of flexible white space")
    add(
        "--escapes",
        choices=("any", "needed"),
        default="any",
        help="whether characters may be escaped that need not be (default: any)",
    )
    add("--ascii", action="store_true", help="characters beyond ASCII must be escaped")
    add("--no-formats", action="store_true", help="the keyword `format` does not restrict strings")
    add("--lenient", action="store_true", help="leave out what cannot be honoured, and list it, instead of refusing")
    add("--checked", action="store_true", help="what no grammar can promise is looked at when a value is complete")
    add(
        "--dialect",
        choices=("4", "6", "7", "2019-09", "2020-12"),
        default="2020-12",
        help="the draft of schemas without $schema (default: 2020-12)",
    )
    add(
        "--resource",
        action="append",
        default=[],
        type=_resource,
        metavar="URI=FILE",
        help="a schema that $ref may name; may be repeated",
    )


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the arguments; wrong ones end the process with status 2."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if (arguments.grammar is None) == (arguments.json_schema is None):
        parser.error("give either a GRAMMAR or --json-schema FILE")
    about_grammars = arguments.start or arguments.lexer or arguments.import_path or arguments.special
    if arguments.json_schema is not None and (about_grammars or arguments.format is not None):
        parser.error(
            "--format, --start, --lexer, --import-path and --special are about grammars, not about JSON Schemas"
        )
    if arguments.grammar is not None:
        arguments.format = arguments.format or format_of(arguments.grammar)
        arguments.start = arguments.start or FORMATS[arguments.format]
        if arguments.import_path and arguments.format != "lark":
            parser.error("--import-path is about Lark's language")
        if arguments.lexer is not None and arguments.format != "lark":
            parser.error("--lexer is about Lark's language")
    if arguments.output is not None and arguments.vocab is None:
        parser.error("-o needs --vocab: a compiled grammar belongs to one vocabulary")
    return arguments


def _whitespace(text: str) -> str | int:
    if text in ("flexible", "compact", "spaced"):
        return text
    if not (text.isdecimal() and int(text) <= 16):
        raise argparse.ArgumentTypeError(f"{text!r} is none of flexible, compact, spaced and a number from 0 to 16")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of characters")
    return int(text)


def _positive(text: str) -> int:
    if not (text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


def _resource(text: str) -> tuple[str, Path]:
    # A file's name has no "=" here, a URI may.
    uri, equals, path = text.rpartition("=")
    if not (uri and equals and path):
        raise argparse.ArgumentTypeError(f"{text!r} is not URI=FILE")
    return uri, Path(path)


def _special(text: str) -> tuple[str, str]:
    name, equals, marker = text.partition("=")
    if not (name and equals and marker):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=MARKER, such as _CALL=<|tool_call|>")
    return name, marker


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number of seconds")
    return seconds
