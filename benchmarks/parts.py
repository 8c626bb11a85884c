"""The parts of a long benchmark: one that fails or comes too late costs no other."""

import gc
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

import torch


@dataclass
class Parts:
    """Runs parts in turn; figures are kept as they come, so only the unfinished is lost."""

    limit_s: float
    """No part begins later; one that runs is not ended."""
    failed: list[str] = field(default_factory=list)
    _began_s: float = field(default_factory=time.monotonic)

    def run(self, name: str, part: Callable[[], object]) -> None:
        """Do this part; its error is printed, its name kept."""
        spent_s = time.monotonic() - self._began_s
        if spent_s > self.limit_s:
            print(f"-- {name}: left out after {spent_s:.0f} s", flush=True)
            self.failed.append(name)
            return
        print(f"-- {name} (after {spent_s:.0f} s)", flush=True)
        try:
            part()
        except Exception:
            traceback.print_exc()
            self.failed.append(name)
            release()


def release() -> None:
    """Give a GPU's memory back that nothing holds any more."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
