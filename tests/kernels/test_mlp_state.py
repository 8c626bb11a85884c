"""A stage's state; float32 differs by the order of a sum and the rounding of erf."""

import mmap

import pytest
import torch

from inference.speculation.base import Features
from inference.speculation.mlp import MlpSpeculator
from kernels import reference_speculator as reference
from kernels.dispatch import interpreted
from kernels.mlp_state import Mixture, mlp_state
from tests.inference.speculation import heads


@pytest.mark.parametrize("rows, width", [(1, 7), (5, 80), (33, 129)])
@pytest.mark.parametrize(
    "dtype, tolerance", [(torch.float64, 1e-12), (torch.float32, 3e-6), (torch.float16, 5e-3)]
)
def test_kernel_mixes_as_the_reference(
    rows: int, width: int, dtype: torch.dtype, tolerance: float
) -> None:
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    mixture = Mixture(random(11, width), random(width), random(width), 0.9, 1.7, 1e-6)
    projected, ids = random(rows, width), torch.randint(11, (rows,), generator=generator)

    with interpreted():
        state = mlp_state(projected, ids, mixture)

    expected = reference.mlp_state(projected, ids, mixture)
    torch.testing.assert_close(state, expected, atol=tolerance, rtol=tolerance)


def test_a_speculator_drafts_the_same_tree_on_kernels() -> None:
    config = heads.mlp_config()
    speculator = MlpSpeculator(heads.random_mlp(config), config, heads.facts())
    hidden = torch.randn(2, heads.WIDTH, generator=torch.Generator().manual_seed(1)).double()
    asked = [heads.request("a", [3, 1, 4], room=20), heads.request("b", [1, 5], room=7)]
    drawn = [heads.drawn(one.request_id, list(one.token_ids), at) for at, one in enumerate(asked)]
    speculator.observe(drawn, Features(hidden, None))

    in_torch = speculator.propose(asked)
    with interpreted():
        on_kernels = speculator.propose(asked)

    for ours, theirs in zip(on_kernels, in_torch, strict=True):
        assert len(theirs.token_ids) > 3
        assert (ours.token_ids, ours.parents) == (theirs.token_ids, theirs.parents)
        assert ours.scores == pytest.approx(theirs.scores, rel=1e-9)


def test_tokens_beyond_32_bits() -> None:
    # 4 GB of addresses, of which a few pages are ever touched.
    vocab, width = (1 << 19) + 1, 4100
    one = torch.ones(width).half()
    row = torch.randn(width, generator=torch.Generator().manual_seed(0)).half()
    with mmap.mmap(-1, vocab * width * 2) as memory:
        embedding = torch.frombuffer(memory, dtype=torch.float16).view(vocab, width)
        embedding[-1] = row
        projected, mixture = torch.zeros(1, width).half(), Mixture(embedding, one, one, 1, 1, 1e-6)

        with interpreted():
            state = mlp_state(projected, torch.tensor([vocab - 1]), mixture)

        del embedding, mixture
    few = Mixture(row[None], one, one, 1, 1, 1e-6)
    expected = reference.mlp_state(projected, torch.tensor([0]), few)
    torch.testing.assert_close(state, expected, atol=5e-3, rtol=5e-3)
