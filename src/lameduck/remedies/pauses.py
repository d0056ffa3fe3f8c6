"""Hooks that only wait, and the grace that holds them: what several remedies write."""

import math

from lameduck.pod.case import Case
from lameduck.pod.containers import Container
from lameduck.pod.durations import Seconds
from lameduck.pod.programs.stop_times import stop_time
from lameduck.pod.workloads import PodSpec
from lameduck.remedies.remedy import Json, SetField

__all__ = ["CLEAN_UP_S", "DELAY_S", "grace_for", "pause", "pause_in_words", "room_for_pause"]

DELAY_S = 5
"""What is offered where nobody knows the cluster's lag.

kube-proxy alone needs up to about 1.1 s on a busy cluster (20 deletions, recorded; its own limit is one change a
second: T85). Ingress controllers watch the same slices and reload after that (T94).
"""
_SLEEP_ACTION = (1, 30)
"""On by default since (T36)."""
CLEAN_UP_S = 5
"""Left in the grace behind the hook and the application's own limit: for closing, flushing, exiting."""
_DEFAULT_GRACE_S = 30


def pause(case: Case, container: Container, seconds: int) -> dict[str, Json] | None:
    """A preStop that waits; None where neither the cluster nor, for certain, the image can do it."""
    if case.kubernetes >= _SLEEP_ACTION:
        return {"sleep": {"seconds": seconds}}
    image = case.images.get(container.name)
    if image is not None and "sleep" in image.programs:
        return {"exec": {"command": ["sleep", str(seconds)]}}
    return None


def pause_in_words(case: Case, seconds: int) -> str:
    """A preStop that waits, as a reader is told to write it: for this cluster, whatever the image holds."""
    if case.kubernetes >= _SLEEP_ACTION:
        return f"preStop: {{sleep: {{seconds: {seconds}}}}}"
    return f'preStop: {{exec: {{command: [sleep, "{seconds}"]}}}}'


def grace_for(spec: PodSpec, seconds: int, reason: str) -> SetField:
    """The change that gives the pod this grace."""
    return SetField(spec.grace_at or (*spec.at, "terminationGracePeriodSeconds"), seconds, reason)


def room_for_pause(case: Case, container: Container, seconds: int) -> tuple[SetField, ...]:
    """What else must change when a hook of that length is put before the stop signal: the grace, or nothing.

    It holds the hook and the application's own limit, where that is known. Where it is not, whoever wrote a grace
    wrote it for the application: it keeps what it had. The default was chosen by nobody.
    """
    spec = case.workload.pod
    if seconds <= 0:
        return ()
    grace_s, limit = spec.termination_grace_period_s, stop_time(case, container)
    if limit is not None:
        needed_s = seconds + _whole(limit.seconds) + CLEAN_UP_S
        if seconds + limit.seconds <= grace_s or limit.seconds > 86400:
            return ()
        return (grace_for(spec, needed_s, f"holds the hook and {container.name}'s own {_whole(limit.seconds)} s"),)
    if spec.grace_at is None or (grace_s == _DEFAULT_GRACE_S and seconds < grace_s):
        return () if seconds < grace_s else (grace_for(spec, grace_s + seconds, "holds the hook"),)
    kept_s = max(grace_s, CLEAN_UP_S)  # of a grace of 0 nothing could be kept
    return (grace_for(spec, kept_s + seconds, f"leaves {container.name} what it had"),)


def _whole(seconds: Seconds) -> int:
    return math.ceil(seconds)
