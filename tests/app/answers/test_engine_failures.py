"""An engine that dies in the middle of an answer: the text goes on, or a human comes."""

import os
import signal
from pathlib import Path

import pytest

from app.vocabulary import Control, EventType, HandoffReason, MessageState, Role
from tests.app.answers.rig import Rig, answering
from tests.engine_processes import (
    Line,
    quick_settings,
    running,
    until_replaced,
    write_script,
)

FREIGHT = "Do I have to be at home for a freight delivery?"
ANSWER: Line = {
    "match": "freight",
    "chunks": ["Happy to help.", " Is there anything else I can help with?"],
    "delay_ms": 20,
}


@pytest.fixture
def store() -> str:
    """The database plays no part here."""
    return "sqlite"


async def test_a_killed_engine_changes_no_character(quiet: Rig, tmp_path: Path) -> None:
    settings = quick_settings(write_script(tmp_path / "script.jsonl", ANSWER))
    async with running(settings, tmp_path) as engine, answering(quiet, engine.client):
        conversation_id = await quiet.ask(FREIGHT)

        await quiet.say(FREIGHT)
        await quiet.until(lambda: len(quiet.live_text()) > 30)
        first_pid = engine.pid
        assert first_pid is not None
        os.kill(first_pid, signal.SIGKILL)
        await quiet.until(lambda: len(quiet.ended) == 2)
        await until_replaced(engine, first_pid)
    untouched, resumed = await quiet.messages(conversation_id, Role.BOT)
    assert resumed.text == untouched.text == quiet.shown()


async def test_an_engine_that_always_dies_leaves_what_the_articles_say(
    quiet: Rig, tmp_path: Path
) -> None:
    script = write_script(tmp_path / "script.jsonl", ANSWER | {"then": "crash"})
    async with (
        running(quick_settings(script), tmp_path) as engine,
        answering(quiet, engine.client),
    ):
        conversation_id = await quiet.ask(FREIGHT)

    [said] = await quiet.messages(conversation_id, Role.BOT)
    assert said.state is MessageState.COMPLETE and said.text == quiet.shown()
    assert f"{said.citations[0]['quote']} [1]" in said.text


async def test_an_engine_that_always_dies_brings_a_human_where_none_does(
    quiet: Rig, tmp_path: Path
) -> None:
    script = write_script(tmp_path / "script.jsonl", ANSWER | {"match": "", "then": "crash"})
    async with (
        running(quick_settings(script), tmp_path) as engine,
        answering(quiet, engine.client),
    ):
        conversation_id = await quiet.say("hello")
        await quiet.until(lambda: any(e.type is EventType.CONTROL_CHANGED for e in quiet.events))

    conversation = await quiet.conversation(conversation_id)
    [said] = await quiet.messages(conversation_id, Role.BOT)
    assert (conversation.control, conversation.handoff_reason) == (
        Control.QUEUE, HandoffReason.ERROR,
    )  # fmt: skip
    assert said.state in (MessageState.FAILED, MessageState.INTERRUPTED)
    assert len(await quiet.messages(conversation_id, Role.SYSTEM)) == 2, "a line and a note"
