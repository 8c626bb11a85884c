"""Logits to tokens, the same way at every position.

Randomness is a counter, not a stream: one uniform number from Philox4x32-10 (Salmon et al., 2011)
keyed by the request's seed and counted by the token's absolute position. A token is the inverse of
the cumulative distribution at that number, so what is drawn at a position does not depend on how
many tokens a step verified, on the batch, or on an interruption.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from inference.request import SamplingParams, TokenLogprob
from kernels.native import sample
from kernels.native.attention import NativeKernels
from kernels.native.sample import DrawRow

_MULTIPLIERS = np.array([0xD2511F53, 0xCD9E8D57], dtype=np.uint64)
_KEY_STEPS = np.array([0x9E3779B9, 0xBB67AE85], dtype=np.uint64)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def uniforms(seeds: Sequence[int], positions: Sequence[int]) -> npt.NDArray[np.float64]:
    """One number in [0, 1) for each (seed, position), 53 bits of Philox4x32-10."""
    seed = np.array([value & 0xFFFFFFFFFFFFFFFF for value in seeds], dtype=np.uint64)
    position = np.array(positions, dtype=np.uint64)
    key = np.stack([seed & _LOW, seed >> _HALF])
    zero = np.zeros_like(position)
    counter = [position & _LOW, position >> _HALF, zero, zero]
    for _ in range(10):
        first, second = _MULTIPLIERS[0] * counter[0], _MULTIPLIERS[1] * counter[2]
        counter = [
            (second >> _HALF) ^ counter[1] ^ key[0],
            second & _LOW,
            (first >> _HALF) ^ counter[3] ^ key[1],
            first & _LOW,
        ]
        key = (key + _KEY_STEPS[:, None]) & _LOW
    bits = (counter[0] << np.uint64(21)) ^ (counter[1] >> np.uint64(11))
    return bits.astype(np.float64) / float(1 << 53)


def draw(
    logits: torch.Tensor,  # [R, V], after penalties, biases and masks
    params: Sequence[SamplingParams],  # R
    seeds: Sequence[int],  # R
    positions: Sequence[int],  # R
    kernels: NativeKernels | None = None,
) -> list[int]:
    """The token of every row: the best where temperature is 0, else the one its number falls on.

    In one C++ call where the kernels are given.

    Raises:
        ValueError: what a row's request asks for leaves it no possible token.
    """
    if kernels is not None and sample.suits(logits):
        asked = zip(params, seeds, positions, strict=True)
        return sample.draw(kernels, logits, [draw_row(*one) for one in asked])
    best = logits.argmax(-1)
    if logits.gather(-1, best[:, None]).isneginf().any():
        raise ValueError("every token is excluded")
    chosen: list[int] = best.tolist()
    sampled = [row for row, wanted in enumerate(params) if wanted.temperature > 0]
    if sampled:
        probs = probabilities(logits[sampled], [params[row] for row in sampled])
        numbers = uniforms([seeds[row] for row in sampled], [positions[row] for row in sampled])
        cumulative = probs.cumsum(-1)
        total = cumulative[:, -1:]
        if not (total > 0).all():
            raise ValueError("the probabilities are not numbers")
        target = torch.from_numpy(numbers)[:, None].to(cumulative) * total
        target = target.minimum(total.nextafter(torch.zeros_like(total)))  # rounding up to the end
        # The first token whose cumulative probability passes it; never an impossible one.
        drawn = torch.searchsorted(cumulative, target, right=True)[:, 0].tolist()
        for row, token_id in zip(sampled, drawn, strict=True):
            chosen[row] = token_id
    return chosen


def draw_row(wanted: SamplingParams, seed: int, position: int) -> DrawRow:
    """How the token at this position is drawn."""
    return DrawRow(wanted.temperature, wanted.top_p, wanted.min_p, wanted.top_k, seed, position)


def probabilities(
    logits: torch.Tensor,  # [R, V]
    params: Sequence[SamplingParams],  # R, temperature > 0
) -> torch.Tensor:  # [R, V] float64
    """Temperature, then top-k, top-p and min-p, each on what the one before has left."""
    # From the best one down: divided by the smallest temperature that stays 0, the rest -infinity.
    below = logits.double() - logits.double().amax(-1, keepdim=True)
    temperature = _column([wanted.temperature for wanted in params], below)
    probs = (below / temperature).softmax(-1)
    if any(wanted.top_k or wanted.top_p < 1.0 or wanted.min_p > 0.0 for wanted in params):
        probs = _filtered(probs, params)
    return probs


def _filtered(
    probs: torch.Tensor,  # [R, V]
    params: Sequence[SamplingParams],  # R
) -> torch.Tensor:  # [R, V]
    top_k = _column([wanted.top_k or probs.shape[1] for wanted in params], probs)
    top_p = _column([wanted.top_p for wanted in params], probs)
    ordered, order = probs.sort(dim=-1, descending=True, stable=True)
    kept = torch.arange(probs.shape[1], device=probs.device) < top_k
    mass = torch.where(kept, ordered, 0.0).cumsum(-1)
    # A token stays while the mass before it has not reached top_p; so at least one stays.
    kept &= (top_p >= 1.0) | (mass - ordered < top_p * mass[:, -1:])
    kept &= ordered >= _column([wanted.min_p for wanted in params], probs) * ordered[:, :1]
    return torch.zeros_like(probs).scatter_(-1, order, torch.where(kept, ordered, 0.0))


def _column(values: Sequence[float], like: torch.Tensor) -> torch.Tensor:  # [R, 1]
    # On its way the host goes on, for the device may still be at the logits.
    return torch.tensor(values, dtype=like.dtype).to(like.device, non_blocking=True)[:, None]


def shape_logits(
    logits: torch.Tensor,  # [V] of one position, changed in place
    params: SamplingParams,
    prompt_ids: Sequence[int],
    output_ids: Sequence[int],
    stop_ids: frozenset[int],
) -> None:
    """Penalties, biases and the minimum length, from the position's own path.

    Repetition divides positive and multiplies negative logits of every token seen (CTRL, Keskar et
    al., 2019); presence and frequency subtract for tokens of the output (OpenAI's definition).
    """
    if params.repetition_penalty != 1.0:
        seen = torch.tensor(list({*prompt_ids, *output_ids}))
        values = logits[seen]
        factor = params.repetition_penalty
        logits[seen] = torch.where(values > 0, values / factor, values * factor)
    if output_ids and (params.presence_penalty or params.frequency_penalty):
        counts = Counter(output_ids)
        times = torch.tensor(list(counts.values()), dtype=logits.dtype)
        logits[list(counts)] -= params.presence_penalty + params.frequency_penalty * times
    if params.logit_bias:
        biases = torch.tensor(list(params.logit_bias.values()), dtype=logits.dtype)
        logits[list(params.logit_bias)] += biases
    if len(output_ids) < params.min_tokens:
        logits[list(stop_ids)] = float("-inf")


def needs_shaping(params: SamplingParams) -> bool:
    """Whether `shape_logits` would change anything."""
    return bool(
        params.repetition_penalty != 1.0
        or params.presence_penalty
        or params.frequency_penalty
        or params.logit_bias
        or params.min_tokens
    )


def token_logprob(logits: torch.Tensor, token_id: int, num_top: int) -> TokenLogprob:
    """Natural-log probabilities of one position from the model's own logits [V]."""
    logprobs = logits.double().log_softmax(-1)
    top = logprobs.topk(num_top) if num_top else None
    return TokenLogprob(
        token_id=token_id,
        logprob=float(logprobs[token_id]),
        top=dict(zip(top.indices.tolist(), top.values.tolist(), strict=True)) if top else {},
    )
