"""Examples of findings, played with real processes: what their files say is to happen, happens.

An example names programs of images that are not here, so others stand in for them (stand_ins.py). Shells, inits and
wrappers are this machine's own; which shell sh is goes by the example's image. A script of its Dockerfile lies in a
folder of its own and is started there.

A second of the example may be shorter here: its hook, its grace and the stand-ins' times are divided alike. Two things
are not, because they are not the example's: the 2 s that are the least for a stop (T24), and what a request takes.
"""

import asyncio
import math
import re
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from lameduck.ending.timeline import ContainerExited, HookStarted, SignalSent
from lameduck.findings.examples import FILE, builds, case, manifest
from lameduck.findings.finding import Example
from lameduck.findings.looking import look_into
from lameduck.pod.case import Case
from lameduck.pod.containers import Container, Probe
from lameduck.pod.durations import Seconds
from lameduck.pod.entry import Shell
from lameduck.pod.handlers import Exec, Handler, HttpGet, Sleep, TcpSocket
from lameduck.pod.images.builds import ImageBuild, normal
from lameduck.pod.images.container_files import ContainerFiles
from lameduck.pod.programs.obstacles import holds_container_open
from lameduck.pod.texts.documents import SourceDocument
from lameduck.pod.workloads import Workload
from lameduck.rehearse.casting import Cast, Part
from lameduck.rehearse.endpoints import Lag
from lameduck.rehearse.hooks import port_number
from lameduck.rehearse.processes import ProcessEngine
from lameduck.rehearse.rehearsal import Rehearsed, Settings, rehearse
from lameduck.rehearse.traffic.plan import TrafficPlan, parse_mix
from lameduck.remedies.remedy import Mend
from lameduck.remedies.text_edit import apply
from tests.check.stand_ins import Manners, StandIns
from tests.rehearse.staging import Scene, on_stage

__all__ = ["Company", "Conditions", "Played", "mended"]

_PORT = 8080
_START_WITHIN_S = Seconds(60)
_PATIENCE_S = Seconds(60)
"""How long a client waits for its answer: longer than any ending here."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What examples are played under.

    `asks_s`: how long each answer takes; 0: none at all, and clients are new ones only. `rate` 0: no clients.
    `lag_s`: how long clients take to learn of the deletion. `shorter`: a second of the example is that part of one.
    `delay_s`: a pause before the stop signal in place of the example's hook; None: the example's own hook. `grace_s`:
    a grace that the deletion gives. `probe_fails`: no deletion; the container fails its liveness or startup probe.
    The others are the stand-ins' manners.
    """

    asks_s: float = 0.0
    rate: float = 19.0
    lag_s: float = 0.0
    shorter: float = 1.0
    delay_s: int | None = None
    grace_s: int | None = None
    replicas: int = 2
    probe_fails: bool = False
    serves_on_s: float = 0.0
    clean_up_s: float = 0.0
    errands_s: float = 5.0
    hasty: bool = False

    @property
    def manners(self) -> Manners:
        """What the stand-ins are told."""
        return Manners(
            1 / self.shorter, self.serves_on_s, self.clean_up_s, self.errands_s, self.hasty, sick=self.probe_fails
        )

    @property
    def traffic(self) -> TrafficPlan | None:
        """The clients."""
        mix = f"slow=1@/slow?seconds={self.asks_s}" if self.asks_s else "new=1@/"
        if not self.rate:
            return None
        return TrafficPlan(rate=self.rate, mix=parse_mix(mix), request_timeout_s=_PATIENCE_S)


@dataclass(frozen=True, slots=True)
class Played:
    """How an example ended. `lost`: the requests that it cost. `codes`: the findings that the rehearsal names.

    `strained`: this machine was too slow for some requests, which then count for nothing, and neither does the play.
    """

    graceful: bool
    killed: bool
    lost: int
    took_s: float
    codes: frozenset[str]
    reasons: str
    strained: bool = False

    def __str__(self) -> str:
        return self.reasons or "graceful"


