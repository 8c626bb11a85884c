"""The life of a conversation as one pure function: status x control, what happens, what follows.

`status` says where it stands in its life, `control` who answers. Every change of control, and every
taking over, raises the epoch; whatever still carries an older epoch can write no more. A refusal is
an answer too: `decide` returns it, and whoever asked raises it.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from app.vocabulary import Control, EndReason, Resolution, Side, Status


class Happening(StrEnum):
    """What may happen to a conversation."""

    CUSTOMER_WROTE = "customer_wrote"
    ANSWERED = "answered"
    """The bot's answer is whole."""
    HANDED_OFF = "handed_off"
    """The customer asked for a person, a rule did, or the bot gave up."""
    TAKEN_OVER = "taken_over"
    AGENT_REPLIED = "agent_replied"
    NOTED = "noted"
    ASSIGNED = "assigned"
    """An agent gives it to another agent."""
    QUEUED = "queued"
    """An agent gives it to whoever comes first."""
    AGENT_GONE = "agent_gone"
    """The assignee is away while the customer waits."""
    GIVEN_BACK = "given_back"
    SNOOZED = "snoozed"
    WOKEN = "woken"
    """The snooze is over, or an agent ended it."""
    RESOLVED = "resolved"
    """By an agent."""
    CONFIRMED = "confirmed"
    """The customer said that the bot's answer helped."""
    FELL_SILENT = "fell_silent"
    """Nothing came after the bot's answer for long."""
    REOPENED = "reopened"
    """By an agent."""
    ARCHIVED = "archived"
    MERGED = "merged"
    """It goes on in another conversation of the same customer."""
    BLOCKED = "blocked"
    """An agent does not want to hear from this contact."""


class Refusal(StrEnum):
    """Why nothing follows."""

    ENDED = "ended"
    """It is over; the customer starts a new one."""
    NOT_NOW = "not_now"
    """It does not fit where the conversation stands; nothing to tell anybody."""
    TAKEN = "taken"
    """A colleague has it."""


class Assignee(StrEnum):
    """What becomes of the assignee."""

    KEPT = "kept"
    NOBODY = "nobody"
    NEW = "new"


@dataclass(frozen=True)
class State:
    """Where a conversation stands, and what of the world bears on the next step."""

    status: Status
    control: Control
    waiting_on: Side = Side.US
    may_reopen: bool = True
    """Resolved not too long ago."""
    is_bot_on: bool = True
    is_mine: bool = False
    """The agent who acts is the assignee."""
    may_take_from_others: bool = False


@dataclass(frozen=True)
class Step:
    """What follows."""

    status: Status
    control: Control
    raises_epoch: bool = False
    ends_answer: EndReason | None = None
    """How a running answer ends; None lets it run."""
    waiting_on: Side | None = None
    """None: as before."""
    assignee: Assignee = Assignee.KEPT
    resolution: Resolution | None = None
    starts_afresh: bool = False
    """The bot reads only what comes from now on, and counts its turns anew."""


Decision = Step | Refusal
_ENDED = (Status.RESOLVED, Status.ARCHIVED)


def begin(*, is_bot_on: bool) -> State:
    """The state of a new conversation (transition 1)."""
    return State(Status.OPEN, Control.BOT if is_bot_on else Control.QUEUE, is_bot_on=is_bot_on)


def decide(state: State, happening: Happening) -> Decision:
    """What follows when this happens here; the same for the same arguments, always."""
    return _RULES[happening](state)


def _customer_wrote(state: State) -> Decision:
    """2, 3, 14, 18, 19: wakes and reopens; only the bot's running answer gives way."""
    if state.status is Status.ARCHIVED:
        return Refusal.ENDED
    if state.status is Status.RESOLVED:
        return _written_again(state) if state.may_reopen else Refusal.ENDED
    ends = EndReason.SUPERSEDED if state.control is Control.BOT else None
    return replace(_same(state), status=Status.OPEN, ends_answer=ends, waiting_on=Side.US)


def _written_again(state: State) -> Decision:
    """18: what the bot had solved is the bot's again, what a person had is a person's."""
    is_bots = state.control is Control.BOT and state.is_bot_on
    control = Control.BOT if is_bots else Control.QUEUE
    return Step(
        Status.OPEN,
        control,
        raises_epoch=control is not state.control,
        waiting_on=Side.US,
        starts_afresh=True,
    )


def _reopened(state: State) -> Decision:
    """An agent has something to add: it is theirs."""
    if state.status is not Status.RESOLVED:
        return Refusal.ENDED if state.status is Status.ARCHIVED else Refusal.NOT_NOW
    return Step(
        Status.OPEN,
        Control.HUMAN,
        raises_epoch=True,
        assignee=Assignee.NEW,
        starts_afresh=True,
    )


def _answered(state: State) -> Decision:
    """4."""
    if state.control is not Control.BOT or state.status in _ENDED:
        return Refusal.NOT_NOW
    return replace(_same(state), waiting_on=Side.CUSTOMER)


def _handed_off(state: State) -> Decision:
    """5, 6."""
    if state.status in _ENDED:
        return Refusal.ENDED
    if state.control is not Control.BOT:
        return Refusal.NOT_NOW
    return _to_queue(state, ends=EndReason.HANDOFF)


def _taken_over(state: State) -> Decision:
    """7, and 8 before the reply."""
    if state.status in _ENDED:
        return Refusal.ENDED
    if state.control is Control.HUMAN:
        if state.is_mine:
            return Refusal.NOT_NOW
        if not state.may_take_from_others:
            return Refusal.TAKEN
    return Step(
        state.status,
        Control.HUMAN,
        raises_epoch=True,
        ends_answer=EndReason.TAKEOVER,
        assignee=Assignee.NEW,
    )


