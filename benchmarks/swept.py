"""Speculation at a known acceptance, against `transformers` in static batches.

The target (`drawn_weights`) says its last token over and over, so what a draft should hold is
known, and a draft is right at each depth as often as it is told to be. What drafting costs is real:
an MLP speculator of the published shape proposes for every step, and only the names of the tokens
are put in for its own. Throughput is of requests of mixed length in the same memory for keys and
values: a static batch sets aside for each the most it may take, and waits for its longest.
"""

import random
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from benchmarks.report import Report, median
from inference import Engine, SamplingParams
from inference.model.config import DecoderConfig
from inference.runner.cuda_graphs import CudaRecorder
from inference.speculation.base import (
    Draft,
    DraftRequest,
    Features,
    FeatureWish,
    Outcome,
    TargetFacts,
)
from inference.speculation.mlp import MlpSpeculator
from inference.speculation.mlp_format import MlpConfig, MlpWeights

ACCEPTANCES = (0.5, 0.6, 0.7, 0.8, 0.9)
STAGES = 4
PEER = "transformers generate(), static batches"
Prompts = Callable[[int], list[list[int]]]


class SweptSpeculator:
    """Drafts a chain of which each token is right with a set probability."""

    name = "mlp"
    wants = FeatureWish(hidden=True)

    def __init__(self, real: MlpSpeculator, vocab_size: int) -> None:
        self.real, self._vocab_size = real, vocab_size
        self.acceptance = ACCEPTANCES[0]
        self._rng = random.Random(0)

    def propose(self, requests: Sequence[DraftRequest]) -> list[Draft]:
        """As long as the real draft would be deep; empty where it is empty."""
        drafts = self.real.propose(requests)
        return [
            self._chain(request, min(STAGES, request.room)) if len(draft) else draft
            for request, draft in zip(requests, drafts, strict=True)
        ]

    def _chain(self, request: DraftRequest, depth: int) -> Draft:
        right = request.token_ids[-1]
        wrong = (right + 1) % self._vocab_size
        ids = [right if self._rng.random() < self.acceptance else wrong for _ in range(depth)]
        return Draft.chain(ids, [self.acceptance] * depth)

    def observe(self, outcomes: Sequence[Outcome], features: Features) -> None:
        """The real one keeps its states."""
        self.real.observe(outcomes, features)

    def forget(self, request_id: str) -> None:
        """The real one drops its state."""
        self.real.forget(request_id)


def drawn_mlp(
    config: DecoderConfig, inner: int, dtype: torch.dtype, device: torch.device
) -> tuple[MlpWeights, MlpConfig]:
    """Random weights of an MLP speculator with four stages of their own for this target."""
    vocab, hidden = config.vocab_size, config.hidden_size

    def draw(*shape: int) -> torch.Tensor:
        return torch.empty(shape, dtype=dtype, device=device).normal_(0, inner**-0.5)

    stages = range(STAGES)
    ones, zeros = (torch.full((inner,), fill, dtype=dtype, device=device) for fill in (1.0, 0.0))
    weights = MlpWeights(
        embeddings=tuple(draw(vocab, inner) for _ in stages),
        projections=(draw(inner, hidden), *(draw(inner, inner) for _ in stages[1:])),
        heads=tuple(draw(vocab, inner) for _ in stages),
        scales=(ones,) * STAGES,
        shifts=(zeros,) * STAGES,
    )
    shape = MlpConfig(
        vocab_size=vocab,
        emb_dim=hidden,
        inner_dim=inner,
        n_predict=STAGES,
        top_k_tokens_per_head=(6, 4, 3, 3),
    )
    return weights, shape


def swept_speculator(
    config: DecoderConfig, inner: int, dtype: torch.dtype, device: torch.device, block_size: int
) -> SweptSpeculator:
    """One over drawn weights, for a target that is not loaded yet."""

    def unused(x: torch.Tensor) -> torch.Tensor:
        raise AssertionError("an MLP speculator has an embedding and heads of its own")

    facts = TargetFacts(
        vocab_size=config.vocab_size,
        hidden_size=config.hidden_size,
        num_layers=config.num_layers,
        max_model_len=config.max_model_len,
        num_blocks=0,
        block_size=block_size,
        dtype=dtype,
        device=device,
        embed=unused,
        logits=unused,
        record=CudaRecorder() if device.type == "cuda" else None,
    )
    real = MlpSpeculator(*drawn_mlp(config, inner, dtype, device), facts)
    return SweptSpeculator(real, config.vocab_size)


def static_batches(model: Any, batch: int, prompts: list[list[int]], num_new: list[int]) -> None:
    """Answer prompts of one length, so many at a time, each batch until its longest is done."""
    for at in range(0, len(prompts), batch):
        ids = torch.tensor(prompts[at : at + batch], device=model.device)
        most = max(num_new[at : at + batch])
        model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=most,
            min_new_tokens=most,
            do_sample=False,
            eos_token_id=None,
            pad_token_id=0,
        )


def measure_swept(
    report: Report,
    engine: Engine,
    speculator: SweptSpeculator,
    theirs: Callable[[list[list[int]], list[int]], object],
    prompts: Prompts,
    num_new: int,
    num_requests: int,
    runs: int,
    acceptances: Sequence[float] = ACCEPTANCES,
) -> None:
    """Latency alone and throughput of many, both sides on prompts that nobody has seen.

    `theirs` answers prompts with so many tokens each.
    """
    rng = random.Random(1)
    lens = [max(4, round(num_new * rng.betavariate(1.2, 3.0))) for _ in range(num_requests)]

    def ours(wanted: list[int]) -> float:
        params = [SamplingParams(max_tokens=one, ignore_eos=True) for one in wanted]
        asked = prompts(len(wanted))
        return _seconds(lambda: engine.generate(asked, params))

    def peer(wanted: list[int]) -> float:
        asked = prompts(len(wanted))
        return _seconds(lambda: theirs(asked, wanted))

    alone_s, many_s = median(lambda: peer([num_new]), runs), median(lambda: peer(lens), runs)
    for acceptance in acceptances:
        speculator.acceptance = acceptance
        before = engine.stats()
        name = f"swept.acceptance{acceptance:.1f}"
        value = median(lambda: ours([num_new]), runs)
        report.add(
            f"{name}.ms_per_token_alone", 1e3 * value / num_new, "ms", PEER, 1e3 * alone_s / num_new
        )
        value = median(lambda: ours(lens), runs)
        report.add(f"{name}.tokens_per_s", sum(lens) / value, "tokens/s", PEER, sum(lens) / many_s)
        after = engine.stats()
        drafted, accepted = (
            after[key] - before[key] for key in ("num_drafted_tokens", "num_accepted_tokens")
        )
        report.add(f"{name}.accepted_of_drafted", accepted / max(1, drafted), "share")


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
