"""When probes run, what they ask, and what follows from their results."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import pytest

from lameduck.ending.happenings import HookFailure, ProbeKind
from lameduck.pod.containers import Container, ContainerPort, Probe
from lameduck.pod.durations import Seconds
from lameduck.pod.handlers import Exec, Grpc, HttpGet, ProbeHandler, TcpSocket
from lameduck.rehearse.engine import ContainerProcess, ExecResult
from lameduck.rehearse.probing import Prober
from lameduck.rehearse.processes import ProcessEngine
from tests.rehearse import virtual_time
from tests.rehearse.answering import Pretended, Request, certificate, http_server, reached_at
from tests.rehearse.containers import DEADLINE_S, DEAF, python, start

STARTUP, READINESS, LIVENESS = ProbeKind.STARTUP, ProbeKind.READINESS, ProbeKind.LIVENESS
FINE = ExecResult(0, None, "")
BAD = ExecResult(1, HookFailure.EXIT_STATUS, "not yet\n")
ASK = Exec(("ask",), ())


@dataclass
class Diary:
    """What a Prober has called back, each with its time rounded to tenths."""

    results: list[tuple[float, ProbeKind, bool]] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    ready: list[tuple[float, bool]] = field(default_factory=list)
    failed: list[tuple[float, ProbeKind]] = field(default_factory=list)

    def on_result(self, kind: ProbeKind, ok: bool, detail: str) -> None:
        self.results.append((self._now(), kind, ok))
        self.details.append(detail)

    def on_ready(self, ready: bool) -> None:
        self.ready.append((self._now(), ready))

    def on_failed(self, kind: ProbeKind) -> None:
        self.failed.append((self._now(), kind))

    def times(self, kind: ProbeKind) -> list[float]:
        return [at for at, of, _ in self.results if of is kind]

    def _now(self) -> float:
        return round(asyncio.get_running_loop().time(), 1)


def prober(
    container: Container, process: ContainerProcess, diary: Diary, *, port: int = 1, first: bool = False
) -> Prober:
    return Prober(
        container,
        process,
        reached_at(port),
        on_result=diary.on_result,
        on_ready=diary.on_ready,
        on_failed=diary.on_failed,
        skip_initial_delay=first,
        lead_s=Seconds(0.5),
    )


def watch(container: Container, process: ContainerProcess, seconds: float, *, first: bool = False) -> Diary:
    """Probe that long, in virtual time."""
    diary = Diary()

    async def story() -> None:
        try:
            async with asyncio.timeout(seconds):
                await prober(container, process, diary, first=first).run()
        except TimeoutError:
            pass

    virtual_time.run(story())
    return diary


def turning(*results: ExecResult) -> Pretended:
    """A container whose command gives these results in turn, the last one for ever."""
    left = list(results)
    return Pretended(lambda: left.pop(0) if len(left) > 1 else left[0])


# When.


def test_without_probes_a_container_is_ready_at_once() -> None:
    assert watch(Container("app", ()), Pretended(FINE), 100) == Diary(ready=[(0.0, True)])


def test_a_readiness_probe_runs_at_once_and_then_at_the_ticks() -> None:
    diary = watch(Container("app", (), readiness=Probe(ASK, ())), Pretended(FINE), 31)
    assert diary.times(READINESS) == [0.0, 9.5, 19.5, 29.5]
    assert diary.ready == [(0.0, False), (0.0, True)]


def test_a_delay_of_three_periods_is_over_at_the_fourth_tick() -> None:
    """The tick at 30 finds a container of 29.5 s: recorded in openapi-web-delete, ready at 40.9 s."""
    probe = Probe(ASK, (), initial_delay_s=30, period_s=10)
    diary = watch(Container("app", (), readiness=probe), Pretended(FINE), 60)
    assert diary.times(READINESS) == [39.5, 49.5, 59.5]
    assert diary.ready == [(0.0, False), (39.5, True)]


def test_liveness_waits_for_its_first_tick_and_its_delay() -> None:
    container = Container("app", (), liveness=Probe(ASK, (), initial_delay_s=4, period_s=3))
    assert watch(container, Pretended(FINE), 10).times(LIVENESS) == [5.5, 8.5]


def test_the_startup_probe_holds_back_the_others_until_it_succeeds() -> None:
    container = Container(
        "app",
        (),
        startup=Probe(ASK, (), period_s=5),
        readiness=Probe(ASK, (), period_s=2),
        liveness=Probe(ASK, (), period_s=2),
    )
    diary = watch(container, turning(BAD, FINE), 14)
    assert diary.results[:3] == [(4.5, STARTUP, False), (9.5, STARTUP, True), (9.5, READINESS, True)]
    assert diary.times(STARTUP) == [4.5, 9.5]
    assert diary.times(READINESS) == [9.5, 11.5, 13.5]
    assert diary.times(LIVENESS) == [11.5, 13.5]
    assert diary.ready == [(0.0, False), (9.5, True)]


def test_with_a_startup_probe_only_ready_waits_for_it() -> None:
    diary = watch(Container("app", (), startup=Probe(ASK, (), period_s=2)), turning(BAD, BAD, FINE), 20)
    assert diary.ready == [(0.0, False), (5.5, True)]
    assert diary.times(STARTUP) == [1.5, 3.5, 5.5]


def test_a_slow_probe_loses_ticks_but_one() -> None:
    container = Container("app", (), liveness=Probe(ASK, (), period_s=1, timeout_s=5))
    diary = watch(container, Pretended(FINE, takes_s=2.2), 9)
    assert diary.times(LIVENESS) == [2.7, 4.9, 7.1]  # results; begun at 0.5, and then each as soon as the last was over


# What follows.


def test_readiness_changes_at_the_thresholds_and_goes_on() -> None:
    probe = Probe(ASK, (), period_s=1, failure_threshold=2, success_threshold=2)
    process = turning(FINE, FINE, BAD, FINE, BAD, BAD, BAD, FINE, FINE)
    diary = watch(Container("app", (), readiness=probe), process, 9)
    assert diary.ready == [(0.0, False), (0.5, True), (4.5, False), (7.5, True)]
    assert diary.failed == []


@pytest.mark.parametrize(("kind", "first_tick"), [(LIVENESS, 0.5), (STARTUP, 0.5)])
def test_a_kill_is_due_once_at_the_failure_threshold(kind: ProbeKind, first_tick: float) -> None:
    probe = Probe(ASK, (), period_s=1, failure_threshold=3)
    container = Container("app", (), liveness=probe) if kind is LIVENESS else Container("app", (), startup=probe)
    diary = watch(container, Pretended(BAD), 30)
    assert diary.failed == [(first_tick + 2, kind)]
    assert diary.times(kind) == [first_tick, first_tick + 1, first_tick + 2]
    assert diary.details[-1] == "ask exited 1: not yet"


def test_one_success_starts_the_count_of_failures_anew() -> None:
    probe = Probe(ASK, (), period_s=1, failure_threshold=3)
    diary = watch(Container("app", (), liveness=probe), turning(BAD, BAD, FINE, BAD, BAD, BAD), 30)
    assert diary.failed == [(5.5, LIVENESS)]


def test_a_program_that_is_missing_is_no_result_at_all() -> None:
    """The prober's own errors are thrown away (worker.go doProbe): never ready, and never killed either."""
    probe = Probe(ASK, (), period_s=1, failure_threshold=1)
    container = Container("app", (), readiness=probe, liveness=probe)
    diary = watch(container, Pretended(ExecResult(None, HookFailure.NO_SUCH_PROGRAM, "")), 10)
    assert diary.ready == [(0.0, False)]
    assert diary.failed == []
    assert set(diary.details) == {"ask not found"}


