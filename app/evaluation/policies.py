"""Whose rules the answers of an evaluation keep; the modes are the evaluation's own."""

from sqlalchemy import select

from app import schema
from app.database import Database
from app.errors import NotFound
from app.events import Dispatcher
from app.models import Workspace
from app.settings import Settings
from app.workspace.answer_policy import AnswerPolicy


async def read_policy(settings: Settings, slug: str) -> AnswerPolicy:
    """What this company has decided about its answers.

    Raises:
        NotFound: there is no database yet, or no such company in it.
        DatabaseBehind, DatabaseTooNew: its tables are not this version's.
        Unavailable: it does not answer.
    """
    if settings.database_url is None and not settings.data.joinpath("careline.db").is_file():
        raise NotFound(f"There is no database in {settings.data}.")
    database = Database(settings.database, Dispatcher())
    try:
        await schema.check(database)
        async with database.snapshot() as session:
            query = select(Workspace).where(Workspace.slug == slug)
            found = (await session.scalars(query)).one_or_none()
    finally:
        await database.close()
    if found is None:
        raise NotFound(f"There is no company {slug!r} in the database.")
    return AnswerPolicy.of(found)


def tell_policy(policy: AnswerPolicy, slug: str | None) -> str:
    """One line for whoever reads the figures: whose rules, and which."""
    if slug is None:
        return "Answers by the default policy, which is the demo's own; --workspace names another."
    num_banned = len(policy.never_say)
    banned = "1 line that is" if num_banned == 1 else f"{num_banned} lines that are"
    return (
        f"Answers by the policy of {slug}: guidance of {len(policy.guidance)} characters, "
        f"{banned} never said. Who words them is the mode's."
    )
