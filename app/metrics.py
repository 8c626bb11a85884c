"""What is counted; one registry per application, names as an operator finds them in /metrics."""

from collections.abc import Iterable
from operator import itemgetter

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from app.engine_metrics import EngineCollector
from app.process_figures import Figures, Processes, families, joined

_FAST_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_SLOW_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """Handed to those who count; no label ever carries a person, a conversation or an address."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        """Of this process; the engine's figures are `engine`'s."""
        self.processes: Processes | None = None
        """Where there are several."""
        self.ws_connections = Gauge(
            "care_ws_connections", "Open sockets", ["role"], registry=self.registry
        )
        self.ws_accepts = Counter(
            "care_ws_accepts",
            "Sockets by how their greeting went",
            ["result"],
            registry=self.registry,
        )
        self.ws_evictions = Counter(
            "care_ws_evictions", "Sockets given up", ["reason"], registry=self.registry
        )
        self.ack_seconds = Histogram(
            "care_ack_seconds",
            "From a message's arrival to its commit",
            buckets=_FAST_S,
            registry=self.registry,
        )
        self.turn_seconds = Histogram(
            "care_turn_seconds",
            "From the begin of an answer to its end",
            buckets=_SLOW_S,
            registry=self.registry,
        )
        self.ttft_seconds = Histogram(
            "care_ttft_seconds",
            "From the begin of an answer to its first text",
            buckets=_SLOW_S,
            registry=self.registry,
        )
        self.turns = Counter(
            "care_turns", "Answers by how they ended", ["outcome", "reason"], registry=self.registry
        )
        self.auth_failures = Counter(
            "care_auth_failures",
            "Refused sign-ins and greetings",
            ["reason"],
            registry=self.registry,
        )
        self.event_loop_lag = Gauge(
            "care_event_loop_lag_seconds",
            "How late the event loop woke at its last check",
            registry=self.registry,
        )
        self.engine = EngineCollector()
        ProcessCollector(registry=self.registry)

    async def expose(self) -> bytes:
        """Prometheus' text format: of this process, or of all that there are, and of the engine."""
        told: list[tuple[int | None, Figures]] = [(None, families(self.engine.collect()))]
        own = families(self.registry.collect())
        if self.processes is None:
            told.append((None, own))
        else:
            others = await self.processes.ask_others()
            told += sorted((others | {self.processes.number: own}).items(), key=itemgetter(0))
        registry = CollectorRegistry()
        registry.register(_Told(joined(told)))
        return generate_latest(registry)


class _Told(Collector):
    """Families as they are, for one exposition."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def describe(self) -> list[Metric]:
        """Nothing: they are registered once."""
        return []

    def collect(self) -> Iterable[Metric]:
        """All of them."""
        return self._metrics
