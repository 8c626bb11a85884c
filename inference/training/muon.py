"""Muon: momentum whose update is made nearly orthogonal (Jordan et al. 2024).

torch's own computes in bfloat16, which a CPU without such units emulates some fifty times slower;
this one computes in what the machine multiplies in.
"""

from typing import Any, Final

import torch

COEFFICIENTS: Final = (3.4445, -4.7750, 2.0315)
NUM_ITERATIONS: Final = 5
RMS_OF_ADAMW: Final = 0.2
EPS: Final = 1e-7


class Muon(torch.optim.Optimizer):
    """For matrices only; scaled as in Moonlight (arXiv:2502.16982) to AdamW's size of update."""

    def __init__(
        self, matrices: list[torch.nn.Parameter], decay: float, momentum: float = 0.95
    ) -> None:
        super().__init__(matrices, {"lr": 0.0, "decay": decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Apply the gradients; `closure` is not used."""
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix.grad is not None:
                    self._update(matrix, group["lr"], group["decay"], group["momentum"])

    def _update(
        self, matrix: torch.nn.Parameter, rate: float, decay: float, momentum: float
    ) -> None:
        state = self.state[matrix]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(matrix)
        grad, buffer = matrix.grad, state["momentum_buffer"]
        assert grad is not None
        buffer.lerp_(grad, 1 - momentum)
        update = orthogonal(grad.lerp(buffer, momentum))
        matrix.mul_(1 - rate * decay)
        matrix.add_(update, alpha=-rate * RMS_OF_ADAMW * max(matrix.shape) ** 0.5)


def orthogonal(matrix: torch.Tensor) -> torch.Tensor:
    """Singular values brought near 1 by Newton-Schulz steps, [m, n] to [m, n]."""
    a, b, c = COEFFICIENTS
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    wide = wide.to(fast_type(matrix.device))
    wide = wide / wide.norm().clamp(min=EPS)
    for _ in range(NUM_ITERATIONS):
        gram = wide @ wide.T
        wide = torch.addmm(wide, torch.addmm(gram, gram, gram, beta=b, alpha=c), wide, beta=a)
    result = wide if matrix.shape[0] <= matrix.shape[1] else wide.T
    return result.to(matrix.dtype)


def fast_type(device: torch.device) -> torch.dtype:
    """bfloat16 where it is multiplied in hardware, else float32."""
    has_units = device.type == "cuda" or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return torch.bfloat16 if has_units else torch.float32
