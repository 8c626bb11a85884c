"""How many tokens a step gains: drafts checked against text the base wrote without them.

Verification keeps a draft where it equals what the target draws there, so the text is the same with
and without it. Walking along the text from step to step therefore gives exactly what the engine
would accept, chain or tree.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from inference.training.speculator.heads import Heads
from inference.training.speculator.windows import Windows, joined

Places = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Tree:
    """IBM's candidates: the best tokens of each stage, then the best paths of all."""

    top_k: tuple[int, ...]
    num_candidates: int

    @property
    def num_rows(self) -> int:
        """Rows through a vocabulary head for one draft."""
        rows, total = 1, 0
        for width in self.top_k:
            total += rows
            rows *= width
        return total


@dataclass(frozen=True)
class Gained:
    """What a text's steps gained; `reached[d]` counts the steps in which depth d was guessed."""

    num_tokens: int
    num_steps: int
    reached: tuple[int, ...]
    accepted: tuple[int, ...]

    @property
    def tokens_per_step(self) -> float:
        return self.num_tokens / max(1, self.num_steps)

    @property
    def acceptance(self) -> tuple[float, ...]:
        """By depth: the share accepted where all before it was."""
        pairs = zip(self.accepted, self.reached, strict=True)
        return tuple(accepted / max(1, reached) for accepted, reached in pairs)


def chain(num_heads: int) -> Tree:
    return Tree((1,) * num_heads, 1)


def candidates(
    heads: Heads,
    states: torch.Tensor,  # [P, W]
    token_ids: torch.Tensor,  # [P]
    tree: Tree,
) -> torch.Tensor:  # [P, C, H]
    """The candidate paths behind the token last drawn."""
    size = len(states)
    carried, last = heads.start(states), token_ids
    scores = torch.zeros(size, 1, device=states.device)
    paths = torch.zeros(size, 1, 0, dtype=torch.long, device=states.device)
    for head, width in enumerate(tree.top_k):
        carried, features = heads.advance(head, carried, last)
        best, ids = heads.logits(head, features).log_softmax(-1).topk(width)  # [P * N, width]
        scores = (scores.flatten()[:, None] + best).view(size, -1)
        paths = paths.flatten(0, 1).repeat_interleave(width, 0)
        paths = torch.cat((paths, ids.view(-1, 1)), 1).view(size, -1, head + 1)
        carried, last = carried.repeat_interleave(width, 0), ids.flatten()
    kept = scores.topk(min(tree.num_candidates, scores.shape[1])).indices
    return paths.gather(1, kept[..., None].expand(-1, -1, len(tree.top_k)))


@torch.no_grad()
def gained(heads: Heads, texts: Sequence[Windows], tree: Tree) -> Gained:
    """Over texts, each given by the windows of its own answer in order.

    The last token of a text has no window: nothing is drafted behind it.
    """

    def lengths_at(places: Places) -> list[int]:
        here = joined([texts[text].at(place) for text, place in places])
        return accepted_lengths(heads, here, tree)

    return walk([len(text) for text in texts], len(tree.top_k), lengths_at)


def walk(sizes: Sequence[int], depth: int, lengths_at: Callable[[Places], Sequence[int]]) -> Gained:
    """Step through texts with so many tokens to come, all side by side.

    `lengths_at` says of places (text, token) how many of at most `depth` guesses are accepted.
    """
    reached, accepted = [0] * depth, [0] * depth
    at, num_steps = [0] * len(sizes), 0
    while places := [(text, at[text]) for text, size in enumerate(sizes) if at[text] < size]:
        num_steps += len(places)
        for (text, place), length in zip(places, lengths_at(places), strict=True):
            room = sizes[text] - place
            for level in range(min(depth, length + 1, room)):
                reached[level] += 1
                accepted[level] += level < length
            at[text] += length + 1
    return Gained(sum(sizes), num_steps, tuple(reached), tuple(accepted))


def accepted_lengths(heads: Heads, windows: Windows, tree: Tree) -> list[int]:
    """For every window the longest candidate that the text went along with."""
    paths = candidates(heads, windows.states, windows.token_ids[:, 0], tree)
    matches = (paths == windows.token_ids[:, None, 1:]) & windows.is_target[:, None]
    lengths: list[int] = matches.long().cumprod(-1).sum(-1).amax(1).tolist()
    return lengths