def test_a_command_that_does_not_end_is_a_failure() -> None:
    probe = Probe(ASK, (), period_s=5, timeout_s=2, failure_threshold=1)
    process = Pretended(ExecResult(None, HookFailure.KILLED, ""), takes_s=60)
    diary = watch(Container("app", (), liveness=probe), process, 30)
    assert diary.failed == [(6.5, LIVENESS)]
    assert diary.details == ["ask did not end within 2 s"]


# The replicas that a rehearsal starts with.


def test_first_replicas_are_asked_often_until_they_are_ready() -> None:
    container = Container(
        "app",
        (),
        startup=Probe(ASK, (), period_s=10, initial_delay_s=5),
        readiness=Probe(ASK, (), period_s=10, initial_delay_s=30),
        liveness=Probe(ASK, (), period_s=10, initial_delay_s=15),
    )
    diary = watch(container, turning(BAD, BAD, FINE, BAD, FINE), 25, first=True)
    assert diary.times(STARTUP) == [0.0, 0.2, 0.4]
    assert diary.times(READINESS) == [0.4, 0.6, 9.5, 19.5]
    assert diary.times(LIVENESS) == [19.5]
    assert diary.ready == [(0.0, False), (0.6, True)]


def test_a_first_replica_s_startup_probe_fails_no_sooner_than_in_a_cluster() -> None:
    startup = Probe(ASK, (), initial_delay_s=5, period_s=10, failure_threshold=3)
    diary = watch(Container("app", (), startup=startup), Pretended(BAD), 100, first=True)
    assert [at for at, _ in diary.failed] == [pytest.approx(35, abs=0.3)]


