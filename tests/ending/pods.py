"""Pods as a flow takes them, and one fed step by step on a clock that is never waited for."""

from typing import Any

from lameduck.ending.commands import Command, ContainerEnding, Warn
from lameduck.ending.flow import Flow
from lameduck.ending.happenings import Happening, TimePassed
from lameduck.pod.containers import Container, Probe, Role
from lameduck.pod.durations import Seconds
from lameduck.pod.handlers import Exec, HttpGet, Sleep, TcpSocket
from lameduck.pod.workloads import PodSpec

__all__ = ["EXEC", "GET", "PROBE", "TCP", "Fed", "killing", "pod", "regular", "sidecar", "sleep"]

EXEC = Exec(("drain",), at=())
GET = HttpGet(8080, at=())
TCP = TcpSocket(8080, at=())
PROBE = Probe(GET, at=())


def sleep(seconds: int) -> Sleep:
    return Sleep(seconds, at=())


def regular(name: str = "app", **fields: Any) -> Container:
    return Container(name, at=(), **fields)


def sidecar(name: str, **fields: Any) -> Container:
    return Container(name, at=(), role=Role.SIDECAR, **fields)


def pod(*containers: Container, grace: int = 30, **fields: Any) -> PodSpec:
    return PodSpec(containers or (regular(),), at=(), termination_grace_period_s=grace, **fields)


def killing(name: str) -> Warn:
    return Warn("Killing", name)


class Fed:
    """A flow, what it ordered, and when."""

    def __init__(self, spec: PodSpec, **options: Any) -> None:
        self.flow = Flow(spec, **options)
        self.story: list[tuple[float, Command]] = []

    def tell(self, t: float, *happenings: Happening) -> list[Command]:
        """Let the clock come to t, then tell what happened; the answers to it."""
        self.wait(t)
        answers: list[Command] = []
        for happening in happenings:
            answers += self.flow.receive(happening, Seconds(t))
        self.story += [(t, command) for command in answers]
        return answers

    def wait(self, until: float) -> list[tuple[float, Command]]:
        """Let the clock come to `until`, waking the flow whenever it is due; what it ordered."""
        before = len(self.story)
        while (due := self.flow.wake_at) is not None and due < until:
            self.story += [(due, command) for command in self.flow.receive(TimePassed(), due)]
        return self.story[before:]

    def finish(self) -> list[tuple[float, Command]]:
        """Let the clock run until nothing is due any more; what was ordered in it."""
        return self.wait(float("inf"))

    def ending(self, name: str = "app") -> ContainerEnding:
        """What is known of one container's end."""
        return next(ending for ending in self.flow.endings if ending.name == name)
