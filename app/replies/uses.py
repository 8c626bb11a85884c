"""How often canned replies are sent: counted when a reply says one, however it was put there."""

from sqlalchemy import or_, select, update

from app.database import Work
from app.models import CannedReply
from app.speakers import SignedInAgent

_NAME = "{name}"
_MIN_CHARS = 12
"""Less is said without any canned reply."""


async def count_uses(work: Work, agent: SignedInAgent, text: str) -> None:
    """Count the canned replies of this agent's that stand in a text they have sent."""
    usable = select(CannedReply.id, CannedReply.body_md).where(
        CannedReply.workspace_id == agent.workspace_id,
        or_(CannedReply.owner_agent_id.is_(None), CannedReply.owner_agent_id == agent.agent_id),
    )
    found = (await work.session.execute(usable)).all()
    sent = [reply_id for reply_id, body in found if is_said(body, text)]
    if sent:
        raised = update(CannedReply).where(CannedReply.id.in_(sent))
        await work.session.execute(
            raised.values(uses=CannedReply.uses + 1).execution_options(synchronize_session=False)
        )


def is_said(body: str, text: str) -> bool:
    """Whether all of a canned reply stands in the text, with any name where it has one."""
    said, at = " ".join(text.split()), 0
    if len(" ".join(body.split()).replace(_NAME, "")) < _MIN_CHARS:
        return " ".join(body.split()) == said
    for piece in " ".join(body.split()).split(_NAME):
        at = said.find(piece.strip(), at)
        if at < 0:
            return False
        at += len(piece.strip())
    return True
