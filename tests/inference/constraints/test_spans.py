"""Only what stands in the sources can be said, all of it can, and the choice is known."""

import math
from collections.abc import Iterator

import msgspec
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.constraints.guide import Guide, GuideState
from inference.constraints.segments import Vocabulary
from inference.errors import InvalidRequest
from inference.process.chunks import merge
from inference.process.frames import (
    Chunks,
    Question,
    pack_question,
    server_frames,
    unpack_question,
)
from inference.request import (
    Exactly,
    SamplingParams,
    Segment,
    SpanChoice,
    Spans,
    SpanSource,
    TokenChunk,
    Words,
)
from inference.tokenizer import Tokenizer
from tests.tiny_models import byte_tokenizer

EOS = 0
SENTENCES = st.text(alphabet="ab .", min_size=1, max_size=5)
SOURCES = st.lists(st.lists(SENTENCES, min_size=1, max_size=4), min_size=1, max_size=3)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    folder = tmp_path_factory.mktemp("tokenizer")
    byte_tokenizer().save(str(folder / "tokenizer.json"))
    return Tokenizer(folder, vocab_size=266)


@pytest.fixture(scope="module")
def vocabulary(tokenizer: Tokenizer) -> Vocabulary:
    return Vocabulary(tokenizer)


def sources_of(texts: list[list[str]], suffix: str = "") -> tuple[SpanSource, ...]:
    return tuple(
        SpanSource(tuple(one), suffix=suffix and f"{suffix}{number}]")
        for number, one in enumerate(texts)
    )


def answers(guide: Guide) -> Iterator[tuple[tuple[int, ...], SpanChoice | None, float]]:
    """Every answer a guide allows, with its choice and its share for a model that has no wish."""

    def walk(
        state: GuideState, ids: tuple[int, ...], choice: SpanChoice | None, share: float
    ) -> Iterator[tuple[tuple[int, ...], SpanChoice | None, float]]:
        choice = guide.choice(state) or choice
        if guide.is_done(state):
            yield ids, choice, share
            return
        forced = guide.forced(state)
        branches = [forced[0]] if forced else guide.allowed(state).nonzero().flatten().tolist()
        logits = torch.zeros(266, dtype=torch.float64)
        bias = None if forced else guide.bias(state)
        if bias is not None:
            logits[bias.token_ids] += bias.values
        shares = logits[branches].softmax(-1).tolist()
        for token_id, part in zip(branches, shares, strict=True):
            assert guide.permits(state, token_id)
            yield from walk(guide.advance(state, token_id), (*ids, token_id), choice, share * part)

    return walk(guide.start, (), None, 1.0)


def text_of(tokenizer: Tokenizer, ids: tuple[int, ...]) -> str:
    decoder = tokenizer.stream_decoder()
    return "".join(decoder.feed(one) for one in ids) + decoder.flush()


@given(texts=SOURCES, num=st.integers(1, 3), mark=st.sampled_from(["quote", "suffix"]))
@settings(max_examples=60, deadline=None)
def test_what_may_be_said_is_every_span_and_nothing_else(
    tokenizer: Tokenizer, vocabulary: Vocabulary, texts: list[list[str]], num: int, mark: str
) -> None:
    suffix = " [" if mark == "suffix" else ""
    spans = Spans(sources_of(texts, suffix), num, lead=" ", quote=mark == "quote")
    guide = Guide([spans, Exactly("!")], tokenizer, vocabulary)

    said = list(answers(guide))

    expected = {
        " " + " ".join(text[first:last]) + (suffix and f"{suffix}{number}]") + "!"
        for number, text in enumerate(texts)
        for first in range(len(text))
        for last in range(first + 1, min(first + num, len(text)) + 1)
    }
    assert {text_of(tokenizer, ids) for ids, _, _ in said} == expected
    assert len(said) == len(expected), "one way to say each"
    assert max(len(ids) for ids, _, _ in said) == guide.max_tokens
    for ids, choice, _ in said:
        assert choice is not None
        chosen = texts[choice.source][choice.first : choice.first + choice.num_sentences]
        rest = (suffix and f"{suffix}{choice.source}]") + "!"
        assert text_of(tokenizer, ids) == " " + " ".join(chosen) + rest


@given(
    texts=st.lists(
        st.lists(SENTENCES, min_size=1, max_size=3, unique=True), min_size=1, max_size=3
    ),
    num=st.integers(1, 3),
    priors=st.lists(st.floats(-6, 6), min_size=18, max_size=18),
)
@settings(max_examples=60, deadline=None)
def test_a_model_without_a_wish_draws_runs_by_their_priors(
    tokenizer: Tokenizer,
    vocabulary: Vocabulary,
    texts: list[list[str]],
    num: int,
    priors: list[float],
) -> None:
    rest = iter(priors)
    plain = Spans(sources_of(texts, " ["), num, quote=True)
    spans = Spans(
        tuple(
            msgspec.structs.replace(one, priors=tuple(next(rest) for _ in plain.runs(one)))
            for one in plain.sources
        ),
        num,
        quote=True,
    )

    said = list(answers(Guide([spans], tokenizer, vocabulary)))

    weights: dict[str, float] = {}
    for number, source in enumerate(spans.sources):
        for (first, length), prior in zip(spans.runs(source), source.priors, strict=True):
            text = " ".join(source.sentences[first : first + length]) + f" [{number}]"
            weights[text] = weights.get(text, 0.0) + math.exp(prior)
    assert len(said) == len(weights)
    for ids, _, share in said:
        expected = weights[text_of(tokenizer, ids)] / math.fsum(weights.values())
        assert share == pytest.approx(expected)


