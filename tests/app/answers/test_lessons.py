"""What is published and answered becomes draftable, for its own workspace and for every engine."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import cast

import pytest
from sqlalchemy import select

from app.answers.lessons import Lessons
from app.audit.service import Doer
from app.handoff.service import post_reply
from app.ids import new_id
from app.knowledge.service import ArticleText, publish_article, withdraw_article
from app.models import CannedReply, Conversation
from app.parts import Parts
from app.privacy.service import erase_contact
from app.vocabulary import AgentRole
from inference import Document, EngineClient, EngineInfo, EngineUnavailable
from inference.speculation.corpora import Corpora
from inference.speculation.suffix import SuffixSpeculator
from inference.teaching import Teaching
from inference.tokenizer import Tokenizer
from tests.app.answers.rig import Rig, answering, make_rig
from tests.factories import Shop, message, open_shop
from tests.patience import PATIENCE_S
from tests.tiny_models import save_tiny_llama

VOCAB = 266
RETURNS = ArticleText("returns", "Returns", "Send it back within 45 days.\n\nIt is free.\n")
CHANGED = ArticleText("returns", "Returns", "Send it back within 60 days.\n\nIt is free.\n")


class Pupil:
    """An engine's ears and memory without its model; it can be replaced by one that knows nothing.

    It stands where the client stands: what crosses the socket is tested there.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._news = asyncio.Condition()
        self.speculator = "ngram,suffix"
        self.is_away = False
        self.num_looks = self.num_refused = 0
        self._incarnation = 0
        self.begin()

    def begin(self) -> None:
        self._speculator = SuffixSpeculator(Corpora(10_000))
        self._teaching = Teaching([self._speculator], self._tokenizer, VOCAB)
        self._incarnation += 1

    async def restart(self) -> None:
        async with self._news:
            self.begin()
            self._news.notify_all()

    async def incarnation_after(self, incarnation: str | None) -> str:
        async with self._news:
            await self._news.wait_for(lambda: str(self._incarnation) != incarnation)
            return str(self._incarnation)

    async def info(self) -> EngineInfo:
        async with self._news:
            self.num_looks += 1
            self._news.notify_all()
        return EngineInfo(
            model="m",
            speculator=self.speculator,
            max_model_len=1,
            fingerprint="f",
            device="cpu",
            dtype="float32",
        )

    async def learn(
        self, documents: Sequence[Document], *, salt: bytes, forgotten: Sequence[str] = ()
    ) -> None:
        async with self._news:
            self._news.notify_all()
            if self.is_away:
                self.num_refused += 1
                raise EngineUnavailable("the engine is not connected")
            self._teaching.learn(documents, salt, forgotten)

    def goes_on(self, salt: bytes, text: str) -> str:
        """What would be drafted behind a text, as far as it is sure."""
        match = self._speculator.corpora.find(salt, self._tokenizer.encode(text))
        drafted: list[int] = []
        while match is not None and len(match.continuations()) == 1:
            drafted.append(match.continuations()[0][0])
            match = match.after(drafted[-1])
        return "".join(map(self._tokenizer.token_text, drafted))

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(holds)

    async def until_it_goes_on(self, salt: bytes, text: str, then: str) -> None:
        await self.until(lambda: self.goes_on(salt, text) == then)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return Tokenizer(save_tiny_llama(tmp_path_factory.mktemp("tiny") / "model"), VOCAB)


@pytest.fixture
def pupil(tokenizer: Tokenizer) -> Pupil:
    return Pupil(tokenizer)


