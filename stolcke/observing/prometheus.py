"""The figures of :class:`stolcke.observing.Metrics` for Prometheus, under its conventions for names and units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any

from stolcke.errors import StolckeError
from stolcke.observing.metrics import Metrics

__all__ = ["MetricsCollector"]

# Name without `_total`, help, and the counters with the label that tells each from the others.
_COUNTERS = [
    ("masks", "Token masks written, by whether they were known (hit) or computed (miss).", "cache", "mask"),
    (
        "token_steps",
        "Tokens given to matchers, by whether the step was known (hit) or computed (miss).",
        "cache",
        "token",
    ),
]
_VERDICTS = [
    ("tokens", "Tokens given to matchers, by whether the grammar took them."),
    ("texts", "Texts given to matchers as bytes, by whether the grammar took them."),
]
_PLAIN = [
    ("calls_rolled_back", "Accepted tokens and texts that were taken back."),
    ("logprob_rows", "Rows of log-probabilities of all tokens."),
    ("compilations", "Grammars compiled, failures included."),
]
_SECONDS = {
    "mask": "Time to write a token mask.",
    "commit": "Time to accept or refuse a token or a text.",
    "logprobs": "Time to write a row of log-probabilities.",
    "compile": "Time to read and compile a grammar.",
}
_BYTES = {
    "table_bytes": "Memory of the tables of the grammars watched, part of their caches.",
    "cache_bytes": "Memory of the tables and caches of the grammars watched.",
    "vocabulary_bytes": "Memory of their vocabularies, with the partitions made so far.",
}


class MetricsCollector:
    """A collector of ``prometheus_client`` that reads a :class:`Metrics` whenever it is asked.

    Register it, or pass ``registry=``; nothing is counted twice.

    Parameters
    ----------
    metrics : Metrics
    registry : prometheus_client.CollectorRegistry, optional
        Where to register; ``prometheus_client.REGISTRY`` is the one that its servers show.
    labels : mapping of str to str, optional
        Added to every sample, such as ``{"model": "..."}``.
    prefix : str
        What the names begin with; collectors that share a registry need different ones.

    Raises
    ------
    StolckeError
        Where ``prometheus_client`` is not installed.
    ValueError
        From ``prometheus_client``, where the registry has these names already.
    """

    def __init__(
        self,
        metrics: Metrics,
        registry: Any = None,
        *,
        labels: Mapping[str, str] | None = None,
        prefix: str = "stolcke",
    ) -> None:
        try:
            from prometheus_client import core
        except ModuleNotFoundError as error:
            raise StolckeError(
                'metrics for Prometheus need the package prometheus_client: pip install "stolcke[prometheus]"; '
                "Metrics.stats() is a plain dict without it"
            ) from error
        self._families = core
        self._metrics = metrics
        self._labels = dict(labels or {})
        self._prefix = prefix
        if registry is not None:
            registry.register(self)

    def collect(self) -> Iterator[Any]:
        """Make the metric families that ``prometheus_client`` asks for."""
        found = self._metrics.stats()
        yield from self._counters(found["counters"])
        yield self._family("Counter", "limits_met", "Limits that were met.", "limit", found["limits_met"])
        held = found["gauges"]
        for name, text in _BYTES.items():
            yield self._family("Gauge", name, text, None, {"": held.pop(name)})
        for name, value in held.items():
            text = f"Number of {name.replace('_', ' ')} that matchers were made of, or that their caches hold."
            yield self._family("Gauge", f"held_{name}", text, None, {"": value})
        for name, each in found["histograms"].items():
            family = self._families.HistogramMetricFamily(
                f"{self._prefix}_{name}_seconds", _SECONDS[name], labels=list(self._labels)
            )
            bounds = [*map(str, each["bounds"]), "+Inf"]
            buckets = list(zip(bounds, accumulate(each["counts"]), strict=True))
            family.add_metric(list(self._labels.values()), buckets, each["sum"])
            yield family

    def _counters(self, counts: Mapping[str, int]) -> Iterator[Any]:
        for name, text, label, stem in _COUNTERS:
            values = {"hit": counts[f"{stem}_hits"], "miss": counts[f"{stem}_misses"]}
            yield self._family("Counter", name, text, label, values)
        for name, text in _VERDICTS:
            values = {verdict: counts[f"{name}_{verdict}"] for verdict in ("accepted", "refused")}
            yield self._family("Counter", name, text, "verdict", values)
        for name, text in _PLAIN:
            yield self._family("Counter", name, text, None, {"": counts[name]})

    def _family(self, kind: str, name: str, text: str, label: str | None, values: Mapping[str, int]) -> Any:
        """A family of one label besides the common ones, or of none."""
        labels = [*self._labels, *([] if label is None else [label])]
        family = getattr(self._families, f"{kind}MetricFamily")(f"{self._prefix}_{name}", text, labels=labels)
        for value, count in values.items():
            family.add_metric([*self._labels.values(), *([] if label is None else [value])], count)
        return family
