"""Norm, rotation and store in one launch, against the three of the reference."""

import mmap
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.model.rope import Rope, RotaryTable, read_rope
from kernels import reference
from kernels.dispatch import interpreted
from kernels.reference import SCALE_BYTES, Angles, HeadNorms
from kernels.rotate_and_store import Heads, launch, rotate_and_store

SHAPES = {"max_position_embeddings": 64, "hidden_size": 40, "num_attention_heads": 2}
SCALINGS: tuple[dict[str, object], ...] = (
    {"rope_type": "default"},
    {"rope_type": "linear", "factor": 4.0},
    {"rope_type": "dynamic", "factor": 2.0},
    {"rope_type": "yarn", "factor": 4.0},
    {
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 16,
    },
    {
        "rope_type": "longrope",
        "factor": 2.0,
        "short_factor": [1.0 + i / 9 for i in range(10)],
        "long_factor": [2.0 + i / 9 for i in range(10)],
        "original_max_position_embeddings": 32,
    },
)


@dataclass(frozen=True)
class Case:
    qkv: torch.Tensor
    heads: Heads
    cache: torch.Tensor
    slots: torch.Tensor

    def run_reference(self) -> torch.Tensor:
        heads = self.heads
        return reference.rotate_and_store(
            self.qkv, heads.num_heads, heads.angles, heads.norms, self.cache, self.slots
        )


def make_case(
    rope: Rope | None,
    *,
    tokens: int = 5,
    num_heads: int = 3,
    groups: int = 1,
    width: int = 20,
    dtype: torch.dtype = torch.float64,
    kind: torch.dtype | None = None,
    has_norms: bool = False,
    seed: int = 0,
) -> Case:
    generator = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    angles = None
    if rope is not None:
        table = RotaryTable(rope, dtype, torch.device("cpu"))
        positions = torch.randint(rope.max_len, (tokens,), generator=generator)
        angles = Angles(table.cos, table.sin, positions)
    norms = HeadNorms(random(width), random(width), 1e-6) if has_norms else None
    row = width + SCALE_BYTES if kind else width
    cache = torch.full((2, 4, 3, groups, row), 55, dtype=torch.int8 if kind else dtype)
    slots = torch.randperm(12, generator=generator)[:tokens]
    qkv = random(tokens, num_heads + 2 * groups, width)
    return Case(qkv, Heads(num_heads, angles, norms), cache.view(kind or dtype), slots)


def plain_rope(width: int) -> Rope:
    frequencies = 10_000.0 ** -(torch.arange(0, width, 2) / width)
    return Rope(tuple(frequencies.tolist()), 1.0, 50)


@pytest.mark.parametrize("scaling", SCALINGS, ids=lambda one: str(one["rope_type"]))
def test_every_kind_of_rotary_positions(scaling: dict[str, object]) -> None:
    rope = read_rope({"rope_parameters": {"rope_theta": 10_000.0, **scaling}, **SHAPES}, 20)
    assert rope is not None
    case, truth = make_case(rope), make_case(rope)

    query = launch(case.qkv, case.heads, case.cache, case.slots)

    torch.testing.assert_close(query, truth.run_reference(), atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(case.cache, truth.cache, atol=1e-12, rtol=1e-12)


@settings(max_examples=15, deadline=None)
@given(
    tokens=st.integers(1, 6),
    num_heads=st.integers(1, 5),
    groups=st.integers(1, 3),
    width=st.sampled_from([2, 16, 20, 80]),
    has_norms=st.booleans(),
    is_turned=st.booleans(),
    dtype=st.sampled_from([torch.float64, torch.float32, torch.float16]),
    seed=st.integers(0, 1 << 30),
)
def test_any_shape_with_and_without_norms(
    tokens: int,
    num_heads: int,
    groups: int,
    width: int,
    has_norms: bool,
    is_turned: bool,
    dtype: torch.dtype,
    seed: int,
) -> None:
    rope = plain_rope(width) if is_turned else None
    case, truth = (
        make_case(
            rope,
            tokens=tokens,
            num_heads=num_heads,
            groups=groups,
            width=width,
            dtype=dtype,
            has_norms=has_norms,
            seed=seed,
        )
        for _ in range(2)
    )
    case.slots[0] = truth.slots[0] = -1 if tokens > 1 else 0
    tolerance = {torch.float64: 1e-12, torch.float32: 1e-5, torch.float16: 1e-2}[dtype]

    with interpreted():
        query = rotate_and_store(case.qkv, case.heads, case.cache, case.slots)

    expected = truth.run_reference()
    kept = case.slots >= 0
    torch.testing.assert_close(query[kept], expected[kept], atol=tolerance, rtol=tolerance)
    torch.testing.assert_close(case.cache, truth.cache, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("kind", [torch.int8, torch.float8_e4m3fn])
def test_packed_rows_are_those_of_the_reference_up_to_a_step(kind: torch.dtype) -> None:
    case, truth = (make_case(plain_rope(20), kind=kind, has_norms=True) for _ in range(2))

    launch(case.qkv, case.heads, case.cache, case.slots)

    truth.run_reference()
    flat = case.cache.view(torch.int8).view(2, 12, 1, -1).view(kind)
    found = reference.unpack_rows(flat[:, case.slots], torch.float64)
    wanted = truth.cache.view(torch.int8).view(2, 12, 1, -1).view(kind)
    expected = reference.unpack_rows(wanted[:, case.slots], torch.float64)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_cpu_path_is_the_reference() -> None:
    case, truth = (make_case(plain_rope(20), has_norms=True, groups=2) for _ in range(2))

    query = rotate_and_store(case.qkv, case.heads, case.cache, case.slots)

    assert torch.equal(query, truth.run_reference())
    assert torch.equal(case.cache, truth.cache)


def test_heads_are_rounded_where_torch_rounds() -> None:
    case = make_case(
        plain_rope(80), tokens=6, num_heads=5, width=80, dtype=torch.half, has_norms=True
    )

    query = launch(case.qkv, case.heads, case.cache, case.slots)

    normed, _ = reference.turn_heads(case.qkv, 5, None, case.heads.norms)
    angles = case.heads.angles
    assert angles is not None
    cos, sin = (table[angles.positions].double() for table in (angles.cos, angles.sin))
    # The rotation itself is rounded once here, three times in torch.
    expected = reference.rotary(normed[:, :5].double(), cos, sin).half()
    assert (query == expected).double().mean() > 0.99


def test_slots_beyond_32_bits() -> None:
    # 5 GB of addresses, of which a few pages are ever touched.
    slots, row = 1 << 24, 128 + SCALE_BYTES
    few = make_case(plain_rope(128), tokens=1, width=128, dtype=torch.float32, kind=torch.int8)
    few.slots[0] = 0
    with mmap.mmap(-1, 2 * slots * row) as memory:
        cache = torch.frombuffer(memory, dtype=torch.int8).view(2, slots // 16, 16, 1, row)

        launch(few.qkv, few.heads, cache, torch.tensor([slots - 1]))
        launch(few.qkv, few.heads, few.cache, few.slots)

        assert torch.equal(cache[:, -1, -1], few.cache[:, 0, 0])
        assert bool(cache[:, -1, -1, 0, :-SCALE_BYTES].any(-1).all())
        del cache