# Stopping.


def test_stopped_probes_stay_stopped_and_the_others_go_on() -> None:
    container = Container("app", (), readiness=Probe(ASK, (), period_s=1), liveness=Probe(ASK, (), period_s=1))
    diary = Diary()

    async def story() -> None:
        running = prober(container, Pretended(FINE), diary)
        task = asyncio.create_task(running.run())
        await asyncio.sleep(3)
        running.stop((LIVENESS, STARTUP))  # T69
        await asyncio.sleep(3)
        running.stop()
        await task

    virtual_time.run(story())
    assert diary.times(LIVENESS) == [0.5, 1.5, 2.5]
    assert diary.times(READINESS) == [0.0, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5]


def test_a_probe_stopped_before_it_began_never_runs() -> None:
    diary = Diary()

    async def story() -> None:
        running = prober(Container("app", (), liveness=Probe(ASK, ())), Pretended(FINE), diary)
        running.stop()
        await running.run()

    virtual_time.run(story())
    assert diary.results == []


# What they ask.


async def _first_result(handler: ProbeHandler, port: int, timeout_s: int = 5) -> tuple[bool, str]:
    """The first result of that probe, and its words."""
    container = Container(
        "app", (), ports=(ContainerPort(80, "web"),), readiness=Probe(handler, (), timeout_s=timeout_s)
    )
    diary = Diary()
    running = prober(container, Pretended(FINE), diary, port=port, first=True)
    task = asyncio.create_task(running.run())
    async with asyncio.timeout(DEADLINE_S):
        while not diary.results:
            await asyncio.wait([task], timeout=0.01)
    running.stop()
    await task
    return diary.results[0][2], diary.details[0]


async def _over_http(
    handler: HttpGet, answer: Callable[[Request], tuple[int, list[tuple[str, str]]]]
) -> tuple[tuple[bool, str], list[Request]]:
    async with http_server(answer) as (port, seen):
        return await _first_result(handler, port), seen


@pytest.mark.parametrize(
    ("status", "ok"), [(200, True), (204, True), (399, True), (400, False), (404, False), (503, False)]
)
def test_http_statuses_from_200_to_399_are_a_success(status: int, ok: bool) -> None:
    result, seen = asyncio.run(_over_http(HttpGet("web", (), url_path="/healthz"), lambda request: (status, [])))
    assert result == (ok, f"answered {status}")
    assert seen[0].target == "/healthz"
    assert seen[0].headers["user-agent"] == "kube-probe/1.36"


def test_a_redirect_to_another_host_is_a_success() -> None:
    elsewhere = [("Location", "https://login.invalid/")]
    assert asyncio.run(_over_http(HttpGet(80, ()), lambda request: (302, elsewhere)))[0] == (True, "answered 302")


def test_an_https_probe_does_not_fall_back_to_http() -> None:
    (ok, detail), _ = asyncio.run(_over_http(HttpGet(80, (), scheme="HTTPS"), lambda request: (200, [])))
    assert not ok
    assert "no TLS" in detail


def test_an_https_probe_is_not_verified(tmp_path: Path) -> None:
    async def story() -> tuple[bool, str]:
        async with http_server(lambda request: (200, []), certificate(tmp_path)) as (port, _):
            return await _first_result(HttpGet(80, (), scheme="HTTPS"), port)

    assert asyncio.run(story()) == (True, "answered 200")


@asynccontextmanager
async def silent() -> AsyncIterator[int]:
    """A server that accepts and never answers."""
    held: list[asyncio.StreamWriter] = []
    async with await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        for writer in held:
            writer.close()


