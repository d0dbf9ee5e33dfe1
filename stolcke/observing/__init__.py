"""What goes on while tokens are generated: figures for a dashboard, and traces that one can look at.

:class:`Metrics` counts and times what matchers do, :class:`Trace` writes each step of a generation into a file,
:func:`read_trace` reads that, and :func:`write_page` makes a web page of it, as the command ``stolcke-trace`` does.
"""

from stolcke.observing.metrics import Metrics
from stolcke.observing.page import write_page
from stolcke.observing.prometheus import MetricsCollector
from stolcke.observing.recording import Recording, read_trace
from stolcke.observing.trace import Trace

__all__ = ["Metrics", "MetricsCollector", "Recording", "Trace", "read_trace", "write_page"]
