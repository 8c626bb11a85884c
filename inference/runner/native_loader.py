"""The C++ kernels of a running engine, which serves on torch until they are built."""

import atexit
import contextlib
import logging
import threading
from collections.abc import Callable
from pathlib import Path

import torch

from inference.model.language_model import LanguageModel
from kernels.native.attention import NativeKernels
from kernels.native.build import build

logger = logging.getLogger(__name__)

Make = Callable[[NativeKernels], LanguageModel | None]


class NativeLoader:
    """Builds in a thread of its own; nothing is there until then, nor ever without a compiler.

    A step reads `kernels` and `model` once, so it runs whole on one or whole on the other.
    """

    def __init__(self) -> None:
        self.kernels: NativeKernels | None = None
        self.model: LanguageModel | None = None
        self._thread: threading.Thread | None = None

    def start(self, folder: Path, make: Make) -> None:
        """Take the library from the folder, at once if it is there, else when it is built.

        `make` packs the weights for it; None where the model's parts stay in torch. The kernels get
        as many threads as torch has now: when they are built a small step may have left it one.
        """
        self._thread = threading.Thread(
            target=self._load,
            args=(folder, make, torch.get_num_threads()),
            name="kernels",
            daemon=True,
        )
        self._thread.start()
        # A daemon thread that comes back from C++ while Python shuts down takes the process down.
        atexit.register(self._thread.join)

    def wait(self) -> None:
        """Until the build has ended, well or not."""
        if self._thread is not None:
            self._thread.join()

    def _load(self, folder: Path, make: Make, num_threads: int) -> None:
        library = build(folder)
        if library is None:
            return
        try:
            kernels = NativeKernels(library, num_threads)
        except (OSError, AttributeError):  # half a file after a crash, or another's functions
            logger.exception("the CPU kernels cannot be loaded; they stay on torch until a restart")
            with contextlib.suppress(OSError):
                library.unlink()  # the next start builds it anew
            return
        try:
            self.model = make(kernels)
        except Exception:  # at the edge of a thread: the engine goes on in torch
            logger.exception("the weights cannot be packed; the model stays on torch")
        self.kernels = kernels
        extra = {"library": library.name, "is_whole_decoder": self.model is not None}
        logger.info("the CPU kernels are ready", extra=extra)
