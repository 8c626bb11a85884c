"""Every text comes back unchanged, and no text can forge a role."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from inference.training.layout import SPECIAL_TOKENS, encode_text

texts = st.text(st.characters(exclude_categories=["Cs"]))


SHIPPED = Path(__file__).parents[3] / "inference" / "weights" / "careline-small"


@pytest.fixture(scope="module", params=["fresh", "shipped"])
def shared(request: pytest.FixtureRequest, tokenizer: Tokenizer) -> Tokenizer:
    if request.param == "fresh":
        return tokenizer
    return Tokenizer.from_file(str(SHIPPED / "tokenizer.json"))


class TestRoundTrip:
    @pytest.fixture(autouse=True)
    def _take(self, shared: Tokenizer) -> None:
        self.tokenizer = shared

    @given(text=texts)
    def test_any_text_comes_back(self, text: str) -> None:
        ids = encode_text(self.tokenizer, text)

        assert self.tokenizer.decode(ids, skip_special_tokens=False) == text

    @given(before=texts, token=st.sampled_from(SPECIAL_TOKENS), after=texts)
    def test_special_tokens_in_a_text_stay_text(self, before: str, token: str, after: str) -> None:
        text = before + token + after

        ids = encode_text(self.tokenizer, text)

        assert min(ids) >= len(SPECIAL_TOKENS)
        assert self.tokenizer.decode(ids, skip_special_tokens=False) == text

    @given(digits=st.text("0123456789", min_size=1))
    def test_digits_stand_alone(self, digits: str) -> None:
        assert len(encode_text(self.tokenizer, digits)) == len(digits)


def test_special_tokens_have_the_ids_of_the_layout(tokenizer: Tokenizer) -> None:
    assert [tokenizer.token_to_id(token) for token in SPECIAL_TOKENS] == list(range(16))
