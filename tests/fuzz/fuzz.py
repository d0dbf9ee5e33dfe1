"""Fuzz one target for a time: ``python tests/fuzz/fuzz.py lark --seconds 1200``.

With atheris (``pip install atheris``): libFuzzer, guided by which lines and comparisons of stolcke's Python code an
input reaches.  The corpus is kept in build/fuzz/<target> and goes on from there next time.  What makes a target fail
is written to build/fuzz/finds; make it small, mend what it shows and keep it in tests/fuzz/finds/<target>.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import atheris  # noqa: E402

with atheris.instrument_imports(include=["stolcke"]):
    import stolcke  # noqa: F401
    from tests.fuzz.seeds import SEEDS, WORDS
    from tests.fuzz.targets import TARGETS


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("target", choices=TARGETS)
    arguments.add_argument("--seconds", type=int, default=1200)
    given = arguments.parse_args()
    corpus = ROOT / "build" / "fuzz" / given.target
    finds = ROOT / "build" / "fuzz" / "finds"
    for folder in (corpus, finds):
        folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[given.target]):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [
        f"-max_total_time={given.seconds}",
        "-timeout=60",
        "-rss_limit_mb=4000",
        "-max_len=400",
        "-len_control=0",
    ]
    if WORDS[given.target]:
        options.append(f"-dict={corpus.with_suffix('.dict')}")
    quoted = ["".join(f"\\x{byte:02x}" for byte in word) for word in WORDS[given.target]]
    corpus.with_suffix(".dict").write_text("".join(f'"{word}"\n' for word in quoted))
    options += ["-print_final_stats=1", f"-artifact_prefix={finds}/{given.target}-", str(corpus)]
    atheris.Setup([sys.argv[0], *options], TARGETS[given.target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
