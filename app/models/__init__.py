"""Every table, by area.

Keys are UUIDs of version 7, times are UTC, enums are short strings with a CHECK, JSON is for what
nobody searches.
"""

from app.models.api import ApiKey, IdempotencyKey
from app.models.attachments import Attachment
from app.models.base import Base, JsonList, JsonObject, UtcDateTime
from app.models.connectors import Connector, InboundReceipt, TicketComment, TicketLink
from app.models.conversations import (
    Conversation,
    ConversationEvent,
    Generation,
    Message,
    ReadMarker,
)
from app.models.identity import IdentitySecret
from app.models.jobs import Job, Worker
from app.models.knowledge import Article, ArticleVersion, KbGap, SentenceVector
from app.models.office import ArticleDraft, ArticleImport, AuditEntry, Invitation, Rating
from app.models.people import Agent, Contact, Inbox, VisitorSession, Workspace
from app.models.teamwork import CannedReply, ConversationLabel, Draft, Label, Mention
from app.models.triage import TriageBatch, TriageTicket
from app.models.webhooks import WebhookDelivery, WebhookEndpoint

__all__ = [
    "Agent",
    "ApiKey",
    "Article",
    "ArticleDraft",
    "ArticleImport",
    "ArticleVersion",
    "Attachment",
    "AuditEntry",
    "Base",
    "CannedReply",
    "Connector",
    "Contact",
    "Conversation",
    "ConversationEvent",
    "ConversationLabel",
    "Draft",
    "Generation",
    "IdempotencyKey",
    "IdentitySecret",
    "InboundReceipt",
    "Inbox",
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
    "SentenceVector",
    "TicketComment",
    "TicketLink",
    "TriageBatch",
    "TriageTicket",
    "UtcDateTime",
    "VisitorSession",
    "WebhookDelivery",
    "WebhookEndpoint",
    "Worker",
    "Workspace",
]
