"""The laboratory: what this machine needs to play the pods of the recordings in tests/golden.

The programs of the recordings' images are stood in for by lab/labapp and lab/labhook; real servers are those of this
machine, with the files that the recording's ConfigMap holds.
"""

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from lameduck.ending.conformance.recordings import Recording, read_recording
from lameduck.pod.reading import read_text
from lameduck.pod.workloads import Workload
from lameduck.rehearse.casting import Cast, cast_pod
from lameduck.rehearse.ports import Ports
from tests.rehearse.not_played import PROGRAMS, PROGRAMS_OF_ROOT

GOLDEN = Path(__file__).parent.parent / "golden"
_LAB = Path(__file__).parent / "lab"
_NO_PROGRAMS = "/nowhere"
"""The PATH in an image with nothing but its one program."""
_WEB_PORT = "8080"
"""Where the recorded servers listen: in their commands, files and probes."""
_NGINX = """\
pid nginx.pid; error_log stderr; worker_processes 1;
events {}
http {
  access_log off;
  server {
    listen 127.0.0.1:%d;
    location = / { return 200 "ok"; }
    location = /who { return 200 "ok"; }
    location /slow { alias slow.bin; limit_rate 10k; }
  }
}
"""
_SLOW_BYTES = 40_000  # at 10 kB/s and with nginx's first second free, 3 s


@dataclass(frozen=True, slots=True)
class Case:
    """One pod's ending in a recording, by a deletion. `asked_s`: when it was asked for, on the recording's clock."""

    recording: Recording
    pod: str
    grace_s: int | None
    asked_s: float = 0.0

    @property
    def name(self) -> str:
        """The recording's name, with the pod's if there are several."""
        pods = {pod for pod, _ in self.recording.runs[0].containers}
        return self.recording.name if len(pods) == 1 else f"{self.recording.name}/{self.pod}"

    def requests(self) -> Iterator[tuple[float, str]]:
        """The single requests that the recorder sent: seconds since the deletion request, and path."""
        for event in self.recording.events:
            if event.what == "request-start":
                yield event.t_s - self.asked_s, str(event.detail["path"])

    def recorded(self) -> Iterator[Mapping[str, Mapping[str, Any]]]:
        """Each run's containers. Only the first one has events; without them no other moment than 0 is known."""
        for run in self.recording.runs if self.asked_s == 0.0 else self.recording.runs[:1]:
            yield {name: values for (pod, name), values in run.containers.items() if pod == self.pod}


def case_names() -> tuple[str, ...]:
    """All recordings, by name."""
    return tuple(sorted(path.stem for path in GOLDEN.glob("*.json")))


def single_pod(name: str) -> Case:
    """The one pod of a recording, whatever ends it."""
    recording = read_recording(GOLDEN / f"{name}.json")
    [pod] = {pod for pod, _ in recording.runs[0].containers}
    return Case(recording, pod, recording.trigger.get("gracePeriodSeconds"))


def cases_of(name: str) -> Iterator[Case]:
    """The pods that end in a recording because they are deleted, with the moment and the grace of that."""
    recording = read_recording(GOLDEN / f"{name}.json")
    if recording.other:
        return
    asked = recording.trigger.get("gracePeriodSeconds")
    if recording.trigger["kind"] == "delete" and len(recording.runs[0].containers) == 1:
        yield Case(recording, next(pod for pod, _ in recording.runs[0].containers), asked)
        return
    ended = {pod for (pod, _), values in recording.runs[0].containers.items() if values["stop_timeout_s"] is not None}
    for pod in sorted(ended):
        marks = [e for e in recording.events_of(pod) if e.source == "api.pod" and "deletionTimestamp_s" in e.detail]
        if marks and recording.spec_of(pod) is not None:
            plain = recording.trigger["kind"] == "delete" and pod in recording.specs
            yield (
                Case(recording, pod, asked)
                if plain
                else Case(recording, pod, int(marks[0].detail["deletionGracePeriodSeconds"]), marks[0].t_s)
            )


@dataclass(frozen=True, slots=True)
class Play:
    """A case made ready for this machine. `port`: where it serves the requests of the recording, if it has any."""

    case: Case
    workload: Workload
    cast: Cast
    port: int | None = None


