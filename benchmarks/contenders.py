"""What is measured side by side: engines that answer orders, and llama.cpp's own tools.

An engine runs in a process of its own under its own interpreter and is told what to do over pipes
(`peer_loop.py`), so that each has the libraries and the OpenMP settings it wants. Who has
nothing to do is stopped, so that no waiting thread takes time from the one that is measured.
"""

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

HERE = Path(__file__).parent
MIN_ID, MAX_ID = 300, 8000
"""Prompts are random ids of the middle of the vocabulary: no markers, no bytes."""


_OURS_ALONE = "OMP_WAIT_POLICY"
"""What we want of OpenMP, and may have from whoever started us: it makes llama.cpp eight times as
slow, and nobody who runs another engine sets it."""


def their_environment() -> dict[str, str]:
    """What another engine is started with."""
    return {name: value for name, value in os.environ.items() if name != _OURS_ALONE}


@dataclass(frozen=True)
class Workload:
    """`batch` requests at once; `shared` of each prompt's tokens were asked before."""

    name: str
    unit: str
    batch: int
    prompt: int
    num_new: int
    shared: int = 0


DECODE = Workload("decode.batch1", "tokens/s", 1, 32, 128)
CONCURRENT_8 = Workload("concurrent8", "tokens/s", 8, 256, 128)
CONCURRENT_32 = Workload("concurrent32", "tokens/s", 32, 256, 128)
SHARED = Workload("shared_prefix32", "requests/s", 32, 528, 32, shared=512)
PREFILL = Workload("prefill512", "tokens/s", 1, 512, 1)


class Contender(Protocol):
    """Somebody who can be measured."""

    label: str
    title: str

    def measure(self, workload: Workload) -> float | None:
        """One run, in the workload's unit; None where it cannot be asked for this."""
        ...

    def first_token_s(self) -> float:
        """From the start of a fresh process to its first token."""
        ...


class EngineProcess:
    """An engine behind `peer_loop.py`."""

    def __init__(self, label: str, python: str, module: str, options: Sequence[str]) -> None:
        self.label = label
        self._command = [python, str(HERE / "engines/peer_loop.py"), module, *options]
        self._random = random.Random(label)
        self._process = self._start()
        hello = self._hear(self._process)
        self.title = f"{hello['name']} {hello['version']}"

    def measure(self, workload: Workload) -> float | None:
        """Decoding alone is the time of many tokens less that of one."""
        if workload is DECODE:
            first_s = self._run(workload, 1)
            return workload.num_new / (self._run(workload, workload.num_new + 1) - first_s)
        seconds = self._run(workload, workload.num_new)
        if workload is SHARED:
            return workload.batch / seconds
        if workload is PREFILL:
            return workload.prompt / seconds
        return workload.batch * workload.num_new / seconds

    def first_token_s(self) -> float:
        """With all that a start costs: imports, weights, compiling where it cannot wait."""
        began_s = time.perf_counter()
        process = self._start()
        self._hear(process)
        self._order(process, "generate", prompts=[self._ids(32)], num_new=[1], is_alone=True)
        seconds = time.perf_counter() - began_s
        self._end(process)
        return seconds

    def generate(self, prompts: list[list[int]], num_new: list[int]) -> float:
        """The seconds these requests take together."""
        order = {"prompts": prompts, "num_new": num_new, "is_alone": len(prompts) == 1}
        return self._order(self._process, "generate", **order)["seconds"]

    def settle(self) -> None:
        """Wait for what is built in the background."""
        self._order(self._process, "settle")

    def memory(self) -> Mapping[str, float]:
        """MiB: `rss`, and `weights` and `pool` where known."""
        return self._order(self._process, "memory")

    def close(self) -> None:
        """End the process."""
        self._end(self._process)

    def _run(self, workload: Workload, num_new: int) -> float:
        shared = self._ids(workload.shared)
        own = workload.prompt - workload.shared
        if shared:
            self.generate([shared + self._ids(own)], [1])
        prompts = [shared + self._ids(own) for _ in range(workload.batch)]
        return self.generate(prompts, [num_new] * workload.batch)

    def _ids(self, length: int) -> list[int]:
        return [self._random.randrange(MIN_ID, MAX_ID) for _ in range(length)]

    def _start(self) -> subprocess.Popen[str]:
        # A group to stop. Of this session still: where we die, the kernel lets it go on and end.
        return subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=their_environment(),
            process_group=0,
        )

    def _order(self, process: subprocess.Popen[str], do: str, **order: object) -> dict[str, float]:
        assert process.stdin is not None
        self._signal(process, signal.SIGCONT)
        process.stdin.write(json.dumps({"do": do, **order}) + "\n")
        process.stdin.flush()
        return self._hear(process)

    def _hear(self, process: subprocess.Popen[str]) -> dict[str, float]:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.label} has ended, exit status {process.wait()}")
        # Not waited for: a thread that starts a compiler stops only when that has begun.
        self._signal(process, signal.SIGSTOP)
        heard: dict[str, float] = json.loads(line)
        return heard

    @staticmethod
    def _signal(process: subprocess.Popen[str], number: signal.Signals) -> None:
        """To it and all that it has started."""
        if process.poll() is None:
            os.killpg(process.pid, number)

    def _end(self, process: subprocess.Popen[str]) -> None:
        self._signal(process, signal.SIGCONT)
        with process:  # its end closes the pipes, and a peer ends when it hears no more
            pass


