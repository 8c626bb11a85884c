"""Promise 3: turn n+1 recomputes nothing of turns 1 to n, whatever happens between them."""

import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from itertools import pairwise
from uuid import UUID

import pytest
from sqlalchemy import select

from app.conversations.service import NewMessage
from app.demo.questions import read_questions
from app.engines import SHIPPED_MODEL
from app.handoff import service as handoff
from app.ids import new_id
from app.models import Generation, Message
from app.parts import Parts
from app.vocabulary import GenerationState, MessageState
from inference import EngineConfig, EngineSupervisor
from tests.app.answers.rig import Rig, answering, make_rig, publish_demo_articles
from tests.engine_processes import held, quick_settings
from tests.factories import Shop

BLOCK = 16
LAST_AND_END = 2
"""The last token of an answer is never computed while it is written; the turn's end follows it."""
QUESTIONS = [one.question for one in read_questions() if one.is_answerable][:20]
STOPPED, TAKEN_OVER, SMALL_TALK = 4, 9, 14


@dataclass(frozen=True)
class Computed:
    """A whole answer, as it was stored."""

    num_prompt: int
    num_cached: int
    num_ids: int
    dropped_seq: int

    def law(self, before: "Computed") -> tuple[int, int]:
        """Prompt tokens computed, and the most that may be."""
        num_new = self.num_prompt - before.num_prompt - before.num_ids
        return self.num_prompt - self.num_cached, num_new + BLOCK + LAST_AND_END


@pytest.fixture
def store() -> str:
    """Tokens are the engine's; that both stores keep them is tested with the answers."""
    return "sqlite"


@pytest.fixture(scope="module")
async def engine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EngineSupervisor]:
    """The shipped weights with a longer window, so that twenty turns fit."""
    folder = tmp_path_factory.mktemp("long")
    model = shutil.copytree(SHIPPED_MODEL, folder / "model")
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 16_384}))
    wanted = EngineConfig(
        model=str(model), dtype="float32", num_blocks=1_024, device="cpu", max_draft_tokens=40
    )
    async with EngineSupervisor(quick_settings(wanted), folder / "run") as supervisor:
        yield supervisor


@pytest.fixture
async def rig(parts: Parts, shop: Shop) -> Rig:
    await publish_demo_articles(parts, shop)
    return make_rig(parts, shop)


async def computed(rig: Rig) -> list[Computed]:
    async with rig.parts.database.snapshot() as session:
        query = (
            select(Generation)
            .join(Message, Message.generation_id == Generation.id)
            .where(Generation.state == GenerationState.DONE)
            .order_by(Message.seq)
        )
        rows = (await session.scalars(query)).all()
    return [
        Computed(
            row.num_prompt_tokens or 0,
            row.num_cached_tokens or 0,
            len(row.token_ids or []),
            row.context["dropped_seq"] if row.context else -1,
        )
        for row in rows
    ]


async def interrupt(
    rig: Rig, engine: EngineSupervisor, question: str, by: Callable[[UUID], Awaitable[None]]
) -> MessageState:
    """End the answer to a question when some of it can be read; what became of it."""
    num_ended = len(rig.ended)
    conversation_id = await rig.say(question)
    await rig.until(lambda: len(rig.ended) > num_ended or bool(rig.live_text()))
    with held(engine):  # or it might have said everything before we have spoken
        await by(conversation_id)
    await rig.until(lambda: len(rig.ended) > num_ended)
    async with rig.parts.database.snapshot() as session:
        message = await session.get_one(Message, rig.ended[-1].message_id)
    return message.state


async def take_over_and_release(rig: Rig, conversation_id: UUID) -> None:
    epoch = (await rig.conversation(conversation_id)).control_epoch
    await rig.take_over(conversation_id, epoch=epoch)
    reply = NewMessage("Ana here, I have sent you a new one.", str(new_id()), conversation_id)
    async with rig.parts.database.work() as work:
        await handoff.post_reply(work, rig.agent, reply, shown=rig.live.shown_text)
        await handoff.release(work, rig.agent, conversation_id, epoch=epoch + 1)


async def converse(rig: Rig, engine: EngineSupervisor) -> list[MessageState]:
    """Twenty questions, small talk, an answer that is stopped and one that an agent ends."""
    left = []
    for number, question in enumerate(QUESTIONS):
        if number == STOPPED:
            left.append(await interrupt(rig, engine, question, rig.stop))
        elif number == TAKEN_OVER:
            left.append(
                await interrupt(rig, engine, question, lambda c: take_over_and_release(rig, c))
            )
        else:
            await rig.ask(question)
        if number == SMALL_TALK:
            await rig.ask("thanks")
    return left


async def test_a_turn_computes_its_own_tokens_only(rig: Rig, engine: EngineSupervisor) -> None:
    async with answering(rig, engine.client):
        left = await converse(rig, engine)

    turns = await computed(rig)
    assert MessageState.COMPLETE not in left
    assert len(turns) == len(QUESTIONS) - len(left) + 1
    assert {turn.dropped_seq for turn in turns} == {0}, "nothing was cut"
    for before, after in pairwise(turns):
        num_computed, most = after.law(before)
        assert num_computed <= most, (before, after)
    assert turns[-1].num_cached > 10 * (turns[-1].num_prompt - turns[-1].num_cached)
