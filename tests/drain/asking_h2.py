"""A client of HTTP/2 with prior knowledge that takes GOAWAY as the RFC has it: what is under way goes on."""

from __future__ import annotations

import socket
import time

from hpack import Decoder, Encoder
from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
)

from tests.drain.asking import ANSWERS_WITHIN_S

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD_BYTES = 9


class Connection:
    """One connection, on which requests are asked at once and their answers are waited for by their number."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), ANSWERS_WITHIN_S)
        self.encoder, self.decoder = Encoder(), Decoder()
        self.next_stream = 1
        self.status: dict[int, str] = {}
        self.bodies: dict[int, bytes] = {}
        self.ended: set[int] = set()
        self.reset: set[int] = set()
        self.goaways: list[int] = []
        """The last streams they name."""
        self.is_closed = False
        self.send(SettingsFrame(0), before=PREFACE)

    def send(self, *frames: Frame, before: bytes = b"") -> None:
        self.socket.sendall(before + b"".join(frame.serialize() for frame in frames))

    def ask(self, path: str) -> int:
        """The request's stream."""
        stream = self.next_stream
        self.next_stream += 2
        headers = [(":method", "GET"), (":scheme", "http"), (":authority", "127.0.0.1"), (":path", path)]
        frame = HeadersFrame(stream, data=self.encoder.encode(headers))
        frame.flags.add("END_HEADERS")
        frame.flags.add("END_STREAM")
        self.send(frame)
        return stream

    def answer(self, stream: int) -> tuple[str | None, bytes]:
        """Status, None if it was cut off before, and body."""
        self.read_until(lambda: stream in self.ended or stream in self.reset)
        return (self.status.get(stream) if stream in self.ended else None), self.bodies.get(stream, b"")

    def until_goaway(self) -> None:
        self.read_until(lambda: bool(self.goaways))

    def until_closed(self) -> None:
        self.read_until(lambda: False)

    def read_until(self, seen: object) -> None:
        """Or until the connection is closed."""
        ends = time.monotonic() + ANSWERS_WITHIN_S
        while not self.is_closed and not seen():  # type: ignore[operator]
            assert time.monotonic() < ends, "nothing came"
            try:
                head = self.exactly(HEAD_BYTES)
                frame, length = Frame.parse_frame_header(memoryview(head))
                frame.parse_body(memoryview(self.exactly(length)))
            except ConnectionError:
                self.is_closed = True
                return
            self.take(frame)

    def exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise ConnectionResetError
            data += piece
        return data

    def take(self, frame: Frame) -> None:
        if isinstance(frame, SettingsFrame) and "ACK" not in frame.flags:
            self.send(SettingsFrame(0, flags=["ACK"]))
        elif isinstance(frame, PingFrame) and "ACK" not in frame.flags:
            self.send(PingFrame(0, opaque_data=frame.opaque_data, flags=["ACK"]))
        elif isinstance(frame, HeadersFrame):
            headers = {str(name): str(value) for name, value in self.decoder.decode(frame.data)}
            self.status[frame.stream_id] = headers[":status"]
        elif isinstance(frame, DataFrame):
            self.bodies[frame.stream_id] = self.bodies.get(frame.stream_id, b"") + frame.data
        elif isinstance(frame, RstStreamFrame):
            self.reset.add(frame.stream_id)
        elif isinstance(frame, GoAwayFrame):
            self.goaways.append(frame.last_stream_id)
        if "END_STREAM" in frame.flags:
            self.ended.add(frame.stream_id)

    def close(self) -> None:
        self.socket.close()
