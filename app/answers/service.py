"""The bot's turn: ground, generate, stream, store, or hand over. Never silence.

One task a conversation, owned here. Whoever ends an answer from outside (a new message, a takeover,
stop) has ended it in the database before this part hears of it; then nothing more is written. A
customer's messages that come while the bot writes are answered together with what it was writing
about, always. A process that dies leaves the message unanswered; the next one takes it up, and the
same seed gives the same text.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.answers.asking import asks_something
from app.answers.context import SHIPPED_WINDOW, Window, to_store
from app.answers.generator import read_window, seed_of
from app.answers.planning import Plan, make_plan, needs_no_words
from app.answers.policy import MAX_BOT_TURNS
from app.answers.repository import Dialogue, read_dialogue
from app.answers.thread import Thread, masked_turns
from app.answers.wishes import wishes_of
from app.answers.writing import Written, write
from app.conversations.answering import (
    FinishedAnswer,
    Unanswered,
    begin_answer,
    complete_answer,
    fail_answer,
    find_unanswered,
    note_language,
    retire_orphans,
)
from app.database import Database
from app.errors import Conflict, ConversationClosed, StaleAnswer, Unavailable
from app.events import AnswerWanted, BegunAnswer, Dispatcher, MessagePosted
from app.handoff.service import hand_over
from app.knowledge.library import Library, Shelf
from app.knowledge.service import record_gap
from app.live.answers import LiveAnswer, LiveAnswers
from app.models import JsonObject
from app.vocabulary import Control, HandoffReason, Phase, Role
from app.workers import GONE_AFTER, has_others
from inference import EngineClient, ExactIds

log = logging.getLogger(__name__)

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 30.0


@dataclass(frozen=True)
class Draft:
    """A whole answer that is not stored yet."""

    plan: Plan
    written: Written
    window: Window
    kb_version: int
    language: str
    ttft_ms: int | None
    total_ms: int


class Answers:
    """Answers customers' messages as long as `run()` runs."""

    def __init__(
        self,
        database: Database,
        live: LiveAnswers,
        engine: EngineClient,
        library: Library,
        *,
        salt_of: Callable[[UUID], bytes],
        timeout_s: float,
        merge_after_s: float,
    ) -> None:
        self._database = database
        self._live = live
        self._engine = engine
        self._library = library
        self._salt_of = salt_of
        self._timeout_s = timeout_s
        self._merge_after_s = merge_after_s
        self._tasks: asyncio.TaskGroup | None = None
        self._wanted: dict[UUID, int] = {}
        """Conversations with something to answer, and the epoch to answer in."""
        self._wanted_at_s: dict[UUID, float] = {}
        self._served: set[UUID] = set()

    def listen(self, dispatcher: Dispatcher) -> None:
        """Hear what customers write."""
        dispatcher.on(MessagePosted, self._on_posted)
        dispatcher.on(AnswerWanted, self._on_wanted)

    async def run(self) -> None:
        """Take up what was left unanswered, then answer until cancelled."""
        unanswered = await self._find_left(at_start=True)
        async with asyncio.TaskGroup() as self._tasks:
            for conversation_id in [*self._wanted]:
                self._start(conversation_id)
            try:
                await self._take_up_forever(unanswered)
            finally:
                self._tasks = None  # whoever writes now is answered by the next process

    async def _take_up_forever(self, unanswered: list[Unanswered]) -> None:
        """What was left, then what other processes leave when they die."""
        while True:
            for waiting in unanswered:
                self._want(waiting.conversation_id, waiting.epoch)
            await asyncio.sleep(GONE_AFTER.total_seconds())
            unanswered = []
            if not self._database.is_sqlite:
                try:
                    unanswered = await self._find_left(at_start=False)
                except Unavailable:
                    log.warning("it is not known what others have left unanswered")

    async def _find_left(self, *, at_start: bool) -> list[Unanswered]:
        """What nobody answers, once the answers of processes that are gone have ended."""
        async with self._database.work() as work:
            num_orphans = await retire_orphans(work, at_start=at_start)
            now = work.clock()
        async with self._database.snapshot() as session:
            # What was said a moment ago another one may be about to answer.
            is_alone = not await has_others(session, self._database.worker_id, now)
            unanswered = await find_unanswered(session, now if is_alone else now - GONE_AFTER)
        if at_start or num_orphans or unanswered:
            log.info("answering", extra={"orphans": num_orphans, "unanswered": len(unanswered)})
        return unanswered

    def _on_posted(self, posted: MessagePosted) -> None:
        if posted.role is Role.CUSTOMER and posted.control is Control.BOT:
            self._want(posted.conversation_id, posted.epoch)

    def _on_wanted(self, wanted: AnswerWanted) -> None:
        self._want(wanted.conversation_id, wanted.epoch)

    def _want(self, conversation_id: UUID, epoch: int) -> None:
        self._wanted[conversation_id] = epoch
        self._wanted_at_s[conversation_id] = time.monotonic()
        self._start(conversation_id)

    def _start(self, conversation_id: UUID) -> None:
        if self._tasks is not None and conversation_id not in self._served:
            self._served.add(conversation_id)
            self._tasks.create_task(self._serve(conversation_id))

    async def _serve(self, conversation_id: UUID) -> None:
        """Answer this conversation until nothing is wanted; the edge of the task."""
        try:
            epoch = self._wanted.pop(conversation_id, None)
            while epoch is not None:
                await self._take_turn(conversation_id, epoch)
                epoch = await self._next_wish(conversation_id)
        except Exception:
            log.exception("answer failed", extra={"conversation": str(conversation_id)})
            await self._give_up(conversation_id)
        finally:
            self._served.discard(conversation_id)
            if conversation_id not in self._wanted:
                self._wanted_at_s.pop(conversation_id, None)

    async def _next_wish(self, conversation_id: UUID) -> int | None:
        """Who writes while the bot does often writes on: what comes within a moment is merged."""
        while conversation_id in self._wanted:
            quiet_at_s = self._wanted_at_s[conversation_id] + self._merge_after_s
            left_s = quiet_at_s - time.monotonic()
            if left_s <= 0:
                break
            await asyncio.sleep(left_s)
        return self._wanted.pop(conversation_id, None)

    async def _take_turn(self, conversation_id: UUID, epoch: int) -> None:
        try:
            if await self._hands_over_at_once(conversation_id):
                return
            async with self._database.work() as work:
                answer = await begin_answer(work, conversation_id, epoch=epoch)
            await self._answer(answer, self._live.open(answer))
        except (Conflict, ConversationClosed):
            log.info("answer was overtaken", extra={"conversation": str(conversation_id)})

    async def _answer(self, answer: BegunAnswer, live: LiveAnswer) -> None:
        try:
            await self._write_and_store(answer, live)
        except StaleAnswer:
            self._live.drop(live)  # if another process has ended it, its note may be lost
            raise

    async def _write_and_store(self, answer: BegunAnswer, live: LiveAnswer) -> None:
        try:
            draft = await _until_ended(live, self._write(answer, live))
            if draft is not None:
                await self._complete(answer, live, draft)
        except (Unavailable, TimeoutError) as error:
            log.warning("no answer", extra={"reason": str(error) or "timeout"})
            await self._fail(answer, live)

    async def _hands_over_at_once(self, conversation_id: UUID) -> bool:
        """Whoever asks for a person gets one without a word of the bot in between."""
        async with self._database.snapshot() as session:
            dialogue = await read_dialogue(session, conversation_id)
        thread = await asyncio.to_thread(read_thread, dialogue, (), conversation_id, SHIPPED_WINDOW)
        if not thread.pending:
            return True
        wishes = await asyncio.to_thread(wishes_of, await self._library.meaning())
        reason = await asyncio.to_thread(needs_no_words, thread, wishes)
        if reason is None and dialogue.bot_turns >= MAX_BOT_TURNS:
            reason = HandoffReason.MAX_TURNS
        if reason is None:
            return False
        language = await asyncio.to_thread(lambda: thread.language)
        async with self._database.work() as work:
            await note_language(work, conversation_id, language)
            await hand_over(work, conversation_id, reason=reason)
        return True

    async def _write(self, answer: BegunAnswer, live: LiveAnswer) -> Draft:
        started = time.monotonic()
        live.phase(Phase.SEARCHING)
        async with asyncio.timeout(self._timeout_s):
            shelf = await self._library.shelf(answer.workspace_id)
            live.phase(Phase.READING)
            thread = await self._read(answer, shelf)
        plan = await asyncio.to_thread(make_plan, shelf.index, thread)
        language = await asyncio.to_thread(lambda: thread.language)
        live.phase(Phase.WRITING)
        first_shown: list[float] = []

        def show(piece: str) -> None:
            first_shown.append(time.monotonic())
            live.append(piece)

        salt = self._salt_of(answer.workspace_id)
        written = await write(
            self._engine, plan, seed=thread.seed, salt=salt, show=show, within_s=self._timeout_s
        )
        return Draft(
            plan,
            written,
            thread.window,
            shelf.kb_version,
            language,
            ttft_ms=_since_ms(started, first_shown[0]) if first_shown else None,
            total_ms=_since_ms(started, time.monotonic()),
        )

    async def _read(self, answer: BegunAnswer, shelf: Shelf) -> Thread:
        """The conversation after the answer has begun: whoever writes later supersedes it."""
        async with self._database.snapshot() as session:
            dialogue = await read_dialogue(session, answer.conversation_id)
        window = await read_window(self._engine)
        topics, conversation_id = shelf.index.topics, answer.conversation_id
        return await asyncio.to_thread(read_thread, dialogue, topics, conversation_id, window)

    async def _complete(self, answer: BegunAnswer, live: LiveAnswer, draft: Draft) -> None:
        plan, written = draft.plan, draft.written
        live.flush()
        info = await self._engine.info() if plan.prompt else None
        async with self._database.work() as work:
            await complete_answer(
                work,
                answer,
                FinishedAnswer(
                    text=written.text,
                    citations=list(written.citations),
                    chips=list(plan.chips),
                    model=info.model if info else None,
                    kb_version=draft.kb_version,
                    retrieval=_record(plan, written),
                    token_ids=written.token_ids,
                    drafted=written.drafted,
                    context=_context(draft, info.fingerprint if info else ""),
                    num_prompt_tokens=written.num_prompt_tokens,
                    num_cached_tokens=written.num_cached_tokens,
                    ttft_ms=draft.ttft_ms,
                    total_ms=draft.total_ms,
                ),
            )
            await note_language(work, answer.conversation_id, draft.language)
            for gap in filter(asks_something, plan.gaps):
                await record_gap(work, answer.workspace_id, gap, answer.conversation_id)
            if plan.handoff is not None:
                await hand_over(work, answer.conversation_id, reason=plan.handoff)

    async def _fail(self, answer: BegunAnswer, live: LiveAnswer) -> None:
        """The engine cannot: what was shown stays, and a human takes it from here."""
        async with self._database.work() as work:
            await fail_answer(work, answer, partial=live.shown)
            await hand_over(work, answer.conversation_id, reason=HandoffReason.ERROR)

    async def _give_up(self, conversation_id: UUID) -> None:
        """After an error nobody foresaw; a store that does not answer is waited for.

        If it fails in another way, the next start takes it up.
        """
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                async with self._database.work() as work:
                    await hand_over(
                        work,
                        conversation_id,
                        reason=HandoffReason.ERROR,
                        shown=self._live.shown_text,
                    )
                return
            except Unavailable:
                log.warning("hand-over waits", extra={"conversation": str(conversation_id)})
            except Exception:
                log.exception("hand-over failed", extra={"conversation": str(conversation_id)})
                return
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


