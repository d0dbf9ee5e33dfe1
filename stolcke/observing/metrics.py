"""Counts and times of what some matchers do, and of what their caches hold."""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stolcke._core.meter import BOUNDS, Meter
from stolcke.errors import LimitExceeded

__all__ = ["Metrics"]

_OF_ENGINES = ("columns", "states", "masks", "gotos", "continuations")
_OF_STORES = ("partitions", "automaton_states", "merged_nodes")


class Metrics:
    """What the matchers report that were made with ``observer=``.

    Any number of matchers, grammars and threads may share one; matchers without cost nothing.  Forks report to where
    the matcher does that they were made from; what a matcher tries out to answer a question (``forced_tokens``,
    ``sample``) is not counted.

    Parameters
    ----------
    timing : bool
        Whether to time masks, commits, rows of log-probabilities and compilations as well: a mask or a commit takes
        about 0.1 µs longer by that.
    """

    def __init__(self, *, timing: bool = True) -> None:
        self.timing = timing
        self._meter = Meter(timing)
        self._engines: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()

    def meter_of(self, compiled: Any) -> Meter:
        """Begin to watch a compiled grammar, and return what its matchers report to; :meth:`Matcher` calls this."""
        engine = compiled.engine
        if self._engines.get(id(engine)) is not engine:
            self._engines[id(engine)] = engine
        return self._meter

    @contextmanager
    def compiling(self) -> Iterator[None]:
        """Count and time what is done in the ``with`` block as one compilation, and the limit that it may meet.

        Reading a schema or a grammar belongs there, too.
        """
        begun = time.perf_counter()
        try:
            yield
        except LimitExceeded as error:
            self._meter.add_limit(error)
            raise
        finally:
            self._meter.add_compilation(time.perf_counter() - begun)

    def stats(self) -> dict[str, Any]:
        """All figures so far, as a plain dict that JSON can hold.

        Returns
        -------
        dict
            ``counters`` only grow:

            - ``masks``: ``mask_hits``, those that had been computed before and were copied, and ``mask_misses``
            - ``tokens_accepted``, ``tokens_refused``: calls of ``accept``; ``token_hits`` of these were answered from
              what was known, ``token_misses`` had to be computed (a refused token is not remembered)
            - ``texts_accepted``, ``texts_refused``: calls of ``accept_bytes``
            - ``calls_rolled_back`` (not those that ``reset`` forgets), ``logprob_rows``, ``compilations``

            ``limits_met``: how often, by the name of the field of :class:`stolcke.Limits`.

            ``gauges``: what is held now by the compiled grammars of matchers made with this observer, as long as they
            are remembered (``grammars``, ``columns``, ``states``, ..., ``cache_bytes``), and by their vocabularies
            (``vocabularies``, ``partitions``, ..., ``vocabulary_bytes``), each counted once.

            ``histograms`` of seconds, with ``timing``: ``mask`` (without what ``canonical`` and ``pruning`` take out of
            it), ``commit`` (a token or a text, refused ones included), ``logprobs``, ``compile``.  Each has ``bounds``,
            the same for all; ``counts``, one for each bound, of what took up to that long and longer than the bound
            before, and one more for what took longer than all; ``count`` and ``sum``.
        """
        counts, limits_met, histograms = self._meter.read()
        return {
            "counters": {"masks": counts["mask_hits"] + counts["mask_misses"], **counts},
            "limits_met": limits_met,
            "gauges": self._gauges(),
            "histograms": {
                name: {"bounds": list(BOUNDS), "counts": parts, "count": sum(parts), "sum": seconds}
                for name, (parts, seconds) in (histograms.items() if self.timing else ())
            },
        }

    def _gauges(self) -> dict[str, int]:
        # A list made in one go, as other threads may add to it.
        engines = [engine for reference in self._engines.valuerefs() if (engine := reference()) is not None]
        stores = list({id(engine.store): engine.store for engine in engines}.values())
        of_engines, of_stores = [engine.stats() for engine in engines], [store.stats() for store in stores]
        return {
            "grammars": len(engines),
            **{name: sum(each[name] for each in of_engines) for name in (*_OF_ENGINES, "table_bytes", "cache_bytes")},
            "vocabularies": len(stores),
            **{name: sum(each[name] for each in of_stores) for name in (*_OF_STORES, "vocabulary_bytes")},
        }
