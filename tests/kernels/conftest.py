"""The C++ kernels, built for the tests."""

from pathlib import Path

import pytest

from kernels.native.attention import NativeKernels
from kernels.native.build import build, cache_folder


@pytest.fixture(scope="session")
def kernels_library() -> Path:
    library = build(cache_folder())  # kept, for it takes its time
    assert library is not None, "the tests need a C++ compiler: install g++"
    return library


@pytest.fixture(scope="session")
def kernels(kernels_library: Path) -> NativeKernels:
    return NativeKernels(kernels_library)
