"""Makes what `states.decide` says true: one transaction, under the conversation's row lock.

Everything that moves a conversation comes through `move`, so every way into the queue leaves one
line for the customer and one note for agents, and whoever loses the word loses a running answer in
the same commit. Timers of the job table follow from where the conversation stands afterwards.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.conversations import lines, rating, timers
from app.conversations.care_policy import CarePolicy
from app.conversations.control import ShownText, change_control, change_status, end_live_answer
from app.conversations.ledger import append_change, append_line, append_note
from app.conversations.repository import Conversations
from app.conversations.states import (
    Assignee,
    Happening,
    Refusal,
    State,
    Step,
    decide,
)
from app.conversations.summary import summarise
from app.database import Work
from app.errors import Conflict, ConversationClosed
from app.models import Agent, Contact, Conversation, Inbox, Workspace
from app.speakers import SYSTEM, Actor, SignedInAgent
from app.vocabulary import ActorKind, Control, EventType, HandoffReason, Side, Status
from app.workspace.answer_policy import AnswerPolicy, PiiMasking


def nothing_shown(_conversation_id: UUID) -> str:
    """For those who know that no answer is running, or that nobody has seen any of it."""
    return ""


@dataclass(frozen=True)
class Cause:
    """Who makes it happen and why."""

    by: Actor
    reason: str = ""
    """Of a change of control; of a hand-off a `HandoffReason`."""
    shown: ShownText = nothing_shown
    agent: SignedInAgent | None = None
    """Who acts, where agents act."""
    to: Agent | None = None
    """The new assignee, where there is one."""
    until: datetime | None = None
    """The end of a snooze."""
    reopen_within: timedelta = timedelta(days=7)


@dataclass(frozen=True)
class Change:
    """What has been done and is still to be told in the thread."""

    step: Step
    cause: Cause
    old_status: Status
    old_control: Control


async def move(
    work: Work, conversation: Conversation, happening: Happening, cause: Cause
) -> Step | None:
    """Let it happen and tell it; None when it has no place here and nobody needs to hear of that.

    Raises:
        ConversationClosed: it has ended.
        Conflict: a colleague has it.
    """
    changed = await change(work, conversation, happening, cause)
    if changed is None:
        return None
    await tell(work, conversation, changed)
    return changed.step


async def change(
    work: Work, conversation: Conversation, happening: Happening, cause: Cause
) -> Change | None:
    """The first half of `move`: a customer's message stands between it and `tell`."""
    decision = decide(await read_state(work, conversation, cause), happening)
    if decision is Refusal.NOT_NOW:
        return None
    if decision is Refusal.ENDED:
        raise ConversationClosed
    if decision is Refusal.TAKEN:
        raise Conflict(await who_was_faster(work, conversation))
    assert isinstance(decision, Step)
    changed = Change(decision, cause, conversation.status, conversation.control)
    await _take(work, conversation, decision, cause)
    return changed


async def tell(work: Work, conversation: Conversation, changed: Change) -> None:
    """The second half of `move`: lines and notes in the thread, and the timer that follows."""
    step, cause = changed.step, changed.cause
    if changed.old_control is not Control.QUEUE and step.control is Control.QUEUE:
        await enter_queue(work, conversation, HandoffReason(cause.reason))
    if step.control is Control.HUMAN and step.raises_epoch and cause.to is not None:
        await append_line(work, conversation, lines.joined(cause.to.name, conversation.locale))
    if changed.old_control is Control.HUMAN and step.control is Control.BOT and step.raises_epoch:
        conversation.handoff_reason = None
        told = lines.left(cause.agent.name if cause.agent else "", conversation.locale)
        await append_line(work, conversation, told)
    if changed.old_status is not Status.RESOLVED and step.resolution is not None:
        await rating.ask(work, conversation)
    if changed.old_status is Status.SNOOZED and step.status is Status.OPEN:
        await append_note(work, conversation, SYSTEM, lines.woken(cause.by is SYSTEM))
    await timers.follow(work, conversation, await _policy(work, conversation))