class Company:
    """Plays examples, some at a time: most of an ending is waiting."""

    def __init__(self, at_once: int = 10) -> None:
        self._threads = ThreadPoolExecutor(at_once)

    def play(self, example: Example, conditions: Conditions) -> Future[Played]:
        """The ending of the example's container `app`. The future raises what the rehearsal raises."""
        return self._threads.submit(lambda: asyncio.run(_play(example, conditions)))

    def close(self) -> None:
        """Nothing that has not begun is played any more."""
        self._threads.shutdown(cancel_futures=True)


def mended(example: Example, code: str) -> Example | None:
    """The example after `check --fix --unsafe` for that finding; None: nothing is offered."""
    seen = case(example)
    document = seen.workload.document
    assert isinstance(document, SourceDocument)
    remedies = [found.remedy for found in look_into(seen) if found.code == code and found.remedy is not None]
    if not remedies:
        return None
    outcome = apply([Mend(remedy, document) for remedy in remedies])
    assert not outcome.refused, outcome.refused
    files = {file.source.name: file.text for file in outcome.files}
    whole = files.pop(FILE, manifest(example))
    return replace(example, whole=whole, objects="", files={**example.files, **files})


async def _play(example: Example, conditions: Conditions) -> Played:
    seen = case(example)
    with tempfile.TemporaryDirectory(prefix="lameduck-agreement-") as folder:
        cast, workload = _cast(example, seen, Path(folder), conditions)
        if conditions.probe_fails:
            return await _play_probe(workload, cast)
        image = seen.images.get("app")
        settings = Settings(
            replicas=conditions.replicas,
            lag=Lag(Seconds(conditions.lag_s), Seconds(conditions.lag_s)),
            traffic=conditions.traffic if cast.parts[0].ports else None,
            grace_s=conditions.grace_s,
            start_within_s=_START_WITHIN_S,
            image_stop_signals=(("app", image.stop_signal),) if image is not None and image.stop_signal else (),
        )
        async with ProcessEngine() as engine:
            return _played(await rehearse(workload, seen.services, cast, engine, settings, lambda _: None))


def _played(rehearsed: Rehearsed) -> Played:
    verdict = rehearsed.verdict
    return Played(
        graceful=verdict.graceful,
        killed=any(container.killed for ending in verdict.endings for container in ending.containers),
        lost=len(verdict.losses),
        took_s=max(ending.total_s for ending in verdict.endings),
        codes=frozenset(found.code for found in rehearsed.findings),
        reasons="; ".join(verdict.reasons),
        strained=verdict.tally.not_counted > 0,
    )


async def _play_probe(workload: Workload, cast: Cast) -> Played:
    """The container's end by its own failing probe, which `rehearse`, with its deletions, does not play."""

    async def until_it_ends(scene: Scene) -> None:
        opening = asyncio.create_task(scene.open())
        try:
            await scene.until(lambda event: isinstance(event, ContainerExited))
        finally:
            opening.cancel()

    scene = await on_stage(workload, cast, until_it_ends)
    began_s = next(event.t_s for event in scene.events if isinstance(event, HookStarted | SignalSent))
    ending = scene.ending("app", began_s)
    assert ending.exit_s is not None
    reasons = f"killed {ending.kill_s:.1f} s after its probe failed" if ending.kill_s is not None else ""
    return Played(not ending.killed, ending.killed, 0, ending.exit_s, frozenset(), reasons)


def _cast(example: Example, seen: Case, folder: Path, conditions: Conditions) -> tuple[Cast, Workload]:
    container = seen.workload.pod.container("app")
    service, words = _service(example, seen, container)
    serves = not holds_container_open(seen.entries["app"].service) if seen.entries["app"].service else True
    stand_ins = StandIns(folder, conditions.manners, conditions.asks_s, _nginx_settings(seen, conditions.shorter))
    path = stand_ins.path(service, container.image)
    files = ContainerFiles(container, builds(example, seen.workload).get("app"), seen.config_maps)
    for word in (*words, *(container.pre_stop.command if isinstance(container.pre_stop, Exec) else ())):
        if (
            word.startswith("/")
            and (mode := files.mode(word)) is not None
            and (mounted := files.find(word)) is not None
        ):
            stand_ins.lay(word, mounted.text, mode)
    changed = replace(
        container,
        env=(*container.env, ("PATH", path)),
        readiness=Probe(TcpSocket(_PORT, container.at), container.at, period_s=1) if serves else None,
        liveness=_probe(container.liveness, conditions),
        startup=_probe(container.startup, conditions),
        pre_stop=_hook(container, conditions, stand_ins),
    )
    grace_s = seen.workload.pod.termination_grace_period_s
    pod = replace(
        seen.workload.pod,
        containers=(changed,),
        termination_grace_period_s=math.ceil(grace_s / conditions.shorter),
    )
    played = tuple(stand_ins.here(word) for word in _as_here(words, files, folder))
    assert shutil.which(played[0], path=path), f"{played[0]} is not on this machine"
    ports = _ports(changed) if serves else ()
    part = Part(changed, played, ports, serves, str(folder))
    return Cast((part,), ()), replace(seen.workload, pod=pod)


