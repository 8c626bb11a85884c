"""What the timers do when they come: each reads the conversation anew, under its lock, and decides.

Handlers of `app/jobs`, by kind; `timers.py` sets them.
"""

from datetime import datetime
from uuid import UUID

from app import access
from app.conversations import timers
from app.conversations.care_policy import CarePolicy
from app.conversations.moves import Cause, move
from app.conversations.states import Happening
from app.database import Work
from app.jobs.runner import Handler
from app.models import Agent, Conversation, JsonObject, Workspace
from app.speakers import SYSTEM
from app.vocabulary import Control, HandoffReason


async def wake(work: Work, payload: JsonObject) -> None:
    """The snooze is over, unless it was lengthened or ended meanwhile."""
    conversation = await _lock(work, payload)
    until = conversation.snoozed_until
    if until is not None and until <= work.clock():
        await move(work, conversation, Happening.WOKEN, Cause(SYSTEM))


async def resolve_silent(work: Work, payload: JsonObject) -> None:
    """Nothing came after the bot's answer: it is assumed to have helped."""
    conversation = await _lock(work, payload)
    policy = await _policy(work, conversation)
    due = conversation.last_message_at + policy.resolved_after
    if due > work.clock():
        await timers.set_timer(work, timers.FELL_SILENT, conversation.id, due)
        return
    await move(work, conversation, Happening.FELL_SILENT, Cause(SYSTEM))


async def free_from_absent_agent(work: Work, payload: JsonObject) -> None:
    """A customer who waits for an agent who is not there gets another; who is there keeps them."""
    conversation = await _lock(work, payload)
    if conversation.control is not Control.HUMAN or conversation.waiting_since is None:
        return
    policy = await _policy(work, conversation)
    seen_at = await _seen_at(work, conversation)
    waited_until = max(conversation.waiting_since, seen_at or conversation.waiting_since)
    due = waited_until + policy.agent_gone_after
    if due > work.clock():
        await timers.set_timer(work, timers.AGENT_GONE, conversation.id, due)
        return
    cause = Cause(SYSTEM, HandoffReason.AGENT_AWAY)
    await move(work, conversation, Happening.AGENT_GONE, cause)


async def archive(work: Work, payload: JsonObject) -> None:
    """Resolved long ago: from now on it is only read."""
    conversation = await _lock(work, payload)
    if conversation.resolved_at is None:
        return
    policy = await _policy(work, conversation)
    due = conversation.resolved_at + policy.archived_after
    if due > work.clock():
        await timers.set_timer(work, timers.ARCHIVE, conversation.id, due)
        return
    await move(work, conversation, Happening.ARCHIVED, Cause(SYSTEM))


async def lock_first(work: Work, payload: JsonObject) -> None:
    """The conversation that a job is about, before the job's own row.

    Whoever moves a conversation holds its lock when they replace its timer.
    """
    if "conversation" in payload:
        await _lock(work, payload)


HANDLERS: dict[str, Handler] = {
    timers.WAKE: wake,
    timers.FELL_SILENT: resolve_silent,
    timers.AGENT_GONE: free_from_absent_agent,
    timers.ARCHIVE: archive,
}


async def _seen_at(work: Work, conversation: Conversation) -> datetime | None:
    if conversation.assignee_id is None:
        return None
    return (await work.session.get_one(Agent, conversation.assignee_id)).last_seen_at


async def _lock(work: Work, payload: JsonObject) -> Conversation:
    return await access.lock_any_conversation(work, UUID(payload["conversation"]))


async def _policy(work: Work, conversation: Conversation) -> CarePolicy:
    return CarePolicy.of(await work.session.get_one(Workspace, conversation.workspace_id))
