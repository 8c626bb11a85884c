"""Settings, canned replies and labels: what fits is stored and noted, what does not is told."""

import re

import pytest
from sqlalchemy import select

from app.audit.repository import read_entries
from app.conversations.care_policy import CarePolicy
from app.models import CannedReply, Workspace
from app.vocabulary import AgentRole
from app.workspace.answer_policy import AnswerMode, AnswerPolicy, PiiMasking, ReleaseMode
from app.workspace.policy import retention_days
from tests.app.office.desk import desk_of
from tests.conftest import Served

HOSTILE = '"><script>alert(1)</script>'
FORM = {
    "name": "Fernhill",
    "timezone": "Europe/Berlin",
    "bot_name": "Fern",
    "disclosure": "You are talking to an AI.",
    "bot_enabled": "on",
    "has_hours": "on",
    "hours_mon": "9:00-12:30, 13:30-18:00",
    "holidays": "2026-12-25",
    "resolve_after_h": "12",
    "archive_after_days": "60",
    "retention_days": "365",
    "answer_mode": "free",
    "release_mode": "token",
    "guidance": "Be cheerful.",
    "never_say": "cheap\r\nmoney back",
    "mask_pii": "stored",
}


async def test_decisions_are_stored_where_they_are_read_and_noted(served: Served) -> None:
    async with desk_of(served, AgentRole.ADMIN) as desk:
        saved = await desk.post("/settings", **FORM)
        again = await desk.post("/settings", **FORM)
        page = await desk.get("/settings")

    async with served.parts.database.snapshot() as session:
        workspace = await session.get_one(Workspace, served.shop.workspace_id)
        noted = await read_entries(session, served.shop.workspace_id, area="settings")
    care = CarePolicy.of(workspace)
    assert (saved.status_code, again.status_code) == (303, 303)
    assert retention_days(workspace) == 365
    policy = AnswerPolicy.of(workspace)
    assert (policy.mode, policy.release) == (AnswerMode.FREE, ReleaseMode.TOKEN)
    assert policy.mask_pii is PiiMasking.STORED
    assert (policy.guidance, policy.never_say) == ("Be cheerful.", ("cheap", "money back"))
    assert care.hours.week is not None and len(care.hours.week[0]) == 2
    assert care.resolved_after.total_seconds() == 12 * 3600
    assert 'value="09:00-12:30, 13:30-18:00"' in page.text
    (entry,) = noted.entries
    assert entry.details["timezone"] == ["UTC", "Europe/Berlin"]
    assert entry.agent_name == "Admin Ana" and entry.address == "127.0.0.1"


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("name", "", "Please fill this in."),
        ("timezone", "Mars/Olympus", "There is no such time zone"),
        ("resolve_after_h", "0", "from 1 to 720"),
        ("retention_days", "many", "from 0 to 3,650"),
        ("hours_mon", "nine to five", "Such as 09:00-12:30"),
        ("hours_mon", "18:00-09:00", "end before they begin"),
        ("hours_mon", "25:00-26:00", "cannot be read"),
        ("holidays", "Christmas", "is not a day such as"),
        ("disclosure", "x" * 401, "At most 400 characters"),
        ("bot_name", "a\x00b", "cannot be shown"),
        ("answer_mode", "", "Please choose one of these."),
        ("guidance", "x" * 1_001, "At most 1,000 characters"),
        ("never_say", "one two three four five", "At most 4 words"),
        ("never_say", "\n".join(map(str, range(51))), "At most 50 lines"),
        ("never_say", "!?", "There is no word in"),
        ("mask_pii", "maybe", "Please choose one of these."),
        ("name", HOSTILE * 20, "At most 200 characters"),
    ],
)
async def test_what_does_not_fit_is_told_at_its_field(
    served: Served, field: str, value: str, reason: str
) -> None:
    async with desk_of(served, AgentRole.ADMIN) as desk:
        page = await desk.post("/settings", **(FORM | {field: value}))

    assert page.status_code == 422 and reason in page.text
    assert f'id="{field}-error"' in page.text and "<script>alert" not in page.text
    async with served.parts.database.snapshot() as session:
        workspace = await session.get_one(Workspace, served.shop.workspace_id)
    assert workspace.settings == {}


async def test_shortcuts_are_unique_and_private_ones_are_private(served: Served) -> None:
    reply = {"shortcut": "/Hello", "title": HOSTILE, "body_md": HOSTILE}
    async with desk_of(served, AgentRole.ADMIN) as admin:
        made = await admin.post("/replies", **reply, is_shared="on")
        twice = await admin.post("/replies", **reply, is_shared="on")
        bad = await admin.post("/replies", **(reply | {"shortcut": "two words"}))
    async with desk_of(served, AgentRole.AGENT) as agent:
        own = await agent.post("/replies", **reply)
        page = await agent.get("/replies")
        async with served.parts.database.snapshot() as session:
            replies = (await session.scalars(select(CannedReply))).all()
    async with desk_of(served, AgentRole.OWNER) as owner:
        others = await owner.get("/replies")

    assert (made.status_code, own.status_code, len(replies)) == (303, 303, 2)
    assert twice.status_code == 422 and "in use already" in twice.text
    assert bad.status_code == 422 and "Only a-z" in bad.text
    assert page.text.count("/hello</a>") == 2 and others.text.count("/hello</a>") == 1
    assert "<script>alert" not in page.text


async def test_a_label_has_one_name_and_a_colour_of_the_palette(served: Served) -> None:
    async with desk_of(served, AgentRole.ADMIN) as desk:
        made = await desk.post("/labels", name="Billing", colour="red")
        twice = await desk.post("/labels", name="billing", colour="red")
        odd = await desk.post("/labels", name="odd", colour="url(x)")
        page = await desk.get("/labels")

    assert made.status_code == 303 and 'value="billing"' in page.text
    assert twice.status_code == 422 and "in use already" in twice.text
    assert odd.status_code == 422 and "The colours are" in odd.text


async def test_a_label_that_cannot_be_renamed_says_so_in_its_row(served: Served) -> None:
    async with desk_of(served, AgentRole.ADMIN) as desk:
        for name in ("billing", "delivery"):
            await desk.post("/labels", name=name, colour="red")
        listed = await desk.get("/labels")
        ids = re.findall(r'action="/dashboard/labels/([0-9a-f-]{36})"', listed.text)
        twice = await desk.post(f"/labels/{ids[1]}", name="billing", colour="red")

    assert twice.status_code == 422
    row = twice.text.split(f"/labels/{ids[1]}")[1].split("</tr>")[0]
    assert f'aria-describedby="label-{ids[1]}-error"' in row and "in use already" in row
    assert 'id="name-error"' not in twice.text, "the form of a new label is not to blame"
