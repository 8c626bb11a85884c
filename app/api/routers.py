"""All resources of `/v1`, in the order of the reference page."""

from app.conversations.router import router as conversations

ROUTERS = (conversations,)
