"""One question outside of any conversation: nothing is stored, nobody is handed over."""

from dataclasses import dataclass
from uuid import UUID

from app.answers.generator import seed_of
from app.answers.planning import Plan, Thread, make_plan
from app.answers.writing import write
from app.conversations.answering import Turn
from app.conversations.schemas import Citation
from app.database import Database
from app.knowledge.library import Library
from app.models import Workspace
from app.vocabulary import MessageState, Role
from inference import EngineClient


@dataclass(frozen=True)
class Reply:
    """What the bot would say; `handoff` is the reason if it would bring a human."""

    outcome: str
    """`answer`, `unsure` or `nothing` by the articles, else the move: `greeting`, `handoff`, ..."""
    text: str
    citations: tuple[Citation, ...]
    handoff: str | None
    coverage: float | None


async def ask(
    database: Database,
    library: Library,
    engine: EngineClient,
    workspace_id: UUID,
    question: str,
    *,
    salt: bytes,
) -> Reply:
    """Answer as the first message of a conversation would be; the same question, the same text.

    Raises:
        Unavailable: the engine cannot answer.
    """
    async with database.snapshot() as session:
        company = (await session.get_one(Workspace, workspace_id)).name
    shelf = await library.shelf(workspace_id)
    turn = Turn(Role.CUSTOMER, question, 1, MessageState.COMPLETE)
    seed = seed_of(workspace_id, 1)
    thread = Thread(company, shelf.index.topics, (turn,), seed=seed)
    plan = make_plan(shelf.index, thread)
    written = await write(engine, plan, seed=seed, salt=salt, show=lambda _: None)
    return _reply(plan, written.text)


def _reply(plan: Plan, text: str) -> Reply:
    return Reply(
        outcome=plan.verdict.value if plan.verdict else plan.route.move.value,
        text=text,
        citations=plan.citations,
        handoff=plan.handoff.value if plan.handoff else None,
        coverage=plan.coverage,
    )