class LlamaCpp:
    """llama-bench for one request, llama-batched-bench for many, a process a run.

    The batched tool prefills all prompts first and cannot continue a shared prefix of many prompts.
    """

    def __init__(self, label: str, folder: Path, model: Path, *, repacks: bool = True) -> None:
        """Without `repacks` the weights stay as they lie in the file."""
        self.label, self._folder, self._model, self._repacks = label, folder, model, repacks
        told = self._call("llama-bench", "--version")
        version = (told.stdout + told.stderr).split()[1]
        kind = str(self._bench("-p", "1", "-n", "0")["model_type"]).split()[-1]
        self.title = f"llama.cpp {version} {kind}"

    def measure(self, workload: Workload) -> float | None:
        """One run, without the tools' own repeats."""
        if workload is DECODE:
            return self.decoding_rate(workload.prompt, workload.num_new)
        if workload is PREFILL:
            return float(str(self._bench("-p", str(workload.prompt), "-n", "0")["avg_ts"]))
        if workload.shared:
            return None
        return self._batched(workload)

    def decoding_rate(self, context: int, num_new: int) -> float:
        """Tokens a second of one request behind so many."""
        told = self._bench("-p", "0", "-n", str(num_new), "-d", str(context))
        return float(str(told["avg_ts"]))

    def first_token_s(self) -> float:
        """The tool's whole run over 32 prompt tokens and one more."""
        began_s = time.perf_counter()
        self._bench("-p", "32", "-n", "1", "--no-warmup")
        return time.perf_counter() - began_s

    def _bench(self, *options: str) -> dict[str, object]:
        more = () if self._repacks else ("--repack", "0")
        told = self._run("llama-bench", *options, *more, "-r", "1", "-o", "json")
        results: list[dict[str, object]] = json.loads(told)
        return results[-1]

    def _batched(self, workload: Workload) -> float | None:
        told = self._run(
            "llama-batched-bench",
            *("-npp", str(workload.prompt), "-ntg", str(workload.num_new)),
            *("-npl", str(workload.batch), "-b", "2048", "-ub", "512"),
            *("-c", str(workload.batch * (workload.prompt + workload.num_new))),
            *("--output-format", "jsonl"),
            *(() if self._repacks else ("--no-repack",)),
        )
        results = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
        if not results:  # as when it has no room for so many
            print(f"{self.title}: no result for {workload.name}", flush=True)
            return None
        [result] = results
        return float(workload.batch * workload.num_new / (result["t_pp"] + result["t_tg"]))

    def _run(self, tool: str, *options: str) -> str:
        threads = str(os.cpu_count())
        return self._call(tool, "-m", str(self._model), "-t", threads, *options).stdout

    def _call(self, tool: str, *options: str) -> subprocess.CompletedProcess[str]:
        command = [str(self._folder / tool), *options]
        ran = subprocess.run(command, capture_output=True, text=True, env=their_environment())
        if ran.returncode:
            last = ran.stderr.strip().splitlines()[-1:]
            raise RuntimeError(f"{tool}: exit status {ran.returncode}, {last}")
        return ran
