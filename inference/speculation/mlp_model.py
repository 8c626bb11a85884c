"""The forward pass of IBM's MLP speculator, stage by stage, over any number of branches."""

from dataclasses import dataclass

import torch
from torch.nn import functional

from inference.model.layers import Linear
from inference.speculation.base import TargetFacts
from inference.speculation.mlp_format import MlpConfig, MlpWeights
from inference.speculation.vocabulary_head import Best, VocabularyHead
from kernels.mlp_state import Mixture, mlp_state

NORM_EPS = 1e-6


class MlpModel:
    """A stage mixes the state of the stage before with the embedding of the token chosen there.

    The first stage's state is the target's, after its final norm.
    """

    def __init__(
        self,
        weights: MlpWeights,
        config: MlpConfig,
        facts: TargetFacts,
        draft_ids: torch.Tensor | None = None,  # [K], what the rows of heads [K, I] stand for
    ) -> None:
        self.num_stages = config.n_predict
        self._dtype = facts.wide_dtype
        self._stages = _build_stages(weights, config, facts, draft_ids)
        self._has_scaled_input = config.scale_input

    def first_state(self, hidden: torch.Tensor) -> torch.Tensor:  # [B, W] -> [B, 1, W]
        """What the first stage reads of the target's states."""
        hidden = hidden.to(self._dtype)
        if self._has_scaled_input:
            hidden = functional.rms_norm(hidden, hidden.shape[-1:], eps=NORM_EPS) / 2**0.5
        return hidden[:, None]

    def advance(
        self,
        stage: int,
        state: torch.Tensor,  # [B, L, W] into the first stage, else [B, L, I]
        token_ids: torch.Tensor,  # [B, L], the last token of each branch
        width: int,
    ) -> tuple[torch.Tensor, Best]:  # [B, L, I] and `width` guesses of [B * L] rows
        """The state and the likeliest guesses behind every branch."""
        one = self._stages[stage]
        rows = mlp_state(one.project(state.flatten(0, 1)), token_ids.flatten(), one.mixture)
        return rows.view(*token_ids.shape, -1), one.head.best(rows, width)


@dataclass(frozen=True)
class _Stage:
    project: Linear
    mixture: Mixture
    head: VocabularyHead


def _build_stages(
    weights: MlpWeights, config: MlpConfig, facts: TargetFacts, draft_ids: torch.Tensor | None
) -> tuple[_Stage, ...]:
    dtype, device = facts.wide_dtype, facts.device
    # Tied stages share one product, so that its weight is moved, packed and kept once.
    products = {id(weight): Linear(weight.to(device, dtype)) for weight in weights.projections}
    heads = {id(weight): VocabularyHead(weight, facts, draft_ids) for weight in weights.heads}
    embeddings = {id(weight): weight.to(device, facts.dtype) for weight in weights.embeddings}
    return tuple(
        _Stage(
            products[id(projection)],
            Mixture(
                embeddings[id(embedding)],
                scale.to(device, dtype),
                shift.to(device, dtype),
                config.state_weight,
                config.token_weight,
                NORM_EPS,
            ),
            heads[id(head)],
        )
        for embedding, projection, head, scale, shift in weights.stages()
    )
