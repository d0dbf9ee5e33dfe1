"""Classes of equal symbols, against the plain way: all symbols compared, round by round."""

from __future__ import annotations

from random import Random

import pytest

from stolcke.grammar.refinement import coarsest


def rounds(kinds: list, strings: list, n_symbols: int) -> list[int]:
    numbers: dict = {}
    block = [numbers.setdefault(kind, len(numbers)) for kind in kinds]
    block += range(len(numbers), len(numbers) + n_symbols - len(kinds))
    while True:
        found: dict = {}
        refined = [
            found.setdefault((block[i], frozenset((o, tuple(block[x] for x in rhs)) for o, rhs in each)), len(found))
            for i, each in enumerate(strings)
        ]
        same = len(found) == len(set(block[: len(kinds)]))
        block = refined + [len(found) + i for i in range(n_symbols - len(kinds))]
        if same:
            return block


@pytest.mark.parametrize("seed", range(200))
def test_random_rules(seed):
    random = Random(seed)
    n, n_symbols = random.randint(1, 12), 15
    kinds = [random.choice("ab") for _ in range(n)]
    pool = [
        [(random.randrange(2), tuple(random.choices(range(n_symbols), k=random.randrange(3)))) for _ in range(2)]
        for _ in range(3)
    ]
    strings = [random.choice(pool) for _ in range(n)]
    found, wanted = coarsest(kinds, strings, n_symbols), rounds(kinds, strings, n_symbols)
    assert len(found) == n_symbols
    for i in range(n_symbols):
        for k in range(n_symbols):
            assert (found[i] == found[k]) == (wanted[i] == wanted[k]), (kinds, strings, i, k)


def test_a_chain_falls_apart_from_its_end():
    n = 50
    strings = [[(0, (i + 1,))] for i in range(n - 1)] + [[(0, ())]]
    assert len(set(coarsest(["x"] * n, strings, n))) == n


def test_a_cycle_is_one():
    assert len(set(coarsest(["x"] * 5, [[(0, ((i + 1) % 5, 5))] for i in range(5)], 6))) == 2
