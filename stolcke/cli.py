"""The command ``stolcke-compile``: check a grammar, compile it, try texts against it."""

from __future__ import annotations

import argparse
import json
import re
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import stolcke
from stolcke.errors import Cancelled, GrammarError, LimitExceeded, StolckeError
from stolcke.grammar import analysis
from stolcke.grammar.model import Terminal
from stolcke.grammar.patterns import Literal, Regex, Special
from stolcke.lexer import Automaton, CountedAutomaton, terminal_automaton
from stolcke.lexer.overlap import common_text

__all__ = ["main"]

OK, NOT_IN_LANGUAGE, BAD_INPUT, OUT_OF_BOUNDS, INTERRUPTED = 0, 1, 2, 3, 130

DESCRIPTION = """\
Check a Lark grammar and say what it contains; optionally compile it for the
vocabulary of a language model, and try texts against it.
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
  stolcke-compile grammars/json.lark --vocab tokenizer.json -o json.stolcke
      compile for a tokenizer; read it back with CompiledGrammar.load
  stolcke-compile calls.lark --vocab tokenizer.json --special '_CALL=<|tool_call|>'
      bind the terminal that `%declare _CALL` declares to a special token
  stolcke-compile grammars/json.lark --json | python -m json.tool
      everything as one JSON object

exit status:
  0  all is well (warnings about the grammar do not change that)
  1  a text given to --check is not in the language
  2  wrong usage, grammar, vocabulary or file
  3  a limit or the --timeout was exceeded

A text is in the language if the grammar derives it under any segmentation
into terminals. Warnings point at what is probably a mistake; notes at what is
fine, but good to know.
"""

# What is looked for: its key, how grave it is, and what it means.
FINDINGS = [
    ("unproductive", "warning", "rules that derive no text; whatever needs them is dropped"),
    ("unreachable", "warning", "rules that the start does not lead to"),
    ("unused_terminals", "warning", "terminals in no rule that the start leads to"),
    ("empty_terminals", "warning", "terminals that match no text at all"),
    ("duplicates", "warning", "rules with the same alternative twice"),
    ("cyclic", "warning", "rules that derive themselves alone: no harm for masks, endless trees for others"),
    ("empty", "note", "rules that derive the empty text"),
    ("right_recursion", "note", "rules that end in themselves; as cheap here as those that begin with themselves"),
    ("overlaps", "note", "terminals that share a text; the parser follows each reading"),
]
# Helper rules that come from ?, *, + and the like.
HELPER = re.compile(r"_(opt|star|plus|group|repeat|upto|round|list|entry)_[0-9]+$")
# Beyond this many terminals comparing all pairs would take longer than all the rest.
MOST_COMPARED = 300
MOST_NAMED = 40


@dataclass(frozen=True)
class Check:
    """Whether one text is in the language; if not, where it leaves it.

    ``byte`` counts from 0, ``line`` and ``column`` (in characters) from 1.
    """

    file: str
    accepted: bool
    bytes: int
    byte: int | None = None
    line: int | None = None
    column: int | None = None
    found: str | None = None
    expected: list[str] | None = None
    text_line: str | None = None
    hint: str | None = None


# -- arguments -------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="stolcke-compile",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("grammar", type=Path, metavar="GRAMMAR", help="a grammar in Lark's language; imports are looked up beside it")
    add("--start", default="start", metavar="RULE", help="the rule to start from (default: start)")
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
    add("--chomp", action="store_true", help="leave out one line break at the end of each checked text")
    add("--dump", action="store_true", help="print the compiled tables in words")
    add("--timeout", type=_seconds, metavar="SECONDS", help="give up compiling after this time")
    add("--json", action="store_true", help="print one JSON object instead of text")
    add("-q", "--quiet", action="store_true", help="print nothing about the grammar, only failed checks and errors")
    add("--version", action="version", version=f"stolcke {stolcke.__version__}")
    return parser


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


# -- reading ---------------------------------------------------------------------------------------


def _read_vocabulary(path: Path | None, markers: Sequence[str]) -> stolcke.Vocabulary:
    """Read a vocabulary; without a file, single bytes, an end token and one token per marker."""
    if path is None:
        tokens = [bytes([byte]) for byte in range(256)] + [b"<eos>"] + [marker.encode() for marker in markers]
        return stolcke.Vocabulary(tokens, eos_token_ids=[256], special_token_ids=range(257, len(tokens)))
    with path.open("rb") as file:
        is_json = file.read(64).lstrip().startswith(b"{")
    return stolcke.Vocabulary.from_file(path) if is_json else stolcke.Vocabulary.load(path)


