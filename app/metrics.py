"""What is counted; one registry per application, names as an operator finds them in /metrics."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
)

from app.engine_metrics import EngineCollector

_FAST_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_SLOW_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """Handed to those who count; no label ever carries a person, a conversation or an address."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
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
        self.registry.register(self.engine)
        ProcessCollector(registry=self.registry)
