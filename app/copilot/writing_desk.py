"""The desk of the running application, for whoever asks for a suggestion."""

from app.copilot.service import Desk
from app.errors import Unavailable
from app.parts import Parts


def writing_desk(parts: Parts) -> Desk:
    """What replies are written with.

    Raises:
        Unavailable: there is no engine.
    """
    if parts.engine is None:
        raise Unavailable("The engine is not there.")
    return Desk(
        parts.database,
        parts.library,
        parts.engine.client,
        parts.secrets.prefix_salt,
        parts.settings.answer_timeout_s,
    )
