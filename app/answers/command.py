"""`careline ask --local`: a reply made here, without a server."""

from typing import Any

from sqlalchemy import select

from app import schema
from app.answers.ask import Asked, AskOnce
from app.answers.schemas import Answer
from app.data_folder import DataFolder
from app.database import Database
from app.engines import running_engine
from app.errors import NotFound
from app.events import Dispatcher
from app.knowledge.library import Library
from app.models import Workspace
from app.security import Secrets, read_secret_key
from app.settings import Settings


async def ask_locally(settings: Settings, question: str) -> dict[str, Any]:
    """The answer as the API would tell it, by an engine that lives as long as it takes.

    Raises:
        StartError: the data folder is in use or the engine cannot start.
        NotFound: there is no company in it yet.
        Unavailable: the engine cannot answer.
    """
    folder = DataFolder(settings.data).prepare()
    folder.take()
    database = Database(settings.database, Dispatcher())
    try:
        await schema.upgrade(database)
        async with database.snapshot() as session:
            workspace = (
                await session.scalars(select(Workspace).order_by(Workspace.id).limit(1))
            ).first()
        if workspace is None:
            raise NotFound("There is no company yet; run `careline serve` or `careline demo` once.")
        secrets = Secrets(
            read_secret_key(folder.key_file),
            visitor_days=settings.visitor_days,
            sign_in_days=settings.sign_in_days,
        )
        async with running_engine(settings) as engine:
            ask_once = AskOnce(
                database,
                Library(database, settings.encoder),
                engine.client,
                salt_of=secrets.prefix_salt,
                timeout_s=settings.answer_timeout_s,
            )
            reply = await ask_once.reply(workspace.id, Asked(question))
        return Answer.of(reply, {}).model_dump(mode="json")
    finally:
        await database.close()
        folder.release()
