"""Sample and match where the logits are; only what was decided comes to the host, in one copy."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from inference.batch import Part, Verdict
from inference.request import TokenLogprob
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
        found, is_sound, chosen, top_values, top_ids = self.fetch.wait()
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
    rows = _on_device(lay_out_sampling(parts, logits.shape[1]), logits.device)
    asking = [row for row, one in enumerate(_of_rows(parts)) if one is not None]
    wanted = send([torch.tensor(asking, dtype=torch.int64)], logits.device)[0]
    # The model's own, before processors.
    logprobs = logits.index_select(0, wanted).double().log_softmax(-1)
    if rows.shaping is not None:
        sample_shape(logits, rows.tree, rows.shaping)
    tokens = torch.where(rows.forced != NOT_FORCED, rows.forced, sample(logits, rows.draws))
    found = sample_match(tokens, rows.tree, rows.most_rows)
    num_top = max((one for one in _of_rows(parts) if one is not None), default=0)
    chosen = logprobs.gather(1, tokens.index_select(0, wanted).clamp(min=0)[:, None])[:, 0]
    top = logprobs.topk(num_top, -1)
    return Decided(parts, rows.most_rows, Fetch([found, is_sound, chosen, top.values, top.indices]))


def _of_rows(parts: Sequence[Part]) -> list[int | None]:
    """How many of the likeliest tokens each row is to name; None for no probabilities at all."""
    return [part.sequence.params.logprobs for part in parts for _ in range(part.num_sampled)]


def _logprob(
    token_id: int, chosen: torch.Tensor, values: torch.Tensor, ids: torch.Tensor
) -> TokenLogprob:
    top = dict(zip(ids.tolist(), values.tolist(), strict=True))
    return TokenLogprob(token_id=token_id, logprob=float(chosen), top=top)


def _on_device(rows: SampledRows, device: torch.device) -> SampledRows:
    """The same rows on the device, in one copy."""
    shaping = () if rows.shaping is None else tuple(rows.shaping)
    sent = send([*rows.tree, *rows.draws, rows.forced, *shaping], device)
    num_tree, num_draws = len(rows.tree), len(rows.draws)
    rest = sent[num_tree + num_draws + 1 :]
    return SampledRows(
        tree=TreeRows(*sent[:num_tree]),
        draws=Draws(*sent[num_tree : num_tree + num_draws]),
        forced=sent[num_tree + num_draws],
        shaping=Shaping(*rest) if rest else None,
        most_rows=rows.most_rows,
    )
