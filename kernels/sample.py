"""Draw one token for every row of logits where they lie: temperature, top-k, top-p, min-p.

The number of a row is Philox4x32-10 of (seed, position) and the token is the inverse of the
cumulative distribution at it, in float64, as everywhere in this engine. Nothing is sorted: what
top-k and top-p leave is everything above a key, the bits of a logit in the order of its value,
found four bits a pass; of equal logits the first ones stay, as in a stable sort.

Cost: one program a row; 2 passes over its logits, and 9 or 10 more for each filter. Sums stay in
their lanes until the end of a pass. Not timed on a GPU yet.
"""

import torch
import triton
import triton.language as tl

from kernels import reference_sampling as reference
from kernels.dispatch import runs_triton
from kernels.reference_sampling import Draws

BLOCK = 4096
NARROW = 512  # times 16 thresholds, in float64, is what 8 warps hold in registers


def sample(
    logits: torch.Tensor,  # [R, V] float32 or float64
    draws: Draws,
) -> torch.Tensor:  # [R] int64
    """The best token where temperature is 0, else the one the row's number falls on.

    `NO_TOKEN` where every token is excluded or the probabilities are not numbers.
    """
    op = launch if runs_triton(logits) else reference.sample
    return op(logits, draws)


def launch(logits: torch.Tensor, draws: Draws) -> torch.Tensor:
    """Run the Triton kernel; one program a row."""
    assert logits.dtype in (torch.float32, torch.float64), f"logits are {logits.dtype}"
    assert logits.stride(1) == 1 and all(one.is_contiguous() for one in draws)
    tokens = torch.empty(logits.shape[0], dtype=torch.int64, device=logits.device)
    width = logits.shape[1]
    block = min(BLOCK, triton.next_power_of_2(width))
    _kernel[(logits.shape[0],)](
        logits,
        *draws,
        tokens,
        width,
        logits.stride(0),
        BITS=logits.element_size() * 8,
        BLOCK=block,
        NARROW=min(NARROW, block),
        TILES=triton.next_power_of_2(triton.cdiv(width, block)),
        num_warps=8,
    )
    return tokens


@triton.jit
def _kernel(
    logits_ptr,
    temperature_ptr,
    top_k_ptr,
    top_p_ptr,
    min_p_ptr,
    seed_ptr,
    position_ptr,
    tokens_ptr,
    width,
    row_stride,
    BITS: tl.constexpr,
    BLOCK: tl.constexpr,
    NARROW: tl.constexpr,
    TILES: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)  # 64 bits: row * width outgrows 32
    row_ptr = logits_ptr + row * row_stride
    best, token = _best(row_ptr, width, BLOCK)
    temperature = tl.load(temperature_ptr + row)
    if best == float("-inf"):
        token = tl.full((), -1, tl.int64)
    elif temperature > 0:
        top_k = tl.load(top_k_ptr + row)
        top_p = tl.load(top_p_ptr + row)
        least = tl.load(min_p_ptr + row)
        last, ties = _last_kept(
            row_ptr, width, best, temperature, top_k, top_p, BITS, BLOCK, NARROW
        )
        number = _number(tl.load(seed_ptr + row), tl.load(position_ptr + row))
        token = _draw(
            row_ptr, width, best, temperature, last, ties, least, number, BITS, BLOCK, TILES
        )
    tl.store(tokens_ptr + row, token)


@triton.jit
def _best(row_ptr, width, BLOCK: tl.constexpr):
    """The largest logit and the first token that has it."""
    lane = tl.arange(0, BLOCK)
    tops = tl.full((BLOCK,), float("-inf"), row_ptr.dtype.element_ty)
    places = lane
    for start in range(0, width, BLOCK):
        x = tl.load(row_ptr + start + lane, mask=start + lane < width, other=float("-inf"))
        places = tl.where(x > tops, start + lane, places)
        tops = tl.where(x > tops, x, tops)
    best = tl.max(tops, 0)
    return best, tl.min(tl.where(tops == best, places, width), 0).to(tl.int64)


