"""Best tokens of a packed head, against all logits of the reference."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.speculation.vocabulary_head import VocabularyHead
from kernels import reference_speculator as reference
from kernels.dispatch import interpreted
from kernels.head_top_k import head_top_k, launch, pack_head
from tests.inference.speculation import heads


@settings(max_examples=12, deadline=None)
@given(
    rows=st.sampled_from([1, 5, 17]),
    width=st.sampled_from([1, 64, 80, 200]),
    vocab=st.sampled_from([7, 128, 300]),
    num_best=st.integers(1, 6),
    dtype=st.sampled_from([torch.float32, torch.float16]),
    seed=st.integers(0, 1 << 30),
)
def test_best_tokens_are_those_of_all_logits(
    rows: int, width: int, vocab: int, num_best: int, dtype: torch.dtype, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, width, generator=generator).to(dtype)
    head = pack_head(torch.randn(vocab, width, generator=generator))

    with interpreted():
        ids, log_probs = head_top_k(x, head, num_best)

    _, expected = reference.head_top_k(x, head, num_best)
    torch.testing.assert_close(log_probs, expected, atol=1e-4, rtol=1e-4)
    logits = x.float() @ reference.unpack_head(head).T
    found = logits.log_softmax(-1).gather(1, ids)  # an id may be another's whose logit is equal
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    assert all(len(set(row)) == num_best for row in ids.tolist())


def test_of_equal_logits_the_lower_id_wins() -> None:
    head = pack_head(torch.ones(300, 64))

    ids, log_probs = launch(torch.ones(2, 64), head, 3)

    assert ids.tolist() == [[0, 1, 2]] * 2
    torch.testing.assert_close(log_probs, torch.full((2, 3), 1 / 300).log())


@pytest.mark.parametrize("width", [1, 64, 100, 256])
def test_a_weight_is_off_by_half_a_step_at_most(width: int) -> None:
    weight = torch.randn(9, width, generator=torch.Generator().manual_seed(0))
    weight[3] = 0

    held = reference.unpack_head(pack_head(weight))

    groups = torch.nn.functional.pad(weight, (0, -width % 64)).view(9, -1, 64)
    step = groups.abs().amax(-1).repeat_interleave(64, 1)[:, :width] / 7
    # The scale itself is rounded, by 1/256, and seven steps feel that.
    assert bool(((held - weight).abs() <= step * (0.5 + 7 / 256) + 1e-9).all())
    assert not held[3].any()


def test_a_speculators_head_is_packed_where_kernels_run() -> None:
    weight, x = torch.randn(2, 200, 64)
    x = x[:3]
    facts = heads.facts(vocab_size=200, hidden_size=64, dtype=torch.float32)

    with interpreted():
        best = VocabularyHead(weight, facts).best(x, 4)

    ids, log_probs = reference.head_top_k(x, pack_head(weight), 4)
    assert torch.equal(best.token_ids, ids)
    torch.testing.assert_close(best.log_probs, log_probs, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("width", [40, 80])
def test_what_lies_beside_a_row_is_not_read(width: int) -> None:
    generator = torch.Generator().manual_seed(0)
    wide = torch.full((70, 200), float("nan"))  # more rows than a program has
    wide[:, 60 : 60 + width] = torch.randn(70, width, generator=generator)
    x, head = wide[:, 60 : 60 + width], pack_head(torch.randn(7, width, generator=generator))

    ids, log_probs = launch(x, head, 2)

    expected = reference.head_top_k(x, head, 2)
    assert torch.equal(ids, expected[0])
    torch.testing.assert_close(log_probs, expected[1], atol=1e-4, rtol=1e-4)


def test_of_logits_below_zero_none_of_the_padding_is_best() -> None:
    head = pack_head(torch.ones(7, 64))

    ids, log_probs = launch(torch.full((1, 64), -0.5), head, 7)

    assert ids.tolist() == [[*range(7)]]
    torch.testing.assert_close(log_probs, torch.full((1, 7), 1 / 7).log())
