"""What asking has really brought, against not asking, so that a wrong forecast cannot go on losing.

Costs and survivals are estimates; the time that tokens took is not. Whoever is asked is on trial:
after some steps their tokens per second are compared with those of steps in which nobody was asked,
at the same load. Who has lost rests, twice as long each time it happens again. So a speculator that
loses half of the speed wherever it is asked costs 8 steps of 128, then of 256, of 512 and so on.

While drafting goes well a step without drafts is taken now and then, to have something to compare
with; ever more seldom, for the more it brings the dearer that is.
"""

from collections import defaultdict, deque
from dataclasses import dataclass, field

NUM_PLAIN = 6
"""Steps without drafts that a load is judged by."""
TRIAL_STEPS, FIRST_STEPS = 32, 8
LEAST_RATIO, CLEAR_LOSS, CLEAR_WIN = 0.99, 0.85, 1.1
FIRST_REST, MOST_REST = 128, 8192
"""Steps at the load."""
PLAIN_EVERY, MOST_PLAIN_EVERY = 16, 512
MOST_SURPRISE = 2.0
"""A step that was held up longer says nothing about drafts."""


@dataclass(frozen=True)
class Entry:
    """One step of decodes only, in which nothing was certain beforehand."""

    num_requests: int
    num_tokens: int
    seconds: float
    """Drafting included."""
    plain_units: float
    """What the step would be expected to cost without drafts."""


@dataclass
class _Trial:
    """One set of speculators at one load."""

    num_steps: int = 0
    seconds: float = 0.0
    plain_units: float = 0.0
    """What its tokens would have cost without drafts."""
    rest: int = 0
    next_rest: int = FIRST_REST


@dataclass
class _Load:
    """Requests up to a power of two."""

    seconds_per_unit: deque[float] = field(default_factory=lambda: deque(maxlen=NUM_PLAIN))
    """Of the last steps in which nobody was asked."""
    trials: dict[frozenset[str], _Trial] = field(default_factory=dict)
    since_plain: int = 0
    plain_every: int = PLAIN_EVERY
    mean: float = 0.0
    rest: int = 0
    """Steps until anyone is asked again."""

    def trial(self, asked: frozenset[str]) -> _Trial:
        if asked not in self.trials:
            self.trials[asked] = _Trial()
        return self.trials[asked]


class Ledger:
    """The trials of all sets of speculators at all loads."""

    def __init__(self) -> None:
        self._loads: defaultdict[int, _Load] = defaultdict(_Load)

    def is_resting(self, num_requests: int, asked: frozenset[str]) -> bool:
        """Whether these have lost at this load and are not to be asked yet."""
        load = self._loads[num_requests.bit_length()]
        trial = load.trials.get(asked)
        return bool(asked) and (load.rest > 0 or (trial is not None and trial.rest > 0))

    def wants_plain(self, num_requests: int) -> bool:
        """Whether a step without drafts is due at this load."""
        load = self._loads[num_requests.bit_length()]
        if len(load.seconds_per_unit) < NUM_PLAIN:
            return load.since_plain >= FIRST_STEPS // 2
        return load.since_plain >= load.plain_every

    def note_plain(self, entry: Entry) -> None:
        """Nobody was asked."""
        load = self._loads[entry.num_requests.bit_length()]
        load.since_plain = 0
        seconds = entry.seconds / max(entry.plain_units, 1e-12)
        if load.mean:
            seconds = min(seconds, MOST_SURPRISE * load.mean)
        load.seconds_per_unit.append(seconds)
        load.mean = sum(load.seconds_per_unit) / len(load.seconds_per_unit)
        load.rest = max(0, load.rest - 1)
        for trial in load.trials.values():
            trial.rest = max(0, trial.rest - 1)

    def note_asked(self, asked: frozenset[str], entry: Entry) -> bool:
        """These were asked; whether they have lost their trial and rest from now on."""
        load = self._loads[entry.num_requests.bit_length()]
        load.since_plain += 1
        if not load.mean:
            return False
        trial = load.trial(asked)
        usual = entry.seconds
        if trial.num_steps >= FIRST_STEPS:
            usual = MOST_SURPRISE * trial.seconds / trial.num_steps
        trial.num_steps += 1
        trial.seconds += min(entry.seconds, usual)
        trial.plain_units += entry.plain_units * entry.num_tokens / entry.num_requests
        return self._judge(load, trial)

    def _judge(self, load: _Load, trial: _Trial) -> bool:
        if trial.num_steps < FIRST_STEPS:
            return False
        ratio = trial.plain_units * load.mean / max(trial.seconds, 1e-12)
        is_over = trial.num_steps >= TRIAL_STEPS
        if ratio >= (LEAST_RATIO if is_over else CLEAR_LOSS):
            if is_over:
                self._win(load, trial, ratio)
            return False
        trial.rest = trial.next_rest
        load.rest = FIRST_REST // 2  # who is forecast to be next best may be forecast as wrongly
        trial.next_rest = min(MOST_REST, 2 * trial.next_rest)
        load.plain_every = PLAIN_EVERY
        _begin_anew(trial)
        return True

    def _win(self, load: _Load, trial: _Trial, ratio: float) -> None:
        """What wins clearly needs fewer steps to compare with."""
        if ratio >= CLEAR_WIN:
            load.plain_every = min(MOST_PLAIN_EVERY, 2 * load.plain_every)
            trial.next_rest = max(FIRST_REST, trial.next_rest // 2)
        else:
            load.plain_every = PLAIN_EVERY
        _begin_anew(trial)


def _begin_anew(trial: _Trial) -> None:
    trial.num_steps, trial.seconds, trial.plain_units = 0, 0.0, 0.0
