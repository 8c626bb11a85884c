"""A clock that tests turn."""

from datetime import datetime, timedelta

from app.clock import now


class TurnedClock:
    """Stands still until told otherwise."""

    def __init__(self, moment: datetime | None = None) -> None:
        self.moment = moment or now()

    def __call__(self) -> datetime:
        return self.moment

    def go_on(self, **by: float) -> None:
        """As `timedelta` takes it."""
        self.moment += timedelta(**by)
