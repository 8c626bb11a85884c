"""What is kept or replaced follows the target, whatever the draft was drawn from."""

import pytest
import torch

from inference.batch import Offer
from inference.speculation.rejection import DRAFT, draw_from, keep_or_replace

NUM_ROWS = 40_000
TARGET = torch.tensor([0.10, 0.20, 0.30, 0.40, 0.00], dtype=torch.float64)
DRAFTS = {
    "another": [0.70, 0.10, 0.10, 0.05, 0.05],
    "the same": [0.10, 0.20, 0.30, 0.40, 0.00],
    "impossible": [0.00, 0.00, 0.00, 0.00, 1.00],
    "of fewer tokens": [0.50, 0.30, 0.20],
}


@pytest.mark.parametrize("scale", [1.0, 0.3])
@pytest.mark.parametrize("name", DRAFTS)
def test_the_outcome_follows_the_target_and_keeps_what_both_have_in_common(
    name: str, scale: float
) -> None:
    law = torch.tensor(DRAFTS[name], dtype=torch.float64)
    seeds, positions = [3] * NUM_ROWS, list(range(NUM_ROWS))
    drafted = draw_from(law.expand(NUM_ROWS, -1), seeds, positions, DRAFT)
    offers = [Offer(token_id, law) for token_id in drafted]

    # Cut laws come as they are: their sum is below 1.
    found = keep_or_replace(scale * TARGET.expand(NUM_ROWS, -1), offers, seeds, positions)

    observed = torch.tensor(found).bincount(minlength=5) / NUM_ROWS
    torch.testing.assert_close(observed.double(), TARGET, atol=0.01, rtol=0)
    kept = sum(one == other for one, other in zip(found, drafted, strict=True)) / NUM_ROWS
    common = torch.minimum(TARGET[: len(law)], law).sum()
    assert kept == pytest.approx(float(common), abs=0.01)


def test_probabilities_that_are_no_numbers_are_refused() -> None:
    broken = torch.full((1, 5), float("nan"), dtype=torch.float64)

    with pytest.raises(ValueError, match="not numbers"):
        keep_or_replace(broken, [Offer(1, TARGET)], [0], [0])