def _service(example: Example, seen: Case, container: Container) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words of its service, and those that the runtime starts. An image that nobody knows holds a server."""
    known = seen.entries["app"].service
    if known is not None:
        return known.words, _words(container, builds(example, seen.workload).get("app"))
    assert not container.command, f"what {example.story!r} starts is not known"
    main = ("nginx", "-g", "daemon off;") if "nginx" in (container.image or "") else ("server",)
    words = (*main, *(container.args or ()))
    return words, words


def _hook(container: Container, conditions: Conditions, stand_ins: StandIns) -> Handler | None:
    if conditions.delay_s is not None:
        return Sleep(conditions.delay_s, container.at)
    match container.pre_stop:
        case Sleep(seconds=seconds, at=at):
            shorter_s, rest = divmod(seconds, conditions.shorter)
            assert not rest, f"a {conditions.shorter}th of {seconds} s are no whole seconds"
            return Sleep(int(shorter_s), at)
        case Exec(command=command, at=at):
            return Exec(tuple(stand_ins.here(word) for word in command), at)
        case other:
            return other


def _probe(probe: Probe | None, conditions: Conditions) -> Probe | None:
    """The probe, asked every second and believed at once; its own grace is shorter here, too."""
    if probe is None:
        return None
    grace_s = probe.termination_grace_period_s
    shorter_s = None if grace_s is None else math.ceil(grace_s / conditions.shorter)
    return replace(probe, period_s=1, failure_threshold=1, termination_grace_period_s=shorter_s)


def _ports(container: Container) -> tuple[int, ...]:
    """Where it serves, and where its hook asks."""
    asked = port_number(container.pre_stop.port, container) if isinstance(container.pre_stop, HttpGet) else None
    return tuple(dict.fromkeys(port for port in (_PORT, asked) if port is not None))


def _nginx_settings(seen: Case, shorter: float) -> str:
    """How long nginx' workers may take, where a ConfigMap that is mounted says it."""
    texts = [text for config_map in seen.config_maps.values() for _, text in config_map.data]
    found = re.search(r"worker_shutdown_timeout (\d+)s;", "\n".join(texts))
    return f"worker_shutdown_timeout {round(int(found[1]) / shorter)}s;" if found else ""


def _words(container: Container, build: ImageBuild | None) -> tuple[str, ...]:
    """What the runtime starts, as `entry_of` has it."""
    if container.command:
        return (*container.command, *(container.args or ()))
    assert build is not None, "neither manifest nor image say what is started"
    entrypoint = tuple(word.value.text for word in build.entrypoint if word.value.text not in build.handing_over)
    return (*entrypoint, *(container.args or tuple(word.value.text for word in build.cmd)))


def _as_here(words: tuple[str, ...], files: ContainerFiles, folder: Path) -> Iterator[str]:
    """The words with this machine's shells for the image's, and the container's scripts where they lie here."""
    build = files.build
    for number, word in enumerate(words):
        script = files.find(word) if "/" in word else None
        if script is not None:
            yield from _script(script.text, build, folder / normal(word).lstrip("/"), alone=number == 0)
        elif word.rpartition("/")[2] == "sh":
            yield from _shell(build)
        else:
            yield word


def _shell(build: ImageBuild | None) -> tuple[str, ...]:
    return ("busybox", "sh") if build is not None and build.sh is Shell.BUSYBOX else ("dash",)


def _script(text: str, build: ImageBuild | None, path: Path, *, alone: bool) -> Iterator[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    if alone and text.startswith("#!/bin/sh"):
        yield from _shell(build)
    yield str(path)
