"""Compare every ``track_*`` count of the benchmarks with the checked-in baseline.

    python asv_benchmarks/check_counts.py            # exit status 1 when a count grew
    python asv_benchmarks/check_counts.py --update   # write what is measured as the new baseline

The counts are deterministic (columns minted, states, entries), so one more is
a change of the code and not noise.  They are run here in the environment at
hand, without asv's machinery: functions and methods with ``params`` and
``setup``, but no ``setup_cache``.  What is tracked in units of time is no count,
and is left to asv.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import pkgutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).parent
BASELINE = HERE / "baseline.json"
UNITS_OF_TIME = {"s", "ms", "µs", "ns", "times"}


def combinations(params: list | tuple) -> Iterator[tuple]:
    """Every combination of asv's ``params``: one list, or a list of lists."""
    if params and not isinstance(params[0], (list, tuple)):
        params = [params]
    return itertools.product(*params)


def track_functions() -> Iterator[tuple[str, object | None, Callable]]:
    """Name, class (or None) and function of each count."""
    sys.path.insert(0, str(HERE))
    for module_info in pkgutil.iter_modules([str(HERE / "benchmarks")]):
        module = importlib.import_module(f"benchmarks.{module_info.name}")
        for name, item in sorted(vars(module).items()):
            if getattr(item, "__module__", None) != module.__name__:
                continue
            if name.startswith("track_"):
                yield f"{module_info.name}.{name}", None, item
            elif isinstance(item, type):
                for method in sorted(dir(item)):
                    function = getattr(item, method)
                    if method.startswith("track_") and getattr(function, "unit", None) not in UNITS_OF_TIME:
                        yield f"{module_info.name}.{name}.{method}", item, function


def measure() -> dict[str, float]:
    """Every count, by name and parameters."""
    counts: dict[str, float] = {}
    for name, owner, function in track_functions():
        for values in combinations(getattr(function, "params", None) or getattr(owner, "params", ())):
            label = f"{name}({', '.join(map(str, values))})" if values else name
            if isinstance(owner, type):
                instance = owner()
                if hasattr(instance, "setup"):
                    instance.setup(*values)
                counts[label] = function(instance, *values)
                if hasattr(instance, "teardown"):
                    instance.teardown(*values)
            else:
                counts[label] = function(*values)
    return counts


def table(counts: dict[str, float], baseline: dict[str, float]) -> str:
    """Counts beside the baseline's, a line each, with what changed in words."""
    width = max(map(len, counts.keys() | baseline.keys()))
    lines = [f"{'count':<{width}} {'now':>12} {'baseline':>12}"]
    for label in sorted(counts.keys() | baseline.keys()):
        now, before = counts.get(label), baseline.get(label)
        if now is None or before is None:
            change = "not in the baseline" if before is None else "no longer measured"
        else:
            change = "" if now == before else f"GREW by {now - before}" if now > before else f"shrank by {before - now}"
        cells = ["-" if count is None else f"{count}" for count in (now, before)]
        lines.append(f"{label:<{width}} {cells[0]:>12} {cells[1]:>12} {change}".rstrip())
    return "\n".join(lines)


def main() -> int:
    """Run the comparison; returns the exit status."""
    parser = argparse.ArgumentParser(description="Compare deterministic counts with the baseline.")
    parser.add_argument("--update", action="store_true", help="write the counts measured as the new baseline")
    update = parser.parse_args().update
    counts = measure()
    baseline = json.loads(BASELINE.read_text(encoding="utf-8"))
    print(table(counts, baseline))
    if update:
        BASELINE.write_text(json.dumps(counts, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        return 0
    grew = sum(count > baseline.get(label, count) for label, count in counts.items())
    unknown = len(counts.keys() ^ baseline.keys())
    print(f"{len(counts)} counts: {grew} grew, {unknown} not in both code and baseline")
    if counts != baseline:
        print("if the change is meant: python asv_benchmarks/check_counts.py --update")
    return 1 if grew or unknown else 0


if __name__ == "__main__":
    raise SystemExit(main())