def _read_text(name: str, chomp: bool) -> bytes:
    data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    if chomp:
        data = data.removesuffix(b"\n").removesuffix(b"\r") if data.endswith(b"\n") else data
    return data


@contextmanager
def _progress(what: str) -> Iterator[None]:
    """Say on a terminal what takes so long, once it does."""
    if not sys.stderr.isatty():
        yield
        return
    begun = time.monotonic()
    done = threading.Event()
    shown = threading.Event()

    def tick() -> None:
        while not done.wait(0.5):
            shown.set()
            print(f"\r{what} ... {time.monotonic() - begun:.0f} s", end="", file=sys.stderr, flush=True)

    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    try:
        yield
    finally:
        done.set()
        ticker.join()
        if shown.is_set():
            print("\r\033[K", end="", file=sys.stderr, flush=True)


# -- what there is to say about a grammar ----------------------------------------------------------


def _written(names: Iterable[str]) -> list[str]:
    """Names in order, without those that no one wrote."""
    return sorted(name for name in names if not HELPER.search(name))


def _describe(grammar: stolcke.Grammar) -> dict[str, Any]:
    """Count and analyse: ``counts`` by name, ``findings`` by the keys of FINDINGS."""
    automata = {
        name: _without_bounds(terminal_automaton(definition.pattern))
        for name, definition in grammar.terminals.items()
        if not isinstance(definition.pattern, Special)
    }
    empty_terminals = sorted(name for name, found in automata.items() if found.n_states == 0)
    nonterminals = set(grammar.nonterminals)
    reachable = analysis.reachable(grammar)
    used = set(grammar.ignore)
    for rule in grammar.rules:
        if rule.lhs.name in reachable:
            used.update(symbol.name for symbol in rule.rhs if isinstance(symbol, Terminal))
    for name, tally in grammar.tallies.items():
        if name in reachable:
            used.update(symbol.name for part in tally.strings() for symbol in part if isinstance(symbol, Terminal))
    return {
        "counts": {
            "rules": len(grammar.rules),
            "nonterminals": len(nonterminals),
            "of_which_helpers": sum(bool(HELPER.search(name)) for name in nonterminals),
            "of_which_tallies": len(grammar.tallies),
            "terminals": len(grammar.terminals),
            "of_which_ignored": len(grammar.ignore),
            "of_which_special": len(grammar.terminals) - len(automata),
            "automaton_states": sum(found.n_states for found in automata.values()),
        },
        "findings": {
            "unproductive": _written(nonterminals - analysis.productive(grammar, empty_terminals)),
            "unreachable": _written(nonterminals - reachable),
            "unused_terminals": sorted(set(grammar.terminals) - used),
            "empty_terminals": empty_terminals,
            "duplicates": _written({rule.lhs.name for rule in analysis.duplicates(grammar)}),
            "cyclic": _written(analysis.cyclic(grammar)),
            "empty": _written(analysis.nullable(grammar)),
            "right_recursion": _written(analysis.right_recursive(grammar)),
            "overlaps": _overlaps({_shown(grammar, name): found for name, found in automata.items()}),
        },
    }


def _without_bounds(machine: Automaton | CountedAutomaton) -> Automaton:
    return machine.unbounded if isinstance(machine, CountedAutomaton) else machine


def _shown(grammar: stolcke.Grammar, name: str) -> str:
    """A terminal's name or, where no one gave it one, what it matches."""
    pattern = grammar.terminals[name].pattern
    if not name.startswith("__ANON_"):
        return name
    if isinstance(pattern, Literal):
        return json.dumps(pattern.text if isinstance(pattern.text, str) else repr(pattern.text), ensure_ascii=False)
    return repr(f"/{pattern.source}/")[1:-1].replace("\\\\", "\\") if isinstance(pattern, Regex) else name


