"""What the first process of a divided model tells the others: msgpack behind its length.

Orders go down a pipe, so a process that is gone shows at once at either end: the first sees a
broken pipe, the others the end of their input.
"""

import struct
from typing import IO

import msgspec
import torch

from inference.model.decoder import DecoderInputs
from kernels.paged_attention import plan_attention

_LENGTH = struct.Struct("<I")
HOST = torch.device("cpu")


class Forward(msgspec.Struct, frozen=True, tag="forward"):
    """Run these rows; numbers are little-endian int64."""

    token_ids: bytes
    positions: bytes
    slot_mapping: bytes
    block_tables: bytes
    query_starts: bytes
    context_lens: bytes
    ancestors: bytes | None
    block_size: int
    layers: tuple[int, ...]


class Logits(msgspec.Struct, frozen=True, tag="logits"):
    """So many rows of hidden states follow from the first process; compute their logits."""

    num_rows: int


class Move(msgspec.Struct, frozen=True, tag="move"):
    """Copy the keys and values of slots to others."""

    sources: tuple[int, ...]
    targets: tuple[int, ...]


class Wipe(msgspec.Struct, frozen=True, tag="wipe"):
    """Zero blocks, or single slots."""

    block_ids: tuple[int, ...] = ()
    slots: tuple[int, ...] = ()


Order = Forward | Logits | Move | Wipe
_decoder = msgspec.msgpack.Decoder(Order)
_encoder = msgspec.msgpack.Encoder()


def write_order(pipe: IO[bytes], order: Order) -> None:
    """Send one order.

    Raises:
        OSError: nobody reads any more.
    """
    body = _encoder.encode(order)
    pipe.write(_LENGTH.pack(len(body)) + body)
    pipe.flush()


def read_order(pipe: IO[bytes]) -> Order | None:
    """The next order; None when the other end is closed."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    body = pipe.read(length)
    return _decoder.decode(body) if len(body) == length else None


def forward_order(inputs: DecoderInputs, layers: tuple[int, ...]) -> Forward:
    """The order to run a step that is laid out on the host."""
    plan = inputs.attention
    return Forward(
        token_ids=_bytes(inputs.token_ids),
        positions=_bytes(inputs.positions),
        slot_mapping=_bytes(inputs.slot_mapping),
        block_tables=_bytes(plan.block_tables),
        query_starts=_bytes(plan.query_starts),
        context_lens=_bytes(plan.context_lens),
        ancestors=None if plan.ancestors is None else _bytes(plan.ancestors),
        block_size=plan.block_size,
        layers=layers,
    )


def inputs_of(order: Forward) -> DecoderInputs:
    """The step of an order, on the host."""
    context_lens = _tensor(order.context_lens)
    plan = plan_attention(
        _tensor(order.block_tables).view(context_lens.shape[0], -1),
        _tensor(order.query_starts),
        context_lens,
        order.block_size,
        None if order.ancestors is None else _tensor(order.ancestors),
    )
    return DecoderInputs(
        token_ids=_tensor(order.token_ids),
        positions=_tensor(order.positions),
        slot_mapping=_tensor(order.slot_mapping),
        attention=plan,
    )


def _bytes(numbers: torch.Tensor) -> bytes:
    return numbers.to(HOST, torch.int64).numpy().tobytes()


def _tensor(content: bytes) -> torch.Tensor:  # int64
    return torch.frombuffer(bytearray(content), dtype=torch.int64)
