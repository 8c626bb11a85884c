"""The Triton kernel behind `paged_attention`, in the interpreter, against the reference.

In float64 both accumulate in float64, so the tolerance is that of another order of summation.
"""

import mmap
from dataclasses import dataclass, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import attention_tiles, reference
from kernels.attention_plan import AttentionPlan, plan_attention
from kernels.attention_tiles import Scores, Tile, pick_tile
from kernels.dispatch import interpreted
from kernels.paged_attention import paged_attention
from kernels.reference import SCALE_BYTES, pack_rows

SMALL = Tile(lanes=16, keys=16, warps=4, stages=2)


@dataclass(frozen=True)
class Case:
    """Ragged rows over blocks of a pool whose other slots are all NaN."""

    query: torch.Tensor  # [T, H, D] float64
    cache: torch.Tensor  # [2, N, S, G, D] float64
    tables: torch.Tensor
    starts: torch.Tensor
    contexts: torch.Tensor
    ancestors: torch.Tensor | None
    block_size: int

    def plan(self) -> AttentionPlan:
        return plan_attention(
            self.tables, self.starts, self.contexts, self.block_size, self.ancestors
        )

    def expected(self, cache: torch.Tensor, scores: Scores) -> torch.Tensor:
        return reference.paged_attention(
            self.query,
            cache,
            self.tables,
            self.starts,
            self.contexts,
            scores.scale,
            self.ancestors,
            scores.window,
            scores.softcap,
            scores.sinks,
        )


