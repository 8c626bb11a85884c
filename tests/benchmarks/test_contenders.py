"""Engines are measured over pipes: what they answer, and what is heard when they end."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.contenders import PREFILL, EngineProcess
from tests.tiny_models import save_tiny_llama

NUM_BLOCKS, SLOT_BYTES = 32, 2 * 2 * 2 * 16 * 4
"""A slot of the tiny target: keys and values, 2 layers, 2 heads of 16, float32."""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EngineProcess]:
    model = save_tiny_llama(tmp_path / "tiny")
    options = [f"--model={model}", "--dtype=float32", f"--num-blocks={NUM_BLOCKS}"]
    made = EngineProcess("careline", sys.executable, "peer_careline", options)
    yield made
    made.close()


def test_an_engine_is_measured_and_its_end_is_told(engine: EngineProcess) -> None:
    engine.settle()
    seconds = engine.generate([[20, 21, 22], [30, 31]], [4, 7])
    memory = engine.memory()

    assert engine.title.startswith("Careline ")
    assert 0 < seconds < 60
    assert memory["pool"] == NUM_BLOCKS * 16 * SLOT_BYTES / (1 << 20)
    assert 0 < memory["weights"] < 1 < memory["rss"]
    with pytest.raises(RuntimeError, match="careline has ended, exit status 1"):
        engine.measure(PREFILL)  # its ids lie beyond this vocabulary


def test_an_engine_is_stopped_while_it_has_no_order(engine: EngineProcess) -> None:
    assert engine.generate([[20, 21, 22]], [4]) > 0

    deadline = time.monotonic() + 30
    while _states_of_engines() != {"T"}:
        assert time.monotonic() < deadline, "an engine without an order goes on"
        time.sleep(0.01)


def _states_of_engines() -> set[str]:
    """Of the engines among our own processes, as proc(5) has them."""
    found = Path("/proc/self/task").glob("*/children")
    pids = [pid for one in found for pid in one.read_text().split()]
    ours = [pid for pid in pids if b"peer_loop" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    stats = [Path(f"/proc/{pid}/stat").read_text() for pid in ours]
    return {stat.rsplit(") ", 1)[1][0] for stat in stats}
