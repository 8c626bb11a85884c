"""Logs: one JSON object a line in the data folder, warnings also on the terminal.

Fields come from `extra`: ids, numbers and codes, never a customer's words or a secret.
"""

import json
import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

from app.clock import as_wire, now

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
            "event": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def set_up_logs(log_dir: Path, level: str) -> None:
    """Send every logger's records to `web.log`, and warnings to the terminal."""
    to_file = RotatingFileHandler(log_dir / "web.log", maxBytes=_MAX_BYTES, backupCount=3)
    to_file.setFormatter(JsonLines())
    to_terminal = logging.StreamHandler()
    to_terminal.setLevel(logging.WARNING)
    to_terminal.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # it logs addresses of visitors
    logging.getLogger("bm25s").setLevel(logging.WARNING)  # it turns its own debugging on
    logging.basicConfig(level=level.upper(), handlers=[to_file, to_terminal], force=True)
