"""Distributions of terminals: each state's choices add up to one, and each distribution is what it says."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

import stolcke
from stolcke.compiler import lower
from stolcke.deadline import Deadline
from stolcke.grammar.model import Grammar
from stolcke.grammar.patterns import Choice, Literal, Regex
from stolcke.lexer import Automaton, automaton
from stolcke.options import Limits, Options
from stolcke.weights import CodePoints, Distribution, Fitted, MeanLength, Table, Uniform

STRING = r'"([^"\\\x00-\x1f]|\\(["\\/bfnrt]|u[0-9a-fA-F]{4}))*"'
SOURCES = [
    r"[a-z]+", r"[a-c]{2,6}", r"(ab)+|c{7}", r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", STRING, r"[à-üa-z€😀]+x?", r"(.{5})*y",
    "if",
]  # fmt: skip
BYTES = stolcke.Vocabulary.from_bytes()


def machine_of(source: str) -> Automaton:
    return automaton(Regex(source))


def letters_are_twice_stopping(live: np.ndarray, accepting: bool) -> np.ndarray:
    row = np.zeros(257)
    row[live] = 2
    row[256] = accepting
    return row


def probability(machine: Automaton, rows: np.ndarray, text: bytes) -> float:
    """Probability of a whole match."""
    state, p = 0, 1.0
    for byte in text:
        p *= rows[state, byte]
        state = machine.step(state, byte)
        if state < 0:
            return 0.0
    return p * rows[state, 256]


def matrix(machine: Automaton, rows: np.ndarray) -> np.ndarray:
    """From state to state, without stopping."""
    found = np.zeros((machine.n_states, machine.n_states))
    steps = machine.steps()
    for state, byte in np.argwhere(steps >= 0).tolist():
        found[state, steps[state, byte]] += rows[state, byte]
    return found


def mean_length(machine: Automaton, rows: np.ndarray, *, characters: bool = False) -> float:
    """The expected number of bytes, or of bytes that are no continuation of a character."""
    counted = [byte for byte in range(256) if not characters or byte & 0xC0 != 0x80]
    steps = rows[:, counted].sum(axis=1)
    return float(np.linalg.solve(np.eye(machine.n_states) - matrix(machine, rows), steps)[0])


def distributions_for(source: str) -> list[Distribution]:
    match = {r"[a-c]{2,6}": "abc", r"(ab)+|c{7}": "abab", STRING: '"é\\n"', r"(.{5})*y": "12345y"}.get(source)
    match = match or {"if": "if", r"-?(0|[1-9][0-9]*)(\.[0-9]+)?": "10.5"}.get(source, "abx")
    found = [Uniform(), CodePoints(), Fitted([match]), Fitted([match], smoothing=0), Table(letters_are_twice_stopping)]
    if source != "if":
        found += [MeanLength(5.5), MeanLength(5.5, "characters")]
    return found


@pytest.mark.parametrize("source", SOURCES)
def test_each_state_adds_up_to_one_and_dead_bytes_have_no_weight(source: str) -> None:
    machine = machine_of(source)
    dead = np.array([[machine.step(s, b) < 0 for b in range(256)] for s in range(machine.n_states)])
    for distribution in distributions_for(source):
        rows = distribution.weights(machine)
        assert rows.shape == (machine.n_states, 257) and rows.dtype == np.float64
        assert np.abs(rows.sum(axis=1) - 1).max() < 1e-14, distribution
        assert not rows[:, :256][dead].any()
        assert not rows[machine.accepting == 0, 256].any()


def test_steps_are_what_step_says() -> None:
    for source in SOURCES:
        machine = machine_of(source)
        steps = machine.steps()
        assert steps.dtype == np.int32
        assert steps.tolist() == [[machine.step(s, b) for b in range(256)] for s in range(machine.n_states)]


def test_uniform_shares_among_live_bytes_and_stopping() -> None:
    machine = automaton(Choice((Literal("a"), Literal("ab"), Literal("ac"), Literal("b"))))
    rows = Uniform().weights(machine)
    assert {text: probability(machine, rows, text) for text in (b"a", b"ab", b"ac", b"b", b"c")} == {
        b"a": 1 / 6, b"ab": 1 / 6, b"ac": 1 / 6, b"b": 1 / 2, b"c": 0,
    }  # fmt: skip


# --- code points -------------------------------------------------------------------------------------------------

CLASSES = {
    "[à-üa-z€😀]": [*map(chr, range(0xE0, 0xFD)), *"abcdefghijklmnopqrstuvwxyz€😀"],
    r"[\u07ff-\u0801\ufffe-\U00010002]": [*map(chr, range(0x7FF, 0x802)), *map(chr, range(0xFFFE, 0x10003))],
    r"[\ud7ff-\ue000]": [chr(0xD7FF), chr(0xE000)],
    "[^a]": [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000 and c != 0x61],
}


@pytest.mark.parametrize("source", CLASSES)
def test_all_characters_are_equally_probable(source: str) -> None:
    machine = machine_of(source)
    rows = CodePoints().weights(machine)
    allowed = CLASSES[source]
    steps = machine.steps()
    logs = np.log(rows, out=np.full(rows.shape, -np.inf), where=rows > 0)
    for length in (1, 2, 3, 4):  # all characters of a length at once
        texts = [c.encode() for c in allowed if len(c.encode()) == length]
        data = np.frombuffer(b"".join(texts), np.uint8).reshape(-1, length)
        state, total = np.zeros(len(data), int), np.zeros(len(data))
        for byte in data.T:
            total += logs[state, byte]
            state = steps[state, byte]
        total += logs[state, 256]
        assert np.allclose(total, -math.log(len(allowed)), rtol=0, atol=1e-12)


def test_stopping_counts_as_one_more_character() -> None:
    machine = machine_of("[aé€]+")
    rows = CodePoints().weights(machine)
    for text in ("a", "é", "€a", "aé€"):
        assert probability(machine, rows, text.encode()) == pytest.approx(1 / 3 * 0.25 ** len(text), rel=1e-14)


@pytest.mark.parametrize("text", [b"\xff", b"\xc3", b"a\x80", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"])
def test_what_is_not_utf8_has_no_characters(text: bytes) -> None:
    machine = automaton(Choice((Literal(text), Literal("é"))))
    with pytest.raises(stolcke.CompileError, match="not all UTF-8"):
        CodePoints().weights(machine)
    with pytest.raises(stolcke.CompileError, match="not all UTF-8"):
        MeanLength(1.5, "characters").weights(machine)


# --- mean length -------------------------------------------------------------------------------------------------

REACHED = [
    (r"[a-z]+", (1.01, 2, 27, 300)), (STRING, (2.1, 12, 226, 5000)), (r"[a-c]{2,6}", (2.01, 3, 5, 5.99)),
    (r"[à-üa-z€😀]+", (1.5, 12, 100)), (r"(.{5})*y", (1.1, 30, 1000)), (r"(ab)+|c{7}", (2.5, 6.9, 70)),
]  # fmt: skip


@pytest.mark.parametrize(("source", "means"), REACHED)
def test_the_mean_is_reached(source: str, means: tuple[float, ...]) -> None:
    machine = machine_of(source)
    for mean in means:
        rows = MeanLength(mean).weights(machine)
        assert mean_length(machine, rows) == pytest.approx(mean, rel=1e-9)
        rows = MeanLength(mean, "characters").weights(machine)
        assert mean_length(machine, rows, characters=True) == pytest.approx(mean, rel=1e-9)


def test_letters_stay_equally_probable_and_their_number_is_geometric() -> None:
    machine = machine_of("[a-z]+")
    rows = MeanLength(4).weights(machine)
    for text in (b"q", b"ab", b"zzz"):
        assert probability(machine, rows, text) == pytest.approx(0.75 ** (len(text) - 1) * 0.25 / 26 ** len(text))


def test_it_is_the_closest_to_the_base() -> None:
    """What a tilt means: matches keep their uniform probabilities up to a factor x ** length, for one x."""
    machine = machine_of(r"(a|bb|c[de]{0,3})+f?")
    texts = [bytes(t) for n in range(1, 6) for t in product(b"abcdef", repeat=n) if machine.accepts(bytes(t))]
    assert len(texts) > 100
    base, rows = Uniform().weights(machine), MeanLength(3).weights(machine)
    ratio = {t: math.log(probability(machine, rows, t) / probability(machine, base, t)) for t in texts}
    one, two = ratio[b"a"], ratio[b"aa"]
    assert abs(two - one) > 0.01
    for text, value in ratio.items():
        assert value == pytest.approx(one + (two - one) * (len(text) - 1), abs=1e-9)


def test_characters_of_a_mean_length_are_equally_probable() -> None:
    machine = machine_of('"[aé€😀]*"')
    rows = MeanLength(5, "characters").weights(machine)
    found = {c: probability(machine, rows, f'"{c}"'.encode()) for c in "aé€😀"}
    # Three characters on average between the quotes.
    assert found == pytest.approx(dict.fromkeys("aé€😀", 0.75 * 0.25 / 4), rel=1e-9)


def test_long_chains_do_not_underflow() -> None:
    machine = machine_of(r"[a-z]{2000,4000}")
    for mean in (2000.5, 3900):
        rows = MeanLength(mean).weights(machine)
        # A chain without branches, of which the n-th state goes on to the next one.
        goes_on = 1 - rows[:, 256]
        assert np.cumprod(goes_on).sum() == pytest.approx(mean, rel=1e-9)


def test_a_mean_out_of_reach_names_the_range() -> None:
    for source, mean, unit, said in [
        (r"[a-c]{2,6}", 6, "bytes", "2 to 6 bytes"),
        (r"[a-c]{2,6}", 2, "characters", "2 to 6 characters"),
        (STRING, 1.5, "bytes", "2 or more bytes"),
        (r"€{2,3}", 3, "bytes", "6 to 9 bytes"),
        (r"€{2,3}", 7, "characters", "2 to 3 characters"),
        ("if", 3, "bytes", "2 to 2 bytes"),
    ]:
        with pytest.raises(stolcke.CompileError, match=said):
            MeanLength(mean, unit).weights(machine_of(source))
    fixed = machine_of("[ab]{3}")
    assert np.array_equal(MeanLength(3).weights(fixed), Uniform().weights(fixed))
    for wrong in (0, -1, math.inf, math.nan):
        with pytest.raises(stolcke.CompileError, match="positive number"):
            MeanLength(wrong)
    with pytest.raises(stolcke.CompileError, match="unit"):
        MeanLength(3, "tokens")


# --- fitted ------------------------------------------------------------------------------------------------------


def test_fitted_counts_the_choices_of_each_state() -> None:
    machine = machine_of("[ab]+")
    rows = Fitted(["a", "ab", b"abb"], smoothing=0).weights(machine)
    # State 0 saw a three times; the other one b three times and three ends.
    assert rows[0, ord("a")] == 1 and rows[0, ord("b")] == 0
    assert rows[1, [ord("a"), ord("b"), 256]].tolist() == [0, 0.5, 0.5]
    rows = Fitted(["a", "ab", "abb"], smoothing=2).weights(machine)
    assert rows[0, [ord("a"), ord("b")]].tolist() == pytest.approx([5 / 7, 2 / 7], rel=1e-15)
    assert rows[1, [ord("a"), ord("b"), 256]].tolist() == pytest.approx([2 / 12, 5 / 12, 5 / 12], rel=1e-15)


def test_without_smoothing_no_table_makes_the_examples_more_probable() -> None:
    machine = machine_of(r"-?[0-9]{1,3}(\.[0-9]+)?")
    examples = [b"12", b"7", b"-3.5", b"100", b"12.25", b"12"]

    def log_likelihood(rows: np.ndarray) -> float:
        return sum(math.log(probability(machine, rows, text)) for text in examples)

    best = Fitted(examples, smoothing=0).weights(machine)
    random = np.random.default_rng(0)
    for _ in range(50):
        other = best * np.exp(random.normal(0, 0.1, best.shape))
        assert log_likelihood(other / other.sum(axis=1, keepdims=True)) < log_likelihood(best)


def test_states_without_examples_are_uniform() -> None:
    machine = machine_of(r"a|b[cd]")
    rows = Fitted(["a"], smoothing=0).weights(machine)
    after_b = machine.step(0, ord("b"))
    assert rows[0, ord("b")] == 0
    assert rows[after_b, [ord("c"), ord("d")]].tolist() == [0.5, 0.5]


@pytest.mark.parametrize(("example", "why"), [("ab1", "byte 2"), ("", "too early"), ("é", "byte 0")])
def test_an_example_that_is_no_match_is_named(example: str, why: str) -> None:
    with pytest.raises(stolcke.CompileError, match=f"example 1, .*{why}") as error:
        Fitted(["abc", example]).weights(machine_of("[a-z]+"))
    assert repr(example.encode()) in str(error.value)


def test_fitted_refuses_what_says_nothing() -> None:
    for examples, smoothing in [([], 1), ("abc", 1), (["a"], -1), (["a"], math.nan)]:
        with pytest.raises(stolcke.CompileError):
            Fitted(examples, smoothing)


# --- weights of one's own ----------------------------------------------------------------------------------------


def test_a_table_is_normalised() -> None:
    machine = machine_of("[ab]+")
    given = np.zeros((2, 257))
    given[0, [97, 98]] = 3, 1
    given[1, [97, 98, 256]] = 1e300, 1e300, 2e300
    rows = Table(given).weights(machine)
    assert rows[0, [97, 98]].tolist() == [0.75, 0.25]
    assert rows[1, [97, 98, 256]].tolist() == [0.25, 0.25, 0.5]
    given[0, 97] = 9  # no longer what the table holds
    assert Table(given) != Table(given * 2)
    rows = Table(letters_are_twice_stopping).weights(machine)
    assert rows[1, [97, 98, 256]].tolist() == [0.4, 0.4, 0.2]


@pytest.mark.parametrize(
    ("state", "choice", "value", "why"),
    [
        (0, 97, -1, "negative"),
        (0, 97, math.nan, "not finite"),
        (0, 97, math.inf, "not finite"),
        (0, 99, 1, "not zero"),
        (0, 256, 1, "stopping is not zero"),
        (1, 256, 0, "all weights are zero"),
    ],
)
def test_a_wrong_table_is_refused(state: int, choice: int, value: float, why: str) -> None:
    machine = machine_of("[ab]+")
    given = np.zeros((2, 257))
    given[0, [97, 98]] = 1
    given[1, 256] = 1
    Table(given).weights(machine)
    given[state, choice] = value
    with pytest.raises(stolcke.CompileError, match=f"in state {state}, .*{why}"):
        Table(given).weights(machine)


def test_a_table_of_another_shape_is_refused() -> None:
    machine = machine_of("[ab]+")
    for source in (np.ones((3, 257)), np.ones(257), lambda live, accepting: np.ones(256)):
        with pytest.raises(stolcke.CompileError, match="shape"):
            Table(source).weights(machine)


def test_distributions_are_values() -> None:
    for make in (
        Uniform, CodePoints, lambda: MeanLength(3), lambda: Fitted(["a", b"b"]), lambda: Table(np.ones((2, 257))),
        lambda: Table(letters_are_twice_stopping),
    ):  # fmt: skip
        assert make() == make() and hash(make()) == hash(make())
    different = [Uniform(), CodePoints(), MeanLength(3), MeanLength(4), MeanLength(3, "characters"), Fitted(["a"])]
    different += [Fitted(["a"], 1), Fitted(["b"]), Table(np.ones((2, 257))), Table(np.ones((1, 257)))]
    assert len(set(different)) == len(different)


# --- the way into a compiled grammar -----------------------------------------------------------------------------

TWINS = (
    'start: STRING "," TWIN | /[a-f]+/ LONE | SPECIAL\nSTRING: /"[^"]*"/\nTWIN: /"[^"]*"/\nLONE: "x"\n%declare SPECIAL'
)


def tables(grammar: Grammar, **keywords) -> dict[str, np.ndarray | None]:
    distributions, default = keywords.get("distributions", {}), keywords.get("default_distribution")
    arrays = lower(grammar, Limits(), Options(), Deadline(), distributions, default)
    assert len(arrays.distributions) == len(arrays.machines)
    return dict(zip(arrays.terminals, arrays.distributions, strict=False))


def test_only_terminals_of_equal_distribution_are_merged() -> None:
    grammar = Grammar.from_lark(TWINS)
    assert tables(grammar)["STRING or TWIN"] is None
    rows = MeanLength(12).weights(machine_of('"[^"]*"'))
    both = dict.fromkeys(("STRING", "TWIN"), MeanLength(12))
    found = tables(grammar, distributions=both)
    assert np.array_equal(found["STRING or TWIN"], rows)
    found = tables(grammar, distributions={"STRING": MeanLength(12)})
    assert found["TWIN"] is None and np.array_equal(found["STRING"], rows)
    found = tables(grammar, distributions={"STRING": MeanLength(12), "TWIN": MeanLength(13)})
    assert not np.array_equal(found["TWIN"], found["STRING"])
    assert tables(grammar, distributions={"STRING": Uniform()}).keys() == tables(grammar).keys()


def test_terminals_without_a_name_go_by_what_they_match() -> None:
    found = tables(Grammar.from_lark(TWINS), distributions={"/[a-f]+/": MeanLength(2)})
    assert np.array_equal(found["/[a-f]+/"], MeanLength(2).weights(machine_of("[a-f]+")))


def test_the_default_is_for_terminals_with_a_choice() -> None:
    grammar = Grammar.from_lark(TWINS)
    found = tables(grammar, default_distribution=MeanLength(7), distributions={"TWIN": Uniform()})
    assert np.array_equal(found["STRING"], MeanLength(7).weights(machine_of('"[^"]*"')))
    assert np.array_equal(found["/[a-f]+/"], MeanLength(7).weights(machine_of("[a-f]+")))
    assert found["LONE"] is None and found['","'] is None and found["TWIN"] is None
    with pytest.raises(stolcke.CompileError, match="terminal LONE"):
        tables(grammar, distributions={"LONE": MeanLength(7)})
    with pytest.raises(stolcke.CompileError, match=r"terminal STRING.*give it another one"):
        tables(grammar, default_distribution=MeanLength(2))


@pytest.mark.parametrize(
    ("distributions", "why"),
    [
        ({"STRIN": Uniform()}, "did you mean STRING"),
        ({"zzz": Uniform()}, "it has STRING, TWIN"),
        ({"SPECIAL": MeanLength(3)}, "SPECIAL is declared"),
        ({"STRING": 12}, r"stolcke\.weights"),
        ({"STRING": np.ones((3, 257))}, r"Table\(\.\.\.\)"),
    ],
)
def test_a_wrong_choice_is_refused(distributions: dict, why: str) -> None:
    with pytest.raises(stolcke.CompileError, match=why):
        stolcke.compile(Grammar.from_lark(TWINS), BYTES, distributions=distributions)


def test_counted_repeats_are_written_out_for_a_distribution() -> None:
    grammar = Grammar.from_json_schema({"type": "string", "maxLength": 100}, escapes=False, ascii_only=True)
    (title,) = (name for name in tables(grammar) if "string" in name)
    assert tables(grammar)[title] is None
    arrays = lower(grammar, Limits(), Options(), Deadline(), {title: MeanLength(20)})
    terminal = arrays.terminals.index(title)
    machine, rows = arrays.machines[terminal], arrays.distributions[terminal]
    assert isinstance(machine, Automaton) and machine.accepts(b'"' + b"a" * 100 + b'"')
    assert mean_length(machine, rows) == pytest.approx(20, rel=1e-9)
    long = Grammar.from_json_schema({"type": "string", "maxLength": 60000})
    with pytest.raises(stolcke.LimitExceeded, match="terminal string, written out for a distribution"):
        lower(long, Limits(), Options(), Deadline(), {"string": MeanLength(20)})


def test_what_is_remembered_knows_the_distributions() -> None:
    grammar = Grammar.from_lark('start: "<" WORD ">"\nWORD: /[a-z]+/')
    engines = [
        stolcke.compile(grammar, BYTES, **keywords).engine
        for keywords in (
            {},
            {"distributions": {"WORD": MeanLength(3)}},
            {"distributions": {"WORD": MeanLength(3)}},
            {"distributions": {"WORD": MeanLength(4)}},
            {"default_distribution": MeanLength(3)},
        )
    ]
    assert engines[1] is engines[2]
    assert len({id(engine) for engine in engines}) == 4


def test_saved_files_carry_the_tables(tmp_path) -> None:
    grammar = Grammar.from_lark("start: A B C\nA: /[a-z]+/\nB: /[à-ü]{1,3}/\nC: /[0-9]+/")
    chosen = {"A": MeanLength(3), "B": CodePoints()}
    compiled = stolcke.compile(grammar, BYTES, distributions=chosen)
    compiled.save(tmp_path / "grammar")
    loaded = stolcke.CompiledGrammar.load(tmp_path / "grammar", BYTES)
    assert [table is None for table in loaded.arrays.distributions] == [False, False, True]
    for mine, theirs in zip(compiled.arrays.distributions, loaded.arrays.distributions, strict=True):
        assert np.array_equal(mine, theirs)


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a.update(probabilities=a["probabilities"] * 0.9),
        lambda a: a.update(probabilities=a["probabilities"][:-1]),
        lambda a: a.update(probabilities=np.append(a["probabilities"], 1.0)),
        lambda a: a.update(probabilities=a["probabilities"] * np.nan),
        lambda a: a.update(probabilities=a["probabilities"].astype(np.float32)),
        lambda a: a.update(distributed=a["distributed"] + np.int32(7)),
        lambda a: a.update(distributed=a["distributed"] - np.int32(1)),
        lambda a: a.pop("distributed"),
    ],
)
def test_damaged_tables_are_refused(change) -> None:
    grammar = Grammar.from_lark("start: A\nA: /[a-z]+/")
    arrays = lower(grammar, Limits(), Options(), Deadline(), {"A": MeanLength(3)})
    meta, stored = arrays.to_file()
    assert np.array_equal(type(arrays).from_file(meta, stored).distributions[0], arrays.distributions[0])
    change(stored)
    with pytest.raises(stolcke.FileFormatError):
        type(arrays).from_file(meta, stored)


def test_masks_do_not_depend_on_distributions() -> None:
    grammar = Grammar.from_lark(TWINS.replace(" | SPECIAL", "").replace("%declare SPECIAL", ""))
    plain = stolcke.compile(grammar, BYTES).matcher()
    other = stolcke.compile(grammar, BYTES, default_distribution=MeanLength(9)).matcher()
    for byte in b'"ab","':
        assert np.array_equal(plain.mask(), other.mask())
        assert plain.accept_bytes(bytes([byte])) and other.accept_bytes(bytes([byte]))
    assert np.array_equal(plain.mask(), other.mask())
