"""What a model of transformers asks of attention: found by running it once on a few rows."""

from dataclasses import dataclass, field
from typing import Any

import torch

from inference.model.attention_hook import LayerCall, Unadaptable


@dataclass
class Survey:
    """A call that answers zeros, and keeps the shape of every layer's keys and its window."""

    max_model_len: int
    shapes: dict[int, tuple[int, int]] = field(default_factory=dict)  # layer: (G, D)
    windows: dict[int, int | None] = field(default_factory=dict)
    _given: set[float] = field(default_factory=set)  # the marks handed out in place of masks

    def attend(self, call: LayerCall) -> torch.Tensor:
        """Zeros; only the shapes matter."""
        if call.layer in self.shapes:
            raise Unadaptable(f"its layer {call.layer} attends more than once")
        if call.mask is None:
            raise Unadaptable("it gives its attention no mask, so rows would see what follows")
        marks = set(call.mask.flatten().tolist())
        if len(marks) > 1 or not marks <= self._given:
            raise Unadaptable("its layers change their masks")
        width = max(call.key.shape[-1], call.value.shape[-1])
        self.shapes[call.layer] = (call.key.shape[1], width)
        self.windows[call.layer] = int(marks.pop()) or None
        _, heads, rows, _ = call.query.shape
        return call.value.new_zeros(1, rows, heads, call.value.shape[-1])

    def mask(self, mask_function: Any, num_rows: int, device: torch.device) -> torch.Tensor:
        """In place of the mask, its window in every element: so a layer tells which one it got."""
        mark = float(window_of(mask_function, self.max_model_len) or 0)
        self._given.add(mark)
        return torch.full((1, 1, num_rows, num_rows), mark, device=device)

    def result(self, num_layers: int) -> tuple[int, int, tuple[int | None, ...]]:
        """Key/value heads, their width, and each layer's window.

        Raises:
            Unadaptable: some layers keep no keys, or not all keep alike.
        """
        if sorted(self.shapes) != list(range(num_layers)):
            raise Unadaptable(
                f"{len(self.shapes)} of its {num_layers} layers attend through transformers' "
                "attention interface; all must, with keys of their own"
            )
        if len(set(self.shapes.values())) > 1:
            raise Unadaptable("its layers' keys differ in shape")
        groups, width = self.shapes[0]
        return groups, width, tuple(self.windows[layer] for layer in range(num_layers))


def window_of(mask_function: Any, longest: int) -> int | None:
    """How far back a row sees by this mask, its own position included; None for everything.

    Raises:
        Unadaptable: the mask is neither causal nor a sliding window.
    """
    around = [n + d for p in range(longest.bit_length()) for n in [1 << p] for d in (-1, 0, 1)]
    rows = torch.tensor(sorted({0, longest - 1, *(n for n in around if n < longest)}))[:, None]
    positions, zero = torch.arange(longest), torch.zeros((), dtype=torch.long)
    try:
        seen = mask_function(zero, zero, rows, positions) & torch.ones_like(rows, dtype=torch.bool)
    except IndexError as error:
        raise Unadaptable("its mask depends on more than positions") from error
    window = int(seen[-1].sum())
    if not torch.equal(seen, (positions <= rows) & (positions > rows - window)):
        raise Unadaptable("its mask is neither causal nor a sliding window")
    return window if window < longest else None
