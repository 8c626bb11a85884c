"""Sample and match: a draft is kept as long as it is what the target draws there itself.

Every position is drawn from the target by its own number (seed, position). Where the drawn token is
a drafted one, the row of that node has the logits of plain decoding; where it is not, the drawn
token is the answer's next and the rest of the tree is dropped. So the output never depends on the
draft. Only rows on the accepted path are drawn: nothing that a rejected branch holds is looked at.

Where drafts were drawn themselves they are kept by rejection sampling instead (`rejection.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count

import torch

from inference.batch import Offer, Part, Verdict
from inference.constraints.base import State
from inference.request import TokenLogprob
from inference.sampling import draw, needs_shaping, probabilities, shape_logits, token_logprob
from inference.speculation.rejection import keep_or_replace
from kernels.native import sample
from kernels.native.attention import NativeKernels


def verify(
    parts: list[Part],
    logits: torch.Tensor,  # [R, V], of the open nodes of all parts in order
    kernels: NativeKernels | None = None,
) -> list[Verdict]:
    """Walk down every part's tree along the tokens that the target draws.

    Raises:
        ValueError: what a request asks for leaves it no possible token.
    """
    walks, first = [], 0
    for part in parts:
        nodes = part.open_nodes
        walks.append(_Walk(part, dict(zip(nodes, count(first))), part.settled))
        first += len(nodes)
    if any(part.sequence.is_plain for part in parts):
        best = _best(logits, kernels)
        for walk in walks:
            while walk.part.sequence.is_plain and walk.follow(best[walk.row]):
                pass
    walking = [walk for walk in walks if not walk.part.sequence.is_plain and walk.follow_settled()]
    while walking:
        tokens = _next_tokens(walking, logits, kernels)
        walking = [
            walk for walk, token_id in zip(walking, tokens, strict=True) if walk.follow(token_id)
        ]
    return [walk.verdict(logits) for walk in walks]


@dataclass
class _Walk:
    """How far down its tree a part has come."""

    part: Part
    rows: Mapping[int, int]
    """Of each open node, in the logits."""
    settled: Mapping[int, int]
    """What comes behind the others."""
    node: int = -1
    token_ids: list[int] = field(default_factory=list)
    path: list[int] = field(default_factory=list)

    @property
    def row(self) -> int:
        return self.rows[self.node]

    @property
    def offer(self) -> Offer | None:
        """What was drawn as a draft of the next token."""
        offers = self.part.tree.offers
        return offers[self.node + 1] if self.node + 1 < len(offers) else None

    def follow(self, token_id: int) -> bool:
        """Append what was drawn; whether it was drafted, so that the next row counts too.

        Behind the end of a constraint nothing can be drawn.
        """
        self.token_ids.append(token_id)
        child = self.part.tree.children.get((self.node, token_id))
        if child is None:
            return False
        self.path.append(child)
        self.node = child
        constraint = self.part.sequence.constraint
        return constraint is None or not constraint.is_done(self.part.tree.states[child])

    def follow_settled(self) -> bool:
        """Down a constraint's draft, a chain from the top; False where nothing is behind it."""
        while (token_id := self.settled.get(self.node)) is not None:
            if not self.follow(token_id):
                return False
        return True

    def verdict(self, logits: torch.Tensor) -> Verdict:
        return Verdict(tuple(self.token_ids), tuple(self.path), self._logprobs(logits))

    def _logprobs(self, logits: torch.Tensor) -> tuple[TokenLogprob, ...]:
        wanted = self.part.sequence.params.logprobs
        if wanted is None:
            return ()
        rows = [self.rows[node] for node in (-1, *self.path)]
        # Of a draft that ends the constraint the last row is there, but nothing was drawn from it.
        return tuple(
            token_logprob(logits[row], token_id, wanted)
            for row, token_id in zip(rows, self.token_ids, strict=False)
        )


def _best(logits: torch.Tensor, kernels: NativeKernels | None) -> list[int]:
    if kernels is not None and sample.suits(logits):
        return sample.best(kernels, logits)
    best: list[int] = logits.argmax(-1).tolist()
    return best


def _next_tokens(
    walks: list[_Walk], logits: torch.Tensor, kernels: NativeKernels | None
) -> list[int]:
    """The only possible token of every walk, or the one that is drawn."""
    forced = [_forced(walk) for walk in walks]
    free = [walk for walk, must in zip(walks, forced, strict=True) if must is None]
    drawn = iter(_draw(free, logits, kernels) if free else ())
    return [next(drawn) if must is None else must for must in forced]


def _forced(walk: _Walk) -> int | None:
    constraint = walk.part.sequence.constraint
    forced = () if constraint is None else constraint.forced(_state(walk))
    return forced[0] if forced else None


def _draw(walks: list[_Walk], logits: torch.Tensor, kernels: NativeKernels | None) -> list[int]:
    # A copy: logprobs want the model's own.
    rows = logits.index_select(0, torch.tensor([walk.row for walk in walks]))
    for walk, row in zip(walks, rows, strict=True):
        _shape(walk, row)
    params = [walk.part.sequence.params for walk in walks]
    seeds = [walk.part.sequence.seed for walk in walks]
    positions = [len(walk.part.sequence.token_ids) + len(walk.token_ids) for walk in walks]
    drawn = draw(rows, params, seeds, positions, kernels)
    offered = [at for at, walk in enumerate(walks) if walk.offer and params[at].temperature > 0]
    if offered:
        kept = keep_or_replace(
            probabilities(rows[offered], [params[at] for at in offered]),
            [offer for at in offered if (offer := walks[at].offer)],
            [seeds[at] for at in offered],
            [positions[at] for at in offered],
        )
        for at, token_id in zip(offered, kept, strict=True):
            drawn[at] = token_id
    return drawn


def _shape(walk: _Walk, logits: torch.Tensor) -> None:
    """Apply the request's processors to one row."""
    sequence = walk.part.sequence
    if needs_shaping(sequence.params):
        prompt = sequence.token_ids[: sequence.num_prompt]
        output = [*sequence.token_ids[sequence.num_prompt :], *walk.token_ids]
        shape_logits(logits, sequence.params, prompt, output, sequence.stop_ids)
    if sequence.constraint is None:
        return
    state = _state(walk)
    logits.masked_fill_(~sequence.constraint.allowed(state), float("-inf"))
    bias = sequence.constraint.bias(state)
    if bias is not None:
        logits[bias.token_ids] += bias.values.to(logits.dtype)


def _state(walk: _Walk) -> State:
    return walk.part.tree.states[walk.node] if walk.path else walk.part.sequence.constraint_state
