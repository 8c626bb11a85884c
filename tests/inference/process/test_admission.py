"""Who may enter an engine whose predecessor died, and what outlives a process about it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.errors import QueueFull
from inference.process.admission import Admission, Ticket
from inference.process.flight_recorder import FlightRecorder
from inference.process.frames import Crash, InFlight, Question
from inference.process.journal import Entry
from inference.request import SamplingParams, TokenChunk

QUESTION = Question(name="r", text="x", params=SamplingParams())


def ticket(name: str, *, strikes: int = 0, arrival: int = 0, is_again: bool = False) -> Ticket:
    return Ticket(name, arrival, InFlight("client", name, strikes), QUESTION, is_again)


@pytest.fixture
def admission(tmp_path: Path) -> Admission:
    return Admission(FlightRecorder(tmp_path / "flight", "now"), max_waiting=3)


def inside(folder: Path) -> list[str]:
    """What the next process would read."""
    crash = FlightRecorder(folder / "flight", "next").crash
    return [] if crash is None else [one.request_id for one in crash.requests]


def test_without_suspects_everybody_enters_at_once(admission: Admission, tmp_path: Path) -> None:
    for arrival, name in enumerate("abc"):
        admission.add(ticket(name, arrival=arrival))

    entered = [admission.admit().engine_id for _ in range(3)]

    assert entered == inside(tmp_path) == ["a", "b", "c"]
    assert not admission.can_admit


def test_suspects_enter_first_and_one_at_a_time(admission: Admission) -> None:
    admission.add(ticket("new", arrival=0))
    admission.add(ticket("once", strikes=1, arrival=1))
    admission.add(ticket("twice", strikes=2, arrival=2))

    assert admission.admit().engine_id == "twice"
    assert not admission.can_admit
    admission.acquit("twice")
    assert admission.admit().engine_id == "once"
    assert not admission.can_admit
    admission.leave("once")
    assert admission.admit().engine_id == "new"


def test_who_has_left_is_on_no_record(admission: Admission, tmp_path: Path) -> None:
    for name in "abc":
        admission.add(ticket(name))
    admission.leave("b")
    for _ in range(2):
        admission.admit()

    admission.leave("a")

    assert inside(tmp_path) == ["c"]
    assert (admission.num_waiting, admission.can_admit) == (0, False)


def test_one_the_engine_has_no_room_for_keeps_its_place(
    admission: Admission, tmp_path: Path
) -> None:
    for arrival, name in enumerate("ab"):
        admission.add(ticket(name, arrival=arrival, is_again=True))

    admission.put_back(admission.admit())

    assert inside(tmp_path) == []
    assert [admission.admit().engine_id for _ in range(2)] == ["a", "b"]


def test_the_queue_is_bounded_for_the_new_and_not_for_the_old(admission: Admission) -> None:
    for name in "abc":
        admission.add(ticket(name))

    with pytest.raises(QueueFull):
        admission.add(ticket("d"))
    admission.add(ticket("e", is_again=True))
    assert admission.num_waiting == 4


def test_a_record_outlives_its_process_until_the_next_writes_its_own(tmp_path: Path) -> None:
    first = FlightRecorder(tmp_path / "flight", "first")
    first.write([InFlight("c", f"r{number}", 0) for number in range(50)])

    second = FlightRecorder(tmp_path / "flight", "second")
    third = FlightRecorder(tmp_path / "flight", "third")
    assert second.crash == third.crash
    assert second.crash is not None
    assert (second.crash.incarnation, len(second.crash.requests)) == ("first", 50)

    third.write([InFlight("c", "r", 1)])
    fourth = FlightRecorder(tmp_path / "flight", "fourth")
    assert fourth.crash == Crash("third", (InFlight("c", "r", 1),))
    fourth.clear()
    assert FlightRecorder(tmp_path / "flight", "fifth").crash is None


@given(cut=st.integers(0, 60), noise=st.binary(max_size=8))
def test_a_damaged_record_blames_nobody(
    tmp_path_factory: pytest.TempPathFactory, cut: int, noise: bytes
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "flight"
    FlightRecorder(path, "first").write([InFlight("client", "request", 0)])
    whole = path.read_bytes()
    path.write_bytes(whole[:cut] + noise + whole[cut + len(noise) :])

    crash = FlightRecorder(path, "second").crash

    assert crash is None or path.read_bytes().startswith(whole)


def entry_inside(incarnation: str) -> Entry:
    entry = Entry("r#1", "r", "prompt", SamplingParams(), b"", ())
    entry.sent_to(incarnation)
    return entry


def test_two_strikes_alone_are_proof() -> None:
    entry = entry_inside("one")
    alone = (InFlight("me", "r#1", 0),)

    assert not entry.is_guilty_of(Crash("one", alone), "me")
    entry.sent_to("two")
    assert entry.is_guilty_of(Crash("two", alone), "me")


def test_an_engine_killed_from_outside_proves_less() -> None:
    entry = entry_inside("0")
    guilty = []
    for number in range(4):
        crash = Crash(str(number), (InFlight("me", "r#1", number),), is_from_outside=True)
        guilty.append(entry.is_guilty_of(crash, "me"))
        entry.sent_to(str(number + 1))

    assert guilty == [False, False, False, True]


def test_a_token_in_between_wipes_out_the_strike() -> None:
    entry = entry_inside("one")
    alone = (InFlight("me", "r#1", 0),)
    for number in range(10):
        assert not entry.is_guilty_of(Crash(str(number), alone), "me") or number == 0
        entry.sent_to(str(number + 1))
        entry.take_in(TokenChunk(request_id="r#1", token_ids=(number,), text="x"))

    assert entry.strikes == 0


def test_in_company_the_one_with_the_most_strikes_is_guilty_after_three() -> None:
    entry = entry_inside("0")
    for number in range(3):
        other = InFlight("me", "other#2", 0)
        crash = Crash(str(number), (InFlight("me", "r#1", entry.strikes), other))
        is_guilty = entry.is_guilty_of(crash, "me")
        entry.sent_to(str(number + 1))
        assert is_guilty == (number == 2)


@pytest.mark.parametrize(
    ("crash", "client_id"),
    [
        (Crash("another", (InFlight("me", "r#1", 5),)), "me"),
        (Crash("one", (InFlight("me", "other#1", 5),)), "me"),
        (Crash("one", (InFlight("you", "r#1", 5),)), "me"),
    ],
    ids=["another process", "another request", "another client"],
)
def test_who_was_not_inside_gets_no_strike(crash: Crash, client_id: str) -> None:
    entry = entry_inside("one")

    assert not entry.is_guilty_of(crash, client_id)
    assert entry.strikes == 0
