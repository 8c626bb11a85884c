"""What a customer writes about themselves: who sees it, and what is kept, by the company's word."""

import json
import logging
import threading

import pytest
from sqlalchemy import select

from app.answers import thread as threads
from app.answers.context import SHIPPED_WINDOW
from app.answers.planning import make_plan
from app.answers.repository import read_dialogue
from app.answers.service import read_thread
from app.conversations import service
from app.conversations.service import Posted
from app.errors import Conflict
from app.logs import JsonLines, MaskedText
from app.models import KbGap, Message, Workspace
from app.privacy.masking import mask
from app.vocabulary import Role
from app.workspace.answer_policy import PiiMasking
from tests.app.answers.rig import Rig
from tests.app.knowledge.demo_index import demo_index
from tests.factories import message, nothing_shown

SECRET = "jo@x.example"
QUESTION = f"Do you sell bicycles? I am {SECRET}, card 4111 1111 1111 1111"
MASKED = "Do you sell bicycles? I am [e-mail], card [card]"


@pytest.fixture
def store() -> str:
    """The database plays no part here."""
    return "sqlite"


async def decide(rig: Rig, masking: PiiMasking) -> None:
    async with rig.parts.database.work() as work:
        workspace = await work.session.get_one(Workspace, rig.shop.workspace_id)
        workspace.settings = {"mask_pii": masking.value}


async def kept(rig: Rig) -> list[str]:
    async with rig.parts.database.snapshot() as session:
        query = select(Message.text).where(Message.role == Role.CUSTOMER).order_by(Message.seq)
        return list(await session.scalars(query))


@pytest.mark.parametrize(
    ("masking", "stored", "seen"),
    [
        (PiiMasking.OFF, QUESTION, QUESTION),
        (PiiMasking.MODEL, QUESTION, MASKED),
        (PiiMasking.STORED, MASKED, MASKED),
    ],
)
async def test_the_company_says_who_sees_it(
    rig: Rig, masking: PiiMasking, stored: str, seen: str
) -> None:
    await decide(rig, masking)

    conversation_id = await rig.ask(QUESTION)

    async with rig.parts.database.snapshot() as session:
        dialogue = await read_dialogue(session, conversation_id)
        gaps = list(await session.scalars(select(KbGap.question)))
    again = read_thread(dialogue, (), conversation_id, SHIPPED_WINDOW)
    assert await kept(rig) == [stored]
    assert [turn.text for turn in again.turns if turn.role is Role.CUSTOMER] == [seen]
    assert gaps == [seen]


async def test_the_model_is_asked_without_it_and_the_articles_are_searched_without_it(
    quiet: Rig,
) -> None:
    conversation_id = await quiet.say(f"I am {SECRET}. How long does standard delivery take?")
    async with quiet.parts.database.snapshot() as session:
        dialogue = await read_dialogue(session, conversation_id)

    thread = read_thread(dialogue, (), conversation_id, SHIPPED_WINDOW)
    plan = make_plan(demo_index(), thread)

    assert plan.prompt is not None and plan.citations
    prompt = "\n".join(one.text for one in plan.prompt.messages)
    assert SECRET not in prompt and "I am [e-mail]. How long" in prompt


async def test_a_resend_is_the_same_message_also_where_it_is_masked(quiet: Rig) -> None:
    await decide(quiet, PiiMasking.STORED)
    new = message(QUESTION)
    posted: list[Posted | None] = []

    for text in (QUESTION, QUESTION, "Something else"):
        try:
            async with quiet.parts.database.work() as work:
                sent = message(text, client_msg_id=new.client_msg_id)
                posted.append(
                    await service.post_message(
                        work, quiet.customer, sent, shown=nothing_shown, reopen_days=7
                    )
                )
        except Conflict:
            posted.append(None)

    assert posted[0] == posted[1] and posted[2] is None
    assert await kept(quiet) == [MASKED]


async def test_long_texts_are_masked_beside_the_event_loop(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    loops, seen = threading.get_ident(), list[bool]()

    def watched(text: str) -> str:
        seen.append(threading.get_ident() == loops)
        return mask(text)

    for module in (service, threads):
        monkeypatch.setattr(module, "mask", watched)
    await decide(rig, PiiMasking.STORED)

    await rig.ask(QUESTION)

    assert len(seen) >= 2 and not any(seen)


def test_no_log_line_tells_it_however_it_got_there() -> None:
    def record(error: Exception | None = None) -> logging.LogRecord:
        info = (type(error), error, None) if error else None
        made = logging.LogRecord("app", logging.ERROR, "x", 1, "failed for %s", (SECRET,), info)
        made.detail = {"text": SECRET}
        made.count = 30_123_456
        return made

    line = JsonLines().format(record(ValueError(f"[parameters: ('{SECRET}', '+49 170 1234567')]")))
    shown = MaskedText("%(message)s").format(record())

    told = json.loads(line)
    assert SECRET not in line + shown and "1234567" not in line
    assert told["event"] == shown == "failed for [e-mail]"
    assert told["count"] == 30_123_456 and "[phone]" in told["traceback"]
