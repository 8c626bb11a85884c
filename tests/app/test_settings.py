"""Settings are read once, checked together, and each one is written down."""

from pathlib import Path

import pytest

from app.errors import BadSettings
from app.settings import Settings, read_settings

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without a careline.toml, and no settings in the environment."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere / "careline.toml").write_text('port = 1\nhost = "0.0.0.0"\nseed = 1\n')
    monkeypatch.setenv("CARELINE_PORT", "2")
    monkeypatch.setenv("CARELINE_SEED", "2")

    settings = read_settings(port=3, seed=None)

    assert (settings.port, settings.seed, settings.host) == (3, 2, "0.0.0.0")


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("prot = 8000", "prot"),
        ("port = 99999", "port"),
        ('text_limit = "many"', "text_limit"),
        ("port = ", "careline.toml"),
    ],
)
def test_what_does_not_fit_is_named(elsewhere: Path, line: str, named: str) -> None:
    (elsewhere / "careline.toml").write_text(f"{line}\n")

    with pytest.raises(BadSettings, match=named) as refused:
        read_settings()

    assert refused.value.code == "bad_settings"


def test_without_a_url_the_store_is_a_file_in_the_data_folder() -> None:
    settings = read_settings(data=Path("somewhere"))

    assert settings.database == "sqlite+aiosqlite:///somewhere/careline.db"
    assert settings.run_dir == Path("somewhere/run")


def test_every_setting_is_written_down_with_its_default() -> None:
    rows = [line.split("|") for line in OPERATIONS.read_text().splitlines() if "| `" in line]
    written = {row[1].strip(" `"): row[2].strip(" `") for row in rows if len(row) == 5}

    for name, field in Settings.model_fields.items():
        assert name in written, f"docs/operations.md does not name {name}"
        default = "" if field.default is None else str(field.default)
        assert written[name] == default, f"docs/operations.md has another default for {name}"
    assert set(written) == set(Settings.model_fields)
