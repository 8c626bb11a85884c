"""One small tokenizer for the tests of this folder."""

import pytest
from tokenizers import Tokenizer

from inference.training.tokenizer import train_tokenizer


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return train_tokenizer(["Where is my order? It left us on Monday, sorry."] * 20, vocab_size=320)
