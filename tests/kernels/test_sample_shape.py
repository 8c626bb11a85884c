"""Penalties, biases and masks on every row of a tree, as the CPU path shapes the row's own path."""

import pytest
import torch

from inference.request import SamplingParams
from inference.sampling import shape_logits
from kernels import reference_sampling as reference
from kernels import sample_shape
from kernels.reference_sampling import Shaping
from tests.kernels.sampling_rows import TOKENS, no_shaping, path_of, two_parts

WIDTH = 41
PROMPT, OUTPUT = [1, 2, 2, 7, 9], [4, 4, 11]
PENALTIES = SamplingParams(
    repetition_penalty=1.3, presence_penalty=0.4, frequency_penalty=0.25, logit_bias={3: 2.0, 4: -1}
)


def penalised(params: SamplingParams) -> Shaping:
    """The lists of the first part, which has seen a prompt and an output; the second has none."""
    ids = sorted({*PROMPT, *OUTPUT, *TOKENS[1:]})
    counts = [OUTPUT.count(one) if one in PROMPT + OUTPUT else -1 for one in ids]
    bias = params.logit_bias or {}
    return no_shaping()._replace(
        penalties=torch.tensor(
            [
                [
                    params.repetition_penalty,
                    params.presence_penalty,
                    params.frequency_penalty,
                ],
                [1.0, 0.0, 0.0],
            ],
            dtype=torch.float64,
        ),
        seen_starts=torch.tensor([0, len(ids), len(ids)]),
        seen_ids=torch.tensor(ids),
        seen_counts=torch.tensor(counts),
        bias_starts=torch.tensor([0, *(len(bias) * (row + 1) for row in range(8)), len(bias) * 8]),
        bias_ids=torch.tensor([*bias] * 8, dtype=torch.int64),
        biases=torch.tensor([*bias.values()] * 8, dtype=torch.float64),
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_row_is_shaped_by_its_own_path(dtype: torch.dtype) -> None:
    logits = torch.randn(9, WIDTH, generator=torch.Generator().manual_seed(0)).to(dtype)
    expected = logits.clone()
    for row in range(8):
        output = [*OUTPUT, *path_of(row)]
        shape_logits(expected[row], PENALTIES, PROMPT, output, frozenset())
    truth, shaped = logits.clone(), logits.clone()

    reference.sample_shape(truth, two_parts(), penalised(PENALTIES))
    sample_shape.launch(shaped, two_parts(), penalised(PENALTIES))

    # One rounding: a processor may fuse a product and a sum.
    torch.testing.assert_close(truth, expected, atol=0, rtol=0)
    torch.testing.assert_close(shaped, expected, atol=1e-6, rtol=1e-6)
    assert torch.equal(shaped[8], logits[8])


def test_masks_and_bans_leave_only_what_is_allowed() -> None:
    generator = torch.Generator().manual_seed(1)
    allowed = torch.rand(2, WIDTH, generator=generator) < 0.4
    bits = torch.nn.functional.pad(allowed, (0, 64 - WIDTH)).view(2, 2, 32).long()
    words = (bits << torch.arange(32)).sum(-1)
    shaping = no_shaping()._replace(
        mask_rows=torch.tensor([-1, 1, -1, -1, -1, -1, 0, -1, 1]),
        masks=((words + (1 << 31)) % (1 << 32) - (1 << 31)).int(),
        bias_starts=torch.tensor([0, 2, *[2] * 8]),
        bias_ids=torch.tensor([5, 40]),
        biases=torch.tensor([float("-inf"), 0.5], dtype=torch.float64),
    )
    logits = torch.randn(9, WIDTH, generator=generator)
    expected = logits.clone()
    for row, mask in ((1, 1), (6, 0), (8, 1)):
        expected[row, ~allowed[mask]] = float("-inf")
    expected[0, 5], expected[0, 40] = float("-inf"), expected[0, 40] + 0.5
    truth, shaped = logits.clone(), logits.clone()

    reference.sample_shape(truth, two_parts(), shaping)
    sample_shape.launch(shaped, two_parts(), shaping)

    assert torch.equal(truth, expected)
    assert torch.equal(shaped, expected)


def test_lists_and_masks_are_longer_than_a_tile() -> None:
    generator = torch.Generator().manual_seed(2)
    width, num_seen = 2 * sample_shape.BLOCK + 70, sample_shape.BLOCK + 9
    ids = [torch.randperm(width, generator=generator)[:num_seen] for _ in range(2)]
    ids[0][-6:] = torch.tensor([4, 5, 6, 9, 7, 8])  # every drafted token, at the end
    ids[0][:-6] = torch.arange(10, num_seen + 4)
    words = -(-width // 32)
    shaping = no_shaping()._replace(
        penalties=torch.tensor([[1.3, 0.4, 0.25], [0.8, -0.2, 0.5]], dtype=torch.float64),
        seen_starts=torch.tensor([0, num_seen, 2 * num_seen]),
        seen_ids=torch.cat(ids),
        seen_counts=torch.randint(-1, 3, (2 * num_seen,), generator=generator),
        bias_starts=torch.tensor([0, *[num_seen] * 8, 2 * num_seen]),
        bias_ids=torch.cat(ids),
        biases=torch.randn(2 * num_seen, generator=generator, dtype=torch.float64),
        mask_rows=torch.tensor([1, -1, -1, 0, -1, -1, -1, -1, 1]),
        masks=torch.randint(-(1 << 31), 1 << 31, (2, words), generator=generator).int(),
    )
    logits = torch.randn(9, width + 50, generator=generator)[:, 20 : 20 + width]  # rows apart
    truth, shaped = logits.clone(), torch.zeros(9, width + 50)[:, 20 : 20 + width]
    shaped.copy_(logits)

    reference.sample_shape(truth, two_parts(), shaping)
    sample_shape.launch(shaped, two_parts(), shaping)

    torch.testing.assert_close(shaped, truth, atol=1e-6, rtol=1e-6)
    assert (truth[8] != logits[8]).sum() > num_seen
