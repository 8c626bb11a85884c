"""Documents as the engine takes them: encoded as answers are, drafted from, and given up."""

from pathlib import Path

import pytest

from inference import Document, Engine, EngineConfig, InvalidRequest, SamplingParams
from inference.speculation.budget import EveryNode
from inference.speculation.corpora import Corpora
from inference.speculation.suffix import SuffixSpeculator
from inference.teaching import Teaching
from inference.tokenizer import Tokenizer

VOCAB = 266
TEXT = "Returns are free within thirty days of delivery, in the original box."
PROMPT = list(range(30, 60))
PARAMS = SamplingParams(max_tokens=40, ignore_eos=True, temperature=1.0, seed=4)


@pytest.fixture
def speculator() -> SuffixSpeculator:
    return SuffixSpeculator(Corpora(10_000))


def test_an_answer_that_was_learned_is_drafted_for_its_workspace_only(
    tiny_target: Path, speculator: SuffixSpeculator
) -> None:
    config = EngineConfig(model=str(tiny_target), device="cpu", dtype="float64", num_blocks=64)
    engine = Engine(config, [speculator], EveryNode([speculator.name]))
    before = engine.generate([PROMPT], PARAMS, salt=b"a")[0]
    document = Document("answer", before.token_ids)

    engine.learn([document], salt=b"a")
    own = engine.generate([PROMPT], PARAMS, salt=b"a")[0]
    others = engine.generate([PROMPT], PARAMS, salt=b"b")[0]
    engine.learn([], salt=b"a", forgotten=["answer"])
    after = engine.generate([PROMPT], PARAMS, salt=b"a")[0]

    for output in (own, others, after):
        assert output.token_ids == before.token_ids
    assert own.num_accepted_tokens > 25
    assert others.num_accepted_tokens == after.num_accepted_tokens == before.num_accepted_tokens < 9


def test_text_is_encoded_as_an_answers(tiny_target: Path, speculator: SuffixSpeculator) -> None:
    tokenizer = Tokenizer(tiny_target, VOCAB)
    Teaching([speculator], tokenizer, VOCAB).learn([Document("a", TEXT)], b"salt", [])

    found = speculator.corpora.find(b"salt", tokenizer.encode(TEXT[:20]))
    assert found is not None
    for token_id in tokenizer.encode(TEXT[20:]):
        assert found.continuations() == [(token_id, 1)]
        found = found.after(token_id) or found


def test_what_does_not_fit_is_refused_and_nothing_of_it_learned(
    tiny_target: Path, speculator: SuffixSpeculator
) -> None:
    good = Document("good", (1, 2, 3, 4))
    teaching = Teaching([speculator], Tokenizer(tiny_target, VOCAB), VOCAB)
    teaching.learn([Document("old", (5, 6, 7))], b"", [])

    with pytest.raises(InvalidRequest, match=r"document 'bad': id 266 is outside 0 to 265"):
        teaching.learn([good, Document("bad", (1, 266))], b"", ["old"])
    with pytest.raises(InvalidRequest, match="no tokenizer"):
        Teaching([speculator], None, VOCAB).learn([Document("text", TEXT)], b"", [])

    assert teaching.num_tokens == 3
    teaching.learn([good, Document("empty", ""), Document("none", ())], b"", ["old"])
    assert teaching.num_tokens == 4
