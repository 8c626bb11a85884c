"""The words beside trained heads: a model card with their data, their worth and their limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from inference.training.speculator.heads import HeadShape
from inference.training.speculator.publish import tree_of

KINDS: Final = {"mlp": "MLP speculator (IBM, arXiv:2404.19124)", "medusa": "Medusa heads"}
MLP_NOTE: Final = (
    "Each guess is conditioned on the one before it. The stages share embedding, norm and head "
    "(`tie_weights`), and the base's state is normalised first (`scale_input`).\n\n"
    "`draft_vocabulary.json` names the tokens that the data's agents use most. Careline's engine "
    "lets the\nheads guess among these only. The weights are whole, and other engines do not read "
    "the file."
)
MEDUSA_NOTE: Final = "Each head looks at the same state and guesses one place further."


@dataclass(frozen=True)
class Story:
    """What a card tells of a run."""

    base: str
    shape: HeadShape
    num_parameters: int
    truth_tokens: int
    own_tokens: int
    own_texts: int
    own_windows: int


def card(story: Story, report: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """MODEL_CARD.md, except what only a person can add."""
    shape, tree = story.shape, tree_of(story.shape.num_heads)
    size = f", inner size {shape.inner_size}" if shape.kind == "mlp" else ""
    widths = ", ".join(map(str, tree.top_k))
    own = f"{story.own_windows:,} different ones of {story.own_texts:,} answers"
    return f"""# {story.base}-{shape.kind}

{KINDS[shape.kind]} for `{story.base}`: it guesses the next {shape.num_heads} tokens, which the base
then verifies in one pass. It never changes what the base says, only how fast. It fits that base
alone (width {shape.base_size}, vocabulary {shape.vocab_size:,}).

| | |
| --- | --- |
| Parameters | {story.num_parameters:,}, bfloat16{size} |
| Guesses | {shape.num_heads} ahead; tree {widths}, best {tree.num_candidates} paths |
| Phase 1 | {story.truth_tokens:,} windows of real conversations, the bot's words only |
| Phase 2 | {story.own_tokens:,} windows of the base's own answers, {own} |
| Made with | `careline train-speculator`, see `docs/training.md` |

{MLP_NOTE if shape.kind == "mlp" else MEDUSA_NOTE}

## What it gains

On greedy answers of the base to held-out prompts, no part of the training: *free* are the agent's
turns of dialogues, *grounded* questions with passages, answered freely. *Tokens per step* counts
the token that verification draws itself, so 1 is no gain. *Acceptance* at a depth is the share
accepted where all before it was.

{_table(report)}
## Limits

What is hard to guess for the base's heads is hard for these: names, numbers, copied passages.
The more an answer differs from customer care, the less is accepted; the answer stays the same.

## Data, licences, attribution

The conversations and prompts are those of the base's own training, under the same licences and with
the same attributions: see the base's MODEL_CARD.md. Held-out prompts come from the sources'
development and test parts. None of their text is in this folder.
"""


def _table(report: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    lines = [
        "| text | draft | tokens per step | acceptance by depth | tokens |",
        "| --- | --- | ---: | --- | ---: |",
    ]
    for group, trees in report.items():
        for name, gain in trees.items():
            shares = ", ".join(f"{100 * share:.0f} %" for share in gain["acceptance_by_depth"])
            lines.append(
                f"| {group} | {name} | {gain['tokens_per_step']:.2f} | {shares} "
                f"| {gain['tokens']:,} |"
            )
    return "\n".join(lines) + "\n"
