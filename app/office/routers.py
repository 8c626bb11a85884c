"""All pages of the office, in the order in which their paths are tried."""

from app.agents.members_router import router as members
from app.api.pages_router import router as keys
from app.audit.router import router as audit
from app.bench.router import router as bench
from app.connectors.pages_router import router as connectors
from app.dashboard.contact_router import router as contact_panel
from app.engine_room.router import router as engine_room
from app.knowledge.editor_router import router as editor
from app.knowledge.gaps_router import router as gaps
from app.knowledge.import_router import router as imports
from app.privacy.router import router as contacts
from app.replies.router import router as replies
from app.reports.router import router as reports
from app.webhooks.pages_router import router as webhooks
from app.widget.settings_router import router as widget
from app.workspace.router import router as settings

ROUTERS = (
    audit,
    bench,
    connectors,
    contact_panel,
    contacts,
    editor,
    engine_room,
    gaps,
    imports,
    keys,
    members,
    replies,
    reports,
    settings,
    webhooks,
    widget,
)
