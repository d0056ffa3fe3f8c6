"""Lost requests, sorted for reading: by the ending they belong to, and by cause with the time in which it struck."""

from collections import Counter
from dataclasses import dataclass

from lameduck.ending.losses import Cause, Loss
from lameduck.ending.requests import Fate
from lameduck.ending.verdict import PodEnding, Verdict
from lameduck.pod.durations import Seconds

__all__ = ["CauseRow", "cause_rows", "losses_of"]


@dataclass(frozen=True, slots=True)
class CauseRow:
    """All requests lost for one cause; first and last are seconds after their pod's deletion was marked."""

    cause: Cause
    count: int
    fates: tuple[tuple[Fate, int], ...]
    first_s: Seconds
    last_s: Seconds


def losses_of(verdict: Verdict, ending: PodEnding) -> tuple[Loss, ...]:
    """The losses that this pod's ending caused; those of no ending pod go to the one marked last before."""
    return tuple(
        loss for loss in verdict.losses if loss.cause.because_of_ending and _ending_of(verdict, loss) is ending
    )


def cause_rows(verdict: Verdict) -> tuple[CauseRow, ...]:
    """One row for each cause that lost a request because of an ending, most frequent first."""
    rows = []
    for cause, count in verdict.tally.by_cause:
        losses = [loss for loss in verdict.losses if loss.cause is cause]
        fates = Counter(loss.request.fate for loss in losses)
        times = [_after_mark(verdict, loss) for loss in losses]
        rows.append(CauseRow(cause, count, tuple(fates.most_common()), min(times), max(times)))
    return tuple(rows)


def _after_mark(verdict: Verdict, loss: Loss) -> Seconds:
    ending = _ending_of(verdict, loss)
    return Seconds(loss.request.ended_s - (0.0 if ending is None else ending.marked_s))


def _ending_of(verdict: Verdict, loss: Loss) -> PodEnding | None:
    """The ending of its backend; for a backend that did not end (a new pod), or none, the one marked last before."""
    for ending in verdict.endings:
        if ending.pod == loss.request.pod:
            return ending
    before = [ending for ending in verdict.endings if ending.marked_s <= loss.request.ended_s]
    return max(before, key=lambda ending: ending.marked_s, default=None)
