"""Launches of the sampling kernels as a step makes them, for compiling ahead of time."""

import torch

from kernels import sample, sample_match, sample_shape
from kernels.reference_sampling import Draws
from tests.kernels.sampling_rows import no_shaping, two_parts

WIDTH = 128_256


def sample_rows() -> None:
    """Logits of a large vocabulary, one row a program."""
    floats, longs = torch.zeros(9, dtype=torch.float64), torch.zeros(9, dtype=torch.int64)
    sample.launch(torch.zeros(9, WIDTH), Draws(floats, longs, floats, floats, longs, longs))


def rare_sample_doubles() -> None:
    """Logits of a model in float64."""
    floats, longs = torch.zeros(2, dtype=torch.float64), torch.zeros(2, dtype=torch.int64)
    logits = torch.zeros(2, WIDTH, dtype=torch.float64)
    sample.launch(logits, Draws(floats, longs, floats, floats, longs, longs))


def sample_shapes() -> None:
    """Penalties, biases and masks."""
    shaping = no_shaping(num_words=WIDTH // 32)
    sample_shape.launch(torch.zeros(9, WIDTH), two_parts(), shaping)


def sample_matches() -> None:
    """Trees of up to 64 rows."""
    sample_match.launch(torch.zeros(9, dtype=torch.int64), two_parts(), 64)
