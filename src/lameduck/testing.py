"""The rehearsal from your own tests: start the service, load it, end it as Kubernetes would, and assert what is lost.

    pytest_plugins = ["lameduck.testing"]          # in conftest.py; needs lameduck[cli]

    def test_it_ends_without_dropping_work(rehearse):
        ending = rehearse(["uvicorn", "app:app", "--port", "{port}"], mix="new=5,keepalive=5,slow=1@/slow")
        assert ending.lost == ()
        assert ending.exit_codes == (0,)
        assert ending.took_s < 10

It works in any test framework: `lameduck.testing.rehearsed(...)` is the function behind the fixture.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lameduck.ending.requests import Request
    from lameduck.ending.timeline import Timeline
    from lameduck.report.answer import Answer

__all__ = ["Ending", "rehearse", "rehearsed"]


@dataclass(frozen=True, slots=True)
class Ending:
    """How the service ended under traffic. `assert ending.graceful, ending.report` shows all of it when it fails."""

    graceful: bool
    """Nothing was lost, nobody was killed, and no container left with an error."""
    requests: tuple[Request, ...]
    """Every request, as its client saw it."""
    timeline: Timeline
    """All that happened, in seconds since the deletion request; the service's own lines of output among it."""
    report: str
    """What `lameduck rehearse` would print."""
    answer: Answer

    @property
    def lost(self) -> tuple[Request, ...]:
        """The requests whose clients did not get what they asked for."""
        return tuple(request for request in self.requests if request.fate.lost)

    @property
    def took_s(self) -> float:
        """From the deletion request to the end of the pod, in seconds; of several pods, the longest."""
        return max((ending.total_s for ending in self.answer.verdict.endings), default=0.0)

    @property
    def exit_codes(self) -> tuple[int | None, ...]:
        """Of each container that ended."""
        return tuple(container.exit_code for ending in self.answer.verdict.endings for container in ending.containers)

    def __str__(self) -> str:
        return self.report


def rehearsed(
    command: Sequence[str],
    *,
    rate: float = 50.0,
    mix: str = "new=1,keepalive=1",
    rtt: str = "1ms",
    lag: str = "1s",
    grace_s: int = 30,
    pre_stop: str | None = None,
    replicas: int = 2,
    rollout: bool = False,
    environ: Mapping[str, str] | None = None,
    start_within: str = "30s",
) -> Ending:
    """Play the ending of a command, with the pod that is made up around it, and wait for its end.

    `{port}` in the command is where it has to listen. `rate` is in requests per second, `mix` names the clients and
    their paths (`new=5,keepalive=4,slow=1@/slow,sse=1@/events,websocket=1@/ws`), `lag` is how late the endpoints are
    updated, `rtt` how far away the clients are. `environ` is added to the environment; LAMEDUCK_GRACE_SECONDS is in it.
    Raises lameduck.pod.place.InputError for what cannot be played, such as a command that does not start.
    """
    import shlex

    from rich.console import Console

    from lameduck.pod.durations import parse_duration
    from lameduck.pod.place import InputError
    from lameduck.pod.reading import read_text
    from lameduck.rehearse.casting import cast_pod
    from lameduck.rehearse.endpoints import Lag
    from lameduck.rehearse.making_up import DEFAULT_PORT, made_up_manifest
    from lameduck.rehearse.processes import ProcessEngine
    from lameduck.rehearse.rehearsal import End, Rehearsed, Settings
    from lameduck.rehearse.rehearsal import rehearse as play
    from lameduck.rehearse.traffic import TrafficPlan, parse_mix
    from lameduck.report.answering import answer_of
    from lameduck.report.terminal import render_terminal

    added = {"LAMEDUCK_GRACE_SECONDS": str(grace_s), **(environ or {})}
    words = ["env", *(f"{name}={value}" for name, value in added.items()), *command]
    manifest = made_up_manifest(words, port=DEFAULT_PORT, pre_stop=pre_stop, grace_s=grace_s, replicas=replicas)
    manifests = read_text(manifest, "the made-up manifest")
    workload = manifests.workloads[0]
    cast = cast_pod(workload, manifests.services, (), words={"app": tuple(words)})
    late = parse_duration(lag, option="lag")
    settings = Settings(
        replicas=replicas,
        lag=Lag(late, late),
        traffic=TrafficPlan(rate=rate, mix=parse_mix(mix), rtt_s=parse_duration(rtt, option="rtt")) if rate else None,
        end=End.ROLLOUT if rollout else End.ONE_POD,
        start_within_s=parse_duration(start_within, option="start_within"),
    )

    async def played() -> Rehearsed:
        async with ProcessEngine(None) as engine:
            return await play(workload, manifests.services, cast, engine, settings, lambda _: None)

    try:
        came = asyncio.run(played())
    except* InputError as group:
        raise first_of(group) from None
    answer = answer_of(workload, settings, came, title=shlex.join(command), notes=cast.notes)
    paper = Console(file=io.StringIO(), width=110, record=True)
    render_terminal(answer, console=paper, verbose=not answer.verdict.graceful)
    return Ending(answer.verdict.graceful, came.requests, came.timeline, paper.export_text(), answer)


def first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """One error of a group: one container that does not start takes the others along."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


@pytest.fixture
def rehearse() -> Callable[..., Ending]:
    """`rehearse(command, ...)` as a fixture; its arguments are those of lameduck.testing.rehearsed."""

    def play(command: Sequence[str], **settings: Any) -> Ending:
        return rehearsed(command, **settings)

    return play