@pytest.mark.parametrize("handler", [HttpGet(80, ()), Grpc(80, ())])
def test_a_server_that_does_not_answer_is_a_failure_after_the_timeout(handler: ProbeHandler) -> None:
    async def story() -> tuple[bool, str]:
        async with silent() as port:
            return await _first_result(handler, port, timeout_s=1)

    assert asyncio.run(story()) == (False, "no answer within 1 s")


def test_a_tcp_probe_only_connects() -> None:
    async def story() -> tuple[bool, str]:
        async with silent() as port:
            return await _first_result(TcpSocket("web", ()), port)

    ok, detail = asyncio.run(story())
    assert ok
    assert detail.endswith("is open")


@pytest.mark.parametrize("handler", [HttpGet(80, ()), TcpSocket(80, ()), Grpc(80, ())])
def test_a_closed_port_is_a_failure(handler: ProbeHandler) -> None:
    async def story() -> tuple[bool, str]:
        async with silent() as port:
            pass
        return await _first_result(handler, port)

    ok, detail = asyncio.run(story())
    assert not ok
    assert "Connection refused" in detail


# gRPC.


@asynccontextmanager
async def grpc_server(answer: bytes | None, status: str = "0") -> AsyncIterator[tuple[int, list[tuple[str, bytes]]]]:
    """A gRPC server with one method for all; its port, and (path, message) of each call."""
    calls: list[tuple[str, bytes]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        http.initiate_connection()
        writer.write(http.data_to_send())
        path, message = "", b""
        while data := await reader.read(4096):
            for event in http.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    path = {str(name): str(value) for name, value in event.headers or ()}[":path"]
                elif isinstance(event, h2.events.DataReceived):
                    message += event.data or b""
                if isinstance(event, h2.events.StreamEnded):
                    calls.append((path, message))
                    stream = event.stream_id or 1
                    begin = [(":status", "200"), ("content-type", "application/grpc")]
                    if answer is None:
                        http.send_headers(stream, [*begin, ("grpc-status", status)], end_stream=True)
                    else:
                        http.send_headers(stream, begin)
                        http.send_data(stream, b"\0" + len(answer).to_bytes(4, "big") + answer)
                        http.send_headers(stream, [("grpc-status", status)], end_stream=True)
            writer.write(http.data_to_send())
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], calls


@pytest.mark.parametrize(
    ("answer", "status", "ok", "words"),
    [
        (b"\x08\x01", "0", True, "service healthy"),
        (b"\x08\x02", "0", False, "service unhealthy (responded with NOT_SERVING)"),
        (b"", "0", False, "service unhealthy (responded with UNKNOWN)"),
        (None, "12", False, "does not implement the grpc health protocol"),
        (None, "5", False, "health rpc failed with status 5"),
    ],
)
def test_a_grpc_probe_asks_the_health_service(answer: bytes | None, status: str, ok: bool, words: str) -> None:
    async def story() -> None:
        async with grpc_server(answer, status) as (port, calls):
            result = await _first_result(Grpc(80, (), service="shop.Cart"), port)
            assert result[0] is ok
            assert words in result[1]
            assert calls[0] == ("/grpc.health.v1.Health/Check", b"\0\0\0\0\x0b\x0a\x09shop.Cart")

    asyncio.run(story())


def test_a_server_that_speaks_http_1_fails_a_grpc_probe() -> None:
    async def story() -> None:
        async with http_server(lambda request: (200, [])) as (port, _):
            assert not (await _first_result(Grpc(80, ()), port))[0]

    asyncio.run(story())


def test_a_command_probe_runs_in_a_real_container() -> None:
    async def story() -> None:
        async with ProcessEngine() as engine:
            container, output = await start(engine, python(DEAF), env={"HEALTH": "good"})
            await output.until("ready")
            probe = Probe(Exec(("sh", "-c", 'test "$HEALTH" = good'), ()), ())
            diary = Diary()
            running = prober(Container("app", (), readiness=probe), container, diary)
            task = asyncio.create_task(running.run())
            async with asyncio.timeout(DEADLINE_S):
                while not diary.results:
                    await asyncio.wait([task], timeout=0.01)
            running.stop()
            await task
            assert [ready for _, ready in diary.ready] == [False, True]

    asyncio.run(story())
