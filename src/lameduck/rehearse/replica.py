"""One replica: its containers as real processes, its flow on the real clock, its probes, its place in the endpoints.

It carries out what the flow orders and tells the flow what happened; what the kubelet does next is the flow's to say.
"""

import asyncio
import os
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from lameduck.ending.chronicle import Chronicle
from lameduck.ending.commands import (
    AbandonHook,
    Command,
    ContainerEnding,
    KillProcess,
    MarkTerminating,
    RemovePod,
    ReportEnd,
    RestartContainer,
    RunHook,
    SendSignal,
    StopProbing,
    Warn,
)
from lameduck.ending.flow import Flow
from lameduck.ending.happenings import (
    ContainerStarted,
    DeletionRequested,
    Happening,
    HookEnded,
    PostStartBegan,
    PostStartEnded,
    ProbeFailed,
    ProbeKind,
    ProcessExited,
    TimePassed,
)
from lameduck.ending.timeline import (
    ContainerStarting,
    Event,
    Note,
    OutputLine,
    PodReady,
    ProbeAnswered,
    ReplicaPlanned,
    StepTold,
)
from lameduck.pod.containers import Container, Role
from lameduck.pod.durations import Seconds
from lameduck.pod.handlers import Exec, HttpGet
from lameduck.pod.place import InputError
from lameduck.pod.workloads import PodSpec
from lameduck.rehearse.casting import Cast, Part
from lameduck.rehearse.endpoints import Endpoints
from lameduck.rehearse.engine import ContainerProcess, Engine, ProcessSpec
from lameduck.rehearse.hooks import carry_out
from lameduck.rehearse.probing import Prober
from lameduck.rehearse.replacing import PodState
from lameduck.rehearse.signals import signal_number
from lameduck.rehearse.steps_told import step_in
from lameduck.rehearse.traffic.backends import Backend

__all__ = ["HOST", "Replica", "Surroundings"]

HOST = "127.0.0.1"
_LOOK_S = 0.05
"""How often a starting container is asked for its listening ports; the kernel has no event for that."""
_LINES_KEPT = 2_000
"""Lines of output kept for the timeline, for each container; the first ones and a note."""
_LAST_WORDS = 40
_ERROR_LINE = re.compile(r"(error|exception|fatal|panic)[^:]*: \S", re.IGNORECASE)
"""The line of a stack trace that a message quotes; of other output it quotes the last three."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all replicas of a rehearsal share."""

    engine: Engine
    endpoints: Endpoints
    clock: Callable[[], Seconds]
    record: Callable[[Event], None]
    changed: Callable[[], None]
    """Called whenever a controller might want to look again."""
    tasks: asyncio.TaskGroup
    image_stop_signals: Mapping[str, str]
    gates: frozenset[str] = frozenset()


