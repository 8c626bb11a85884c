"""A step in a larger shape gives what it gives alone, run anew from the same buffers each time.

Capturing needs a GPU; all around it does not. Here a recording is the forward pass over the
buffers, run again at every replay, with the kernels in Triton's interpreter.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
import torch

from inference.model.decoder import Decoder, DecoderInputs
from inference.model.loading import load_model
from inference.model.spans import Span, lay_out
from inference.runner.cuda_graphs import CudaRecorder, GraphedForward
from inference.runner.graph_choice import WANTED
from kernels.dispatch import interpreted
from tests.tiny_models import save_tiny_llama

Result = TypeVar("Result")

HOST = torch.device("cpu")
SHAPE = (1, 2, 12, 16, 2, 16)  # [L, 2, N, S, G, D]


class Rerunner:
    """What captured graphs do, by running the same functions again."""

    def __init__(self) -> None:
        self.num_recorded = 0

    def __call__(self, run: Callable[[], Result]) -> Callable[[], Result]:
        self.num_recorded += 1
        return run


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Decoder:
    folder = save_tiny_llama(tmp_path_factory.mktemp("graphs"), num_layers=1)
    loaded = load_model(folder, torch.float64, HOST)
    assert isinstance(loaded, Decoder)
    return loaded


def step(at: int, *, is_tree: bool) -> DecoderInputs:
    """Two requests: a single row, and five rows of which the last two are of another branch."""
    rows = torch.tensor([1, 1, 3, 7, 9, 25]) if is_tree else None
    branch = [14, 15, 16, 15, 16] if is_tree else range(14, 19)
    spans = [
        Span([40 + at], [at], at, [3, 4]),
        Span([60, 61, 62, 63, 64], list(branch), 14, [7, 8]),
    ]
    return lay_out(spans, 16, HOST, ancestors=rows)


def start(cache: torch.Tensor, model: Decoder) -> None:
    """Both requests' prompts."""
    spans = [Span.chain(range(30, 47), 0, [3, 4]), Span.chain(range(80, 94), 0, [7, 8])]
    model.forward(lay_out(spans, 16, HOST), cache)


@torch.inference_mode()
@pytest.mark.parametrize("is_tree", [False, True])
def test_padding_to_a_shape_changes_no_result(model: Decoder, is_tree: bool) -> None:
    cache = torch.full(SHAPE, float("nan"), dtype=torch.float64)
    cache[:, :, [0, 3, 4, 7, 8]] = 0
    start(cache, model)
    expected_cache, recorder = cache.clone(), Rerunner()

    with interpreted():
        graphed = GraphedForward(model, cache, HOST, recorder)
        for number, at in enumerate(range(17, 17 + WANTED + 1)):
            layers = (0,) if is_tree else ()
            hidden, aux = graphed.forward(step(at, is_tree=is_tree), layers)
            expected = model.forward(step(at, is_tree=is_tree), expected_cache)
            torch.testing.assert_close(hidden, expected, atol=1e-10, rtol=1e-10)
            torch.testing.assert_close(cache, expected_cache, atol=1e-10, rtol=0, equal_nan=True)
            assert (aux is not None) == is_tree
            assert recorder.num_recorded == (number >= WANTED - 1)


@torch.inference_mode()
def test_states_outlive_the_next_step(model: Decoder) -> None:
    cache = torch.zeros(SHAPE, dtype=torch.float64)
    with interpreted():
        graphed = GraphedForward(model, cache, HOST, Rerunner())
        for at in range(WANTED):
            first, _ = graphed.forward(step(at, is_tree=False), ())
        kept = first.clone()
        graphed.forward(step(9, is_tree=False), ())
    assert torch.equal(first, kept)


@torch.inference_mode()
def test_without_memory_for_a_recording_steps_run_as_they_are(model: Decoder) -> None:
    def full(run: Callable[[], Result]) -> Callable[[], Result]:
        raise torch.OutOfMemoryError("no room")

    cache, expected_cache = torch.zeros(2, *SHAPE, dtype=torch.float64).unbind()
    with interpreted():
        graphed = GraphedForward(model, cache, HOST, full)
        for at in range(WANTED + 1):
            hidden, _ = graphed.forward(step(at, is_tree=False), ())
            expected = model.forward(step(at, is_tree=False), expected_cache)
            torch.testing.assert_close(hidden, expected, atol=1e-10, rtol=1e-10)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="captures on a GPU")
@torch.inference_mode()
def test_a_captured_graph_gives_what_a_run_gives(tmp_path: Path) -> None:
    device = torch.device("cuda")
    loaded = load_model(save_tiny_llama(tmp_path, num_layers=1), torch.float32, device)
    assert isinstance(loaded, Decoder)
    cache = torch.zeros(SHAPE, device=device)
    expected_cache = cache.clone()
    graphed = GraphedForward(loaded, cache, device, CudaRecorder())
    plain = GraphedForward(loaded, expected_cache, device, Rerunner())
    for at in range(WANTED + 4):
        for is_tree in (False, True):
            hidden, _ = graphed.forward(step(at, is_tree=is_tree), ())
            expected, _ = plain.forward(step(at, is_tree=is_tree), ())
            torch.testing.assert_close(hidden, expected)
            torch.testing.assert_close(cache, expected_cache)
