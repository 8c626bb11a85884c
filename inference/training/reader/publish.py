"""Writing the trained reader as the product reads it: a byte a weight, the words left out."""

import json
import shutil
from pathlib import Path

from inference.bert import CONFIG_FILE
from inference.encoder import SHIPPED, Encoder
from inference.reader import ENCODER_KEY
from inference.training.reader.model import WORDS, ReaderModel
from inference.training.shrinking import quantized, save


def publish(model: ReaderModel, to: Path, encoder: Path = SHIPPED) -> None:
    """`encoder` is the folder of the one the model began as.

    Raises:
        ModelLoadError: the encoder cannot be read.
    """
    state = model.bert.state_dict() | {
        f"{name}.{kind}": tensor
        for name, head in (("answers", model.answers), ("sentence", model.sentence))
        for kind, tensor in head.state_dict().items()
    }
    state.pop(WORDS)
    to.mkdir(parents=True, exist_ok=True)
    config = json.loads((encoder / CONFIG_FILE).read_text(encoding="utf-8"))
    config[ENCODER_KEY] = Encoder(encoder).fingerprint
    (to / CONFIG_FILE).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    save(quantized({name: tensor.numpy() for name, tensor in state.items()}), to)
    if (encoder / "LICENSE").exists():
        shutil.copyfile(encoder / "LICENSE", to / "LICENSE")
