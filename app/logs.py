"""Logs: one JSON object a line in the data folder, warnings also on the terminal.

Fields come from `extra`: ids, numbers and codes, never a customer's words or a secret. Whatever an
error's own text says besides is masked.
"""

import json
import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

from app.clock import as_wire, now
from app.privacy.masking import mask

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}
_MAX_BYTES = 16 << 20


class JsonLines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, logger, message, the fields of `extra`, and a traceback if there is one."""
        line: dict[str, object] = {
            "at": as_wire(now()),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": mask(record.getMessage()),
        }
        line |= {
            name: _masked(value) for name, value in vars(record).items() if name not in _STANDARD
        }
        if record.exc_info:
            line["traceback"] = mask(self.formatException(record.exc_info))
        return json.dumps(line, default=_masked)


class MaskedText(logging.Formatter):
    """A line for the terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """As usual, with personal data masked."""
        return mask(super().format(record))


def _masked(value: object) -> object:
    match value:
        case None | bool() | int() | float():
            return value
        case dict():
            return {str(key): _masked(one) for key, one in value.items()}
        case list() | tuple():
            return [_masked(one) for one in value]
        case _:
            return mask(str(value))


def set_up_logs(log_dir: Path, level: str, worker: int = 0) -> None:
    """Send every logger's records to `web.log`, and warnings to the terminal.

    Of several web processes each has a file of its own, `web-1.log` and so on.
    """
    name = f"web-{worker}.log" if worker else "web.log"
    to_file = RotatingFileHandler(log_dir / name, maxBytes=_MAX_BYTES, backupCount=3)
    to_file.setFormatter(JsonLines())
    to_terminal = logging.StreamHandler()
    to_terminal.setLevel(logging.WARNING)
    to_terminal.setFormatter(MaskedText("%(levelname)s %(name)s: %(message)s"))
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # it logs addresses of visitors
    logging.getLogger("bm25s").setLevel(logging.WARNING)  # it turns its own debugging on
    logging.basicConfig(level=level.upper(), handlers=[to_file, to_terminal], force=True)
