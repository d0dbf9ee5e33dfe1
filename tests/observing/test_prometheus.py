"""What ``prometheus_client`` shows is what ``Metrics.stats`` says."""

from __future__ import annotations

import sys

import pytest

import stolcke
from stolcke.observing import Metrics, MetricsCollector

prometheus_client = pytest.importorskip("prometheus_client")
parser = pytest.importorskip("prometheus_client.parser")


def samples(registry) -> dict[tuple, float]:
    """Everything a server would show, by name and labels, read back from its text."""
    text = prometheus_client.generate_latest(registry).decode()
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in parser.text_string_to_metric_families(text)
        for sample in family.samples
    }


def used(metrics: Metrics) -> stolcke.CompiledGrammar:
    with metrics.compiling():
        grammar = stolcke.Grammar.from_lark('start: "a" start | "b"')
        compiled = stolcke.compile(grammar, stolcke.Vocabulary.from_bytes())
    matcher = compiled.matcher(observer=metrics)
    for byte in b"aaxab":
        matcher.mask()
        matcher.accept(byte)
    matcher.rollback(1)
    with pytest.raises(stolcke.LimitExceeded), metrics.compiling():
        stolcke.Grammar.from_lark('start: "a"~5', limits=stolcke.Limits(repeat=1))
    return compiled


def test_samples_are_the_stats() -> None:
    metrics, registry = Metrics(), prometheus_client.CollectorRegistry()
    MetricsCollector(metrics, registry, labels={"model": 'a"b'})
    compiled = used(metrics)
    stats, found = metrics.stats(), samples(registry)
    model = ("model", 'a"b')
    counters = stats["counters"]
    for name, label, pairs in (
        ("masks", "cache", {"hit": "mask_hits", "miss": "mask_misses"}),
        ("token_steps", "cache", {"hit": "token_hits", "miss": "token_misses"}),
        ("tokens", "verdict", {"accepted": "tokens_accepted", "refused": "tokens_refused"}),
        ("texts", "verdict", {"accepted": "texts_accepted", "refused": "texts_refused"}),
    ):
        for value, key in pairs.items():
            assert found.pop((f"stolcke_{name}_total", *sorted([(label, value), model]))) == counters.pop(key)
    assert counters.pop("masks") == 5
    for name, value in counters.items():
        assert found.pop((f"stolcke_{name}_total", model)) == value
    assert counters["calls_rolled_back"] == 1 and counters["compilations"] == 2
    assert found.pop(("stolcke_limits_met_total", ("limit", "repeat"), model)) == 1
    held = stats["gauges"]
    assert held["cache_bytes"] == compiled.stats()["cache_bytes"]
    for name, value in held.items():
        prefix = "stolcke" if name.endswith("_bytes") else "stolcke_held"
        assert found.pop((f"{prefix}_{name}", model)) == value
    for name, each in stats["histograms"].items():
        below = 0
        for bound, count in zip([*map(str, each["bounds"]), "+Inf"], each["counts"], strict=True):
            below += count
            assert found.pop((f"stolcke_{name}_seconds_bucket", ("le", bound), model)) == below
        assert found.pop((f"stolcke_{name}_seconds_count", model)) == each["count"] == below
        assert found.pop((f"stolcke_{name}_seconds_sum", model)) == each["sum"]
    assert found == {}


def test_without_timing_there_are_no_histograms() -> None:
    metrics, registry = Metrics(timing=False), prometheus_client.CollectorRegistry()
    MetricsCollector(metrics, registry, prefix="mine")
    used(metrics)
    names = {name for name, *_ in samples(registry)}
    assert "mine_masks_total" in names and not [name for name in names if "seconds" in name]


def test_two_of_one_name_are_refused_and_other_prefixes_are_not() -> None:
    registry = prometheus_client.CollectorRegistry(auto_describe=True)
    MetricsCollector(Metrics(), registry)
    with pytest.raises(ValueError, match="Duplicated"):
        MetricsCollector(Metrics(), registry)
    MetricsCollector(Metrics(), registry, prefix="other")


def test_the_missing_package_is_named(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(stolcke.StolckeError, match=r'pip install "stolcke\[prometheus\]"'):
        MetricsCollector(Metrics())
