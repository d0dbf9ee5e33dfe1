"""Time about ten benchmarks on the last two commits; fail when one became much slower.

    python asv_benchmarks/check_continuous.py [--factor 1.5] [BASE HEAD]

Machines are noisy, and a false alarm keeps good work from landing: what looks
slower by the factor is measured again, with the rounds of the two commits
interleaved, and counts only when it is slower again.  Where there is nothing to
compare with (no earlier commit, one that does not build, or one on which none
of the benchmarks runs) the script says so and succeeds.  A benchmark that fails
at the later commit is a failure.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent

# One or two of each area, those that stand for what a user waits for.
CHOSEN = [
    r"^bitmask\.Rows\.time_pack$",
    r"^kernels\.OneRow\.time_row$",
    r"^imports\.timeraw_import_after_numpy$",
    r"^vocabulary\.Build\.time_trie\('synthetic-32k'\)$",
    r"^compile\.Repeated\.time_from_lark\('json'\)$",
    r"^compile\.Repeated\.time_compile\('json'\)$",
    r"^masks\.FirstPass\.time_pass\('markup', 'synthetic-32k'\)$",
    r"^masks\.SecondPass\.time_pass\('json', 'synthetic-32k'\)$",
    r"^commit\.Met\.time_accept\('json'\)$",
    r"^rollback\.Histories\.time_fork\(100\)$",
    r"^batch\.Fill\.time_fill_masks\(1, 'synthetic-32k'\)$",
]
# One round in place of asv's two, for a first look; what is measured again gets them all.
BRIEF = ("--attribute", "rounds=1")

# A row of asv's table: "| + | 1.2±0.1μs | 2.4±0.1μs | 2.00 | area.Class.time_x(1) |".
ROW = re.compile(r"^\|\s*([^|]?)\s*\|\s*([^|]*?)\s*\|\s*([^|]*?)\s*\|\s*~?([^|]*?)\s*\|\s*([^|]*?)\s*\|$", re.MULTILINE)
COMMIT = re.compile(r"For \w+ commit ([0-9a-f]+)")


def commit(revision: str) -> str | None:
    """Full name of a revision, or None where there is none."""
    found = subprocess.run(
        ["git", "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"],
        cwd=HERE,
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip() or None


def asv(*arguments: str) -> tuple[str, int]:
    """Run asv, showing what it prints; returns that and the exit status."""
    command = [sys.executable, "-m", "asv", *arguments]
    print("$", " ".join(command), flush=True)
    lines = []
    with subprocess.Popen(
        command, cwd=HERE, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            lines.append(line)
    return "".join(lines), process.returncode


def unbuilt(output: str) -> set[str]:
    """Short names of the commits that asv could not build."""
    current, found = "", set()
    for line in output.splitlines():
        if named := COMMIT.search(line):
            current = named[1]
        elif "·· Skipping" in line:
            found.add(current)
    return found


def slower(base: str, head: str, factor: float, patterns: list[str], *more: str) -> dict[str, float]:
    """Benchmarks that are slower at ``head`` and by what ratio; ends the script where that cannot be told."""
    chosen = [argument for pattern in patterns for argument in ("--bench", pattern)]
    output, _ = asv("continuous", "--factor", str(factor), *more, *chosen, base, head)
    missing = unbuilt(output)
    if any(base.startswith(name) for name in missing):
        print(f"nothing to compare: {base[:8]} does not build in asv's environment")
        raise SystemExit(0)
    if missing:
        raise SystemExit(f"{head[:8]} does not build in asv's environment, see above")
    # `continuous` prints no table where a benchmark failed, if only because the earlier commit lacks what it times.
    table, status = asv("compare", "--factor", str(factor), base, head)
    rows = [row for row in ROW.findall(table) if any(re.search(pattern, row[4]) for pattern in patterns)]
    failed = [name for _, _, after, _, name in rows if after == "failed"]
    if status != 0 or failed or not rows:
        raise SystemExit(f"not measured at {head[:8]}, see above: {', '.join(failed) or 'all'}")
    new = [name for _, before, _, _, name in rows if before in ("failed", "n/a")]
    if new:
        print(f"nothing to compare: {base[:8]} does not run {', '.join(new)}")
    return {name: float(ratio) for mark, _, _, ratio, name in rows if mark == "+"}


def main() -> int:
    """Compare; returns the exit status."""
    parser = argparse.ArgumentParser(description="Compare the timings of two commits.")
    parser.add_argument("base", nargs="?", default="HEAD^", help="the earlier commit (default: the parent of HEAD)")
    parser.add_argument("head", nargs="?", default="HEAD", help="the later commit")
    parser.add_argument("--factor", type=float, default=1.5, help="slower by this is a failure (default: 1.5)")
    arguments = parser.parse_args()

    base, head = commit(arguments.base), commit(arguments.head)
    if base is None or head is None:
        print(f"nothing to compare: {arguments.base if base is None else arguments.head} is not a commit here")
        return 0
    asv("machine", "--yes")
    suspects = slower(base, head, arguments.factor, CHOSEN, *BRIEF)
    if suspects:
        print(f"measuring again: {', '.join(suspects)}")
        patterns = [f"^{re.escape(name)}$" for name in suspects]
        again = slower(base, head, arguments.factor, patterns, "--interleave-rounds")
        suspects = {name: again[name] for name in suspects if name in again}
    for name, ratio in suspects.items():
        print(f"slower in two measurements: {name}, by a factor of {ratio}")
    return 1 if suspects else 0


if __name__ == "__main__":
    raise SystemExit(main())
