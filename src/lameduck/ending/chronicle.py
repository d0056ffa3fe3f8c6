"""The chronicle: what the flow was told and what it ordered, written down as events of the timeline."""

from collections.abc import Callable, Iterable
from typing import assert_never

from lameduck.ending.commands import (
    AbandonHook,
    Command,
    ContainerEnding,
    KillProcess,
    MarkTerminating,
    RemovePod,
    ReportEnd,
    RestartContainer,
    RunHook,
    SendSignal,
    StopProbing,
    Warn,
)
from lameduck.ending.happenings import Happening, HookEnded, HookFailure, ProcessExited
from lameduck.ending.timeline import (
    ContainerExited,
    DeletionMarked,
    Event,
    HookFinished,
    HookStarted,
    KillSent,
    Note,
    PhaseReported,
    PodGone,
    SignalSent,
)
from lameduck.pod.durations import Seconds
from lameduck.pod.handlers import in_words

__all__ = ["Chronicle"]


class Chronicle:
    """Writes one pod's events, through `record`, as its flow is fed and answers."""

    def __init__(self, pod: str, record: Callable[[Event], None]) -> None:
        self._pod = pod
        self._record = record
        self._hooks_running: set[str] = set()

    def happened(self, happening: Happening, now: Seconds, *, reason: str = "", detail: str = "") -> None:
        """Note what the flow is told. `reason` is that of an exit (T60), `detail` the words of a failed hook."""
        match happening:
            case HookEnded(container=container, failure=failure):
                if container not in self._hooks_running:
                    return  # the kubelet had stopped waiting for it (T19)
                self._hooks_running.discard(container)
                self._record(
                    HookFinished(
                        t_s=now,
                        pod=self._pod,
                        container=container,
                        outcome="ok" if failure is None else "failed",
                        cause=None if failure is None else failure.value,
                        detail=detail,
                    )
                )
            case ProcessExited(container=container, exit_code=code):
                self._record(
                    ContainerExited(t_s=now, pod=self._pod, container=container, exit_code=code, reason=reason)
                )
            case _:
                pass  # everything else shows in what the flow orders

    def ordered(self, command: Command, now: Seconds) -> None:
        """Note what the flow wants done. SendSignal is noted by `signalled`, a kill with what it met by `killed`."""
        pod = self._pod
        match command:
            case MarkTerminating(grace_s=grace_s, first=first):
                if first:
                    self._record(DeletionMarked(t_s=now, pod=pod, grace_s=grace_s))
                else:
                    self._record(Note(t_s=now, pod=pod, text=f"a second delete changed the API's grace to {grace_s} s"))
            case RunHook(container=container, handler=handler):
                self._hooks_running.add(container)
                self._record(HookStarted(t_s=now, pod=pod, container=container, handler=in_words(handler)))
            case AbandonHook(container=container):
                self._hooks_running.discard(container)
                self._record(HookFinished(t_s=now, pod=pod, container=container, outcome="outlasted"))
            case KillProcess(container=container):
                self.killed(container, now)
            case ReportEnd(phase=phase):
                self._record(PhaseReported(t_s=now, pod=pod, phase=phase))
            case RemovePod():
                self._record(PodGone(t_s=now, pod=pod))
            case RestartContainer(container=container):
                self._record(Note(t_s=now, pod=pod, container=container, text="restarted by its restart policy"))
            case Warn(reason=reason, container=container):
                self._record(Note(t_s=now, pod=pod, container=container, text=f"event {reason}"))
            case SendSignal() | StopProbing():
                pass
            case _:
                assert_never(command)

    def settled(self, endings: Iterable[ContainerEnding]) -> None:
        """Note the hooks that the flow timed by itself: sleep and tcpSocket (T36, T28)."""
        for ending in endings:
            if ending.name in self._hooks_running and ending.hook_end_s is not None and ending.hook_outcome != "none":
                self._hooks_running.discard(ending.name)
                self._record(
                    HookFinished(
                        t_s=ending.hook_end_s,
                        pod=self._pod,
                        container=ending.name,
                        outcome=ending.hook_outcome,
                        cause=HookFailure.NOT_IMPLEMENTED.value if ending.hook_outcome == "failed" else None,
                    )
                )

    def killed(self, container: str, now: Seconds, *, handling: str = "unknown", listening: bool = False) -> None:
        """Note a SIGKILL and whom it met."""
        self._record(KillSent(t_s=now, pod=self._pod, container=container, handling=handling, listening=listening))

    def signalled(
        self, command: SendSignal, now: Seconds, *, reception: str, main: str, below: tuple[str, ...]
    ) -> None:
        """Note a stop signal and what it met."""
        self._record(
            SignalSent(
                t_s=now,
                pod=self._pod,
                container=command.container,
                signal=command.signal,
                timeout_s=command.timeout_s,
                reception=reception,
                main=main,
                below=below,
            )
        )
