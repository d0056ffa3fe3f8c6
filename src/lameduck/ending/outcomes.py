"""What comes of exits: reasons, restarts, and the pod's final phase (T58-T62)."""

from collections.abc import Iterable
from dataclasses import replace

from lameduck.ending.container_kill import Life, Process
from lameduck.ending.happenings import KubeletKill
from lameduck.pod.containers import Role
from lameduck.pod.durations import Seconds

__all__ = ["backoff_s", "final_phase", "reason_for", "restarts", "unknown_statuses"]

_RELIST_S = 1.0
"""A container that exited longer ago than this has certainly been seen by the kubelet (T12)."""


def reason_for(exit_code: int, *, oom: bool) -> str:
    """terminated.reason as containerd gives it; an OOM kill in the container labels even a normal exit (T60)."""
    if oom:
        return "OOMKilled"
    return "Completed" if exit_code == 0 else "Error"


def restarts(life: Life, policy: str) -> bool:
    """Whether the kubelet starts an exited container again: by its pod's restartPolicy; a sidecar always is (T74)."""
    match life.container.role:
        case Role.SIDECAR:
            return True
        case Role.REGULAR:
            return policy == "Always" or (policy == "OnFailure" and life.ending.exit_code != 0)
        case Role.INIT | Role.EPHEMERAL:
            return False


def backoff_s(restarts_before: int) -> Seconds:
    """How long a crashed container waits for its start: not at all at first, then 10 s, 20 s, ... 5 min (T74)."""
    return Seconds(0.0 if restarts_before == 0 else min(10.0 * 2 ** (min(restarts_before, 10) - 1), 300.0))


def final_phase(regular: Iterable[Life], why: KubeletKill | None) -> str:
    """Succeeded only if all regular containers exited 0 (T62); what the kubelet ended by itself failed (T104, T110)."""
    if why is not None:
        return "Failed"
    succeeded = all(life.process is Process.EXITED and life.ending.exit_code == 0 for life in regular)
    return "Succeeded" if succeeded else "Failed"


def unknown_statuses(lives: Iterable[Life], now: Seconds, why: KubeletKill | None, *, initialized: bool) -> None:
    """Label what the API shows as ContainerStatusUnknown in the final status (T61).

    That is a regular container that never started in a pod whose init containers are done; and in an evicted pod
    every container that exited before the last ones, because the kubelet removes dead containers of evicted pods.
    """
    for life in lives:
        exit_s = life.ending.exit_s
        lost = life.process is Process.NEVER_STARTED and life.container.role is Role.REGULAR and initialized
        if why is KubeletKill.EVICTION and life.process is Process.EXITED:
            lost = exit_s is None or now - exit_s > _RELIST_S
        if lost:
            life.ending = replace(life.ending, reason="ContainerStatusUnknown")