class Laboratory:
    """Prepares cases in a folder of its own, which other users may read: some containers change theirs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = Ports()
        self.programs = folder / "bin"
        self.programs.mkdir()
        # Not a virtual environment's: `su www-data` could not read it below a home directory.
        self._python = shutil.which("python3", path="/usr/local/bin:/usr/bin:/bin") or sys.executable
        for name in ("labapp", "labhook"):
            source = (_LAB / name).read_text().partition("\n")[2]
            self._program(name, f"#!{self._python} -IS\n{source}")
        if nginx := shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin"):
            self._program("nginx", f'#!/bin/sh\nexec {nginx} -e stderr -p "$PWD" -c nginx.conf "$@"\n')

    def close(self) -> None:
        """Give back its ports."""
        self._ports.close()

    def _program(self, name: str, text: str) -> None:
        file = self.programs / name
        file.write_text(text)
        file.chmod(0o755)

    def missing(self, case: Case) -> str | None:
        """What this machine lacks to play it, and how to get it."""
        text = json.dumps(_objects(case)[0]["spec"])
        for program, remedy in PROGRAMS.items():
            if re.search(rf"(?<![\w/]){re.escape(program)}(?![\w-])", text):
                if shutil.which(program) is None:
                    return f"{program} is missing; to play it: {remedy}"
                if program in PROGRAMS_OF_ROOT and os.geteuid() != 0:
                    return f"{program} changes the user, which only root may; to play it: run the tests as root"
        return None

    def prepare(self, case: Case) -> Play:
        """Write the files it needs, choose ports, and cast it. Raises InputError as casting does."""
        pod, *others = _objects(case)
        text = json.dumps(pod)
        port: int | None = None
        cwd: str | None = None
        if '"/app"' in text or "nginx" in text or any(case.requests()):
            port = self._ports.take()
            text = text.replace(_WEB_PORT, str(port))
            cwd = self._files(case, others, port)
        return self._cast(case, read_text(text, case.name).workloads[0], cwd, port)

    def _cast(self, case: Case, workload: Workload, cwd: str | None, port: int | None) -> Play:
        words: dict[str, tuple[str, ...]] = {}
        containers = []
        for container in workload.pod.containers:
            command = (*(container.command or ()), *(container.args or ()))
            if command[:1] == ("/labstatic",):
                words[container.name] = (self._python, "-I", "-S", str(self.programs / "labapp"), *command[1:])
                container = replace(container, env=(*container.env, ("PATH", _NO_PROGRAMS)))
            if command[:1] == ("labapp",) and port is not None and "--port" not in command:
                words[container.name] = (*command, "--port", str(port))
                container = replace(container, env=(*container.env, (f"PORT_{port}", str(port))))
            if not command and "nginx" in (container.image or ""):
                words[container.name] = ("nginx", "-g", "daemon off;")
            if cwd is not None:
                container = replace(container, working_dir=cwd)
            containers.append(container)
        # The pod's ending is the same whoever made the pod; its replacement is not the subject here.
        played = replace(workload, kind="Pod", pod=replace(workload.pod, containers=tuple(containers)))
        return Play(case, played, cast_pod(played, (), (), words=words), port)

    def _files(self, case: Case, objects: Sequence[Mapping[str, Any]], port: int) -> str:
        folder = Path(tempfile.mkdtemp(prefix=f"{case.recording.name}-", dir=self._folder))
        folder.chmod(0o755)
        for obj in objects:
            for name, text in (obj.get("data") or {}).items():
                (folder / name).write_text(text.replace(_WEB_PORT, str(port)).replace("/app/", f"{folder}/"))
        (folder / "nginx.conf").write_text(_NGINX % port)
        (folder / "slow.bin").write_bytes(b"." * _SLOW_BYTES)
        return str(folder)


def _objects(case: Case) -> list[dict[str, Any]]:
    """The object behind the case's pod, and the other objects of the recording."""
    raw = json.loads((GOLDEN / f"{case.recording.name}.json").read_text())
    owner = case.recording.spec_of(case.pod)
    objects: list[dict[str, Any]] = [*raw["pods"], *raw.get("objects", ())]
    objects.sort(key=lambda obj: obj["metadata"]["name"] != owner or "spec" not in obj)
    return objects


@contextmanager
def laboratory() -> Iterator[Laboratory]:
    """A laboratory whose programs are on the PATH of all that is started, for as long as it is open."""
    with tempfile.TemporaryDirectory(prefix="lameduck-lab-") as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name)
        folder.chmod(0o755)
        lab = Laboratory(folder)
        paths = (str(lab.programs), str(Path(sys.executable).parent), os.environ["PATH"])
        patch.setenv("PATH", os.pathsep.join(paths))
        with closing(lab):
            yield lab
