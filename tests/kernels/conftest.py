"""The interpreter for the Triton kernels, and the C++ kernels, built for the tests."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from kernels.native.attention import NativeKernels
from kernels.native.build import build, cache_folder


@pytest.fixture(autouse=True)
def needs_interpreter(request: pytest.FixtureRequest) -> None:
    """Tests here run kernels on the CPU; what a GPU computes is checked by its benchmark."""
    if "native" in request.path.parts or request.path.stem == "test_compile_ahead":
        return
    if os.environ.get("TRITON_INTERPRET") != "1":
        pytest.skip("on a GPU: python -m benchmarks.kernels --device cuda; or TRITON_INTERPRET=1")


@pytest.fixture(autouse=True)
def poisoned_memory(request: pytest.FixtureRequest) -> Iterator[None]:
    """Deterministic torch fills new memory with NaN, so that a forgotten write shows."""
    before = torch.are_deterministic_algorithms_enabled()
    is_native = "native" in request.path.parts
    torch.use_deterministic_algorithms(before or not is_native, warn_only=True)
    yield
    torch.use_deterministic_algorithms(before)


@pytest.fixture(scope="session")
def kernels_library() -> Path:
    library = build(cache_folder())  # kept, for it takes its time
    assert library is not None, "the tests need a C++ compiler: install g++"
    return library


@pytest.fixture(scope="session")
def kernels(kernels_library: Path) -> NativeKernels:
    return NativeKernels(kernels_library, num_threads=2)
