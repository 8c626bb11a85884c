"""Few shapes hold every step; padding one to its shape adds nothing that is read or written."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inference.model.decoder import DecoderInputs
from inference.model.spans import Span, lay_out
from inference.runner.step_shapes import ROW_SIZES, StepShape, pad_inputs, shape_of

HOST = torch.device("cpu")


def step(counts: list[int], is_tree: bool = False) -> DecoderInputs:
    """Requests with so many rows each, behind 20 known tokens."""
    spans = [
        Span.chain([5] * count, 20, range(9 * at, 9 * at + 3 + count // 16))
        for at, count in enumerate(counts)
    ]
    bits = torch.ones(sum(counts), dtype=torch.int64) if is_tree else None
    return lay_out(spans, 16, HOST, ancestors=bits)


@given(counts=st.lists(st.integers(1, 40), min_size=1, max_size=40), is_tree=st.booleans())
def test_every_step_fits_its_shape(counts: list[int], is_tree: bool) -> None:
    inputs = step(counts, is_tree)
    shape = shape_of(inputs)

    if shape is None:
        assert sum(counts) > ROW_SIZES[-1]
        return
    padded = pad_inputs(inputs, shape)
    plan, rows = padded.attention, sum(counts)
    assert shape.num_rows <= max(4, rows * 3 // 2)
    assert padded.token_ids.shape == (shape.num_rows,)
    assert padded.slot_mapping[:rows].tolist() == inputs.slot_mapping.tolist()
    assert (padded.slot_mapping[rows:] == -1).all()
    assert plan.block_tables.shape == (shape.num_sequences, shape.num_blocks)
    assert plan.query_starts.diff()[: len(counts)].tolist() == counts
    assert (plan.query_starts[len(counts) :] == rows).all()
    assert (plan.context_lens[len(counts) :] == 0).all()
    assert plan.longest >= inputs.attention.longest
    assert plan.most_rows >= max(counts)
    assert shape_of(padded) == shape, "a padded step has the shape it was padded to"


def test_a_chain_fits_where_trees_are_expected() -> None:
    shape = shape_of(step([3, 70]))
    assert shape is not None
    tree = StepShape(128, 4, 32, 128, is_tree=True)
    assert tree.covers(shape)
    assert not shape.covers(tree)

    padded = pad_inputs(step([3, 70]), tree)

    assert padded.attention.ancestors is not None
    assert padded.attention.ancestors[:3].tolist() == [1, 3, 7]
    assert (padded.attention.ancestors[3:] == 0).all()  # more rows than bits: a chain anyway


def test_what_is_too_large_for_the_shape_is_a_mistake() -> None:
    with pytest.raises(AssertionError):
        pad_inputs(step([5]), StepShape(4, 1, 16, 8, is_tree=False))