def _overlaps(automata: dict[str, Automaton]) -> list[str]:
    if len(automata) > MOST_COMPARED:
        return [f"(not looked for among more than {MOST_COMPARED} terminals)"]
    found = []
    for (name, one), (other_name, other) in combinations(automata.items(), 2):
        text = common_text(one, other)
        if text is not None:
            found.append(f"{name} and {other_name} ({text.decode(errors='backslashreplace')!r})")
    return found


# -- checking texts --------------------------------------------------------------------------------


def _accept(matcher: stolcke.Matcher, data: bytes) -> int:
    """Let the matcher take as much of the data as it can; return how many bytes that is."""
    taken, step = 0, 4096
    while taken < len(data) and step:
        if matcher.accept_bytes(data[taken : taken + step]):
            taken += min(step, len(data) - taken)
        else:
            step //= 2
    return taken


def _pieces(data: bytes, specials: dict[bytes, int]) -> Iterator[tuple[bytes, int | None]]:
    """Cut a text at the markers of special tokens: (bytes before, id of the marker or None)."""
    while specials:
        found = [(place, -len(marker), marker) for marker in specials if (place := data.find(marker)) >= 0]
        if not found:
            break
        place, _, marker = min(found)
        yield data[:place], specials[marker]
        data = data[place + len(marker) :]
    yield data, None


def _check(compiled: stolcke.CompiledGrammar, name: str, data: bytes, specials: dict[bytes, int]) -> Check:
    """Whether a text is in the language; if not, where it stops."""
    markers = {token: marker for marker, token in specials.items()}
    matcher = compiled.matcher()
    stop = 0
    for piece, token in _pieces(data, specials):
        taken = _accept(matcher, piece)
        stop += taken
        if taken < len(piece):
            # A character is refused as a whole: go back to its first byte.
            back = 0
            while back < min(taken, 3) and piece[taken - back] & 0xC0 == 0x80:
                back += 1
            if back:
                stop -= back
                matcher = _matcher_after(compiled, data[:stop], specials)
            return _stopped(name, data, stop, matcher, _first_character(data[stop:]))
        if token is not None:
            if not matcher.accept(token):
                return _stopped(name, data, stop, matcher, f"the special token {markers[token].decode()}")
            stop += len(markers[token])
    if matcher.is_accepting:
        return Check(name, True, len(data))
    return _stopped(name, data, stop, matcher, "the end of the text")


def _matcher_after(compiled: stolcke.CompiledGrammar, data: bytes, specials: dict[bytes, int]) -> stolcke.Matcher:
    matcher = compiled.matcher()
    for piece, token in _pieces(data, specials):
        matcher.accept_bytes(piece)
        if token is not None:
            matcher.accept(token)
    return matcher


def _first_character(data: bytes) -> str:
    for length in range(1, 5):
        try:
            return repr(data[:length].decode())
        except UnicodeDecodeError:
            continue
    return f"byte 0x{data[0]:02x}, which is not UTF-8"


def _stopped(name: str, data: bytes, stop: int, matcher: stolcke.Matcher, found: str) -> Check:
    begin = data.rfind(b"\n", 0, stop) + 1
    end = data.find(b"\n", stop)
    line = data[begin : end if end >= 0 else len(data)].decode(errors="replace")
    hint = None
    if matcher.is_accepting and data[stop:] in (b"\n", b"\r\n"):
        hint = "without its last line break the text is in the language; see --chomp"
    return Check(
        file=name,
        accepted=False,
        bytes=len(data),
        byte=stop,
        line=data.count(b"\n", 0, stop) + 1,
        column=len(data[begin:stop].decode(errors="replace")) + 1,
        found=found,
        expected=[*matcher.expected(), *(["the end of the text"] if matcher.is_accepting else [])],
        text_line=line.rstrip("\r"),
        hint=hint,
    )


# -- the report ------------------------------------------------------------------------------------


def _print_grammar(report: dict[str, Any]) -> None:
    print(f"{report['grammar']}, from {report['start']}")
    for name, value in report["counts"].items():
        print(f"  {name.replace('_', ' '):<24}{value:>10,}")
    print("tables")
    for name, value in report["tables"].items():
        shown = f"{value:>10,}" if isinstance(value, int) else f"{value:>10.3f}" if isinstance(value, float) else value
        print(f"  {name.replace('_', ' '):<24}{shown}")
    for key, gravity, meaning in FINDINGS:
        if found := report["findings"].get(key):
            print(f"{gravity}: {key.replace('_', ' ')} ({meaning})")
            more = [f"and {len(found) - MOST_NAMED} more"] if len(found) > MOST_NAMED else []
            for line in _wrapped([*found[:MOST_NAMED], *more]):
                print(f"    {line}")