@asynccontextmanager
async def teaching(parts: Parts, pupil: Pupil) -> AsyncIterator[None]:
    """Lessons for the block, then cut off as by a shutdown."""
    lessons = Lessons(parts.database, cast(EngineClient, pupil), salt_of=parts.secrets.prefix_salt)
    lessons.listen(parts.dispatcher)
    running = asyncio.create_task(lessons.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def publish(parts: Parts, shop: Shop, text: ArticleText) -> None:
    async with parts.database.work() as work:
        await publish_article(work, shop.workspace_id, text)


async def test_a_published_article_is_drafted_for_its_workspace_only(
    parts: Parts, shop: Shop, pupil: Pupil
) -> None:
    other = await open_shop(parts.database, "pk_other")
    own, others = (parts.secrets.prefix_salt(one.workspace_id) for one in (shop, other))
    article = "Returns: Send it back within 45 days.\nReturns: It is free."

    async with teaching(parts, pupil):
        await publish(parts, shop, RETURNS)
        await pupil.until_it_goes_on(own, article[:12], article[12:])
        await publish(parts, other, ArticleText("other", "Other", "Send it nowhere.\n"))
        await pupil.until_it_goes_on(others, "Other: Send", " it nowhere.")

        assert pupil.goes_on(others, "Send it back within") == ""
        assert pupil.goes_on(own, "Send it nowhe") == ""


async def test_a_changed_article_replaces_the_old_one_and_a_withdrawn_one_is_forgotten(
    parts: Parts, shop: Shop, pupil: Pupil
) -> None:
    salt = parts.secrets.prefix_salt(shop.workspace_id)
    async with teaching(parts, pupil):
        await publish(parts, shop, RETURNS)
        await pupil.until_it_goes_on(salt, "it back within ", "45 days.\nReturns: It is free.")

        await publish(parts, shop, CHANGED)
        await pupil.until_it_goes_on(salt, "it back within ", "60 days.\nReturns: It is free.")
        async with parts.database.work() as work:
            await withdraw_article(work, shop.workspace_id, "returns")
        await pupil.until_it_goes_on(salt, "it back within ", "")


async def test_an_agents_reply_is_drafted_from_at_once(
    parts: Parts, shop: Shop, pupil: Pupil
) -> None:
    rig = make_rig(parts, shop)
    salt = parts.secrets.prefix_salt(shop.workspace_id)
    async with teaching(parts, pupil):
        conversation_id = await rig.say("Is there a discount for schools, please?")
        said = message("Schools get ten percent off.", conversation_id=conversation_id)
        async with parts.database.work() as work:
            await post_reply(work, shop.agent, said, shown=rig.live.shown_text)
        await pupil.until_it_goes_on(salt, "Schools get", " ten percent off.")

        assert pupil.goes_on(salt, "Is there a discount") == "", (
            "what customers write is not taught"
        )


async def test_what_is_erased_is_forgotten_and_not_taught_again(
    parts: Parts, shop: Shop, pupil: Pupil
) -> None:
    rig = make_rig(parts, shop)
    salt = parts.secrets.prefix_salt(shop.workspace_id)
    async with teaching(parts, pupil):
        conversation_id = await rig.say("Is there a discount for schools, please?")
        said = message("Schools get ten percent off.", conversation_id=conversation_id)
        async with parts.database.work() as work:
            await post_reply(work, shop.agent, said, shown=rig.live.shown_text)
        await pupil.until_it_goes_on(salt, "Schools get", " ten percent off.")

        async with parts.database.work() as work:
            contact_id = (await work.session.scalars(select(Conversation.contact_id))).one()
            await erase_contact(work, Doer(shop.agents[AgentRole.OWNER]), contact_id)
        await pupil.until_it_goes_on(salt, "Schools get", "")
        await pupil.restart()
        await publish(parts, shop, RETURNS)
        await pupil.until_it_goes_on(salt, "it back within ", "45 days.\nReturns: It is free.")

        assert pupil.goes_on(salt, "Schools get") == ""


async def test_every_engine_is_taught_all_that_was_written_before(
    parts: Parts, quiet: Rig, shop: Shop, engine: EngineClient, pupil: Pupil
) -> None:
    salt = parts.secrets.prefix_salt(shop.workspace_id)
    async with answering(quiet, engine):
        await quiet.ask("hello")
    async with parts.database.work() as work:
        work.session.add(
            CannedReply(
                id=new_id(),
                created_at=work.clock(),
                workspace_id=shop.workspace_id,
                shortcut="sorry",
                title="Sorry",
                body_md="We are sorry about the mix-up.",
            )
        )
    answer = quiet.shown()
    assert len(answer) > 20

    async with teaching(parts, pupil):
        for _ in range(2):
            await pupil.until_it_goes_on(salt, answer[:20], answer[20:])
            assert pupil.goes_on(salt, "We are sorry ab") == "out the mix-up."
            assert pupil.goes_on(salt, "Standard delivery takes") != ""
            await pupil.restart()


async def test_an_engine_that_drafts_from_no_texts_is_left_alone(
    parts: Parts, shop: Shop, pupil: Pupil
) -> None:
    salt = parts.secrets.prefix_salt(shop.workspace_id)
    pupil.speculator = "ngram"
    async with teaching(parts, pupil):
        await publish(parts, shop, RETURNS)
        await publish(parts, shop, CHANGED)
        await pupil.until(lambda: pupil.num_looks == 3)  # the first lesson is over
        assert pupil.goes_on(salt, "Send it back") == ""


async def test_an_engine_that_is_away_stops_no_lesson(
    parts: Parts, shop: Shop, pupil: Pupil
) -> None:
    salt = parts.secrets.prefix_salt(shop.workspace_id)
    pupil.is_away = True
    async with teaching(parts, pupil):
        await publish(parts, shop, RETURNS)
        await pupil.until(lambda: pupil.num_refused == 2)
        pupil.is_away = False
        await publish(parts, shop, ArticleText("new", "New", "A new one.\n"))
        await pupil.until_it_goes_on(salt, "Send it ba", "ck within 45 days.\nReturns: It is free.")
