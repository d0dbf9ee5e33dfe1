"""How many cases of the JSON-Schema-Test-Suite are right, wrong or refused, file by file.

    python -m tests.json_schema.scoreboard               # what is not right, and the sums
    python -m tests.json_schema.scoreboard --update      # and write the counts into the checked-in scoreboard

A case is *right* if its document has the right verdict in every spelling, and
*refused* if its schema is, with a reason.  ``test_scoreboard.py`` fails when a
file does worse than the scoreboard says.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import stolcke
from tests.json_schema import suite
from tests.json_schema.documents import COMPACT
from tests.json_schema.judging import CHOICES, judge

SCOREBOARD = Path(__file__).resolve().parents[1] / "cases" / "json_schema_scoreboard.toml"
HEAD = """\
# Cases of the JSON-Schema-Test-Suite by file: right in every spelling, wrong in one, or refused.
# Written by `python -m tests.json_schema.scoreboard --update`; a count of right ones may only grow,
# and one of wrong ones only shrink.
"""


@dataclass
class Score:
    """Counts of one file, with a line for each thing that is not right."""

    right: int = 0
    wrong: int = 0
    refused: int = 0
    mistakes: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """What the scoreboard keeps."""
        return {"right": self.right, "wrong": self.wrong, "refused": self.refused}


def score(name: str, choice: str) -> Score:
    """Try all cases of one file under one of the choices."""
    file = suite.file(name)
    found = Score()
    for group in file.groups:
        try:
            judged = judge(
                group.schema,
                **CHOICES[choice],
                dialect=file.dialect,
                formats=file.formats,
                resources=suite.remotes(),
            )
        except (stolcke.UnsupportedSchema, stolcke.LimitExceeded) as error:
            found.refused += len(group.cases)
            found.refusals.append(f"{group.description}: {error}")
            continue
        except Exception as error:  # whatever else is raised is a wrong answer, which must not hide the others
            found.wrong += len(group.cases)
            found.mistakes.append(f"{group.description}: {error!r}; schema {group.schema}")
            continue
        for case in group.cases:
            try:
                mistakes = judged.mistakes(case.document, case.valid)
            except Exception as error:
                mistakes = [(repr(error), COMPACT.write(case.document))]
            found.wrong += bool(mistakes)
            found.right += not mistakes
            verdict = "rejected" if case.valid else "accepted"
            found.mistakes += [
                f"{group.description}: {case.description}: {spelling} wrongly {verdict}: {text}; schema {group.schema}"
                for spelling, text in mistakes[:1]
            ]
    return found


def read_scoreboard() -> dict[str, dict[str, dict[str, int]]]:
    """Choice to file to counts; empty before the first ``--update``."""
    return tomllib.loads(SCOREBOARD.read_text(encoding="utf-8")) if SCOREBOARD.exists() else {}


def write_scoreboard(scores: dict[str, dict[str, Score]]) -> None:
    """Write all counts, a line for each file."""
    lines = [HEAD]
    for choice, files in scores.items():
        lines.append(f"[{choice}]")
        for name, found in files.items():
            counts = ", ".join(f"{kind} = {count}" for kind, count in found.counts.items())
            lines.append(f'"{name}" = {{ {counts} }}')
        lines.append("")
    SCOREBOARD.write_text("\n".join(lines), encoding="utf-8")


def main() -> int:
    """Run the whole suite; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true", help="write the counts into the scoreboard")
    parser.add_argument("--choice", choices=CHOICES, action="append", help="one of the choices (default: all)")
    parser.add_argument("files", nargs="*", help="only files whose names contain one of these")
    arguments = parser.parse_args()
    choices = arguments.choice or list(CHOICES)
    names = [n for n in suite.files() if not arguments.files or any(part in n for part in arguments.files)]
    if arguments.update and (arguments.files or arguments.choice):
        parser.error("--update takes the whole suite")

    scores: dict[str, dict[str, Score]] = {choice: {} for choice in choices}
    for choice in choices:
        totals: dict[str, Counter] = {}
        for name in names:
            found = scores[choice][name] = score(name, choice)
            totals.setdefault(name.partition("/")[0], Counter()).update(found.counts)
            for line in found.mistakes:
                print(f"WRONG {name} [{choice}] {line}")
            for line in found.refusals:
                print(f"refused {name} [{choice}] {line}")
            print(f"\r{name:<60}", end="", file=sys.stderr)
        for draft, counts in totals.items():
            share = counts["right"] / max(1, counts.total())
            print(f"\n{draft} [{choice}]: {dict(counts)}, {share:.1%} right")
    if arguments.update:
        write_scoreboard(scores)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
