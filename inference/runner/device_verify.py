"""Sample and match where the logits are; only what was decided comes to the host, in one copy."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from inference.batch import Part, Verdict
from inference.request import TokenLogprob
from inference.runner.device_rejection import keep_offered, lay_out_offers
from inference.runner.sampling_rows import NOT_FORCED, SampledRows, lay_out_sampling
from inference.runner.transfer import Fetch, send
from kernels.reference_sampling import NO_TOKEN, Draws, Shaping, TreeRows
from kernels.sample import sample
from kernels.sample_match import sample_match
from kernels.sample_shape import sample_shape


@dataclass(frozen=True)
class Decided:
    """What a step has decided, on its way to the host."""

    parts: Sequence[Part]
    most_rows: int
    fetch: Fetch

    def wait(self) -> tuple[list[Verdict], list[bool]]:
        """The verdict of every part, and for every row of the step whether its numbers are numbers.

        Raises:
            ValueError: what a request asks for leaves it no possible token.
        """
        found, is_sound, *told = self.fetch.wait()
        verdicts: list[Verdict] = []
        first = 0
        for part, row in zip(self.parts, found.tolist(), strict=True):
            tokens, nodes = row[2 : 2 + row[0]], row[2 + self.most_rows :][: row[1]]
            if NO_TOKEN in tokens:
                raise ValueError("every token is excluded")
            logprobs: tuple[TokenLogprob, ...] = ()
            if part.sequence.params.logprobs is not None:
                rows = [first, *(first + 1 + node for node in nodes)][: len(tokens)]
                first += part.num_sampled
                num_top = part.sequence.params.logprobs
                chosen, top_values, top_ids = told
                logprobs = tuple(
                    _logprob(token_id, chosen[at], top_values[at, :num_top], top_ids[at, :num_top])
                    for at, token_id in zip(rows, tokens, strict=True)
                )
            verdicts.append(Verdict(tuple(tokens), tuple(nodes), logprobs))
        return verdicts, is_sound.tolist()


def decide(
    parts: Sequence[Part],
    logits: torch.Tensor,  # [R, V] the sampled rows of all parts in order; changed in place
    is_sound: torch.Tensor,  # [T] bool
) -> Decided:
    """Draw every row, walk down every tree, and send off what came of it."""
    offered = lay_out_offers(parts)
    rows, asking = _on_device(
        lay_out_sampling(parts, logits.shape[1]), _asking(parts), logits.device
    )
    # The model's own, before processors; of most steps nobody asks for any.
    own = logits.index_select(0, asking).double().log_softmax(-1) if len(asking) else None
    if rows.shaping is not None:
        sample_shape(logits, rows.tree, rows.shaping)
    tokens = sample(logits, rows.draws)
    if offered is not None:
        tokens = keep_offered(tokens, logits, offered)
    tokens = torch.where(rows.forced != NOT_FORCED, rows.forced, tokens)
    found = sample_match(tokens, rows.tree, rows.most_rows)
    told: list[torch.Tensor] = []
    if own is not None:
        top = own.topk(max(part.sequence.params.logprobs or 0 for part in parts), -1)
        drawn = tokens.index_select(0, asking).clamp(min=0)[:, None]
        told = [own.gather(1, drawn)[:, 0], top.values, top.indices]
    return Decided(parts, rows.most_rows, Fetch([found, is_sound, *told]))


def _asking(parts: Sequence[Part]) -> torch.Tensor:  # int64
    """The rows of the requests that want probabilities told."""
    wants = [
        part.sequence.params.logprobs is not None for part in parts for _ in range(part.num_sampled)
    ]
    return torch.tensor(wants).nonzero()[:, 0]


def _logprob(
    token_id: int, chosen: torch.Tensor, values: torch.Tensor, ids: torch.Tensor
) -> TokenLogprob:
    top = dict(zip(ids.tolist(), values.tolist(), strict=True))
    return TokenLogprob(token_id=token_id, logprob=float(chosen), top=top)


def _on_device(
    rows: SampledRows, asking: torch.Tensor, device: torch.device
) -> tuple[SampledRows, torch.Tensor]:
    """The same on the device, in one copy."""
    shaping = () if rows.shaping is None else tuple(rows.shaping)
    sent = send([*rows.tree, *rows.draws, rows.forced, asking, *shaping], device)
    num_tree, num_draws = len(rows.tree), len(rows.draws)
    rest = sent[num_tree + num_draws :]
    there = SampledRows(
        tree=TreeRows(*sent[:num_tree]),
        draws=Draws(*sent[num_tree : num_tree + num_draws]),
        forced=rest[0],
        shaping=Shaping(*rest[2:]) if shaping else None,
        most_rows=rows.most_rows,
    )
    return there, rest[1]
