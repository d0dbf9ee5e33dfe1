"""The architecture: which parts of the package may import which, and what a file may be."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "stolcke"
LINES = 600

# From the ground up; a part may import only parts of floors below its own.
FLOORS = [
    {"_core", "errors", "options", "version"},
    {"collector", "deadline", "guard", "kernels", "memo", "observing"},
    {"container", "grammar", "shipped", "tokenizers"},
    {"lexer", "scoring", "vocabulary"},
    {"canonical", "completion", "frontends", "lexical", "weights"},
    {"compiler", "matcher"},
    {"compiled_grammar", "parsing"},
    {"batches", "domains", "healing", "languages", "prewarming"},
    {"steering"},
    {""},
    {"cli", "integrations"},
]
FLOOR = {part: number for number, floor in enumerate(FLOORS) for part in floor}

# The two imports upward, each inside the methods that need it: `Grammar.from_lark` and
# its siblings are written in the front ends, and `CompiledGrammar.matcher()` makes a Matcher.
LAZY_UPWARD = {("grammar", "frontends"), ("compiled_grammar", "matcher")}
BARRED = {("grammar", "_core")}

# What importing stolcke may load; what its hosts bring is met only in integrations.
RUN_TIME = {"lark", "numpy"}
# What a caller's own argument may bring: only inside a function.
LAZY_GUESTS = {
    *(("frontends", "pydantic"), ("kernels", "torch"), ("kernels", "triton")),
    ("observing", "prometheus_client"),
    *(("tokenizers", "llama_cpp"), ("tokenizers", "regex")),
}
# A kernel of Triton needs its names where it is defined; the module is imported only to be run.
DEFINED_BY_GUESTS = {("stolcke.kernels.triton_kernel", "triton")}
CYTHON = {"cpython", "cython", "libc", "libcpp", "posix"}

CIMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+c?import\b[ \t]*(\([^)]*\)|[^#\n]+)|c?import[ \t]+([^#\n]+))", re.MULTILINE
)


def part_of(module: str) -> str:
    """The part of the package that a module belongs to; "" is the public face."""
    return [*module.split("."), ""][1]


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def resolved(module: str | None, level: int, importer: Path) -> str:
    """Absolute name of the module of a ``from`` import."""
    if level == 0:
        return module or ""
    package = ".".join(importer.relative_to(ROOT).parts[:-level])
    return f"{package}.{module}" if module else package


def named(module: str, names: list[str]) -> list[str]:
    """``from stolcke import cli`` speaks of the part cli, ``from stolcke import compile`` of the public face."""
    if module != "stolcke":
        return [module]
    return [f"stolcke.{name}" if name in FLOOR else "stolcke" for name in names]


def python_imports(path: Path) -> list[tuple[str, bool]]:
    """Modules that a Python file imports, and whether each import is at module level."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lazy = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        for node in ast.walk(function)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, id(node) not in lazy) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = resolved(node.module, node.level, path)
            found += [(name, id(node) not in lazy) for name in named(module, [alias.name for alias in node.names])]
    return found


