"""Launches of every kernel as models of real sizes make them; see `compile_ahead`.

A `rare_` one differs from another only in sizes or types, and takes its time: it is compiled by
`python -m tests.kernels.compile_ahead 90` without names, not by the suite.
"""

import torch

from kernels import (
    attention_tiles,
    copy_blocks,
    grow_branches,
    head_top_k,
    layer_norm,
    mlp_state,
    move_rows,
    rms_norm,
    rotate_and_store,
    store_kv,
    swiglu,
)
from kernels.attention_plan import plan_attention
from kernels.attention_tiles import Scores
from kernels.reference import SCALE_BYTES, Angles, HeadNorms
from kernels.reference_speculator import Mixture
from kernels.rotate_and_store import Heads

BF16 = torch.bfloat16


def _attend(
    rows: int,
    *,
    fold: int = 4,
    width: int = 128,
    dtype: torch.dtype = BF16,
    kept: torch.dtype | None = None,
    scores: Scores | None = None,
    is_tree: bool = False,
    num_splits: int = 1,
) -> None:
    kept = kept or dtype
    row = width + SCALE_BYTES * (kept != dtype)
    cache = torch.zeros(2, 4, 16, 8, row, dtype=torch.int8 if kept != dtype else dtype).view(kept)
    plan = plan_attention(
        torch.zeros(1, 4, dtype=torch.long),
        torch.tensor([0, rows]),
        torch.tensor([64]),
        16,
        torch.full((rows,), 1) if is_tree else None,
    )
    query = torch.zeros(rows, 8 * fold, width, dtype=dtype)
    attention_tiles.launch(query, cache, plan, scores or Scores(0.1), num_splits)


def attention_decode() -> None:
    _attend(1, num_splits=4)


def rare_attention_tree() -> None:
    _attend(16, is_tree=True, num_splits=4)


def attention_prefill() -> None:
    _attend(64)


def rare_attention_width_64() -> None:
    _attend(64, width=64)


def rare_attention_width_80() -> None:
    _attend(64, width=80)


def rare_attention_width_96() -> None:
    _attend(64, width=96)


def rare_attention_width_256() -> None:
    _attend(64, width=256)


def rare_attention_width_256_decode() -> None:
    _attend(1, width=256)


def attention_window_cap_sinks() -> None:
    sinks = torch.zeros(32, dtype=BF16)
    _attend(16, is_tree=True, scores=Scores(0.1, window=32, softcap=30.0, sinks=sinks))


def rare_attention_multi_query() -> None:
    _attend(1, fold=48)


def attention_int8_decode() -> None:
    _attend(1, kept=torch.int8)


def rare_attention_int8_tree() -> None:
    _attend(16, kept=torch.int8, is_tree=True)


def rare_attention_int8_prefill() -> None:
    _attend(64, kept=torch.int8)


def rare_attention_float8_decode() -> None:
    _attend(1, kept=torch.float8_e4m3fn)


def rare_attention_float16() -> None:
    _attend(64, dtype=torch.float16)


def rare_attention_float32() -> None:
    _attend(64, dtype=torch.float32)


def rare_attention_float32_decode() -> None:
    _attend(1, dtype=torch.float32)


def rare_attention_float64() -> None:
    _attend(16, width=64, dtype=torch.float64)


def _store(kept: torch.dtype, row: int = 128) -> None:
    rows = torch.zeros(5, 8, 128, dtype=BF16)
    store_kv.launch(rows, rows, torch.zeros(2, 4, 16, 8, row).to(kept), torch.zeros(5).long())


def store_plain() -> None:
    _store(BF16)


def store_int8() -> None:
    _store(torch.int8, 128 + SCALE_BYTES)


def rare_store_float8() -> None:
    _store(torch.float8_e4m3fn, 128 + SCALE_BYTES)


def move() -> None:
    slots = torch.zeros(2, 4).long()
    move_rows.launch(torch.zeros(2, 2, 4, 16, 8, 128, dtype=BF16), slots, slots)


def copy() -> None:
    ids, cache = torch.zeros(2).long(), torch.zeros(2, 2, 4, 16, 8, 128, dtype=BF16)
    copy_blocks.launch(cache, ids, cache, ids)


def norms() -> None:
    x, weight = torch.zeros(3, 4096, dtype=BF16), torch.zeros(4096, dtype=BF16)
    rms_norm.launch(x, x.clone(), weight, 1e-5, 1.0)
    layer_norm.launch(x, x.clone(), weight, weight, 1e-5, 1.0)


def gates() -> None:
    swiglu.launch(torch.zeros(3, 2 * 14336, dtype=BF16))


def _rotate(kept: torch.dtype, row: int = 128, num_heads: int = 32, groups: int = 8) -> None:
    table, weight = torch.zeros(64, 64, dtype=BF16), torch.zeros(128, dtype=BF16)
    slots = torch.zeros(3).long()
    heads = Heads(num_heads, Angles(table, table, slots), HeadNorms(weight, weight, 1e-6))
    cache = torch.zeros(2, 4, 16, groups, row).to(kept)
    qkv = torch.zeros(3, num_heads + 2 * groups, 128, dtype=BF16)
    rotate_and_store.launch(qkv, heads, cache, slots)


def rotate() -> None:
    _rotate(BF16)


def rotate_int8() -> None:
    _rotate(torch.int8, 128 + SCALE_BYTES)


def rare_rotate_many_heads() -> None:
    _rotate(BF16, num_heads=128)


def rare_rotate_int8_as_many_groups() -> None:
    _rotate(torch.int8, 128 + SCALE_BYTES, num_heads=64, groups=64)


def draft_state() -> None:
    rows, one = torch.zeros(5, 3072, dtype=BF16), torch.zeros(3072, dtype=BF16)
    mlp_state.launch(rows, torch.zeros(5).long(), Mixture(rows, one, one, 0.9, 1.7, 1e-6))


def draft_head() -> None:
    head = head_top_k.pack_head(torch.zeros(128256, 128))
    head_top_k.launch(torch.zeros(5, 128, dtype=BF16), head, 6)


def rare_draft_head_of_a_large_vocabulary() -> None:
    head = head_top_k.pack_head(torch.zeros(262144, 128))
    head_top_k.launch(torch.zeros(64, 128, dtype=BF16), head, 6)


def draft_branches() -> None:
    ids, paths = torch.zeros(2, 5, 6).long(), torch.zeros(2, 5, dtype=torch.float64)
    grow_branches.launch(ids, torch.zeros(2, 5, 6), paths, 5)
