"""How many drafted rows for whom, so that the tokens accepted per second are most.

A step of B requests brings B tokens however it goes; a drafted row brings its survival more, and
costs what t(rows) says one more row costs, plus its part of what the drafting took. Rows are added
in the order of their survival for as long as tokens per second rise. Before anything is drafted the
same sum is made with the survivals that each set of speculators has shown lately, which says whom
to ask; nobody, where that cannot win. Who is not asked is tried again, as often as a two-hundredth
of the time pays for, and more seldom each time in vain. Who is asked and does not bring what was
forecast rests (`ledger.py`).

Rows of prompts are paid for by their own requests: drafts in a step with prompt chunks are charged
what they add to it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median_low
from typing import Protocol

from inference.speculation.cost import BUCKETS, CostCurve, Pace
from inference.speculation.forecast import FIRST_LOOKS, Forecast
from inference.speculation.ledger import Entry, Ledger

PROBE_SHARE = 0.005
"""Of the time, for asking those who are not expected to pay; a look in vain halves it, down to"""
LEAST_PROBE_SHARE = PROBE_SHARE / 4
PROMISING, LEAST_PROMISE = 1.2, 0.01
"""A look that shows so much more than was forecast is soon followed by another."""
LEAST_GAIN = 1.02
"""By how much another choice must be better than the one in force."""
STEPS_PER_CHOICE, STEPS_PER_IDLE_CHOICE = 8, 64
"""How often it is weighed whom to ask; the latter while nothing new is known of anyone."""
STEPS_PER_LESSON = 4
"""While nobody is to be asked one step in so many is looked at."""
STEPS_PER_LOOK, LOOK_SHARE = 32, 0.005
"""How often a neighbouring number of rows is tried so that its price is known, and what part of the
time that may cost: what seems dear is saved up for."""
LEAST_COST = 1e-9
MOST_COMBINED = 4
"""Speculators of which every combination is weighed; with more it is all of them or none."""


@dataclass(frozen=True)
class Load:
    """A step before anything is drafted."""

    num_rows: int
    """Rows of known tokens."""
    num_sampling: int
    """Requests that get a token in any case."""
    is_forced: bool = False
    """Whether a constraint has drafted, so that the tokens it brings are nobody's merit."""
    num_rounds: int = 1
    """Tokens that every request gets from one call if nobody is asked."""


class Budget(Protocol):
    """Decides whom to ask for drafts and how many of the drafted nodes are verified."""

    def ask(self, load: Load) -> frozenset[str]:
        """The speculators to ask in this step."""
        ...

    def grant(self, load: Load, survivals: Sequence[float]) -> int:
        """How many nodes to verify, given all drafted ones from the likeliest down."""
        ...

    def note_draft(self, name: str, num_requests: int, seconds: float) -> None:
        """A speculator has been asked for this many drafts."""
        ...

    def note_nodes(
        self, asked: frozenset[str], num_requests: int, nodes: Iterable[tuple[float, str]]
    ) -> None:
        """Everything that was drafted when these were asked: (survival, drafters' joined names)."""
        ...

    def note_step(self, num_rows: int, seconds: float, num_rounds: int = 1) -> None:
        """So many forward passes of these rows are done, with their verification."""
        ...

    def note_gain(self, num_tokens: int) -> None:
        """What the step has brought all requests together."""
        ...


