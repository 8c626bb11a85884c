"""What an agent may do to a conversation over the socket, frame by frame."""

from app.conversations import desk, service
from app.conversations.control import ShownText
from app.conversations.desk import NewLabel
from app.database import Work
from app.handoff import service as handoff
from app.live import protocol
from app.models import Conversation
from app.speakers import SignedInAgent

ActFrame = (
    protocol.Takeover
    | protocol.Release
    | protocol.Assign
    | protocol.Resolve
    | protocol.Reopen
    | protocol.Snooze
    | protocol.Wake
    | protocol.Block
    | protocol.SetLabel
    | protocol.SetPriority
)


async def act(work: Work, agent: SignedInAgent, frame: ActFrame, shown: ShownText) -> Conversation:
    """Do what the frame asks; the conversation afterwards.

    Raises:
        AppError: this agent may not, or it does not fit where the conversation stands.
    """
    c = frame.c
    match frame:
        case protocol.Takeover():
            return await handoff.take_over(
                work, agent, c, epoch=frame.epoch, shown=shown, mode=frame.mode
            )
        case protocol.Release():
            return await handoff.release(
                work, agent, c, epoch=frame.epoch, answers_last=frame.answer_last
            )
        case protocol.Assign():
            return await handoff.transfer(work, agent, c, to_agent_id=frame.to, shown=shown)
        case protocol.Resolve():
            return await service.resolve(work, agent, c, shown=shown)
        case protocol.Reopen():
            return await desk.reopen(work, agent, c)
        case protocol.Snooze():
            return await desk.snooze(work, agent, c, until=frame.until, shown=shown)
        case protocol.Wake():
            return await desk.wake(work, agent, c)
        case protocol.Block():
            return await desk.set_blocked(work, agent, c, is_on=frame.on, shown=shown)
        case protocol.SetLabel():
            label = NewLabel(frame.name, frame.colour)
            return await desk.set_label(work, agent, c, label, is_on=frame.on)
        case protocol.SetPriority():
            return await desk.set_priority(work, agent, c, frame.to)
