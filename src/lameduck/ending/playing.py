"""An ending on a virtual clock: the flow, driven by what the containers are said to do. No process, no waiting."""

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import TypeAlias

from lameduck.ending.behaviour import Behaviour
from lameduck.ending.chronicle import Chronicle
from lameduck.ending.commands import (
    Command,
    ContainerEnding,
    KillProcess,
    MarkTerminating,
    ReportEnd,
    RunHook,
    SendSignal,
)
from lameduck.ending.flow import Flow
from lameduck.ending.happenings import (
    DeletionRequested,
    Happening,
    HookEnded,
    HookFailure,
    ProcessExited,
    TimePassed,
)
from lameduck.ending.timeline import BackendsChanged, EndpointChanged, Event, PodReady, ReplicaPlanned, Timeline
from lameduck.pod.durations import Seconds
from lameduck.pod.handlers import Exec, HttpGet
from lameduck.pod.workloads import PodSpec

__all__ = ["Behaviour", "Behaviours", "Played", "play"]

Behaviours: TypeAlias = Mapping[str, Behaviour]
"""By container name. A container that is not named exits well at once."""


@dataclass(frozen=True, slots=True)
class Played:
    """What came of it: the timeline, and how the containers of the pod ended, in the order of the spec."""

    timeline: Timeline
    containers: tuple[ContainerEnding, ...]


def play(
    workload_pod: PodSpec,
    behaviours: Behaviours,
    *,
    lag_s: Seconds,
    pod: str = "web-a1",
    others: tuple[str, ...] = (),
    replacement_ready_s: Seconds | None = None,
    grace_s: int | None = None,
    image_stop_signals: Mapping[str, str] | None = None,
) -> Played:
    """Delete one pod at 0 and see how it ends.

    `others` are ready replicas that stay. `lag_s` is the time until a change of the endpoints reaches the one client
    side (T84, T85). `replacement_ready_s` is when the pod that replaces it is ready (T112); None: it never is.
    `grace_s` None: the spec's grace. Raises FlowError for what the flow refuses.
    """
    return _Stage(workload_pod, behaviours, image_stop_signals or {}, lag_s, pod, others).play(
        grace_s, replacement_ready_s
    )


