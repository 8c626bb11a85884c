"""The `careline` command. Every option is also a setting: `CARELINE_...` or `careline.toml`."""

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from app.errors import AppError
from app.evaluation.choices import Mode, Part
from app.lazily import lazily, nothing_is_garbage

if TYPE_CHECKING:
    from app import commands, remote, talking
    from app import doctor as examining
    from app import settings as configuration
    from app.answers import command as asking
    from app.api import commands as api
    from app.evaluation import command as evaluation
    from app.triage import command as bulk
else:
    api = lazily("app.api.commands")
    asking = lazily("app.answers.command")
    bulk = lazily("app.triage.command")
    commands = lazily("app.commands")
    configuration = lazily("app.settings")
    evaluation = lazily("app.evaluation.command")
    examining = lazily("app.doctor")
    remote = lazily("app.remote")
    talking = lazily("app.talking")

app = typer.Typer(
    name="careline",
    help="A customer-care chatbot a company runs itself.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

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
_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
"""A command whose words another program understands."""


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
    settings = configuration.read_settings(
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
    with nothing_is_garbage():
        run = commands.serve
    run(settings)


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
    settings = configuration.read_settings(
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
    with nothing_is_garbage():
        run = commands.demo
    run(settings)


@app.command(hidden=True)
def worker() -> None:
    """One of several web processes, as its parent starts it."""
    with nothing_is_garbage():
        run = commands.worker
    run(configuration.read_settings())


@app.command()
def migrate(data: Data = None) -> None:
    """Bring the database to this version's tables; run while nothing serves."""
    commands.migrate(configuration.read_settings(data=data))


@app.command()
def doctor(
    host: Host = None,
    port: Port = None,
    data: Data = None,
    model: Model = None,
    engine: Engine = None,
) -> None:
    """Check what a start will need; exits with 1 when something is missing."""
    settings = configuration.read_settings(
        host=host, port=port, data=data, model=model, engine=engine
    )
    if not asyncio.run(examining.tell(settings, out)):
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
        settings = configuration.read_settings(data=data, engine=engine)
        talking.print_reply(asyncio.run(asking.ask_locally(settings, question)))
    elif key is not None:
        talking.print_reply(
            remote.Remote(url, key).call("POST", "/v1/answers", {"question": question})
        )
    else:
        asyncio.run(talking.ask(url, site, question))


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
    num_failed = bulk.triage_file(remote.Remote(url, key), file, target, err)
    out.print(f"Results are in {target}.", soft_wrap=True)
    if num_failed:
        err.print(f"{num_failed} tickets failed; run it again to try those.")
        raise typer.Exit(1)


@app.command()
def chat(url: Url = _URL, site: Site = _SITE) -> None:
    """Talk to a running Careline as a customer; an empty line ends it."""
    asyncio.run(talking.chat(url, site))


@app.command("eval")
def evaluate_answers(
    questions: Annotated[
        Path | None, typer.Option("--set", help="Questions, one JSON object a line; or our own.")
    ] = None,
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
    cases = evaluation.choose(questions, split)
    chosen = list(dict.fromkeys(mode or [Mode.EXTRACTIVE, Mode.SPANS]))
    settings = configuration.read_settings(data=data, model=model)
    asyncio.run(evaluation.evaluate(cases, chosen, settings, out, json_file, workspace))


@app.command("train-speculator", add_help_option=False, context_settings=_PASSED_ON)
def train_speculator(context: typer.Context) -> None:
    """Train a speculator for a model: --base FOLDER --data FOLDER --out FOLDER; see its --help."""
    # a process of its own: nothing that serves customers loads what trains
    words = [sys.executable, "-m", "inference.training", "speculator", *context.args]
    os.execv(sys.executable, words)


@app.command("key", add_help_option=False, context_settings=_PASSED_ON)
def key(context: typer.Context) -> None:
    """Keys of the API: make, list and end them; see its --help."""
    status = typer.main.get_command(api.keys).main(
        context.args or ["--help"], prog_name="careline key", standalone_mode=False
    )
    raise typer.Exit(status or 0)


@app.command()
def openapi(
    file: Annotated[Path, typer.Argument(help="Such as docs/openapi.json.")],
) -> None:
    """Write the description of the API (OpenAPI 3.1) to a file."""
    api.openapi(file)


def main() -> None:
    """Run the command; a refusal is one line with its code, and exit status 1."""
    try:
        app()
    except AppError as error:
        err.print(f"[red]error[/red] {error.code}: {error.sentence}", soft_wrap=True)
        raise SystemExit(1) from None
