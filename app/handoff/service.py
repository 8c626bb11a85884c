"""From the bot to the queue, to a human, and back.

A hand-off is an action with a visible line for the customer, never a phrase in a text. Taking over
is a compare-and-set on the epoch the agent saw: of two agents one wins and the other hears so.
`shown` tells what readers have seen of a running answer (`hub.answers.shown_text`).
"""

from uuid import UUID

from app import access
from app.conversations.control import ShownText, change_control, end_live_answer
from app.conversations.ledger import append_change, append_message
from app.conversations.repository import Conversations
from app.conversations.service import NewMessage, Posted, check_same
from app.database import Work
from app.errors import Conflict, ConversationClosed
from app.handoff import lines
from app.models import Agent, Conversation
from app.speakers import BOT, SYSTEM, Actor, Customer, SignedInAgent
from app.vocabulary import (
    Control,
    EndReason,
    EventType,
    HandoffReason,
    Role,
    Side,
    Status,
)

_ENDED = (Status.RESOLVED, Status.ARCHIVED)


def _nothing_shown(_conversation_id: UUID) -> str:
    return ""


async def request_handoff(
    work: Work,
    speaker: Customer | SignedInAgent,
    conversation_id: UUID,
    *,
    shown: ShownText,
    reason: HandoffReason = HandoffReason.ASKED,
) -> Conversation:
    """Somebody asks for a person; nothing changes when the bot has not got the word.

    Raises:
        NotFound: no such conversation, or not this speaker's.
        ConversationClosed: it has ended.
    """
    conversation = await access.lock_conversation(work, speaker, conversation_id)
    await _to_queue(work, conversation, speaker.actor, reason, shown)
    return conversation


async def hand_over(
    work: Work, conversation_id: UUID, *, reason: HandoffReason, shown: ShownText = _nothing_shown
) -> Conversation:
    """The bot gives up: every failure path ends here, at a human."""
    conversation = await access.lock_any_conversation(work, conversation_id)
    await _to_queue(work, conversation, BOT, reason, shown)
    return conversation


async def take_over(
    work: Work, agent: SignedInAgent, conversation_id: UUID, *, epoch: int, shown: ShownText
) -> Conversation:
    """The agent has the word from this commit on; a running answer ends in the same moment.

    Raises:
        Conflict: somebody was faster; `epoch` is no longer the conversation's.
        ConversationClosed: it has ended.
    """
    conversation = await access.lock_conversation(work, agent, conversation_id)
    if conversation.control_epoch != epoch:
        raise Conflict(await _who_was_faster(work, conversation))
    await _to_human(work, conversation, agent, shown)
    return conversation


async def post_reply(
    work: Work, agent: SignedInAgent, new: NewMessage, *, shown: ShownText
) -> Posted:
    """An agent's message to the customer; takes over first unless a human already has the word.

    Raises:
        NotFound, Forbidden: no such conversation here, or this agent may only read.
        ConversationClosed: it has ended.
        Conflict: the same `client_msg_id` was sent before with another text.
    """
    assert new.conversation_id is not None, "an agent replies in a conversation"
    conversation = await access.lock_conversation(work, agent, new.conversation_id)
    sent = await Conversations(work.session).find_sent(conversation.id, new.client_msg_id)
    if sent is not None:
        same = check_same(sent, new, Role.AGENT)
        return Posted(same.conversation_id, same.id, same.seq)
    if conversation.status in _ENDED:
        raise ConversationClosed
    if conversation.control is not Control.HUMAN:
        await _to_human(work, conversation, agent, shown)
    message = await append_message(
        work, conversation, agent.actor, new.text, client_msg_id=new.client_msg_id
    )
    conversation.waiting_on, conversation.waiting_since = Side.CUSTOMER, None
    conversation.first_human_reply_at = conversation.first_human_reply_at or message.created_at
    return Posted(conversation.id, message.id, message.seq)


async def release(
    work: Work, agent: SignedInAgent, conversation_id: UUID, *, epoch: int
) -> Conversation:
    """Give the word back to the bot, which stays silent until the customer writes again.

    Raises:
        Conflict: the conversation has changed hands since `epoch`.
        ConversationClosed: it has ended.
    """
    conversation = await access.lock_conversation(work, agent, conversation_id)
    if conversation.control_epoch != epoch:
        raise Conflict(await _who_was_faster(work, conversation))
    if conversation.status in _ENDED:
        raise ConversationClosed
    if conversation.control is Control.BOT:
        return conversation
    await change_control(work, conversation, Control.BOT, agent.actor, "released")
    conversation.waiting_on, conversation.waiting_since = Side.CUSTOMER, None
    conversation.handoff_reason = None
    await _assign(work, conversation, agent.actor, None)
    await append_message(work, conversation, SYSTEM, lines.left(agent.name))
    return conversation


async def _to_queue(
    work: Work, conversation: Conversation, by: Actor, reason: HandoffReason, shown: ShownText
) -> None:
    if conversation.status in _ENDED:
        raise ConversationClosed
    if conversation.control is not Control.BOT:
        return
    await end_live_answer(work, conversation, by, EndReason.HANDOFF, shown)
    await change_control(work, conversation, Control.QUEUE, by, reason.value)
    conversation.handoff_reason = reason.value
    conversation.waiting_on = Side.US
    conversation.waiting_since = conversation.waiting_since or work.clock()
    await append_message(work, conversation, SYSTEM, lines.waiting())


async def _to_human(
    work: Work, conversation: Conversation, agent: SignedInAgent, shown: ShownText
) -> None:
    if conversation.status in _ENDED:
        raise ConversationClosed
    is_mine = conversation.assignee_id == agent.agent_id
    if conversation.control is Control.HUMAN and is_mine:
        return
    if conversation.control is Control.HUMAN and not agent.may_manage:
        raise Conflict(await _who_was_faster(work, conversation))
    await end_live_answer(work, conversation, agent.actor, EndReason.TAKEOVER, shown)
    await change_control(work, conversation, Control.HUMAN, agent.actor, "takeover")
    await _assign(work, conversation, agent.actor, agent)
    await append_message(work, conversation, SYSTEM, lines.joined(agent.name))


async def _assign(
    work: Work, conversation: Conversation, by: Actor, to: SignedInAgent | None
) -> None:
    assignee_id = to.agent_id if to else None
    if conversation.assignee_id == assignee_id:
        return
    conversation.assignee_id = assignee_id
    shown = {"id": str(to.agent_id), "name": to.name} if to else None
    await append_change(work, conversation, by, EventType.ASSIGNEE_CHANGED, {"to": shown})


async def _who_was_faster(work: Work, conversation: Conversation) -> str:
    if conversation.control is Control.HUMAN and conversation.assignee_id is not None:
        winner = await work.session.get_one(Agent, conversation.assignee_id)
        return f"{winner.name} has taken over this conversation."
    return "The conversation has changed hands meanwhile; please look again."