class _Stage:
    """The virtual clock and all that it moves. Of one moment, that happens first which was put off first."""

    def __init__(
        self,
        spec: PodSpec,
        behaviours: Behaviours,
        image_stop_signals: Mapping[str, str],
        lag_s: Seconds,
        pod: str,
        others: tuple[str, ...],
    ) -> None:
        self._behaviours = behaviours
        self._pod = pod
        self._now = Seconds(0.0)
        self._later: list[tuple[Seconds, int, Callable[[], None]]] = []
        self._order = count()
        self._events: list[Event] = []
        self._flow = Flow(spec, image_stop_signals=image_stop_signals)
        self._chronicle = Chronicle(pod, self._events.append)
        self._hooks: dict[str, Exec | HttpGet] = {}
        self._endpoints = _Endpoints(lag_s, self._events.append, self._put_off)
        for name in (pod, *others):
            self._events.append(ReplicaPlanned(t_s=self._now, pod=name, replacement=False))
        self._endpoints.begin((pod, *others), self._now)

    def play(self, grace_s: int | None, replacement_ready_s: Seconds | None) -> Played:
        self._feed(DeletionRequested(grace_s))
        if replacement_ready_s is not None:
            self._replace(replacement_ready_s)
        while True:
            due = self._flow.wake_at
            if self._later and (due is None or self._later[0][0] <= due):
                self._now, _, act = heapq.heappop(self._later)
                act()
            elif due is not None and not self._flow.gone:
                self._now = due
                self._feed(TimePassed())
            else:
                return Played(Timeline(tuple(self._events), witness="forecast"), self._flow.endings)

    def _put_off(self, after_s: Seconds, act: Callable[[], None]) -> None:
        heapq.heappush(self._later, (Seconds(self._now + after_s), next(self._order), act))

    def _feed(self, happening: Happening) -> None:
        commands = self._flow.receive(happening, self._now)
        reason = ""
        if isinstance(happening, ProcessExited):
            name = happening.container
            reason = next((ending.reason or "" for ending in self._flow.endings if ending.name == name), "")
        self._chronicle.happened(happening, self._now, reason=reason)
        for command in commands:
            self._chronicle.ordered(command, self._now)
        self._chronicle.settled(self._flow.endings)
        for command in commands:
            self._do(command)

    def _do(self, command: Command) -> None:
        match command:
            case MarkTerminating(first=True):
                self._endpoints.set(self._pod, self._now, ready=False, serving=True, terminating=True)  # T79
            case RunHook(container=name, handler=Exec() | HttpGet() as handler):
                does = self._does(name)
                self._hooks[name] = handler
                self._put_off(does.hook_s, lambda: self._hook_ends(name, does.hook_failure))
                if does.exits_in_hook_s is not None:
                    self._put_off(does.exits_in_hook_s, lambda: self._exits(name, does.exit_code))
            case SendSignal(container=name):
                does = self._does(name)
                self._chronicle.signalled(
                    command, self._now, reception=does.reception, main=does.main, below=does.below
                )
                if does.drain_s is not None:
                    self._put_off(does.drain_s, lambda: self._exits(name, does.exit_code))
            case KillProcess(container=name):
                self._exits(name, 137)  # T58
            case ReportEnd():
                self._endpoints.remove(self._pod, self._now)  # T77
            case _:
                pass

    def _does(self, container: str) -> Behaviour:
        return self._behaviours.get(container, Behaviour())

    def _hook_ends(self, container: str, failure: HookFailure | None) -> None:
        if self._hooks.pop(container, None) is not None:
            self._feed(HookEnded(container, failure))

    def _exits(self, container: str, exit_code: int) -> None:
        ending = next(ending for ending in self._flow.endings if ending.name == container)
        if ending.exit_s is not None:
            return
        self._feed(ProcessExited(container, exit_code))
        match self._hooks.get(container):
            case Exec():  # it lived in the container (T31)
                self._hook_ends(container, HookFailure.KILLED)
            case HttpGet():
                self._hook_ends(container, HookFailure.CONNECTION)
            case None:
                pass

    def _replace(self, ready_s: Seconds) -> None:
        name = f"{self._pod}-new"
        self._events.append(ReplicaPlanned(t_s=self._now, pod=name, replacement=True))
        self._put_off(ready_s, lambda: self._replaced(name))

    def _replaced(self, name: str) -> None:
        self._events.append(PodReady(t_s=self._now, pod=name, ready=True))
        self._endpoints.set(name, self._now, ready=True, serving=True, terminating=False)


class _Endpoints:
    """The slice, and the one client side that learns of its changes after a lag."""

    def __init__(
        self, lag_s: Seconds, record: Callable[[Event], None], put_off: Callable[[Seconds, Callable[[], None]], None]
    ) -> None:
        self._lag_s = lag_s
        self._record = record
        self._put_off = put_off
        self._slice: dict[str, EndpointChanged] = {}
        self._told: tuple[str, ...] = ()

    def begin(self, pods: tuple[str, ...], now: Seconds) -> None:
        """These are ready, and the client side has known it for long."""
        for pod in pods:
            self._slice[pod] = EndpointChanged(t_s=now, pod=pod, ready=True, serving=True, terminating=False)
            self._record(self._slice[pod])
        self._tell(now, tuple(self._slice.values()))

    def set(self, pod: str, now: Seconds, *, ready: bool, serving: bool, terminating: bool) -> None:
        self._change(EndpointChanged(t_s=now, pod=pod, ready=ready, serving=serving, terminating=terminating))

    def remove(self, pod: str, now: Seconds) -> None:
        self._change(EndpointChanged(t_s=now, pod=pod, ready=False, serving=False, terminating=True, listed=False))

    def _change(self, change: EndpointChanged) -> None:
        self._slice[change.pod] = change
        self._record(change)
        known = tuple(self._slice.values())
        self._put_off(self._lag_s, lambda: self._tell(Seconds(change.t_s + self._lag_s), known))

    def _tell(self, now: Seconds, known: tuple[EndpointChanged, ...]) -> None:
        listed = [endpoint for endpoint in known if endpoint.listed]
        ready = tuple(endpoint.pod for endpoint in listed if endpoint.ready)
        fallback = tuple(endpoint.pod for endpoint in listed if endpoint.serving and endpoint.terminating)
        told = ready or fallback  # T86, T87
        if told != self._told:
            self._told = told
            self._record(BackendsChanged(t_s=now, view=0, pods=told))
