"""A pod on its stage, and a script of our own: for what `rehearse` itself does not do to a pod."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from lameduck.ending.commands import ContainerEnding
from lameduck.ending.timeline import (
    ContainerExited,
    ContainerStarting,
    Event,
    HookFinished,
    HookStarted,
    KillSent,
    SignalSent,
)
from lameduck.pod.durations import Seconds
from lameduck.pod.workloads import Workload
from lameduck.rehearse.casting import Cast
from lameduck.rehearse.endpoints import Endpoints, Lag
from lameduck.rehearse.processes import ProcessEngine
from lameduck.rehearse.replica import Replica, Surroundings
from lameduck.rehearse.stage import Stage

__all__ = ["Scene", "on_stage"]

_WITHIN_S = 40.0


class Scene:
    """What a script sees: the pod, the events so far, and a way to wait for one."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._origin = loop.time()
        self._loop = loop
        self._news = asyncio.Event()
        self.events: list[Event] = []
        self.stage: Stage

    def clock(self) -> Seconds:
        return Seconds(self._loop.time() - self._origin)

    def record(self, event: Event) -> None:
        self.events.append(event)
        self._news.set()

    @property
    def pod(self) -> Replica:
        return self.stage.replicas[0]

    async def open(self) -> None:
        """Until the pod is ready."""
        await self.stage.open(within_s=Seconds(_WITHIN_S))

    async def until(self, wanted: Callable[[Event], bool]) -> Event:
        """The first event that is as wanted, waited for."""
        while True:
            for event in self.events:
                if wanted(event):
                    return event
            self._news.clear()
            await self._news.wait()

    def ending(self, container: str, since_s: Seconds) -> ContainerEnding:
        """How the container's first life ended, told from the events; times count from that moment."""
        known: dict[str, object] = {}
        for event in self.events:
            match event:
                case ContainerStarting(container=name) if name == container and "exit_s" in known:
                    break
                case HookStarted(container=name, t_s=t_s) if name == container:
                    known |= {"hook_start_s": t_s, "hook_outcome": "running"}
                case HookFinished(container=name, t_s=t_s, outcome=outcome) if name == container:
                    known |= {"hook_end_s": t_s, "hook_outcome": outcome}
                case SignalSent(container=name, t_s=t_s, signal=signal, timeout_s=timeout_s) if name == container:
                    known |= {"stop_signal_s": t_s, "stop_signal": signal, "stop_timeout_s": timeout_s}
                case KillSent(container=name, t_s=t_s) if name == container:
                    known |= {"kill_s": t_s, "killed": True}
                case ContainerExited(container=name, t_s=t_s, exit_code=code, reason=reason) if name == container:
                    known |= {"exit_s": t_s, "exit_code": code, "reason": reason}
        return ContainerEnding(container, **known).since(since_s)  # type: ignore[arg-type]


class _Over(Exception):
    """Ends the pod's own tasks with the script."""


async def on_stage(workload: Workload, cast: Cast, script: Callable[[Scene], Awaitable[None]]) -> Scene:
    """Start the pod's stage and follow the script to its end. Raises TimeoutError if that takes too long."""
    scene = Scene()
    endpoints = Endpoints(Lag(Seconds(0), Seconds(0)), scene.clock, scene.record)
    try:
        async with asyncio.timeout(_WITHIN_S), ProcessEngine() as engine, asyncio.TaskGroup() as tasks:
            scene.stage = Stage(
                workload,
                cast,
                1,
                lambda changed: Surroundings(engine, endpoints, scene.clock, scene.record, changed, tasks, {}),
            )
            with contextlib.closing(scene.stage):
                await script(scene)
            raise _Over
    except* _Over:
        pass
    return scene
