"""How conversations are laid out for a base: as the product's own models were taught, or as the
engine writes them for anybody else's (chat template, else plain lines)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, Protocol

from tokenizers import Tokenizer as FastTokenizer

from inference.request import ChatMessage
from inference.tokenizer import Tokenizer
from inference.training.layout import (
    SPECIAL_TOKENS,
    Conversation,
    Example,
    Quote,
    Role,
    Turn,
    encode_turn,
    render_answers,
)

_ROLES: Final[dict[Role, Literal["system", "user", "assistant", "passages", "agent"]]] = {
    Role.SYSTEM: "system",
    Role.CUSTOMER: "user",
    Role.ASSISTANT: "assistant",
    Role.PASSAGES: "passages",
    Role.AGENT: "agent",
    Role.TASK: "user",
}


class BaseLayout(Protocol):
    """Conversations as a base's tokens."""

    def prompt(self, turns: Conversation) -> list[int]:
        """The turns up to where the bot's answer begins.

        Raises:
            InvalidRequest: the base's chat template refuses them.
        """
        ...

    def examples(self, conversation: Conversation) -> Iterator[Example]:
        """What the conversation teaches, the bot's words learned."""
        ...


class OwnLayout:
    """Markers, quotes between their own; a conversation is one example with all its answers."""

    def __init__(self, tokenizer: FastTokenizer) -> None:
        self._tokenizer = tokenizer

    def prompt(self, turns: Conversation) -> list[int]:
        ids = [token for turn in turns for token in encode_turn(self._tokenizer, turn)]
        return [*ids, Role.ASSISTANT.value]

    def examples(self, conversation: Conversation) -> Iterator[Example]:
        yield render_answers(self._tokenizer, conversation)


class EngineLayout:
    """As the engine lays out prompts for this model; each answer is an example of its own.

    A template may write earlier turns anew once there are later ones, so answers are not joined.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    def prompt(self, turns: Conversation) -> list[int]:
        messages = [ChatMessage(_ROLES[turn.role], _plain_text(turn)) for turn in turns]
        return self._tokenizer.encode_prompt(messages)

    def examples(self, conversation: Conversation) -> Iterator[Example]:
        ends = sorted(self._tokenizer.end_ids)[:1]
        for index, turn in enumerate(conversation):
            if turn.role is Role.ASSISTANT and index:
                prompt = self.prompt(conversation[:index])
                answer = [*self._tokenizer.encode_continuing(_plain_text(turn)), *ends]
                learned = [False] * len(prompt) + [True] * len(answer)
                yield Example([*prompt, *answer], learned)


def layout_of(folder: Path, vocab_size: int) -> BaseLayout:
    """The layout that fits the tokenizer of a model's folder.

    Raises:
        ModelLoadError: its tokenizer.json is broken or does not fit the model.
    """
    tokenizer = Tokenizer(folder, vocab_size)
    fast = FastTokenizer.from_file(str(folder / "tokenizer.json"))
    if all(fast.token_to_id(SPECIAL_TOKENS[role.value]) == role.value for role in Role):
        return OwnLayout(fast)
    return EngineLayout(tokenizer)


def _plain_text(turn: Turn) -> str:
    return "".join(part.text if isinstance(part, Quote) else part for part in turn.parts)
