"""From the bot to the queue, to a human, and back.

A hand-off is an action with a visible line for the customer, never a phrase in a text. Taking over
is a compare-and-set on the epoch the agent saw: of two agents one wins and the other hears so.
`shown` tells what readers have seen of a running answer (`hub.answers.shown_text`).
"""

from uuid import UUID

from app import access
from app.conversations.answering import is_answer_live
from app.conversations.control import ShownText
from app.conversations.ledger import append_message
from app.conversations.moves import (
    Cause,
    assign,
    move,
    nothing_shown,
    pass_on,
    who_was_faster,
)
from app.conversations.repository import Conversations
from app.conversations.service import NewMessage, Posted, check_same
from app.conversations.states import Happening
from app.database import Work
from app.errors import Conflict, ConversationClosed, Forbidden, NotFound
from app.events import AnswerWanted
from app.files.service import claim
from app.models import Agent, Conversation
from app.replies.uses import count_uses
from app.speakers import BOT, Actor, Customer, SignedInAgent
from app.vocabulary import (
    AgentRole,
    Control,
    HandoffReason,
    Role,
    Side,
    Status,
    TakeoverMode,
)

_ENDED = (Status.RESOLVED, Status.ARCHIVED)


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
    await _hand_off(work, conversation, speaker.actor, reason, shown)
    return conversation


async def hand_over(
    work: Work, conversation_id: UUID, *, reason: HandoffReason, shown: ShownText = nothing_shown
) -> Conversation:
    """The bot gives up: every failure path ends here, at a human."""
    conversation = await access.lock_any_conversation(work, conversation_id)
    await _hand_off(work, conversation, BOT, reason, shown)
    return conversation


async def take_over(
    work: Work,
    agent: SignedInAgent,
    conversation_id: UUID,
    *,
    epoch: int,
    shown: ShownText,
    mode: TakeoverMode = TakeoverMode.STOP,
) -> Conversation:
    """The agent has the word from this commit on; a running answer ends in the same moment.

    `AFTER_ANSWER` lets a running answer come to its end first.

    Raises:
        Conflict: somebody was faster; `epoch` is no longer the conversation's.
        ConversationClosed: it has ended.
    """
    conversation = await _lock_as_seen(work, agent, conversation_id, epoch)
    if mode is TakeoverMode.AFTER_ANSWER and await is_answer_live(work.session, conversation.id):
        me = await work.session.get_one(Agent, agent.agent_id)
        conversation.next_agent_id = me.id
        await assign(work, conversation, agent.actor, me)
        return conversation
    await _take_over(work, conversation, agent, shown)
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
    if conversation.control is not Control.HUMAN:
        await _take_over(work, conversation, agent, shown)
    cause = Cause(agent.actor, shown=shown, agent=agent)
    await move(work, conversation, Happening.AGENT_REPLIED, cause)
    sent_files = await claim(work, agent, new.file_ids)
    message = await append_message(
        work,
        conversation,
        agent.actor,
        new.text,
        client_msg_id=new.client_msg_id,
        sent=sent_files,
    )
    await count_uses(work, agent, new.text)
    conversation.first_human_reply_at = conversation.first_human_reply_at or message.created_at
    return Posted(conversation.id, message.id, message.seq)


async def release(
    work: Work,
    agent: SignedInAgent,
    conversation_id: UUID,
    *,
    epoch: int,
    answers_last: bool = False,
) -> Conversation:
    """Give the word back to the bot, which stays silent until the customer writes again.

    With `answers_last` it answers what the customer wrote last, if nobody has.

    Raises:
        Conflict: the conversation has changed hands since `epoch`.
        ConversationClosed: it has ended.
    """
    conversation = await _lock_as_seen(work, agent, conversation_id, epoch)
    waited_since = conversation.waiting_since
    cause = Cause(agent.actor, "released", agent=agent)
    step = await move(work, conversation, Happening.GIVEN_BACK, cause)
    if step is not None and answers_last and waited_since is not None:
        conversation.waiting_on, conversation.waiting_since = Side.US, waited_since
        work.outbox.add(
            AnswerWanted(
                conversation.workspace_id, conversation.id, epoch=conversation.control_epoch
            )
        )
    return conversation


async def transfer(
    work: Work,
    agent: SignedInAgent,
    conversation_id: UUID,
    *,
    to_agent_id: UUID | None,
    shown: ShownText,
) -> Conversation:
    """Give the conversation to a colleague, or to whoever comes first.

    Raises:
        NotFound: there is no such colleague.
        Forbidden: this colleague may only read.
        ConversationClosed: it has ended.
    """
    conversation = await access.lock_conversation(work, agent, conversation_id)
    if to_agent_id is None:
        cause = Cause(agent.actor, HandoffReason.TRANSFERRED, shown=shown, agent=agent)
        await move(work, conversation, Happening.QUEUED, cause)
        return conversation
    to = await access.agent(work.session, to_agent_id)
    if to.workspace_id != agent.workspace_id:
        raise NotFound
    if to.role is AgentRole.VIEWER:
        raise Forbidden(f"{to.name} may only read.")
    cause = Cause(agent.actor, "assigned", shown=shown, agent=agent, to=to)
    await move(work, conversation, Happening.ASSIGNED, cause)
    return conversation


async def _lock_as_seen(
    work: Work, agent: SignedInAgent, conversation_id: UUID, epoch: int
) -> Conversation:
    conversation = await access.lock_conversation(work, agent, conversation_id)
    if conversation.control_epoch != epoch:
        raise Conflict(await who_was_faster(work, conversation))
    if conversation.status in _ENDED:
        raise ConversationClosed
    return conversation


async def _hand_off(
    work: Work, conversation: Conversation, by: Actor, reason: HandoffReason, shown: ShownText
) -> None:
    """Whoever waits for the bot's answer to end is the person that is wanted."""
    if conversation.control is Control.BOT and await pass_on(work, conversation, shown):
        return
    await move(work, conversation, Happening.HANDED_OFF, Cause(by, reason, shown))


async def _take_over(
    work: Work, conversation: Conversation, agent: SignedInAgent, shown: ShownText
) -> None:
    me = await work.session.get_one(Agent, agent.agent_id)
    cause = Cause(agent.actor, "takeover", shown, agent=agent, to=me)
    await move(work, conversation, Happening.TAKEN_OVER, cause)
