"""The C++ kernels, built for the tests."""

from pathlib import Path

import pytest

from kernels.native.attention import NativeKernels
from kernels.native.build import build


@pytest.fixture(scope="session")
def kernels_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = build(tmp_path_factory.mktemp("kernels"))
    assert library is not None, "the tests need a C++ compiler: install g++"
    return library


@pytest.fixture(scope="session")
def kernels(kernels_library: Path) -> NativeKernels:
    return NativeKernels(kernels_library)