def test_of_equal_sentences_the_first_is_named(
    tokenizer: Tokenizer, vocabulary: Vocabulary
) -> None:
    sources = (SpanSource(("x.", "same."), (0.0, 1.0)), SpanSource(("same.",), (2.0,)))
    guide = Guide([Spans(sources)], tokenizer, vocabulary, [EOS])

    shares = {choice: share for _, choice, share in answers(guide)}

    same = math.exp(1.0) + math.exp(2.0)
    assert shares[SpanChoice(0, 1, 1)] == pytest.approx(same / (same + 1.0))
    assert SpanChoice(1, 0, 1) not in shares


def test_what_begins_another_can_end_or_go_on(tokenizer: Tokenizer, vocabulary: Vocabulary) -> None:
    twins = (SpanSource(("Yes.", "Yes. But later.")),)
    mark = (SpanSource(twins[0].sentences, suffix=" [1]"),)
    ways: dict[str, list[Segment]] = {
        "markers": [Spans(twins, quote=True), Words()],
        "suffix": [Spans(mark), Words()],
        "the answer's end": [Spans(twins)],
    }
    for name, segments in ways.items():
        trie = Guide(segments[:1], tokenizer, vocabulary, [EOS])
        texts = {text_of(tokenizer, ids).removesuffix(" [1]") for ids, _, _ in answers(trie)}
        assert texts == {"Yes.", "Yes. But later."}, name
        Guide(segments, tokenizer, vocabulary, [EOS])

    with pytest.raises(InvalidRequest, match=r"guide\[0\]: sentence 0 of source 0 .* suffix"):
        Guide([Spans(twins), Words()], tokenizer, vocabulary, [EOS])
    with pytest.raises(InvalidRequest, match="nothing marks its end"):
        Guide([Spans(twins)], tokenizer, vocabulary)  # a model that never ends


@pytest.mark.parametrize(
    "spans, refusal",
    [
        (Spans(()), "0 sentences are not 1 to 10000"),
        (Spans((SpanSource(()),)), "0 sentences"),
        (Spans((SpanSource(("a",) * 10_001),)), "10001 sentences"),
        (Spans((SpanSource(("a", "")),)), r"sources\[0\]: has an empty sentence"),
        (Spans((SpanSource(("a", "b"), (1.0,)),)), "priors: 1 for 2 runs"),
        (Spans((SpanSource(("a",), (math.nan,)),)), "needs a finite number"),
        (Spans((SpanSource(("a",), (1.0,)), SpanSource(("b",)))), "some have priors"),
        (Spans((SpanSource(("a",)),), max_sentences=0), "max_sentences: 0 is outside 1 to 8"),
    ],
)
def test_what_cannot_be_chosen_from_is_refused(spans: Spans, refusal: str) -> None:
    with pytest.raises(InvalidRequest, match=refusal):
        SamplingParams(guide=(spans,))


def test_below_the_last_branch_all_is_forced(tokenizer: Tokenizer, vocabulary: Vocabulary) -> None:
    sources = (SpanSource(("Returns are free.", "Refunds take 5 days.")),)
    guide = Guide([Spans(sources, quote=True), Exactly(" Ok?")], tokenizer, vocabulary)

    head = tuple(guide.forced(guide.start))
    state = guide.start
    for token_id in (*head, *tokenizer.encode("t")):
        state = guide.advance(state, token_id)

    assert text_of(tokenizer, head) == "Re"
    assert text_of(tokenizer, tuple(guide.forced(state))) == "urns are free. Ok?"


def test_thousands_of_sentences_share_one_sort(
    tokenizer: Tokenizer, vocabulary: Vocabulary
) -> None:
    sentences = tuple(f"Rule {number} is {number * 7919 % 10_007}." for number in range(5_000))
    spans = Spans((SpanSource(sentences, tuple(float(n % 7) for n in range(5_000))),), quote=True)
    guide = Guide([spans], tokenizer, vocabulary)

    wanted = sentences[4_321]
    state = guide.start
    for token_id in tokenizer.encode_exactly(Exactly(wanted, quote=True)):
        assert guide.permits(state, token_id)
        state = guide.advance(state, token_id)

    assert guide.is_done(state)
    assert guide.choice(state) == SpanChoice(0, 4_321, 1)


def test_a_reader_who_fell_behind_still_hears_the_choice() -> None:
    choice = SpanChoice(1, 2, 1)
    chunks = [
        TokenChunk(request_id="r", token_ids=(1,), text="a", segment=0),
        TokenChunk(request_id="r", token_ids=(2,), text="b", segment=0, choice=choice),
        TokenChunk(request_id="r", token_ids=(3,), text="c", segment=1),
    ]
    assert [one.choice for one in merge(chunks)] == [choice, None]


def test_sources_and_choice_cross_the_socket() -> None:
    sources = (SpanSource(("a.", "b."), (1.0, -2.0, 0.5), " [1]"),)
    guide = (Words(names=("Ann",)), Spans(sources, 2, lead=" ", quote=True))
    question = Question(name="r", text="x", params=SamplingParams(guide=guide))
    chunk = TokenChunk(request_id="r", segment=1, choice=SpanChoice(0, 1, 1))

    assert unpack_question(pack_question(question)).params.guide == guide
    frame = msgspec.msgpack.encode(Chunks((chunk,)))
    assert server_frames.decode(frame) == Chunks((chunk,))
