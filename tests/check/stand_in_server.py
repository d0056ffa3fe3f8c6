"""A server that stands in for an example's service: `python -I -S stand_in_server.py MANNERS PROGRAM [ARG...]`.

It starts in a few hundredths of a second, listens at every port that it is told of, and ends as the program for which
it stands: at the stop signal it takes no more connections, finishes those in flight, cleans up and exits with 0. The
program's own words are obeyed: how long it serves on, and when it gives up what is in flight. MANNERS is JSON:

    second_s      how long a second of the example lasts here
    serves_on_s   how long it accepts after the signal without being told by its words, in seconds of the example
    clean_up_s    how long it cleans up when nothing is in flight any more, in seconds of this machine
    answers_s     how long /drain takes, in seconds of the example
    hasty         a second signal makes it exit at once, as it makes uvicorn
    sick          it fails its liveness and startup probes
    deaf          it has no handler for the signal

Standard library only, and no import of lameduck or of what check reads: who agrees with check must not be check.
"""

import json
import os
import re
import signal
import socket
import sys
import threading
import time
from typing import NoReturn

_ACCEPTS_ON_S = 0.1
"""What the kernel has accepted before the signal is still answered."""
_LIMITS = {
    "gunicorn": ("--graceful-timeout", 30.0),
    "uvicorn": ("--timeout-graceful-shutdown", None),
}
_SERVES_ON = re.compile(
    r"--shutdown-delay-duration|--entrypoints\.\w+\.transport\.lifecycle\.requestacceptgracetimeout"
)
_SERVES_ON_VARIABLES = ("SHUTDOWN_DELAY", "SHUTDOWN_DELAY_SECONDS")
_SPRING = "SPRING_LIFECYCLE_TIMEOUT_PER_SHUTDOWN_PHASE"


class Server:
    """The listening sockets, what is in flight, and whether it stops."""

    def __init__(self, manners: dict[str, float], words: list[str]) -> None:
        self.manners = manners
        self.words = words
        self.in_flight = 0
        self.changed = threading.Condition()
        self.stopping = threading.Event()
        self.sockets: list[socket.socket] = []

    def run(self) -> NoReturn:
        told, tell = os.pipe()
        os.set_blocking(tell, False)
        signal.set_wakeup_fd(tell)
        threading.Thread(target=self.hear, args=(told,), daemon=True).start()
        if not self.manners["deaf"]:
            signal.signal(signal.SIGTERM, lambda *_: None)
        ports = {int(value) for name, value in os.environ.items() if re.fullmatch(r"PORT(_\d+)?", name)}
        for port in ports:
            listening = socket.create_server(("127.0.0.1", port), backlog=256)
            self.sockets.append(listening)
            threading.Thread(target=self.accept, args=(listening,), daemon=True).start()
        self.stopping.wait()
        second_s = self.manners["second_s"]
        self.pause(max(_ACCEPTS_ON_S, serves_on_s(self.words, self.manners["serves_on_s"]) * second_s))
        for listening in self.sockets:
            listening.shutdown(socket.SHUT_RDWR)  # close() alone does not wake who waits in accept()
        limit_s = gives_up_after_s(self.words)
        deadline = None if limit_s is None else time.monotonic() + limit_s * second_s
        with self.changed:
            while self.in_flight and (deadline is None or time.monotonic() < deadline):
                self.changed.wait(0.05)
        self.pause(self.manners["clean_up_s"])
        os._exit(0)

    def hear(self, told: int) -> None:
        """Each signal by its byte: the interpreter calls a handler once for two that come close together."""
        while os.read(told, 1):
            if self.stopping.is_set() and self.manners["hasty"]:
                os._exit(1)
            self.stopping.set()

    def pause(self, seconds: float) -> None:
        """Wait for so long, whatever signals come."""
        until = time.monotonic() + seconds
        while (left_s := until - time.monotonic()) > 0:
            time.sleep(left_s)

    def accept(self, listening: socket.socket) -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            with self.changed:
                self.in_flight += 1
            threading.Thread(target=self.answer, args=(client,), daemon=True).start()

    def answer(self, client: socket.socket) -> None:
        try:
            with client:
                self.reply(client)
        except OSError:
            pass  # the client left
        finally:
            with self.changed:
                self.in_flight -= 1
                self.changed.notify()

    def reply(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            data = client.recv(4096)
            if not data:
                return
            head += data
        path = head.split(b" ", 2)[1].decode()
        if found := re.fullmatch(r"/slow\?seconds=([\d.]+)", path):
            time.sleep(float(found[1]))
        elif path == "/drain":
            time.sleep(self.manners["answers_s"] * self.manners["second_s"])
        status = "503 Unwell" if self.manners["sick"] and b"kube-probe" in head else "200 OK"
        client.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 3\r\nConnection: close\r\n\r\nhi\n".encode())


def serves_on_s(words: list[str], otherwise: float) -> float:
    """How long it accepts after the signal, in seconds of the example."""
    for word in words:
        name, _, value = word.partition("=")
        if _SERVES_ON.fullmatch(name.lower()):
            return float(value.removesuffix("s"))
    values = [os.environ[name] for name in _SERVES_ON_VARIABLES if name in os.environ]
    return float(values[0]) if values else otherwise


def gives_up_after_s(words: list[str]) -> float | None:
    """How long it finishes what is in flight, in seconds of the example; None: for as long as it takes."""
    program = words[0].rpartition("/")[2]
    if program in _LIMITS:
        option, limit_s = _LIMITS[program]
        for number, word in enumerate(words):
            name, equals, value = word.partition("=")
            if name == option:
                return float(value if equals else words[number + 1])
            if name in ("-c", "--config") and program == "gunicorn":
                limit_s = of_settings_file(value if equals else words[number + 1])
        return limit_s
    spring = os.environ.get(_SPRING)
    if spring is None:
        return None
    return float(spring.removesuffix("s")) if spring.endswith("s") else float(spring) / 1000


def of_settings_file(path: str) -> float:
    """The graceful_timeout of a gunicorn.conf.py that has one."""
    with open(path, encoding="utf-8") as file:
        found = re.search(r"^graceful_timeout *= *(\d+)", file.read(), re.MULTILINE)
    if found is None:
        raise SystemExit(f"{path} does not set graceful_timeout")
    return float(found[1])


if __name__ == "__main__":
    Server(json.loads(sys.argv[1]), sys.argv[2:]).run()
