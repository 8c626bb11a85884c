"""One step as data: who gets which rows, what was drafted, what came of it."""

from collections.abc import Mapping
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass, field
from functools import cached_property

import torch

from inference.constraints.base import State
from inference.request import TokenLogprob
from inference.sequence import Sequence

CONSTRAINT = "constraint"
"""The name of what a guide or grammar drafts, the first where several have drafted the same."""


@dataclass(frozen=True)
class Offer:
    """A token that was drawn, and the law it was drawn from."""

    token_id: int
    law: torch.Tensor  # [V] or fewer, on the host or where the logits are


@dataclass(frozen=True)
class Tree:
    """The drafted rows of one request, parents before children.

    Node i hangs below node `parents[i]`; -1 is the last known token.
    """

    token_ids: tuple[int, ...] = ()
    parents: tuple[int, ...] = ()
    drafted_by: tuple[str, ...] = ()
    """Who drafted each node; several names are joined by a plus."""
    states: tuple[State, ...] = ()
    """The constraint's state behind each node, where the request has one."""
    offers: tuple[Offer, ...] = ()
    """Of a chain that was drawn: what was behind the last known token, behind the first node and so
    on; one more than there are nodes where the constraint forbids the last one."""
    is_own: bool = False
    """Whether nobody drafted them: the target's own tokens of a few rounds in one call."""

    def __len__(self) -> int:
        return len(self.token_ids)

    @cached_property
    def is_chain(self) -> bool:
        """Whether every node hangs below the one before it, so that rows see all rows before."""
        return all(parent == node - 1 for node, parent in enumerate(self.parents))

    @cached_property
    def depths(self) -> tuple[int, ...]:
        """How far behind the last known token each node stands, from 1."""
        depths: list[int] = []
        for parent in self.parents:
            depths.append(1 if parent < 0 else depths[parent] + 1)
        return tuple(depths)

    @cached_property
    def children(self) -> dict[tuple[int, int], int]:
        """The node of each (parent, token)."""
        return {
            (parent, token_id): node
            for node, (parent, token_id) in enumerate(
                zip(self.parents, self.token_ids, strict=True)
            )
        }

    def path(self, node: int) -> list[int]:
        """The tokens from the last known one, exclusive, to a node, inclusive."""
        ids: list[int] = []
        while node >= 0:
            ids.append(self.token_ids[node])
            node = self.parents[node]
        return ids[::-1]


NO_TREE = Tree()


@dataclass
class Part:
    """One request's share of a step: `num_known` known tokens from `start`, then drafted ones.

    Only a part that reaches the end of the known tokens `samples`; only such a part can draft. The
    drafted rows lie in consecutive slots behind the known ones, whatever their depth.
    """

    sequence: Sequence
    start: int
    num_known: int
    draft_room: int
    """Most drafted rows; their slots are reserved."""
    tree: Tree = NO_TREE
    samples: bool = field(init=False)
    """Whether this step gives the request new tokens."""

    def __post_init__(self) -> None:
        is_at_end = self.start + self.num_known == len(self.sequence.token_ids)
        self.samples = is_at_end and self.sequence.max_output > 0

    @property
    def most_depth(self) -> int:
        """Deepest draft that can be used: one token behind it is always the target's own."""
        return self.sequence.max_output - self.sequence.num_output - 1

    @property
    def num_rows(self) -> int:
        """Token rows of this part."""
        return self.num_known + len(self.tree.token_ids)

    @property
    def num_rounds(self) -> int:
        """Forward passes of this step that gave the request tokens, one behind the other."""
        return 1 + len(self.tree) if self.tree.is_own else 1

    @property
    def num_sampled(self) -> int:
        """Rows that a token may follow: the last known token and every drafted one."""
        return 1 + len(self.tree.token_ids) if self.samples else 0

    @property
    def settled(self) -> Mapping[int, int]:
        """The token behind each node where a constraint has drafted it, so that no other may come.

        -1 is the last known token. None where logits are wanted in any case.
        """
        sequence, tree = self.sequence, self.tree
        if sequence.constraint is None or sequence.params.logprobs is not None:
            return {}
        drafted = zip(tree.parents, tree.token_ids, tree.drafted_by, strict=True)
        return {parent: token_id for parent, token_id, by in drafted if by.startswith(CONSTRAINT)}

    @property
    def open_nodes(self) -> SequenceOf[int]:
        """Of the sampled rows those whose logits are wanted: where it is not settled what comes."""
        nodes, settled = range(-1, self.num_sampled - 1), self.settled
        return [node for node in nodes if node not in settled] if settled else nodes


@dataclass
class Batch:
    """The parts of one step, oldest request first."""

    parts: list[Part] = field(default_factory=list)
    preempted: list[str] = field(default_factory=list)
    """Requests that lost their blocks for it."""
    num_rounds: int = 1
    """Most tokens that every request may get from it where nothing is drafted."""
    spare_rows: int = 0
    """What the step could take beside the offered drafts."""

    @property
    def num_rows(self) -> int:
        """Token rows of the step."""
        return sum(part.num_rows for part in self.parts)


@dataclass(frozen=True)
class Verdict:
    """What a step decided for one part: accepted drafts, then one token of the target's own.

    A draft that completes a constraint is the last; nothing is drawn behind it.
    """

    token_ids: tuple[int, ...]
    path: tuple[int, ...]
    """The accepted nodes, from the first depth on."""
    logprobs: tuple[TokenLogprob, ...] = ()

    @property
    def num_accepted(self) -> int:
        """Accepted drafts."""
        return len(self.path)


@dataclass(frozen=True)
class Kept:
    """What a step left of one part: an end may have cut its verdict short."""

    part: Part
    first_row: int
    """Of the part, in the step's rows."""
    num_tokens: int
    """Tokens added to the request."""
    path: tuple[int, ...]
    """The nodes whose tokens were added."""
    has_ended: bool = False

    @property
    def moves(self) -> list[tuple[int, int]]:
        """Positions (from, to) of rows that must close up, in order; none where they lie so."""
        if not self.path:
            return []
        first = self.part.start + self.part.num_known
        return [(first + node, first + at) for at, node in enumerate(self.path) if node != at]
