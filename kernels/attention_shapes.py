"""How attention is cut for a GPU: the sizes of tiles, and the parts of contexts."""

from dataclasses import dataclass

import torch
import triton

from kernels.dispatch import num_processors

MAX_SPLITS = 128
PROGRAMS_A_PROCESSOR = 3


@dataclass(frozen=True)
class Scores:
    """How scores become shares, as `reference.paged_attention` says."""

    scale: float
    window: int | None = None
    softcap: float | None = None
    sinks: torch.Tensor | None = None  # [H]


@dataclass(frozen=True)
class Tile:
    """The sizes of one launch."""

    lanes: int
    keys: int
    warps: int
    stages: int


def pick_tile(lanes: int, width: int, dtype: torch.dtype, is_packed: bool = False) -> Tile:
    """Sizes for sequences of up to so many lanes.

    Of the sizes that compile without spilling for capability 9.0, those with two blocks of keys on
    their way while a third is multiplied, in up to 100 KB, so that consumer cards have room for one
    program and data-centre ones for two or three. No GPU has timed them yet.
    """
    is_wide, lanes = width > 128, max(16, triton.next_power_of_2(lanes))
    if dtype.itemsize > 2:  # no tensor cores: a tile is multiplied in registers
        return Tile(min(lanes, 16 if is_wide else 32), 16, 8, 1)
    keys = 32 if is_wide or is_packed else 64
    if lanes <= 32:
        return Tile(lanes, keys, 4, 3)
    lanes = min(lanes, 64 if is_wide else 128)
    # Products of 64 lanes and more run behind the program, which takes one more block of its own.
    return Tile(lanes, keys, 8 if lanes == 128 or is_wide else 4, 2)


def pick_splits(programs: int, longest: int, keys: int, device: torch.device) -> int:
    """Parts of every context, so that so many programs of whole contexts fill the GPU."""
    # Three programs a processor, as many as fit side by side; a power of two, so that few variants
    # of a graph are needed.
    wanted = PROGRAMS_A_PROCESSOR * num_processors(device) // programs
    possible = min(MAX_SPLITS, -(-longest // keys))
    return 1 << max(0, min(wanted, possible).bit_length() - 1)
