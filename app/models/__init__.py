"""Every table, by area.

Keys are UUIDs of version 7, times are UTC, enums are short strings with a CHECK, JSON is for what
nobody searches.
"""

from app.models.api import ApiKey, IdempotencyKey
from app.models.attachments import Attachment
from app.models.base import Base, JsonList, JsonObject, UtcDateTime
from app.models.conversations import (
    Conversation,
    ConversationEvent,
    Generation,
    Message,
    ReadMarker,
)
from app.models.jobs import Job
from app.models.knowledge import Article, ArticleVersion, KbGap
from app.models.office import ArticleDraft, ArticleImport, AuditEntry, Invitation, Rating
from app.models.people import Agent, Contact, Inbox, VisitorSession, Workspace
from app.models.teamwork import CannedReply, ConversationLabel, Draft, Label, Mention

__all__ = [
    "Agent",
    "Article",
    "ApiKey",
    "ArticleDraft",
    "ArticleImport",
    "ArticleVersion",
    "Attachment",
    "AuditEntry",
    "Base",
    "CannedReply",
    "Contact",
    "Conversation",
    "ConversationEvent",
    "ConversationLabel",
    "Draft",
    "Generation",
    "Inbox",
    "IdempotencyKey",
    "IdentitySecret",
    "Invitation",
    "Job",
    "JsonList",
    "JsonObject",
    "KbGap",
    "Label",
    "Mention",
    "Message",
    "Rating",
    "ReadMarker",
    "UtcDateTime",
    "VisitorSession",
    "Workspace",
]
