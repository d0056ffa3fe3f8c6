"""Plays cases through `rehearse`, and lays what happened beside what was recorded."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lameduck.ending.commands import ContainerEnding
from lameduck.ending.timeline import PhaseReported
from lameduck.pod.durations import Seconds
from lameduck.rehearse.endpoints import Lag
from lameduck.rehearse.engine import Isolation
from lameduck.rehearse.processes import ProcessEngine
from lameduck.rehearse.rehearsal import Rehearsed, Settings, rehearse
from tests.rehearse.laboratory import Case, Laboratory, Play

__all__ = ["Outcome", "differences", "play_all"]

SLACK_S = 0.3
"""What a busy machine with two processors may add, beside the recording's own tolerance."""
SERVER_SLACK_S = 1.0
"""The same for real servers: other versions than the recorded ones, and processor time to start and to end."""
_TURN_RACE_S = 0.1
_AT_ONCE = 16
_STARTING_AT_ONCE = 4
_BASELINE_S = 1.5
_WITHIN_S = 60.0

_WORDS = ("hook_outcome", "stop_signal", "stop_timeout_s", "exit_code", "reason", "killed")
_TERMINAL = ("Succeeded", "Failed")
_TIMES = ("hook_start_s", "hook_end_s", "stop_signal_s", "kill_s", "exit_s")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one case: nothing to say if it ended as recorded. `off_s`: the largest distance of a time."""

    case: Case
    differences: tuple[str, ...]
    off_s: float


async def play_all(lab: Laboratory, cases: Sequence[Case], prefer: Isolation | None) -> list[Outcome]:
    """Play these cases, some at a time: they mostly sleep. Fewer start at a time, because that is work."""
    room = asyncio.Semaphore(_AT_ONCE)
    starting = asyncio.Semaphore(_STARTING_AT_ONCE)

    async def one(case: Case) -> Outcome:
        async with room:
            with contextlib.ExitStack() as turn:
                await starting.acquire()
                turn.callback(starting.release)
                try:
                    rehearsed = await _play(lab.prepare(case), prefer, started=turn.close)
                except Exception as error:
                    error.add_note(f"while {case.name} was played")
                    raise
        return _compared(case, rehearsed)

    async with asyncio.TaskGroup() as tasks:
        playing = [tasks.create_task(one(case), name=case.name) for case in cases]
    return [task.result() for task in playing]


async def _play(play: Play, prefer: Isolation | None, started: Callable[[], None]) -> Rehearsed:
    case = play.case
    signals = case.recording.image_stop_signals.get(case.recording.spec_of(case.pod) or "", {})
    settings = Settings(
        replicas=1,
        lag=Lag(Seconds(0), Seconds(0)),
        traffic=None,
        grace_s=case.grace_s,
        image_stop_signals=tuple(signals.items()),
        gates=case.recording.gates,
    )
    async with asyncio.timeout(_WITHIN_S), ProcessEngine(prefer) as engine, asyncio.TaskGroup() as requests:

        def progress(now: str) -> None:
            if now.startswith(f"waiting {_BASELINE_S:g} s"):
                started()
                if play.port is not None:
                    for at_s, path in case.requests():
                        requests.create_task(_request(_BASELINE_S + at_s, play.port, path))

        return await rehearse(play.workload, (), play.cast, engine, settings, progress)


async def _request(in_s: float, port: int, path: str) -> None:
    """One GET, read to its end; what becomes of it is the pod's affair."""
    await asyncio.sleep(in_s)
    with contextlib.suppress(OSError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.closing(writer):
            writer.write(b"GET %s HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n" % path.encode())
            await reader.read(-1)


def _compared(case: Case, rehearsed: Rehearsed) -> Outcome:
    ended = {ending.name: ending for pod in rehearsed.verdict.endings for ending in pod.containers}
    if not ended:
        return Outcome(case, ("the pod did not end",), 0.0)
    said: list[str] = []
    off_s = 0.0
    for name in next(case.recorded()):
        runs = [run[name] for run in case.recorded() if name in run]
        # The run that it comes closest to: some recordings are races, and the runs differ.
        closest = min((list(differences(case, ended.get(name), run)) for run in runs), key=len)
        said += [f"{name} {difference}" for difference in closest]
        off_s = max(off_s, min(_farthest(case, ended[name], run) for run in runs) if name in ended else 0.0)
    said += _unlike_phase(case, rehearsed)
    return Outcome(case, tuple(said), off_s)


def _unlike_phase(case: Case, rehearsed: Rehearsed) -> Iterator[str]:
    """The phase that the API saw last, if it is one in which nothing runs any more; a force delete leaves no time."""
    recorded = None
    for event in case.recording.events_of(case.pod):
        if event.source == "api.pod":
            recorded = event.detail.get("phase", recorded)
            if event.what == "DELETED":  # the next pod of a StatefulSet has the same name
                break
    found = [event.phase for event in rehearsed.timeline.events if isinstance(event, PhaseReported)]
    raced = any("killed" in _races(run) for runs in case.recorded() for run in runs.values())
    if recorded in _TERMINAL and found != [recorded] and not raced:
        yield f"phase: {recorded} recorded, {', '.join(found) or 'none'} rehearsed"


def differences(case: Case, ending: ContainerEnding | None, recorded: Mapping[str, Any]) -> Iterator[str]:
    """In what a container's ending differs from a recorded one, in words."""
    if ending is None:
        yield "was not played"
        return
    excused = set(_races(recorded))
    for key in _WORDS:
        value, found = recorded.get(key), getattr(ending, key)
        if key == "stop_timeout_s" and _turn_raced(ending) and value is not None and abs(value - found) == 1:
            continue
        if key not in excused and value != found:
            yield f"{key}: {value} recorded, {found} rehearsed"
    for key in _TIMES:
        if key in excused:
            continue
        value, found = recorded.get(key), getattr(ending, key)
        if (value is None) != (found is None):
            yield f"{key}: {value} recorded, {found} rehearsed"
        elif value is not None and abs(value - case.asked_s - found) > case.recording.tolerance_s + _slack_s(case):
            yield f"{key}: {value - case.asked_s:.2f} recorded, {found:.2f} rehearsed"


def _races(recorded: Mapping[str, Any]) -> Iterator[str]:
    """The fields that a race decided, or that the recording does not know: see golden/README.md."""
    exit_s, hook_end_s = recorded.get("exit_s"), recorded.get("hook_end_s")
    signal_s, limit_s = recorded.get("stop_signal_s"), recorded.get("stop_timeout_s")
    if exit_s is not None and hook_end_s is not None and exit_s <= hook_end_s:
        yield from ("stop_signal", "stop_signal_s")
    if exit_s is None and recorded.get("reason") is not None:  # it exited before the recording begins
        yield from ("exit_s", "exit_code")
    if recorded.get("reason") is None:  # the object was gone first
        yield "reason"
    if exit_s is None or signal_s is None or limit_s is None or recorded["killed"]:
        return
    if abs(exit_s - signal_s - limit_s) < SLACK_S:
        yield from ("kill_s", "killed", "exit_code", "reason")  # it ended by itself just at its deadline


def _turn_raced(ending: ContainerEnding) -> bool:
    """Whether a sidecar's wait for its turn was so close to a whole second that milliseconds decided its cost (T17)."""
    if ending.stop_signal_s is None or ending.stop_timeout_s is None:
        return False
    waited_s = ending.stop_signal_s - (ending.hook_end_s or 0.0)
    return waited_s > _TURN_RACE_S and abs(waited_s - round(waited_s)) < _TURN_RACE_S


def _slack_s(case: Case) -> float:
    return SERVER_SLACK_S if case.recording.name.startswith("app-") else SLACK_S


def _farthest(case: Case, ending: ContainerEnding, recorded: Mapping[str, Any]) -> float:
    distances = [
        abs(recorded[key] - case.asked_s - found)
        for key in _TIMES
        if recorded.get(key) is not None and (found := getattr(ending, key)) is not None
    ]
    return max(distances, default=0.0)
