"""No capital letter outside the first word but in names that were given."""

import random
import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inference import Engine, EngineConfig, SamplingParams, Words
from inference.constraints.guide import Guide
from inference.constraints.segments import Vocabulary
from inference.errors import InvalidRequest
from inference.tokenizer import Tokenizer
from tests.inference.chat.styles import STYLES

NAMES = ("Ann", "Annette", "Fern Hill", "X")


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return Tokenizer(STYLES["granite"].save(tmp_path_factory.mktemp("words") / "x"), 1_000)


@pytest.fixture(scope="module")
def vocabulary(tokenizer: Tokenizer) -> Vocabulary:
    return Vocabulary(tokenizer)


@given(
    seed=st.integers(0, 1 << 30),
    max_tokens=st.integers(1, 30),
    names=st.sets(st.sampled_from(NAMES)),
)
@example(seed=15883, max_tokens=10, names={"Ann", "Annette", "Fern Hill"})  # begins with a name
@settings(max_examples=150, deadline=None)
def test_only_given_names_are_named(
    tokenizer: Tokenizer, vocabulary: Vocabulary, seed: int, max_tokens: int, names: set[str]
) -> None:
    dice = random.Random(seed)
    guide = Guide([Words(max_tokens, tuple(sorted(names)))], tokenizer, vocabulary)
    state, text = guide.start, ""
    named = {tokenizer.encode_continuing(f" {name}")[0] for name in names}

    num_tokens = 0
    while not guide.is_done(state):
        ids = guide.allowed(state).nonzero().flatten().tolist()
        likely = [one for one in ids if one in named]
        token_id = dice.choice(likely if likely and dice.random() < 0.5 else ids)
        assert guide.permits(state, token_id)
        state, text = guide.advance(state, token_id), text + tokenizer.token_text(token_id)
        num_tokens += 1

    assert num_tokens <= max_tokens
    assert text.endswith((".", "!", "?"))
    begins = tuple(name for name in names if text.lstrip(" '-,;").startswith(name))
    rest = f" {text}" if begins else re.sub(r"^[ '\-,;]*\w+", "", text)
    for name in sorted(names, key=len, reverse=True):
        rest = re.sub(rf" {name}(?![A-Za-z])", " ", rest)
    assert not re.search(r"[A-Z]", rest.replace(" I", " "))


def test_a_name_is_said_whole_or_not_at_all(tokenizer: Tokenizer, vocabulary: Vocabulary) -> None:
    guide = Guide([Words(12, ("Fern Hill",))], tokenizer, vocabulary)
    state = guide.advance(guide.start, tokenizer.encode("thanks")[0])
    for token_id in tokenizer.encode_continuing(" Fern Hill"):
        assert guide.permits(state, token_id)
        state = guide.advance(state, token_id)
    following = guide.allowed(state)

    assert not following[tokenizer.encode("y")[0]], "not Fern Hilly"
    assert following[tokenizer.encode(".")[0]] and following[tokenizer.encode(" i")[0]]


def test_names_of_other_characters_are_left_out(
    tokenizer: Tokenizer, vocabulary: Vocabulary
) -> None:
    guide = Guide([Words(9, ("R2D2", "a.b", ""))], tokenizer, vocabulary)
    state = guide.advance(guide.start, tokenizer.encode("a")[0])
    assert not guide.allowed(state)[tokenizer.encode("R")[0]]


def test_too_many_names_are_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"names: 1001 is outside 0 to 1000"):
        SamplingParams(guide=(Words(names=("A",) * 1_001),))


def test_the_engine_keeps_to_the_names(tiny_target: Path) -> None:
    engine = Engine(EngineConfig(model=str(tiny_target), device="cpu", dtype="float64"))
    guide = (Words(max_tokens=30, names=("Bo",)),)
    texts = [
        engine.generate(["x"], SamplingParams(temperature=3.0, seed=seed, guide=guide))[0].text
        for seed in range(10)
    ]
    engine.close()
    for text in texts:
        assert not re.search(r"[A-Z]", re.sub(r" Bo(?![a-z])| I", "", text[1:]))
