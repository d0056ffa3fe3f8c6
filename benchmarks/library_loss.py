"""How many requests does each server lose while it ends, as it is and with the library?

Two instances behind a Service that picks one for each new connection. One is ended with SIGTERM; new connections go to
it until the endpoints are updated, so many seconds after the signal; when it is gone, it is started again, and it is
the other one's turn. Before that each has all new connections for a while: a server too slow for that loses requests
that no ending is to blame for, and its row says so. The traffic is the rehearsal's: open loop, half of it on kept-alive
connections, some slow.
An instance that is still there after the grace of 30 s is killed.

"over" is what an ending took beyond the longer of its lame duck and its longest request, at most.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from lameduck.ending.requests import Request
from lameduck.pod.durations import Seconds
from lameduck.rehearse.traffic import Backend, Traffic, TrafficPlan, parse_mix

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
GRACE_S = 30.0
MIX = "new=48,keepalive=50,slow=2@/slow"
ALONE_S = 2.0
TOLD = 10
"""Of the requests that are lost with the library, each is a fault to be found."""
TOO_SLOW_S = 1.0
"""Half of the requests take milliseconds, and two round trips."""

ASGI, WSGI = "_library_app:{}asgi", "_library_app:{}wsgi"
GUNICORN_WSGI = ["gunicorn", WSGI, "-b", "127.0.0.1:{port}"]
SERVERS: dict[str, list[str]] = {
    "uvicorn": ["uvicorn", ASGI, "--port", "{port}", "--no-access-log", "--log-level", "warning"],
    "uvicorn-workers": ["uvicorn", ASGI, "--port", "{port}", "--workers", "2", "--no-access-log"],
    # gunicorn waits for the client to close what it has closed: a sync worker does nothing else meanwhile, a gthread
    # worker accepts nothing, whatever its threads. At 50 ms fewer could not answer 200 requests a second.
    "gunicorn-sync": ["gunicorn", WSGI, "-b", "127.0.0.1:{port}", "-w", "32", "--preload"],
    "gunicorn-gthread": [*GUNICORN_WSGI, "-k", "gthread", "-w", "16", "--threads", "8", "--preload"],
    "gunicorn-asgi": ["gunicorn", ASGI, "-b", "127.0.0.1:{port}", "-k", "asgi"],
    "gunicorn-gevent": ["gunicorn", WSGI, "-b", "127.0.0.1:{port}", "-k", "gevent"],
    "gunicorn-uvicorn": ["gunicorn", ASGI, "-b", "127.0.0.1:{port}", "-k", "uvicorn_worker.UvicornWorker"],
    "hypercorn": ["hypercorn", ASGI, "-b", "127.0.0.1:{port}"],
    "granian-asgi": ["granian", "--interface", "asgi", ASGI, "--port", "{port}"],
    "granian-wsgi": ["granian", "--interface", "wsgi", WSGI, "--port", "{port}", "--blocking-threads", "64"],
    "daphne": ["daphne", ASGI, "-p", "{port}"],
    "aiohttp": ["python", "-m", "_library_servers", "aiohttp", "{port}"],
    "waitress": ["python", "-m", "_library_servers", "waitress", "{port}"],
    "werkzeug": ["python", "-m", "_library_servers", "werkzeug", "{port}"],
}


class Instance:
    """One instance: a server process on a port of its own."""

    def __init__(self, name: str, words: list[str], *, bare: bool) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.name = name
        prefix = "" if bare else "drained_"
        words = [word.replace("{port}", str(self.port)).replace("{}", prefix) for word in words]
        self.words = [str(BIN / words[0]), *words[1:]]
        self.environ = {**os.environ, "APP_BARE": "1" if bare else "0", "PYTHONPATH": str(HERE)}
        self.output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self.process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        self.output.seek(0)
        self.output.truncate()
        self.process = subprocess.Popen(  # noqa: ASYNC220
            self.words, env=self.environ, stdout=self.output, stderr=self.output, start_new_session=True
        )
        ends = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                answer = await asyncio.wait_for(reader.read(), 5)
                writer.close()
                if b" 200 " in answer[:20]:
                    return
            if time.monotonic() > ends or self.process.poll() is not None:
                self.kill()
                raise SystemExit(f"{self.name} does not start:\n{self.written()}")
            await asyncio.sleep(0.05)

    def written(self) -> str:
        self.output.seek(0)
        return self.output.read().decode(errors="replace")

    def lame_duck_s(self) -> float:
        """The longest that one of its processes has told; 0 if none has."""
        told = [0.0]
        for line in self.written().splitlines():
            if '"lame-duck-ended"' in line:
                told.append(json.loads(line[line.index("{") :])["t_s"])
        return max(told)

    def kill(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Service:
    """What a new connection is sent to."""

    def __init__(self) -> None:
        self.known: list[Backend] = []
        self.random = random.Random(1)

    def views(self) -> int:
        return 1

    def pick(self, _view: int) -> Backend | None:
        return self.random.choice(self.known) if self.known else None


@dataclass
class Row:
    """What came of the endings of one server in one scenario."""

    sent: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    took_s: list[float] = field(default_factory=list)
    over_s: list[float] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)
    not_sent: int = 0
    signalled: list[tuple[str, float]] = field(default_factory=list)
    """Which instance, and when."""
    how: list[str] = field(default_factory=list)
    """Each lost request, from the signal on."""
    alone_s: float = 0.0
    """What half of the requests took at most while one instance had all of them, and none ended."""

    def text(self) -> str:
        lost = ", ".join(f"{number} {fate}" for fate, number in sorted(self.lost.items())) or "none"
        codes = ", ".join(f"{code}" + (f" x{n}" if len(self.codes) > 1 else "") for code, n in self.codes.items())
        not_sent = f"  (this machine did not send {self.not_sent})" if self.not_sent else ""
        if self.alone_s > TOO_SLOW_S:
            not_sent += f"  (too slow for this load: alone, half take more than {self.alone_s:.1f} s)"
        return (
            f"{self.sent:7,} {self.lost.total():5}  {statistics.median(self.took_s):6.2f} {max(self.took_s):6.2f} "
            f"{max(self.over_s):6.2f}  {codes:<8} {lost}{not_sent}"
        )


async def play(name: str, *, bare: bool, lag_s: float, rtt_s: float, endings: int, rate: float) -> Row:
    row = Row()
    service = Service()
    instances = [Instance(f"{name}-{letter}", SERVERS[name], bare=bare) for letter in "ab"]
    backends = [Backend(instance.name, "127.0.0.1", instance.port) for instance in instances]
    requests: list[Request] = []
    began = time.monotonic()
    try:
        for instance in instances:
            await instance.start()
        service.known = list(backends)
        plan = TrafficPlan(rate, parse_mix(MIX), rtt_s=Seconds(rtt_s), pool_size=20)
        traffic = Traffic(plan, service, lambda: Seconds(time.monotonic() - began), requests.append)
        sending = asyncio.create_task(traffic.run())
        await asyncio.sleep(1)
        for backend in backends:
            service.known = [backend]
            row.alone_s = max(row.alone_s, await median_s(requests))
        service.known = list(backends)
        for number in range(endings):
            await end(instances[number % 2], backends[number % 2], service, lag_s, requests, began, row)
        traffic.stop()
        await traffic.settle(Seconds(10))
        await sending
    finally:
        for instance in instances:
            instance.kill()
    row.sent = len(requests)
    lost = [request for request in requests if request.fate.lost]
    row.lost.update(request.fate.value for request in lost)
    row.how = [told(request, row.signalled) for request in lost]
    row.not_sent = traffic.pressure.not_sent_full + traffic.pressure.not_sent_late
    return row


def told(request: Request, signalled: list[tuple[str, float]]) -> str:
    """One lost request, in seconds since the last signal that its instance, or any, had before it ended."""
    zero = max((at for name, at in signalled if request.pod in (name, None) and at <= request.ended_s), default=0.0)
    since = request.since(Seconds(zero))
    connected = "no connection" if since.connected_s is None else f"connected {since.connected_s:.3f} s"
    return (
        f"{request.kind.value}{' (reused)' if request.reused else ''}: {connected}, sent {since.sent_s:.3f} s, "
        f"{request.fate.value} {since.ended_s:.3f} s after SIGTERM to {request.pod}: {request.detail}"
    )


async def median_s(requests: list[Request]) -> float:
    """Of those that end in the next seconds."""
    before = len(requests)
    await asyncio.sleep(ALONE_S)
    return statistics.median(request.ended_s - request.due_s for request in requests[before:])


async def end(
    instance: Instance,
    backend: Backend,
    service: Service,
    lag_s: float,
    requests: list[Request],
    began: float,
    row: Row,
) -> None:
    """One ending, and the next start."""
    process = instance.process
    assert process is not None
    loop = asyncio.get_running_loop()
    asked = time.monotonic()
    before = len(requests)
    process.send_signal(signal.SIGTERM)
    row.signalled.append((instance.name, asked - began))
    loop.call_later(lag_s, service.known.remove, backend)
    killed = False
    while process.poll() is None:
        await asyncio.sleep(0.005)
        if time.monotonic() - asked > GRACE_S and not killed:
            killed = True
            os.killpg(process.pid, signal.SIGKILL)
    took = time.monotonic() - asked
    row.took_s.append(took)
    row.codes["killed" if killed else str(process.returncode)] += 1
    await asyncio.sleep(max(0.1, lag_s - took + 0.1))
    last = [request.ended_s for request in requests[before:] if request.pod == instance.name]
    longest = max((ended - (asked - began) for ended in last), default=0.0)
    row.over_s.append(took - max(min(longest, took), instance.lame_duck_s()))
    await instance.start()
    service.known.append(backend)
    await asyncio.sleep(0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", default=",".join(SERVERS), help="default: %(default)s")
    parser.add_argument("--endings", type=int, default=20, help="of each server in each scenario (default 20)")
    parser.add_argument("--lags", default="0,1,2", help="seconds until the endpoints are updated (default %(default)s)")
    parser.add_argument("--rtts", default="0,50", help="milliseconds (default %(default)s)")
    parser.add_argument("--rate", type=float, default=200, help="requests per second (default 200)")
    parser.add_argument("--only", choices=["bare", "with"], help="one of the two sides")
    options = parser.parse_args()
    print(
        f"python benchmarks/library_loss.py --servers {options.servers} --endings {options.endings} "
        f"--lags {options.lags} --rtts {options.rtts} --rate {options.rate:g}"
    )
    print(f"{'':38}{'sent':>7} {'lost':>5}  {'exit s':>6} {'most':>6} {'over':>6}  code     how")
    failed = False
    for name in options.servers.split(","):
        for lag in options.lags.split(","):
            for rtt in options.rtts.split(","):
                for bare in (True, False):
                    if options.only == ("with" if bare else "bare"):
                        continue
                    row = asyncio.run(
                        play(
                            name,
                            bare=bare,
                            lag_s=float(lag),
                            rtt_s=float(rtt) / 1000,
                            endings=options.endings,
                            rate=options.rate,
                        )
                    )
                    side = "bare" if bare else "with"
                    print(f"{name:<17} {side}  lag {lag:>3} s rtt {rtt:>2} ms {row.text()}", flush=True)
                    for line in () if bare else row.how[:TOLD]:
                        print(f"    {line}", flush=True)
                    failed |= not bare and row.lost.total() > 0
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
