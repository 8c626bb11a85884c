"""The `careline` command. Every option is also a setting: `CARELINE_...` or `careline.toml`."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from app import schema
from app.answers.command import ask_locally, print_reply
from app.api.commands import keys, openapi
from app.data_folder import DataFolder
from app.database import Database
from app.demo.seed import seed as seed_demo
from app.doctor import examine
from app.errors import AppError
from app.evaluation.cases import FILE as EVALUATION_SET
from app.evaluation.command import Part, choose, evaluate
from app.evaluation.running import Mode
from app.events import Dispatcher
from app.first_run import Login, open_for_business
from app.logs import set_up_logs
from app.main import create_app
from app.parts import Parts
from app.remote import Remote
from app.serving import serve as serve_app
from app.settings import Settings, read_settings
from app.terminal import Terminal, terminal
from app.triage.command import triage_file
from app.worker_group import READY, end_with_parent, serve_group

app = typer.Typer(
    name="careline",
    help="A customer-care chatbot a company runs itself.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(keys, name="key")
app.command()(openapi)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

PrepareLogin = Callable[[Parts], Awaitable[Login | None]]

Host = Annotated[str | None, typer.Option(help="Address to listen on.")]
Port = Annotated[int | None, typer.Option(help="Port to listen on.")]
Data = Annotated[Path | None, typer.Option(help="Folder of the database, logs and sockets.")]
Model = Annotated[str | None, typer.Option(help="Folder or hub id; default: the shipped model.")]
Speculator = Annotated[
    str | None,
    typer.Option(help="ngram, suffix, a folder or hub id, several with commas between, or none."),
]
Draft = Annotated[
    str | None, typer.Option(help="Folder or hub id of a smaller model that drafts too.")
]
NumBlocks = Annotated[int | None, typer.Option(help="Blocks of the engine's cache.")]
TensorParallel = Annotated[
    int | None, typer.Option(help="Processes, and GPUs, that the model is divided over.")
]
Seed = Annotated[int | None, typer.Option(help="Seed of sampled answers.")]
Engine = Annotated[
    str | None, typer.Option(help="unix:PATH of a running engine, or scripted:FILE.")
]
Workers = Annotated[
    int | None, typer.Option(help="Web processes behind the one port; more need PostgreSQL.")
]
Url = Annotated[str, typer.Option(help="A running Careline.")]
Key = Annotated[
    str | None, typer.Option(envvar="CARELINE_KEY", help="A key that may ask: over /v1/answers.")
]
Site = Annotated[str, typer.Option(help="The public token of the site.")]

_URL = "http://127.0.0.1:8000"
_SITE = "pk_demo"


@app.command()
def serve(
    host: Host = None,
    port: Port = None,
    data: Data = None,
    model: Model = None,
    speculator: Speculator = None,
    draft: Draft = None,
    num_blocks: NumBlocks = None,
    tensor_parallel: TensorParallel = None,
    seed: Seed = None,
    engine: Engine = None,
    workers: Workers = None,
) -> None:
    """Serve the widget, the dashboard and the API, with an engine beside them."""
    settings = read_settings(
        host=host,
        port=port,
        data=data,
        model=model,
        speculator=speculator,
        draft=draft,
        num_blocks=num_blocks,
        tensor_parallel=tensor_parallel,
        seed=seed,
        engine=engine,
        workers=workers,
    )
    asyncio.run(_serve(settings, _prepare_first_run))


@app.command()
def demo(
    host: Host = None,
    port: Port = None,
    data: Data = None,
    model: Model = None,
    speculator: Speculator = None,
    draft: Draft = None,
    num_blocks: NumBlocks = None,
    tensor_parallel: TensorParallel = None,
    seed: Seed = None,
    engine: Engine = None,
    workers: Workers = None,
) -> None:
    """Serve the demo company: its shop with the widget, its articles, its agents."""
    settings = read_settings(
        host=host,
        port=port,
        data=data,
        model=model,
        speculator=speculator,
        draft=draft,
        num_blocks=num_blocks,
        tensor_parallel=tensor_parallel,
        seed=seed,
        engine=engine,
        workers=workers,
    )
    asyncio.run(_serve(settings, _prepare_demo))


@app.command(hidden=True)
def worker() -> None:
    """One of several web processes, as its parent starts it."""
    asyncio.run(_work(read_settings()))


@app.command()
def migrate(data: Data = None) -> None:
    """Bring the database to this version's tables; run while nothing serves."""
    asyncio.run(_migrate(read_settings(data=data)))


@app.command()
def doctor(
    host: Host = None,
    port: Port = None,
    data: Data = None,
    model: Model = None,
    engine: Engine = None,
) -> None:
    """Check what a start will need; exits with 1 when something is missing."""
    settings = read_settings(host=host, port=port, data=data, model=model, engine=engine)
    if not asyncio.run(_examine(settings)):
        raise typer.Exit(1)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="What a customer would write.")],
    url: Url = _URL,
    site: Site = _SITE,
    key: Key = None,
    local: Annotated[
        bool, typer.Option("--local", help="Start an engine here, on the data folder's articles.")
    ] = False,
    data: Data = None,
    engine: Engine = None,
) -> None:
    """Ask one question: as a customer of a site, with an API key, or without a server."""
    if local:
        print_reply(asyncio.run(ask_locally(read_settings(data=data, engine=engine), question)))
    elif key is not None:
        print_reply(Remote(url, key).call("POST", "/v1/answers", {"question": question}))
    else:
        asyncio.run(_ask(url, site, question))


