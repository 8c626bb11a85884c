"""`/v1/labels` and `/v1/canned-replies`: what a team agrees on."""

from functools import partial
from typing import Annotated, Self
from uuid import UUID

from fastapi import Response
from pydantic import ConfigDict, Field, StringConstraints

from app.api.etags import IfMatch, check_match, tagged
from app.api.keys import ApiCaller, ApiWorkDep, require
from app.api.paging import Page, PagerDep
from app.api.routes import api_router
from app.api.scopes import Scope
from app.api.values import Body, Moment, Resource
from app.dependencies import SnapshotDep
from app.models import CannedReply, Label
from app.replies import service
from app.replies.service import MAX_BODY_CHARS, MAX_LABEL_CHARS, MAX_TITLE_CHARS, ReplyText

labels_router = api_router("/labels", "labels")
router = api_router("/canned-replies", "canned replies")

ReadsLabels = Annotated[ApiCaller, require(Scope.CONVERSATIONS_READ)]
WritesLabels = Annotated[ApiCaller, require(Scope.CONVERSATIONS_WRITE)]
Reads = Annotated[ApiCaller, require(Scope.KB_READ)]
Writes = Annotated[ApiCaller, require(Scope.KB_WRITE)]


class LabelResource(Resource):
    """A word to sort conversations by."""

    id: UUID
    name: str
    colour: str
    created_at: Moment

    @classmethod
    def of(cls, label: Label) -> Self:
        """The label as it is now."""
        return cls(id=label.id, name=label.name, colour=label.colour, created_at=label.created_at)


class LabelBody(Body):
    """A label's name and colour."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "vip", "colour": "violet"}]})

    name: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True, to_lower=True, min_length=1, max_length=MAX_LABEL_CHARS
        ),
    ]
    colour: Annotated[str, StringConstraints(max_length=16)] = Field(
        default="grey", description=f"One of {', '.join(service.LABEL_COLOURS)}."
    )


class ReplyResource(Resource):
    """A text agents insert by its shortcut; the engine drafts from it, too."""

    id: UUID
    shortcut: str
    title: str
    body_md: str
    locale: str
    uses: int
    created_at: Moment

    @classmethod
    def of(cls, reply: CannedReply) -> Self:
        """The reply as it is now."""
        return cls(
            id=reply.id,
            shortcut=reply.shortcut,
            title=reply.title,
            body_md=reply.body_md,
            locale=reply.locale,
            uses=reply.uses,
            created_at=reply.created_at,
        )


class ReplyBody(Body):
    """All of a reply."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"shortcut": "returns", "title": "Returns", "body_md": "Send it within 30 days."}
            ]
        }
    )

    shortcut: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=40)]
    title: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TITLE_CHARS)
    ]
    body_md: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_BODY_CHARS)
    ]

    @property
    def text(self) -> ReplyText:
        """As the service wants it."""
        return ReplyText(self.shortcut, self.title, self.body_md, is_shared=True)


@labels_router.get("")
async def list_labels(
    caller: ReadsLabels, pager: PagerDep, session: SnapshotDep
) -> Page[LabelResource]:
    """Labels, newest first."""
    found = partial(service.page_of_labels, session, caller.workspace_id)
    return await pager.read("labels", found, LabelResource.of)


@labels_router.post("", status_code=201)
async def create_label(
    caller: WritesLabels, work: ApiWorkDep, body: LabelBody, response: Response
) -> LabelResource:
    """Make a label."""
    label = await service.save_label(work, caller.doer, None, body.name, body.colour)
    response.headers["Location"] = f"/v1/labels/{label.id}"
    return tagged(response, LabelResource.of(label))


@labels_router.get("/{label_id}")
async def get_label(
    label_id: UUID, caller: ReadsLabels, session: SnapshotDep, response: Response
) -> LabelResource:
    """One label; its `ETag` names this state."""
    found = await service.read_label(session, caller.workspace_id, label_id)
    return tagged(response, LabelResource.of(found))


@labels_router.put("/{label_id}", responses={412: {"description": "It has changed."}})
async def change_label(
    label_id: UUID,
    caller: WritesLabels,
    work: ApiWorkDep,
    body: LabelBody,
    response: Response,
    if_match: IfMatch = None,
) -> LabelResource:
    """Give it another name or colour."""
    before = await service.read_label(work.session, caller.workspace_id, label_id)
    await work.session.refresh(before, with_for_update=True)
    check_match(if_match, LabelResource.of(before))
    label = await service.save_label(work, caller.doer, label_id, body.name, body.colour)
    return tagged(response, LabelResource.of(label))


@labels_router.delete("/{label_id}", status_code=204)
async def delete_label(label_id: UUID, caller: WritesLabels, work: ApiWorkDep) -> None:
    """Remove it, from its conversations too."""
    await service.delete_label(work, caller.doer, label_id)


@router.get("")
async def list_replies(caller: Reads, pager: PagerDep, session: SnapshotDep) -> Page[ReplyResource]:
    """Shared replies, newest first; agents' own ones are theirs alone."""
    found = partial(service.page_of_shared, session, caller.workspace_id)
    return await pager.read("canned-replies", found, ReplyResource.of)


@router.post("", status_code=201)
async def create_reply(
    caller: Writes, work: ApiWorkDep, body: ReplyBody, response: Response
) -> ReplyResource:
    """Make a shared reply."""
    reply = await service.save_reply(work, caller.doer, None, body.text)
    response.headers["Location"] = f"/v1/canned-replies/{reply.id}"
    return tagged(response, ReplyResource.of(reply))


@router.get("/{reply_id}")
async def get_reply(
    reply_id: UUID, caller: Reads, session: SnapshotDep, response: Response
) -> ReplyResource:
    """One shared reply; its `ETag` names this state."""
    found = await service.read_shared(session, caller.workspace_id, reply_id)
    return tagged(response, ReplyResource.of(found))


@router.put("/{reply_id}", responses={412: {"description": "It has changed."}})
async def change_reply(
    reply_id: UUID,
    caller: Writes,
    work: ApiWorkDep,
    body: ReplyBody,
    response: Response,
    if_match: IfMatch = None,
) -> ReplyResource:
    """Say something else."""
    before = await service.read_shared(work.session, caller.workspace_id, reply_id)
    await work.session.refresh(before, with_for_update=True)
    check_match(if_match, ReplyResource.of(before))
    changed = await service.save_reply(work, caller.doer, reply_id, body.text)
    return tagged(response, ReplyResource.of(changed))


@router.delete("/{reply_id}", status_code=204)
async def delete_reply(reply_id: UUID, caller: Writes, work: ApiWorkDep) -> None:
    """Remove it."""
    await service.read_shared(work.session, caller.workspace_id, reply_id)
    await service.delete_reply(work, caller.doer, reply_id)
