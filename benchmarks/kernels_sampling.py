"""What the sampling kernels and products in bytes are timed on."""

from collections.abc import Callable, Iterator

import torch

from benchmarks.kernels_cases import Case, Shapes
from kernels import reference_quantized, reference_sampling
from kernels.quantized_linear import quantized_linear
from kernels.reference_quantized import quantize_rows
from kernels.reference_sampling import Draws, Shaping, TreeRows
from kernels.sample import sample
from kernels.sample_match import sample_match
from kernels.sample_shape import sample_shape

KINDS = {"int8": torch.int8, "e4m3": torch.float8_e4m3fn}
FILTERS = {"greedy": (0.0, 0, 1.0), "plain": (0.8, 0, 1.0), "top_k_p": (0.8, 50, 0.9)}
"""Temperature, top-k and top-p."""


def sampling(shapes: Shapes) -> Iterator[Case]:
    """Rows of one tree: drawn each way, shaped, and walked down."""
    rows, vocab = shapes.tree, shapes.vocab
    logits = 3 * shapes.random(rows, vocab).float()
    for name, filters in FILTERS.items():
        yield _drawn(f"sample.{name}.rows{rows}", logits, _draws(shapes, *filters))
    tree = _chain(shapes)
    shaping = _shaping(shapes)

    def shaped(shape: Callable[[torch.Tensor, TreeRows, Shaping], None]) -> torch.Tensor:
        fresh = logits.clone()  # counted below, for it is timed
        shape(fresh, tree, shaping)
        return fresh.nan_to_num(neginf=0.0)

    yield Case(
        f"sample_shape.rows{rows}",
        lambda: shaped(sample_shape),
        lambda: shaped(reference_sampling.sample_shape),
        5 * logits.nbytes,
    )
    drawn = tree.token_ids.roll(-1)
    yield Case(
        f"sample_match.rows{rows}",
        lambda: sample_match(drawn, tree, rows),
        lambda: reference_sampling.sample_match(drawn, tree, rows),
        5 * drawn.nbytes,
    )


def quantized(shapes: Shapes) -> Iterator[Case]:
    """A layer's second product at one row and at a tree's rows."""
    weight = shapes.random(shapes.hidden, shapes.middle) / shapes.middle**0.5
    for name, kind in KINDS.items():
        steps, scales = quantize_rows(weight, kind)
        for rows in (1, shapes.tree):
            yield _product(f"quantized.{name}.rows{rows}", shapes, rows, steps, scales)


def _drawn(name: str, logits: torch.Tensor, draws: Draws) -> Case:
    return Case(
        name,
        lambda: sample(logits, draws),
        lambda: reference_sampling.sample(logits, draws),
        logits.nbytes,
    )


def _product(
    name: str, shapes: Shapes, rows: int, steps: torch.Tensor, scales: torch.Tensor
) -> Case:
    x = shapes.random(rows, shapes.middle)
    return Case(
        name,
        lambda: quantized_linear(x, steps, scales),
        lambda: reference_quantized.quantized_linear(x, steps, scales),
        steps.nbytes,
        2.0 * rows * steps.numel(),
    )


def _draws(shapes: Shapes, temperature: float, top_k: int, top_p: float) -> Draws:
    rows, device = shapes.tree, shapes.device
    places = torch.arange(rows, device=device)
    doubles = torch.ones(rows, dtype=torch.float64, device=device)
    return Draws(
        temperature=doubles * temperature,
        top_k=places * 0 + top_k,
        top_p=doubles * top_p,
        min_p=doubles * 0,
        seeds=places * 0 + 7,
        positions=places,
    )


def _chain(shapes: Shapes) -> TreeRows:
    """One part, each row below the one before."""
    rows, device = shapes.tree, shapes.device
    places = torch.arange(rows, device=device)
    return TreeRows(
        starts=torch.tensor([0, rows], device=device),
        parts=places * 0,
        parents=places - 1,
        token_ids=torch.cat([places[:1] - 1, places[1:]]),
        ends=places < 0,
    )


def _shaping(shapes: Shapes) -> Shaping:
    """A request that has seen a quarter of the vocabulary, a bias a row, and a mask for all."""
    rows, device = shapes.tree, shapes.device
    seen = torch.arange(max(rows, shapes.vocab // 4), device=device)
    words = -(-shapes.vocab // 32)
    return Shaping(
        penalties=torch.tensor([[1.2, 0.1, 0.1]], dtype=torch.float64, device=device),
        seen_starts=torch.tensor([0, len(seen)], device=device),
        seen_ids=seen,
        seen_counts=seen % 3,
        bias_starts=torch.arange(rows + 1, device=device),
        bias_ids=torch.arange(rows, device=device),
        biases=torch.ones(rows, dtype=torch.float64, device=device),
        mask_rows=torch.zeros(rows, dtype=torch.int64, device=device),
        masks=torch.full((1, words), 0x77777777, dtype=torch.int32, device=device),
    )
