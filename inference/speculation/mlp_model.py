"""The forward pass of IBM's MLP speculator, stage by stage, over any number of branches."""

from dataclasses import dataclass

import torch
from torch.nn import functional

from inference.model.layers import Linear
from inference.speculation.mlp_format import MlpConfig, MlpWeights

NORM_EPS = 1e-6


class MlpModel:
    """A stage mixes the state of the stage before with the embedding of the token chosen there.

    The first stage's state is the target's, after its final norm.
    """

    def __init__(
        self, weights: MlpWeights, config: MlpConfig, dtype: torch.dtype, device: torch.device
    ) -> None:
        self.num_stages = config.n_predict
        self._stages = _build_stages(weights, dtype, device)
        self._has_scaled_input = config.scale_input
        # By the last stage it was trained with, half of the state's weight is the target's.
        self._state_weight = 0.5 ** (0.5 / config.n_predict)
        token_share = 1 - self._state_weight**2
        self._token_weight = (token_share * config.inner_dim / 2) ** 0.5

    def first_state(self, hidden: torch.Tensor) -> torch.Tensor:  # [B, W] -> [B, 1, W]
        """What the first stage reads of the target's states."""
        if self._has_scaled_input:
            hidden = functional.rms_norm(hidden, hidden.shape[-1:], eps=NORM_EPS) / 2**0.5
        return hidden[:, None]

    def advance(
        self,
        stage: int,
        state: torch.Tensor,  # [B, L, W] into the first stage, else [B, L, I]
        token_ids: torch.Tensor,  # [B, L], the last token of each branch
    ) -> tuple[torch.Tensor, torch.Tensor]:  # [B, L, I] and logits [B, L, V]
        """The state and the guesses behind every branch."""
        one = self._stages[stage]
        mixed = functional.embedding(token_ids, one.embedding).mul_(self._token_weight)
        projected = one.project(state.flatten(0, 1)).view_as(mixed)
        mixed.add_(projected, alpha=self._state_weight)
        normed = functional.rms_norm(mixed, mixed.shape[-1:], eps=NORM_EPS)
        state = functional.gelu(torch.addcmul(one.shift, normed, one.scale))
        return state, one.head(state.flatten(0, 1)).view(*token_ids.shape, -1)


@dataclass(frozen=True)
class _Stage:
    embedding: torch.Tensor  # [V, I]
    project: Linear
    head: Linear
    scale: torch.Tensor  # [I]
    shift: torch.Tensor  # [I]


def _build_stages(
    weights: MlpWeights, dtype: torch.dtype, device: torch.device
) -> tuple[_Stage, ...]:
    # Tied stages share one product, so that its weight is moved, packed and kept once.
    products = {
        id(weight): Linear(weight.to(device, dtype))
        for weight in (*weights.projections, *weights.heads)
    }
    embeddings = {id(weight): weight.to(device, dtype) for weight in weights.embeddings}
    return tuple(
        _Stage(
            embeddings[id(embedding)],
            products[id(projection)],
            products[id(head)],
            scale.to(device, dtype),
            shift.to(device, dtype),
        )
        for embedding, projection, head, scale, shift in zip(
            weights.embeddings,
            weights.projections,
            weights.heads,
            weights.scales,
            weights.shifts,
            strict=True,
        )
    )