def make_case(
    rows: list[int],
    befores: list[int],
    *,
    fold: int = 2,
    groups: int = 2,
    width: int = 16,
    block_size: int = 4,
    is_tree: bool = False,
    seed: int = 0,
) -> Case:
    """Sequences of these rows behind these contexts; what no sequence holds is NaN."""
    generator = torch.Generator().manual_seed(seed)
    contexts = [count + before for count, before in zip(rows, befores, strict=True)]
    needed = [-(-context // block_size) for context in contexts]
    num_blocks = sum(needed) + 2
    blocks = torch.randperm(num_blocks, generator=generator)
    tables = torch.full((len(rows), max(needed) + 1), num_blocks * 1000)  # to be ignored
    cache = torch.full((2, num_blocks, block_size, groups, width), float("nan")).double()
    flat = cache.view(2, -1, groups, width)
    taken = 0
    for b, context in enumerate(contexts):
        tables[b, : needed[b]] = blocks[taken : taken + needed[b]]
        taken += needed[b]
        at = torch.arange(context)
        slots = tables[b, at // block_size] * block_size + at % block_size
        flat[:, slots] = torch.randn(
            2, context, groups, width, generator=generator, dtype=torch.float64
        )
    query = torch.randn(sum(rows), fold * groups, width, generator=generator, dtype=torch.float64)
    ancestors = random_trees(rows, generator) if is_tree else None
    starts = torch.tensor([0, *rows]).cumsum(0)
    return Case(query, cache, tables, starts, torch.tensor(contexts), ancestors, block_size)


def random_trees(rows: list[int], generator: torch.Generator) -> torch.Tensor:
    """Each row hangs on any row before it; of too many rows the bits are noise."""
    bits: list[int] = []
    for count in rows:
        own: list[int] = []
        for row in range(count):
            parent = int(torch.randint(-1, max(row, 1), (1,), generator=generator))
            above = own[parent] if 0 <= parent < row else 0
            own.append((above | 1 << row) if count <= reference.MASK_ROWS else row)
        bits += own
    return torch.tensor(bits)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    rows = draw(st.lists(st.integers(1, 9), min_size=1, max_size=3))
    return make_case(
        rows,
        [draw(st.integers(0, 40)) for _ in rows],
        fold=draw(st.sampled_from([1, 2, 3, 7])),
        groups=draw(st.sampled_from([1, 1, 2])),
        width=draw(st.sampled_from([8, 16, 20])),
        block_size=draw(st.sampled_from([1, 4, 16])),
        is_tree=draw(st.booleans()),
        seed=draw(st.integers(0, 1 << 30)),
    )


@settings(max_examples=8, deadline=None)
@given(
    case=cases(),
    window=st.sampled_from([None, None, 1, 7, 33]),
    num_splits=st.sampled_from([1, 2, 3]),
    softcap=st.sampled_from([None, None, 1.5]),
    has_sinks=st.booleans(),
)
def test_ragged_rows_attend_as_in_the_reference(
    case: Case, window: int | None, num_splits: int, softcap: float | None, has_sinks: bool
) -> None:
    heads = case.query.shape[1]
    sinks = torch.linspace(-1, 2, heads, dtype=torch.float64) if has_sinks else None
    scores = Scores(0.3, window, softcap, sinks)

    attended = attention_tiles.launch(
        case.query, case.cache, case.plan(), scores, num_splits, SMALL
    )

    expected = case.expected(case.cache, scores)
    torch.testing.assert_close(attended, expected, atol=1e-11, rtol=1e-11)


@pytest.mark.parametrize("window", [None, 7])
@pytest.mark.parametrize("is_tree", [False, True])
def test_prompts_single_rows_and_trees_go_together(is_tree: bool, window: int | None) -> None:
    rows, befores = [65, 1, 1, 9], [3, 40, 0, 30]
    case = make_case(rows, befores, fold=3, groups=1, is_tree=is_tree)

    attended = attention_tiles.launch(
        case.query, case.cache, case.plan(), Scores(0.3, window), 2, Tile(64, 32, 4, 2)
    )

    expected = case.expected(case.cache, Scores(0.3, window))
    torch.testing.assert_close(attended, expected, atol=1e-11, rtol=1e-11)


@pytest.mark.parametrize("before", [15, 16])
def test_no_row_of_a_tree_is_taken_for_context(before: int) -> None:
    # At 15 the tile that everybody sees would be full with the first row, which only it may see.
    case = replace(make_case([3], [before], groups=1), ancestors=torch.tensor([1, 2, 4]))

    attended = attention_tiles.launch(case.query, case.cache, case.plan(), Scores(0.3), 1, SMALL)

    expected = case.expected(case.cache, Scores(0.3))
    torch.testing.assert_close(attended, expected, atol=1e-11, rtol=1e-11)


# float16 keeps 11 bits of a share and of a value; sums are float32.
@pytest.mark.parametrize(
    "width, dtype, tolerance",
    [
        (64, torch.float32, 2e-6),
        (80, torch.float16, 3e-3),
        (96, torch.float32, 2e-6),
        (128, torch.float16, 3e-3),
        (256, torch.float16, 3e-3),
    ],
)
def test_every_width_in_the_tiles_that_a_gpu_gets(
    width: int, dtype: torch.dtype, tolerance: float
) -> None:
    case = make_case([1, 5], [140, 12], fold=4, width=width, block_size=16, is_tree=True)
    query, cache = case.query.to(dtype), case.cache.to(dtype)
    case = replace(case, query=query.double(), cache=cache.double())
    scores = Scores(width**-0.5)

    attended = attention_tiles.launch(query, cache, case.plan(), scores, num_splits=2)

    expected = case.expected(case.cache, scores)
    torch.testing.assert_close(attended.double(), expected, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("kind", [torch.int8, torch.float8_e4m3fn])
@pytest.mark.parametrize(
    "width, dtype", [(20, torch.float64), (80, torch.float32), (20, torch.float16)]
)
def test_packed_rows_are_read_as_what_they_hold(
    width: int, dtype: torch.dtype, kind: torch.dtype
) -> None:
    case = make_case([1, 6], [40, 9], fold=2, width=width, is_tree=True)
    cache = pack_rows(case.cache, kind)  # what no sequence holds has NaN as its scale
    query = case.query.to(dtype)
    tolerance = {torch.float64: 1e-6, torch.float32: 1e-5, torch.float16: 3e-3}[dtype]

    attended = attention_tiles.launch(query, cache, case.plan(), Scores(0.2), 2, SMALL)

    expected = replace(case, query=query.double()).expected(cache, Scores(0.2))
    torch.testing.assert_close(attended.double(), expected, atol=tolerance, rtol=tolerance)


def test_every_e4m3_byte_is_what_torch_says() -> None:
    codes = torch.arange(256, dtype=torch.uint8).view(torch.float8_e4m3fn)
    codes = codes[codes.float().isfinite()]
    rows = torch.zeros(1, 256)
    rows[0, : len(codes)] = codes.float()

    packed = pack_rows(rows, torch.float8_e4m3fn)

    assert packed.view(torch.int8)[0, -SCALE_BYTES:].view(torch.float32) == 1.0
    cache = torch.zeros(2, 1, 1, 1, 256 + SCALE_BYTES, dtype=torch.int8)
    cache[1, 0, 0, 0] = packed.view(torch.int8)
    plan = plan_attention(torch.zeros(1, 1).long(), torch.tensor([0, 1]), torch.tensor([1]), 1)
    query = torch.zeros(1, 1, 256)
    attended = attention_tiles.launch(query, cache.view(torch.float8_e4m3fn), plan, Scores(1.0))
    assert torch.equal(attended[0], rows)


def test_a_row_is_the_same_whatever_stands_beside_it() -> None:
    alone = make_case([3], [50], seed=1)
    together = make_case([3, 12, 1], [50, 2, 9], seed=1)
    flat = together.cache.view(2, -1, 2, 16)
    slots = [
        (case.tables[0, torch.arange(53) // 4] * 4 + torch.arange(53) % 4)
        for case in (alone, together)
    ]
    flat[:, slots[1]] = alone.cache.view(2, -1, 2, 16)[:, slots[0]]
    query = torch.cat([alone.query, together.query[3:]])

    first = attention_tiles.launch(alone.query, alone.cache, alone.plan(), Scores(1.0), 2, SMALL)
    other = attention_tiles.launch(query, together.cache, together.plan(), Scores(1.0), 2, SMALL)

    assert torch.equal(first, other[:3])


# Of padding there is nothing to join, which only the interpreter notices.
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_padding_of_a_captured_step_is_left_alone() -> None:
    case = make_case([2, 5], [20, 0])
    plan = AttentionPlan(
        torch.cat([case.tables, torch.full((3, case.tables.shape[1]), 1 << 30)]).int(),
        torch.tensor([0, 2, 7, 7, 7, 7], dtype=torch.int32),
        torch.tensor([22, 5, 0, 0, 0], dtype=torch.int32),
        None,
        longest=1000,
        most_rows=16,
        block_size=4,
        native=None,
    )
    query = torch.cat([case.query, torch.full((4, *case.query.shape[1:]), float("nan"))])

    for num_splits in (1, 4):
        attended = attention_tiles.launch(query, case.cache, plan, Scores(0.5), num_splits)

        expected = case.expected(case.cache, Scores(0.5))
        torch.testing.assert_close(attended[:7], expected, atol=1e-11, rtol=1e-11)


def test_addresses_beyond_32_bits() -> None:
    # 5 GiB of addresses, of which two pages are ever touched.
    slots, width = 1 << 22, 16
    with mmap.mmap(-1, 2 * slots * 40 * width * 4) as memory:
        pool = torch.frombuffer(memory, dtype=torch.float32)
        cache = pool.view(2, slots // 16, 16, 40, width)
        keys_values = torch.randn(2, 1, 40, width)
        cache[:, -1, -1] = keys_values[:, 0]
        table = torch.zeros(1, 1).long() + slots // 16 - 1
        cache[:, -1, :-1] = 0
        plan = plan_attention(table, torch.tensor([0, 1]), torch.tensor([16]), 16)
        query = torch.randn(1, 40, width)

        attended = attention_tiles.launch(query, cache, plan, Scores(1.0))

        few = cache[:, -1:].clone()
        del cache, pool
    plan = replace(plan, block_tables=torch.zeros(1, 1).long())
    expected = attention_tiles.launch(query, few, plan, Scores(1.0))
    assert torch.equal(attended, expected)
    assert not torch.equal(expected, torch.zeros_like(expected))


def test_the_face_switches_over() -> None:
    case = make_case([1, 20], [30, 3], is_tree=True)
    expected = case.expected(case.cache, Scores(0.5, 6))

    with interpreted():
        attended = paged_attention(case.query, case.cache, case.plan(), 0.5, 6)

    torch.testing.assert_close(attended, expected, atol=1e-11, rtol=1e-11)


def test_lanes_fill_the_tile() -> None:
    assert pick_tile(4, 128, torch.bfloat16).lanes == 16  # one row of 4 heads a group
    assert pick_tile(64, 128, torch.bfloat16).lanes == 64  # 16 rows of a tree: one tile
    assert pick_tile(4096, 128, torch.bfloat16).lanes == 128
