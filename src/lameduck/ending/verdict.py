"""The judge: graceful or not, what was lost, and where the seconds of the grace went.

Ungraceful is a request lost because of the ending, a container killed at its deadline, or a hook that failed or
outlasted the grace. Everything else worth saying is a finding beside a graceful verdict. A hook that was cut short by
the end of its own container has not failed, though the API shows the same event for it (T20).
"""

import math
from collections import Counter
from dataclasses import dataclass

from lameduck.ending.commands import ContainerEnding
from lameduck.ending.happenings import HookFailure
from lameduck.ending.losses import Cause, Loss, explain_losses, moments_of
from lameduck.ending.requests import Fate, Request
from lameduck.ending.timeline import BackendsChanged, DeletionMarked, HookFinished, Timeline
from lameduck.pod.durations import Seconds

__all__ = ["GraceUse", "PodEnding", "Tally", "Verdict", "judge"]

_NOTED_LATE_S = 0.05
"""By so much a lag of whole seconds may seem longer, because a real clock is read twice."""


@dataclass(frozen=True, slots=True)
class GraceUse:
    """Where the seconds of one pod's grace went; they add up to the ending's total.

    `endpoints_s`: before the stop signal, while new connections could still arrive. `idle_s`: before the stop signal,
    when no new connection could come any more and none was being answered. `draining_s`: from the stop signal to the
    last answer. `cleaning_up_s`: from the last answer to the exit. `hanging_s`: the same, where SIGKILL ended it.
    `margin_s`: what was left of the grace; negative where the ending outlasted it (by the 2 s floor, T24).
    """

    endpoints_s: Seconds
    idle_s: Seconds
    draining_s: Seconds
    cleaning_up_s: Seconds
    hanging_s: Seconds
    margin_s: Seconds


@dataclass(frozen=True, slots=True)
class PodEnding:
    """One pod's ending. `marked_s` is on the timeline's clock; all other times count from that moment."""

    pod: str
    grace_s: int
    marked_s: Seconds
    total_s: Seconds
    containers: tuple[ContainerEnding, ...]
    last_new_connection_s: Seconds | None
    """The endpoint lag that nobody measures: when the last new connection came (T97)."""
    last_answer_s: Seconds | None
    use: GraceUse
    endpoints_updated_s: Seconds | None = None
    """When the last client side stopped sending new connections to it; None: one never did, or none is known."""

    @property
    def delay_needed_s(self) -> int | None:
        """Whole seconds for which it should have served on: until the endpoints were updated, rounded up, and one more.

        None where they never were (T87), or nobody knows (T97).
        """
        if self.endpoints_updated_s is None:
            return None
        return math.ceil(self.endpoints_updated_s - _NOTED_LATE_S) + 1


@dataclass(frozen=True, slots=True)
class Tally:
    """How many requests met which fate. `lost` counts those lost because of an ending, `unrelated` the other losses.

    `not_counted`: requests that this machine was too slow to send or to watch; they are nobody's loss.
    """

    sent: int
    ok: int
    lost: int
    unrelated: int
    unfinished: int
    saved_by_retry: int
    not_counted: int
    by_fate: tuple[tuple[Fate, int], ...]
    """Of the lost ones; every fate is there, zeros included."""
    by_cause: tuple[tuple[Cause, int], ...]
    """Of the lost ones; only causes that occurred, most frequent first."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said about an ending as a whole."""

    graceful: bool
    reasons: tuple[str, ...]
    """Why it is ungraceful, a sentence each; empty if graceful."""
    tally: Tally
    losses: tuple[Loss, ...]
    endings: tuple[PodEnding, ...]


def judge(
    timeline: Timeline,
    containers: dict[str, tuple[ContainerEnding, ...]],
    requests: tuple[Request, ...],
    *,
    rtt_s: Seconds,
    not_counted: int = 0,
) -> Verdict:
    """The verdict on all endings of a timeline.

    `containers` holds, for each pod that ended, how its containers did, in times on the timeline's clock.
    """
    losses = explain_losses(timeline, requests, rtt_s=rtt_s)
    endings = tuple(
        _pod_ending(timeline, mark, containers.get(mark.pod, ()), requests)
        for mark in _first_marks(timeline)
        if mark.pod in containers
    )
    tally = _tally(requests, losses, not_counted)
    reasons = (
        *_lost_reasons(tally),
        *(reason for ending in endings for reason in _container_reasons(timeline, ending)),
    )
    return Verdict(not reasons, reasons, tally, losses, endings)


def _first_marks(timeline: Timeline) -> tuple[DeletionMarked, ...]:
    first: dict[str, DeletionMarked] = {}
    for mark in timeline.of(DeletionMarked):
        first.setdefault(mark.pod, mark)
    return tuple(first.values())


