"""What the bot reads before it answers, and of what was answered before."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.answers.context import MAX_PASTS, Past, restored
from app.conversations.answering import Turn, read_turns
from app.knowledge.evidence import Verdict
from app.models import CannedReply, Conversation, Generation, JsonObject, Message, Workspace
from app.vocabulary import (
    EndReason,
    GenerationState,
    MessageKind,
    MessageState,
    Role,
    Visibility,
)
from app.workspace.answer_policy import DEFAULT_POLICY, AnswerPolicy


@dataclass(frozen=True)
class Dialogue:
    """A conversation, its company, and what came of the bot's last answer."""

    workspace_id: UUID
    company: str
    turns: tuple[Turn, ...]
    answered_seq: int
    """Of the last turn that somebody has had; what a newer message cut off is to be answered."""
    bot_turns: int
    last_verdict: Verdict | None
    pasts: tuple[Past, ...] = ()
    """The answers that the engine has computed, oldest first."""
    policy: AnswerPolicy = DEFAULT_POLICY
    locale: str = "en"
    last_options: tuple[str, ...] = ()
    """Slugs of the articles that the bot's last answer asked about."""


async def read_dialogue(session: AsyncSession, conversation_id: UUID) -> Dialogue:
    """The conversation as it stands in this session's moment."""
    conversation = await session.get_one(Conversation, conversation_id)
    workspace = await session.get_one(Workspace, conversation.workspace_id)
    noted = await _last_retrieval(session, conversation)
    return Dialogue(
        workspace_id=workspace.id,
        company=workspace.name,
        turns=tuple(await read_turns(session, conversation_id)),
        answered_seq=await _answered_seq(session, conversation_id),
        bot_turns=conversation.bot_turns,
        last_verdict=Verdict(noted["verdict"]) if noted.get("verdict") else None,
        last_options=tuple(noted.get("options", ())),
        pasts=await _read_pasts(session, conversation),
        policy=AnswerPolicy.of(workspace),
        locale=conversation.locale,
    )


async def read_workspace_ids(session: AsyncSession) -> list[UUID]:
    """Every company's."""
    return list(await session.scalars(select(Workspace.id).order_by(Workspace.id)))


async def read_canned_replies(session: AsyncSession, workspace_id: UUID) -> list[CannedReply]:
    """What agents insert by a shortcut."""
    query = select(CannedReply).where(CannedReply.workspace_id == workspace_id)
    return list(await session.scalars(query.order_by(CannedReply.id)))


async def read_past_answers(
    session: AsyncSession, workspace_id: UUID, limit: int
) -> list[tuple[UUID, str]]:
    """Ids and texts of the last whole answers that customers got, the oldest first."""
    newest = _answers().where(Message.workspace_id == workspace_id)
    found = await session.execute(newest.order_by(Message.id.desc()).limit(limit))
    return [(message_id, said) for message_id, said in reversed(found.all())]


async def read_past_answer(session: AsyncSession, message_id: UUID) -> str | None:
    """The text of one of them; None for any other message."""
    found = (await session.execute(_answers().where(Message.id == message_id))).one_or_none()
    return None if found is None else found[1]


def _answers() -> Select[UUID, str]:
    return select(Message.id, Message.text).where(
        Message.role.in_([Role.BOT, Role.AGENT]),
        Message.kind == MessageKind.TEXT,
        Message.visibility == Visibility.PUBLIC,
        Message.state == MessageState.COMPLETE,
        Message.text != "",  # erased
    )


async def _answered_seq(session: AsyncSession, conversation_id: UUID) -> int:
    query = (
        select(func.max(Message.seq))
        .outerjoin(Generation, Generation.id == Message.generation_id)
        .where(
            Message.conversation_id == conversation_id,
            Message.kind == MessageKind.TEXT,
            Message.role.in_([Role.BOT, Role.AGENT]),
            or_(Message.generation_id.is_(None), Generation.end_reason != EndReason.SUPERSEDED),
        )
    )
    return (await session.execute(query)).scalar_one() or 0


async def _last_retrieval(session: AsyncSession, conversation: Conversation) -> JsonObject:
    """What was noted of the bot's last answer; empty where somebody else has spoken since."""
    query = (
        select(Generation.retrieval)
        .join(Message, Message.generation_id == Generation.id)
        .where(
            Generation.conversation_id == conversation.id,
            Generation.state == GenerationState.DONE,
            Generation.epoch == conversation.control_epoch,
            Message.seq > conversation.context_seq,
        )
        .order_by(Message.seq.desc())
        .limit(1)
    )
    return (await session.execute(query)).scalar_one_or_none() or {}


async def _read_pasts(session: AsyncSession, conversation: Conversation) -> tuple[Past, ...]:
    query = (
        select(Generation.context, Message.seq, Generation.token_ids, Generation.num_prompt_tokens)
        .join(Message, Message.generation_id == Generation.id)
        .where(
            Generation.conversation_id == conversation.id,
            Generation.state == GenerationState.DONE,
            Message.state == MessageState.COMPLETE,
            Message.seq > conversation.context_seq,
        )
        .order_by(Message.seq.desc())
        .limit(MAX_PASTS)
    )
    rows = (await session.execute(query)).all()
    found = (
        restored(context, seq, token_ids or (), num_prompt_tokens or 0)
        for context, seq, token_ids, num_prompt_tokens in reversed(rows)
    )
    return tuple(past for past in found if past is not None)
