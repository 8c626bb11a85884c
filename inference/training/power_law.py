"""Loss as a floor and two power laws, of size and of tokens (Hoffmann et al. 2022).

L(N, D) = E + A / N^alpha + B / D^beta. For a given floor and exponents the rest is linear, so a
whole grid is solved exactly: no start to choose, no valley to be caught in. Few points fit many
laws about as well; `plausible` has them all, and how far they differ is how little is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

MIN_POINTS: Final = 6
"""One more than unknowns."""
EXPONENTS: Final = np.arange(1, 31) / 20
FLOORS: Final = np.arange(20) / 20
"""As shares of the least loss measured."""
TOLERANCE: Final = 0.01
"""Of a loss: about what another seed changes in so short a run."""
MILLION: Final = 1e6

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """A model's held-out loss, in nats a token."""

    num_parameters: int
    num_tokens: int
    loss: float


@dataclass(frozen=True)
class PowerLaw:
    """Parameters and tokens in millions; losses in nats a token."""

    floor: float
    size_scale: float
    size_exponent: float
    token_scale: float
    token_exponent: float

    def loss(self, num_parameters: float, num_tokens: float) -> float:
        """What a model of this size would have after so many tokens, if the law held."""
        of_size: float = self.size_scale * (num_parameters / MILLION) ** -self.size_exponent
        of_tokens: float = self.token_scale * (num_tokens / MILLION) ** -self.token_exponent
        return self.floor + of_size + of_tokens


@dataclass(frozen=True)
class Laws:
    """The laws of the grid that miss no point by more than the tolerance, the best first.

    The tolerance is TOLERANCE or, where no law is that close, half as much again as the best
    one's largest miss; `largest_miss` is that miss, a share of the loss.
    """

    plausible: tuple[PowerLaw, ...]
    largest_miss: float

    @property
    def best(self) -> PowerLaw:
        return self.plausible[0]

    def losses(self, num_parameters: float, num_tokens: float) -> tuple[float, float, float]:
        """The best law's guess, and the least and most of all of them."""
        guesses = [law.loss(num_parameters, num_tokens) for law in self.plausible]
        return guesses[0], min(guesses), max(guesses)


def fit(points: Sequence[Measured]) -> Laws:
    """Least squares of relative errors, with no term below nothing.

    Raises:
        ValueError: there are not more points than unknowns.
    """
    if len(points) < MIN_POINTS:
        raise ValueError(f"a fit needs {MIN_POINTS} points, got {len(points)}")
    losses = np.asarray([one.loss for one in points])
    sizes = np.asarray([one.num_parameters / MILLION for one in points])
    tokens = np.asarray([one.num_tokens / MILLION for one in points])
    grid = np.meshgrid(FLOORS * losses.min(), EXPONENTS, EXPONENTS, indexing="ij")
    floors, alphas, betas = (each.ravel() for each in grid)
    terms = np.stack((sizes ** -alphas[:, None], tokens ** -betas[:, None]), axis=-1)
    scales = _scales(terms / losses[:, None], 1 - floors[:, None] / losses)
    guessed = floors[:, None] + (terms @ scales[:, :, None])[:, :, 0]
    misses = np.abs(guessed / losses - 1)
    order = (misses**2).sum(axis=1).argsort()
    largest = float(misses[order[0]].max())
    is_close = misses[order].max(axis=1) <= max(TOLERANCE, 1.5 * largest)
    laws = np.column_stack((floors, scales[:, 0], alphas, scales[:, 1], betas))[order[is_close]]
    return Laws(tuple(PowerLaw(*map(float, law)) for law in laws), largest)


def _scales(
    terms: Floats,  # [G, P, 2] what size and tokens give at scale 1, as shares of the loss
    wanted: Floats,  # [G, P] what they are to give together
) -> Floats:
    """The two scales [G, 2] of least squared error, neither negative."""
    both = (np.linalg.pinv(terms) @ wanted[:, :, None])[:, :, 0]
    alone = (terms * wanted[:, :, None]).sum(axis=1) / (terms**2).sum(axis=1)
    alone = alone.clip(min=0)
    is_single = (both < 0).any(axis=1)
    keeps_size = both[:, 0] >= both[:, 1]
    both[is_single & keeps_size] = alone[is_single & keeps_size] * [1, 0]
    both[is_single & ~keeps_size] = alone[is_single & ~keeps_size] * [0, 1]
    return both
