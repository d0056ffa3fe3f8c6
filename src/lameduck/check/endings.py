"""How each container of a workload is stopped, as the files state it: hook, signal, and the time until SIGKILL."""

from lameduck.check.outcome import Path, Stop
from lameduck.ending.grace import kill_grace, stop_timeout
from lameduck.pod.case import Case
from lameduck.pod.containers import Container, Role
from lameduck.pod.handlers import Exec, HttpGet, Sleep, TcpSocket, plain_sleep

__all__ = ["ending_of"]

_DEFAULT = "SIGTERM"


def ending_of(case: Case) -> Path:
    """The way to the end of the workload's pods. The hook and the signal share one grace (T17, T18)."""
    workload = case.workload
    grace_s = kill_grace(workload.pod.termination_grace_period_s)
    return Path(
        workload.title,
        workload.place(workload.at),
        grace_s,
        tuple(
            _stop(container, case, grace_s)
            for container in workload.pod.containers
            if container.role in (Role.REGULAR, Role.SIDECAR)
        ),
    )


def _stop(container: Container, case: Case, grace_s: int) -> Stop:
    hook = container.pre_stop
    hook_s: int | None = 0
    if hook is not None:
        hook_s = 0 if isinstance(hook, TcpSocket) else plain_sleep(hook)  # T28: it fails at once
    signal_at_s = grace_s if hook_s is None else min(hook_s, grace_s)
    return Stop(
        container=container.name,
        hook=_NAMES[type(hook)] if hook is not None else None,
        hook_s=hook_s,
        signal=_signal(container, case),
        signal_at_s=signal_at_s,
        kill_at_s=signal_at_s + stop_timeout(grace_s - signal_at_s),
        is_sidecar=container.role is Role.SIDECAR,
    )


_NAMES: dict[type, str] = {Sleep: "sleep", Exec: "exec", HttpGet: "httpGet", TcpSocket: "tcpSocket"}


def _signal(container: Container, case: Case) -> str | None:
    """The stop signal: the container's own (T51), the image's, or None where the image is not known."""
    if container.stop_signal is not None:
        return container.stop_signal
    image = case.images.get(container.name)
    if image is None or not image.stop_signal_known:
        return None
    return image.stop_signal or _DEFAULT