async def pass_on(work: Work, conversation: Conversation, shown: ShownText = nothing_shown) -> bool:
    """An answer has ended: whoever waited for that has the word now; false if nobody did."""
    if conversation.next_agent_id is None:
        return False
    to = await work.session.get_one(Agent, conversation.next_agent_id)
    by = Actor(ActorKind.AGENT, to.id, to.name)
    cause = Cause(by, "takeover", shown, to=to)
    return await move(work, conversation, Happening.TAKEN_OVER, cause) is not None


async def read_state(work: Work, conversation: Conversation, cause: Cause) -> State:
    """Where it stands now, as `decide` wants to know it."""
    inbox = await work.session.get_one(Inbox, conversation.inbox_id)
    resolved_at, agent = conversation.resolved_at, cause.agent
    return State(
        conversation.status,
        conversation.control,
        conversation.waiting_on,
        may_reopen=resolved_at is None or work.clock() - resolved_at <= cause.reopen_within,
        is_bot_on=inbox.bot_enabled,
        is_mine=agent is not None and conversation.assignee_id == agent.agent_id,
        may_take_from_others=agent is not None and agent.may_manage,
    )


async def enter_queue(work: Work, conversation: Conversation, reason: HandoffReason) -> None:
    """The line for the customer and the note for agents; every way into the queue comes by here."""
    policy = await _policy(work, conversation)
    contact = await work.session.get_one(Contact, conversation.contact_id)
    now = work.clock()
    opening = None if policy.hours.is_open(now) else policy.hours.next_opening(now)
    conversation.handoff_reason = reason.value
    masking = AnswerPolicy.of(await work.session.get_one(Workspace, contact.workspace_id)).mask_pii
    is_reachable = contact.email is not None or masking is PiiMasking.STORED
    told = lines.waiting(reason, opening, has_email=is_reachable, locale=conversation.locale)
    await append_line(work, conversation, told)
    thread = await Conversations(work.session).messages(conversation.id, with_internal=False)
    await append_note(work, conversation, SYSTEM, summarise(thread, reason))


async def who_was_faster(work: Work, conversation: Conversation) -> str:
    """What to tell the agent who comes second."""
    if conversation.control is Control.HUMAN and conversation.assignee_id is not None:
        winner = await work.session.get_one(Agent, conversation.assignee_id)
        return f"{winner.name} has taken over this conversation."
    return "The conversation has changed hands meanwhile; please look again."


async def _take(work: Work, conversation: Conversation, step: Step, cause: Cause) -> None:
    """A running answer ends before the word passes."""
    if step.ends_answer is not None:
        await end_live_answer(work, conversation, cause.by, step.ends_answer, cause.shown)
    _turn(work, conversation, step)
    if step.status is not conversation.status or cause.until is not None:
        if step.status in (Status.OPEN, Status.RESOLVED):
            conversation.resolution = step.resolution
        conversation.snoozed_until = cause.until if step.status is Status.SNOOZED else None
        await change_status(work, conversation, step.status, cause.by)
    if step.raises_epoch or step.status is not Status.OPEN:
        conversation.next_agent_id = None
    if step.raises_epoch:
        await change_control(work, conversation, step.control, cause.by, cause.reason)
    if step.assignee is not Assignee.KEPT:
        await assign(work, conversation, cause.by, cause.to)


def _turn(work: Work, conversation: Conversation, step: Step) -> None:
    if step.starts_afresh:
        conversation.reopened_count += 1
        conversation.context_seq = conversation.last_seq
        conversation.bot_turns = 0
    if step.waiting_on is Side.CUSTOMER:
        conversation.waiting_on, conversation.waiting_since = Side.CUSTOMER, None
    elif step.waiting_on is Side.US:
        conversation.waiting_on = Side.US
        conversation.waiting_since = conversation.waiting_since or work.clock()


async def assign(work: Work, conversation: Conversation, by: Actor, to: Agent | None) -> None:
    """Announce who answers for it, if that is somebody else."""
    if conversation.assignee_id == (to.id if to else None):
        return
    conversation.assignee_id = to.id if to else None
    shown = {"id": str(to.id), "name": to.name} if to else None
    await append_change(work, conversation, by, EventType.ASSIGNEE_CHANGED, {"to": shown})


async def _policy(work: Work, conversation: Conversation) -> CarePolicy:
    return CarePolicy.of(await work.session.get_one(Workspace, conversation.workspace_id))
