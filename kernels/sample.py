"""Draw one token for every row of logits where they lie: temperature, top-k, top-p, min-p.

The number of a row is Philox4x32-10 of (seed, position) and the token is the inverse of the
cumulative distribution at it, in float64, as everywhere in this engine. Nothing is sorted: what
top-k and top-p leave is everything above a key, the bits of a logit in the order of its value,
found four bits a pass; of equal logits the first ones stay, as in a stable sort.

Cost: one program a row; 3 passes over its logits, and a pass for each 4 bits and filter.
"""

import torch
import triton
import triton.language as tl

from kernels import reference_sampling as reference
from kernels.dispatch import runs_triton
from kernels.reference_sampling import Draws

BLOCK = 512  # times 16 thresholds, in float64, is what 8 warps hold in registers


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
    _kernel[(logits.shape[0],)](
        logits,
        *draws,
        tokens,
        logits.shape[1],
        logits.stride(0),
        BITS=logits.element_size() * 8,
        BLOCK=min(BLOCK, triton.next_power_of_2(logits.shape[1])),
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
        last, ties = _last_kept(row_ptr, width, best, temperature, top_k, top_p, BITS, BLOCK)
        number = _number(tl.load(seed_ptr + row), tl.load(position_ptr + row))
        token = _draw(row_ptr, width, best, temperature, last, ties, least, number, BITS, BLOCK)
    tl.store(tokens_ptr + row, token)


@triton.jit
def _best(row_ptr, width, BLOCK: tl.constexpr):
    """The largest logit and the first token that has it."""
    lane = tl.arange(0, BLOCK)
    best = tl.full((), float("-inf"), row_ptr.dtype.element_ty)
    token = tl.full((), 0, tl.int64)
    for start in range(0, width, BLOCK):
        x = tl.load(row_ptr + start + lane, mask=start + lane < width, other=float("-inf"))
        top = tl.max(x, 0)
        first = tl.min(tl.where(x == top, lane, BLOCK), 0)
        token = tl.where(top > best, start + first, token).to(tl.int64)
        best = tl.maximum(best, top)
    return best, token


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
    row_ptr, width, best, temperature, top_k, top_p, BITS: tl.constexpr, BLOCK: tl.constexpr
):
    """The key of the last tokens that top-k and top-p keep, and how many of those that have it."""
    last = (width * 0).to(tl.uint32 if BITS == 32 else tl.uint64)
    ties = (width * 0).to(tl.int64) + width
    share = temperature * 0.0
    if (top_k > 0) & (top_k < width):
        need = top_k.to(tl.float64)
        last = _threshold(row_ptr, width, best, temperature, need, last, share, False, BITS, BLOCK)
        above = _above(row_ptr, width, best, temperature, last, False, BITS, BLOCK)
        ties = (need - above).to(tl.int64)
        share = ties.to(tl.float64) * _weight(_float(last, BITS), best, temperature)
    if top_p < 1.0:
        whole = share + _above(row_ptr, width, best, temperature, last, True, BITS, BLOCK)
        need = top_p * whole
        nearer = _threshold(row_ptr, width, best, temperature, need, last, share, True, BITS, BLOCK)
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
        reached = tl.zeros((16,), tl.float64)
        for start in range(0, width, BLOCK):
            inside = start + lane < width
            x = tl.load(row_ptr + start + lane, mask=inside, other=float("-inf"))
            key = _key(x, BITS)
            if IS_MASS:
                weight = tl.where(inside & (key > floor), _weight(x, best, temperature), 0.0)
            else:
                weight = inside.to(tl.float64)
            counted = tl.where(key[:, None] >= bounds[None, :], weight[:, None], 0.0)
            reached += tl.sum(counted, 0)
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
    total = tl.zeros((), tl.float64)
    for start in range(0, width, BLOCK):
        inside = start + lane < width
        x = tl.load(row_ptr + start + lane, mask=inside, other=float("-inf"))
        counted = inside & (_key(x, BITS) > key)
        if IS_MASS:
            total += tl.sum(tl.where(counted, _weight(x, best, temperature), 0.0), 0)
        else:
            total += tl.sum(counted.to(tl.float64), 0)
    return total


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
):
    """The first possible token whose cumulative weight passes the number's share of the whole."""
    lane = tl.arange(0, BLOCK)
    total = tl.zeros((), tl.float64)
    left = ties
    for start in range(0, width, BLOCK):
        weight, num_ties = _kept_weight(
            row_ptr, start, width, best, temperature, last, left, least, BITS, BLOCK
        )
        total += tl.sum(weight, 0)
        left -= num_ties
    target = number * total
    before = tl.zeros((), tl.float64)
    found = (width * 0).to(tl.int64) + width
    final = (width * 0).to(tl.int64) - 1
    left = ties
    for start in range(0, width, BLOCK):
        weight, num_ties = _kept_weight(
            row_ptr, start, width, best, temperature, last, left, least, BITS, BLOCK
        )
        is_passed = (weight > 0) & (before + tl.cumsum(weight, 0) > target)
        found = tl.minimum(found, tl.min(tl.where(is_passed, start + lane, width), 0))
        final = tl.maximum(final, tl.max(tl.where(weight > 0, start + lane, -1), 0))
        before += tl.sum(weight, 0)
        left -= num_ties
    # Rounding may leave the last sum below the target: then it is the last possible token.
    token = tl.where(found < width, found, final)
    return tl.where(total > 0, token, -1)
