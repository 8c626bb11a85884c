"""Kernels run in Triton's interpreter where there is no GPU, chosen before the import."""

import os
from pathlib import Path

import pytest
import torch

from kernels import native
from kernels.native import NativeKernels

if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")


@pytest.fixture(scope="session")
def kernels_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = native.build(tmp_path_factory.mktemp("kernels"))
    assert library is not None, "the tests need a C++ compiler: install g++"
    return library


@pytest.fixture(scope="session")
def kernels(kernels_library: Path) -> NativeKernels:
    return NativeKernels(kernels_library)
