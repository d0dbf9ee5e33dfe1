"""What holds for the vocabulary of any tokenizer."""

from __future__ import annotations

import stolcke
from stolcke import Vocabulary

TEXTS = [
    "The quick brown fox jumps over the lazy dog, and the dog sleeps.",
    '{"name": "value", "list": [1, 2, 3]}',
    "Größe, façade, naïve; 東京は日本の首都です。 Привет, мир! 😀😀",
    "    def f(x):\n        return x + 1\n\n\tpass  # two  spaces   three",
    "'s 't we'LL 1234567 ((x)) \r\n\x00\x7f\u0301",
]


def check_masks(vocabulary: Vocabulary) -> None:
    """Masks are those found by comparing texts: each token is tried with each text of a finite language."""
    texts = ["the dog", "the do", "then", " two", "東京は", "a\n\n\nb", '{"name": 12}', "naïve"]
    alternatives = " | ".join('"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in texts)
    grammar = stolcke.Grammar.from_lark("start: " + alternatives.replace("\n", "\\n"))
    matcher = stolcke.compile(grammar, vocabulary).matcher()
    language = [text.encode() for text in texts]
    skipped = vocabulary.skip
    spoken = [(i, t) for i, t in enumerate(vocabulary.tokens) if not skipped[i] and any(t in text for text in language)]
    reached = {b""}
    frontier = [b""]
    while frontier:
        begun = frontier.pop()
        matcher.reset()
        assert matcher.accept_bytes(begun)
        expected = list(vocabulary.eos_token_ids) if begun in language else []
        for token, piece in spoken:
            if any(text.startswith(begun + piece) for text in language):
                expected.append(token)
                if begun + piece not in reached:
                    reached.add(begun + piece)
                    frontier.append(begun + piece)
        assert matcher.allowed_token_ids().tolist() == sorted(expected), begun
    assert reached >= set(language)
