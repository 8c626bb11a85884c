"""What is written loads in stock transformers and computes what was trained."""

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

from inference.training.export import export
from inference.training.layout import (
    Conversation,
    Quote,
    Role,
    Turn,
    encode_turn,
    say,
    system_turns,
    text_of,
)
from inference.training.model import CareModel, ModelShape

HF_ROLES = {
    Role.SYSTEM: "system",
    Role.CUSTOMER: "user",
    Role.ASSISTANT: "assistant",
    Role.PASSAGES: "passages",
    Role.AGENT: "agent",
}
CONVERSATION: Conversation = (
    *system_turns("Rowan Market"),
    say(Role.PASSAGES, "[1] Orders: They leave us within 2 days.\n[2] Gifts: We wrap them."),
    say(Role.CUSTOMER, "when does order 4711 leave you ?"),
    Turn(Role.ASSISTANT, ("This is it: ", Quote("They leave us within 2 days."), " [1] Good?")),
    say(Role.AGENT, "Anna here, I take over."),
    say(Role.CUSTOMER, "ok\n\nthanks"),
)
SHIPPED = Path(__file__).parents[3] / "inference" / "weights" / "careline-small"


def template_ids(folder: Path) -> list[int]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    messages = [{"role": HF_ROLES[turn.role], "content": text_of(turn)} for turn in CONVERSATION]
    ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    return [token for token in ids if isinstance(token, int)]


def layout_ids(tokenizer: Tokenizer) -> list[int]:
    turns = [token for turn in CONVERSATION for token in encode_turn(tokenizer, turn)]
    return [*turns, Role.ASSISTANT.value]


@pytest.fixture(scope="module")
def exported(
    tmp_path_factory: pytest.TempPathFactory, tokenizer: Tokenizer
) -> tuple[CareModel, Path]:
    torch.manual_seed(4)
    model = CareModel(ModelShape(128, 2, 2, 1, 192, vocab_size=tokenizer.get_vocab_size()))
    with torch.no_grad():
        for parameter in model.parameters():  # what bfloat16 can hold, so that nothing is rounded
            parameter.copy_((parameter + 0.1 * torch.randn_like(parameter)).bfloat16())
    folder = tmp_path_factory.mktemp("export")
    export(model.shape, model.state_dict(), tokenizer, folder)
    return model, folder


def test_transformers_gives_the_logits_of_the_training_module(
    exported: tuple[CareModel, Path],
) -> None:
    model, folder = exported
    ids = torch.randint(16, model.shape.vocab_size, (2, 40))

    loaded = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        theirs, ours = loaded(ids).logits, model.logits(model(ids))

    # two orders of summation in float32; the logits are of size 1
    torch.testing.assert_close(theirs, ours, atol=2e-4, rtol=1e-4)


def test_the_chat_template_gives_the_ids_of_the_layout(
    exported: tuple[CareModel, Path], tokenizer: Tokenizer
) -> None:
    _, folder = exported

    assert template_ids(folder) == layout_ids(tokenizer)


def test_the_template_refuses_an_unknown_role(exported: tuple[CareModel, Path]) -> None:
    tokenizer = AutoTokenizer.from_pretrained(exported[1])

    with pytest.raises(Exception, match="root"):
        tokenizer.apply_chat_template([{"role": "root", "content": "hi"}])


def test_the_shipped_model_speaks_the_layout() -> None:
    tokenizer = Tokenizer.from_file(str(SHIPPED / "tokenizer.json"))
    model = AutoModelForCausalLM.from_pretrained(SHIPPED)

    ids = layout_ids(tokenizer)
    said = model.generate(  # type: ignore[misc]
        torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)), max_new_tokens=60
    )

    assert template_ids(SHIPPED) == ids
    assert model.dtype is torch.bfloat16
    assert said[0, -1] == model.config.eos_token_id


def test_all_that_is_shipped_stays_within_its_size() -> None:
    sizes = [path.stat().st_size for path in SHIPPED.parent.rglob("*") if path.is_file()]

    assert len(sizes) > 20 and sum(sizes) <= 80_000_000
