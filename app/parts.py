"""What `create_app` builds and hands on; routers and sockets find it on the application."""

from dataclasses import dataclass, field
from typing import cast

from starlette.requests import HTTPConnection

from app.agents.presence import Presence
from app.api.idempotency import RunningWrites
from app.api.limits import Limits
from app.clock import Clock
from app.database import Database
from app.engine_room.history import History
from app.engines import Engine
from app.events import Dispatcher
from app.knowledge.imports import UrlImporter
from app.knowledge.library import Library
from app.live.attendance import Attendance
from app.live.hub import Hub
from app.metrics import Metrics
from app.outgoing import Outgoing
from app.readiness import Readiness
from app.security import Secrets
from app.settings import Settings
from app.throttle import Throttle


@dataclass
class Parts:
    """The application's parts, each made once."""

    settings: Settings
    clock: Clock
    database: Database
    dispatcher: Dispatcher
    hub: Hub
    presence: Presence
    secrets: Secrets
    sign_ins: Throttle
    metrics: Metrics
    readiness: Readiness
    library: Library
    url_importer: UrlImporter
    outgoing: Outgoing
    api_limits: Limits
    engine: Engine | None
    """None until the lifespan has started it."""
    engine_history: History = field(default_factory=History)
    uploads: Throttle = field(default_factory=lambda: Throttle(120, window_s=3_600))
    """By address; a session has its own limit besides."""
    running_writes: RunningWrites = field(default_factory=RunningWrites)
    attendance: Attendance = field(init=False)

    def __post_init__(self) -> None:
        """Build what only joins other parts."""
        every_s = self.settings.presence_interval_s
        self.attendance = Attendance(
            self.database, self.hub, self.presence, self.clock, every_s=every_s
        )
        self.attendance.listen(self.dispatcher)


def parts_of(connection: HTTPConnection) -> Parts:
    """The parts of the application that serves this request or socket."""
    return cast(Parts, connection.app.state.parts)
