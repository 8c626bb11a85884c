"""Vectors of sentences: read once, kept for everybody, and not waited for when they are many."""

import asyncio
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import func, select, update

from app.errors import BadSettings
from app.knowledge.evidence import Verdict, find_evidence
from app.knowledge.library import WAITED_FOR, Library
from app.knowledge.service import ArticleText, publish_article
from app.models import SentenceVector
from app.parts import Parts
from tests.factories import Shop
from tests.tiny_models import save_tiny_bert

RETURNS = "You can return it within 45 days. The label is free.\n"
MORE = "You can return it within 45 days. The label is free. Keep the receipt.\n"


async def publish(parts: Parts, shop: Shop, slug: str, body: str) -> None:
    async with parts.database.work() as work:
        await publish_article(work, shop.workspace_id, ArticleText(slug, slug.title(), body))


async def kept(parts: Parts, shop: Shop) -> dict[str, UUID]:
    """Rows by digest."""
    mine = SentenceVector.workspace_id == shop.workspace_id
    async with parts.database.snapshot() as session:
        rows = await session.execute(select(SentenceVector.digest, SentenceVector.id).where(mine))
        return {row.digest: row.id for row in rows}


async def test_a_changed_article_reads_only_what_is_new(parts: Parts, shop: Shop) -> None:
    library = Library(parts.database)
    await publish(parts, shop, "returns", RETURNS)
    await library.shelf(shop.workspace_id)
    before = await kept(parts, shop)

    await publish(parts, shop, "returns", MORE)
    await library.shelf(shop.workspace_id)

    after = await kept(parts, shop)
    assert len(before) == 2 and len(after) == 3
    assert before.items() <= after.items()


async def test_what_no_article_says_any_more_is_forgotten(parts: Parts, shop: Shop) -> None:
    library = Library(parts.database)
    await publish(parts, shop, "returns", RETURNS)
    await library.shelf(shop.workspace_id)
    before = await kept(parts, shop)

    await publish(parts, shop, "returns", "Nothing can be returned.\n")
    await library.shelf(shop.workspace_id)

    assert len(after := await kept(parts, shop)) == 1
    assert before.keys().isdisjoint(after)


async def test_another_process_uses_what_is_kept(parts: Parts, shop: Shop) -> None:
    await publish(parts, shop, "returns", "You can return it within 45 days.\n")
    question = "May I send it back?"
    first = await Library(parts.database).shelf(shop.workspace_id)
    near = first.index.search(first.index.understand(question))[0].closeness
    async with parts.database.work() as work:
        vector = (await work.session.scalars(select(SentenceVector.vector))).one()
        turned = (-np.frombuffer(vector, dtype="<f2")).tobytes()
        await work.session.execute(update(SentenceVector).values(vector=turned))

    second = await Library(parts.database).shelf(shop.workspace_id)

    far = second.index.search(second.index.understand(question))[0].closeness
    assert near > 0.2 and far == pytest.approx(-near, abs=1e-6)


async def test_many_new_sentences_are_searched_by_their_words_until_they_are_read(
    parts: Parts, shop: Shop
) -> None:
    library = Library(parts.database)
    reading = asyncio.create_task(library.run())
    await asyncio.sleep(0)  # it has begun
    facts = " ".join(f"Shelf {i} holds {i} lamps." for i in range(WAITED_FOR + 1))
    await publish(parts, shop, "returns", f"You can return it within 45 days.\n\n{facts}\n")

    early = await library.shelf(shop.workspace_id)
    await library.all_read()
    later = await library.shelf(shop.workspace_id)
    reading.cancel()

    for shelf in (early, later):
        found = find_evidence(shelf.index, "Within how many days can I return it?")
        assert found.verdict is Verdict.ANSWER
        assert found.quote is not None and "45 days" in found.quote.text
    closenesses = [
        {float(one) for hit in index.search(index.understand("return")) for one in hit.closenesses}
        for index in (early.index, later.index)
    ]
    assert len(closenesses[0]) == 1 and len(closenesses[1]) > 1
    async with parts.database.snapshot() as session:
        num = (await session.scalars(select(func.count(SentenceVector.id)))).one()
    assert num == WAITED_FOR + 2


async def test_another_encoder_reads_everything_itself(
    parts: Parts, shop: Shop, tmp_path: Path
) -> None:
    await publish(parts, shop, "returns", RETURNS)
    await Library(parts.database).shelf(shop.workspace_id)
    before = await kept(parts, shop)

    other = Library(parts.database, save_tiny_bert(tmp_path))
    shelf = await other.shelf(shop.workspace_id)

    assert shelf.index.understand("how can i return it").meaning.shape == (32,)
    after = await kept(parts, shop)
    assert after.keys() == before.keys() and set(after.values()).isdisjoint(before.values())


async def test_a_folder_without_an_encoder_is_told(parts: Parts, tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"encoder: .*no sentence encoder"):
        await Library(parts.database, tmp_path).meaning()
