"""What asking has really brought, against not asking, so that a wrong forecast cannot go on losing.

Costs and survivals are estimates; the time that tokens took is not. Every set of speculators has an
account at every load, kept in plain steps: what a step in which they were asked brought is what its
tokens would have cost without drafts, what it took is its time. Who has nothing left rests until he
has something to lose again, and gets up to a percent of the time for that. So drafting can lose no
more than what it began with and a percent, whatever was forecast and however restless the
machine is; and who was only unlucky is soon back.

While drafting goes well a step without drafts is taken now and then, to have something to compare
with; ever more seldom, for the more it brings the dearer that is, and soon where it seems to lose.
"""

from collections import defaultdict, deque
from dataclasses import dataclass, field
from statistics import median_low

INCOME = 0.008
"""Of the time, for those who rest."""
FIRST_CREDIT, MOST_CREDIT, LEAST_CREDIT = 8.0, 16.0, 1.0
"""Plain steps. The first set at a load begins with that, each that follows a loser with half."""
ENOUGH = 3.5
"""With so much who rested is asked again."""
NUM_PLAIN, FIRST_PLAIN = 5, 4
"""Plain steps whose median counts; how many there are before drafting is judged calmly."""
DEARER = 1.15
"""A plain step that took so much longer than usual was perhaps held up: another is wanted soon, for
with what it says drafting would seem to win, and the next comparison would be far off."""
PLAIN_EVERY, MOST_PLAIN_EVERY, SOON = 16, 512, 2
TRIAL_STEPS, CLEAR_WIN = 32, 1.1
DOUBT, DOUBT_MEMORY = -1.0, 0.9
"""Plain steps lost lately, from which on a fresh comparison is wanted."""
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
class _Account:
    """One set of speculators at one load; all in plain steps."""

    balance: float
    is_resting: bool = False
    usual: float = 2.0
    """What a step took lately, or may take before anything is known."""
    num_steps: int = 0

    def enter(self, worth: float, cost: float) -> float:
        """A step; what it gained, where one that was held up counts as a slow one."""
        cost = min(cost, MOST_SURPRISE * max(1.0, self.usual))
        self.num_steps += 1
        self.usual += (cost - self.usual) / min(self.num_steps, TRIAL_STEPS)
        self.balance = min(MOST_CREDIT, self.balance + worth - cost)
        self.is_resting = self.balance < 0.0
        return worth - cost

    def earn(self, income: float) -> None:
        self.balance += income
        self.is_resting = self.balance < ENOUGH


@dataclass
class _Load:
    """Requests up to a power of two."""

    accounts: dict[frozenset[str], _Account] = field(default_factory=dict)
    plain: deque[float] = field(default_factory=lambda: deque(maxlen=NUM_PLAIN))
    """Seconds a unit of the last plain steps took."""
    usual: float = 0.0
    """Their median: one that was held up must not make drafting look cheap."""
    is_cold: bool = False
    """The last step was a plain one behind drafts, whose first round finds others' weights in the
    cache: without speculation no step is like that, so it is not what drafting is compared with."""
    is_doubtful: bool = False
    num_plain: int = 0
    since_plain: int = 0
    num_rounds: int = 1
    """Of the last plain step: so much longer is the wait for the next one."""
    plain_every: int = PLAIN_EVERY
    num_asked: int = 0
    worth: float = 0.0
    cost: float = 0.0
    """Of the trial that runs."""
    lately: float = 0.0
    """What the last few steps have gained."""


class Ledger:
    """The accounts of all sets of speculators at all loads."""

    def __init__(self) -> None:
        self._loads: defaultdict[int, _Load] = defaultdict(_Load)

    def is_resting(self, num_requests: int, asked: frozenset[str]) -> bool:
        """Whether these have lost too much at this load and are not to be asked yet."""
        account = self._loads[num_requests.bit_length()].accounts.get(asked)
        return account is not None and account.is_resting

    def wants_plain(self, num_requests: int) -> bool:
        """Whether a step without drafts is due at this load."""
        load = self._loads[num_requests.bit_length()]
        if load.is_cold:
            return True
        if load.num_plain < FIRST_PLAIN or load.lately < DOUBT or load.is_doubtful:
            return load.since_plain >= SOON
        return load.since_plain >= min(
            MOST_PLAIN_EVERY, load.plain_every * max(1, load.num_rounds // 2)
        )

    def note_plain(self, entry: Entry, num_steps: int = 1, num_rounds: int = 1) -> None:
        """Nobody was asked, in so many steps like this one, each of so many rounds."""
        load = self._loads[entry.num_requests.bit_length()]
        load.is_cold = num_rounds > 1 and load.since_plain > 0
        load.since_plain, load.num_rounds = 0, num_rounds
        _pay(load, num_steps * num_rounds)
        if load.is_cold:
            return
        seconds = entry.seconds / max(entry.plain_units * num_rounds, 1e-12)
        load.num_plain += 1
        load.is_doubtful = load.usual > 0.0 and seconds > DEARER * load.usual
        load.plain.append(seconds)
        load.usual = median_low(load.plain)

    def note_asked(self, asked: frozenset[str], entry: Entry) -> bool:
        """These were asked; whether they have nothing left and rest from now on."""
        load = self._loads[entry.num_requests.bit_length()]
        load.since_plain += 1
        if not load.usual:
            return False
        _pay(load, 1)
        account = load.accounts.get(asked)
        if account is None:
            account = load.accounts[asked] = _Account(self._first_credit(load, asked))
        worth = entry.num_tokens / entry.num_requests
        cost = entry.seconds / max(entry.plain_units * load.usual, 1e-12)
        gain = account.enter(worth, cost)
        load.lately = DOUBT_MEMORY * load.lately + gain
        _try(load, worth, worth - gain)
        if account.is_resting:
            load.plain_every, load.lately = PLAIN_EVERY, 0.0
        return account.is_resting

    def _first_credit(self, load: _Load, asked: frozenset[str]) -> float:
        """Less for those who have lost elsewhere, and behind each who has lost here."""
        elsewhere = [
            other.accounts[asked].balance
            for other in self._loads.values()
            if asked in other.accounts
        ]
        credit = min(FIRST_CREDIT, max(elsewhere, default=FIRST_CREDIT))
        num_losers = sum(account.is_resting for account in load.accounts.values())
        return max(LEAST_CREDIT, credit * 0.5**num_losers)


def _pay(load: _Load, num_steps: int) -> None:
    resting = [account for account in load.accounts.values() if account.is_resting]
    for account in resting:
        account.earn(num_steps * INCOME / len(resting))


def _try(load: _Load, worth: float, cost: float) -> None:
    """What wins clearly needs fewer steps to compare with."""
    load.num_asked, load.worth, load.cost = load.num_asked + 1, load.worth + worth, load.cost + cost
    if load.num_asked < TRIAL_STEPS:
        return
    is_clear = load.worth >= CLEAR_WIN * load.cost
    load.plain_every = min(MOST_PLAIN_EVERY, 2 * load.plain_every) if is_clear else PLAIN_EVERY
    load.num_asked, load.worth, load.cost = 0, 0.0, 0.0
