"""All resources of `/v1`, in the order of the reference page."""

from app.answers.router import router as answers
from app.contacts.router import router as contacts
from app.conversations.acts_router import router as acts
from app.conversations.router import router as conversations
from app.openai.router import router as openai
from app.webhooks.router import router as webhooks

ROUTERS = (conversations, acts, contacts, webhooks, openai, answers)
