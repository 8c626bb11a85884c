"""The CPU kernels in C++: built once with the machine's compiler, kept on disk, loaded by ctypes.

Torch runs the parts of a layer as some thirty small calls, each of which costs more than its work
at the row counts of decoding; here they are four. Without a compiler all runs on torch alone.
"""

import contextlib
import ctypes
import hashlib
import logging
import os
import platform
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

import torch

logger = logging.getLogger(__name__)

SOURCES = (Path(__file__).parent / "kernels.cpp", Path(__file__).parent / "vectors.h")
FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-fopenmp", "-std=c++17", "-shared", "-fPIC")
BUILD_TIMEOUT_S = 300
TYPES = {torch.float32: 0, torch.bfloat16: 1, torch.float64: 2}

_pointer, _integer, _real, _small = ctypes.c_void_p, ctypes.c_int64, ctypes.c_double, ctypes.c_int
_SIGNATURES: dict[str, list[type]] = {
    "paged_attention": [_small, *[_pointer] * 8, *[_integer] * 7, _real, _small],
    "add_rms_norm": [_small, *[_pointer] * 4, *[_integer] * 2, _real, _small],
    "swiglu": [_small, *[_pointer] * 2, *[_integer] * 2, _small],
    "rotate_and_store": [_small, *[_pointer] * 7, *[_integer] * 5, _small],
}


def cache_folder() -> Path:
    """Where built libraries are kept: CARELINE_CACHE, else the user's cache folder."""
    named = os.environ.get("CARELINE_CACHE")
    if named:
        return Path(named) / "kernels"
    try:
        return Path.home() / ".cache/careline/kernels"
    except RuntimeError:  # neither HOME nor an entry for this user, as in some containers
        return Path(tempfile.gettempdir()) / f"careline-{os.getuid()}/kernels"


def build(folder: Path) -> Path | None:
    """The library for this machine, compiled unless the folder has it; None without a compiler.

    Several processes may build at once: each writes a file of its own and renames it. A folder or
    library that another user could have written is not used, for its code would run as us.
    """
    compiler = shutil.which("g++") or shutil.which("clang++")
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
            built = Path(scratch) / "kernels.so"
            subprocess.run(
                [compiler, *FLAGS, str(SOURCES[0]), "-o", str(built)],
                check=True,
                capture_output=True,
                timeout=BUILD_TIMEOUT_S,
            )
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


def suits(query: torch.Tensor) -> bool:
    """Whether the attention kernel takes these heads: contiguous, of a dtype and width it knows."""
    return query.dtype in TYPES and query.shape[2] % 16 == 0 and query.is_contiguous()


class NativeKernels:
    """The functions of one built library, on contiguous CPU tensors of one dtype."""

    def __init__(self, library: Path) -> None:
        """Load a library that `build` has made.

        Raises:
            OSError: it cannot be loaded.
        """
        self._library = ctypes.CDLL(str(library))
        for name, signature in _SIGNATURES.items():
            function = getattr(self._library, name)
            function.argtypes, function.restype = signature, None

    def paged_attention(
        self,
        query: torch.Tensor,  # [T, H, D]
        cache: torch.Tensor,  # [2, N, S, G, D]
        block_tables: torch.Tensor,  # [B, M] int64
        query_starts: torch.Tensor,  # [B + 1] int64
        context_lens: torch.Tensor,  # [B] int64
        members: torch.Tensor,  # int64, the sequences to attend for
        scale: float,
        ancestors: torch.Tensor | None,  # [T] int64
        output: torch.Tensor,  # [T, H, D], the members' rows are written
    ) -> None:
        """`reference.paged_attention` for some of the sequences; D is a multiple of 16."""
        assert query.is_contiguous() and cache.is_contiguous() and output.is_contiguous()
        assert query.shape[2] % 16 == 0, f"head width {query.shape[2]}"
        _, num_blocks, block_size, groups, width = cache.shape
        self._library.paged_attention(
            TYPES[query.dtype],
            query.data_ptr(),
            cache.data_ptr(),
            block_tables.data_ptr(),
            query_starts.data_ptr(),
            context_lens.data_ptr(),
            None if ancestors is None else ancestors.data_ptr(),
            output.data_ptr(),
            members.data_ptr(),
            members.shape[0],
            block_tables.shape[1],
            num_blocks,
            block_size,
            query.shape[1],
            groups,
            width,
            scale,
            torch.get_num_threads(),
        )

    def add_rms_norm(
        self,
        x: torch.Tensor,  # [T, W], changed in place
        branch: torch.Tensor | None,  # [T, W]
        weight: torch.Tensor,  # [W]
        eps: float,
    ) -> torch.Tensor:  # [T, W]
        """Add the branch to x, then `reference.rms_norm` of the sum."""
        assert x.is_contiguous() and (branch is None or branch.is_contiguous())
        out = torch.empty_like(x)
        self._library.add_rms_norm(
            TYPES[x.dtype],
            x.data_ptr(),
            None if branch is None else branch.data_ptr(),
            weight.data_ptr(),
            out.data_ptr(),
            x.shape[0],
            x.shape[1],
            eps,
            torch.get_num_threads(),
        )
        return out

    def swiglu(
        self,
        gate_up: torch.Tensor,  # [T, 2 W]
    ) -> torch.Tensor:  # [T, W]
        """`reference.swiglu`."""
        assert gate_up.is_contiguous()
        rows, width = gate_up.shape[0], gate_up.shape[1] // 2
        out = gate_up.new_empty(rows, width)
        self._library.swiglu(
            TYPES[gate_up.dtype],
            gate_up.data_ptr(),
            out.data_ptr(),
            rows,
            width,
            torch.get_num_threads(),
        )
        return out

    def rotate_and_store(
        self,
        qkv: torch.Tensor,  # [T, (H + 2 G) D]
        cos: torch.Tensor,  # [P, D / 2]
        sin: torch.Tensor,  # [P, D / 2]
        positions: torch.Tensor,  # [T] int64
        slot_mapping: torch.Tensor,  # [T] int64, no padding
        cache: torch.Tensor,  # [2, N, S, G, D], written in place
        num_heads: int,
    ) -> torch.Tensor:  # [T, H, D]
        """`reference.rotary` of queries and keys at their positions, then `reference.store_kv`."""
        assert qkv.is_contiguous() and cos.is_contiguous() and cache.is_contiguous()
        _, num_blocks, block_size, groups, width = cache.shape
        query = qkv.new_empty(qkv.shape[0], num_heads, width)
        self._library.rotate_and_store(
            TYPES[qkv.dtype],
            qkv.data_ptr(),
            cos.data_ptr(),
            sin.data_ptr(),
            positions.data_ptr(),
            slot_mapping.data_ptr(),
            query.data_ptr(),
            cache.data_ptr(),
            qkv.shape[0],
            num_heads,
            groups,
            width,
            num_blocks * block_size,
            torch.get_num_threads(),
        )
        return query


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