def _tally(requests: tuple[Request, ...], losses: tuple[Loss, ...], not_counted: int) -> Tally:
    blamed = [loss for loss in losses if loss.cause.because_of_ending]
    fates = Counter(loss.request.fate for loss in blamed)
    causes = Counter(loss.cause for loss in blamed)
    return Tally(
        sent=len(requests),
        ok=sum(request.fate is Fate.OK for request in requests),
        lost=len(blamed),
        unrelated=len(losses) - len(blamed),
        unfinished=sum(request.fate is Fate.UNFINISHED for request in requests),
        saved_by_retry=sum(request.retried and request.fate is Fate.OK for request in requests),
        not_counted=not_counted,
        by_fate=tuple((fate, fates[fate]) for fate in Fate if fate.lost),
        by_cause=tuple(causes.most_common()),
    )


def _lost_reasons(tally: Tally) -> tuple[str, ...]:
    if not tally.lost:
        return ()
    causes = ", ".join(f"{count:,} {cause.value}" for cause, count in tally.by_cause)
    return (f"{tally.lost:,} of {tally.sent:,} requests lost: {causes}",)


def _container_reasons(timeline: Timeline, ending: PodEnding) -> tuple[str, ...]:
    reasons: list[str] = []
    for container in ending.containers:
        who = f"{ending.pod}/{container.name}"
        if container.hook_outcome == "failed" and not _cut_by_its_container(timeline, ending.pod, container.name):
            reasons.append(f"the preStop hook of {who} failed: the stop signal followed at once")
        if container.hook_outcome == "outlasted":
            reasons.append(f"the preStop hook of {who} outlasted the grace of {ending.grace_s} s")
        if container.killed:
            reasons.append(
                f"{who} was killed at its deadline, {container.kill_s or 0:.1f} s after the deletion request"
            )
    return tuple(reasons)


def _cut_by_its_container(timeline: Timeline, pod: str, container: str) -> bool:
    """Whether the hook failed only because its container ended by itself meanwhile (T20)."""
    last = max(timeline.of(HookFinished, pod=pod, container=container), key=lambda event: event.t_s, default=None)
    return last is not None and last.cause == HookFailure.KILLED.value


def _pod_ending(
    timeline: Timeline, mark: DeletionMarked, containers: tuple[ContainerEnding, ...], requests: tuple[Request, ...]
) -> PodEnding:
    start = mark.t_s
    shifted = tuple(container.since(start) for container in containers)
    total = max((c.exit_s for c in shifted if c.exit_s is not None), default=Seconds(0.0))
    mine = [request for request in requests if request.pod == mark.pod]
    last_new = max(
        (r.connected_s for r in mine if r.connected_s is not None and not r.reused and r.connected_s >= start),
        default=None,
    )
    last_answer = max((r.ended_s for r in mine if r.first_byte_s is not None and r.ended_s >= start), default=None)
    new = None if last_new is None else Seconds(last_new - start)
    answer = None if last_answer is None else Seconds(min(last_answer - start, total))
    signal_at = moments_of(timeline, mark.pod).signal_s
    signal = total if signal_at is None else Seconds(min(signal_at - start, total))
    # When the last request before the signal was answered; the signal itself, if one was in flight then.
    busy = max(
        (Seconds(min(r.ended_s - start, signal)) for r in mine if r.sent_s - start < signal), default=Seconds(0.0)
    )
    removed = _backends_without(timeline, mark.pod, start)
    killed = any(container.killed for container in shifted)
    use = _grace_use(mark.grace_s, total, signal, busy=busy, answer=answer, removed=removed, killed=killed)
    return PodEnding(mark.pod, mark.grace_s, start, total, shifted, new, answer, use, removed)


def _backends_without(timeline: Timeline, pod: str, start: Seconds) -> Seconds | None:
    """When the last client side stopped sending new connections to the pod; None if one never did."""
    sending: dict[int, bool] = {}
    last: Seconds | None = None
    for change in timeline.of(BackendsChanged):
        was = sending.get(change.view, False)
        sending[change.view] = pod in change.pods
        if was and not sending[change.view] and change.t_s >= start:
            last = Seconds(change.t_s - start)
    return None if any(sending.values()) else last


def _grace_use(
    grace_s: int,
    total: Seconds,
    signal: Seconds,
    *,
    busy: Seconds,
    answer: Seconds | None,
    removed: Seconds | None,
    killed: bool,
) -> GraceUse:
    # New connections may come until the endpoints are updated everywhere; if they never were, until the end.
    needed = signal if removed is None else Seconds(min(signal, max(removed, busy, 0.0)))
    drained = Seconds(max(signal, answer if answer is not None else signal))
    rest = Seconds(total - drained)
    return GraceUse(
        endpoints_s=needed,
        idle_s=Seconds(signal - needed),
        draining_s=Seconds(drained - signal),
        cleaning_up_s=Seconds(0.0) if killed else rest,
        hanging_s=rest if killed else Seconds(0.0),
        margin_s=Seconds(grace_s - total),
    )
