"""The tiny target that the engine is tested on."""

from pathlib import Path

import pytest
import torch

from tests.tiny_models import save_tiny_llama


@pytest.fixture(scope="session")
def tiny_target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_llama(tmp_path_factory.mktemp("tiny") / "target")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Two threads on matrices of 64 columns only wait for each other."""
    torch.set_num_threads(1)
