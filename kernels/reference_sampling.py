"""The truth of sampling in plain torch: R rows of logits in B parts, V tokens.

Tests compare the kernels with these, and these with the sampler of the CPU path.
"""

from typing import NamedTuple

import torch

# What a row has drawn that has no possible token.
NO_TOKEN = -1


class TreeRows(NamedTuple):
    """Rows of trees, R in B parts: of each its last known token, then its drafted nodes."""

    starts: torch.Tensor  # [B + 1] int64, rows of part b are starts[b]..starts[b + 1]
    parts: torch.Tensor  # [R] int64, the part of each row
    parents: torch.Tensor  # [R] int64, the row above; -1 for the first of a part
    token_ids: torch.Tensor  # [R] int64, the drafted token; -1 for the first of a part
    ends: torch.Tensor  # [R] bool, nothing may be drawn at this row


class Draws(NamedTuple):
    """How each row draws its token."""

    temperature: torch.Tensor  # [R] float64, 0 for the best token
    top_k: torch.Tensor  # [R] int64, 0 for all
    top_p: torch.Tensor  # [R] float64, 1 for all
    min_p: torch.Tensor  # [R] float64, 0 for all
    seeds: torch.Tensor  # [R] int64
    positions: torch.Tensor  # [R] int64


class Shaping(NamedTuple):
    """What changes logits before anything is drawn: lists by part or row, end to end."""

    penalties: torch.Tensor  # [B, 3] float64: repetition, presence, frequency
    seen_starts: torch.Tensor  # [B + 1] int64
    seen_ids: torch.Tensor  # [n] int64, distinct in a part; its drafted tokens are all among them
    seen_counts: torch.Tensor  # [n] int64, times in the output; 0: in the prompt only; -1: nowhere
    bias_starts: torch.Tensor  # [R + 1] int64
    bias_ids: torch.Tensor  # [m] int64, distinct in a row
    biases: torch.Tensor  # [m] float64, -infinity bans
    mask_rows: torch.Tensor  # [R] int64 into masks; -1 for none
    masks: torch.Tensor  # [k, V / 32 rounded up] int32, bit v % 32 of word v // 32: v is allowed


def sample(
    logits: torch.Tensor,  # [R, V]
    draws: Draws,
) -> torch.Tensor:  # [R] int64
    """The best token where temperature is 0, else the inverse of the distribution at its number."""
    best = logits.argmax(-1)
    tokens = torch.where(logits.amax(-1).isneginf(), NO_TOKEN, best)
    numbers = philox(draws.seeds, draws.positions)
    for row in (draws.temperature > 0).nonzero().flatten().tolist():
        if tokens[row] == NO_TOKEN:
            continue
        below = logits[row].double() - logits[row].double().amax()
        ordered, order = (
            (below / draws.temperature[row]).softmax(-1).sort(descending=True, stable=True)
        )
        kept = torch.ones_like(ordered, dtype=torch.bool)
        if draws.top_k[row] > 0:
            kept[int(draws.top_k[row]) :] = False
        mass = (ordered * kept).cumsum(-1)
        if draws.top_p[row] < 1:
            kept &= (mass - ordered) < draws.top_p[row] * mass[-1]
        kept &= ordered >= draws.min_p[row] * ordered[0]
        cumulative = torch.zeros_like(below).index_copy(0, order, ordered * kept).cumsum(-1)
        target = (numbers[row] * cumulative[-1]).minimum(
            cumulative[-1].nextafter(below.new_zeros(()))
        )
        if cumulative[-1] > 0:
            tokens[row] = torch.searchsorted(cumulative, target, right=True)
        else:
            tokens[row] = NO_TOKEN
    return tokens


def philox(
    seeds: torch.Tensor,  # [R] int64
    positions: torch.Tensor,  # [R] int64
) -> torch.Tensor:  # [R] float64
    """53 bits of Philox4x32-10 (Salmon et al., 2011) by key and counter, in [0, 1)."""
    low = 0xFFFFFFFF
    key = [seeds & low, (seeds >> 32) & low]
    counter = [positions & low, (positions >> 32) & low, seeds * 0, seeds * 0]
    for _ in range(10):
        first, second = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        counter = [
            ((second >> 32) & low) ^ counter[1] ^ key[0],
            second & low,
            ((first >> 32) & low) ^ counter[3] ^ key[1],
            first & low,
        ]
        key = [(key[0] + 0x9E3779B9) & low, (key[1] + 0xBB67AE85) & low]
    return ((counter[0] << 21) ^ (counter[1] >> 11)).double() / 2**53


def sample_shape(
    logits: torch.Tensor,  # [R, V], changed in place
    rows: TreeRows,
    shaping: Shaping,
) -> None:
    """Penalties, biases and masks of every row, from the row's own path."""
    for row, x in enumerate(logits):
        part = int(rows.parts[row])
        repetition, presence, frequency = shaping.penalties[part].to(x.dtype)
        seen = slice(int(shaping.seen_starts[part]), int(shaping.seen_starts[part + 1]))
        ids, known = shaping.seen_ids[seen], shaping.seen_counts[seen]
        drafted, node = torch.zeros_like(known), row
        while rows.parents[node] >= 0:
            drafted += ids == rows.token_ids[node]
            node = int(rows.parents[node])
        is_seen, times = (known >= 0) | (drafted > 0), known.clamp(min=0) + drafted
        own = x[ids]
        own = torch.where(is_seen, torch.where(own > 0, own / repetition, own * repetition), own)
        own = torch.where(times > 0, own - (presence + frequency * times.to(x.dtype)), own)
        x[ids] = own
        biased = slice(int(shaping.bias_starts[row]), int(shaping.bias_starts[row + 1]))
        x[shaping.bias_ids[biased]] += shaping.biases[biased].to(x.dtype)
        if shaping.mask_rows[row] >= 0:
            at = torch.arange(x.shape[0], device=x.device)
            words = shaping.masks[shaping.mask_rows[row]][at // 32]
            x[(words >> (at % 32)) & 1 == 0] = float("-inf")


def sample_match(
    tokens: torch.Tensor,  # [R] int64, what each row has drawn
    rows: TreeRows,
    most_rows: int,  # M, of any part
) -> torch.Tensor:  # [B, 2 + 2 M] int32
    """Walk down every part's tree along what was drawn, until that was not drafted.

    Per part: number of tokens, number of accepted nodes, M places for each, -1 behind them.
    """
    num_parts = rows.starts.shape[0] - 1
    found = torch.full((num_parts, 2 + 2 * most_rows), -1, dtype=torch.int32, device=tokens.device)
    for part in range(num_parts):
        first = row = int(rows.starts[part])
        got: list[int] = []
        path: list[int] = []
        while True:
            got.append(int(tokens[row]))
            below = (rows.parents == row) & (rows.token_ids == got[-1])
            if not below.any():
                break
            row = int(below.nonzero()[-1])
            path.append(row - first - 1)
            if rows.ends[row]:
                break
        found[part, 0], found[part, 1] = len(got), len(path)
        found[part, 2 : 2 + len(got)] = torch.tensor(got)
        found[part, 2 + most_rows : 2 + most_rows + len(path)] = torch.tensor(path)
    return found
