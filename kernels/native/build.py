"""The C++ kernels: built once with the machine's compiler, kept on disk."""

import contextlib
import hashlib
import logging
import os
import platform
import shutil
import stat
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

logger = logging.getLogger(__name__)

FOLDER = Path(__file__).parent
UNITS = tuple(FOLDER / f"{name}.cpp" for name in ("attention", "decoder", "heads", "mlp", "sample"))
SOURCES = (*UNITS, *sorted(FOLDER.glob("*.h")))
FLAGS = (
    *("-std=c++17", "-fPIC", "-fopenmp", "-pthread"),
    *("-O3", "-march=native", "-fno-math-errno"),
)
BUILD_TIMEOUT_S = 300


def cache_folder() -> Path:
    """Where built libraries are kept: CARELINE_CACHE, else the user's cache folder."""
    named = os.environ.get("CARELINE_CACHE")
    if named:
        return Path(named) / "kernels"
    try:
        return Path.home() / ".cache/careline/kernels"
    except RuntimeError:  # neither HOME nor an entry for this user, as in some containers
        return Path(tempfile.gettempdir()) / f"careline-{os.getuid()}/kernels"


def find_compiler() -> str | None:
    """The machine's C++ compiler."""
    return shutil.which("g++") or shutil.which("clang++")


def build(folder: Path) -> Path | None:
    """The library for this machine, compiled unless the folder has it; None without a compiler.

    Several processes may build at once: each writes a file of its own and renames it. A folder or
    library that another user could have written is not used, for its code would run as us.
    """
    compiler = find_compiler()
    if compiler is None:
        logger.warning("no C++ compiler; the CPU kernels stay on torch")
        return None
    library = folder / f"kernels-{_fingerprint(compiler)}.so"
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        _refuse_foreign(folder)
        if library.is_file():
            _refuse_foreign(library)
            return library
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            built = _compile(compiler, Path(scratch))
            built.chmod(0o755)
            built.rename(library)
    except (OSError, subprocess.SubprocessError) as error:
        detail = getattr(error, "stderr", b"") or str(error).encode()
        logger.warning(
            "the CPU kernels cannot be built; they stay on torch",
            extra={"detail": detail.decode(errors="replace")[-2000:]},
        )
        return None
    return library


def _compile(compiler: str, scratch: Path) -> Path:
    """Every unit at the same time, then the library of them."""
    objects = [scratch / f"{unit.stem}.o" for unit in UNITS]
    commands = [
        [compiler, *FLAGS, "-c", str(unit), "-o", str(target)]
        for unit, target in zip(UNITS, objects, strict=True)
    ]
    with ThreadPoolExecutor(len(commands)) as pool:
        list(pool.map(_run, commands))
    built = scratch / "kernels.so"
    _run([compiler, *FLAGS, "-shared", *map(str, objects), "-o", str(built)])
    return built


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=BUILD_TIMEOUT_S)


def _refuse_foreign(path: Path) -> None:
    status = path.stat()
    if status.st_uid not in (0, os.getuid()) or status.st_mode & stat.S_IWOTH:
        raise PermissionError(f"{path} can be written by other users")


def _fingerprint(compiler: str) -> str:
    """What a build depends on: sources, flags, compiler and the machine's instructions."""
    digest = hashlib.sha256(" ".join(FLAGS).encode())
    for source in SOURCES:
        digest.update(source.read_bytes())
    version = subprocess.run([compiler, "--version"], capture_output=True, check=False).stdout
    digest.update(version + platform.machine().encode())
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        features = (line for line in lines if line.startswith(("flags", "Features")))  # x86, ARM
        digest.update(next(features, "").encode())
    return digest.hexdigest()[:16]
