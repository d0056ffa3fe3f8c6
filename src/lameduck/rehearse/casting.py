"""Casting: which command plays which container of the pod, and which ports it is told to listen on.

A command comes from `--run CONTAINER=COMMAND`, split into words as a POSIX shell splits them (no shell runs it), or
from the manifest's own command and args. `{port}`, `{port:NAME}`, `{host}` and `{replica}` in its words are filled in
for each replica; nothing else in braces is touched, because commands contain braces.
"""

import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lameduck.pod.containers import Container, Role
from lameduck.pod.handlers import Grpc, Handler, HttpGet, ProbeHandler, TcpSocket
from lameduck.pod.place import InputError
from lameduck.pod.ports import container_port, service_target
from lameduck.pod.workloads import PodSpec, Service, Workload

__all__ = ["Cast", "Part", "cast_pod"]

_PLACEHOLDER = re.compile(r"\{(port|host|replica)(?::([A-Za-z0-9-]+))?\}")


@dataclass(frozen=True, slots=True)
class Part:
    """One container and the words that play it. `ports` are its container ports, the one that serves first."""

    container: Container
    words: tuple[str, ...]
    ports: tuple[int, ...]
    serving: bool
    cwd: str | None = None
    """The container's workingDir, where this machine has it; None: lameduck's own."""

    def argv(self, *, ports: Mapping[int, int], host: str, replica: int) -> tuple[str, ...]:
        """The words with their placeholders filled in; `ports` maps container ports to this machine's.

        Raises InputError for `{port:NAME}` with a port the container does not have.
        """

        def fill(match: re.Match[str]) -> str:
            name, which = match.groups()
            if name == "host":
                return host
            if name == "replica":
                return str(replica)
            number = self.ports[0] if which is None and self.ports else self._number(which or "")
            if number is None or number not in ports:
                raise InputError(
                    f"{match.group(0)} names a port that container {self.container.name} does not have.",
                    at=f"--run {self.container.name}",
                    do=f"Its ports are: {', '.join(map(str, self.ports)) or 'none; declare one under ports'}.",
                )
            return str(ports[number])

        return tuple(_PLACEHOLDER.sub(fill, word) for word in self.words)

    def _number(self, which: str) -> int | None:
        return container_port(self.container, int(which) if which.isdigit() else which)

    def env(self, base: Mapping[str, str], *, ports: Mapping[int, int], host: str, replica: int) -> dict[str, str]:
        """The environment: this machine's, the manifest's literal values, and HOST, REPLICA, PORT and PORT_n."""
        env = {**base, **{name: value for name, value in self.container.env if value is not None}}
        env |= {"HOST": host, "REPLICA": str(replica), "LAMEDUCK_REHEARSAL": "1"}
        env |= {f"PORT_{number}": str(ports[number]) for number in self.ports}
        if self.ports:
            env["PORT"] = str(ports[self.ports[0]])
        return env


@dataclass(frozen=True, slots=True)
class Cast:
    """All parts of a pod, in spec order, and what is not played as the files say, a sentence each."""

    parts: tuple[Part, ...]
    notes: tuple[str, ...]

    @property
    def serving(self) -> Part | None:
        """The part that the Service's traffic goes to."""
        return next((part for part in self.parts if part.serving), None)


def cast_pod(
    workload: Workload,
    services: Sequence[Service],
    runs: Sequence[str],
    *,
    words: Mapping[str, tuple[str, ...]] | None = None,
) -> Cast:
    """Who plays what; `words` are commands that are split already, by container.

    Raises InputError: a `--run` that names no container or cannot be split, nothing that can run here.
    """
    given = dict(words or {}) | dict(_split_run(run, workload.pod) for run in runs)
    serving = _serving(workload.pod, services)
    parts: list[Part] = []
    notes: list[str] = []
    if workload.pod.share_process_namespace:
        notes.append("shareProcessNamespace is not played: each main process is PID 1 here (T54)")
    for container in workload.pod.containers:
        is_serving = serving is not None and container.name == serving[0].name
        own = given.get(container.name)
        if own is None:
            own, why_not = _own_words(container)
            if own is None:
                if is_serving or (serving is None and container.role is Role.REGULAR):
                    raise InputError(
                        f"container {container.name} has no command that runs here: {why_not}.",
                        at=workload.place(container.at),
                        do=f"Say what plays it: --run '{container.name}=COMMAND {{port}}'.",
                    )
                notes.append(f"container {container.name} is not played: {why_not}")
                continue
        first = serving[1] if is_serving and serving is not None else None
        cwd = container.working_dir if container.working_dir and Path(container.working_dir).is_dir() else None
        if container.working_dir and cwd is None:
            notes.append(f"container {container.name} runs here: its workingDir is not on this machine")
        parts.append(Part(container, own, _ports(container, first), is_serving, cwd))
    if not any(part.container.role is Role.REGULAR for part in parts):
        raise InputError(
            f"{workload.title} has no container that could be played.",
            at=workload.place(workload.pod.at),
            do="Say what plays one: --run 'CONTAINER=COMMAND {port}'.",
        )
    return Cast(tuple(parts), tuple(notes))


