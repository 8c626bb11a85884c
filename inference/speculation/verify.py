"""Sample and match: a draft is kept as long as it is what the target draws there itself.

Every position is drawn from the target by its own number (seed, position). Where the drawn token is
the drafted one, the next row's logits are those of plain decoding too; where it is not, the drawn
token is the answer's next and the rest of the draft is dropped. So the output never depends on the
draft.
"""

import torch

from inference.batch import Part, Verdict
from inference.constraints.base import State
from inference.request import SamplingParams, TokenLogprob
from inference.sampling import draw, needs_shaping, shape_logits, token_logprob


def verify(
    parts: list[Part],
    logits: torch.Tensor,  # [R, V], the sampled rows of all parts in order; changed in place
) -> list[Verdict]:
    """Draw every sampled row and keep each part's longest matching draft."""
    rows = [(part, depth) for part in parts for depth in range(part.num_sampled)]
    wants_logprobs = any(part.sequence.params.logprobs is not None for part in parts)
    raw = logits.clone() if wants_logprobs else None
    states = [state for part in parts for state in _constraint_states(part)]
    forced = [
        _shape(part, depth, states[row], logits[row]) for row, (part, depth) in enumerate(rows)
    ]
    params = [
        _GREEDY if forced[row] is not None else part.sequence.params
        for row, (part, _) in enumerate(rows)
    ]
    drawn = draw(
        logits,
        params,
        [part.sequence.seed for part, _ in rows],
        [len(part.sequence.token_ids) + depth for part, depth in rows],
    )
    chosen = [one if must is None else must for one, must in zip(drawn, forced, strict=True)]
    verdicts, row = [], 0
    for part in parts:
        last = row + part.num_sampled
        own = None if raw is None else raw[row:last]
        verdicts.append(_match(part, chosen[row:last], own))
        row = last
    return verdicts


_GREEDY = SamplingParams()


def _match(part: Part, chosen: list[int], raw: torch.Tensor | None) -> Verdict:
    num_accepted = 0
    for drafted, own in zip(part.draft_ids, chosen, strict=False):
        if drafted != own:
            break
        num_accepted += 1
    token_ids = tuple(chosen[: num_accepted + 1])
    return Verdict(token_ids, num_accepted, logprobs=_logprobs(part, token_ids, raw))


def _logprobs(
    part: Part, token_ids: tuple[int, ...], raw: torch.Tensor | None
) -> tuple[TokenLogprob, ...]:
    wanted = part.sequence.params.logprobs
    if wanted is None or raw is None:
        return ()
    return tuple(token_logprob(raw[row], one, wanted) for row, one in enumerate(token_ids))


def _shape(part: Part, depth: int, state: State | None, logits: torch.Tensor) -> int | None:
    """Apply the request's processors to one row; the token, where only one is possible."""
    sequence = part.sequence
    if needs_shaping(sequence.params):
        prompt = sequence.token_ids[: sequence.num_prompt]
        output = [*sequence.token_ids[sequence.num_prompt :], *part.draft_ids[:depth]]
        shape_logits(logits, sequence.params, prompt, output, sequence.stop_ids)
    if sequence.constraint is None or state is None:
        return None
    forced = sequence.constraint.forced(state)
    if forced:
        return forced[0]
    logits.masked_fill_(~sequence.constraint.allowed(state), float("-inf"))
    bias = sequence.constraint.bias(state)
    if bias is not None:
        logits[bias.token_ids] += bias.values.to(logits.dtype)
    return None


def _constraint_states(part: Part) -> list[State | None]:
    """The state before each sampled row; None behind a forbidden draft or the end, and without one.

    Whatever is drawn behind a forbidden draft or the end is dropped.
    """
    constraint, states = part.sequence.constraint, [None] * part.num_sampled
    if constraint is None:
        return states
    state: State = part.sequence.constraint_state
    for depth in range(part.num_sampled):
        if constraint.is_done(state):
            break
        states[depth] = state
        if depth == len(part.draft_ids) or not constraint.permits(state, part.draft_ids[depth]):
            break
        state = constraint.advance(state, part.draft_ids[depth])
    return states
