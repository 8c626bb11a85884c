"""An evaluation asks by the rules of the company that is named, and says whose they are."""

from dataclasses import replace
from pathlib import Path

import pytest

from app.demo.vectors import demo_index
from app.errors import NotFound
from app.evaluation.cases import read_cases
from app.evaluation.choices import Mode
from app.evaluation.dialogue import say_extractively
from app.evaluation.measures import Outcome
from app.evaluation.policies import read_policy, tell_policy
from app.evaluation.running import Voice, policy_of, run
from app.models import Workspace
from app.parts import Parts
from app.settings import Settings
from app.workspace.answer_policy import DEFAULT_POLICY, AnswerMode, AnswerPolicy
from tests.factories import Shop

SIX = Path(__file__).with_name("six.jsonl")


async def asked(policy: AnswerPolicy) -> list[Outcome]:
    voice = Voice(Mode.EXTRACTIVE, say_extractively)
    index = demo_index()
    return await run(read_cases(SIX), index, "Shop", voice, tick=lambda: None, policy=policy)


async def test_the_policy_decides_what_may_be_quoted() -> None:
    free = (await asked(DEFAULT_POLICY))[0]
    banned = free.cited[0].quote.split()[0].strip(".,")

    bound = (await asked(replace(DEFAULT_POLICY, never_say=(banned,))))[0]

    assert free.cited[0].quote not in [one.quote for one in bound.cited]


def test_who_words_the_answers_is_the_modes() -> None:
    company = replace(DEFAULT_POLICY, mode=AnswerMode.FREE, guidance="Be brief.")

    assert policy_of(Mode.SPANS, company) == replace(company, mode=AnswerMode.SPANS)
    assert policy_of(Mode.FREE, DEFAULT_POLICY).mode is AnswerMode.FREE


async def test_a_companys_policy_is_read_by_its_name(
    parts: Parts, shop: Shop, settings: Settings
) -> None:
    async with parts.database.work() as work:
        workspace = await work.session.get_one(Workspace, shop.workspace_id)
        workspace.settings = {"guidance": "Be brief.", "never_say": ["cheap"]}

    policy = await read_policy(settings, shop.site)

    assert (policy.guidance, policy.never_say) == ("Be brief.", ("cheap",))
    told = tell_policy(policy, shop.site)
    assert told.startswith(f"Answers by the policy of {shop.site}: guidance of 9 characters")
    assert "1 line that is never said" in told
    assert "default policy" in tell_policy(DEFAULT_POLICY, None)
    with pytest.raises(NotFound, match="no company 'elsewhere'"):
        await read_policy(settings, "elsewhere")


async def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="There is no database in"):
        await read_policy(Settings(data=tmp_path), "shop")

    assert is_empty(tmp_path)


def is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())