@triton.jit
def _number(seed, position):
    """53 bits of Philox4x32-10 as a number in [0, 1)."""
    low = (position & 0xFFFFFFFF).to(tl.uint32)
    high = ((position >> 32) & 0xFFFFFFFF).to(tl.uint32)
    zero = low * 0
    first, second, _, _ = tl.philox(seed, low, high, zero, zero)
    bits = (first.to(tl.int64) << 21) ^ (second.to(tl.int64) >> 11)
    return bits.to(tl.float64) * (1.0 / 9007199254740992.0)


@triton.jit
def _key(x, BITS: tl.constexpr):
    """Unsigned integers in the order of floats; equal for 0 and -0, and never 0."""
    x = tl.where(x == 0, 0.0, x)
    if BITS == 32:
        bits = x.to(tl.uint32, bitcast=True)
        key = tl.where((bits >> 31) == 1, bits ^ 0xFFFFFFFF, bits | 0x80000000).to(tl.uint32)
    else:
        bits = x.to(tl.uint64, bitcast=True)
        flipped = bits ^ 0xFFFFFFFFFFFFFFFF
        key = tl.where((bits >> 63) == 1, flipped, bits | 0x8000000000000000).to(tl.uint64)
    return key


@triton.jit
def _float(key, BITS: tl.constexpr):
    """The float of a key."""
    if BITS == 32:
        bits = tl.where((key >> 31) == 1, key ^ 0x80000000, key ^ 0xFFFFFFFF)
        x = bits.to(tl.uint32).to(tl.float32, bitcast=True)
    else:
        bits = tl.where((key >> 63) == 1, key ^ 0x8000000000000000, key ^ 0xFFFFFFFFFFFFFFFF)
        x = bits.to(tl.uint64).to(tl.float64, bitcast=True)
    return x


@triton.jit
def _weight(x, best, temperature):
    """Of a logit against the best one's, which is 1."""
    return tl.exp((x.to(tl.float64) - best.to(tl.float64)) / temperature)


@triton.jit
def _last_kept(
    row_ptr,
    width,
    best,
    temperature,
    top_k,
    top_p,
    BITS: tl.constexpr,
    BLOCK: tl.constexpr,
    NARROW: tl.constexpr,
):
    """The key of the last tokens that top-k and top-p keep, and how many of those that have it."""
    last = (width * 0).to(tl.uint32 if BITS == 32 else tl.uint64)
    ties = (width * 0).to(tl.int64) + width
    share = temperature * 0.0
    if (top_k > 0) & (top_k < width):
        need = top_k.to(tl.float64)
        last = _threshold(row_ptr, width, best, temperature, need, last, share, False, BITS, NARROW)
        above = _above(row_ptr, width, best, temperature, last, False, BITS, BLOCK)
        ties = (need - above).to(tl.int64)
        share = ties.to(tl.float64) * _weight(_float(last, BITS), best, temperature)
    if top_p < 1.0:
        whole = share + _above(row_ptr, width, best, temperature, last, True, BITS, BLOCK)
        need = top_p * whole
        nearer = _threshold(
            row_ptr, width, best, temperature, need, last, share, True, BITS, NARROW
        )
        is_inside = nearer > last
        nearer = tl.where(is_inside, nearer, last)
        above = _above(row_ptr, width, best, temperature, nearer, True, BITS, BLOCK)
        # A token stays while the mass before it has not reached top_p; so at least one stays.
        count = tl.ceil((need - above) / _weight(_float(nearer, BITS), best, temperature))
        count = tl.minimum(tl.maximum(count, 1.0), width.to(tl.float64)).to(tl.int64)
        ties = tl.where(is_inside, count, tl.minimum(count, ties))
        last = nearer
    return last, ties


