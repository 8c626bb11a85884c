"""All resources of `/v1`, in the order of the reference page; longer paths first."""

from app.agents.api_router import inboxes_router as inboxes
from app.agents.api_router import router as agents
from app.answers.router import router as answers
from app.api.keys_router import router as keys
from app.audit.api_router import router as audit
from app.connectors.api_router import router as connectors
from app.connectors.router import router as inbound
from app.contacts.router import router as contacts
from app.conversations.acts_router import router as acts
from app.conversations.feed_router import events_router as events
from app.conversations.feed_router import feedback_router as feedback
from app.conversations.feed_router import router as ratings
from app.conversations.router import router as conversations
from app.copilot.router import router as copilot
from app.knowledge.api_router import gap_router as gaps
from app.knowledge.api_router import router as articles
from app.openai.router import router as openai
from app.replies.api_router import labels_router as labels
from app.replies.api_router import router as replies
from app.reports.api_router import router as reports
from app.triage.router import router as triage
from app.webhooks.router import router as webhooks

ROUTERS = (
    conversations,
    acts,
    copilot,
    feedback,
    contacts,
    events,
    ratings,
    labels,
    agents,
    inboxes,
    articles,
    gaps,
    replies,
    reports,
    audit,
    openai,
    webhooks,
    connectors,
    inbound,
    keys,
    answers,
    triage,
)
