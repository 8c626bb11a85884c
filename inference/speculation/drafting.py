"""Who drafts: a constraint where only one continuation is possible, else the speculators."""

from inference.batch import Part
from inference.speculation.base import DraftRequest, Speculator


class Drafting:
    """The engine's speculators in order; the first that has a guess for a request drafts for it."""

    def __init__(self, speculators: list[Speculator]) -> None:
        self._speculators = speculators
        self._drafted_by: dict[str, Speculator] = {}

    def draft(self, parts: list[Part]) -> None:
        """Fill in `draft_ids` of every part that has room for a draft."""
        open_parts = [part for part in parts if part.draft_room and not _draft_by_constraint(part)]
        for speculator in self._speculators:
            if not open_parts:
                return
            requests = [
                DraftRequest(part.sequence.request_id, part.sequence.token_ids, part.draft_room)
                for part in open_parts
            ]
            for part, draft_ids in zip(open_parts, speculator.propose(requests), strict=True):
                part.draft_ids = draft_ids[: part.draft_room]
                if draft_ids:
                    self._drafted_by[part.sequence.request_id] = speculator
            open_parts = [part for part in open_parts if not part.draft_ids]

    def observe(self, part: Part, num_accepted: int) -> None:
        """Tell whoever drafted for this part what became of it."""
        speculator = self._drafted_by.pop(part.sequence.request_id, None)
        if speculator is not None and part.draft_ids:
            speculator.observe(part.sequence.request_id, len(part.draft_ids), num_accepted)

    def forget(self, request_id: str) -> None:
        """The request has ended."""
        self._drafted_by.pop(request_id, None)
        for speculator in self._speculators:
            speculator.forget(request_id)


def _draft_by_constraint(part: Part) -> bool:
    sequence = part.sequence
    if sequence.constraint is None:
        return False
    forced = sequence.constraint.forced(sequence.constraint_state)
    part.draft_ids = tuple(forced[: part.draft_room])
    return bool(part.draft_ids)
