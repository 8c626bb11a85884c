"""Shares of a model in threads of one process: every family divides, and the sum is the whole."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from inference.model.building import Build
from inference.model.decoder import Decoder
from inference.model.loading import load_model
from inference.model.parallel import Share
from inference.model.spans import Span, lay_out
from tests.inference.model.parity import VOCAB
from tests.inference.model.shapes import SHAPE
from tests.patience import PATIENCE_S

HOST = torch.device("cpu")
BIGCODE: dict[str, Any] = {
    "vocab_size": VOCAB,
    "n_embd": 64,
    "n_layer": 2,
    "n_head": 4,
    "n_inner": 96,
    "n_positions": 64,
    "multi_query": True,
    "eos_token_id": 0,
}
FAMILIES: dict[str, Callable[[], Any]] = {
    "llama": lambda: transformers.LlamaForCausalLM(transformers.LlamaConfig(**SHAPE)),
    "llama with biases, tied": lambda: transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            **SHAPE, attention_bias=True, mlp_bias=True, tie_word_embeddings=True
        )
    ),
    "qwen3": lambda: transformers.Qwen3ForCausalLM(transformers.Qwen3Config(**SHAPE, head_dim=16)),
    "granite 20b": lambda: transformers.GPTBigCodeForCausalLM(
        transformers.GPTBigCodeConfig(**BIGCODE)
    ),
}


class Threads:
    """What threads of one process do together."""

    def __init__(self, size: int) -> None:
        self._barrier = threading.Barrier(size, timeout=PATIENCE_S)
        self.given: list[torch.Tensor] = [torch.empty(0)] * size

    def all(self, rank: int, x: torch.Tensor) -> list[torch.Tensor]:
        self.given[rank] = x.clone()
        self._barrier.wait()
        found = list(self.given)
        self._barrier.wait()
        return found


class OfRank:
    def __init__(self, threads: Threads, rank: int) -> None:
        self._threads, self._rank = threads, rank

    def sum(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack(self._threads.all(self._rank, x)).sum(0)

    def join(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat(self._threads.all(self._rank, x), -1)


def save(make: Callable[[], Any], folder: Path) -> Path:
    torch.manual_seed(0)
    model = make()
    for one in model.parameters():
        torch.nn.init.normal_(one, std=0.2)  # biases and norms too
    model.save_pretrained(folder)
    return folder


def load(folder: Path, build: Build) -> Decoder:
    model = load_model(folder, torch.float64, HOST, build)
    assert isinstance(model, Decoder)
    return model


def logits(model: Decoder) -> torch.Tensor:
    with torch.inference_mode():
        config = model.config
        shape = config.num_layers, 2, 4, 16, config.num_kv_heads, config.head_dim
        spans = [Span.chain(range(5, 25), 0, [1, 3]), Span.chain([7], 0, [2])]
        cache = torch.zeros(shape, dtype=torch.float64)
        return model.logits(model.forward(lay_out(spans, 16, HOST), cache))


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("size", [2, 4])
def test_shares_add_up_to_the_whole(tmp_path: Path, name: str, size: int) -> None:
    folder = save(FAMILIES[name], tmp_path)
    expected = logits(load(folder, Build()))
    together = Threads(size)
    found: dict[int, torch.Tensor] = {}

    def run(rank: int) -> None:
        share = Share(rank, size, OfRank(together, rank))
        found[rank] = logits(load(folder, Build(share=share)))

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    for rank in range(size):
        torch.testing.assert_close(found[rank], expected, atol=1e-10, rtol=1e-10)
