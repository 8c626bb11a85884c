"""A dialogue of twenty turns through the application: what append-only prompts and typing save.

The real bot on a fresh database asks the shipped model in an engine process. Counted for every
turn: prompt tokens that the engine had to compute, against the same dialogue laid out as it used to
be (the texts of the last turns encoded anew, without passages, under another salt). Timed: from a
message to the first piece of its answer, with nothing typed before, with all but the last word, and
with everything.
"""

import argparse
import asyncio
import statistics
from collections.abc import Callable, Sequence
from itertools import groupby

from sqlalchemy import select

from app.answers.context import cut_text
from app.answers.prompt import system_messages
from app.conversations.answering import Turn, read_turns
from app.demo.questions import read_questions
from app.models import Generation, Message, Workspace
from app.vocabulary import Role
from benchmarks.bot_at_work import BotAtWork, Dialogue, bot_at_work, without_last_word
from benchmarks.report import Report, arguments
from inference import ChatMessage, SamplingParams

NUM_TURNS = 20
_ANSWERABLE = [one.question for one in read_questions() if one.is_answerable]
QUESTIONS = _ANSWERABLE[:: len(_ANSWERABLE) // NUM_TURNS][:NUM_TURNS]
BEFORE = "re-encoded texts of the last turns"
_ONE_TOKEN = SamplingParams(max_tokens=1)
_FORMER_MAX_CHARS, _FORMER_TURN_CHARS = 2_700, 300
_MODES: dict[str, Callable[[str], str]] = {
    "nothing": lambda _: "",
    "all_but_the_last_word": without_last_word,
    "everything": lambda text: text,
}


def main() -> None:
    """Count, then time, and keep the figures."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--dtype", default="auto")
    options = parser.parse_args()
    report = Report("conversation", options.json)
    asyncio.run(_measure(report, options))


async def _measure(report: Report, options: argparse.Namespace) -> None:
    settings = {"device": options.device, "dtype": options.dtype}
    async with bot_at_work(settings) as bot:
        warm_up = bot.dialogue("warm up")
        for question in QUESTIONS[:3]:
            await warm_up.type(question)
            await warm_up.ask(question)
        await _count(report, bot)
        await _time(report, bot, runs=1 if options.quick else 5)


async def _count(report: Report, bot: BotAtWork) -> None:
    dialogue = bot.dialogue("count")
    for question in QUESTIONS:
        await dialogue.ask(question)
    turns, answers = await _stored(bot, dialogue)
    ours, former = [], []
    for number, (seq, generation) in enumerate(answers, start=1):
        computed = (generation.num_prompt_tokens or 0) - (generation.num_cached_tokens or 0)
        ours.append(computed)
        former.append(await _former_cost(bot, turns, seq, generation))
        name = f"computed_prompt_tokens.turn_{number:02}"
        report.add(name, computed, "tokens", BEFORE, former[-1])
    report.add("computed_prompt_tokens.all", sum(ours), "tokens", BEFORE, sum(former))
    report.add("computed_prompt_tokens.median", statistics.median(ours), "tokens")
    prompts = sum(generation.num_prompt_tokens or 0 for _, generation in answers)
    report.add("cached_share_of_prompts", 1 - sum(ours) / prompts, "share")


async def _stored(
    bot: BotAtWork, dialogue: Dialogue
) -> tuple[list[Turn], list[tuple[int, Generation]]]:
    assert dialogue.conversation_id is not None
    async with bot.parts.database.snapshot() as session:
        turns = await read_turns(session, dialogue.conversation_id)
        rows = await session.execute(
            select(Message.seq, Generation)
            .join(Generation, Generation.id == Message.generation_id)
            .where(Message.conversation_id == dialogue.conversation_id)
            .order_by(Message.seq)
        )
        answers = [(seq, generation) for seq, generation in rows if generation.context]
    return turns, answers


async def _former_cost(
    bot: BotAtWork, turns: Sequence[Turn], seq: int, generation: Generation
) -> int:
    """Prompt tokens computed for the same turn in the former layout."""
    async with bot.parts.database.snapshot() as session:
        workspace = await session.get_one(Workspace, bot.inbox.workspace_id)
    assert generation.context is not None
    pieces = generation.context["pieces"]
    question = next(piece for piece in pieces if piece["role"] == "user")
    passages = [piece["text"] for piece in pieces if piece["role"] == "passages"]
    asked_seqs = set(question["seqs"])
    asked = "\n".join(turn.text for turn in turns if turn.seq in asked_seqs)
    now = [*(ChatMessage("passages", text) for text in passages), ChatMessage("user", asked)]
    system = system_messages(workspace.name)
    left = _FORMER_MAX_CHARS - sum(len(message.text) for message in (*system, *now))
    earlier = [turn for turn in turns if turn.seq < min(asked_seqs)]
    prompt = (*system, *_former_history(earlier, left), *now)
    async for chunk in bot.engine.stream(prompt, _ONE_TOKEN, salt=b"former"):
        computed = chunk.num_prompt_tokens - chunk.num_cached_tokens
    return computed


def _former_history(turns: Sequence[Turn], left: int) -> list[ChatMessage]:
    kept: list[ChatMessage] = []
    runs = [(role, list(run)) for role, run in groupby(turns, key=lambda turn: turn.role)]
    for role, run in reversed(runs):
        text = cut_text("\n".join(turn.text for turn in run), _FORMER_TURN_CHARS)
        left -= len(text)
        if left < 0:
            break
        kept.insert(0, ChatMessage("user" if role is Role.CUSTOMER else "assistant", text))
    return kept


async def _time(report: Report, bot: BotAtWork, runs: int) -> None:
    times: dict[str, list[float]] = {mode: [] for mode in _MODES}
    computed: dict[str, list[int]] = {mode: [] for mode in _MODES}
    for run in range(runs):
        for mode, typed in _MODES.items():
            dialogue = bot.dialogue(f"{mode} {run}")
            for question in QUESTIONS:
                if typed(question):
                    await dialogue.type(typed(question))
                times[mode].append(await dialogue.ask(question) * 1_000)
            _, answers = await _stored(bot, dialogue)
            computed[mode] += [
                (one.num_prompt_tokens or 0) - (one.num_cached_tokens or 0) for _, one in answers
            ]
    for mode in _MODES:
        nothing = statistics.median(times["nothing"]), statistics.median(computed["nothing"])
        typed_before = None if mode == "nothing" else "nothing typed before"
        of_time, of_tokens = nothing if typed_before else (None, None)
        median_ms, tokens = statistics.median(times[mode]), statistics.median(computed[mode])
        report.add(f"first_piece.{mode}_typed_ms", median_ms, "ms", typed_before, of_time)
        report.add(
            f"computed_after_sending.{mode}_typed", tokens, "tokens", typed_before, of_tokens
        )


if __name__ == "__main__":
    main()
