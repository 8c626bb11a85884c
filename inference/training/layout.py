"""How a conversation becomes tokens: the chat layout that model, engine and app share.

A turn is its role's marker, its text and `<|end|>`. Text is encoded alone with special-token
parsing off, so that no customer can write a role marker. The only exception is an answer's quote,
whose two markers the layout itself sets around a copied sentence.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from tokenizers import Tokenizer

SPECIAL_TOKENS: Final = (
    "<|end|>",
    "<|pad|>",
    "<|system|>",
    "<|customer|>",
    "<|assistant|>",
    "<|passages|>",
    "<|agent|>",
    "<|task|>",
    "<|quote|>",
    "<|/quote|>",
    "<|reserved_0|>",
    "<|reserved_1|>",
    "<|reserved_2|>",
    "<|reserved_3|>",
    "<|reserved_4|>",
    "<|reserved_5|>",
)
END_ID: Final = 0
PAD_ID: Final = 1
QUOTE_ID: Final = 8
END_QUOTE_ID: Final = 9

PREAMBLE: Final = (
    "Be polite and brief. Take facts only from the passages and quote them. "
    "If they do not hold the answer, say so and offer a person."
)
POLICY: Final = "You are the customer care assistant of {company}."

CHAT_TEMPLATE: Final = (
    "{%- set markers = {'system': '<|system|>', 'user': '<|customer|>', "
    "'assistant': '<|assistant|>', 'passages': '<|passages|>', 'agent': '<|agent|>'} -%}"
    "{%- for message in messages -%}"
    "{%- if message['role'] not in markers -%}"
    "{{- raise_exception('unknown role ' + message['role']) -}}{%- endif -%}"
    "{{- markers[message['role']] + message['content'] + '<|end|>' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}"
)


class Role(Enum):
    """Who speaks in a turn; the value is the id of its marker."""

    SYSTEM = 2
    CUSTOMER = 3
    ASSISTANT = 4
    PASSAGES = 5
    AGENT = 6
    TASK = 7


@dataclass(frozen=True)
class Quote:
    """A run of sentences that is copied letter by letter from one passage."""

    text: str


@dataclass(frozen=True)
class Turn:
    """One turn; parts are joined without anything between them, so they carry their own spaces."""

    role: Role
    parts: tuple[str | Quote, ...]


Conversation: TypeAlias = tuple[Turn, ...]


@dataclass(frozen=True)
class Example:
    """A rendered conversation; `learned[i]` says whether token i is to be predicted."""

    ids: list[int]
    learned: list[bool]


def say(role: Role, text: str) -> Turn:
    return Turn(role, (text,))


def system_turns(company: str) -> Conversation:
    """What every prompt of the product begins with: its own words, then the workspace's."""
    return say(Role.SYSTEM, PREAMBLE), say(Role.SYSTEM, POLICY.format(company=company))


def text_of(turn: Turn) -> str:
    """The turn as it reads in a chat template's `content`, quote markers included."""
    return "".join(
        f"<|quote|>{part.text}<|/quote|>" if isinstance(part, Quote) else part
        for part in turn.parts
    )


def encode_text(tokenizer: Tokenizer, text: str) -> list[int]:
    """Ids of plain text; anything that looks like a special token stays plain text."""
    tokenizer.encode_special_tokens = True
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return ids


def encode_turn(tokenizer: Tokenizer, turn: Turn) -> list[int]:
    ids = [turn.role.value]
    for part in turn.parts:
        if isinstance(part, Quote):
            ids += [QUOTE_ID, *encode_text(tokenizer, part.text), END_QUOTE_ID]
        else:
            ids += encode_text(tokenizer, part)
    return [*ids, END_ID]


def render_everything(tokenizer: Tokenizer, conversation: Conversation) -> Example:
    """For the base stage: all tokens are learned but the first, which nothing announces."""
    ids = [token for turn in conversation for token in encode_turn(tokenizer, turn)]
    return Example(ids, [False] + [True] * (len(ids) - 1))


def render_answers(tokenizer: Tokenizer, conversation: Conversation) -> Example:
    """For the chat stage: only the assistant's words and their `<|end|>` are learned."""
    ids: list[int] = []
    learned: list[bool] = []
    for turn in conversation:
        turn_ids = encode_turn(tokenizer, turn)
        ids += turn_ids
        is_answer = turn.role is Role.ASSISTANT
        learned += [False] + [is_answer] * (len(turn_ids) - 1)
    return Example(ids, learned)
