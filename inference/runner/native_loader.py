"""The C++ kernels of a running engine, which serves on torch until they are built."""

import contextlib
import logging
import threading
from pathlib import Path

from kernels.native.attention import NativeKernels
from kernels.native.build import build

logger = logging.getLogger(__name__)


class NativeLoader:
    """Builds in a thread of its own; `kernels` is None until then, and for good without a compiler.

    A step reads `kernels` once, so it runs whole on one or whole on the other.
    """

    def __init__(self) -> None:
        self.kernels: NativeKernels | None = None
        self._thread: threading.Thread | None = None

    def start(self, folder: Path) -> None:
        """Take the library from the folder, at once if it is there, else when it is built."""
        self._thread = threading.Thread(
            target=self._load, args=(folder,), name="kernels", daemon=True
        )
        self._thread.start()

    def wait(self) -> None:
        """Until the build has ended, well or not; for benchmarks and tests."""
        if self._thread is not None:
            self._thread.join()

    def _load(self, folder: Path) -> None:
        library = build(folder)
        if library is None:
            return
        try:
            self.kernels = NativeKernels(library)
        except (OSError, AttributeError):  # half a file after a crash, or another's functions
            logger.exception("the CPU kernels cannot be loaded; they stay on torch until a restart")
            with contextlib.suppress(OSError):
                library.unlink()  # the next start builds it anew
        else:
            logger.info("the CPU kernels are ready", extra={"library": library.name})
