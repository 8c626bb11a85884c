"""The tiny target that every law is held against."""

from pathlib import Path

import pytest

from tests.tiny_models import save_tiny_llama


@pytest.fixture(scope="session")
def tiny_target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_llama(tmp_path_factory.mktemp("tiny") / "target")