@app.command()
def triage(
    file: Annotated[Path, typer.Argument(help="A ticket a line: text, subject, external_ref.")],
    key: Annotated[str, typer.Option(envvar="CARELINE_KEY", help="A key that may ask.")],
    url: Url = _URL,
    to: Annotated[
        Path | None, typer.Option("--out", help="Results; default: FILE.results.jsonl beside it.")
    ] = None,
) -> None:
    """Look tickets over; stopped and run again, it goes on where it was."""
    target = to or file.with_suffix(".results.jsonl")
    num_failed = triage_file(Remote(url, key), file, target, err)
    out.print(f"Results are in {target}.", soft_wrap=True)
    if num_failed:
        err.print(f"{num_failed} tickets failed; run it again to try those.")
        raise typer.Exit(1)


@app.command()
def chat(url: Url = _URL, site: Site = _SITE) -> None:
    """Talk to a running Careline as a customer; an empty line ends it."""
    asyncio.run(_chat(url, site))


@app.command("eval")
def evaluate_answers(
    questions: Annotated[
        Path, typer.Option("--set", help="Questions, one JSON object a line.")
    ] = EVALUATION_SET,
    mode: Annotated[
        list[Mode] | None, typer.Option(help="Who words the answers; may be given again.")
    ] = None,
    split: Annotated[Part, typer.Option(help="Which half of the set.")] = Part.ALL,
    json_file: Annotated[Path | None, typer.Option("--json", help="Keep the figures here.")] = None,
    workspace: Annotated[
        str | None, typer.Option(help="A company of the database (its slug) whose policy counts.")
    ] = None,
    data: Data = None,
    model: Model = None,
) -> None:
    """Ask the demo's articles a set of questions and tell how good the answers are."""
    cases = choose(questions, split)
    chosen = list(dict.fromkeys(mode or [Mode.EXTRACTIVE, Mode.SPANS]))
    settings = read_settings(data=data, model=model)
    asyncio.run(evaluate(cases, chosen, settings, out, json_file, workspace))


@app.command(
    "train-speculator",
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def train_speculator(context: typer.Context) -> None:
    """Train a speculator for a model: --base FOLDER --data FOLDER --out FOLDER; see its --help."""
    # a process of its own: nothing that serves customers loads what trains
    words = [sys.executable, "-m", "inference.training", "speculator", *context.args]
    os.execv(sys.executable, words)


def main() -> None:
    """Run the command; a refusal is one line with its code, and exit status 1."""
    try:
        app()
    except AppError as error:
        err.print(f"[red]error[/red] {error.code}: {error.sentence}", soft_wrap=True)
        raise SystemExit(1) from None


async def _serve(settings: Settings, prepare: PrepareLogin) -> None:
    DataFolder(settings.data).prepare()
    set_up_logs(settings.log_dir, settings.log_level)
    out.print("Careline is starting its engine …")
    logins: list[Login] = []

    async def prepare_parts(parts: Parts) -> None:
        login = await prepare(parts)
        logins.extend([login] if login else [])

    def tell(port: int) -> None:
        _tell_urls(settings.host, port, logins)

    if settings.workers > 1:
        await serve_group(settings, prepare=prepare_parts, on_ready=tell)
    else:
        served = create_app(settings, prepare=prepare_parts)
        await serve_app(served, settings, on_ready=tell)
    out.print("Careline has stopped.")


async def _work(settings: Settings) -> None:
    set_up_logs(settings.log_dir, settings.log_level, settings.worker)

    ending = asyncio.create_task(end_with_parent())
    await serve_app(
        create_app(settings),
        settings,
        on_ready=lambda _: print(READY, flush=True),  # noqa: T201  # the parent reads it
    )
    ending.cancel()


def _tell_urls(host: str, port: int, logins: list[Login]) -> None:
    reached = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    base = f"http://{reached}:{port}"
    out.print("Careline is ready. Ctrl-C stops it.")
    out.print(f"  Demo shop   {base}/")
    out.print(f"  Dashboard   {base}/dashboard")
    for login in logins:
        out.print(f"              {login.email}  {login.password}")
    out.print(f"  API         {base}/docs")


async def _prepare_first_run(parts: Parts) -> Login | None:
    return await open_for_business(parts.database)


async def _prepare_demo(parts: Parts) -> Login | None:
    access = await seed_demo(parts.database, parts.clock)
    return Login(access.email, access.password)


async def _migrate(settings: Settings) -> None:
    folder = DataFolder(settings.data).prepare()
    folder.take()
    database = Database(settings.database, Dispatcher())
    try:
        await schema.upgrade(database)
    finally:
        await database.close()
        folder.release()
    out.print(f"The database is at version {schema.head()}.")


async def _examine(settings: Settings) -> bool:
    table = Table("Check", "Finding", "Result")
    is_well = True
    async for finding in examine(settings):
        is_well = is_well and finding.problem is None
        verdict = f"[red]{finding.problem}[/red]" if finding.problem else "[green]ok[/green]"
        table.add_row(finding.what, finding.told, verdict)
    out.print(table)
    return is_well


async def _ask(url: str, site: str, question: str) -> None:
    async with terminal(url, site) as talking:
        await _print_answer(talking, question)


async def _chat(url: str, site: str) -> None:
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
