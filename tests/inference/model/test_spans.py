"""Tokens of several sequences side by side: each at its position, in its own blocks."""

import torch

from inference.model.spans import Span, lay_out

CPU = torch.device("cpu")


def test_rows_stand_in_order_in_their_own_blocks() -> None:
    spans = [Span.chain([7, 8, 9], 3, [5, 2]), Span([1, 2], [6, 6], 6, [0, 4, 1])]

    inputs = lay_out(spans, 4, CPU)

    assert inputs.token_ids.tolist() == [7, 8, 9, 1, 2]
    assert inputs.positions.tolist() == [3, 4, 5, 6, 6]
    assert inputs.slot_mapping.tolist() == [5 * 4 + 3, 2 * 4, 2 * 4 + 1, 4 * 4 + 2, 4 * 4 + 3]
    assert inputs.attention.block_tables.tolist() == [[5, 2, 0], [0, 4, 1]]
    assert inputs.attention.query_starts.tolist() == [0, 3, 5]
    assert inputs.attention.context_lens.tolist() == [6, 8]
