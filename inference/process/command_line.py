"""Settings as options of the engine process's command line, there and back."""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from inference.config import EngineConfig
from inference.process.socket_server import ServerSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerCommand:
    """What one engine process is told."""

    socket_path: Path
    is_supervised: bool
    is_after_kill: bool = False
    """Whether the process before this one was killed by somebody else than the supervisor."""
    engine: EngineConfig
    server: ServerSettings


def to_arguments(command: ServerCommand) -> list[str]:
    """The arguments that `parse` turns into this command; defaults are left out."""
    arguments = [f"--socket={command.socket_path}"]
    if command.is_supervised:
        arguments.append("--supervised")
    if command.is_after_kill:
        arguments.append("--after-kill")
    for settings in (command.engine, command.server):
        for field in dataclasses.fields(settings):
            value = getattr(settings, field.name)
            if value == field.default:
                continue
            flag = _flag(field.name)
            if isinstance(value, bool):
                arguments.append(flag if value else f"--no-{field.name.replace('_', '-')}")
            else:
                each = value if isinstance(value, tuple | list) else (value,)
                arguments += [f"{flag}={one}" for one in each]
    return arguments


def parse(arguments: Sequence[str] | None = None) -> ServerCommand:
    """The command in these arguments (None: of this process); a wrong one ends the process.

    Raises:
        InvalidConfig: an option is out of its range.
    """
    parser = argparse.ArgumentParser(
        prog="python -m inference.server",
        description="Serve one model to the clients of a Unix socket.",
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--supervised", action="store_true", default=False)
    parser.add_argument("--after-kill", action="store_true", default=False)
    for kind in (EngineConfig, ServerSettings):
        for field in dataclasses.fields(kind):
            _add_option(parser, field.name, field.default)
    given = vars(parser.parse_args(arguments))
    if "speculator" in given:
        names = given["speculator"]
        given["speculator"] = names[0] if len(names) == 1 else tuple(names)
    of_server = {field.name for field in dataclasses.fields(ServerSettings)} & given.keys()
    of_engine = {field.name for field in dataclasses.fields(EngineConfig)} & given.keys()
    return ServerCommand(
        socket_path=given["socket"],
        is_supervised=given["supervised"],
        is_after_kill=given["after_kill"],
        engine=EngineConfig(**{name: given[name] for name in of_engine}),
        server=ServerSettings(**{name: given[name] for name in of_server}),
    )


def _add_option(parser: argparse.ArgumentParser, name: str, default: object) -> None:
    if name == "speculator":
        parser.add_argument(_flag(name), action="append", help="may be given several times")
    elif isinstance(default, bool):
        parser.add_argument(_flag(name), action=argparse.BooleanOptionalAction)
    elif isinstance(default, int | float):
        parser.add_argument(_flag(name), type=type(default), help=f"default: {default}")
    else:
        parser.add_argument(_flag(name), required=default is dataclasses.MISSING)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
