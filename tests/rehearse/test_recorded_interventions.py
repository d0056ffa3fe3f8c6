"""Recorded endings that are more than one deletion of a pod in which all runs, as `rehearse` wants it."""

import asyncio
from collections.abc import Awaitable, Callable

from lameduck.ending.timeline import ContainerExited, ContainerStarting, HookStarted, PhaseReported, ProbeAnswered
from lameduck.pod.durations import Seconds
from lameduck.rehearse.engine import Isolation
from lameduck.rehearse.isolation import choose
from tests.rehearse.laboratory import Case, Laboratory, laboratory, single_pod
from tests.rehearse.laying_side_by_side import differences
from tests.rehearse.staging import Scene, on_stage

_SETTLED_S = 1.5
"""What a program gets to install its handlers, as in a rehearsal."""


async def _second_delete(scene: Scene, case: Case) -> Seconds:
    await scene.open()
    await asyncio.sleep(_SETTLED_S)
    began_s = scene.clock()
    scene.pod.delete(case.grace_s)
    for later in case.recording.trigger["then"]:
        await asyncio.sleep(began_s + later["at_s"] - scene.clock())
        scene.pod.delete(later["gracePeriodSeconds"])
    await scene.pod.gone.wait()
    return began_s


async def _delete_what_has_ended(scene: Scene, case: Case) -> Seconds:
    """A container has ended by itself, and is not there or waits for its restart: `rehearse` refuses that."""
    await scene.open()
    await scene.until(lambda event: isinstance(event, ContainerExited))
    await asyncio.sleep(_SETTLED_S)
    began_s = scene.clock()
    scene.pod.delete(case.grace_s)
    await scene.pod.gone.wait()
    return began_s


async def _delete_during_post_start(scene: Scene, case: Case) -> Seconds:
    opening = asyncio.create_task(scene.open())
    await scene.until(lambda event: isinstance(event, ContainerStarting))
    hook_end = next(event for event in case.recording.events if event.what == "hook-end")
    await asyncio.sleep(7.0 - hook_end.t_s)  # the hook takes 7 s
    began_s = scene.clock()
    scene.pod.delete(case.grace_s)
    await scene.pod.gone.wait()
    opening.cancel()
    return began_s


async def _liveness_fails(scene: Scene, case: Case) -> Seconds:
    await scene.open()
    failed = await scene.until(lambda event: isinstance(event, ProbeAnswered) and not event.ok)
    await scene.until(lambda event: isinstance(event, ContainerExited))
    return failed.t_s


async def _main_ends(scene: Scene, case: Case) -> Seconds:
    await scene.open()
    ended = await scene.until(lambda event: isinstance(event, ContainerExited) and event.container == "main")
    await scene.until(lambda event: isinstance(event, PhaseReported))
    return ended.t_s


async def _post_start_fails(scene: Scene, case: Case) -> Seconds:
    opening = asyncio.create_task(scene.open())
    hook = await scene.until(lambda event: isinstance(event, HookStarted))
    await scene.until(lambda event: isinstance(event, ContainerExited))
    opening.cancel()
    return hook.t_s


_NOT_EMULATED = ("poststart-running",)
"""Its signal comes before the program runs, so emulation cannot tell what it would meet."""

INTERVENTIONS: dict[str, Callable[[Scene, Case], Awaitable[Seconds]]] = {
    "completed": _delete_what_has_ended,
    "crashloop": _delete_what_has_ended,
    "liveness-kill": _liveness_fails,
    "never-with-sidecar": _main_ends,
    "one-exited": _delete_what_has_ended,
    "poststart-fails": _post_start_fails,
    "poststart-running": _delete_during_post_start,
    "second-delete-longer": _second_delete,
    "second-delete-shorter": _second_delete,
}


def test_what_happens_to_a_pod_ends_it_as_it_was_recorded() -> None:
    names = [name for name in INTERVENTIONS if not (choose() is Isolation.EMULATED and name in _NOT_EMULATED)]
    assert asyncio.run(_play_all(names)) == []


async def _play_all(names: list[str]) -> list[str]:
    """Play them side by side: they mostly sleep. What differs, in words."""
    with laboratory() as lab:
        async with asyncio.TaskGroup() as tasks:
            playing = [tasks.create_task(_play(lab, name), name=name) for name in names]
    return [said for task in playing for said in task.result()]


async def _play(lab: Laboratory, name: str) -> list[str]:
    case = single_pod(name)
    zero = Seconds(0)

    async def script(scene: Scene) -> None:
        nonlocal zero
        zero = await INTERVENTIONS[name](scene, case)

    play = lab.prepare(case)
    scene = await on_stage(play.workload, play.cast, script)
    said = []
    for container in next(case.recorded()):
        ending = scene.ending(container, zero)
        closest = min((list(differences(case, ending, run[container])) for run in case.recorded()), key=len)
        said += [f"{name}: {container} {difference}" for difference in closest]
    return said
