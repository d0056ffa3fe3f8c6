"""Real gRPC servers, with threads and with asyncio, and a real client: calls in flight, new ones, streams, health."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.drain.served import served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KINDS = ["threads", "aio"]
APP = "tests.drain.apps.grpc_app"
DUCK = {"LAMEDUCK_LAME_DUCK": "1s"}


def command(kind: str) -> list[str]:
    return ["python", "-m", APP, kind, "{port}"]


@pytest.fixture
def channels() -> Iterator[list[grpc.Channel]]:
    """Closed at the end of the test."""
    opened: list[grpc.Channel] = []
    yield opened
    for channel in opened:
        channel.close()


def connect(channels: list[grpc.Channel], port: int) -> grpc.Channel:
    channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1)])
    channels.append(channel)
    grpc.channel_ready_future(channel).result(20)
    return channel


def unary(channel: grpc.Channel, name: str) -> Any:
    return channel.unary_unary(f"/naps.Naps/{name}")


def stream(channel: grpc.Channel, name: str) -> Any:
    return channel.unary_stream(f"/naps.Naps/{name}")


def outcome(call: Any) -> tuple[list[bytes], grpc.StatusCode, str]:
    """Read a stream to its end: what came, and the status."""
    found = []
    try:
        for message in call:
            found.append(message)
    except grpc.RpcError:
        pass
    return found, call.code(), call.details()


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_in_flight_is_finished_and_the_exit_code_is_0(
    kind: str, tmp_path: Path, channels: list[grpc.Channel]
) -> None:
    with served(command(kind), tmp_path / "out", environ=DUCK) as server:
        channel = connect(channels, server.port)
        unary(channel, "Echo")(b"x", timeout=20)
        slow = unary(channel, "Slow").future(b"2.5", timeout=20)
        count = stream(channel, "Count")(b"25", timeout=20)
        next(count)
        time.sleep(0.2)  # the slow call has no answer that could be waited for
        server.stop()
        assert slow.result() == b"slow"
        rest, code, _ = outcome(count)
        assert (len(rest), code) == (24, grpc.StatusCode.OK)
        assert server.ended(20) == 0, server.text()
        (asked,) = server.steps("stop-asked")
        assert asked["in_flight"] == 2
        assert "flushed" in server.text()
        assert "terminated" in server.text()
        assert "Traceback" not in server.text()


@pytest.mark.parametrize("kind", KINDS)
def test_new_calls_are_served_in_the_lame_duck_and_unavailable_after_it(
    kind: str, tmp_path: Path, channels: list[grpc.Channel]
) -> None:
    with served(command(kind), tmp_path / "out", environ=DUCK) as server:
        channel = connect(channels, server.port)
        slow = unary(channel, "Slow").future(b"3", timeout=20)
        unary(channel, "Echo")(b"x", timeout=20)
        server.stop()
        server.until_step("stop-asked")
        assert unary(channel, "Echo")(b"old connection", timeout=5) == b"old connection"
        assert unary(connect(channels, server.port), "Echo")(b"new one", timeout=5) == b"new one"
        server.until_step("lame-duck-ended")
        server.until(lambda: refused(channel))
        assert slow.result() == b"slow"
        assert server.ended(20) == 0, server.text()
        assert server.steps("lame-duck-ended")[0]["arrivals"] == 2


def refused(channel: grpc.Channel) -> bool:
    try:
        unary(channel, "Echo")(b"late", timeout=5)
    except grpc.RpcError as error:
        code = error.code()
        # gRPC itself cancels a call that comes in the very moment of the server's shutdown.
        assert code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED), code
        return True
    return False


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["Watch", "Still"])
def test_an_endless_stream_is_told_to_come_back_elsewhere(
    kind: str, name: str, tmp_path: Path, channels: list[grpc.Channel]
) -> None:
    with served(command(kind), tmp_path / "out", environ=DUCK) as server:
        call = stream(connect(channels, server.port), name)(b"", timeout=20)
        next(call)
        server.stop()
        _, code, details = outcome(call)
        if (kind, name) == ("threads", "Still"):  # a thread that waits can only be cancelled
            assert code in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE)
        else:
            assert (code, details) == (grpc.StatusCode.UNAVAILABLE, "the server goes away")
        assert server.ended(5) == 0, server.text()
        assert "Traceback" not in server.text()


@pytest.mark.parametrize("kind", KINDS)
def test_health_says_not_serving_at_once_to_those_who_ask_and_those_who_watch(
    kind: str, tmp_path: Path, channels: list[grpc.Channel]
) -> None:
    with served(command(kind), tmp_path / "out", environ=DUCK) as server:
        channel = connect(channels, server.port)
        health = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest()
        assert health.Check(request, timeout=5).status == health_pb2.HealthCheckResponse.SERVING
        watch = health.Watch(request, timeout=20)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        server.stop()
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert health.Check(request, timeout=5).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert server.steps("lame-duck-ended") == []
        _, code, _ = outcome(watch)
        assert code is grpc.StatusCode.UNAVAILABLE
        assert server.ended(5) == 0, server.text()
        assert server.steps("lame-duck-ended")[0]["arrivals"] == 0, "a probe is no arrival"


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_that_outlasts_the_grace_is_named(kind: str, tmp_path: Path, channels: list[grpc.Channel]) -> None:
    environ = {**DUCK, "LAMEDUCK_GRACE_SECONDS": "5"}
    with served(command(kind), tmp_path / "out", environ=environ) as server:
        channel = connect(channels, server.port)
        slow = unary(channel, "Slow").future(b"60", timeout=30)
        server.until(lambda: "slow begins" in server.text())
        server.stop()
        assert slow.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
        assert server.ended(6) == 75, server.text()
        assert server.steps("work-cancelled")[0]["names"] == ["/naps.Naps/Slow"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_signal_ends_it_at_once(kind: str, tmp_path: Path, channels: list[grpc.Channel]) -> None:
    with served(command(kind), tmp_path / "out", environ={"LAMEDUCK_LAME_DUCK": "20s"}) as server:
        channel = connect(channels, server.port)
        unary(channel, "Echo")(b"x", timeout=20)
        server.stop()
        server.until_step("stop-asked")
        server.stop()
        assert server.ended(5) == 0, server.text()


@pytest.mark.parametrize("kind", KINDS)
def test_bare_grpc_cuts_a_call_in_flight(kind: str, tmp_path: Path, channels: list[grpc.Channel]) -> None:
    with served(command(kind), tmp_path / "out", environ={"BARE": "1"}) as server:
        channel = connect(channels, server.port)
        slow = unary(channel, "Slow").future(b"1.5", timeout=20)
        server.until(lambda: "slow begins" in server.text())
        ended = threading.Event()
        slow.add_done_callback(lambda _call: ended.set())
        server.stop()
        assert ended.wait(10)
        assert slow.code() is grpc.StatusCode.UNAVAILABLE
        assert server.ended(5) != 0
