"""Calls in the translated core that may throw where nothing catches: ``python -m tests.hardening.throwing_calls``.

Cython wraps a C++ call in ``try`` only where its declaration says ``except +``, and libcpp's declarations leave out
some that allocate.  The compiler tells which calls these are: each cpp file is parsed with copies of the C++ library's
headers (libstdc++) in which the functions concerned are marked deprecated, and every warning outside a ``try`` is
printed.  Looking a key up that is there allocates nothing, so reads by ``map[key]`` are left out.
"""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy

ROOT = Path(__file__).parents[2]
# Header, and the declarations (as regular expressions) that are marked.
MARKED = {
    "stl_vector.h": [
        r"vector&\n +operator=\(const vector& __x\);",
        r"void\n +assign\(size_type __n, const value_type& __val\)",
        r"vector\(const vector& __x\)\n",
    ],
    "unordered_map.h": [r"mapped_type&\n +operator\[\]\(const key_type& __k\)", r"void\n +(?:rehash|reserve)\("],
    "stl_queue.h": [r"void\n +push\(const value_type& __x\)"],
    "shared_ptr.h": [r"reset\(_Yp\* __p\)"],
}
READ = re.compile(r"= \(?\w.*\[.*\]\)*;$")


def marked_headers(folder: Path) -> Path:
    """Copies of the headers; the compiler says where its own are."""
    found = subprocess.run(["g++", "-M", "-x", "c++", "-"], input="#include <vector>", capture_output=True, text=True)
    origin = Path(next(word for word in found.stdout.split() if word.endswith("bits/stl_vector.h"))).parent
    (folder / "bits").mkdir()
    for header, declarations in MARKED.items():
        text = (origin / header).read_text()
        for declaration in declarations:
            text, n = re.subn(f"({declaration})", r"__attribute__((deprecated)) \1", text)
            if n == 0 and header != "shared_ptr.h":
                raise SystemExit(f"{origin / header} is not as expected: {declaration}")
        (folder / "bits" / header).write_text(text)
    return folder


def unguarded(cpp: Path, headers: Path) -> Iterator[str]:
    """Places of the calls in one file."""
    includes = [headers, ROOT / "stolcke" / "_core", numpy.get_include(), sysconfig.get_path("include")]
    command = ["g++", "-fsyntax-only", "-std=c++17", "-O0", *(f"-I{path}" for path in includes), str(cpp)]
    warned = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    wanted = {int(n) for n in re.findall(rf"{re.escape(str(cpp))}:(\d+):\d+: warning: .*is deprecated", warned)}
    within, place = False, ""
    for number, line in enumerate(cpp.read_text().split("\n"), 1):
        if said := re.match(r'\s*/\* "(stolcke/_core/[\w.]+)":(\d+)', line):
            place = f"{said[1]}:{said[2]}"
        if re.match(r"\s*try \{", line):
            within = True
        elif re.search(r"\} catch ?\(", line):
            within = False
        # A struct's own copying is warned of where the struct is declared; push_back, which uses it, is caught.
        if number in wanted and not within and place and not READ.search(line) and not line.startswith("struct"):
            yield f"{place}: {line.strip()}"


def main() -> int:
    translated = sorted((ROOT / "build").glob("cython-*"), key=lambda folder: folder.stat().st_mtime)
    if not translated:
        raise SystemExit("nothing is translated: python setup.py build_ext --inplace")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        headers = marked_headers(Path(folder))
        for cpp in sorted(translated[-1].glob("stolcke/_core/*.cpp")):
            for place in unguarded(cpp, headers):
                print(place, flush=True)
                failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
