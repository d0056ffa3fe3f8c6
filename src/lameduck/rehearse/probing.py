"""Probes a container as the kubelet does (T69-T74, pkg/kubelet/prober/worker.go): when, how, and what follows.

Each probe has a worker with a ticker of periodSeconds. It begins to tick when the kubelet *learns of the pod*, a bit
before the container runs. At a tick the probe is run if the container's age, in whole seconds rounded down, has
reached initialDelaySeconds. So with a period of 10 a delay of 30 means the tick at 40: the one at 30 comes when the
container is 29.x seconds old (recorded: openapi-web-delete, ready at 40.9 s). A readiness probe is also run out of
turn at the moment the container starts, or its startup probe succeeds; it then fails more often than not, and the next
tick counts.

Left out: the random pause that workers take only while the kubelet itself is younger than a period, and the out-of-turn
readiness probes at later syncs of an unready pod.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import assert_never

from lameduck.ending.happenings import HookFailure, ProbeKind
from lameduck.pod.containers import Container, Probe
from lameduck.pod.durations import Seconds
from lameduck.pod.handlers import Exec, Grpc, HttpGet, ProbeHandler, TcpSocket
from lameduck.rehearse.engine import ContainerProcess
from lameduck.rehearse.grpc_health import GrpcHealthError, check_health
from lameduck.rehearse.hooks import Address, port_number, url_of
from lameduck.rehearse.http_get import HttpGetError, http_get, reason_of

__all__ = ["FIRST_START_RETRY_S", "WORKER_LEAD_S", "Prober"]

WORKER_LEAD_S = Seconds(0.7)
"""How long before the container's start its workers' tickers start. Recorded: 0.2 to 1.1 s, the image being there."""

FIRST_START_RETRY_S = Seconds(0.2)
"""Pace of startup and readiness probes of first replicas until they succeed; see Prober."""

_USER_AGENT = "kube-probe/1.36"
_SHOWN = 200  # characters of a command's output


@dataclass(frozen=True, slots=True)
class _Outcome:
    """`counts` False: the prober itself failed (missing program, unknown port name); the kubelet forgets the result."""

    ok: bool
    detail: str
    counts: bool = True


class Prober:
    """The probes of one container's one life; make it and `run` it when the container has started.

    `on_result(kind, ok, detail)` for each probe that was run; `on_ready(ready)` once at the start and at each change;
    `on_failed(kind)` once, when a startup or liveness probe has reached its failureThreshold: that worker then waits
    for a new container, so it ends here. Ready needs the startup probe's success too; without probes it comes at once.

    `skip_initial_delay`: for the replicas a rehearsal starts with, whose start is not its subject. Startup and
    readiness probes then begin at once and are repeated every FIRST_START_RETRY_S until they first succeed; a startup
    probe fails after the same time as it would. Liveness probes keep their delay.
    """

    def __init__(
        self,
        container: Container,
        process: ContainerProcess,
        address: Address,
        *,
        on_result: Callable[[ProbeKind, bool, str], None],
        on_ready: Callable[[bool], None],
        on_failed: Callable[[ProbeKind], None],
        skip_initial_delay: bool = False,
        lead_s: Seconds = WORKER_LEAD_S,
    ) -> None:
        self._container = container
        self._process = process
        self._address = address
        self._on_result = on_result
        self._on_ready = on_ready
        self._on_failed = on_failed
        self._skip_initial_delay = skip_initial_delay
        self._lead_s = lead_s
        self._started = asyncio.Event()
        self._began = 0.0
        self._workers: dict[ProbeKind, asyncio.Task[None]] = {}
        self._stopped: set[ProbeKind] = set()
        self._is_ready: bool | None = None

    async def run(self) -> None:
        """Probe until stopped, or until nothing is left to probe."""
        self._began = asyncio.get_running_loop().time()
        container = self._container
        probes = {
            ProbeKind.STARTUP: container.startup,
            ProbeKind.READINESS: container.readiness,
            ProbeKind.LIVENESS: container.liveness,
        }
        self._ready(container.startup is None and container.readiness is None)
        if container.startup is None:
            self._started.set()
        async with asyncio.TaskGroup() as tasks:
            for kind, probe in probes.items():
                if probe is not None and kind not in self._stopped:
                    self._workers[kind] = tasks.create_task(self._work(kind, probe))

    def stop(self, kinds: Iterable[ProbeKind] | None = None) -> None:
        """Run these probes no more; None: none at all. A probe under way is given up."""
        for kind in tuple(ProbeKind) if kinds is None else tuple(kinds):
            self._stopped.add(kind)
            worker = self._workers.get(kind)
            if worker is not None:
                worker.cancel()

    async def _work(self, kind: ProbeKind, probe: Probe) -> None:
        if kind is not ProbeKind.STARTUP:
            await self._started.wait()
        if self._skip_initial_delay and kind is not ProbeKind.LIVENESS:
            if not await self._hurry(kind, probe):
                return
            if kind is ProbeKind.STARTUP:
                return
            delay_s = 0
        else:
            delay_s = probe.initial_delay_s
        loop = asyncio.get_running_loop()
        anchor = self._began - self._lead_s
        out_of_turn = kind is ProbeKind.READINESS and not self._skip_initial_delay
        run, last = 0, None
        tick = int((loop.time() - anchor) // probe.period_s)
        while True:
            if not out_of_turn:
                # A ticker keeps one tick for a worker that is late, and drops the others.
                tick = max(tick + 1, int((loop.time() - anchor) // probe.period_s))
                await asyncio.sleep(max(0.0, anchor + tick * probe.period_s - loop.time()))
            out_of_turn = False
            if int(loop.time() - self._began) < delay_s:
                continue
            outcome = await self._probe(kind, probe)
            if not outcome.counts:
                continue
            run = run + 1 if outcome.ok is last else 1
            last = outcome.ok
            if run < (probe.success_threshold if outcome.ok else probe.failure_threshold):
                continue
            if self._conclude(kind, outcome.ok):
                return

    async def _hurry(self, kind: ProbeKind, probe: Probe) -> bool:
        """Probe at a quick pace until it succeeds; False if a startup probe has used up its time."""
        loop = asyncio.get_running_loop()
        until = self._began + probe.initial_delay_s + probe.failure_threshold * probe.period_s
        run = 0
        while True:
            outcome = await self._probe(kind, probe)
            run = run + 1 if outcome.ok else 0
            if run >= probe.success_threshold:
                self._conclude(kind, True)
                return True
            if kind is ProbeKind.STARTUP and outcome.counts and loop.time() >= until:
                self._conclude(kind, False)
                return False
            await asyncio.sleep(FIRST_START_RETRY_S)

    def _conclude(self, kind: ProbeKind, ok: bool) -> bool:
        """A threshold is reached; whether this worker is done."""
        match kind:
            case ProbeKind.READINESS:
                self._ready(ok)
                return False
            case ProbeKind.STARTUP if ok:
                self._started.set()
                if self._container.readiness is None:
                    self._ready(True)
                return True
            case ProbeKind.LIVENESS if ok:
                return False
            case _:
                self._on_failed(kind)
                return True

    async def _probe(self, kind: ProbeKind, probe: Probe) -> _Outcome:
        try:
            async with asyncio.timeout(None if isinstance(probe.handler, Exec) else probe.timeout_s):
                outcome = await self._ask(probe.handler, probe.timeout_s)
        except TimeoutError:
            outcome = _Outcome(False, f"no answer within {probe.timeout_s} s")
        self._on_result(kind, outcome.ok, outcome.detail)
        return outcome

    def _ready(self, ready: bool) -> None:
        if ready is not self._is_ready:
            self._is_ready = ready
            self._on_ready(ready)

    async def _ask(self, handler: ProbeHandler, timeout_s: int) -> _Outcome:
        match handler:
            case Exec(command=command):
                return await self._exec(command, timeout_s)
            case HttpGet() | TcpSocket():
                number = port_number(handler.port, self._container)
                if number is None:
                    return _Outcome(False, f"the container has no port named {handler.port!r}", counts=False)
                host, port = (handler.host, number) if handler.host else self._address(self._container, number)
                return await (_tcp(host, port) if isinstance(handler, TcpSocket) else _http(handler, host, port))
            case Grpc(port=number, service=service):
                host, port = self._address(self._container, number)
                try:
                    await check_health(host, port, service)
                except GrpcHealthError as error:
                    return _Outcome(False, str(error))
                return _Outcome(True, "service healthy")
            case _:
                assert_never(handler)

    async def _exec(self, command: tuple[str, ...], timeout_s: int) -> _Outcome:
        loop = asyncio.get_running_loop()
        asked = loop.time()
        result = await self._process.exec(command, within_s=timeout_s)
        output = " ".join(result.output.split())[:_SHOWN]
        said = f": {output}" if output else ""
        match result.failure:
            case None:
                return _Outcome(True, f"{command[0]} exited 0{said}")
            case HookFailure.EXIT_STATUS:
                return _Outcome(False, f"{command[0]} exited {result.status}{said}")
            case HookFailure.KILLED if loop.time() - asked >= timeout_s:
                return _Outcome(False, f"{command[0]} did not end within {timeout_s} s")
            case HookFailure.KILLED:
                return _Outcome(False, f"{command[0]} was killed, because its container ended", counts=False)
            case HookFailure.NO_SUCH_PROGRAM:
                return _Outcome(False, f"{command[0]} not found", counts=False)
            case _:
                return _Outcome(False, f"{command[0]} cannot be executed{said}", counts=False)


async def _http(handler: HttpGet, host: str, port: int) -> _Outcome:
    """200 to 399 is a success; also a redirect to another host, which is not followed (pkg/probe/http)."""
    headers = (("User-Agent", _USER_AGENT), ("Accept", "*/*"), *handler.headers)
    try:
        answer = await http_get(url_of(handler.scheme.lower(), host, port, handler.url_path), headers)
    except HttpGetError as error:
        return _Outcome(False, f"GET {handler.url_path} at port {port}: {error}")
    return _Outcome(200 <= answer.status < 400, f"answered {answer.status}")


async def _tcp(host: str, port: int) -> _Outcome:
    """A connection that is accepted is a success; it is closed at once."""
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError as error:
        return _Outcome(False, f"port {port}: {reason_of(error)}")
    writer.transport.abort()
    return _Outcome(True, f"port {port} is open")
