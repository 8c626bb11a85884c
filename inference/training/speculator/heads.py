"""The heads that are trained: IBM's MLP speculator and Medusa, one step at a time.

Both take the base's state after its final norm. The MLP speculator's next stage starts from its
own last state and the token chosen there; Medusa's heads stand side by side.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Final, Literal, cast

import torch
from torch import nn
from torch.nn import functional

NORM_EPS: Final = 1e-6

Kind = Literal["mlp", "medusa"]


@dataclass(frozen=True)
class HeadShape:
    """What a set of heads is built from; `inner_size` is the MLP speculator's alone."""

    kind: Kind
    num_heads: int
    base_size: int
    inner_size: int
    vocab_size: int

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


class Heads(nn.Module):
    """What both kinds share: `start` once, then `advance` head by head, `logits` of what it gives.

    `advance` returns what the next head starts from and the features of this one.
    """

    def __init__(self, shape: HeadShape) -> None:
        super().__init__()
        self.shape = shape

    def start(self, states: torch.Tensor) -> torch.Tensor:  # [P, W] -> [P, W]
        return states

    def advance(
        self,
        head: int,
        carried: torch.Tensor,  # [P, W or inner]
        token_ids: torch.Tensor,  # [P], the token chosen last
    ) -> tuple[torch.Tensor, torch.Tensor]:
        raise NotImplementedError

    def output(self, head: int) -> torch.Tensor:  # [V, features]
        raise NotImplementedError

    def logits(self, head: int, features: torch.Tensor) -> torch.Tensor:
        return functional.linear(features, self.output(head))

    def features(
        self,
        states: torch.Tensor,  # [P, W]
        token_ids: torch.Tensor,  # [P, num_heads], the token behind each state and its followers
    ) -> Iterator[torch.Tensor]:
        """Each head's features along a known continuation."""
        carried = self.start(states)
        for head in range(self.shape.num_heads):
            carried, features = self.advance(head, carried, token_ids[:, head])
            yield features

    def num_parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.parameters())


class MlpHeads(Heads):
    """`MLPSpeculatorPreTrainedModel` with tied weights and scaled input.

    All stages share embedding, norm and head; `proj` is one matrix for the base's state and one
    for all later stages. Names are those of the published tensors.
    """

    def __init__(self, shape: HeadShape) -> None:
        super().__init__(shape)
        inner, vocab = shape.inner_size, shape.vocab_size
        self.emb = nn.ModuleList([nn.Embedding(vocab, inner)])
        self.proj = nn.ModuleList(
            nn.Linear(width, inner, bias=False)
            for width in (shape.base_size, inner)[: min(2, shape.num_heads)]
        )
        self.ln = nn.ModuleList([ShiftedNorm(inner)])
        self.head = nn.ModuleList([nn.Linear(inner, vocab, bias=False)])
        state_weight = 0.5 ** (0.5 / shape.num_heads)
        token_weight = math.sqrt((1 - state_weight**2) * inner / 2)
        self._token_share = token_weight / state_weight
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=inner**-0.5)

    @torch.no_grad()
    def learn_from(self, embedding: torch.Tensor, head: torch.Tensor) -> None:
        """Begin with the base's embedding and head [V, W] at the scale of a random start."""
        for module, given in ((self.emb[0], embedding), (self.head[0], head)):
            own = cast(nn.Embedding | nn.Linear, module).weight
            width = min(own.shape[1], given.shape[1])
            fitted = _widest_directions(given.float(), width)
            own[:, :width] = fitted * (own.std() / fitted.std())

    def start(self, states: torch.Tensor) -> torch.Tensor:
        return _rms(states) / math.sqrt(2)

    def advance(
        self, head: int, carried: torch.Tensor, token_ids: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        token = self.emb[0](token_ids)
        state = self.proj[min(head, 1)](carried) + self._token_share * token
        state = functional.gelu(self.ln[0](state))
        return state, state

    def output(self, head: int) -> torch.Tensor:
        return cast(torch.Tensor, self.head[0].weight)


class MedusaHeads(Heads):
    """Residual SiLU blocks, one and one vocabulary head for each token ahead (Cai et al. 2024)."""

    def __init__(self, shape: HeadShape) -> None:
        super().__init__(shape)
        width, vocab = shape.base_size, shape.vocab_size
        self.linear = nn.ModuleList(nn.Linear(width, width) for _ in range(shape.num_heads))
        self.head = nn.ModuleList(
            nn.Linear(width, vocab, bias=False) for _ in range(shape.num_heads)
        )
        for linear in self.linear:
            nn.init.zeros_(cast(nn.Linear, linear).weight)
            nn.init.zeros_(cast(nn.Linear, linear).bias)

    @torch.no_grad()
    def learn_from(self, head: torch.Tensor) -> None:
        """Begin with the base's own head [V, W], as Medusa does."""
        for own in self.head:
            cast(nn.Linear, own).weight.copy_(head)

    def advance(
        self, head: int, carried: torch.Tensor, token_ids: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return carried, carried + functional.silu(self.linear[head](carried))

    def output(self, head: int) -> torch.Tensor:
        return cast(torch.Tensor, self.head[head].weight)


class ShiftedNorm(nn.Module):
    """Divides by the root of the mean square, then scales and shifts."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return _rms(x) * self.weight + self.bias


def build_heads(shape: HeadShape) -> Heads:
    return MlpHeads(shape) if shape.kind == "mlp" else MedusaHeads(shape)


def _rms(x: torch.Tensor) -> torch.Tensor:
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + NORM_EPS)


def _widest_directions(weight: torch.Tensor, width: int) -> torch.Tensor:
    """[V, width]: the rows in the directions that tell them apart best; as they are if all fit."""
    if width == weight.shape[1]:
        return weight
    directions: torch.Tensor = torch.linalg.eigh(weight.T @ weight).eigenvectors
    return weight @ directions[:, -width:]
