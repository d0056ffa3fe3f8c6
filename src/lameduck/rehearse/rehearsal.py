"""The rehearsal: start the replicas, send traffic, end a pod or roll all of them, and judge what happened."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from lameduck.ending.commands import ContainerEnding
from lameduck.ending.requests import Fate, Request
from lameduck.ending.timeline import DeletionMarked, Event, Note, Timeline
from lameduck.ending.verdict import Verdict, judge
from lameduck.findings.finding import Found, Witnessed
from lameduck.findings.looking import look
from lameduck.pod.durations import Seconds
from lameduck.pod.place import InputError
from lameduck.pod.workloads import Service, Workload
from lameduck.rehearse.casting import Cast
from lameduck.rehearse.endpoints import Endpoints, Lag
from lameduck.rehearse.engine import Engine, Isolation
from lameduck.rehearse.replacing import rollout_steps
from lameduck.rehearse.replica import Surroundings
from lameduck.rehearse.stage import Stage
from lameduck.rehearse.traffic.plan import TrafficPlan
from lameduck.rehearse.traffic.pressure import Pressure
from lameduck.rehearse.traffic.traffic import Traffic

__all__ = ["End", "Rehearsed", "Settings", "rehearse"]

_BASELINE_S = Seconds(1.5)
"""Ordinary life before the ending. With traffic: long enough to fill the pool and to see that the service answers at
all. Without: for programs that sleep a little while they start."""
_PROGRAMS_SETTLE_S = Seconds(10)
"""Without traffic: how long programs that start are waited for. Some never rest."""
_TAIL_S = Seconds(0.5)
"""Traffic after everything has settled: what is lost now is not the ending's."""
_SETTLE_S = Seconds(1.0)
"""How long requests in flight on living pods are waited for at the very end, beyond two round trips."""


class End(Enum):
    """What is ended."""

    ONE_POD = "one-pod"
    ROLLOUT = "rollout"


@dataclass(frozen=True, slots=True)
class Settings:
    """The circumstances of a rehearsal. `traffic` None: no traffic, only the processes' ending."""

    replicas: int
    lag: Lag
    traffic: TrafficPlan | None
    end: End = End.ONE_POD
    grace_s: int | None = None
    start_within_s: Seconds = Seconds(60)
    image_stop_signals: tuple[tuple[str, str], ...] = ()
    gates: frozenset[str] = frozenset()
    """Feature gates that the cluster has switched on beyond its defaults."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What came of it, with 0 at the first deletion request."""

    verdict: Verdict
    findings: tuple[Found, ...]
    timeline: Timeline
    requests: tuple[Request, ...]
    isolation: Isolation
    pressure: Pressure | None


async def rehearse(
    workload: Workload,
    services: Sequence[Service],
    cast: Cast,
    engine: Engine,
    settings: Settings,
    progress: Callable[[str], None],
    heard: Callable[[Event], None] = lambda _: None,
) -> Rehearsed:
    """Play the ending. `engine` is entered by the caller, who so owns the processes.

    `progress` is told each step, `heard` each event when it is written down.

    Raises InputError for a command that does not start, a port that never gets ready, a service that never answers, a
    rollout of what nothing rolls out.
    """
    if settings.end is End.ROLLOUT:
        rollout_steps(workload, settings.replicas, ())  # whoever cannot be rolled out is told before anything starts
    loop = asyncio.get_running_loop()
    origin = loop.time()
    events: list[Event] = []
    requests: list[Request] = []

    def clock() -> Seconds:
        return Seconds(loop.time() - origin)

    def record(event: Event) -> None:
        events.append(event)
        heard(event)

    endpoints = Endpoints(
        settings.lag,
        clock,
        record,
        publish_not_ready_addresses=any(service.publish_not_ready_addresses for service in services),
    )
    events.extend(Note(t_s=clock(), text=text) for text in cast.notes)
    stage: Stage | None = None
    traffic: Traffic | None = None
    ended: dict[str, tuple[ContainerEnding, ...]] = {}
    try:
        async with asyncio.TaskGroup() as tasks:
            stage = Stage(
                workload,
                cast,
                settings.replicas,
                lambda changed: Surroundings(
                    engine,
                    endpoints,
                    clock,
                    record,
                    changed,
                    tasks,
                    dict(settings.image_stop_signals),
                    settings.gates,
                ),
            )
            progress(f"starting {settings.replicas} x {workload.title}")
            await stage.open(within_s=settings.start_within_s)
            endpoints.settle()
            sending: asyncio.Task[None] | None = None
            if settings.traffic is not None:
                progress(f"sending {settings.traffic.rate:g} requests/s")
                traffic = Traffic(settings.traffic, endpoints, clock, requests.append)
                sending = tasks.create_task(traffic.run())
            else:
                progress("waiting until the programs have settled")
                await stage.settle(most_s=_PROGRAMS_SETTLE_S)
                progress(f"waiting {_BASELINE_S:g} s more")
            await asyncio.sleep(_BASELINE_S)
            stage.check_running()
            _check_baseline(requests)
            await _end(stage, settings, progress)
            if settings.traffic is not None and traffic is not None and sending is not None:
                progress("waiting until the endpoints have settled")
                await _settle(endpoints, stage, settings)
                traffic.stop()
                await traffic.settle(Seconds(_SETTLE_S + 2 * settings.traffic.rtt_s))
                await sending
            ended = {r.name: r.endings for r in stage.replicas if r.gone.is_set()}
            raise _CurtainFalls  # the living replicas' watchers and probes end with the group
    except* _CurtainFalls:
        pass
    finally:
        if traffic is not None:
            traffic.close()
        if stage is not None:
            stage.close()
    return _judged(workload, settings, events, requests, ended, engine.isolation, traffic)


