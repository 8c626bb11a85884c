"""What the kernels are timed on: the shapes of an 8 B model (Llama 3) and of Granite 20B code.

A case has the kernel, the truth it is compared with, and what the least work is that it could be
done with: bytes that must cross the memory bus, and products.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch.nn import functional

from kernels import reference, reference_speculator
from kernels.copy_blocks import copy_blocks
from kernels.head_top_k import head_top_k, pack_head
from kernels.layer_norm import add_layer_norm
from kernels.mlp_state import Mixture, mlp_state
from kernels.move_rows import move_rows
from kernels.paged_attention import paged_attention, plan_attention
from kernels.reference import SCALE_BYTES, Angles
from kernels.rms_norm import add_rms_norm
from kernels.rotate_and_store import Heads, rotate_and_store
from kernels.store_kv import store_kv
from kernels.swiglu import swiglu

BLOCK_SIZE = 16


@dataclass(frozen=True)
class Case:
    """One thing to time."""

    name: str
    run: Callable[[], torch.Tensor]
    truth: Callable[[], torch.Tensor]
    num_bytes: float
    """That must be read and written."""
    num_flops: float = 0.0
    tolerance: float = 2e-2
    """Of the truth's norm: what 8 bits of mantissa leave after a sum."""


@dataclass(frozen=True)
class Shapes:
    """Sizes of everything; `small` ones prove on a CPU that the command works."""

    device: torch.device
    dtype: torch.dtype
    groups: int
    fold: int
    width: int
    layers: int
    hidden: int
    middle: int
    vocab: int
    inner: int
    batches: tuple[int, ...]
    contexts: tuple[int, ...]
    prompt: int
    tree: int

    @classmethod
    def large(cls, is_quick: bool) -> "Shapes":
        """Those of an 8 B model."""
        batches, contexts = ((1, 16), (4096,)) if is_quick else ((1, 16, 64), (1024, 4096, 16384))
        return cls(
            torch.device("cuda"), torch.bfloat16, 8, 4, 128, 32, 4096, 14336, 128256, 3072,
            batches, contexts, 2048, 16,
        )  # fmt: skip

    @classmethod
    def small(cls) -> "Shapes":
        """A few programs of each kernel for the interpreter, which multiplies no bfloat16."""
        return cls(
            torch.device("cpu"), torch.float32, 1, 2, 16, 2, 64, 96, 300, 64, (2,), (33,), 20, 5
        )  # fmt: skip

    def random(self, *shape: int) -> torch.Tensor:
        """A tensor of the model's type."""
        return torch.randn(*shape, device=self.device, dtype=torch.float32).to(self.dtype)


def all_cases(shapes: Shapes) -> Iterator[Case]:
    """Every kernel; each case's tensors live until the next is asked for."""
    for batch in shapes.batches:
        for context in shapes.contexts:
            yield attention(shapes, f"decode.batch{batch}.context{context}", batch, 1, context)
    batch, context = shapes.batches[0], shapes.contexts[-1]
    for kind in (torch.int8, torch.float8_e4m3fn):
        name = "int8" if kind == torch.int8 else "e4m3"
        full = shapes.batches[-1]
        yield attention(
            shapes, f"decode.{name}.batch{full}.context{context}", full, 1, context, kind
        )
    many = shapes.groups * shapes.fold * 3 // 2  # heads of Granite 20B, which share one
    name = f"decode.multi_query.context{context}"
    yield attention(shapes, name, batch, 1, context, groups=1, fold=many)
    yield attention(shapes, f"tree.rows{shapes.tree}.context{context}", batch, shapes.tree, context)
    for before in (0, shapes.prompt):
        name = f"prefill.rows{shapes.prompt}.context{before + shapes.prompt}"
        yield attention(shapes, name, 1, shapes.prompt, before + shapes.prompt)
    yield from storing(shapes)
    yield from layer_parts(shapes)
    yield from drafting(shapes)