def cython_imports(path: Path) -> list[tuple[str, bool]]:
    """Modules that a Cython file imports or cimports."""
    text = re.sub(r'("""|\'\'\').*?\1', "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    found = []
    for module, names, plain in CIMPORT.findall(text):
        if plain:
            found += [(name.split(" as ")[0].strip(), True) for name in plain.split(",")]
        else:
            level = len(module) - len(module.lstrip("."))
            found += [
                (name, True)
                for name in named(
                    resolved(module.lstrip(".") or None, level, path),
                    [name.split(" as ")[0].strip() for name in names.strip("() \n").rstrip(",").split(",")],
                )
            ]
    return found


def sources() -> list[Path]:
    return sorted(path for suffix in ("py", "pyi", "pyx", "pxd") for path in PACKAGE.rglob(f"*.{suffix}"))


def imports() -> list[tuple[Path, str, bool]]:
    return [
        (path, module, at_top)
        for path in sources()
        for module, at_top in (cython_imports if path.suffix in (".pyx", ".pxd") else python_imports)(path)
    ]


def test_imports_point_downward() -> None:
    wrong = []
    for path, module, at_top in imports():
        if module.split(".")[0] != "stolcke":
            continue
        importer, imported = part_of(module_of(path)), part_of(module)
        assert importer in FLOOR, f"{path} belongs to no floor; add it to FLOORS"
        lazily_allowed = (importer, imported) in LAZY_UPWARD and not at_top
        downward = importer == imported or FLOOR.get(imported, 99) < FLOOR[importer]
        if (importer, imported) in BARRED or not (downward or lazily_allowed):
            wrong.append(f"{path.relative_to(ROOT)} imports {module}")
    assert not wrong


def test_the_import_reader_sees_every_form(tmp_path, monkeypatch) -> None:
    """The rule above is worth what its reader finds."""
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    core = tmp_path / "stolcke" / "_core"
    core.mkdir(parents=True)
    cython = core / "one.pyx"
    cython.write_text(
        '"""import docstring"""\nimport a, b as c  # import d\ncimport e\nfrom f.g cimport h, i\n'
        "from .two cimport j\nfrom .. import cli\nfrom stolcke import matcher, compile\nimportant = 1\n"
        "from stolcke cimport (\n    x,\n)\n"
    )
    assert [module for module, _ in cython_imports(cython)] == [
        *("a", "b", "e", "f.g", "stolcke._core.two", "stolcke.cli", "stolcke.matcher", "stolcke", "stolcke"),
    ]
    python = tmp_path / "stolcke" / "two.py"
    python.write_text("import a.b\nfrom . import matcher\ndef f():\n    from stolcke.frontends import g\n")
    assert python_imports(python) == [("a.b", True), ("stolcke.matcher", True), ("stolcke.frontends", False)]


def test_third_parties_enter_where_they_may() -> None:
    wrong = []
    for path, module, at_top in imports():
        top = module.split(".")[0]
        if top == "stolcke" or top in sys.stdlib_module_names or top in RUN_TIME:
            continue
        if path.suffix in (".pyx", ".pxd") and top in CYTHON:
            continue
        if (module_of(path), top) in DEFINED_BY_GUESTS:
            continue
        part = part_of(module_of(path))
        if at_top or (part != "integrations" and (part, top) not in LAZY_GUESTS):
            wrong.append(f"{path.relative_to(ROOT)} imports {module}")
    assert not wrong


def test_import_loads_nothing_heavy() -> None:
    code = "import sys, stolcke; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "stolcke" in loaded.split()
    assert not {"torch", "transformers", "tokenizers", "llguidance", "pandas", "pydantic"} & set(loaded.split())


def test_extension_modules_that_python_imports_have_stubs() -> None:
    used = {module for path, module, _ in imports() if path.suffix == ".py" and module.startswith("stolcke._core.")}
    assert used
    paths = {module: ROOT.joinpath(*module.split(".")) for module in used}
    missing = {module for module, path in paths.items() if not path.with_suffix(".pyi").is_file()}
    assert missing == set()


def test_files_are_short() -> None:
    suffixes = {".py", ".pyi", ".pyx", ".pxd", ".hpp", ".md"}
    folders = ["stolcke", "tests", "examples", "asv_benchmarks", "docs"]
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in suffixes]
    assert len(files) > 10
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert {name: length for name, length in lengths.items() if length > LINES} == {}


def test_nothing_generated_is_tracked() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    generated = re.compile(
        r"\.(so|pyd|o|pyc|c|cpp|whl|stolcke)$|^stolcke/grammars/|(^|/)(build|dist|__pycache__|[^/]*\.egg-info)/"
    )
    assert "setup.py" in tracked
    assert [name for name in tracked if generated.search(name)] == []


# vector.assign(n, x) and priority_queue.push have no `except +` in Cython's declarations: containers.pxd has others.
UNCAUGHT = re.compile(r"\.assign\((?!.*begin\(\)|&|<const char\*>|(\w[\w.]*), \1 \+)|\b\w+\.push\(")


@pytest.mark.parametrize("path", sorted((PACKAGE / "_core").glob("*.pyx")), ids=lambda path: path.stem)
def test_no_call_may_end_the_process_where_memory_runs_out(path):
    code = re.sub(r'""".*?"""', "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert [line for line in code.splitlines() if UNCAUGHT.search(line)] == []
