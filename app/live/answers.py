"""The text of running answers: in memory only, given out in few frames, refused once stale.

Offsets count Unicode code points. What has been given out is exactly `text[:shown_len]`, so a
reader who joins gets that as a snapshot and every later delta fits behind it.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from uuid import UUID

from app.events import AnswerEnded, BegunAnswer, ControlChanged
from app.live import frames
from app.live.notes import TextGrown
from app.vocabulary import Phase

_NUM_REMEMBERED = 1_000
Publish = Callable[[UUID, str], None]
"""Send an ephemeral frame to everybody who watches the conversation."""


class LiveAnswer:
    """One answer while it is written. `ended` is set by whatever ends it, from wherever."""

    def __init__(
        self,
        answer: BegunAnswer,
        publish: Publish,
        delta_interval_s: float,
        grown: Callable[["LiveAnswer"], None] | None = None,
    ) -> None:
        """`grown` hears of every flush; without it, another process writes this answer."""
        self.answer = answer
        self.is_mirror = grown is None
        self._grown = grown or _nobody_cares
        self.begun_at_s = time.monotonic()
        self.first_shown_at_s: float | None = None
        self.text = ""
        self.shown_len = 0
        self.ended = asyncio.Event()
        self._publish = publish
        self._interval_s = delta_interval_s
        self._last_flush_s = float("-inf")
        self._next_flush: asyncio.TimerHandle | None = None

    def phase(self, phase: Phase) -> None:
        """Tell what is being done while no text comes."""
        if not self.ended.is_set():
            self._send("answer.status", {"phase": phase.value})

    def append(self, text: str) -> None:
        """Give out more text, at once or with the next few; dropped when the answer has ended."""
        if self.ended.is_set() or not text:
            return
        self.text += text
        if self._next_flush is not None:
            return
        loop = asyncio.get_running_loop()
        wait_s = self._last_flush_s + self._interval_s - loop.time()
        if wait_s <= 0:
            self.flush()
        else:
            self._next_flush = loop.call_later(wait_s, self.flush)

    def flush(self) -> None:
        """Give out what has been held back, so that the deltas add up to `text`."""
        self._forget_timer()
        if self.ended.is_set() or self.shown_len == len(self.text):
            return
        if self.first_shown_at_s is None:
            self.first_shown_at_s = time.monotonic()
        start, self.shown_len = self.shown_len, len(self.text)
        self._last_flush_s = asyncio.get_running_loop().time()
        message_id = str(self.answer.message_id)
        self._send("answer.delta", {"message_id": message_id, "o": start, "x": self.text[start:]})
        self._grown(self)

    def announce(self) -> None:
        """Tell the readers that it begins."""
        self._send("answer.started", {"message_id": str(self.answer.message_id)})

    def snapshot(self) -> str:
        """The frame that shows a newcomer what the others have seen."""
        return self._frame(
            "answer.snapshot", {"message_id": str(self.answer.message_id), "x": self.shown}
        )

    @property
    def shown(self) -> str:
        """What readers have seen."""
        return self.text[: self.shown_len]

    def end(self) -> None:
        """Nothing more is given out."""
        self.ended.set()
        self._forget_timer()

    def _forget_timer(self) -> None:
        if self._next_flush is not None:
            self._next_flush.cancel()
            self._next_flush = None

    def _send(self, kind: str, data: dict[str, object]) -> None:
        self._publish(self.answer.conversation_id, self._frame(kind, data))

    def _frame(self, kind: str, data: dict[str, object]) -> str:
        named = {"gen": str(self.answer.generation_id)} | data
        return frames.ephemeral(kind, named, self.answer.conversation_id)


class LiveAnswers:
    """The running answers, one a conversation at most; those of other processes as mirrors."""

    def __init__(self, publish: Publish, delta_interval_s: float) -> None:
        self._publish = publish
        self._delta_interval_s = delta_interval_s
        self._by_conversation: dict[UUID, LiveAnswer] = {}
        self._over: deque[UUID] = deque(maxlen=_NUM_REMEMBERED)
        """Generations that have ended: from another process the end may come before the begin."""
        self.on_grown: Callable[[LiveAnswer], None] = _nobody_cares
        """Hears of every piece of text that answers of this process give out."""

    def open(self, answer: BegunAnswer) -> LiveAnswer:
        """Where the text of a begun answer goes; born ended if somebody has ended it already."""
        live = self.find(answer.conversation_id)
        if live is not None and live.answer == answer:
            return live
        gone = LiveAnswer(answer, self._publish, self._delta_interval_s)
        gone.end()
        return gone

    def find(self, conversation_id: UUID) -> LiveAnswer | None:
        """The answer being written in this conversation."""
        return self._by_conversation.get(conversation_id)

    def shown_text(self, conversation_id: UUID) -> str:
        """What readers have seen of the running answer; empty when none runs."""
        live = self.find(conversation_id)
        return live.shown if live else ""

    def on_begun(self, answer: BegunAnswer) -> None:
        """A generation was stored: from now on its text can be given out."""
        if answer.generation_id in self._over:
            return
        live = LiveAnswer(answer, self._publish, self._delta_interval_s, self._on_grown)
        self._by_conversation[answer.conversation_id] = live
        live.announce()

    def mirror(self, answer: BegunAnswer) -> None:
        """Another process has begun an answer; its text comes by `grow`."""
        known = self.find(answer.conversation_id)
        is_over = answer.generation_id in self._over
        if not is_over and (known is None or known.answer != answer):
            live = LiveAnswer(answer, self._publish, self._delta_interval_s)
            self._by_conversation[answer.conversation_id] = live
            live.announce()

    def grow(self, grown: TextGrown) -> None:
        """More text of a mirror; what it has already is passed over."""
        live = self.find(grown.conversation_id)
        if live is None or not live.is_mirror or live.answer.generation_id != grown.generation_id:
            return
        if grown.offset <= len(live.text):
            live.append(grown.text[len(live.text) - grown.offset :])

    def own(self) -> list[LiveAnswer]:
        """Those that this process writes."""
        return [live for live in self._by_conversation.values() if not live.is_mirror]

    def on_control_changed(self, event: ControlChanged) -> None:
        """The word has passed on: not one more character of an older epoch."""
        live = self.find(event.conversation_id)
        if live is not None and live.answer.epoch < event.epoch:
            live.end()

    def drop(self, live: LiveAnswer) -> None:
        """Its writer may not store it: it has ended, wherever the word of that was lost."""
        live.end()
        if self.find(live.answer.conversation_id) is live:
            del self._by_conversation[live.answer.conversation_id]

    def drop_mirrors(self) -> None:
        """Word from other processes was lost: those that still write are asked to say so again."""
        for live in [*self._by_conversation.values()]:
            if live.is_mirror:
                self.drop(live)

    def on_ended(self, event: AnswerEnded) -> None:
        """Tell the readers, after the stored event that holds what is left of the text."""
        self._over.append(event.generation_id)
        live = self.find(event.conversation_id)
        if live is not None and live.answer.generation_id == event.generation_id:
            self.drop(live)
        data = {
            "gen": str(event.generation_id),
            "message_id": str(event.message_id),
            "outcome": event.outcome.value,
            "reason": event.reason.value,
        }
        frame = frames.ephemeral("answer.ended", data, event.conversation_id)
        self._publish(event.conversation_id, frame)

    def _on_grown(self, live: LiveAnswer) -> None:
        self.on_grown(live)


def _nobody_cares(_: LiveAnswer) -> None:
    """Where there is no other process."""
