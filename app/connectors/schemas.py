"""Connectors as the REST API shows and takes them; no credential is ever shown."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from app.api.errors import BadField
from app.api.routes import PREFIX
from app.api.values import Body, Flag, PatchBody, Resource, ShortName, Url
from app.connectors.service import SWITCHES, ConnectorRow, Wanted
from app.connectors.systems import KINDS
from app.vocabulary import TicketSystemKind

User = Annotated[str, Field(max_length=200, description="Of an account of Careline's own there.")]
Secret = Annotated[str, Field(max_length=1_000, description="Password, token or key.")]
SigningSecret = Annotated[
    str, Field(max_length=1_000, description="Of Zendesk's own webhook; others have none.")
]
Setting = Annotated[str, StringConstraints(max_length=200)]
Settings = Annotated[
    dict[str, Setting],
    Field(max_length=20, description="By name: Zammad's `group`, Request Tracker's `queue`, …"),
]


class NewConnector(Body):
    """A connector to be."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "system": "rt",
                    "name": "Support team",
                    "url": "https://desk.example",
                    "user": "careline",
                    "secret": "a password",
                    "settings": {"queue": "General"},
                    "imports": True,
                }
            ]
        }
    )

    system: TicketSystemKind
    name: ShortName = Field(description="Customers read it when somebody there takes over.")
    url: Url
    user: User = ""
    secret: Secret = ""
    signing_secret: SigningSecret = ""
    settings: Settings = Field(default_factory=dict)
    imports: Flag = Field(False, description="Take in tickets that begin there.")
    bot_answers: Flag = Field(False, description="Let the bot answer those first.")

    def wanted(self) -> Wanted:
        """For the service.

        Raises:
            BadField: the system needs a user or a secret, or knows no such setting.
        """
        kind = KINDS[self.system]
        for field, label, given in (
            ("user", kind.user_label, self.user),
            ("secret", kind.secret_label, self.secret),
        ):
            if label and not given:
                raise BadField(f"/{field}", f"{kind.title} needs it: {label}.", "missing")
        _check_settings(self.system, self.settings)
        switches = {"imports": self.imports, "bot_answers": self.bot_answers}
        return Wanted(
            self.name,
            self.url.rstrip("/"),
            self.user,
            self.secret,
            self.settings | {name: "on" for name, is_on in switches.items() if is_on},
            self.signing_secret,
        )


class ConnectorChange(PatchBody):
    """What is left out stays as it is; another address needs the secret again."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"enabled": True}]})

    name: ShortName | None = None
    url: Url | None = None
    user: User | None = None
    secret: Secret = ""
    signing_secret: SigningSecret = ""
    settings: Settings | None = None
    imports: Flag | None = None
    bot_answers: Flag | None = None
    enabled: Flag | None = None

    def applied_to(self, row: ConnectorRow, known_user: str) -> Wanted:
        """All that it will be.

        Raises:
            BadField: the system knows no such setting.
        """
        known = row.connector.settings
        settings = {name: value for name, value in known.items() if name not in SWITCHES}
        if self.settings is not None:
            _check_settings(row.connector.system, self.settings)
            settings = self.settings
        for name, is_on in (("imports", self.imports), ("bot_answers", self.bot_answers)):
            if known.get(name) if is_on is None else is_on:
                settings = settings | {name: "on"}
        return Wanted(
            self.name or row.endpoint.name,
            (self.url or row.endpoint.url).rstrip("/"),
            known_user if self.user is None else self.user,
            self.secret,
            settings,
            self.signing_secret,
        )


class ConnectorOut(Resource):
    """A connector as it is; its credentials are shown nowhere."""

    id: UUID
    name: str
    system: TicketSystemKind
    url: str
    settings: dict[str, str]
    imports: bool
    bot_answers: bool
    inbound_path: str = Field(description="Where the ticket system may tell its news.")
    enabled: bool
    disabled_reason: str | None = Field(description="Why Careline itself has disabled it.")
    poll_error: str | None = Field(description="Why its news cannot be read.")
    old_secret_until: datetime | None = Field(description="Until then two secrets are good.")
    num_tickets: int = Field(description="At most 10,000 are counted.")
    created_at: datetime

    @classmethod
    def of(cls, row: ConnectorRow) -> Self:
        """As it is now."""
        return cls.model_validate(_shown(row))


class ConnectorWithSecret(ConnectorOut):
    """The same with the secret of its signatures, which is told once."""

    secret: str = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])

    @classmethod
    def with_secret(cls, row: ConnectorRow, secret: str) -> Self:
        """As it is now."""
        return cls.model_validate(_shown(row) | {"secret": secret})


class CheckOut(Resource):
    """What came of signing in there."""

    works: bool
    signed_in_as: str | None
    trouble: str | None = Field(description="Why it does not work.")


def _check_settings(system: TicketSystemKind, settings: dict[str, str]) -> None:
    known = {name for name, _ in KINDS[system].settings}
    for name in settings:
        if name not in known:
            told = f"{KINDS[system].title} has no such setting."
            raise BadField(f"/settings/{name}", told, "unknown")


def _shown(row: ConnectorRow) -> dict[str, object]:
    connector, endpoint = row.connector, row.endpoint
    settings = connector.settings
    return {
        "id": connector.id,
        "name": endpoint.name,
        "system": connector.system,
        "url": endpoint.url,
        "settings": {name: text for name, text in settings.items() if name not in SWITCHES},
        **{name: bool(settings.get(name)) for name in SWITCHES},
        "inbound_path": f"{PREFIX}/inbound/{connector.id}",
        "enabled": endpoint.disabled_at is None,
        "disabled_reason": endpoint.disabled_reason,
        "poll_error": connector.poll_error,
        "old_secret_until": endpoint.old_secret_until,
        "num_tickets": row.num_tickets,
        "created_at": connector.created_at,
    }