def attention(
    shapes: Shapes,
    name: str,
    batch: int,
    rows: int,
    context: int,
    kind: torch.dtype | None = None,
    groups: int | None = None,
    fold: int | None = None,
) -> Case:
    """Sequences of equal length on shuffled blocks; several rows of one are a tree or a prompt."""
    groups, fold, width = groups or shapes.groups, fold or shapes.fold, shapes.width
    per_sequence = -(-context // BLOCK_SIZE)
    num_blocks = batch * per_sequence
    row = width + SCALE_BYTES * (kind is not None)
    cache = shapes.random(2, num_blocks, BLOCK_SIZE, groups, width)
    if kind is not None:
        cache = reference.pack_rows(cache, kind)
    is_tree = 1 < rows <= reference.MASK_ROWS
    ancestors = torch.tensor([1 | 1 << at for at in range(rows)] * batch) if is_tree else None
    plan = plan_attention(
        torch.randperm(num_blocks).view(batch, per_sequence),
        torch.arange(batch + 1) * rows,
        torch.full((batch,), context),
        BLOCK_SIZE,
        ancestors,
    )
    query, scale = shapes.random(batch * rows, groups * fold, width), width**-0.5
    heads, seen = groups * fold, context - (0 if is_tree else (rows - 1) / 2)
    kept = batch * context * groups * row * 2 * cache.element_size()
    return Case(
        f"attention.{name}",
        run=lambda: paged_attention(query, cache, plan, scale),
        truth=lambda: reference.paged_attention(
            query, cache, plan.block_tables, plan.query_starts, plan.context_lens, scale, ancestors
        ),
        num_bytes=kept + 2 * query.numel() * query.element_size(),
        num_flops=4.0 * batch * rows * heads * seen * width,
    )


def storing(shapes: Shapes) -> Iterator[Case]:
    """Stores of a prompt's chunk, moves behind a step of trees, copies of blocks."""
    rows, groups, width, heads = (
        shapes.prompt,
        shapes.groups,
        shapes.width,
        shapes.groups * shapes.fold,
    )
    size = shapes.dtype.itemsize
    num_blocks = 4 * -(-rows // BLOCK_SIZE)
    slots = torch.randperm(num_blocks * BLOCK_SIZE, device=shapes.device)[:rows]
    key, value = (shapes.random(rows, groups, width) for _ in range(2))
    for kind in (shapes.dtype, torch.int8):
        packed = SCALE_BYTES * (kind == torch.int8)
        shape = 2, num_blocks, BLOCK_SIZE, groups, width + packed
        caches = [torch.zeros(shape, dtype=kind, device=shapes.device) for _ in range(2)]
        name = "int8" if packed else "plain"
        written = 2 * rows * groups * (width + packed) * kind.itemsize
        yield Case(
            f"store_kv.{name}.rows{rows}",
            run=partial(_changed, caches[0], store_kv, key, value, caches[0], slots),
            truth=partial(_changed, caches[1], reference.store_kv, key, value, caches[1], slots),
            num_bytes=written + 2 * key.numel() * size,
        )
    table = shapes.random(rows, width // 2)
    angles = Angles(
        table, shapes.random(rows, width // 2), torch.arange(rows, device=shapes.device)
    )
    qkv = shapes.random(rows, heads + 2 * groups, width)
    pool = shapes.random(2, num_blocks, BLOCK_SIZE, groups, width)
    yield Case(
        f"rotate_and_store.rows{rows}",
        run=lambda: rotate_and_store(qkv, Heads(heads, angles), pool, slots),
        truth=lambda: reference.rotate_and_store(qkv, heads, angles, None, pool, slots),
        num_bytes=2 * qkv.numel() * size,
    )
    whole = shapes.random(shapes.layers, 2, 64, BLOCK_SIZE, groups, width)
    moved = [whole, whole.clone()]
    sequences = torch.arange(16, device=shapes.device)[:, None] * 4 * BLOCK_SIZE
    sources = sequences + torch.tensor([3, 6, 11, 14], device=shapes.device)
    targets = sequences + torch.tensor([2, 3, 4, 5], device=shapes.device)
    slot_bytes = 2.0 * whole.numel() / (64 * BLOCK_SIZE) * size
    yield Case(
        "move_rows.sequences16",
        run=partial(_changed, moved[0], move_rows, moved[0], sources, targets),
        truth=partial(_changed, moved[1], reference.move_rows, moved[1], sources, targets),
        num_bytes=64 * slot_bytes,
    )
    ids = torch.randperm(64, device=shapes.device)
    copied = [whole.clone(), whole.clone()]

    def halves(pool: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return ids[:32], pool, ids[32:]

    yield Case(
        "copy_blocks.blocks32",
        run=partial(_changed, copied[0], copy_blocks, copied[0], *halves(copied[0])),
        truth=partial(_changed, copied[1], reference.copy_blocks, copied[1], *halves(copied[1])),
        num_bytes=32 * BLOCK_SIZE * slot_bytes,
    )


def layer_parts(shapes: Shapes) -> Iterator[Case]:
    """Norms with the residual sum, and gates, for one row and for a prompt's chunk."""
    size = shapes.dtype.itemsize
    weight, bias = shapes.random(shapes.hidden), shapes.random(shapes.hidden)
    for rows in (1, shapes.prompt):
        x, update = (shapes.random(rows, shapes.hidden) for _ in range(2))
        gate_up = shapes.random(rows, 2 * shapes.middle)
        rms = (x, update, weight, 1e-5)
        layer = (x, update, weight, bias, 1e-5)
        moved = 4 * x.numel() * size
        yield Case(
            f"add_rms_norm.rows{rows}",
            run=partial(_second, add_rms_norm, *rms),
            truth=partial(_second, reference.add_rms_norm, *rms),
            num_bytes=moved,
        )
        yield Case(
            f"add_layer_norm.rows{rows}",
            run=partial(_second, add_layer_norm, *layer),
            truth=partial(_second, reference.add_layer_norm, *layer),
            num_bytes=moved,
        )
        yield Case(
            f"swiglu.rows{rows}",
            run=partial(swiglu, gate_up),
            truth=partial(reference.swiglu, gate_up),
            num_bytes=3 * rows * shapes.middle * size,
        )


def drafting(shapes: Shapes) -> Iterator[Case]:
    """A stage of an MLP speculator for five branches: projection, state, best tokens."""
    branches, inner = 5, shapes.inner
    embedding, projection = shapes.random(shapes.vocab, inner), shapes.random(inner, inner)
    mixture = Mixture(embedding, shapes.random(inner), shapes.random(inner), 0.9, 1.7, 1e-6)
    head = pack_head(shapes.random(shapes.vocab, inner) / inner**0.5)
    state = shapes.random(branches, inner)
    ids = torch.randint(shapes.vocab, (branches,), device=shapes.device)

    def stage() -> torch.Tensor:
        mixed = mlp_state(functional.linear(state, projection), ids, mixture)
        return head_top_k(mixed, head, 6)[1]

    def truth() -> torch.Tensor:
        # Both start from the kernel's state: rounding it moves logits more than a kernel does.
        mixed = mlp_state(functional.linear(state, projection), ids, mixture)
        return reference_speculator.head_top_k(mixed, head, 6)[1]

    moved = (
        head.nibbles.numel() + head.scales.numel() * 2 + projection.numel() * state.element_size()
    )
    yield Case(
        f"draft.stage.vocab{shapes.vocab}",
        stage,
        truth,
        moved,
        2.0 * branches * shapes.vocab * inner,
    )


def _changed(
    result: torch.Tensor, operation: Callable[..., None], *arguments: torch.Tensor
) -> torch.Tensor:
    """What the operation changes in place."""
    operation(*arguments)
    return result


def _second(
    operation: Callable[..., tuple[torch.Tensor, torch.Tensor]], *arguments: object
) -> torch.Tensor:
    return operation(*arguments)[1]