def _split_run(run: str, pod: PodSpec) -> tuple[str, tuple[str, ...]]:
    name, equals, command = run.partition("=")
    if not equals or not name.strip():
        raise InputError(f"{run!r} does not say which container.", at="--run", do="Write --run CONTAINER=COMMAND.")
    names = [container.name for container in pod.containers]
    if name not in names:
        raise InputError(
            f"there is no container {name!r}.",
            at=f"--run {run!r}",
            do=f"The pod has: {', '.join(names) or 'no container'}.",
        )
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise InputError(
            f"the command cannot be split into words: {str(error).lower()}.",
            at=f"--run {run!r}",
            do="Quote it as for a POSIX shell.",
        ) from None
    if not words:
        raise InputError("the command is empty.", at=f"--run {run!r}", do=f"Write --run '{name}=COMMAND'.")
    return name, words


def _own_words(container: Container) -> tuple[tuple[str, ...] | None, str]:
    """The manifest's own command, or why it cannot be used here."""
    if container.role is Role.INIT:
        return None, "init containers are not played"
    if container.role is Role.EPHEMERAL:
        return None, "ephemeral containers are not played"
    if not container.command:
        return None, "the image decides what it runs"
    if shutil.which(container.command[0]) is None:
        return None, f"{container.command[0]} is not on this machine"
    return (*container.command, *(container.args or ())), ""


def _serving(pod: PodSpec, services: Sequence[Service]) -> tuple[Container, int] | None:
    """The container, and its port, that clients reach: by the Service, by declared ports, by a probe.

    Not by a hook: the port of a preStop is often wrong, and nobody notices (T20). Taken for the serving one it would be
    led to where the command really listens, and the rehearsal would hide what it is there to show.
    """
    candidates = [c for c in pod.containers if c.role in (Role.REGULAR, Role.SIDECAR)]
    # Regular containers first: the Service reaches a sidecar only when no other container has the port.
    candidates.sort(key=lambda container: container.role is not Role.REGULAR)
    for port in (port for service in services for port in service.ports):
        target = service_target(pod, port)
        if target is not None and target.container is not None:
            return target.container, target.number
    for container in candidates:
        tcp = [port.number for port in container.ports if port.protocol == "TCP"]
        if tcp:
            return container, tcp[0]
    for container in candidates:
        probed = _numbers(container, _probe_handlers(container))
        if probed:
            return container, probed[0]
    return None


def _ports(container: Container, first: int | None) -> tuple[int, ...]:
    """Every TCP port of the container that its declarations, probes and hooks speak of; `first` in front."""
    numbers: list[int] = [] if first is None else [first]
    numbers += [port.number for port in container.ports if port.protocol == "TCP"]
    numbers += _numbers(container, (*_probe_handlers(container), container.pre_stop, container.post_start))
    return tuple(dict.fromkeys(numbers))


def _probe_handlers(container: Container) -> tuple[ProbeHandler, ...]:
    probes = (container.readiness, container.startup, container.liveness)
    return tuple(probe.handler for probe in probes if probe is not None)


def _numbers(container: Container, handlers: Sequence[Handler | ProbeHandler | None]) -> list[int]:
    """The ports that these handlers ask, in their order."""
    asking = [handler for handler in handlers if isinstance(handler, HttpGet | TcpSocket | Grpc)]
    numbers = [container_port(container, handler.port) for handler in asking]
    return [number for number in numbers if number is not None]
