"""What happens to a conversation by itself, and when: jobs that read anew what they act on.

A conversation has at most one job of each kind, by its key. A job that comes at the wrong moment
does nothing, or asks to come again; so nobody needs to take one back when things change.
"""

from datetime import datetime
from uuid import UUID

from app.conversations.care_policy import CarePolicy
from app.database import Work
from app.jobs.schedule import schedule
from app.models import Conversation
from app.vocabulary import Control, Side, Status

WAKE = "conversation.wake"
FELL_SILENT = "conversation.fell_silent"
AGENT_GONE = "conversation.agent_gone"
ARCHIVE = "conversation.archive"


async def follow(work: Work, conversation: Conversation, policy: CarePolicy) -> None:
    """Set the timer that belongs to where the conversation stands now."""
    now = work.clock()
    if conversation.status is Status.SNOOZED and conversation.snoozed_until is not None:
        await set_timer(work, WAKE, conversation.id, conversation.snoozed_until)
    elif conversation.status is Status.RESOLVED:
        await set_timer(work, ARCHIVE, conversation.id, now + policy.archived_after)
    elif conversation.status is Status.OPEN and conversation.waiting_on is Side.CUSTOMER:
        if conversation.control is Control.BOT:
            await set_timer(work, FELL_SILENT, conversation.id, now + policy.resolved_after)
    elif conversation.status is Status.OPEN and conversation.control is Control.HUMAN:
        await set_timer(work, AGENT_GONE, conversation.id, now + policy.agent_gone_after)


async def set_timer(work: Work, kind: str, conversation_id: UUID, run_at: datetime) -> None:
    """One job of this kind for this conversation, at this time and no other."""
    payload = {"conversation": str(conversation_id)}
    await schedule(work, kind, run_at, payload, key=f"{kind}:{conversation_id}")
