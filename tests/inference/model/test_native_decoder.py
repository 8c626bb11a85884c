"""The decoder in C++ against the one in torch, for every switch it knows."""

from pathlib import Path

import pytest
import torch

from inference.model.config import describe
from inference.model.decoder import Decoder, DecoderInputs
from inference.model.families import read_native
from inference.model.native_decoder import NativeModel, suits
from kernels.native.attention import NativeKernels
from kernels.paged_attention import plan_attention
from kernels.reference import SCALE_BYTES, pack_rows, unpack_rows
from tests.inference.model.parity import VOCAB, save_random
from tests.inference.model.test_decoder import CASES
from tests.kernels.conftest import kernels, kernels_library

__all__ = ["kernels", "kernels_library"]

BLOCK, NUM_BLOCKS = 8, 24
CPU = torch.device("cpu")
NATIVE = [name for name in CASES if name != "gpt-bigcode"]
# bfloat16 keeps 8 bits of keys and values; int8 weights keep 7.
TOLERANCES = {torch.float64: 1e-9, torch.float32: 1e-3, torch.bfloat16: 1.0}


def load(
    name: str,
    folder: Path,
    kernels: NativeKernels,
    weights: torch.dtype,
    cache: torch.dtype | None = None,
) -> tuple[NativeModel, Decoder]:
    save_random(*CASES[name], folder)
    described = read_native(describe(folder))
    assert described is not None and suits(described[0])
    cache = cache or (torch.bfloat16 if weights == torch.int8 else weights)
    ours = NativeModel(folder, *described, kernels, weights, cache)
    return ours, Decoder(folder, *described, torch.float64, CPU)


