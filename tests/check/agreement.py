"""Examples of findings, played with real processes: what their files say is to happen, happens.

An example names programs of images that are not here, so others stand in for them, under the same names and in front
of the PATH: a server that drains, or one that does not. Shells, inits and wrappers are this machine's own; which shell
sh is goes by the example's image. A script of its Dockerfile lies in a folder of its own and is started there.
"""

import asyncio
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from lameduck.findings.examples import FILE, builds, case, manifest
from lameduck.findings.finding import Example
from lameduck.findings.looking import look_into
from lameduck.pod.case import Case
from lameduck.pod.containers import Container, Probe
from lameduck.pod.documents import SourceDocument
from lameduck.pod.durations import Seconds
from lameduck.pod.entry import Shell
from lameduck.pod.handlers import Sleep, TcpSocket
from lameduck.pod.image_builds import ImageBuild, normal
from lameduck.pod.obstacles import holds_container_open
from lameduck.pod.workloads import Workload
from lameduck.rehearse.casting import Cast, Part
from lameduck.rehearse.endpoints import Lag
from lameduck.rehearse.processes import ProcessEngine
from lameduck.rehearse.rehearsal import Rehearsed, Settings, rehearse
from lameduck.rehearse.traffic.plan import TrafficPlan, parse_mix
from lameduck.remedies.remedy import Mend
from lameduck.remedies.text_edit import apply

__all__ = ["Company", "Conditions", "Played", "mended"]

_PORT = 8080
_START_WITHIN_S = Seconds(60)
_REAL = frozenset({"sleep", "tail", "cat"})
"""Services that are this machine's own."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What examples are played under. `delay_s`: a pause before the stop signal in place of the example's hook.

    None: the example's own hook is played.
    """

    mix: str
    rate: float = 20.0
    lag_s: float = 0.0
    delay_s: int | None = None
    grace_s: int | None = None
    replicas: int = 2


@dataclass(frozen=True, slots=True)
class Played:
    """How an example ended."""

    rehearsed: Rehearsed

    @property
    def killed(self) -> bool:
        """Whether a container was killed at its deadline."""
        return any(container.killed for ending in self.rehearsed.verdict.endings for container in ending.containers)

    @property
    def lost(self) -> int:
        """The requests that the ending cost."""
        return len(self.rehearsed.verdict.losses)

    def __str__(self) -> str:
        return "; ".join(self.rehearsed.verdict.reasons) or "graceful"


class Company:
    """Plays examples, some at a time: most of an ending is waiting."""

    def __init__(self, at_once: int = 6) -> None:
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
    return replace(example, whole=whole, files={**example.files, **files})


async def _play(example: Example, conditions: Conditions) -> Played:
    seen = case(example)
    with tempfile.TemporaryDirectory(prefix="lameduck-agreement-") as folder:
        cast, workload = _cast(example, seen, Path(folder), conditions)
        serves = bool(cast.parts[0].ports)
        image = seen.images.get("app")
        settings = Settings(
            replicas=conditions.replicas,
            lag=Lag(Seconds(conditions.lag_s), Seconds(conditions.lag_s)),
            traffic=TrafficPlan(rate=conditions.rate, mix=parse_mix(conditions.mix)) if serves else None,
            grace_s=conditions.grace_s,
            start_within_s=_START_WITHIN_S,
            image_stop_signals=(("app", image.stop_signal),) if image is not None and image.stop_signal else (),
        )
        async with ProcessEngine() as engine:
            return Played(await rehearse(workload, seen.services, cast, engine, settings, lambda _: None))


def _cast(example: Example, seen: Case, folder: Path, conditions: Conditions) -> tuple[Cast, Workload]:
    container = seen.workload.pod.container("app")
    entry = seen.entries["app"]
    assert entry.service is not None, f"what {example.story!r} starts is not known"
    serves = not holds_container_open(entry.service)
    path = _stand_ins(folder / "bin", entry.service.words, container)
    build = builds(example, seen.workload).get("app")
    words = _words(container, build)
    changed = replace(
        container,
        env=(*container.env, ("PATH", f"{path}:{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin:/sbin")),
        readiness=Probe(TcpSocket(_PORT, container.at), container.at, period_s=1) if serves else None,
        pre_stop=container.pre_stop if conditions.delay_s is None else Sleep(conditions.delay_s, container.at),
    )
    pod = replace(seen.workload.pod, containers=(changed,))
    played = tuple(_as_here(words, build, folder))
    assert shutil.which(played[0], path=dict(changed.env)["PATH"]), f"{played[0]} is not on this machine"
    part = Part(changed, played, (_PORT,) if serves else (), serves, str(folder))
    return Cast((part,), ()), replace(seen.workload, pod=pod)


def _words(container: Container, build: ImageBuild | None) -> tuple[str, ...]:
    """What the runtime starts, as `entry_of` has it."""
    if container.command:
        return (*container.command, *(container.args or ()))
    assert build is not None, "neither manifest nor image say what is started"
    entrypoint = tuple(word.value.text for word in build.entrypoint if word.value.text not in build.handing_over)
    return (*entrypoint, *(container.args or tuple(word.value.text for word in build.cmd)))


def _as_here(words: tuple[str, ...], build: ImageBuild | None, folder: Path) -> Iterator[str]:
    """The words with this machine's shells for the image's, and scripts of the image where they lie here."""
    for number, word in enumerate(words):
        script = build.file(word) if build is not None and "/" in word else None
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


def _stand_ins(folder: Path, service: tuple[str, ...], container: Container) -> Path:
    """Programs that play the service, and whatever runs before it: the latter do nothing."""
    folder.mkdir()
    program = service[0].rpartition("/")[2]
    server = [sys.executable, "-m", "lameduck.rehearse.bundled_server", "--host", "127.0.0.1"]
    if service[:1] == ("flask",):
        server += ["--on-stop", "nothing"]
    elif service[1:3] == ("-m", "http.server"):
        server = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1"]
    if program in _REAL:
        return folder
    script = f"#!/bin/sh\nexec {shlex.join(server)}"
    if "http.server" in server:
        script += ' "$PORT"'
    stand_in = folder / program
    stand_in.write_text(f"{script}\n", encoding="utf-8")
    stand_in.chmod(0o755)
    return folder
