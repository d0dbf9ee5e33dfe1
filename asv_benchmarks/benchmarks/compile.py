"""From a Lark text, or from a compiled file, to the first mask."""

from __future__ import annotations

import tempfile
from pathlib import Path

from stolcke import CompiledGrammar, Grammar, Options, compile, grammar_path

from . import material

FIRST_MASK = """
compiled = compile(Grammar.from_lark(text), vocabulary)
compiled.matcher().fill_mask(row)
"""


class NewProcess:
    """What the first user of a grammar waits for; later ones gain from remembered regular expressions."""

    params = material.GRAMMARS
    param_names = ("grammar",)
    number = 1
    repeat = (2, 5, 20.0)

    def timeraw_text_to_first_mask(self, name: str) -> tuple[str, str]:
        """From a Lark text, the vocabulary's trie and lark itself being there."""
        return FIRST_MASK, (
            "import sys\n"
            f"sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
            "from benchmarks import material\n"
            "from stolcke import Grammar, compile, grammar_path\n"
            "import numpy as np\n"
            "vocabulary = material.vocabulary(material.SYNTHETIC)\n"
            "compile(Grammar.from_lark('start: \"a\"'), vocabulary)\n"  # imports, lark's own tables, the trie
            "row = np.zeros(len(vocabulary) // 32 + 1, np.int32)\n"
            f"text = grammar_path({name!r}).read_text(encoding='utf-8')\n"
        )


class Repeated:
    """The same once automata of the grammar's terminals are remembered."""

    params = material.GRAMMARS
    param_names = ("grammar",)

    def setup(self, name: str) -> None:
        """Compile once, save, and have a row ready."""
        self.text = grammar_path(name).read_text(encoding="utf-8")
        self.compiled = material.compiled(name)
        self.vocabulary = self.compiled.vocabulary
        self.row = material.row(self.compiled)
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name, "saved")
        self.compiled.save(self.path)

    def teardown(self, name: str) -> None:
        """Remove the file."""
        self.folder.cleanup()

    def time_from_lark(self, name: str) -> None:
        Grammar.from_lark(self.text)

    def time_compile(self, name: str) -> None:
        compile(material.grammar(name), self.vocabulary, options=Options(memoise_grammars=False))

    def time_load(self, name: str) -> None:
        CompiledGrammar.load(self.path, self.vocabulary)

    def time_load_to_first_mask(self, name: str) -> None:
        CompiledGrammar.load(self.path, self.vocabulary).matcher().fill_mask(self.row)
