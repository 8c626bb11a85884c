"""`/v1/events`, `/v1/ratings`: what happened anywhere, and what customers think."""

from functools import partial
from typing import Annotated, Self
from uuid import UUID

from fastapi import Query
from pydantic import ConfigDict, Field

from app.api.keys import ApiWorkDep
from app.api.paging import Page, PagerDep
from app.api.routes import api_router
from app.api.values import Body, Moment, Resource
from app.conversations import rating, relay, service
from app.conversations.feed import Placed, read_feed
from app.conversations.resources import MessageResource
from app.conversations.rights import Reads, Writes
from app.conversations.schemas import EventOut
from app.dependencies import PartsDep, SnapshotDep
from app.models import Rating
from app.vocabulary import AnsweredBy, Feedback

events_router = api_router("/events", "events")
router = api_router("/ratings", "ratings")
feedback_router = api_router("/conversations/{conversation_id}/messages", "conversations")


class FeedEvent(EventOut):
    """An event with its place in the feed."""

    place: int

    @classmethod
    def placed(cls, one: Placed) -> Self:
        """As its frame shows it."""
        return cls(place=one.place, **EventOut.of(one.event).model_dump())


class Feed(Resource):
    """A part of the feed."""

    data: list[FeedEvent]
    last: int = Field(description="Send it as `after` to go on.")
    has_more: bool


class RatingResource(Resource):
    """What a customer thinks of a conversation."""

    id: UUID
    conversation_id: UUID
    score: int
    comment: str
    about: AnsweredBy = Field(description="Who had the last word.")
    created_at: Moment

    @classmethod
    def of(cls, found: Rating) -> Self:
        """The rating as it is now."""
        return cls(
            id=found.id,
            conversation_id=found.conversation_id,
            score=found.score,
            comment=found.comment,
            about=found.answered_by,
            created_at=found.created_at,
        )


class FeedbackBody(Body):
    """Whether an answer helped."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"feedback": "helped"}]})

    feedback: Feedback


@events_router.get("")
async def read_events(
    caller: Reads,
    parts: PartsDep,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: Annotated[int, Query(ge=1, le=100)] = 100,
) -> Feed:
    """The events of all conversations behind a place, oldest first, internal ones too.

    An event never moves and none appears behind a place that was read, so whoever keeps `last`
    misses nothing; it is a way to live without webhooks.
    """
    found = await read_feed(parts.database, caller.workspace_id, after=after, limit=limit)
    events = [FeedEvent.placed(one) for one in found.events]
    return Feed(data=events, last=found.last, has_more=found.has_more)


@router.get("")
async def list_ratings(
    caller: Reads, pager: PagerDep, session: SnapshotDep
) -> Page[RatingResource]:
    """Ratings, newest first."""
    found = partial(rating.page_of_ratings, session, caller.workspace_id)
    return await pager.read("ratings", found, RatingResource.of)


@feedback_router.put("/{message_id}/feedback")
async def give_feedback(
    conversation_id: UUID, message_id: UUID, caller: Writes, work: ApiWorkDep, body: FeedbackBody
) -> MessageResource:
    """Say in the customer's name whether an answer of the bot helped."""
    row = await service.lock_row(work, caller.agent, conversation_id)
    customer = relay.speaker_of(row.conversation)
    given = rating.give_feedback(work, customer, conversation_id, message_id, body.feedback)
    return MessageResource.of(await given)
