"""`/metrics`: threads as the store has them at the moment of the scrape, and the calls that this process answered."""

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from mcp_server.compose import Runtime
from mcp_server.tally import BOUNDS
from state.listing import counted

OTHER = "other"
"""An agent that this process does not have: a log may be an imported one, and labels must not grow without end."""


class _Scrape(Collector):
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def collect(self) -> Iterator[Metric]:
        yield from self._threads()
        yield from self._calls()

    def _threads(self) -> Iterator[Metric]:
        threads, events = dict[tuple[str, str], int](), 0
        for agent, status, number, length in counted(self._runtime.database):
            known = agent if agent in self._runtime.engine.agents else OTHER
            threads[known, status] = threads.get((known, status), 0) + number
            events += length
        by = GaugeMetricFamily("factor12_threads", "Threads in the store.", labels=["agent", "status"])
        for labels, number in sorted(threads.items()):
            by.add_metric(labels, number)
        yield by
        yield GaugeMetricFamily("factor12_events", "Events in the log.", value=events)

    def _calls(self) -> Iterator[Metric]:
        calls = self._runtime.calls
        by = CounterMetricFamily("factor12_calls", "Calls answered.", labels=["door", "name", "outcome"])
        for labels, number in sorted(calls.outcomes.items()):
            by.add_metric(labels, number)
        yield by
        took = HistogramMetricFamily("factor12_call_seconds", "How long calls took.", labels=["door", "name"])
        bounds = [*map(str, BOUNDS), "+Inf"]
        for labels, one in sorted(calls.took.items()):
            took.add_metric(labels, list(zip(bounds, accumulate(one.within), strict=True)), one.seconds)
        yield took


def exposition(runtime: Runtime) -> bytes:
    """Return the metrics as Prometheus reads them. The registry is this call's own: nothing is process-wide (R10)."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Scrape(runtime))
    return generate_latest(registry)
