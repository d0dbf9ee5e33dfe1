"""What reserved words and words that end where they end cost: the large grammars with lexical rules and without.

``plain`` has none, ``kept apart`` reserves all words in quotation marks and keeps names and words apart; white space is
in the rules, or ignored.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from stolcke import CompiledGrammar, Grammar, Options, compile

from . import material

sys.path.insert(0, str(Path(__file__).parents[1]))

from large_grammars import texts as large

RULES = ("plain", "kept apart")
SPACES = ("in rules", "ignored")


def text(name: str, rules: str, spaces: str) -> str:
    """The Lark text of a large grammar, with lexical rules or without."""
    plain = large.ignoring(name) if spaces == "ignored" else large.grammar(name)
    if rules == "plain":
        return plain
    words = sorted(set(re.findall(r'"[A-Za-z_]+"', plain)))
    return f"{plain}\nWORDS: {' | '.join(words)}\n%reserve NAME: WORDS\n%follow NAME, WORDS: /[A-Za-z0-9_]/\n"


class Fresh:
    """A grammar and a vocabulary that nothing has been computed for."""

    params = (large.NAMES, RULES, SPACES)
    param_names = ("grammar", "rules", "spaces")
    number = 1
    warmup_time = 0.0
    rounds = 1
    repeat = (3, 10, 30.0)

    def setup(self, name: str, rules: str, spaces: str) -> None:
        self.texts = [material.tokenised(each) for each in large.texts(name)]
        self.grammar = Grammar.from_lark(text(name, rules, spaces))
        self.vocabulary = material.vocabulary(material.SYNTHETIC)
        self.compiled = self.compile()

    def compile(self) -> CompiledGrammar:
        """Compile anew."""
        return compile(self.grammar, self.vocabulary, options=Options(memoise_grammars=False))


class LexicalRules(Fresh):
    """The first time that a grammar is met."""

    def time_compile(self, name: str, rules: str, spaces: str) -> None:
        self.compile()

    def time_first_pass(self, name: str, rules: str, spaces: str) -> None:
        material.run(self.compiled, self.texts)


class LexicalRulesAgain(Fresh):
    """The same texts a second time."""

    def setup(self, name: str, rules: str, spaces: str) -> None:
        super().setup(name, rules, spaces)
        material.run(self.compiled, self.texts)

    def time_second_pass(self, name: str, rules: str, spaces: str) -> None:
        material.run(self.compiled, self.texts)