def _agent_replied(state: State) -> Decision:
    """8: whoever replies has the conversation, or takes it over first."""
    if state.status in _ENDED:
        return Refusal.ENDED
    if state.control is not Control.HUMAN:
        return Refusal.TAKEN
    return replace(_same(state), status=Status.OPEN, waiting_on=Side.CUSTOMER)


def _noted(state: State) -> Decision:
    """9: a note never changes anything."""
    return Refusal.ENDED if state.status is Status.ARCHIVED else _same(state)


def _assigned(state: State) -> Decision:
    """10: between people nothing else changes; from the bot or the queue it is a taking over."""
    if state.status in _ENDED:
        return Refusal.ENDED
    is_human = state.control is Control.HUMAN
    return Step(
        state.status,
        Control.HUMAN,
        raises_epoch=not is_human,
        ends_answer=None if is_human else EndReason.TAKEOVER,
        assignee=Assignee.NEW,
    )


def _queued(state: State) -> Decision:
    """10."""
    if state.status in _ENDED:
        return Refusal.ENDED
    return Refusal.NOT_NOW if state.control is Control.QUEUE else _to_queue(state)


def _agent_gone(state: State) -> Decision:
    """11: only while the customer waits."""
    is_stuck = state.control is Control.HUMAN and state.waiting_on is Side.US
    return _to_queue(state) if is_stuck and state.status is Status.OPEN else Refusal.NOT_NOW


def _given_back(state: State) -> Decision:
    """12: the bot stays silent until the customer writes, or is asked to answer."""
    if state.status in _ENDED:
        return Refusal.ENDED
    if state.control is Control.BOT or not state.is_bot_on:
        return Refusal.NOT_NOW
    return Step(
        state.status,
        Control.BOT,
        raises_epoch=True,
        waiting_on=Side.CUSTOMER,
        assignee=Assignee.NOBODY,
    )


def _snoozed(state: State) -> Decision:
    """13: snoozed already, it is snoozed until another time."""
    if state.status in _ENDED:
        return Refusal.ENDED
    return replace(_same(state), status=Status.SNOOZED, ends_answer=EndReason.STOPPED)


def _woken(state: State) -> Decision:
    """14."""
    if state.status is not Status.SNOOZED:
        return Refusal.NOT_NOW
    return replace(_same(state), status=Status.OPEN)


def _resolved(state: State) -> Decision:
    """15."""
    return _end(state, Resolution.AGENT)


def _confirmed(state: State) -> Decision:
    """16."""
    is_bots = state.control is Control.BOT and state.status is Status.OPEN
    return _end(state, Resolution.CONFIRMED) if is_bots else Refusal.NOT_NOW


def _fell_silent(state: State) -> Decision:
    """17: never while a person is wanted, nor while the customer waits."""
    is_over = (
        state.status is Status.OPEN
        and state.control is Control.BOT
        and state.waiting_on is Side.CUSTOMER
    )
    return _end(state, Resolution.ASSUMED) if is_over else Refusal.NOT_NOW


def _archived(state: State) -> Decision:
    """20."""
    if state.status is not Status.RESOLVED:
        return Refusal.NOT_NOW
    return replace(_same(state), status=Status.ARCHIVED)


def _merged(state: State) -> Decision:
    """Over at once: what the customer writes next belongs to the other conversation."""
    if state.status is Status.ARCHIVED:
        return Refusal.ENDED
    return replace(_end_step(state), status=Status.ARCHIVED)


def _blocked(state: State) -> Decision:
    """21: it ends, resolved by nobody."""
    if state.status in _ENDED:
        return Refusal.NOT_NOW
    return replace(_end_step(state), resolution=None)


def _end(state: State, resolution: Resolution) -> Decision:
    if state.status in _ENDED:
        return Refusal.NOT_NOW
    return replace(_end_step(state), resolution=resolution)


def _end_step(state: State) -> Step:
    return replace(
        _same(state),
        status=Status.RESOLVED,
        ends_answer=EndReason.STOPPED,
        waiting_on=Side.CUSTOMER,
    )


def _to_queue(state: State, ends: EndReason | None = EndReason.HANDOFF) -> Step:
    return Step(
        state.status,
        Control.QUEUE,
        raises_epoch=True,
        ends_answer=ends,
        waiting_on=Side.US,
        assignee=Assignee.NOBODY,
    )


def _same(state: State) -> Step:
    return Step(state.status, state.control)


_RULES = {
    Happening.CUSTOMER_WROTE: _customer_wrote,
    Happening.ANSWERED: _answered,
    Happening.HANDED_OFF: _handed_off,
    Happening.TAKEN_OVER: _taken_over,
    Happening.AGENT_REPLIED: _agent_replied,
    Happening.NOTED: _noted,
    Happening.ASSIGNED: _assigned,
    Happening.QUEUED: _queued,
    Happening.AGENT_GONE: _agent_gone,
    Happening.GIVEN_BACK: _given_back,
    Happening.SNOOZED: _snoozed,
    Happening.WOKEN: _woken,
    Happening.RESOLVED: _resolved,
    Happening.CONFIRMED: _confirmed,
    Happening.FELL_SILENT: _fell_silent,
    Happening.REOPENED: _reopened,
    Happening.ARCHIVED: _archived,
    Happening.MERGED: _merged,
    Happening.BLOCKED: _blocked,
}
