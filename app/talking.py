"""The command line's own customer: asks a running Careline and prints what comes."""

import asyncio
from typing import Any

from rich.console import Console

from app.terminal import Terminal, terminal

out = Console(highlight=False)


async def ask(url: str, site: str, question: str) -> None:
    """One question."""
    async with terminal(url, site) as talking:
        await _print_answer(talking, question)


async def chat(url: str, site: str) -> None:
    """Questions from the keyboard, until an empty line."""
    async with terminal(url, site) as talking:
        while question := (await asyncio.to_thread(input, "> ")).strip():
            await _print_answer(talking, question)


async def _print_answer(talking: Terminal, question: str) -> None:
    async for frame in talking.ask(question):
        data = frame["d"]
        if frame["t"] == "answer.delta":
            out.print(data["x"], end="", markup=False, soft_wrap=True)
        elif frame["t"] == "message.completed":
            out.print()
            for source in data["message"]["citations"]:
                out.print(
                    f"  [{source['marker']}] {source['title']}: {source['url']}", markup=False
                )
        elif frame["t"] == "message.created" and data["message"]["role"] in ("system", "agent"):
            out.print(f"\n{data['message']['text']}", markup=False)


def print_reply(answer: dict[str, Any]) -> None:
    """The text, its sources, and what came of it where that is no answer."""
    if answer["text"]:
        out.print(answer["text"], markup=False, soft_wrap=True)
    for source in answer["citations"]:
        out.print(f"  [{source['marker']}] {source['title']}: {source['url']}", markup=False)
    for option in answer["options"]:
        out.print(f"  ({option['number']}) {option['title']}: {option['url']}", markup=False)
    if answer["outcome"] != "answered":
        out.print(f"({answer['outcome']}: {answer['reason']})", markup=False)
