"""One model's weights divided over several processes, as in Megatron-LM (arXiv 1909.08053).

Query, key, value, gate and up are divided by their outputs, so each process has some heads and some
columns of the middle; the products that follow are divided by their inputs, and their sums over all
processes are the layer's. The vocabulary's head is divided by its rows and the logits are joined.
Everything else (embedding, norms, residual stream) is whole in every process.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import torch
from torch.nn.functional import pad

from inference.errors import InvalidConfig
from inference.model.config import DecoderConfig
from inference.model.families import WeightNames
from inference.model.weights import Tensors


class Collectives(Protocol):
    """What processes do together; each call is made by all of them, in the same order."""

    def sum(self, x: torch.Tensor) -> torch.Tensor:
        """The sum over all processes, of the same bits in each; may change `x`."""
        ...

    def join(self, x: torch.Tensor) -> torch.Tensor:
        """The last axes of all processes' tensors, end to end in the order of ranks."""
        ...


def divided(whole: DecoderConfig, size: int) -> DecoderConfig:
    """The sizes of one of `size` shares; key and value heads fewer than shares are repeated.

    Raises:
        InvalidConfig: the model cannot be divided so; the message has the numbers.
    """
    heads, groups = whole.num_heads, whole.num_kv_heads
    for name, count in (("heads", heads), ("columns of the MLP", whole.intermediate_size)):
        if count % size:
            raise InvalidConfig(f"tensor_parallel: {count} {name} cannot be divided by {size}")
    if groups % size and size % groups:
        raise InvalidConfig(
            f"tensor_parallel: {groups} key and value heads and {size} processes do not divide "
            "each other"
        )
    return replace(
        whole,
        num_heads=heads // size,
        num_kv_heads=max(1, groups // size),
        intermediate_size=whole.intermediate_size // size,
    )


@dataclass(frozen=True)
class Share:
    """Which part of a model this process has."""

    rank: int
    size: int
    collectives: Collectives

    def config(self, whole: DecoderConfig) -> DecoderConfig:
        """The sizes of this share."""
        return divided(whole, self.size)

    def vocabulary(self, vocab_size: int) -> range:
        """The tokens whose rows of the head are this process's; the last may have fewer."""
        each = -(-vocab_size // self.size)
        return range(min(self.rank * each, vocab_size), min((self.rank + 1) * each, vocab_size))

    def logits(self, own: torch.Tensor, vocab_size: int) -> torch.Tensor:  # [R, v] -> [R, V]
        """The logits of all tokens."""
        each = -(-vocab_size // self.size)
        return self.collectives.join(pad(own, (0, each - own.shape[1])))[:, :vocab_size]


@dataclass(frozen=True)
class _Cut:
    """Where a share's pieces of a tensor lie along one axis of so many."""

    axis: int
    total: int
    pieces: tuple[tuple[int, int], ...]
    """First and one past the last, in order."""

    @property
    def count(self) -> int:
        return sum(last - first for first, last in self.pieces)


class SharedTensors(Tensors):
    """A checkpoint of which a share is taken: shapes asked for are those of the share."""

    def __init__(
        self,
        folder: Path,
        dtype: torch.dtype,
        device: torch.device,
        whole: DecoderConfig,
        names: WeightNames,
        share: Share,
    ) -> None:
        super().__init__(folder, dtype, device)
        self._is_first = share.rank == 0
        self._cuts = _cuts(whole, names, share)
        summed = (names.out, names.down)
        self._added_once = {
            name.format(index) + ".bias" for name in summed for index in range(whole.num_layers)
        }

    def take(self, name: str, *shape: int) -> torch.Tensor:
        """This process's share of the tensor; a bias of what is summed is zero but in the first."""
        cut = self._cuts.get(name)
        if cut is None:
            tensor = super().take(name, *shape)
            return tensor if self._is_first or name not in self._added_once else tensor * 0
        asked = [*shape]
        assert asked[cut.axis] == cut.count, f"{name}: {cut.count} are ours of axis {cut.axis}"
        asked[cut.axis] = cut.total
        whole = super().take(name, *asked)
        pieces = [whole.narrow(cut.axis, first, last - first) for first, last in cut.pieces]
        return torch.cat(pieces, cut.axis)


def _cuts(whole: DecoderConfig, names: WeightNames, share: Share) -> dict[str, _Cut]:
    """How each divided tensor is cut, by its name."""
    width, own = whole.head_dim, share.config(whole)
    query_rows, kv_rows = whole.num_heads * width, whole.num_kv_heads * width
    query = _pieces(own.num_heads * width, share.rank)
    # Of key and value heads fewer than processes, neighbours have the same one.
    kv_rank = share.rank * whole.num_kv_heads // share.size // own.num_kv_heads
    kv = _pieces(own.num_kv_heads * width, kv_rank)
    middle = _pieces(own.intermediate_size, share.rank)
    tokens = share.vocabulary(whole.vocab_size)
    key_or_value = _Cut(0, kv_rows, (kv,))
    cuts_of_qkv = [_Cut(0, query_rows, (query,)), key_or_value, key_or_value]
    if len(names.qkv) == 1:
        fused = query, _behind(kv, query_rows), _behind(kv, query_rows + kv_rows)
        cuts_of_qkv = [_Cut(0, query_rows + 2 * kv_rows, fused)]
    by_output = dict(zip(names.qkv, cuts_of_qkv, strict=True))
    by_output |= dict.fromkeys(names.up, _Cut(0, whole.intermediate_size, (middle,)))
    by_input = {
        names.out: _Cut(1, query_rows, (query,)),
        names.down: _Cut(1, whole.intermediate_size, (middle,)),
    }
    head = _Cut(0, whole.vocab_size, ((tokens.start, tokens.stop),))
    cuts = {names.head + ".weight": head}
    for index in range(whole.num_layers):
        for name, cut in (by_output | by_input).items():
            cuts[name.format(index) + ".weight"] = cut
        for name, cut in by_output.items():
            cuts[name.format(index) + ".bias"] = cut
    return cuts


def _pieces(count: int, rank: int) -> tuple[int, int]:
    return rank * count, (rank + 1) * count


def _behind(piece: tuple[int, int], offset: int) -> tuple[int, int]:
    return piece[0] + offset, piece[1] + offset
