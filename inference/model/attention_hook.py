"""Our attention inside transformers' models, under the name `careline_paged`.

Their attention layers call the registered function with this step's queries, keys and values; where
those go is the business of the call in progress, which a context variable holds, since not every
architecture hands extra arguments down to its layers.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

import torch
import transformers
from torch.nn.functional import pad

from inference.cache.storage import head_width
from inference.model.decoder import DecoderInputs
from kernels.paged_attention import paged_attention
from kernels.reference import is_packed
from kernels.store_kv import store_kv

NAME = "careline_paged"


class Unadaptable(Exception):
    """The model's attention is not one that the paged cache can give; the message says why."""


@dataclass(frozen=True)
class LayerCall:
    """What one attention layer asks for: one sequence of T rows."""

    layer: int
    query: torch.Tensor  # [1, H, T, D]
    key: torch.Tensor  # [1, G, T, D]
    value: torch.Tensor  # [1, G, T, D or less]
    mask: torch.Tensor | None
    scale: float
    softcap: float | None
    sinks: torch.Tensor | None  # [H]


class Call(Protocol):
    """A forward pass in progress."""

    def attend(self, call: LayerCall) -> torch.Tensor:  # [1, T, H, width of the value]
        """The attended values of a layer's rows."""
        ...

    def mask(self, mask_function: Any, num_rows: int, device: torch.device) -> torch.Tensor | None:
        """What the layers that this mask is for are given in its place."""
        ...


_current: ContextVar[Call] = ContextVar("careline_call")


def install() -> None:
    """Make `careline_paged` known to transformers; again changes nothing."""
    transformers.AttentionInterface.register(NAME, _attend)
    transformers.AttentionMaskInterface.register(NAME, _mask)


@contextmanager
def calling(call: Call) -> Iterator[None]:
    """Let `call` answer the attention layers of the model that is run inside."""
    token = _current.set(call)
    try:
        yield
    finally:
        _current.reset(token)


@dataclass(frozen=True)
class PagedCall:
    """Keys and values go into the paged cache, and attention comes out of it."""

    inputs: DecoderInputs
    cache: torch.Tensor  # [L, 2, N, S, G, D]
    windows: tuple[int | None, ...]

    def attend(self, call: LayerCall) -> torch.Tensor:
        """Rows of any mix of requests, as the inputs' plan has them."""
        width, layer_cache = head_width(self.cache), self.cache[call.layer]
        dtype = call.value.dtype if is_packed(layer_cache) else layer_cache.dtype
        query, key, value = (
            _rows(one, width).to(dtype) for one in (call.query, call.key, call.value)
        )
        store_kv(key, value, layer_cache, self.inputs.slot_mapping)
        attended = paged_attention(
            query,
            layer_cache,
            self.inputs.attention,
            call.scale,
            self.windows[call.layer],
            call.softcap,
            call.sinks,
        )
        return attended[None, ..., : call.value.shape[-1]].to(call.value.dtype)

    def mask(self, mask_function: Any, num_rows: int, device: torch.device) -> None:
        """No mask is built: the plan knows what each row sees."""


def _rows(heads: torch.Tensor, width: int) -> torch.Tensor:  # [1, H, T, d] -> [T, H, width]
    # Zeros beyond a narrower width leave scores and sums as they are.
    rows = heads[0].transpose(0, 1)
    return pad(rows, (0, width - rows.shape[-1])).contiguous()


def _attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    softcap: float | None = None,
    s_aux: torch.Tensor | None = None,
    **extra: Any,
) -> tuple[torch.Tensor, None]:
    if extra.get("position_bias") is not None:
        raise Unadaptable("its attention adds a bias to every score, which ours cannot")
    layer = getattr(module, "layer_idx", None)
    if not isinstance(layer, int):
        raise Unadaptable("its attention layers do not know their place")
    scale = query.shape[-1] ** -0.5 if scaling is None else float(scaling)
    call = LayerCall(layer, query, key, value, attention_mask, scale, softcap, s_aux)
    return _current.get().attend(call), None


def _mask(
    *, q_length: int, mask_function: Any, device: torch.device, **_: Any
) -> torch.Tensor | None:
    return _current.get().mask(mask_function, q_length, device)