async def _until_ended(live: LiveAnswer, writing: Coroutine[Any, Any, Draft]) -> Draft | None:
    """The draft, or None as soon as somebody else has ended the answer."""
    draft = asyncio.create_task(writing)
    ended = asyncio.create_task(live.ended.wait())
    try:
        await asyncio.wait({draft, ended}, return_when=asyncio.FIRST_COMPLETED)
        return None if live.ended.is_set() else await draft
    finally:
        draft.cancel()
        ended.cancel()
        await asyncio.gather(draft, ended, return_exceptions=True)


def read_thread(
    dialogue: Dialogue, topics: tuple[str, ...], conversation_id: UUID, window: Window
) -> Thread:
    """The conversation as a turn is planned from it; masked where the company wants that.

    For a thread: masking a long conversation takes as long as many frames of others.
    """
    last_seq = dialogue.turns[-1].seq if dialogue.turns else 0
    return Thread(
        company=dialogue.company,
        topics=topics,
        turns=masked_turns(dialogue.turns, dialogue.policy.mask_pii),
        answered_seq=dialogue.answered_seq,
        last_verdict=dialogue.last_verdict,
        seed=seed_of(conversation_id, last_seq),
        pasts=dialogue.pasts,
        window=window,
        policy=dialogue.policy,
        options=dialogue.last_options,
        locale=dialogue.locale,
    )


def _context(draft: Draft, fingerprint: str) -> JsonObject | None:
    """What the next prompt begins with; nothing where it is not sure whose ids these are."""
    plan, written = draft.plan, draft.written
    if plan.prompt is None or fingerprint != draft.window.fingerprint:
        return None
    exact = ExactIds(tuple(written.token_ids), written.num_exact_chars, fingerprint)
    return to_store(plan.prompt.pieces, plan.prompt.cut, exact, plan.prompt.head)


def _record(plan: Plan, written: Written) -> JsonObject:
    """For our own records: why it was answered as it was."""
    return {
        "move": plan.route.move.value,
        "topic": plan.route.topic.value if plan.route.topic else None,
        "verdict": plan.verdict.value if plan.verdict else None,
        "coverage": round(plan.coverage, 3) if plan.coverage is not None else None,
        "articles": list(plan.articles),
        "breaches": written.breaches,
        "options": list(plan.options),
        "without_engine": written.is_without_engine,
    }


def _since_ms(start_s: float, end_s: float) -> int:
    return round((end_s - start_s) * 1_000)
