"""The scripted engine says what its file says, and only that."""

import time
from pathlib import Path

import pytest

from inference.errors import InvalidRequest, ModelLoadError, ScriptError
from inference.request import (
    ChatMessage,
    Exactly,
    FinishReason,
    Prompt,
    SamplingParams,
    SpanChoice,
    Spans,
    SpanSource,
    TokenChunk,
    Words,
)
from inference.scripted import ScriptedEngine
from tests.engine_processes import Line, write_script


def engine_of(folder: Path, *lines: Line) -> ScriptedEngine:
    write_script(folder / "script.jsonl", *lines)
    return ScriptedEngine(folder / "script.jsonl", lambda _: None)


def answer(
    engine: ScriptedEngine,
    prompt: Prompt,
    params: SamplingParams | None = None,
    resume: tuple[int, ...] = (),
) -> list[TokenChunk]:
    engine.submit("r", prompt, params or SamplingParams(), resume_token_ids=resume)
    chunks: list[TokenChunk] = []
    while engine.has_work:
        chunks += engine.step()
    return chunks


def text_of(chunks: list[TokenChunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


def test_the_first_line_that_matches_answers(tmp_path: Path) -> None:
    engine = engine_of(
        tmp_path,
        {"match": "refund", "chunks": ["A ", "refund."]},
        {"match": ".*", "chunks": ["What?"]},
    )

    assert [chunk.text for chunk in answer(engine, "my refund")] == ["A ", "refund."]
    assert text_of(answer(engine, "else")) == "What?"


def test_it_listens_to_the_last_customers_message(tmp_path: Path) -> None:
    engine = engine_of(
        tmp_path, {"match": "old", "chunks": ["old"]}, {"match": "new", "chunks": ["new"]}
    )
    messages = [
        ChatMessage("user", "old"),
        ChatMessage("assistant", "old"),
        ChatMessage("user", "new"),
        ChatMessage("passages", "old"),
    ]

    assert text_of(answer(engine, messages)) == "new"


def test_every_token_comes_once_and_the_last_ends_the_answer(tmp_path: Path) -> None:
    engine = engine_of(tmp_path, {"match": "", "chunks": ["a", "b", "c"]})

    chunks = answer(engine, "x")

    assert [chunk.token_ids for chunk in chunks] == [(0,), (1,), (2,)]
    assert [chunk.finish_reason for chunk in chunks] == [None, None, FinishReason.STOP]


def test_an_answer_of_nothing_ends_at_once(tmp_path: Path) -> None:
    chunks = answer(engine_of(tmp_path, {"match": ""}), "x")

    assert [(chunk.text, chunk.finish_reason) for chunk in chunks] == [("", FinishReason.STOP)]


def test_max_tokens_cuts_before_anything_bad_happens(tmp_path: Path) -> None:
    engine = engine_of(tmp_path, {"match": "", "chunks": ["a", "b", "c"], "then": "crash"})

    chunks = answer(engine, "x", SamplingParams(max_tokens=2))

    assert text_of(chunks) == "ab"
    assert chunks[-1].finish_reason is FinishReason.LENGTH


@pytest.mark.parametrize("num_said", range(4))
def test_it_resumes_behind_any_token(tmp_path: Path, num_said: int) -> None:
    engine = engine_of(tmp_path, {"match": "", "chunks": ["a", "b", "c"]})

    chunks = answer(engine, "x", resume=tuple(range(num_said)))

    assert text_of(chunks) == "abc"[num_said:]
    assert chunks[-1].finish_reason is FinishReason.STOP


def test_foreign_tokens_cannot_be_resumed(tmp_path: Path) -> None:
    engine = engine_of(tmp_path, {"match": "", "chunks": ["a", "b"]})

    for ids in ((1,), (0, 1, 2)):
        with pytest.raises(InvalidRequest, match="resume_token_ids"):
            engine.submit("r", "x", SamplingParams(), resume_token_ids=ids)
    assert not engine.has_work


def test_what_a_guide_quotes_is_verbatim_and_the_rest_is_the_scripts(tmp_path: Path) -> None:
    engine = engine_of(tmp_path, {"match": "", "chunks": ["Well 7. ", "That ", "is all."]})
    quote = "Returns take  14 days.\nAlways."
    guide = (Words(), Exactly(quote, quote=True), Words())

    chunks = answer(engine, "x", SamplingParams(guide=guide))

    said = dict.fromkeys(range(3), "")
    for chunk in chunks:
        assert chunk.segment is not None
        said[chunk.segment] += chunk.text
    assert said == {0: "Well 7. ", 1: quote, 2: "That is all."}
    assert [chunk.segment for chunk in chunks] == sorted(chunk.segment or 0 for chunk in chunks)
    assert len(chunks) > 5, "a quote comes in several pieces, so that it can be interrupted"


def test_of_a_choice_the_likeliest_is_said_and_named(tmp_path: Path) -> None:
    engine = engine_of(tmp_path, {"match": "", "chunks": ["Well. ", "Bye."]})
    sources = (
        SpanSource(("One.", "Two."), (0.0, 1.0), suffix=" [1]"),
        SpanSource(("Three.",), (2.0,), suffix=" [2]"),
    )
    guide = (Words(), Spans(sources, lead=" ", quote=True), Words())

    chunks = answer(engine, "x", SamplingParams(guide=guide))

    assert text_of(chunks) == "Well.  Three. [2]Bye."
    assert [chunk.choice for chunk in chunks if chunk.choice] == [SpanChoice(1, 0, 1)]


def test_a_guide_without_free_words_takes_nothing_from_the_script(tmp_path: Path) -> None:
    engine = engine_of(tmp_path, {"match": "", "chunks": ["unsaid"]})

    assert text_of(answer(engine, "x", SamplingParams(guide=(Exactly("said"),)))) == "said"


def test_a_slow_answer_holds_up_no_other(tmp_path: Path) -> None:
    engine = engine_of(
        tmp_path,
        {"match": "slow", "chunks": ["a"], "delay_ms": 3_600_000},
        {"match": "fast", "chunks": ["a", "b"], "delay_ms": 1},
    )
    engine.submit("slow", "slow", SamplingParams())
    engine.submit("fast", "fast", SamplingParams())

    chunks: list[TokenChunk] = []
    while not (chunks and chunks[-1].finish_reason):
        chunks += engine.step()

    assert {chunk.request_id for chunk in chunks} == {"fast"}
    assert engine.stats()["num_running"] == 1
    engine.abort("slow")
    assert not engine.has_work


def test_the_delay_lies_before_each_chunk(tmp_path: Path) -> None:
    engine = engine_of(tmp_path, {"match": "", "chunks": ["a", "b", "c"], "delay_ms": 20})
    began = time.monotonic()

    answer(engine, "x")

    assert time.monotonic() - began >= 0.06


def test_a_deadline_ends_a_slow_answer(tmp_path: Path) -> None:
    engine = engine_of(tmp_path, {"match": "", "chunks": ["a"], "delay_ms": 3_600_000})

    chunks = answer(engine, "x", SamplingParams(deadline_s=0.01))

    assert [chunk.finish_reason for chunk in chunks] == [FinishReason.ABORT]


def test_garbage_is_asked_for_once_and_the_answer_never_ends(tmp_path: Path) -> None:
    write_script(tmp_path / "s.jsonl", {"match": "", "chunks": ["a"], "then": "garbage"})
    garbled: list[str] = []
    engine = ScriptedEngine(tmp_path / "s.jsonl", garbled.append)

    chunks = answer(engine, "x")

    assert (text_of(chunks), garbled) == ("a", ["r"])
    assert all(chunk.finish_reason is None for chunk in chunks)


@pytest.mark.parametrize(
    ("prompt", "message"), [("nothing like it", "no line of"), ([1, 2], "no line of")]
)
def test_a_prompt_no_line_matches_is_refused(tmp_path: Path, prompt: Prompt, message: str) -> None:
    engine = engine_of(tmp_path, {"match": "^hello$", "chunks": ["a"]})

    with pytest.raises(InvalidRequest, match=message):
        engine.submit("r", prompt, SamplingParams())


@pytest.mark.parametrize(
    "bad",
    [
        "not json",
        '{"chunks": ["a"]}',
        '{"match": "["}',
        '{"match": "a", "chunks": "a"}',
        '{"match": "a", "then": "explode"}',
        '{"match": "a", "delay_ms": -1}',
        '{"match": "a", "color": "red"}',
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, bad: str) -> None:
    path = tmp_path / "script.jsonl"
    path.write_text(f'{{"match": "a"}}\n\n{bad}\n')

    with pytest.raises(ScriptError, match=r"script\.jsonl, line 3: ") as caught:
        ScriptedEngine(path, lambda _: None)

    assert (caught.value.line, caught.value.code) == (3, "script_invalid")


def test_an_empty_or_missing_script_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("\n")

    with pytest.raises(ScriptError, match="no lines"):
        ScriptedEngine(tmp_path / "empty.jsonl", lambda _: None)
    with pytest.raises(ModelLoadError, match="No such file"):
        ScriptedEngine(tmp_path / "missing.jsonl", lambda _: None)
