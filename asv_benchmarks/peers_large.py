"""The side-by-side benchmark on two grammars of hundreds of rules as well: a language like C, and SQL.

As ``peers_bench.py``, whose folder must be on ``PYTHONPATH`` beside this one::

    python peers_large.py texts llama3                                    # once, after cfg_pairs.py
    python peers_large.py cfg --engine llguidance --only clike,sql --timeout 300
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cfg_pairs
import peers_bench
from large_grammars import texts

INVALID = 6


class WideLLG(peers_bench.LLG):
    """llguidance without its default limits, which stop it within texts of the language like C."""

    def compile(self, kind, src):
        import llguidance

        limits = llguidance.LLParserLimits(step_max_items=10**8, max_items_in_row=10**6, step_lexer_fuel=10**8)
        matcher = llguidance.LLMatcher(self.tok, llguidance.LLMatcher.grammar_from_lark(src), limits=limits)
        if matcher.is_error():
            raise ValueError(matcher.get_error())
        return [matcher, None]


def register() -> None:
    """Add the large grammars to those of the benchmark."""
    cfg_pairs.G.update({name: (texts.grammar(name), None) for name in texts.NAMES})


def judged(name: str) -> list[dict[str, object]]:
    """Make a grammar's texts, valid and invalid.

    Raises
    ------
    AssertionError
        A text that should be valid is not, or Lark's Earley parser takes
        another view of a small text than the engine does.
    """
    import lark

    import stolcke

    compiled = stolcke.compile(stolcke.Grammar.from_lark(texts.grammar(name)), stolcke.Vocabulary.from_bytes())
    earley = lark.Lark(texts.grammar(name), parser="earley", lexer="dynamic")

    def accepts(text: str) -> bool:
        matcher = compiled.matcher()
        return matcher.accept_bytes(text.encode()) and matcher.is_accepting

    def parses(text: str) -> bool:
        try:
            earley.parse(text)
        except lark.exceptions.LarkError:
            return False
        return True

    valid = texts.texts(name)
    assert all(map(accepts, valid)), name
    assert all(accepts(text) and parses(text) for text in texts.small_texts(name)), name
    mutations = texts.mutations(name)
    for text in mutations:
        assert accepts(text) == parses(text), (name, text)
    invalid = [text for text in mutations if not accepts(text)][:INVALID]
    return [{"valid": True, "text": text} for text in valid] + [{"valid": False, "text": text} for text in invalid]


def write_tokens(vocabulary: str) -> None:
    """Add the texts, cut into tokens, to those that ``cfg_pairs.py`` wrote."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(f"{cfg_pairs.DATA}/vocab/hf/{vocabulary}/tokenizer.json")
    path = Path(peers_bench.WORK) / f"cfg_tokens_{vocabulary}.json"
    tests = json.loads(path.read_text(encoding="utf-8"))
    for name in texts.NAMES:
        tests[name] = judged(name)
        for test in tests[name]:
            test["ids"] = tokenizer.encode(test["text"], add_special_tokens=False).ids
    path.write_text(json.dumps(tests, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1] == "texts":
        write_tokens(*sys.argv[2:])
    else:
        register()
        peers_bench.__file__ = __file__  # the file that its workers run
        peers_bench.main()
