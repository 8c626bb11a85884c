"""The agents' pages over HTTP, against both databases."""

import re
from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest

from app.conversations import service as conversations
from app.conversations.desk import NewLabel, keep_draft, set_label, set_priority
from app.dashboard.inbox import View
from app.handoff import service as handoff
from app.speakers import Customer
from app.vocabulary import AgentRole, DraftKind, Priority
from tests.app.bot import begin
from tests.care_client import agent_headers
from tests.conftest import Served
from tests.factories import PASSWORD, message, nothing_shown, open_shop, stranger
from tests.patience import PATIENCE_S


@pytest.fixture
async def visitor(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which nobody has signed in."""
    async with httpx.AsyncClient(base_url=served.http_url, timeout=PATIENCE_S) as client:
        yield client


@pytest.fixture
async def desk(served: Served, visitor: httpx.AsyncClient) -> httpx.AsyncClient:
    """A browser in which the agent has signed in."""
    visitor.headers.update(await agent_headers(served.parts, served.shop.agent))
    return visitor


async def ask(served: Served, token: str, text: str = "Where is my parcel?") -> UUID:
    """A customer of their own writes."""
    return await post(served, stranger(served.shop, token), text)


async def post(served: Served, customer: Customer, text: str) -> UUID:
    async with served.parts.database.work() as work:
        posted = await conversations.post_message(
            work, customer, message(text), shown=nothing_shown, reopen_days=7
        )
    return posted.conversation_id


async def hand_over(served: Served, conversation_id: UUID) -> None:
    async with served.parts.database.work() as work:
        await handoff.request_handoff(work, served.shop.agent, conversation_id, shown=nothing_shown)


async def take_over(served: Served, conversation_id: UUID, epoch: int = 0) -> None:
    async with served.parts.database.work() as work:
        await handoff.take_over(
            work, served.shop.agent, conversation_id, epoch=epoch, shown=nothing_shown
        )


async def resolve(served: Served, conversation_id: UUID) -> None:
    async with served.parts.database.work() as work:
        await conversations.resolve(work, served.shop.agent, conversation_id, shown=nothing_shown)


def numbers(page: httpx.Response) -> list[int]:
    """The conversations of the list, from the top."""
    assert page.status_code == 200
    return [int(found) for found in re.findall(r'row-number">#(\d+)<', page.text)]


def counts(page: httpx.Response) -> list[int]:
    """What stands beside the views."""
    return [int(found) for found in re.findall(r'class="count">(\d+)<', page.text)]


async def test_every_page_is_behind_the_door(visitor: httpx.AsyncClient) -> None:
    for path in ("", "/list", "/conversations/01999999-0000-7000-8000-000000000000"):
        answer = await visitor.get(f"/dashboard{path}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard/sign-in")


async def test_the_door_opens_with_the_right_password_only(
    served: Served, visitor: httpx.AsyncClient
) -> None:
    email = served.shop.email(AgentRole.AGENT)

    wrong = await visitor.post("/dashboard/sign-in", data={"email": email, "password": "no"})
    right = await visitor.post("/dashboard/sign-in", data={"email": email, "password": PASSWORD})

    assert wrong.status_code == 401
    assert "do not fit together" in wrong.text and f'value="{email}"' in wrong.text
    assert "set-cookie" not in wrong.headers
    assert (right.status_code, right.headers["location"]) == (303, "/dashboard")
    assert (
        "HttpOnly" in right.headers["set-cookie"] and "SameSite=lax" in right.headers["set-cookie"]
    )
    assert (await visitor.get("/dashboard")).status_code == 200


async def test_leaving_needs_a_form_of_ours(served: Served, desk: httpx.AsyncClient) -> None:
    forged = await desk.post("/dashboard/sign-out", data={"csrf": "guessed"})
    page = await desk.get("/dashboard")
    csrf = re.search(r'name="csrf" value="(\w+)"', page.text)
    assert csrf is not None
    left = await desk.post("/dashboard/sign-out", data={"csrf": csrf[1]})

    assert forged.status_code == 403
    assert left.status_code == 303 and 'careline_agent=""' in left.headers["set-cookie"]


async def test_each_view_shows_its_conversations_and_counts_all(
    served: Served, desk: httpx.AsyncClient
) -> None:
    asked = [await ask(served, f"token {number}") for number in range(5)]
    await hand_over(served, asked[3])
    await hand_over(served, asked[1])
    await take_over(served, asked[2])
    await resolve(served, asked[4])

    shown = {view: await desk.get("/dashboard", params={"view": view}) for view in View}

    assert numbers(shown[View.ALL]) == [3, 2, 4, 1], "the newest activity comes first"
    assert numbers(shown[View.BOT]) == [1]
    assert numbers(shown[View.UNASSIGNED]) == [2, 4], "whoever asked first waits longest"
    assert numbers(shown[View.WAITING]) == [2, 3, 4], "an agent who has not answered is waited for"
    assert numbers(shown[View.MINE]) == [3]
    assert numbers(shown[View.RESOLVED]) == [5]
    for page in shown.values():
        assert counts(page) == [4, 1, 2, 3, 1, 0, 0, 1]


async def test_the_list_comes_alone_for_a_page_that_has_heard_of_a_change(
    served: Served, desk: httpx.AsyncClient
) -> None:
    await ask(served, "a", "Do you rent kayaks?")

    part = await desk.get("/dashboard/list", params={"view": "bot"})

    assert numbers(part) == [1] and "Do you rent kayaks?" in part.text
    assert "<html" not in part.text
    assert 'hx-get="/dashboard/list?view=bot"' in part.text


async def test_the_list_says_that_the_bot_is_writing(
    served: Served, desk: httpx.AsyncClient
) -> None:
    conversation_id = await ask(served, "a")
    await begin(served.parts, str(conversation_id))

    assert "Bot is writing" in (await desk.get("/dashboard")).text


async def test_an_empty_view_says_so(desk: httpx.AsyncClient) -> None:
    assert "Nobody is waiting" in (await desk.get("/dashboard?view=waiting")).text
    assert "when a customer writes" in (await desk.get("/dashboard")).text


async def test_an_unknown_view_is_refused(desk: httpx.AsyncClient) -> None:
    assert (await desk.get("/dashboard?view=everything")).status_code == 422


async def test_a_wrong_address_is_told_to_a_person_as_a_page(desk: httpx.AsyncClient) -> None:
    browser = {"Accept": "text/html,*/*"}
    unfit = await desk.get("/dashboard?view=everything", headers=browser)
    nowhere = await desk.get("/dashboard/nowhere", headers=browser)

    assert unfit.status_code == 422 and "<h1>This address or form does not fit" in unfit.text
    assert nowhere.status_code == 404 and "<h1>There is no such page here." in nowhere.text


async def test_a_conversation_opens_beside_the_list(
    served: Served, desk: httpx.AsyncClient
) -> None:
    conversation_id = await ask(served, "a", "Do you rent kayaks?")
    await take_over(served, conversation_id)

    page = await desk.get(f"/dashboard/conversations/{conversation_id}")

    assert numbers(page) == [1]
    assert f'<care-conversation conversation="{conversation_id}"' in page.text
    assert served.shop.agent.name in page.text


async def test_another_companys_conversation_is_unknown_here(
    served: Served, desk: httpx.AsyncClient
) -> None:
    other = await open_shop(served.parts.database, "pk_other")
    theirs = await post(served, stranger(other, "b"), "Hello")

    page = await desk.get(f"/dashboard/conversations/{theirs}", headers={"Accept": "text/html"})

    assert page.status_code == 404 and "<h1>There is no such thing here.</h1>" in page.text
    assert numbers(await desk.get("/dashboard")) == []


async def test_what_customers_write_is_never_markup(
    served: Served, desk: httpx.AsyncClient
) -> None:
    conversation_id = await ask(served, "a", "<script>alert(1)</script>")

    page = await desk.get(f"/dashboard/conversations/{conversation_id}")

    assert "<script>alert" not in page.text
    assert page.text.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 2


async def test_a_filter_shows_what_has_the_label_the_priority_or_the_words(
    served: Served, desk: httpx.AsyncClient
) -> None:
    kayak = await ask(served, "a", "Do you rent kayaks?")
    await ask(served, "b", "Where is my 100% wool parcel?")
    async with served.parts.database.work() as work:
        await set_label(work, served.shop.agent, kayak, NewLabel("rental"), is_on=True)
        await set_priority(work, served.shop.agent, kayak, Priority.HIGH)

    async def shown(**query: str) -> list[int]:
        return numbers(await desk.get("/dashboard/list", params=query))

    assert await shown(label="rental") == await shown(priority="high") == [1]
    assert await shown(q="kayaks RENT") == await shown(q="#1") == [1]
    assert await shown(q="100%") == [2] and await shown(q="%") == [2]
    assert await shown(label="", priority="", q="") == [2, 1]
    assert await shown(limit="1") == [2]
    assert "Show more" in (await desk.get("/dashboard/list?limit=1")).text


async def test_a_customers_message_is_unread_until_the_agent_has_seen_it(
    served: Served, desk: httpx.AsyncClient
) -> None:
    conversation_id = await ask(served, "a")
    await take_over(served, conversation_id)
    assert "data-unread" in (await desk.get("/dashboard/list")).text

    async with served.parts.database.work() as work:
        await conversations.mark_read(work, served.shop.agent, conversation_id, 99)

    assert "data-unread" not in (await desk.get("/dashboard/list")).text


async def test_a_filter_is_saved_under_a_name_and_forgotten(desk: httpx.AsyncClient) -> None:
    csrf = csrf_of(await desk.get("/dashboard"))
    form = {"csrf": csrf, "name": "Urgent <b>", "view": "waiting", "priority": "urgent"}

    saved = await desk.post("/dashboard/views", data=form)
    page = await desk.get("/dashboard")
    forget = re.search(r'action="(/dashboard/views/[^"]+/forget)"', page.text)

    assert saved.headers["location"] == "/dashboard?view=waiting&priority=urgent"
    assert "Urgent &lt;b&gt;" in page.text and forget is not None
    await desk.post(forget[1], data={"csrf": csrf})
    assert "Urgent" not in (await desk.get("/dashboard/list")).text


async def test_a_saved_view_needs_a_form_of_ours_and_a_name(desk: httpx.AsyncClient) -> None:
    csrf = csrf_of(await desk.get("/dashboard"))

    assert (await desk.post("/dashboard/views", data={"csrf": "x", "name": "n"})).status_code == 403
    nameless = await desk.post("/dashboard/views", data={"csrf": csrf, "name": " ", "q": "tent"})
    assert nameless.status_code == 422
    assert re.search(r'id="save-name"[^>]*aria-describedby="save-name-error"', nameless.text)
    assert 'id="save-name-error" role="alert">A view' in nameless.text
    assert 'name="q" value="tent"' in nameless.text, "the filter is still there"


async def test_a_saved_view_is_marked_and_not_offered_to_be_saved_again(
    desk: httpx.AsyncClient,
) -> None:
    csrf = csrf_of(await desk.get("/dashboard"))
    await desk.post("/dashboard/views", data={"csrf": csrf, "name": "Tents", "q": "tent"})

    same = (await desk.get("/dashboard/list?q=tent")).text
    other = (await desk.get("/dashboard/list?q=tents")).text

    assert re.search(r'href="/dashboard\?view=all&amp;q=tent"[^>]*aria-current="page"', same)
    assert 'id="save-name"' not in same and 'id="save-name"' in other


async def test_a_filter_shows_what_somebody_has(served: Served, desk: httpx.AsyncClient) -> None:
    await ask(served, "a")
    mine = await ask(served, "b")
    await take_over(served, mine)
    me, viewer = served.shop.agent.agent_id, served.shop.agents[AgentRole.VIEWER].agent_id

    page = await desk.get("/dashboard", params={"assignee": str(me)})

    assert numbers(page) == [2] and f'value="{me}" selected' in page.text
    assert f'value="{viewer}"' not in page.text, "who cannot have a conversation is not offered"
    assert numbers(await desk.get("/dashboard/list?assignee=")) == [2, 1]
    assert (await desk.get("/dashboard/list?assignee=Tom")).status_code == 422


async def test_the_title_names_the_customer_and_the_panel_says_why_people_were_called(
    served: Served, desk: httpx.AsyncClient
) -> None:
    asked = await ask(served, "a")
    await hand_over(served, asked)

    page = (await desk.get(f"/dashboard/conversations/{asked}")).text

    assert "<title>Visitor · Careline</title>" in page
    assert "<dd>The customer asked for a person</dd>" in page


async def test_the_palette_leads_to_every_page_that_a_role_may_see(
    served: Served, desk: httpx.AsyncClient
) -> None:
    def pages(text: str) -> list[str]:
        listed = text.split('id="palette-pages"')[1].split("</ul>")[0]
        return re.findall(r'href="([^"]+)"', listed)

    own = pages((await desk.get("/dashboard")).text)
    beside = pages((await desk.get("/dashboard/reports")).text)
    desk.headers.update(await agent_headers(served.parts, served.shop.agents[AgentRole.ADMIN]))
    managers = pages((await desk.get("/dashboard")).text)

    assert own == beside and set(own) < set(managers)
    assert "/dashboard/keys" in managers and "/dashboard/keys" not in own
    for path in managers:
        assert (await desk.get(path)).status_code == 200, path


async def test_the_palette_finds_conversations_of_any_state(
    served: Served, desk: httpx.AsyncClient
) -> None:
    conversation_id = await ask(served, "a", "Do you rent kayaks?")
    await resolve(served, conversation_id)

    assert numbers(await desk.get("/dashboard/find", params={"q": "kayak"})) == [1]
    assert "No conversation" in (await desk.get("/dashboard/find", params={"q": "canoe"})).text


async def test_what_was_not_sent_is_there_again_and_only_for_its_writer(
    served: Served, desk: httpx.AsyncClient
) -> None:
    conversation_id = await ask(served, "a")
    for agent, text in ((served.shop.agent, "Half a"), (served.shop.agents[AgentRole.OWNER], "No")):
        async with served.parts.database.work() as work:
            await keep_draft(work, agent, conversation_id, DraftKind.REPLY, text)

    page = await desk.get(f"/dashboard/conversations/{conversation_id}")

    assert 'data-reply="Half a"' in page.text and 'data-note=""' in page.text


def csrf_of(page: httpx.Response) -> str:
    """What a form of the page sends back."""
    found = re.search(r'name="csrf" value="(\w+)"', page.text)
    assert found is not None
    return found[1]
