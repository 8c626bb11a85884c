"""Small trees of drafts as rows, for the tests of what is drawn along them."""

import torch

from kernels.reference_sampling import Shaping, TreeRows

# Two parts: a tree of seven nodes with two branches of three, and a lone row.
PARENTS = (-1, 0, 1, 2, 0, 4, 5, 1)
TOKENS = (-1, 4, 5, 4, 6, 4, 4, 9)


def two_parts(ends: tuple[int, ...] = ()) -> TreeRows:
    """Rows 0 to 7 of the first part, row 8 of the second; constraints end at the rows `ends`."""
    is_end = torch.zeros(9, dtype=torch.bool)
    is_end[list(ends)] = True
    return TreeRows(
        starts=torch.tensor([0, 8, 9]),
        parts=torch.tensor([0] * 8 + [1]),
        parents=torch.tensor([*PARENTS, -1]),
        token_ids=torch.tensor([*TOKENS, -1]),
        ends=is_end,
    )


def path_of(row: int) -> list[int]:
    """The drafted tokens from the first row of the tree down to this one."""
    path: list[int] = []
    while PARENTS[row] >= 0:
        path.insert(0, TOKENS[row])
        row = PARENTS[row]
    return path


def no_shaping(num_rows: int = 9, num_parts: int = 2, num_words: int = 2) -> Shaping:
    """Lists without entries."""
    none = torch.zeros(0, dtype=torch.int64)
    return Shaping(
        penalties=torch.tensor([[1.0, 0.0, 0.0]] * num_parts, dtype=torch.float64),
        seen_starts=torch.zeros(num_parts + 1, dtype=torch.int64),
        seen_ids=none,
        seen_counts=none,
        bias_starts=torch.zeros(num_rows + 1, dtype=torch.int64),
        bias_ids=none,
        biases=torch.zeros(0, dtype=torch.float64),
        mask_rows=torch.full((num_rows,), -1),
        masks=torch.zeros(0, num_words, dtype=torch.int32),
    )