class EveryNode:
    """Asks everyone and verifies all, whatever it costs; what a trial of a speculator wants."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = frozenset(names)

    def ask(self, load: Load) -> frozenset[str]:
        """Everyone."""
        return self._names

    def grant(self, load: Load, survivals: Sequence[float]) -> int:
        """All."""
        return len(survivals)

    def note_draft(self, name: str, num_requests: int, seconds: float) -> None:
        """Not needed."""

    def note_nodes(
        self, asked: frozenset[str], num_requests: int, nodes: Iterable[tuple[float, str]]
    ) -> None:
        """Not needed."""

    def note_step(self, num_rows: int, seconds: float, num_rounds: int = 1) -> None:
        """Not needed."""

    def note_gain(self, num_tokens: int) -> None:
        """Not needed."""


class MeasuredBudget:
    """The budget of a serving engine: measured costs, forecast survivals."""

    def __init__(self, names: Sequence[str]) -> None:
        self.step_cost = CostCurve()
        """t(rows), in seconds at the pace of the start."""
        self.round_cost = CostCurve()
        """The same of one round of several in a call, without what surrounds a step."""
        self._pace = Pace()
        self._draft_costs = {name: CostCurve() for name in names}
        self._first_costs: dict[str, list[float]] = {name: [] for name in names}
        self._everyone = frozenset(names)
        self._forecasts = {asked: Forecast() for asked in _combinations(names)}
        self._choice = self._everyone
        self._chosen_for = 0
        self._age = 0
        self._has_news = False
        self._saved = dict.fromkeys(names, 0.0)
        self._shares = dict.fromkeys(names, PROBE_SHARE)
        self._bucket = 0
        self._num_looks = self._since_look = 0
        self._saved_for_look = 0.0
        self._ledger = Ledger()
        self._load = Load(0, 0)
        self._asked: frozenset[str] = frozenset()
        self._seconds = 0.0
        self._num_idle = self._num_rows = 0
        self._num_rounds = 1

    def start(self, measured: Mapping[int, float]) -> None:
        """Take these seconds by rows for t(rows), whatever was known of it before."""
        for name in self._everyone:  # whoever drafts may run on other kernels now, too
            self._draft_costs[name], self._first_costs[name] = CostCurve(), []
        self._pace, self._ledger = Pace(), Ledger()
        self.step_cost.start(measured)
        self.round_cost.start(measured)

    @property
    def is_of_use(self) -> bool:
        """Whether there is anyone to ask."""
        return bool(self._everyone)

    def ask(self, load: Load) -> frozenset[str]:
        """The combination expected to bring most tokens per second, and who is due for a trial."""
        self._load, self._seconds = load, 0.0
        self._asked = self._whom(load)
        return self._asked

    def grant(self, load: Load, survivals: Sequence[float]) -> int:
        """As many as raise the expected tokens per second.

        The number of rows stays in the bucket of the step before unless another is better by
        `LEAST_GAIN`: kernels chosen by row count do not flap.
        """
        if not survivals or not self.step_cost.is_known:
            return len(survivals)
        rates = self._rates(load, survivals)
        best = max(range(len(rates)), key=rates.__getitem__)
        near = self._best_near(load.num_rows, rates)
        if near is not None and rates[near] * LEAST_GAIN > rates[best]:
            best = near
        self._bucket = _bucket(load.num_rows + best)
        if self._since_look >= STEPS_PER_LOOK:
            return self._look(load, rates, best)
        return best

    def note_draft(self, name: str, num_requests: int, seconds: float) -> None:
        """Refine what this speculator costs; the first few times by their median.

        A first draft may be of nothing, or pay for what is done only once.
        """
        curve, first = self._draft_costs[name], self._first_costs[name]
        cost = seconds / self._pace.unit_s
        if len(first) < FIRST_LOOKS:
            first.append(cost)
            curve.guess(num_requests, median_low(first))
        else:
            curve.measure(num_requests, cost)
        self._saved[name] = 0.0
        self._seconds += seconds

    def note_nodes(
        self, asked: frozenset[str], num_requests: int, nodes: Iterable[tuple[float, str]]
    ) -> None:
        """Refine the forecast of every combination of those who were asked."""
        self._has_news = True
        by_drafters: dict[str, list[float]] = {}
        for survival, names in nodes:
            by_drafters.setdefault(names, []).append(survival)
        drafters = {names: frozenset(names.split("+")) for names in by_drafters}
        for combination, forecast in self._forecasts.items():
            if combination and combination <= asked:
                survivals = [
                    survival
                    for names, own in by_drafters.items()
                    if drafters[names] & combination
                    for survival in own
                ]
                if len(combination) == 1 and not combination & self._choice:
                    self._space_looks(combination, sum(survivals) / num_requests)
                forecast.note(num_requests, survivals)

    def note_step(self, num_rows: int, seconds: float, num_rounds: int = 1) -> None:
        """Refine t(rows), and save up for trials."""
        if not self._everyone:
            return
        self._seconds += seconds
        self._num_rounds = num_rounds
        cost = seconds / self._pace.unit_s
        self._since_look += 1
        self._saved_for_look += LOOK_SHARE * cost
        for name, share in self._shares.items():
            self._saved[name] += share * cost
        self._num_idle = 0 if self._asked or self._choice else self._num_idle + 1
        curve, each_s = self._curve(num_rounds), seconds / num_rounds
        if curve.is_known and self._num_idle % STEPS_PER_LESSON:
            return
        if curve.is_known:
            self._pace.measure(curve(num_rows), each_s)
        # Plain steps of one size tell how fast the machine is, but nothing of what rows cost.
        if self._asked or num_rows != self._num_rows:
            curve.measure(num_rows, each_s / self._pace.unit_s)
        self._num_rows = num_rows

    def note_gain(self, num_tokens: int) -> None:
        """Compare what was brought with what it would have been without drafts."""
        load, asked = self._load, self._asked
        if self._num_idle % STEPS_PER_LESSON:
            return
        is_plain = load.num_rows == load.num_sampling and not load.is_forced
        if not (is_plain and load.num_sampling and self._seconds and self.step_cost.is_known):
            return
        units = self._curve(load.num_rounds)(load.num_sampling)
        entry = Entry(load.num_sampling, num_tokens, self._seconds, units)
        if not asked:
            num_steps = STEPS_PER_LESSON if self._num_idle else 1
            self._ledger.note_plain(entry, num_steps, self._num_rounds)
        elif asked == self._choice:
            if self._ledger.note_asked(asked, entry):
                self._age = STEPS_PER_IDLE_CHOICE
        else:
            self._charge(asked - self._choice, entry)

    def _curve(self, num_rounds: int) -> CostCurve:
        return self.round_cost if num_rounds > 1 else self.step_cost

    def _space_looks(self, looked: frozenset[str], survival: float) -> None:
        """The next look comes soon behind one that promised something, later behind another."""
        is_promising = survival > PROMISING * self._forecasts[looked].accepted + LEAST_PROMISE
        for name in looked:
            later = max(LEAST_PROBE_SHARE, self._shares[name] / 2)
            self._shares[name] = PROBE_SHARE if is_promising else later

    def _charge(self, tried: frozenset[str], entry: Entry) -> None:
        """A look also costs what its rows took without bringing it in: that is saved up for too."""
        worth = entry.plain_units * entry.num_tokens / entry.num_requests
        lost = min(entry.plain_units, entry.seconds / self._pace.unit_s - worth)
        for name in tried:
            self._saved[name] -= max(0.0, lost)

    def _whom(self, load: Load) -> frozenset[str]:
        if not load.num_sampling or not self._everyone:
            return frozenset()
        if not self._forecasts[self._everyone].is_known:
            return self._everyone
        bucket = load.num_sampling.bit_length()
        self._age += 1
        wait = STEPS_PER_CHOICE if self._has_news else STEPS_PER_IDLE_CHOICE
        if bucket != self._chosen_for or self._age >= wait:
            self._choose(load)
            self._chosen_for, self._age, self._has_news = bucket, 0, False
        if self._choice and self._ledger.wants_plain(load.num_sampling):
            return frozenset()
        return self._choice | self._due(load.num_sampling)

    def _rates(self, load: Load, survivals: Sequence[float]) -> list[float]:
        """Expected tokens per cost with the first 0, 1, 2, ... nodes."""
        table, first = self.step_cost.table, load.num_rows + 1
        fixed, tokens = self._fixed(load, self._choice), float(load.num_sampling)
        rates = [tokens / max(LEAST_COST, fixed + self.step_cost(load.num_rows))]
        for survival, cost in zip(survivals, table[first : first + len(survivals)], strict=False):
            tokens += survival
            rates.append(tokens / max(LEAST_COST, fixed + cost))
        return rates

    def _best_near(self, num_rows: int, rates: Sequence[float]) -> int | None:
        """The best number of nodes with which the rows stay in the bucket of the step before."""
        highest = (1 << self._bucket) - num_rows
        first = max(0, highest - (1 << self._bucket) // 2 + 1)
        inside = range(first, min(len(rates), highest + 1))
        return max(inside, key=rates.__getitem__) if inside else None

    def _look(self, load: Load, rates: Sequence[float], best: int) -> int:
        """A neighbouring size that might be better than is known, in turns above and below."""
        rows = load.num_rows + best
        self._since_look, self._num_looks = 0, self._num_looks + 1
        if self._num_looks % 2:
            other = next((one for one in BUCKETS if one > rows), rows)
        else:
            other = next((one for one in reversed(BUCKETS) if one < rows), rows)
        if other == rows or not 0 <= other - load.num_rows < len(rates):
            return best
        cost = self._fixed(load, self._choice) + self.step_cost(other)
        lost = cost * (1.0 - rates[other - load.num_rows] / rates[best])
        if lost > self._saved_for_look:
            return best
        self._saved_for_look -= max(0.0, lost)
        return other - load.num_rows

    def _choose(self, load: Load) -> None:
        if not self.step_cost.is_known:
            return
        rates = {
            one: self._forecast_rate(load, one)
            for one in self._forecasts
            if not self._ledger.is_resting(load.num_sampling, one)
        }
        if self._choice in rates:
            rates[self._choice] *= LEAST_GAIN
        rates[frozenset()] *= LEAST_GAIN  # asking nobody is never a mistake
        self._choice = max(rates, key=rates.__getitem__)
        for name in self._choice:
            self._shares[name] = PROBE_SHARE

    def _forecast_rate(self, load: Load, asked: frozenset[str]) -> float:
        if not asked and load.num_rounds > 1:
            return load.num_sampling / max(LEAST_COST, self.round_cost(load.num_sampling))
        fixed = self._fixed(load, asked)
        rates = [self._rate(load, fixed, 0, 0.0)]
        for num_nodes, accepted in self._forecasts[asked].totals(load.num_sampling):
            rates.append(self._rate(load, fixed, num_nodes, accepted))
        return max(rates)

    def _fixed(self, load: Load, asked: frozenset[str]) -> float:
        """The cost of the step that its drafted rows have no part in, without its prompt rows."""
        drafting = sum(self._draft_costs[name](load.num_sampling) for name in asked)
        return drafting + self.step_cost(load.num_sampling) - self.step_cost(load.num_rows)

    def _rate(self, load: Load, fixed: float, num_nodes: float, accepted: float) -> float:
        seconds = fixed + self.step_cost(load.num_rows + num_nodes)
        return (load.num_sampling + accepted) / max(seconds, LEAST_COST)

    def _due(self, num_requests: int) -> frozenset[str]:
        return frozenset(
            name
            for name in self._everyone - self._choice
            if self._saved[name] >= self._draft_costs[name](num_requests)
        )


def _combinations(names: Sequence[str]) -> list[frozenset[str]]:
    if len(names) > MOST_COMBINED:
        return [frozenset(), frozenset(names)]
    return [
        frozenset(combination)
        for size in range(len(names) + 1)
        for combination in combinations(names, size)
    ]


def _bucket(num_rows: int) -> int:
    """The place of the smallest bucket that holds so many rows."""
    return (num_rows - 1).bit_length()