@triton.jit
def _threshold(
    row_ptr,
    width,
    best,
    temperature,
    need,
    floor,
    share,
    IS_MASS: tl.constexpr,
    BITS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """The largest key such that it and those above it reach `need`, in number or in mass.

    Mass counts above `floor` only; what is kept of `floor` itself has the mass `share`.
    """
    lane, digit = tl.arange(0, BLOCK), tl.arange(0, 16).to(floor.dtype)
    found = floor * 0
    for step in range(BITS // 4):
        shift = BITS - 4 - 4 * step
        bounds = found | (digit << shift)
        sums = tl.zeros((BLOCK, 16), tl.float64)
        for start in range(0, width, BLOCK):
            inside = start + lane < width
            x = tl.load(row_ptr + start + lane, mask=inside, other=float("-inf"))
            key = _key(x, BITS)
            if IS_MASS:
                weight = tl.where(inside & (key > floor), _weight(x, best, temperature), 0.0)
            else:
                weight = inside.to(tl.float64)
            sums += tl.where(key[:, None] >= bounds[None, :], weight[:, None], 0.0)
        reached = tl.sum(sums, 0)
        if IS_MASS:
            reached += tl.where(bounds <= floor, share, 0.0)
        chosen = tl.maximum(tl.sum((reached >= need).to(tl.int32), 0) - 1, 0)
        found = found | (chosen.to(floor.dtype) << shift)
    return found


@triton.jit
def _above(
    row_ptr,
    width,
    best,
    temperature,
    key,
    IS_MASS: tl.constexpr,
    BITS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """How many tokens lie above a key, or their mass."""
    lane = tl.arange(0, BLOCK)
    sums = tl.zeros((BLOCK,), tl.float64)
    for start in range(0, width, BLOCK):
        inside = start + lane < width
        x = tl.load(row_ptr + start + lane, mask=inside, other=float("-inf"))
        counted = inside & (_key(x, BITS) > key)
        if IS_MASS:
            sums += tl.where(counted, _weight(x, best, temperature), 0.0)
        else:
            sums += counted.to(tl.float64)
    return tl.sum(sums, 0)


@triton.jit
def _kept_weight(
    row_ptr,
    start,
    width,
    best,
    temperature,
    last,
    ties,
    least,
    BITS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """The weights of a tile, 0 where a filter has dropped the token; and its ties with `last`."""
    at = start + tl.arange(0, BLOCK)
    x = tl.load(row_ptr + at, mask=at < width, other=float("-inf"))
    key = _key(x, BITS)
    is_tie = ((key == last) & (at < width)).to(tl.int64)
    kept = (key > last) | ((is_tie == 1) & (tl.cumsum(is_tie, 0) <= ties))
    weight = _weight(x, best, temperature)
    # What is not a number must stay one: it makes the sum none, and no token is drawn.
    return tl.where((at < width) & kept & ~(weight < least), weight, 0.0), tl.sum(is_tie, 0)


@triton.jit
def _draw(
    row_ptr,
    width,
    best,
    temperature,
    last,
    ties,
    least,
    number,
    BITS: tl.constexpr,
    BLOCK: tl.constexpr,
    TILES: tl.constexpr,
):
    """The first possible token whose cumulative weight passes the number's share of the whole.

    First the tile in which it lies, by the tiles' sums, then its place there.
    """
    tile = tl.arange(0, TILES)
    sums = tl.zeros((TILES,), tl.float64)
    lefts = tl.zeros((TILES,), tl.int64)
    left = ties
    for at in range(tl.cdiv(width, BLOCK)):
        weight, num_ties = _kept_weight(
            row_ptr, at * BLOCK, width, best, temperature, last, left, least, BITS, BLOCK
        )
        sums = tl.where(tile == at, tl.sum(weight, 0), sums)
        lefts = tl.where(tile == at, left, lefts)
        left -= num_ties
    total = tl.sum(sums, 0)
    target = number * total
    at = _first_passed(sums, tl.cumsum(sums, 0), target, tile, TILES)
    before = tl.sum(tl.where(tile < at, sums, 0.0), 0)
    left = tl.sum(tl.where(tile == at, lefts, 0), 0)
    weight, num_ties = _kept_weight(
        row_ptr, at * BLOCK, width, best, temperature, last, left, least, BITS, BLOCK
    )
    lane = tl.arange(0, BLOCK)
    place = _first_passed(weight, before + tl.cumsum(weight, 0), target, lane, BLOCK)
    return tl.where(total > 0, at.to(tl.int64) * BLOCK + place, -1).to(tl.int64)


@triton.jit
def _first_passed(weights, cumulative, target, lane, COUNT: tl.constexpr):
    """The first place of weight whose cumulative one passes the target.

    Rounding may leave the last one below it: then the last place of weight.
    """
    found = tl.min(tl.where((weights > 0) & (cumulative > target), lane, COUNT), 0)
    final = tl.max(tl.where(weights > 0, lane, 0), 0)
    return tl.where(found < COUNT, found, final)
