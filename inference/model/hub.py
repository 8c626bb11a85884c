"""Checkpoints from the model hub, or its cache on this machine.

Apart, because the hub's client takes a third of a second to load, needed for no local folder.
"""

from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

from inference.errors import ModelLoadError


def download(model: str, files: Sequence[str]) -> Path:
    """The folder of these files of a hub id.

    Raises:
        ModelLoadError: neither the hub nor its cache gives it.
    """
    try:
        return Path(snapshot_download(model, allow_patterns=list(files)))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise ModelLoadError(model, f"cannot be had from the hub: {error}") from error
