"""t(rows) for the budget, measured before the first request and anew when other kernels take over.

Steps refine it from then on; but a curve measured in torch has another shape than that of one C++
call a step, and steps only ever correct the sizes they visit.
"""

import logging
from collections.abc import Sequence

from inference.cache.block_pool import BlockPool
from inference.runner.model_runner import ModelRunner
from inference.runner.profile import CONTEXT
from inference.runner.transfer import claim
from inference.speculation.base import Packing, Speculator
from inference.speculation.budget import Budget, MeasuredBudget

logger = logging.getLogger(__name__)


class Calibration:
    """Times decoding steps over blocks that nobody holds, between two steps."""

    def __init__(
        self,
        runner: ModelRunner,
        pool: BlockPool,
        block_size: int,
        budget: Budget,
        speculators: Sequence[Speculator],
    ) -> None:
        self._packing = [one for one in speculators if isinstance(one, Packing)]
        self._runner, self._pool, self._budget = runner, pool, budget
        self._num_blocks = -(-CONTEXT // block_size)
        self._measured: str | None = None

    def run_if_due(self) -> None:
        """Measure if other kernels run the model than those that were measured.

        Blocks that only cache something are used if no others are free.
        """
        budget, kernels = self._budget, self._runner.kernels_name
        if kernels == self._measured or not isinstance(budget, MeasuredBudget):
            return
        # Drafts beside the packing would seem dear, and so would steps.
        if not all(speculator.is_packed() for speculator in self._packing):
            return
        num_blocks = min(self._num_blocks, self._pool.num_free)
        if not budget.is_of_use or not num_blocks:
            return
        blocks = [self._pool.take() for _ in range(num_blocks)]
        self._measured = kernels
        claim(self._runner.device)
        try:
            budget.start(self._runner.profile(blocks))
        except Exception:  # without a curve everything is drafted; requests must not end for it
            logger.exception("the cost of a step cannot be measured")
        finally:
            self._runner.wipe(blocks)
            for block in blocks:
                self._pool.release(block)