class Replica:
    """A pod of the rehearsal, from its start until it is gone."""

    def __init__(
        self,
        name: str,
        number: int,
        pod: PodSpec,
        cast: Cast,
        ports: Mapping[int, int],
        around: Surroundings,
        *,
        old: bool,
        replacement: bool,
        find_port: bool,
    ) -> None:
        self.name = name
        self.number = number
        self.old = old
        self._first = not replacement
        self._find_port = find_port
        self._pod = pod
        self._cast = cast
        self._ports = dict(ports)
        self._own_ports: dict[int, int] = {}
        self._last_probe_failure = ""
        self._around = around
        self._flow = Flow(
            _played(pod, cast), image_stop_signals=around.image_stop_signals, gates=around.gates, running=()
        )
        self._chronicle = Chronicle(name, around.record)
        self._processes: dict[str, ContainerProcess] = {}
        self._probers: dict[str, Prober] = {}
        self._hooks: dict[str, asyncio.Task[None]] = {}
        self._container_ready: dict[str, bool] = {}
        self._lines: dict[str, int] = {}
        self._last_words: deque[str] = deque(maxlen=_LAST_WORDS)
        self._alarm: asyncio.Task[None] | None = None
        self._ready_since: Seconds | None = None
        self._marked = False
        self._terminal = False
        self._removed = False
        self.started = False
        self.ready = asyncio.Event()
        self.gone = asyncio.Event()
        """Nothing happens to it any more: its object is removed, and its containers are down (T6, T9)."""
        around.record(ReplicaPlanned(t_s=around.clock(), pod=name, replacement=replacement))

    # What others ask.

    @property
    def endings(self) -> tuple[ContainerEnding, ...]:
        """How its containers ended, on the rehearsal's clock."""
        return self._flow.endings

    @property
    def pids(self) -> tuple[int, ...]:
        """The main processes of its containers, as this machine sees them."""
        return tuple(process.pid for process in self._processes.values())

    @property
    def ready_since_s(self) -> Seconds | None:
        """Since when its Ready condition is True; None while it is not."""
        return self._ready_since

    @property
    def own_ports(self) -> Mapping[int, int]:
        """The container ports for which the command listens where it likes, not where it was told."""
        return self._own_ports

    def last_failure(self) -> str:
        """What its last failing probe said, as the end of a sentence."""
        return f": {self._last_probe_failure}" if self._last_probe_failure else ""

    def state(self, *, min_ready_s: int) -> PodState:
        """What a controller knows of it now; available is Ready for minReadySeconds (T115)."""
        since = self._ready_since
        return PodState(
            name=self.name,
            old=self.old,
            available=since is not None and self._around.clock() - since >= min_ready_s,
            marked=self._marked,
            terminal=self._terminal,
            gone=self._removed,
        )

    # What it is told to do.

    async def start(self, *, within_s: Seconds) -> None:
        """Start its containers in the kubelet's order and begin to probe them.

        Raises InputError if a command does not start, or if it ends or does not listen within that time although it is
        to be found out where it listens: a replacement that never listens is part of the rehearsal.
        """
        parts = sorted(self._cast.parts, key=lambda part: part.container.role is not Role.SIDECAR)
        for part in parts:
            await self._start_container(part)
        if self._find_port:
            try:
                async with asyncio.timeout(within_s):
                    for part in parts:
                        await self._find_ports(part)
            except TimeoutError:
                raise InputError(
                    f"container {part.container.name} of {self.name} does not listen on a port within {within_s:g} s."
                    f"{self._words()}",
                    at=None,
                    do="Put {port} into its command, or wait longer with --start-within; without traffic: --rate 0.",
                ) from None
        for part in parts:
            self._probe(part.container)
        self.started = True
        self._judge_ready()

    def check_running(self) -> None:
        """Raises InputError if one of its containers has ended, though nobody asked it to and it is not a job's end."""
        ended_well = 0 if self._pod.restart_policy in ("Never", "OnFailure") else None
        ending = next((e for e in self.endings if e.exit_s is not None and e.exit_code != ended_well), None)
        if ending is not None:
            raise InputError(
                f"container {ending.name} of {self.name} ended with status {ending.exit_code} before any pod was ended."
                f"{self._words()}",
                at=None,
                do="It must keep running; replicas run side by side, so write {port} where it names a fixed port.",
            )

    def delete(self, grace_s: int | None) -> None:
        """Ask for its deletion, as `kubectl delete pod` does; None: with the spec's grace."""
        self._feed(DeletionRequested(grace_s))

    # Starting.

    async def _start_container(self, part: Part) -> None:
        container = part.container
        around = self._around
        argv = part.argv(ports=self._ports, host=HOST, replica=self.number)
        env = part.env(os.environ, ports=self._ports, host=HOST, replica=self.number)
        process = await around.engine.start(
            ProcessSpec(self.name, container.name, argv, env, part.cwd),
            lambda stream, line: self._heard(container.name, stream, line),
        )
        self._processes[container.name] = process
        around.record(ContainerStarting(t_s=around.clock(), pod=self.name, container=container.name, command=argv))
        self._container_ready[container.name] = container.readiness is None
        self._feed(ContainerStarted(container.name))
        around.tasks.create_task(self._watch(container.name, process))
        if container.post_start is not None:
            self._feed(PostStartBegan(container.name))
            outcome = await carry_out(
                container.post_start,
                process=process,
                container=container,
                address=self._address,
                host_network=self._pod.host_network,
            )
            self._feed(PostStartEnded(container.name, ok=outcome.failure is None))

    async def _find_ports(self, part: Part) -> None:
        """Wait until the container listens, and learn on which port it really does."""
        if not part.serving:
            return
        process = self._processes[part.container.name]
        wanted = self._ports[part.ports[0]] if part.ports else None
        while True:
            listening = {port for _, port in await process.listening_ports()}
            if wanted in listening:
                return
            own = [port for port in part.ports if port in listening]
            found = own or sorted(listening)
            if found and part.ports:
                self._own_ports[part.ports[0]] = self._ports[part.ports[0]] = found[0]
                return
            self.check_running()
            await asyncio.sleep(_LOOK_S)

    async def _watch(self, container: str, process: ContainerProcess) -> None:
        ended = await process.wait()
        if self._processes.get(container) is process:
            self._container_ready[container] = False
            prober = self._probers.pop(container, None)
            if prober is not None:
                prober.stop()
            self._feed(ProcessExited(container, ended.code))
            self._judge_ready()

    # Probes and the Ready condition.

    def _probe(self, container: Container) -> None:
        process = self._processes[container.name]

        before: dict[ProbeKind, bool] = {}

        def answered(kind: ProbeKind, ok: bool, detail: str) -> None:
            if ok and before.get(kind):
                return  # more of the same
            before[kind] = ok
            self._last_probe_failure = "" if ok else f"its {kind.value} probe says {detail}"
            self._around.record(
                ProbeAnswered(
                    t_s=self._around.clock(),
                    pod=self.name,
                    container=container.name,
                    probe=kind.value,
                    ok=ok,
                    detail=detail,
                )
            )

        def became_ready(ok: bool) -> None:
            self._container_ready[container.name] = ok
            self._judge_ready()

        prober = Prober(
            container,
            process,
            self._address,
            on_result=answered,
            on_ready=became_ready,
            on_failed=lambda kind: self._feed(ProbeFailed(container.name, kind)),
            skip_initial_delay=self._first,
        )
        self._probers[container.name] = prober
        self._around.tasks.create_task(prober.run())

    def _judge_ready(self) -> None:
        """Ready is every container's readiness (T79); it goes on changing while the pod ends (T65, T71)."""
        if not self.started or self._terminal:
            return
        regular = [c.container.name for c in self._cast.parts]
        ready = all(self._container_ready.get(name, False) for name in regular)
        if ready != (self._ready_since is not None):
            self._ready_since = self._around.clock() if ready else None
            self._around.record(PodReady(t_s=self._around.clock(), pod=self.name, ready=ready))
            if ready:
                self.ready.set()
        self._publish()
        self._around.changed()

    def _publish(self) -> None:
        serving = self._cast.serving
        if serving is None or not serving.ports:
            return
        backend = Backend(self.name, HOST, self._ports[serving.ports[0]])
        self._around.endpoints.set(backend, serving=self._ready_since is not None, terminating=self._marked)

    def _address(self, _container: Container, port: int) -> tuple[str, int]:
        """Where this machine reaches a container port of this replica."""
        return HOST, self._ports.get(port, port)

    # The flow.

    def _feed(self, happening: Happening, detail: str = "") -> None:
        now = self._around.clock()
        commands = self._flow.receive(happening, now)
        reason = ""
        if isinstance(happening, ProcessExited):
            reason = next((e.reason or "" for e in self.endings if e.name == happening.container), "")
        self._chronicle.happened(happening, now, reason=reason, detail=detail)
        for command in commands:
            match command:
                case KillProcess(container=container):
                    self._note_kill(container, now)
                case _:
                    self._chronicle.ordered(command, now)
        self._chronicle.settled(self.endings)
        for command in commands:
            self._do(command)
        if self._flow.gone:
            self.gone.set()
        self._set_alarm()
        self._around.changed()

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        due = self._flow.wake_at
        if due is not None:
            self._alarm = self._around.tasks.create_task(self._wake_up(due))

    async def _wake_up(self, due: Seconds) -> None:
        await asyncio.sleep(max(0.0, due - self._around.clock()))
        self._alarm = None  # what is fed now may set another one, and must not cancel this
        self._feed(TimePassed())

    def _do(self, command: Command) -> None:
        tasks = self._around.tasks
        match command:
            case MarkTerminating(first=True):
                self._marked = True
                self._publish()
            case StopProbing(container=container, probes=probes):
                prober = self._probers.get(container)
                if prober is not None:
                    prober.stop(probes)
            case RunHook(container=container, handler=Exec() | HttpGet()):
                self._hooks[container] = tasks.create_task(self._hook(command))
            case AbandonHook(container=container):
                hook = self._hooks.pop(container, None)
                if hook is not None:
                    hook.cancel()
            case SendSignal():
                tasks.create_task(self._signal(command))
            case KillProcess(container=container):
                tasks.create_task(self._processes[container].kill())
            case RestartContainer(container=container):
                part = next(part for part in self._cast.parts if part.container.name == container)
                tasks.create_task(self._restart(part))
            case ReportEnd():
                self._terminal = True
                self._ready_since = None
                for prober in self._probers.values():
                    prober.stop()
                self._around.endpoints.remove(self.name)
            case RemovePod():
                self._removed = True
                self._around.endpoints.remove(self.name)
            case MarkTerminating() | Warn() | RunHook():
                pass  # the flow itself times sleep and tcpSocket hooks

    async def _hook(self, command: RunHook) -> None:
        container = self._pod.container(command.container)
        outcome = await carry_out(
            command.handler,
            process=self._processes[command.container],
            container=container,
            address=self._address,
            host_network=self._pod.host_network,
        )
        self._hooks.pop(command.container, None)
        self._feed(HookEnded(command.container, outcome.failure), detail=outcome.detail)

    async def _signal(self, command: SendSignal) -> None:
        now = self._around.clock()
        met = await self._processes[command.container].signal(signal_number(command.signal))
        self._chronicle.signalled(command, now, reception=met.handling, main=met.main, below=met.below)

    def _note_kill(self, container: str, now: Seconds) -> None:
        """A stop signal that was caught may have been given back since (ending/kills.py); soon nobody can ask."""
        process = self._processes[container]
        sent = next((ending.stop_signal for ending in self.endings if ending.name == container), None)
        handling = "unknown" if sent is None else process.handling(signal_number(sent))
        listening = handling in ("discarded", "default") and process.listens()
        self._chronicle.killed(container, now, handling=handling, listening=listening)

    async def _restart(self, part: Part) -> None:
        await self._start_container(part)
        self._probe(part.container)

    # What it hears.

    def _heard(self, container: str, stream: str, line: str) -> None:
        count = self._lines[container] = self._lines.get(container, 0) + 1
        if count <= _LINES_KEPT:
            self._around.record(
                OutputLine(t_s=self._around.clock(), pod=self.name, container=container, stream=stream, line=line)
            )
            told = step_in(line)
            if told is not None:
                self._around.record(
                    StepTold(
                        t_s=self._around.clock(),
                        pod=self.name,
                        container=container,
                        by=told.by,
                        step=told.step,
                        detail=told.detail,
                    )
                )
        elif count == _LINES_KEPT + 1:
            self._note(f"more than {_LINES_KEPT:,} lines of output; the rest is not kept", container)
        if not self.ready.is_set():
            self._last_words.append(line)

    def _words(self) -> str:
        """What a container that does not get ready last said, for the message."""
        lines = [line.strip() for line in self._last_words if line.strip()]
        told = [line for line in lines if _ERROR_LINE.search(line)][-1:] or lines[-3:]
        return f" It said: {' | '.join(told).rstrip('.')}." if told else ""

    def _note(self, text: str, container: str | None = None) -> None:
        self._around.record(Note(t_s=self._around.clock(), pod=self.name, container=container, text=text))


def _played(pod: PodSpec, cast: Cast) -> PodSpec:
    """The pod without the containers that nobody plays."""
    playing = {part.container.name for part in cast.parts}
    return replace(pod, containers=tuple(c for c in pod.containers if c.name in playing))
