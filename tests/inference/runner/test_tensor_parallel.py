"""A model over two processes says what it says in one; a process that goes is a clear error."""

import gc
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from inference import Engine, EngineConfig, SamplingParams
from inference.errors import EngineError, InvalidConfig, PeerLost
from inference.model.spans import Span, lay_out
from inference.request import RequestOutput
from inference.runner.model_runner import ModelRunner
from inference.speculation.budget import EveryNode
from tests.laws.planted import PlantedTree
from tests.patience import PATIENCE_S
from tests.tiny_models import save_tiny_llama

PROMPTS = [[20 + at for at in range(length)] * 2 for length in (3, 9, 20)]
GREEDY = SamplingParams(max_tokens=24, ignore_eos=True)
SAMPLED = SamplingParams(max_tokens=24, ignore_eos=True, temperature=0.8, seed=3, logprobs=2)
PARAMS = {"greedy": GREEDY, "sampled": SAMPLED}


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_llama(tmp_path_factory.mktemp("parallel"))


def config(target: Path, **options: Any) -> EngineConfig:
    own: dict[str, Any] = {"device": "cpu", "dtype": "float64", "num_blocks": 24, "max_batch": 8}
    return EngineConfig(model=str(target), **own | options)


@pytest.fixture(scope="module")
def expected(target: Path) -> dict[str, list[RequestOutput]]:
    """What one process says."""
    alone = Engine(config(target))
    outputs = {name: alone.generate(PROMPTS, params) for name, params in PARAMS.items()}
    alone.close()
    return outputs


@pytest.fixture(scope="module")
def divided(target: Path, expected: dict[str, list[RequestOutput]]) -> Iterator[Engine]:
    """Two processes, with trees of drafts of which some are right."""
    pairs = [
        (tuple(prompt), out.token_ids)
        for outputs in expected.values()
        for prompt, out in zip(PROMPTS, outputs, strict=True)
    ]
    planted = PlantedTree(pairs, p_right=0.7, vocab_size=266)
    budget = EveryNode([planted.name])
    one = Engine(config(target, tensor_parallel=2), [planted], budget)
    yield one
    one.close()


def test_two_processes_say_what_one_says(
    expected: dict[str, list[RequestOutput]], divided: Engine
) -> None:
    for name, truths in expected.items():
        found = divided.generate(PROMPTS, PARAMS[name])
        assert [one.token_ids for one in found] == [one.token_ids for one in truths]
        for one, truth in zip(found, truths, strict=True):
            assert [each.logprob for each in one.logprobs] == pytest.approx(
                [each.logprob for each in truth.logprobs], abs=1e-9
            )
    stats = divided.stats()
    assert 0 < stats["num_accepted_tokens"] < stats["num_drafted_tokens"]
    assert stats["num_free_blocks"] == 24


@torch.inference_mode()
def test_logits_are_equal_in_float64(target: Path, divided: Engine) -> None:
    alone = ModelRunner(config(target))
    inputs = lay_out([Span.chain(range(40, 70), 0, [5, 2])], 16, torch.device("cpu"))
    whole, shares = alone._decoder, divided._runner._decoder
    expected = whole.logits(whole.forward(inputs, alone.cache))
    found = shares.logits(shares.forward(inputs, divided._runner.cache))
    torch.testing.assert_close(found, expected, atol=1e-10, rtol=1e-10)
    assert divided._runner.cache.shape[4] * 2 == alone.cache.shape[4]


def run_out(one: Engine) -> None:
    while one.has_work:
        one.step()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_goes_is_told_and_nothing_hangs(target: Path, how: signal.Signals) -> None:
    one = Engine(config(target, tensor_parallel=2, peer_timeout_s=6.0))
    one.submit("r1", PROMPTS[0], GREEDY)
    one.step()
    peers = one._runner._peers
    assert peers is not None
    process = peers._processes[0]
    os.kill(process.pid, how)

    with pytest.raises(PeerLost, match="of the divided model"):
        run_out(one)
    process.kill()
    one.close()
    assert process.poll() is not None


def test_an_engine_that_cannot_be_built_leaves_no_process(
    target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int] = []
    start = subprocess.Popen.__init__

    def noting(self: "subprocess.Popen[bytes]", *args: Any, **named: Any) -> None:
        start(self, *args, **named)
        begun.append(os.pidfd_open(self.pid))

    monkeypatch.setattr(subprocess.Popen, "__init__", noting)
    with pytest.raises(EngineError):
        Engine(config(target, tensor_parallel=2, speculator=str(tmp_path)))
    gc.collect()

    ended, _, _ = select.select(begun, [], [], PATIENCE_S)
    assert len(begun) == 1 and ended == begun
    os.close(begun[0])


def test_a_model_that_cannot_be_divided_is_refused(target: Path) -> None:
    with pytest.raises(InvalidConfig, match="4 heads cannot be divided by 3"):
        Engine(config(target, tensor_parallel=3))


_PROGRAM = """
import sys
from inference import Engine, EngineConfig
config = EngineConfig(model=sys.argv[1], device="cpu", num_blocks=4, tensor_parallel=2)
one = Engine(config)
print(one._runner._peers._processes[0].pid, flush=True)
sys.stdin.read()
"""


def test_nothing_is_left_behind_when_the_first_process_is_killed(target: Path) -> None:
    first = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, target], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert first.stdout is not None and first.stdin is not None
    peer = os.pidfd_open(int(first.stdout.readline()))

    first.kill()

    ended, _, _ = select.select([peer], [], [], PATIENCE_S)
    assert ended, "the other process goes on without the first"
    first.wait()
    first.stdout.close()
    first.stdin.close()
    os.close(peer)
