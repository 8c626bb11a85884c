"""What the supervisor tells an engine process is what the process understands."""

from pathlib import Path

import pytest

from inference.config import EngineConfig
from inference.errors import InvalidConfig
from inference.process.command_line import ServerCommand, parse, to_arguments
from inference.process.socket_server import ServerSettings


@pytest.mark.parametrize(
    "command",
    [
        ServerCommand(
            socket_path=Path("run/engine.sock"),
            is_supervised=False,
            engine=EngineConfig(model="m"),
            server=ServerSettings(),
        ),
        ServerCommand(
            socket_path=Path("/a folder/-s.sock"),
            is_supervised=True,
            is_after_kill=True,
            engine=EngineConfig(model="-m", speculator="ngram", num_blocks=7, seed=-3),
            server=ServerSettings(heartbeat_s=0.25, max_requests=3),
        ),
    ],
    ids=["defaults", "everything else"],
)
def test_a_command_is_understood_as_it_was_given(command: ServerCommand) -> None:
    assert parse(to_arguments(command)) == command


@pytest.mark.parametrize(
    "arguments",
    [["--model=m"], ["--socket=s"], ["--socket=s", "--model=m", "--num-blocks=many"], ["--x"]],
    ids=["no socket", "no model", "no number", "unknown"],
)
def test_a_wrong_option_ends_the_process(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(arguments)

    assert caught.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_a_value_out_of_range_is_an_error_with_a_code() -> None:
    with pytest.raises(InvalidConfig, match="num_blocks"):
        parse(["--socket=s", "--model=m", "--num-blocks=0"])
