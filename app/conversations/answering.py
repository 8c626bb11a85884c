"""The bot's writes; each is a compare-and-set on the conversation's control epoch.

For the part that writes answers (`app/answers`). One unit of work per call, none while streaming:

    async with database.work() as work:
        answer = await begin_answer(work, posted.conversation_id, epoch=posted.epoch)
    live = hub.answers.open(answer)              # answer.started went out with the commit
    live.phase(Phase.SEARCHING)                  # answer.status
    live.append("Hello")                         # answer.delta, coalesced; a no-op once it ended
    live.ended                                   # asyncio.Event: somebody else ended it; stop
    live.text                                    # everything appended so far
    live.flush()                                 # before complete: deltas then add up to the text
    async with database.work() as work:
        await complete_answer(work, answer, FinishedAnswer(text=live.text, citations=[...]))

Who ends an answer from outside (stop, takeover, hand-off, a new message of the customer, resolve)
does all of it in its own transaction, including the kept text; the writer hears `AnswerEnded`, or
sees `live.ended`, and stops without writing. Every write that comes later raises `StaleAnswer`.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app import access
from app.conversations.control import end_answer
from app.conversations.ledger import append_created, append_message_change
from app.conversations.moves import Cause, move, pass_on
from app.conversations.schemas import Citation
from app.conversations.states import Happening
from app.database import Work
from app.errors import AnswerLive, StaleAnswer
from app.events import AnswerEnded, BegunAnswer
from app.ids import new_id
from app.models import Conversation, Generation, JsonObject, Message
from app.speakers import BOT
from app.vocabulary import (
    Chip,
    Control,
    EndReason,
    EventType,
    GenerationState,
    MessageKind,
    MessageState,
    Outcome,
    Role,
    Side,
    Status,
    Visibility,
)
from app.workers import is_there


@dataclass(frozen=True)
class FinishedAnswer:
    """What is stored of a whole answer; the fields after `chips` are for our own records."""

    text: str
    citations: list[Citation] = field(default_factory=list)
    chips: list[Chip] = field(default_factory=list)
    model: str | None = None
    kb_version: int | None = None
    retrieval: JsonObject | None = None
    token_ids: list[int] | None = None
    drafted: list[tuple[int, str | None]] | None = None
    context: JsonObject | None = None
    num_prompt_tokens: int | None = None
    num_cached_tokens: int | None = None
    ttft_ms: int | None = None
    total_ms: int | None = None


@dataclass(frozen=True)
class Turn:
    """One message as the prompt needs it."""

    role: Role
    text: str
    seq: int
    state: MessageState


@dataclass(frozen=True)
class Unanswered:
    """A conversation in which the customer waits for the bot."""

    workspace_id: UUID
    conversation_id: UUID
    epoch: int


async def begin_answer(work: Work, conversation_id: UUID, *, epoch: int) -> BegunAnswer:
    """Create the generation and its empty, streaming message.

    Raises:
        StaleAnswer: the word has passed to somebody else since `epoch`, or it has ended.
        AnswerLive: an answer is being written already.
    """
    conversation = await access.lock_any_conversation(work, conversation_id)
    is_current = conversation.control is Control.BOT and conversation.control_epoch == epoch
    if not is_current or conversation.status is not Status.OPEN:
        raise StaleAnswer
    generation = Generation(
        id=new_id(),
        created_at=work.clock(),
        workspace_id=conversation.workspace_id,
        conversation_id=conversation_id,
        epoch=epoch,
        state=GenerationState.STREAMING,
        worker_id=work.worker_id,
    )
    work.session.add(generation)
    try:
        await work.session.flush()
    except IntegrityError as error:
        raise AnswerLive from error
    message = Message(
        id=new_id(),
        workspace_id=conversation.workspace_id,
        conversation_id=conversation_id,
        role=Role.BOT,
        kind=MessageKind.TEXT,
        state=MessageState.STREAMING,
        text="",
        generation_id=generation.id,
    )
    await append_created(work, conversation, BOT, message)
    begun = BegunAnswer(
        conversation.workspace_id,
        conversation_id,
        generation_id=generation.id,
        message_id=message.id,
        epoch=epoch,
    )
    work.outbox.add(begun)
    return begun


async def complete_answer(work: Work, answer: BegunAnswer, finished: FinishedAnswer) -> None:
    """Store the whole answer; now it is the customer's turn.

    Raises:
        StaleAnswer: it was ended by somebody else; nothing is stored.
    """
    conversation, generation, message = await _open_live(work, answer)
    generation.state = GenerationState.DONE
    generation.end_reason = EndReason.DONE
    generation.finished_at = work.clock()
    generation.model = finished.model
    generation.kb_version = finished.kb_version
    generation.retrieval = finished.retrieval
    generation.token_ids = finished.token_ids
    generation.drafted = finished.drafted
    generation.context = finished.context
    generation.num_prompt_tokens = finished.num_prompt_tokens
    generation.num_cached_tokens = finished.num_cached_tokens
    generation.ttft_ms = finished.ttft_ms
    generation.total_ms = finished.total_ms
    message.state = MessageState.COMPLETE
    message.text = finished.text
    message.citations = [citation.model_dump(mode="json") for citation in finished.citations]
    message.chips = [chip.value for chip in finished.chips]
    conversation.bot_turns += 1
    conversation.last_message_at = work.clock()
    await append_message_change(work, conversation, BOT, EventType.MESSAGE_COMPLETED, message)
    work.outbox.add(
        AnswerEnded(
            conversation.workspace_id,
            conversation.id,
            generation_id=generation.id,
            message_id=message.id,
            outcome=Outcome.COMPLETED,
            reason=EndReason.DONE,
        )
    )
    await move(work, conversation, Happening.ANSWERED, Cause(BOT))
    await pass_on(work, conversation)


async def note_language(work: Work, conversation_id: UUID, language: str) -> None:
    """The customer writes in another language than their widget said: our lines follow them."""
    conversation = await access.lock_any_conversation(work, conversation_id)
    if conversation.locale.replace("_", "-").split("-")[0].casefold() != language:
        conversation.locale = language


async def interrupt_answer(
    work: Work, answer: BegunAnswer, *, partial: str, reason: EndReason
) -> None:
    """End it early, keeping the whole sentences of `partial`, nothing if that is under 40 chars.

    Raises:
        StaleAnswer: it had ended already.
    """
    conversation, generation, message = await _open_live(work, answer)
    await end_answer(
        work, conversation, generation, message, by=BOT, reason=reason, partial=partial
    )
    await pass_on(work, conversation)


async def fail_answer(work: Work, answer: BegunAnswer, *, partial: str = "") -> None:
    """It cannot be finished. The caller hands the conversation to a human in the same work.

    Raises:
        StaleAnswer: it had ended already.
    """
    await interrupt_answer(work, answer, partial=partial, reason=EndReason.ERROR)


async def read_turns(session: AsyncSession, conversation_id: UUID, limit: int = 400) -> list[Turn]:
    """What the bot may read: public text since the last fresh start, oldest first, newest `limit`.

    Nothing that is unfinished or was taken back is in it.
    """
    start = select(Conversation.context_seq).where(Conversation.id == conversation_id)
    newest = (
        select(Message)
        .where(
            Message.conversation_id == conversation_id,
            Message.seq > start.scalar_subquery(),
            Message.visibility == Visibility.PUBLIC,
            Message.kind == MessageKind.TEXT,
            Message.state.in_([MessageState.COMPLETE, MessageState.INTERRUPTED]),
            Message.text != "",  # files alone, which only people can open
        )
        .order_by(Message.seq.desc())
        .limit(limit)
    )
    messages = (await session.scalars(newest)).all()
    return [Turn(said.role, said.text, said.seq, said.state) for said in reversed(messages)]


async def retire_orphans(work: Work, *, at_start: bool) -> int:
    """Take back what processes that are gone left half-written; returns how many.

    At its start what bears this process's own id was left by the one before it.
    """
    writer = Generation.worker_id
    is_lost = or_(writer.is_(None), ~is_there(writer, work.clock()))
    is_left = or_(is_lost, writer == work.worker_id)
    if not at_start:
        is_left = and_(is_lost, writer.is_distinct_from(work.worker_id))
    orphans = (
        select(Generation.id, Generation.conversation_id)
        .where(Generation.state == GenerationState.STREAMING, is_left)
        .order_by(Generation.conversation_id)
    )
    num_retired = 0
    for generation_id, conversation_id in (await work.session.execute(orphans)).all():
        # The conversation first, as everybody: somebody else may have ended it until it was had.
        conversation = await access.lock_any_conversation(work, conversation_id)
        generation = await work.session.get_one(Generation, generation_id, populate_existing=True)
        if generation.state is not GenerationState.STREAMING:
            continue
        num_retired += 1
        message = await _message_of(work, generation.id)
        await end_answer(
            work,
            conversation,
            generation,
            message,
            by=BOT,
            reason=EndReason.SUPERSEDED,
            partial="",
        )
        await pass_on(work, conversation)
    return num_retired


async def find_unanswered(session: AsyncSession, since: datetime) -> list[Unanswered]:
    """Open conversations under the bot's control in which the customer waits since then or longer.

    Not those that somebody is writing an answer in.
    """
    is_live = select(Generation.id).where(
        Generation.conversation_id == Conversation.id,
        Generation.state == GenerationState.STREAMING,
    )
    waiting = select(Conversation).where(
        Conversation.status == Status.OPEN,
        Conversation.control == Control.BOT,
        Conversation.waiting_on == Side.US,
        Conversation.last_message_at <= since,
        ~is_live.exists(),
    )
    rows = (await session.scalars(waiting.order_by(Conversation.last_message_at))).all()
    return [Unanswered(row.workspace_id, row.id, row.control_epoch) for row in rows]


async def is_answer_live(session: AsyncSession, conversation_id: UUID) -> bool:
    """Whether the bot is writing in this conversation."""
    live = select(Generation.id).where(
        Generation.conversation_id == conversation_id,
        Generation.state == GenerationState.STREAMING,
    )
    return (await session.scalars(live)).first() is not None


async def _open_live(work: Work, answer: BegunAnswer) -> tuple[Conversation, Generation, Message]:
    conversation = await access.lock_any_conversation(work, answer.conversation_id)
    generation = await work.session.get_one(Generation, answer.generation_id)
    is_current = conversation.control_epoch == answer.epoch
    if generation.state is not GenerationState.STREAMING or not is_current:
        raise StaleAnswer
    return conversation, generation, await _message_of(work, generation.id)


async def _message_of(work: Work, generation_id: UUID) -> Message:
    query = select(Message).where(Message.generation_id == generation_id)
    return (await work.session.scalars(query)).one()
