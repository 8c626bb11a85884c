"""What a client remembers of a request, so that an engine's death does not end it."""

import asyncio
import time
from collections.abc import Collection, Sequence

import msgspec

from inference.errors import EngineError, InvalidRequest
from inference.process.chunks import merge
from inference.process.frames import Crash, Question, Submit, pack_question
from inference.request import ChatMessage, Prompt, SamplingParams, TokenChunk

STRIKES = 2
STRIKES_KILLED = 4
"""An engine killed from outside may have been the victim of a request (no memory left), or of
anything else; one more strike and the restart budget would be spent."""

_LEAST_DEADLINE_S = 0.001


class Entry:
    """One request: its question, the tokens that came, and the chunks its consumer has yet to take.

    A strike is an engine's death with this request inside. A token wipes out the strikes before it:
    a request that kills does so at one place and does not get beyond.
    """

    def __init__(
        self,
        wire_id: str,
        name: str,
        prompt: Prompt,
        params: SamplingParams,
        salt: bytes,
        resume_token_ids: Sequence[int],
    ) -> None:
        self.wire_id = wire_id
        self.name = name
        self.strikes = 0
        self.incarnation: str | None = None
        self._params = params
        self._question = _question(name, prompt, params, salt)
        self._token_ids = [int(one) for one in resume_token_ids]
        self._was_sent = False
        self._deadline = time.monotonic() + params.deadline_s if params.deadline_s else None
        self._pending: list[TokenChunk] = []
        self._error: EngineError | None = None
        self._has_news = asyncio.Event()

    def submission(self) -> Submit:
        """The frame that starts the request, or goes on behind the last token that came."""
        params = self._params
        if self._deadline is not None:
            left_s = max(self._deadline - time.monotonic(), _LEAST_DEADLINE_S)
            params = msgspec.structs.replace(params, deadline_s=left_s)
        question = msgspec.structs.replace(
            self._question, params=params, resume_token_ids=tuple(self._token_ids)
        )
        return Submit(self.wire_id, pack_question(question), self.strikes, self._was_sent)

    def sent_to(self, incarnation: str) -> None:
        """It is with this engine process now."""
        self.incarnation = incarnation
        self._was_sent = True

    def take_in(self, chunk: TokenChunk) -> None:
        """Write a chunk down and hand it to the consumer."""
        if chunk.token_ids:
            self.strikes = 0
            self._token_ids += chunk.token_ids
        self._pending.append(msgspec.structs.replace(chunk, request_id=self.name))
        self._has_news.set()

    def fail(self, error: EngineError) -> None:
        """The consumer gets what has come, then this error."""
        self._error = error
        self._has_news.set()

    async def next_chunk(self) -> TokenChunk:
        """What has come since the last call, as one chunk per segment; waits for news.

        Raises:
            EngineError: the request has failed.
        """
        while not self._pending:
            if self._error is not None:
                raise self._error
            self._has_news.clear()
            await self._has_news.wait()
        first, *self._pending = merge(self._pending)
        return first

    def is_guilty_of(self, crash: Crash, client_id: str) -> bool:
        """Count a strike if it was inside; whether it is the one that killed the engine."""
        if self.incarnation != crash.incarnation:
            return False
        inside = {(one.client_id, one.request_id): one.strikes for one in crash.requests}
        if inside.pop((client_id, self.wire_id), None) is None:
            return False
        return self.strike(inside.values(), STRIKES_KILLED if crash.is_from_outside else STRIKES)

    def strike(self, company: Collection[int], proof: int = STRIKES) -> bool:
        """Count a strike; whether that proves its guilt.

        Alone, `proof` strikes do. In company it takes one more, and everyone else must have had
        fewer before this one.
        """
        is_worst = all(strikes < self.strikes for strikes in company)
        self.strikes += 1
        return self.strikes >= proof + bool(company) and is_worst


def _question(name: str, prompt: Prompt, params: SamplingParams, salt: bytes) -> Question:
    if isinstance(prompt, str):
        return Question(name=name, text=prompt, params=params, salt=salt)
    messages = tuple(one for one in prompt if isinstance(one, ChatMessage))
    if messages and len(messages) == len(prompt):
        return Question(name=name, messages=messages, params=params, salt=salt)
    if messages or any(isinstance(one, bool | str) for one in prompt):
        raise InvalidRequest("prompt: a text, token ids, or messages, and not a mixture")
    try:
        token_ids = tuple(int(one) for one in prompt if not isinstance(one, ChatMessage))
    except (TypeError, ValueError):
        raise InvalidRequest("prompt: a text, token ids, or messages, and nothing else") from None
    return Question(name=name, token_ids=token_ids, params=params, salt=salt)