class _CurtainFalls(Exception):
    """The rehearsal is over; a TaskGroup ends its other tasks when one of them raises."""


async def _end(stage: Stage, settings: Settings, progress: Callable[[str], None]) -> None:
    match settings.end:
        case End.ONE_POD:
            progress(f"ending {stage.replicas[0].name}")
            await stage.end_one_pod(settings.grace_s)
        case End.ROLLOUT:
            progress(f"rolling out {settings.replicas} x {stage.replicas[0].name.rpartition('-')[0]}")
            await stage.roll_out(settings.grace_s)


async def _settle(endpoints: Endpoints, stage: Stage, settings: Settings) -> None:
    """Until every client side has let go of the ended pods; bounded by the lag itself."""
    ended = [replica.name for replica in stage.replicas if replica.gone.is_set()]
    deadline = asyncio.get_running_loop().time() + settings.lag.most_s
    while any(endpoints.serves(name) for name in ended) or not endpoints.learnt():
        if asyncio.get_running_loop().time() > deadline:
            break
        await asyncio.sleep(0.02)
    await asyncio.sleep(_TAIL_S)


def _check_baseline(requests: Sequence[Request]) -> None:
    """A service that loses everything before any ending cannot be rehearsed."""
    if requests and all(request.fate.lost for request in requests):
        last = requests[-1]
        said = f"{last.method} was answered {last.status}" if last.fate is Fate.SERVER_ERROR else last.fate.value
        raise InputError(
            f"no request succeeds before any pod is ended ({said}{': ' + last.detail if last.detail else ''}).",
            at=None,
            do="Check the path (--mix new=1@/PATH) and the port (--port), and see the output with -v.",
        )


def _judged(
    workload: Workload,
    settings: Settings,
    events: Sequence[Event],
    requests: Sequence[Request],
    ended: dict[str, tuple[ContainerEnding, ...]],
    isolation: Isolation,
    traffic: Traffic | None,
) -> Rehearsed:
    zero = min((event.t_s for event in events if isinstance(event, DeletionMarked)), default=Seconds(0.0))
    timeline = Timeline(tuple(replace(event, t_s=Seconds(event.t_s - zero)) for event in events))
    shifted = tuple(request.since(zero) for request in requests)
    endings = {pod: tuple(ending.since(zero) for ending in containers) for pod, containers in ended.items()}
    pressure = traffic.pressure if traffic is not None else None
    rtt_s = settings.traffic.rtt_s if settings.traffic is not None else Seconds(0)
    not_counted = sum(count for _, count in pressure.not_counted) if pressure is not None else 0
    verdict = judge(timeline, endings, shifted, rtt_s=rtt_s, not_counted=not_counted)
    found = look(Witnessed(workload, timeline, verdict, replicas=settings.replicas))
    return Rehearsed(verdict, found, timeline, shifted, isolation, pressure)
