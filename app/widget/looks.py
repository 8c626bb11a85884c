"""How a site's widget looks and what it asks first; what was stored before a field came has its
default.

Empty texts mean the widget's own, which it has in every language it speaks.
"""

import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Self

from app.models import JsonObject

COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "ar")


class Side(StrEnum):
    """Where the launcher stands."""

    RIGHT = "right"
    LEFT = "left"


class Scheme(StrEnum):
    """Which colours; `auto` is what the visitor prefers."""

    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"


class Asks(StrEnum):
    """Whether a field stands before the chat."""

    OFF = "off"
    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True)
class Looks:
    """Kept in `Inbox.theme`; the widget fetches it before it shows itself."""

    accent: str = ""
    accent_dark: str = ""
    side: Side = Side.RIGHT
    scheme: Scheme = Scheme.AUTO
    locale: str = ""
    """What it speaks where the page does not say."""
    launcher: str = ""
    """Words beside the launcher's icon."""
    title: str = ""
    greeting: str = ""
    questions: tuple[str, ...] = ()
    """Offered in an empty chat."""

    @classmethod
    def read(cls, stored: JsonObject) -> Self:
        """What `stored()` has kept."""
        known = {name: stored[name] for name in cls.__dataclass_fields__ if name in stored}
        return cls(**known | {"questions": tuple(known.get("questions", ()))})

    def stored(self) -> JsonObject:
        """As it is kept and sent."""
        return asdict(self) | {"questions": list(self.questions)}


@dataclass(frozen=True)
class Prechat:
    """Kept in `Inbox.prechat`: what is asked of people nobody has signed for."""

    is_on: bool = False
    name: Asks = Asks.OPTIONAL
    email: Asks = Asks.REQUIRED
    privacy_url: str = ""
    """With it people agree to the privacy notice behind it before they write."""

    @classmethod
    def read(cls, stored: JsonObject) -> Self:
        """What `stored()` has kept."""
        return cls(**{name: stored[name] for name in cls.__dataclass_fields__ if name in stored})

    def stored(self) -> JsonObject:
        """As it is kept."""
        return asdict(self)

    def wire(self) -> JsonObject:
        """As a widget is told."""
        return {"name": self.name, "email": self.email, "privacy_url": self.privacy_url}
