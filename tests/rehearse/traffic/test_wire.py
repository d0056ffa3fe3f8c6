"""One connection, step by step, against a socket in the test's own hands."""

import asyncio
import socket
import struct
import time

import pytest

from lameduck.pod.durations import Seconds
from lameduck.rehearse.traffic import Backend
from lameduck.rehearse.traffic.wire import Distance, Wire
from tests.rehearse.traffic.sending import closed_port, until


class Hears:
    """A receiver that writes down what it hears, and when."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, object]] = []
        self.at: list[float] = []
        self.data = b""

    def _note(self, what: str, detail: object = None) -> None:
        self.heard.append((what, detail))
        self.at.append(time.monotonic())

    def on_connected(self) -> None:
        self._note("connected")

    def on_refused(self, error: OSError) -> None:
        self._note("refused", type(error))

    def on_data(self, data: bytes) -> None:
        self.data += data

    def on_end(self, error: OSError | None) -> None:
        self._note("end", None if error is None else type(error))


class Line:
    """A wire to a listener of ours, with both ends at hand."""

    def __init__(self, rtt_s: float, port: int | None = None) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.distance = Distance(asyncio.get_running_loop(), Seconds(rtt_s), lambda: Seconds(time.monotonic()))
        self.ear = Hears()
        self.asked_at = time.monotonic()
        self.wire = Wire(self.distance, Backend("pod", "127.0.0.1", port or self.listener.getsockname()[1]), self.ear)

    async def accept(self) -> socket.socket:
        """The server's end. Its kernel has it `rtt/2` after the client asked."""
        async with asyncio.timeout(5):
            accepted, _ = await asyncio.get_running_loop().sock_accept(self.listener)
        accepted.setblocking(False)
        return accepted

    def close(self) -> None:
        self.distance.close()
        self.listener.close()


def test_connecting_takes_a_round_trip_and_reaches_the_server_after_half_of_it() -> None:
    async def story() -> None:
        line = Line(rtt_s=0.2)
        (await line.accept()).close()
        assert time.monotonic() - line.asked_at >= 0.1
        await until(lambda: bool(line.ear.heard))
        assert line.ear.heard[0] == ("connected", None)
        assert line.ear.at[0] - line.asked_at >= 0.2
        line.close()

    asyncio.run(story())


def test_a_refusal_takes_a_round_trip() -> None:
    async def story() -> None:
        line = Line(rtt_s=0.2, port=closed_port())
        await until(lambda: bool(line.ear.heard))
        assert line.ear.heard == [("refused", ConnectionRefusedError)]
        assert line.ear.at[0] - line.asked_at >= 0.2
        line.close()

    asyncio.run(story())


def test_bytes_on_their_way_still_meet_a_server_that_has_closed() -> None:
    """The race that the delay line is for: the client writes after the FIN was sent, before it can know of it."""

    async def story() -> None:
        line = Line(rtt_s=0.4)
        server = await line.accept()
        await until(lambda: bool(line.ear.heard))
        server.shutdown(socket.SHUT_WR)
        line.wire.write(b"too late")
        async with asyncio.timeout(5):
            arrived = await asyncio.get_running_loop().sock_recv(server, 100)
        assert arrived == b"too late"
        assert line.ear.heard == [("connected", None)] or line.ear.heard[1:] == [("end", None)]
        await until(lambda: len(line.ear.heard) == 2)
        assert line.ear.heard[1] == ("end", None)
        server.close()
        line.close()

    asyncio.run(story())


def test_at_no_distance_a_fin_is_heard_before_what_is_due_in_the_same_turn_of_the_loop() -> None:
    async def story() -> None:
        line = Line(rtt_s=0)
        server = await line.accept()
        await until(lambda: bool(line.ear.heard))
        heard_when_due = list[int]()
        asyncio.get_running_loop().call_later(0.001, lambda: heard_when_due.append(len(line.ear.heard)))
        server.close()
        time.sleep(0.01)  # noqa: ASYNC251 (so that the FIN can be read and the timer is due in one turn)
        await until(lambda: bool(heard_when_due))
        assert heard_when_due == [2]
        line.close()

    asyncio.run(story())


def test_closing_reaches_the_server_after_what_was_written_before() -> None:
    async def story() -> None:
        line = Line(rtt_s=0.1)
        server = await line.accept()
        await until(lambda: bool(line.ear.heard))
        line.wire.write(b"last words")
        line.wire.close()
        line.wire.close()
        received = b""
        async with asyncio.timeout(5):
            while piece := await asyncio.get_running_loop().sock_recv(server, 100):
                received += piece
        assert received == b"last words"
        assert not line.distance.wires
        server.close()
        line.close()

    asyncio.run(story())


def test_who_closes_before_being_connected_never_bothers_the_server() -> None:
    async def story() -> None:
        line = Line(rtt_s=0.1)
        line.wire.close()
        await until(lambda: not line.distance.wires)
        with pytest.raises(BlockingIOError):
            line.listener.accept()
        assert line.ear.heard == []
        line.close()

    asyncio.run(story())


@pytest.mark.parametrize("rtt_s", [0, 0.02])
def test_what_does_not_fit_the_sockets_buffers_arrives_whole_and_in_order(rtt_s: float) -> None:
    async def story() -> None:
        line = Line(rtt_s)
        server = await line.accept()
        await until(lambda: bool(line.ear.heard))
        sent = b"".join(b"%07d\n" % number for number in range(2_000_000))
        line.wire.write(sent[:15_000_000])
        line.wire.write(sent[15_000_000:])
        line.wire.write(b"")
        received = bytearray()
        async with asyncio.timeout(30):
            while len(received) < len(sent):
                received += await asyncio.get_running_loop().sock_recv(server, 1 << 20)
        assert bytes(received) == sent
        server.close()
        line.close()

    asyncio.run(story())


def test_a_reset_that_a_write_meets_first_is_still_heard_as_one() -> None:
    async def story() -> None:
        line = Line(rtt_s=0)
        server = await line.accept()
        await until(lambda: bool(line.ear.heard))
        server.sendall(b"half an ans")
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        server.close()
        line.wire.write(b"more")  # runs before the loop looks at its sockets: this write takes the error away
        await until(lambda: len(line.ear.heard) == 2)
        assert line.ear.data == b"half an ans"
        assert line.ear.heard[1] == ("end", ConnectionResetError)
        line.close()

    asyncio.run(story())
