"""Processes behind one port tell each other's figures, and leave out who does not answer."""

from pathlib import Path

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from app.engine_metrics import restarts_of
from app.metrics import Metrics
from app.process_figures import PARENT, Processes


def counting(run_dir: Path, number: int, num_sockets: int) -> Metrics:
    """A process with so many sockets."""
    metrics = Metrics()
    metrics.processes = Processes(run_dir, number, 2, metrics.registry.collect)
    for _ in range(num_sockets):
        metrics.ws_connections.labels(role="widget").inc()
        metrics.ack_seconds.observe(0.5)
    return metrics


async def told(metrics: Metrics) -> dict[str, Metric]:
    text = (await metrics.expose()).decode()
    return {one.name: one for one in text_string_to_metric_families(text)}


def by_process(family: Metric, name: str | None = None) -> dict[str, float]:
    wanted = name or family.name
    return {one.labels["process"]: one.value for one in family.samples if one.name == wanted}


async def test_whoever_is_asked_tells_all(tmp_path: Path) -> None:
    one, two = counting(tmp_path, 1, 3), counting(tmp_path, 2, 4)
    parent = Processes(tmp_path, PARENT, 2, lambda: [restarts_of({"killed": 2})])
    assert one.processes and two.processes

    async with parent.offering(), one.processes.offering(), two.processes.offering():
        from_one, from_two = await told(one), await told(two)

    for families in (from_one, from_two):
        assert by_process(families["care_ws_connections"]) == {"1": 3, "2": 4}
        acks = families["care_ack_seconds"]
        assert by_process(acks, "care_ack_seconds_count") == {"1": 3, "2": 4}
        buckets = [line for line in acks.samples if line.name.endswith("_bucket")]
        assert {line.labels["le"] for line in buckets if line.value} == {
            "0.5",
            "1.0",
            "2.5",
            "+Inf",
        }
        assert by_process(families["process_open_fds"]).keys() == {"1", "2"}
        [restarts] = families["care_engine_restarts"].samples
        assert (restarts.labels, restarts.value) == ({"cause": "killed"}, 2)
        [up] = families["care_engine_up"].samples
        assert (up.labels, up.value) == ({}, 0)


async def test_who_does_not_answer_is_left_out(tmp_path: Path) -> None:
    one, two = counting(tmp_path, 1, 3), counting(tmp_path, 2, 4)
    assert two.processes
    async with two.processes.offering():
        assert by_process((await told(one))["care_ws_connections"]) == {"1": 3, "2": 4}
    (tmp_path / "web-2.sock").write_bytes(b"what a killed process left")

    assert by_process((await told(one))["care_ws_connections"]) == {"1": 3}


async def test_one_process_alone_has_no_label() -> None:
    metrics = Metrics()
    metrics.ws_connections.labels(role="agent").inc()

    families = await told(metrics)

    [sockets] = families["care_ws_connections"].samples
    assert (sockets.labels, sockets.value) == ({"role": "agent"}, 1)
