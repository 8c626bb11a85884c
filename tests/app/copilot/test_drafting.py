"""What is suggested to agents keeps the company's rules for the bot's words."""

from dataclasses import replace

from app.copilot.drafting import plan_reply
from app.workspace.answer_policy import DEFAULT_POLICY
from tests.app.answers.threads import said, thread
from tests.app.knowledge.demo_index import demo_index

QUESTION = said("How long does standard delivery take?")


def test_words_that_the_company_never_says_are_not_suggested() -> None:
    free = plan_reply(demo_index(), thread(QUESTION))
    assert free is not None and "working days" in free.citations[0].quote
    policy = replace(DEFAULT_POLICY, never_say=("working days",))

    bound = plan_reply(demo_index(), thread(QUESTION, policy=policy))

    assert bound is None or all("working days" not in one.quote for one in bound.citations)
