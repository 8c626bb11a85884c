"""The conversation's machine, over every state and everything that may happen."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from app.conversations.states import Assignee, Happening, Refusal, State, Step, decide
from app.vocabulary import Control, EndReason, Resolution, Side, Status

ENDED = (Status.RESOLVED, Status.ARCHIVED)
states = st.builds(
    State,
    st.sampled_from(Status),
    st.sampled_from(Control),
    st.sampled_from(Side),
    may_reopen=st.booleans(),
    is_bot_on=st.booleans(),
    is_mine=st.booleans(),
    may_take_from_others=st.booleans(),
)


@given(states, st.sampled_from(Happening))
def test_what_holds_of_every_step(state: State, happening: Happening) -> None:
    step = decide(state, happening)

    assert step == decide(state, happening), "the same for the same"
    if isinstance(step, Refusal):
        return
    changes_hands = step.control is not state.control
    assert not changes_hands or step.raises_epoch, "whoever had the word must not write any more"
    leaves_bot = state.control is Control.BOT and step.control is not Control.BOT
    may_be_live = state.status is Status.OPEN and state.control is Control.BOT
    if may_be_live and (leaves_bot or step.status is not Status.OPEN):
        assert step.ends_answer is not None, "nothing of a running answer is left behind"
    if step.control is Control.BOT and changes_hands:
        assert happening is Happening.GIVEN_BACK, "only an agent gives the word to the bot"
    assert state.status is not Status.ARCHIVED, "what is archived is only read"
    if step.resolution is not None:
        assert step.status is Status.RESOLVED


@given(states)
def test_only_a_customer_or_an_agent_opens_what_has_ended(state: State) -> None:
    for happening in Happening:
        step = decide(state, happening)
        if isinstance(step, Step) and state.status in ENDED and step.status not in ENDED:
            assert happening in (Happening.CUSTOMER_WROTE, Happening.REOPENED)
            assert step.starts_afresh, "the bot must not read its own farewell again"


def test_the_bot_never_answers_because_a_customer_writes_to_a_person() -> None:
    for status, control in product(Status, (Control.QUEUE, Control.HUMAN)):
        step = decide(State(status, control), Happening.CUSTOMER_WROTE)
        if isinstance(step, Step):
            assert step.control is not Control.BOT and step.ends_answer is None


def test_a_running_answer_gives_way_to_the_next_message_and_is_begun_anew() -> None:
    step = decide(State(Status.OPEN, Control.BOT), Happening.CUSTOMER_WROTE)

    assert isinstance(step, Step)
    assert (step.ends_answer, step.raises_epoch) == (EndReason.SUPERSEDED, False)


def test_who_solved_it_decides_who_has_it_again() -> None:
    def again(control: Control, *, is_bot_on: bool = True) -> Step:
        step = decide(
            State(Status.RESOLVED, control, is_bot_on=is_bot_on), Happening.CUSTOMER_WROTE
        )
        assert isinstance(step, Step)
        return step

    assert again(Control.BOT).control is Control.BOT
    assert again(Control.BOT, is_bot_on=False).control is Control.QUEUE
    human = again(Control.HUMAN)
    assert (human.control, human.assignee) == (Control.QUEUE, Assignee.KEPT)


def test_silence_solves_only_what_the_bot_answered() -> None:
    for control, side in product(Control, Side):
        step = decide(State(Status.OPEN, control, side), Happening.FELL_SILENT)
        is_over = control is Control.BOT and side is Side.CUSTOMER
        assert isinstance(step, Step) is is_over
        if isinstance(step, Step):
            assert step.resolution is Resolution.ASSUMED


def test_an_absent_agent_keeps_nobody_waiting_but_loses_nobody_who_does_not_wait() -> None:
    for side in Side:
        step = decide(State(Status.OPEN, Control.HUMAN, side), Happening.AGENT_GONE)
        assert isinstance(step, Step) is (side is Side.US)


def test_a_colleagues_conversation_is_taken_only_by_those_who_manage() -> None:
    theirs = State(Status.OPEN, Control.HUMAN)

    assert decide(theirs, Happening.TAKEN_OVER) is Refusal.TAKEN
    managing = State(Status.OPEN, Control.HUMAN, may_take_from_others=True)
    assert isinstance(decide(managing, Happening.TAKEN_OVER), Step)
    mine = State(Status.OPEN, Control.HUMAN, is_mine=True)
    assert decide(mine, Happening.TAKEN_OVER) is Refusal.NOT_NOW
