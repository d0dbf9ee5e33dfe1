"""The command ``stolcke-trace``: what a trace holds, and its page."""

from __future__ import annotations

import argparse
import base64
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import stolcke
from stolcke.errors import StolckeError
from stolcke.observing import Recording, read_trace, write_page

__all__ = ["main"]

OK, BAD_INPUT = 0, 2

DESCRIPTION = """\
Say what a trace of a generation holds, and make a web page of it: one HTML
file, which needs no network and no other files.
"""

EPILOG = """\
examples:
  stolcke-trace run.jsonl
      check the trace, and sum it up
  stolcke-trace run.jsonl -o run.html
      write its page, too
  stolcke-trace run.jsonl --json | python -m json.tool
      the summary as one JSON object

exit status:
  0  all is well, also where the run that wrote the trace was broken off
  2  wrong usage, or a file that is no trace; the message names its line
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="stolcke-trace",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("trace", type=Path, metavar="TRACE", help="a file that stolcke.observing.Trace has written")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the page here")
    parser.add_argument("--title", metavar="TEXT", help="heading of the page (default: the name of the trace)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")
    parser.add_argument("--version", action="version", version=f"stolcke {stolcke.__version__}")
    return parser


def _sequence(number: int, steps: list[dict[str, Any]], recording: Recording) -> dict[str, Any]:
    """What is to be said of one sequence; logarithms are natural."""
    lines = [line for line in recording.lines if line["row"] == number]
    found: dict[str, Any] = {
        "sequence": number,
        "tokens": len(steps),
        "ended": bool(steps) and steps[-1].get("kind") == "end",
        "refused": sum(not line["accepted"] for line in lines),
        "taken_back": sum(line["accepted"] for line in lines) - len(steps),
        "forced": sum(line["allowed"] == 1 for line in steps),
        "text": b"".join(_bytes(line) for line in steps if "kind" not in line).decode(errors="backslashreplace"),
    }
    for name in ("model_logprob", "masked_logprob", "grammar_logprob"):
        values = [line.get(name) for line in steps]
        if steps and None not in values:
            found[name] = sum(values)
    for name in ("mask_us", "commit_us"):
        values = [line[name] for line in lines]
        found[name] = {"median": statistics.median(values), "longest": max(values)}
    return found


def _bytes(line: dict[str, Any]) -> bytes:
    return base64.b64decode(line["bytes"]) if "bytes" in line else line["text"].encode()


def _print(found: dict[str, Any]) -> None:
    print(f"{found['trace']}: {len(found['sequences'])} sequences, {found['steps']} steps")
    if found["error"]:
        print(f"the run was broken off: {ascii(found['error'])[1:-1]}")
    elif not found["whole"]:
        print("the trace just stops: the run was broken off, or goes on")
    for each in found["sequences"]:
        print(
            f"sequence {each['sequence']}: {each['tokens']} tokens, "
            f"{'ended' if each['ended'] else 'not ended'}, {each['forced']} forced, {each['refused']} refused, "
            f"{each['taken_back']} taken back"
        )
        logprobs = [f"{name.split('_')[0]} {each[name]:.3f}" for name in each if name.endswith("_logprob")]
        if logprobs:
            print(f"  log-probability   {', '.join(logprobs)}")
        for name in ("mask", "commit"):
            times = each[f"{name}_us"]
            print(f"  us per {name:<10} {times['median']:.1f} median, {times['longest']:.1f} longest")
        print(f"  {each['text'][:160]!a}{' ...' if len(each['text']) > 160 else ''}")
    if "page" in found:
        print(f"written: {found['page']}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments, without the name of the command; ``sys.argv[1:]`` if not given.
    """
    arguments = _parser().parse_args(argv)
    try:
        if arguments.output is None:
            recording = read_trace(arguments.trace)
        else:
            recording = write_page(arguments.trace, arguments.output, arguments.title)
    except (StolckeError, OSError) as error:
        if arguments.json:
            print(json.dumps({"error": {"kind": type(error).__name__, "message": str(error)}}))
        else:
            print(f"stolcke-trace: {error}", file=sys.stderr)
        return BAD_INPUT
    found = {
        "trace": str(arguments.trace),
        "whole": recording.is_whole,
        "error": recording.error,
        "steps": len(recording.lines),
        "about": recording.about,
        "sequences": [_sequence(number, steps, recording) for number, steps in sorted(recording.steps().items())],
    }
    if arguments.output is not None:
        found["page"] = str(arguments.output)
    if arguments.json:
        print(json.dumps(found))
    elif not arguments.quiet:
        _print(found)
    return OK


if __name__ == "__main__":
    sys.exit(main())
