"""Plays the demo's conversations through the services that real ones go through.

Only the clock is ours. The bot's answers are planned as always, and spoken in the sentences that
stand in when no model may: the demo looks the same whatever model is installed.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID
from zlib import crc32

from app.answers.planning import Plan, make_plan, needs_no_words
from app.answers.release import Release
from app.answers.repository import read_dialogue
from app.answers.thread import Thread
from app.answers.wishes import wishes_of
from app.clock import Clock
from app.conversations import desk
from app.conversations.answering import FinishedAnswer, begin_answer, complete_answer
from app.conversations.moves import Cause, move
from app.conversations.service import NewMessage, confirm_solved, post_message, resolve
from app.conversations.states import Happening
from app.database import Work
from app.demo.script import Act, Script, Step
from app.handoff.service import hand_over, post_reply, release, take_over
from app.knowledge.evidence import Verdict
from app.knowledge.search import SearchIndex
from app.knowledge.service import record_gap
from app.models import Contact, Conversation
from app.speakers import SYSTEM, Customer, SignedInAgent
from app.vocabulary import HandoffReason, Priority

_REOPEN_DAYS = 7
_AT_THE_DESK = (Act.NOTE, Act.LABEL, Act.PRIORITY, Act.SNOOZE, Act.BLOCK)
_COLOURS = {
    "delivery": "blue",
    "returns": "orange",
    "warranty": "violet",
    "rental": "teal",
    "payment": "red",
}


class Stage:
    """Where the conversations are played: a site, its agents by first name, its articles."""

    def __init__(
        self,
        work: Work,
        site: Customer,
        agents: Mapping[str, SignedInAgent],
        index: SearchIndex,
    ) -> None:
        self._work = work
        self._site = site
        self._agents = agents
        self._index = index

    async def play(self, script: Script, now: datetime) -> None:
        """Store the conversation as if it had begun `script.minutes_ago` before `now`."""
        moment = now - timedelta(minutes=script.minutes_ago)
        token = hashlib.sha256(f"demo {script.contact} {script.minutes_ago}".encode()).hexdigest()
        customer = replace(self._site, token_hash=token)
        conversation_id: UUID | None = None
        for number, step in enumerate(script.steps):
            moment += timedelta(seconds=step.after_s)
            work = replace(self._work, clock=_fixed(moment))
            message_id = f"demo-{number}"
            if step.act is Act.CUSTOMER:
                new = NewMessage(step.text, message_id, conversation_id)
                posted = await post_message(
                    work, customer, new, shown=_nothing, reopen_days=_REOPEN_DAYS
                )
                if conversation_id is None and posted.contact_id is not None:
                    contact = await work.session.get_one(Contact, posted.contact_id)
                    contact.name, contact.email = script.contact, script.email
                conversation_id = posted.conversation_id
                customer = replace(customer, contact_id=posted.contact_id)
            else:
                assert conversation_id is not None, "a customer speaks first"
                await self._happen(work, conversation_id, step, message_id)

    async def _happen(self, work: Work, conversation_id: UUID, step: Step, message_id: str) -> None:
        if step.act is Act.BOT:
            await self._bot_turn(work, conversation_id, message_id)
        elif step.act is Act.CONFIRM:
            await confirm_solved(work, conversation_id, shown=_nothing)
        elif step.act is Act.ARCHIVE:
            conversation = await work.session.get_one(Conversation, conversation_id)
            await move(work, conversation, Happening.ARCHIVED, Cause(SYSTEM))
        elif step.act in _AT_THE_DESK:
            await self._at_the_desk(work, conversation_id, step, message_id)
        else:
            await self._agent_speaks(work, conversation_id, step, message_id)

    async def _agent_speaks(
        self, work: Work, conversation_id: UUID, step: Step, message_id: str
    ) -> None:
        agent = self._agents[step.who]
        conversation = await work.session.get_one(Conversation, conversation_id)
        epoch = conversation.control_epoch
        if step.act is Act.AGENT:
            new = NewMessage(step.text, message_id, conversation_id)
            await post_reply(work, agent, new, shown=_nothing)
        elif step.act is Act.RESOLVE:
            await resolve(work, agent, conversation_id, shown=_nothing)
        elif step.act is Act.GIVE_BACK:
            await release(work, agent, conversation_id, epoch=epoch)
        else:
            if step.act is Act.CUT_OFF:
                await begin_answer(work, conversation_id, epoch=epoch)
            await take_over(work, agent, conversation_id, epoch=epoch, shown=lambda _: step.text)

    async def _at_the_desk(
        self, work: Work, conversation_id: UUID, step: Step, message_id: str
    ) -> None:
        agent = self._agents[step.who]
        if step.act is Act.NOTE:
            await desk.add_note(work, agent, NewMessage(step.text, message_id, conversation_id))
        elif step.act is Act.LABEL:
            label = desk.NewLabel(step.text, _COLOURS.get(step.text, "grey"))
            await desk.set_label(work, agent, conversation_id, label, is_on=True)
        elif step.act is Act.PRIORITY:
            await desk.set_priority(work, agent, conversation_id, Priority(step.text))
        elif step.act is Act.SNOOZE:
            until = work.clock() + timedelta(hours=float(step.text)) if step.text else None
            await desk.snooze(work, agent, conversation_id, until=until, shown=_nothing)
        else:
            await desk.set_blocked(work, agent, conversation_id, is_on=True, shown=_nothing)

    async def _bot_turn(self, work: Work, conversation_id: UUID, message_id: str) -> None:
        dialogue = await read_dialogue(work.session, conversation_id)
        thread = Thread(
            dialogue.company,
            self._index.topics,
            dialogue.turns,
            dialogue.answered_seq,
            dialogue.last_verdict,
            seed=crc32(f"{message_id} {dialogue.turns[0].text}".encode()),
        )
        wishes = await asyncio.to_thread(wishes_of, self._index.meaning)
        reason = needs_no_words(thread, wishes)
        if reason is None:
            reason = await self._say(work, conversation_id, make_plan(self._index, thread))
        if reason is not None:
            await hand_over(work, conversation_id, reason=reason)

    async def _say(self, work: Work, conversation_id: UUID, plan: Plan) -> HandoffReason | None:
        conversation = await work.session.get_one(Conversation, conversation_id)
        answer = await begin_answer(work, conversation_id, epoch=conversation.control_epoch)
        finished = FinishedAnswer(
            text="".join(Release(plan.parts).finish()),
            citations=list(plan.citations),
            chips=list(plan.chips),
            retrieval={"verdict": plan.verdict.value if plan.verdict else None},
        )
        await complete_answer(work, answer, finished)
        if plan.verdict is Verdict.NOTHING:
            await record_gap(work, answer.workspace_id, plan.question, conversation_id)
        return plan.handoff


def _fixed(moment: datetime) -> Clock:
    return lambda: moment


def _nothing(_conversation_id: UUID) -> str:
    return ""
