"""The walk down a tree: as far as what is drawn was drafted, and not behind a constraint's end."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import reference_sampling as reference
from kernels import sample_match
from tests.kernels.sampling_rows import PARENTS, TOKENS, two_parts

NOWHERE = -1


@pytest.mark.parametrize(
    "drawn, ends, expected",
    [
        ([8, 0, 0, 0, 0, 0, 0, 0, 3], (), ([8], [])),
        ([4, 5, 4, 7, 0, 0, 0, 0, 3], (), ([4, 5, 4, 7], [0, 1, 2])),
        ([6, 0, 0, 0, 4, 9, 0, 0, 3], (), ([6, 4, 9], [3, 4])),
        ([4, 9, 0, 0, 0, 0, 0, 2, 3], (), ([4, 9, 2], [0, 6])),
        ([4, 5, 4, 7, 0, 0, 0, 0, 3], (2,), ([4, 5], [0, 1])),
        ([NOWHERE, 5, 4, 7, 0, 0, 0, 0, 3], (), ([NOWHERE], [])),
    ],
)
def test_the_walk_follows_what_was_drawn(
    drawn: list[int], ends: tuple[int, ...], expected: tuple[list[int], list[int]]
) -> None:
    tokens, rows = torch.tensor(drawn), two_parts(ends)

    for found in (
        reference.sample_match(tokens, rows, 8),
        sample_match.launch(tokens, rows, 8),
    ):
        num_tokens, num_accepted = found[0, :2].tolist()
        assert found[0, 2 : 2 + num_tokens].tolist() == expected[0]
        assert found[0, 10 : 10 + num_accepted].tolist() == expected[1]
        assert (found[0, 2 + num_tokens : 10] == -1).all() and (
            found[0, 10 + num_accepted :] == -1
        ).all()
        assert found[1].tolist() == [1, 0, 3, *[-1] * 15]


@given(drawn=st.lists(st.integers(0, 9), min_size=9, max_size=9))
@settings(max_examples=25, deadline=None)
def test_whatever_is_drawn_kernel_and_reference_agree(drawn: list[int]) -> None:
    # Mostly what is drafted below a row, so that the walk goes on.
    below = {row: [TOKENS[n] for n, up in enumerate(PARENTS) if up == row] for row in range(9)}
    tokens = torch.tensor(
        [(below[row] or [one])[0] if one < 7 else one for row, one in enumerate(drawn)]
    )
    rows = two_parts()
    assert torch.equal(
        sample_match.launch(tokens, rows, 8), reference.sample_match(tokens, rows, 8)
    )


def test_what_lies_behind_the_last_row_is_nobodys() -> None:
    rows = two_parts()
    # Rows of a step before, which would go on where the last part ends.
    stray = rows._replace(
        parents=torch.cat([rows.parents, torch.tensor([8, 9, 10])])[:9],
        token_ids=torch.cat([rows.token_ids, torch.tensor([3, 3, 3])])[:9],
    )
    tokens = torch.tensor([8, 0, 0, 0, 0, 0, 0, 0, 3])

    found = sample_match.launch(tokens, stray, 8)

    assert torch.equal(found, reference.sample_match(tokens, rows, 8))
    assert found[1, :2].tolist() == [1, 0]
