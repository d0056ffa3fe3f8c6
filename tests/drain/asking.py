"""Clients of a service under test: what they ask, and how what they ask for ends."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from dataclasses import dataclass
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

ANSWERS_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    asks_to_close: bool
    body: bytes


class KeptAlive:
    """One HTTP/1.1 connection, used for one request after the other."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWERS_WITHIN_S)
        self.connection.connect()
        # http.client closes its own at once when it is asked to.
        self.socket: socket.socket = self.connection.sock.dup()

    def ask(self, path: str, method: str = "GET") -> Answer:
        """Raises what http.client raises: OSError, IncompleteRead, RemoteDisconnected."""
        self.connection.request(method, path)
        return self.answer()

    def answer(self) -> Answer:
        response = self.connection.getresponse()
        closing = (response.getheader("connection") or "").lower() == "close"
        return Answer(response.status, closing, response.read())

    def is_closed(self, within_s: float = ANSWERS_WITHIN_S) -> bool:
        """Whether the server ends the connection within that time: what comes next on it is its end."""
        self.socket.settimeout(within_s)
        try:
            return self.socket.recv(1) == b""
        except TimeoutError:
            return False

    def close(self) -> None:
        self.socket.close()
        self.connection.close()


def ask(port: int, path: str, method: str = "GET") -> Answer:
    """One request on a connection of its own."""
    with contextlib.closing(KeptAlive(port)) as connection:
        return connection.ask(path, method)


def http_scope(path: str, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    """What an ASGI server makes of a GET: for asking an application without one."""
    return {"type": "http", "http_version": "1.1", "method": "GET", "path": path, "headers": [*headers], "client": None}


class Waiting:
    """A request that takes its time, asked in a thread of its own. `error` if its answer has no proper end."""

    def __init__(self, port: int, path: str, method: str = "GET", accept: str = "*/*") -> None:
        self.began = threading.Event()
        self.body = b""
        self.status = 0
        self.error: BaseException | None = None
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWERS_WITHIN_S)
        self.connection.request(method, path, headers={"accept": accept})
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self) -> None:
        try:
            response = self.connection.getresponse()
            self.status = response.status
            while piece := response.read1(4096):
                self.body += piece
                self.began.set()
        except (OSError, http.client.HTTPException) as error:
            self.error = error
        finally:
            self.began.set()
            self.connection.close()

    def until_begun(self) -> None:
        assert self.began.wait(ANSWERS_WITHIN_S), "no answer has begun"

    def until_ended(self) -> None:
        self.thread.join(ANSWERS_WITHIN_S)
        assert not self.thread.is_alive(), f"not ended; so far {self.status} {self.body!r}"


class WebSocket:
    """A WebSocket that has been echoed once, and then listens in a thread of its own."""

    def __init__(self, port: int) -> None:
        self.echoed = threading.Event()
        self.code: int | None = None
        """What the server closed it with; None if it gave no code, or only cut the connection."""
        self.thread = threading.Thread(target=self.listen, args=(f"ws://127.0.0.1:{port}/",), daemon=True)
        self.thread.start()
        assert self.echoed.wait(ANSWERS_WITHIN_S), "no echo"

    def listen(self, url: str) -> None:
        with connect(url, open_timeout=ANSWERS_WITHIN_S) as socket:
            socket.send("hello")
            if socket.recv(ANSWERS_WITHIN_S) == "hello":
                self.echoed.set()
            try:
                socket.recv(ANSWERS_WITHIN_S)
            except ConnectionClosed as closed:
                self.code = None if closed.rcvd is None else closed.rcvd.code

    def until_closed(self) -> int | None:
        self.thread.join(ANSWERS_WITHIN_S)
        return self.code
