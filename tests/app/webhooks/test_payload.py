"""Bodies fit into 20 KB whatever was said; delays and signatures are as specified."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook

from app.clock import now
from app.errors import NotSignedIn
from app.events import EventStored
from app.models import Contact, Conversation
from app.vocabulary import Control, EventType, Priority, Side, Status, Visibility
from app.webhooks import pacing, payload
from app.webhooks.signing import headers, told, verify

ID = UUID(int=1)
KEY = bytes(range(32))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def body_of(text: str, citations: list[dict[str, str]]) -> str:
    message = {"id": str(ID), "text": text, "citations": citations, "chips": []}
    event = EventStored(
        ID,
        ID,
        event_id=ID,
        seq=7,
        type=EventType.MESSAGE_CREATED,
        visibility=Visibility.PUBLIC,
        at=now(),
        data={"message": message},
    )
    conversation = Conversation(
        id=ID,
        number=1,
        inbox_id=ID,
        status=Status.OPEN,
        control=Control.BOT,
        priority=Priority.NORMAL,
        waiting_on=Side.US,
        last_seq=7,
    )
    return payload.of_event(event, conversation, Contact(id=ID))


@settings(max_examples=50, deadline=None)
@given(part=TEXTS, times=st.integers(1, 2_000), num_citations=st.integers(0, 40))
def test_no_body_is_longer_than_20_kb_and_none_is_cut_without_need(
    part: str, times: int, num_citations: int
) -> None:
    text = part * times
    body = body_of(text, [{"quote": "q" * 400}] * num_citations)

    found = json.loads(body)["data"]
    assert len(body.encode()) <= payload.MAX_BYTES
    assert text.startswith(found["message"]["text"])
    assert found.get("truncated", False) == (found["message"]["text"] != text) or num_citations
    assert found["seq"] == 7


@given(body=st.binary(max_size=200), offset_s=st.integers(-300, 300))
def test_the_library_and_we_agree_on_signatures(body: bytes, offset_s: int) -> None:
    at = datetime.now(UTC)
    text = body.hex()
    made = dict(headers([KEY, b"other" * 8], "msg_1", at, text.encode()))

    Webhook(told(KEY)).verify(text, made, json_parse=False)
    theirs = Webhook(told(KEY)).sign("msg_1", at, text)
    assert made["webhook-signature"].split(" ")[0] == theirs
    later = at.replace(microsecond=0) + timedelta(seconds=offset_s)
    assert verify([KEY], made, text.encode(), later) == "msg_1"
    with pytest.raises(NotSignedIn):
        verify([b"another key"], made, text.encode(), at)
    with pytest.raises(NotSignedIn):
        verify([KEY], made, text.encode() + b" ", at)


def test_waits_grow_with_jitter_and_have_an_end() -> None:
    for attempts in range(1, pacing.MAX_ATTEMPTS):
        least, most = pacing.delay_after(attempts, 0.0), pacing.delay_after(attempts, 1.0)
        assert least == pacing.DELAYS[attempts - 1] and most == least * 1.2
    assert pacing.delay_after(pacing.MAX_ATTEMPTS, 0.0) is None
    pauses = [pacing.pause_after(n, 0.0).total_seconds() for n in range(12)]
    assert pauses[:6] == [0, 0, 0, 5, 10, 20] and pauses[-1] == 300


@pytest.mark.parametrize(
    ("status", "written", "seconds"),
    [
        (429, "30", 30),
        (503, "Wed, 21 Oct 2026 07:28:10 GMT", 10),
        (503, "Wed, 21 Oct 2026 07:27:00 GMT", 0),
        (500, "30", 0),
        (429, "", 0),
        (429, "soon", 0),
        (429, "-5", 0),
        (429, "9" * 30, 86_400),
        (502, "Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
    ],
)
def test_what_a_receiver_asks_for_is_granted_within_a_day(
    status: int, written: str, seconds: int
) -> None:
    at = datetime(2026, 10, 21, 7, 28, tzinfo=UTC)

    assert pacing.asked_to_wait(status, written, at).total_seconds() == seconds


def test_nothing_a_customer_said_stays_when_it_is_erased() -> None:
    told = json.loads(body_of("my words", [{"quote": "quoted"}]))
    told["data"]["message"]["files"] = [{"name": "me.png"}]

    erased = payload.without_words(json.dumps(told))

    assert not any(words in erased for words in ("my words", "quoted", "me.png"))
    assert json.loads(erased)["data"]["seq"] == 7


def test_every_type_of_event_is_written_down() -> None:
    page = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text()

    assert [kind.value for kind in EventType if f"`{kind.value}`" not in page] == []