def _wrapped(names: Sequence[str], width: int = 100) -> Iterator[str]:
    """Names in lines of about the given width."""
    line = ""
    for i, name in enumerate(names):
        piece = name + ("," if i + 1 < len(names) else "")
        if line and len(line) + 1 + len(piece) > width:
            yield line
            line = ""
        line = f"{line} {piece}".lstrip()
    yield line


def _print_check(check: Check) -> None:
    if check.accepted:
        print(f"{check.file}: in the language")
        return
    print(f"{check.file}: not in the language: stops at line {check.line}, column {check.column} (byte {check.byte})")
    assert check.text_line is not None and check.column is not None and check.expected is not None
    start = max(0, check.column - 41)
    print("    " + check.text_line[start : start + 80].replace("\t", " "))
    print("    " + " " * (check.column - 1 - start) + "^")
    print(f"    found {check.found}; expected {', '.join(check.expected) or 'nothing'}")
    if check.hint:
        print(f"    hint: {check.hint}")


def _run(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Do what the arguments say; return the exit status and everything found."""
    specials = dict(arguments.special)
    with _progress("reading the grammar"):
        grammar = stolcke.Grammar.from_file(
            arguments.grammar, start=arguments.start, import_paths=tuple(arguments.import_path)
        )
    with _progress("reading the vocabulary"):
        vocabulary = _read_vocabulary(arguments.vocab, list(dict.fromkeys(specials.values())))
    with _progress("compiling"):
        compiled = stolcke.compile(grammar, vocabulary, special=specials or None, timeout=arguments.timeout)
    with _progress("analysing"):
        report: dict[str, Any] = {"grammar": str(arguments.grammar), "start": arguments.start, **_describe(grammar)}
    report["tables"] = compiled.stats()
    if arguments.output is not None:
        compiled.save(arguments.output)
        report["output"] = {"file": str(arguments.output), "bytes": arguments.output.stat().st_size}
    if arguments.dump:
        report["dump"] = compiled.dump()
    ids = {marker.encode(): vocabulary.special_id(marker) for marker in specials.values()}
    report["checks"] = []
    for name in arguments.check:
        data = _read_text(name, arguments.chomp)
        with _progress(f"checking {name}"):
            report["checks"].append(asdict(_check(compiled, name, data, ids)))
    failed = not all(check["accepted"] for check in report["checks"])
    return (NOT_IN_LANGUAGE if failed else OK), report


def _print_report(arguments: argparse.Namespace, report: dict[str, Any]) -> None:
    if not arguments.quiet:
        _print_grammar(report)
        if "output" in report:
            print(f"written: {report['output']['file']}, {report['output']['bytes']:,} bytes")
    if "dump" in report:
        print(report["dump"])
    for check in report["checks"]:
        if not (arguments.quiet and check["accepted"]):
            _print_check(Check(**check))


def _error_fields(error: Exception) -> dict[str, Any]:
    fields: dict[str, Any] = {"kind": type(error).__name__, "message": str(error)}
    if isinstance(error, GrammarError):
        fields |= {"reason": error.reason, "line": error.line, "column": error.column, "source": error.source}
    elif isinstance(error, LimitExceeded):
        fields |= {"limit": error.limit, "given": error.given, "allowed": error.allowed}
    return fields


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments, without the name of the command; ``sys.argv[1:]`` if not given.
    """
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.output is not None and arguments.vocab is None:
        parser.error("-o needs --vocab: a compiled grammar belongs to one vocabulary")
    try:
        status, report = _run(arguments)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except (StolckeError, OSError) as error:
        if arguments.json:
            print(json.dumps({"error": _error_fields(error)}, default=str))
        else:
            print(f"stolcke-compile: {error}", file=sys.stderr)
        return OUT_OF_BOUNDS if isinstance(error, (LimitExceeded, Cancelled)) else BAD_INPUT
    if arguments.json:
        print(json.dumps(report | {"status": status}, default=str))
    else:
        _print_report(arguments, report)
    return status


if __name__ == "__main__":
    sys.exit(main())