def rows_of(
    num_rows: list[int], contexts: list[int], ancestors: torch.Tensor | None = None
) -> DecoderInputs:
    """Rows at the end of sequences whose blocks are scattered over the pool."""
    generator = torch.Generator().manual_seed(3)
    needed = [-(-context // BLOCK) for context in contexts]
    order = torch.randperm(NUM_BLOCKS, generator=generator)
    tables = torch.zeros(len(contexts), max(needed), dtype=torch.long)
    positions, slots, first = [], [], 0
    for row, count, context, own in zip(tables, num_rows, contexts, needed, strict=True):
        row[:own] = order[first : first + own]
        first += own
        own_positions = torch.arange(context - count, context)
        positions.append(own_positions)
        slots.append(row[own_positions // BLOCK] * BLOCK + own_positions % BLOCK)
    starts = torch.tensor([0, *num_rows]).cumsum(0)
    plan = plan_attention(tables, starts, torch.tensor(contexts), BLOCK, ancestors)
    ids = torch.randint(VOCAB, (sum(num_rows),), generator=generator)
    return DecoderInputs(ids, torch.cat(positions), torch.cat(slots), plan)


def filled_cache(model: Decoder | NativeModel, dtype: torch.dtype) -> torch.Tensor:
    config = model.config
    shape = (config.num_layers, 2, NUM_BLOCKS, BLOCK, config.num_kv_heads, config.head_dim)
    cache = torch.randn(shape, generator=torch.Generator().manual_seed(5))
    return pack_rows(cache) if dtype == torch.int8 else cache.to(dtype)


def check(
    ours: NativeModel, truth: Decoder, inputs: DecoderInputs, dtype: torch.dtype
) -> torch.Tensor:
    cache = filled_cache(truth, dtype)
    expected_cache = cache.double()
    hidden = ours.forward(inputs, cache)
    expected = truth.forward(inputs, expected_cache)
    most = TOLERANCES[dtype]
    torch.testing.assert_close(hidden.double(), expected, atol=most, rtol=0.0)
    torch.testing.assert_close(cache.double(), expected_cache, atol=most, rtol=0.0)
    logits = ours.logits(hidden)
    torch.testing.assert_close(logits.double(), truth.logits(expected), atol=most * 20,
                               rtol=0.0)  # fmt: skip
    return logits


@pytest.mark.parametrize("weights", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("name", NATIVE)
def test_ragged_rows_of_every_family(
    name: str, weights: torch.dtype, tmp_path: Path, kernels: NativeKernels
) -> None:
    ours, truth = load(name, tmp_path, kernels, weights)

    check(ours, truth, rows_of([1, 5, 33, 2], [1, 40, 33, 60]), weights)


@pytest.mark.parametrize("name", ["llama", "mistral-window", "qwen2-half-windowed"])
def test_trees_see_their_ancestors_only(name: str, tmp_path: Path, kernels: NativeKernels) -> None:
    ours, truth = load(name, tmp_path, kernels, torch.float64)
    # A root with two children, the first with two of its own; beside it a long chain.
    tree = torch.tensor([0b1, 0b11, 0b101, 0b1011, 0b10011, *[0] * 70])
    inputs = rows_of([5, 70], [20, 80], tree)
    depths = inputs.positions.clone()
    depths[:5] = torch.tensor([15, 16, 16, 17, 17])
    inputs = DecoderInputs(inputs.token_ids, depths, inputs.slot_mapping, inputs.attention)

    check(ours, truth, inputs, torch.float64)


@pytest.mark.parametrize("weights", [torch.bfloat16, torch.int8], ids=str)
def test_small_weights_stay_near_the_truth(
    weights: torch.dtype, tmp_path: Path, kernels: NativeKernels
) -> None:
    ours, truth = load("llama", tmp_path, kernels, weights)
    inputs = rows_of([1, 5, 33, 2], [1, 40, 33, 60])
    cache = filled_cache(truth, torch.bfloat16)
    expected_cache = cache.double()

    logits = ours.logits(ours.forward(inputs, cache)).double()

    expected = truth.logits(truth.forward(inputs, expected_cache))
    error = (logits - expected).std() / expected.std()
    assert 0 < error < (0.05 if weights == torch.bfloat16 else 0.15)


@pytest.mark.parametrize("window", ["mistral-window", "llama"])
def test_packed_blocks_are_written_and_read_as_torch_does(
    window: str, tmp_path: Path, kernels: NativeKernels
) -> None:
    ours, truth = load(window, tmp_path, kernels, torch.float32, torch.int8)
    inputs, cache = rows_of([1, 5, 33, 2], [1, 40, 33, 60]), filled_cache(truth, torch.int8)
    expected_cache = cache.clone()

    hidden = ours.forward(inputs, cache)

    expected = truth.forward(inputs, expected_cache)
    steps, expected_steps = (one[..., :-SCALE_BYTES].int() for one in (cache, expected_cache))
    assert int((steps - expected_steps).abs().max()) <= 1  # halves may fall either way
    torch.testing.assert_close(
        unpack_rows(cache, torch.float64), unpack_rows(expected_cache, torch.float64),
        atol=0.1, rtol=0.0,
    )  # fmt: skip
    error = (hidden.double() - expected).std() / expected.std()
    assert error < 0.02


def test_a_packed_row_that_is_no_number_stays_visible(
    tmp_path: Path, kernels: NativeKernels
) -> None:
    ours, truth = load("llama", tmp_path, kernels, torch.float32, torch.int8)
    inputs, cache = rows_of([1, 1], [9, 20]), filled_cache(truth, torch.int8)
    block = int(inputs.attention.block_tables[0, 0])
    cache[0, 0, block, 2, :, -SCALE_BYTES:] = torch.tensor([torch.nan]).view(torch.int8)

    hidden = ours.forward(inputs, cache)

    assert hidden[0].isnan().all()
    assert hidden[1].isfinite().all()


@pytest.mark.parametrize(
    ("weights", "dtype"),
    [
        (torch.float32, torch.float32),
        (torch.bfloat16, torch.bfloat16),
        (torch.int8, torch.bfloat16),
        (torch.bfloat16, torch.int8),
        (torch.int8, torch.int8),
    ],
    ids=str,
)
def test_a_row_does_not_depend_on_its_neighbours(
    weights: torch.dtype,
    dtype: torch.dtype,
    tmp_path: Path,
    kernels: NativeKernels,
    kernels_library: Path,
) -> None:
    ours, truth = load("qwen2", tmp_path, kernels, weights, dtype)
    described = read_native(describe(tmp_path))
    assert described is not None
    on_one_thread = NativeKernels(kernels_library, num_threads=1)
    lone = NativeModel(tmp_path, *described, on_one_thread, weights, dtype)
    counts, contexts = [1, 7, 30, 4], [9, 20, 33, 60]
    inputs, cache = rows_of(counts, contexts), filled_cache(truth, dtype)
    together = ours.logits(ours.forward(inputs, cache))

    first, plan = 0, inputs.attention
    for index, (count, context) in enumerate(zip(counts, contexts, strict=True)):
        for row in range(first, first + count):  # one by one, as decoding would
            length = context - count + row - first + 1
            alone = plan_attention(
                plan.block_tables[index : index + 1], torch.tensor([0, 1]), torch.tensor([length]),
                BLOCK,
            )  # fmt: skip
            own = slice(row, row + 1)
            step = DecoderInputs(
                inputs.token_ids[own], inputs.positions[own], inputs.slot_mapping[own], alone
            )
            hidden = lone.forward(step, cache)
            torch.testing.assert_close(lone.logits(hidden), together[own], atol=0.0, rtol=0.0)
        first += count


def test_aux_streams_are_those_of_torch(tmp_path: Path, kernels: NativeKernels) -> None:
    ours, truth = load("llama", tmp_path, kernels, torch.float64)
    inputs = rows_of([3, 2], [10, 12])
    layers = (1, 0)

    _, aux = ours.forward_with_aux(inputs, filled_cache(truth, torch.float64), layers)

    _, expected = truth.forward_with_aux(inputs, filled_cache(truth, torch.float64), layers)
    torch.testing.assert_close(aux, expected, atol=1e-9, rtol=0.0)


def test_many_steps_on_many_threads_give_one_result(tmp_path: Path, kernels_library: Path) -> None:
    on_many = NativeKernels(kernels_library, num_threads=5)
    ours, truth = load("llama", tmp_path, on_many, torch.float32)
    inputs = rows_of([40, 40], [50, 60])
    cache = filled_cache(truth, torch.float32)
    first = ours.forward(inputs, cache).clone()

    for _ in range(40):
        torch.testing.assert_close(ours.forward(inputs, cache), first, atol=0.0, rtol=0.0)


def test_what_is_not_a_number_stays_visible(tmp_path: Path, kernels: NativeKernels) -> None:
    ours, truth = load("llama", tmp_path, kernels, torch.int8)
    inputs = rows_of([2, 1], [10, 5])
    cache = filled_cache(truth, torch.bfloat16)
    cache[0, 1, inputs.attention.block_tables[0, 0], 0] = float("nan")

    hidden = ours.forward(inputs, cache)

    assert hidden[:2].isnan().any(1).all()
    assert hidden[2].isfinite().all()
