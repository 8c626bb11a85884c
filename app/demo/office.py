"""What the demo's office looks like after two weeks: history, ratings, gaps, drafts, a busy team.

Everything goes through the services that real work goes through, with a clock of ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID
from zlib import crc32

from sqlalchemy import select

from app.agents.members import invite
from app.api.scopes import Scope
from app.api.service import NewKey, create_key
from app.audit.service import Doer
from app.conversations.rating import NewRating, rate
from app.database import Work
from app.demo.playing import Stage
from app.demo.script import Act, Script, Step
from app.knowledge.drafts import Drafts
from app.knowledge.editing import Edit, create_article, publish_draft, save_draft
from app.knowledge.service import record_gap
from app.models import Conversation
from app.speakers import Customer, SignedInAgent
from app.vocabulary import AgentRole, Status
from app.workspace.service import Decisions, decide, read_company

_OWNER, _AGENT = "Maya", "Tom"
_ADDRESS = "203.0.113.7"
_DAY_MIN = 1_440
_NAMES = (
    "Nora Feld", "Luis Ortega", "Anika Rao", "Ben Carter", "Chloé Martin", "David Kim",
    "Elena Petrova", "Farid Haddad", "Grace Owusu", "Hugo Silva", "Iris Novak", "Jack Doyle",
)  # fmt: skip
_ASKED = (
    "How do I return an item?",
    "How long does standard delivery take?",
    "Do you ship to Canada?",
    "What does the warranty cover?",
    "How do I wash a down jacket?",
    "Can I pay with PayPal?",
    "How do I change my delivery address?",
    "When do I get my refund?",
)
_THANKS = "Sorry for the wait. I have looked into it and put everything right on our side."
_UNANSWERED = (
    ("Do you sell kayaks?", 3),
    ("Do you sell kayaks or canoes?", 1),
    ("Can I buy a kayak from you?", 2),
    ("Is there a student discount?", 4),
    ("Do students get a discount?", 2),
    ("Do you repair zippers of other brands?", 1),
)
_COMMENTS = ("", "Quick and clear.", "", "Found it at once.", "Took a while, but solved.", "")


@dataclass(frozen=True)
class Office:
    """Where it is furnished."""

    work: Work
    workspace_id: UUID
    agents: Mapping[str, SignedInAgent]
    """By first name."""

    def at(self, moment: datetime) -> Work:
        """The same work at another time."""
        return replace(self.work, clock=lambda: moment)


def read_history() -> list[Script]:
    """Two weeks of ordinary conversations, oldest first; the newest is two days old."""
    return [
        Script(
            _NAMES[number % len(_NAMES)],
            minutes_ago=13.4 * _DAY_MIN - number * 0.44 * _DAY_MIN,
            steps=_steps(number),
        )
        for number in range(26)
    ]


async def play_history(stage: Stage, now: datetime) -> None:
    """Store them; those without an end are resolved by the timers that real ones have."""
    for script in read_history():
        await stage.play(script, now)


async def furnish(office: Office, now: datetime) -> None:
    """All the rest, after the conversations are there; the oldest first, as the log shows it."""
    await _collect_gaps(office, now)
    await _decide(office, now)
    await _make_key(office, now)
    await _publish(office, now)
    await _invite(office, now)
    await _write_drafts(office, now)
    await _rate(office, now)


def _steps(number: int) -> tuple[Step, ...]:
    asked = Step(Act.CUSTOMER, 0, text=_ASKED[number % len(_ASKED)])
    answered = Step(Act.BOT, 3 + number % 5)
    match number % 4:
        case 0 | 1:
            return asked, answered, Step(Act.CONFIRM, 40)
        case 2:
            return asked, answered
        case _:
            person = Step(Act.CUSTOMER, 0, text="I would like to speak to a person, please.")
            wait_s = 90.0 + 37 * (number % 9)
            return (
                person,
                Step(Act.BOT, 2),
                Step(Act.TAKE_OVER, wait_s, who=_AGENT),
                Step(Act.AGENT, 30, who=_AGENT, text=_THANKS),
                Step(Act.RESOLVE, 200, who=_AGENT),
            )


async def _collect_gaps(office: Office, now: datetime) -> None:
    for days_ago, (question, num_asked) in enumerate(_UNANSWERED, start=1):
        for _ in range(num_asked):
            work = office.at(now - timedelta(days=days_ago))
            await record_gap(work, office.workspace_id, question)


async def _decide(office: Office, now: datetime) -> None:
    maya = Doer(office.agents[_OWNER], _ADDRESS)
    company = await read_company(office.work.session, office.workspace_id)
    decisions = Decisions(
        name=company.workspace.name,
        timezone=company.workspace.timezone,
        bot_name=company.inbox.bot_name,
        disclosure=company.inbox.disclosure,
        bot_enabled=company.inbox.bot_enabled,
        settings={"retention_days": 730},
    )
    await decide(office.at(now - timedelta(days=6)), maya, decisions)


async def _publish(office: Office, now: datetime) -> None:
    """An article with a second version."""
    maya = Doer(office.agents[_OWNER], _ADDRESS)
    rows = await Drafts(office.work.session).rows(office.workspace_id)
    at = now - timedelta(days=3)
    await _change(office, maya, rows[0].id, at)
    await publish_draft(office.at(at), maya, rows[0].id)


async def _invite(office: Office, now: datetime) -> None:
    maya = Doer(office.agents[_OWNER], _ADDRESS)
    await invite(
        office.at(now - timedelta(days=1)), maya, "sofia@fernhill.example", AgentRole.ADMIN
    )


async def _write_drafts(office: Office, now: datetime) -> None:
    """One article that waits to be published, and one that is being changed."""
    tom = Doer(office.agents[_AGENT])
    rows = await Drafts(office.work.session).rows(office.workspace_id)
    discount = Edit(
        "Student discount",
        "Students get 10% off with a valid student card. Show it in a store, or send a photo of "
        "it to our team before you order.\n",
        "orders",
    )
    await create_article(office.at(now - timedelta(hours=5)), tom, discount)
    await _change(office, tom, rows[1].id, now - timedelta(hours=2))


async def _change(office: Office, doer: Doer, article_id: UUID, at: datetime) -> None:
    article = await Drafts(office.work.session).article(office.workspace_id, article_id)
    body = f"{article.body_md.rstrip()}\n\nIf anything is unclear, our team is happy to help.\n"
    edit = Edit(article.title, body, article.collection, article.visibility)
    await save_draft(office.at(at), doer, article_id, edit, revision=0)


async def _make_key(office: Office, now: datetime) -> None:
    """A key as a program has it; nobody learns its secret, so it opens nothing."""
    maya = Doer(office.agents[_OWNER], _ADDRESS)
    report = NewKey("Nightly report", [Scope.REPORTS_READ, Scope.CONVERSATIONS_READ])
    await create_key(office.at(now - timedelta(days=4)), maya, report)


async def _rate(office: Office, now: datetime) -> None:
    """Most resolved conversations have been rated; the number decides how."""
    asked = select(Conversation).where(
        Conversation.workspace_id == office.workspace_id,
        Conversation.status == Status.RESOLVED,
        Conversation.rating_asked_at.is_not(None),
    )
    for one in (await office.work.session.scalars(asked.order_by(Conversation.number))).all():
        chance = crc32(f"rating {one.number}".encode())
        if chance % 5 == 0:
            continue
        new = NewRating((5, 5, 4, 5, 3, 4, 2, 5)[chance % 8], _COMMENTS[chance % len(_COMMENTS)])
        customer = Customer(office.workspace_id, one.inbox_id, "", one.contact_id)
        at = min((one.resolved_at or now) + timedelta(minutes=1), now)
        await rate(office.at(at), customer, one.id, new)
