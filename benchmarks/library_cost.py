"""What does the library cost a service that serves? Requests per second of a hello-world, with it and without it.

`wrk` asks both in turns: what else this machine does hits both. Each run has processes of its own, because where one
happens to lie in memory is worth a percent. At this pace an ASGI request is only passed on (asgi_pace.py); what one
costs that is attended to, as all are below that pace, is measured beside it, without a server.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
ASGI, WSGI = "_library_app:{}hello_asgi", "_library_app:{}hello_wsgi"
TURNS = 4
SERVERS = {
    "uvicorn": ["uvicorn", ASGI, "--port", "{port}", "--no-access-log", "--log-level", "warning"],
    "granian": ["granian", "--interface", "asgi", ASGI, "--port", "{port}", "--no-access-log", "--no-log"],
    "hypercorn": ["hypercorn", ASGI, "-b", "127.0.0.1:{port}"],
    "gunicorn-gthread": ["gunicorn", WSGI, "-b", "127.0.0.1:{port}", "-k", "gthread", "--threads", "4"],
}


@contextlib.contextmanager
def serving(words: list[str], *, bare: bool) -> Iterator[int]:
    """The server with the application, on one core of two; its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    filled = [word.replace("{port}", str(port)).replace("{}", "" if bare else "drained_") for word in words]
    environ = {**os.environ, "APP_BARE": "1" if bare else "0", "PYTHONPATH": str(HERE), "LAMEDUCK_TELL": "0"}
    with open(os.devnull, "wb") as nowhere:
        process = subprocess.Popen(
            [str(BIN / filled[0]), *filled[1:]], env=environ, stdout=nowhere, stderr=nowhere, start_new_session=True
        )
        try:
            ends = time.monotonic() + 30
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                if time.monotonic() > ends or process.poll() is not None:
                    raise SystemExit(f"{' '.join(filled)} does not start")
                time.sleep(0.05)
            yield port
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def rate(port: int, seconds: float) -> float:
    """Requests per second that wrk gets over 16 kept-alive connections."""
    words = ["wrk", "-t", "1", "-c", "16", "-d", f"{seconds:g}s", f"http://127.0.0.1:{port}/"]
    text = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in text or "Socket errors" in text:
        raise SystemExit(f"wrk met errors:\n{text}")
    match = re.search(r"Requests/sec:\s+([\d.]+)", text)
    assert match is not None
    return float(match[1])


def attended_us() -> float:
    """What an ASGI request costs more that is attended to, in microseconds, of this process's time."""
    from _library_app import hello_asgi

    from lameduck import drain
    from lameduck.drain.servers import asgi_pace

    asgi_pace.BUSY_FROM_PER_S = float("inf")

    async def nobody(_message: object = None) -> None:
        return None

    async def seconds(app: Any) -> float:
        began = time.perf_counter()
        for _ in range(10_000):
            scope: dict[str, Any] = {
                "type": "http",
                "http_version": "1.1",
                "method": "GET",
                "path": "/",
                "headers": [],
                "client": None,
            }
            await app(scope, nobody, nobody)
        return time.perf_counter() - began

    drained = drain.asgi(hello_asgi)
    took = [(asyncio.run(seconds(drained)), asyncio.run(seconds(hello_asgi))) for _ in range(10)]
    return (min(drained for drained, _ in took) - min(bare for _, bare in took)) / 10_000 * 1e6


def import_ms(statement: str, runs: int) -> float:
    """The interpreter's start with this statement, in milliseconds: the median."""
    took = []
    for _ in range(runs):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", statement], check=True)
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", default=",".join(SERVERS), help="default: %(default)s")
    parser.add_argument("--runs", type=int, default=10, help="each with new processes (default 10)")
    parser.add_argument("--seconds", type=float, default=1, help=f"of each of {TURNS} turns in a run (default 1)")
    options = parser.parse_args()
    print(
        f"python benchmarks/library_cost.py --servers {options.servers} --runs {options.runs} "
        f"--seconds {options.seconds:g}"
    )
    for name in options.servers.split(","):
        pairs = []
        for number in range(options.runs):
            with serving(SERVERS[name], bare=True) as bare, serving(SERVERS[name], bare=False) as drained:
                for port in (bare, drained):
                    rate(port, 1)
                got: dict[int, list[float]] = {bare: [], drained: []}
                for turn in range(TURNS):
                    # Who is first changes, because the second one has a warmer machine.
                    for port in (bare, drained) if (number + turn) % 2 == 0 else (drained, bare):
                        got[port].append(rate(port, options.seconds))
                pairs.append((statistics.mean(got[bare]), statistics.mean(got[drained])))
        bares, withs = zip(*pairs, strict=True)
        cost = statistics.median((a - b) / a for a, b in pairs)
        print(
            f"{name:<17} bare {statistics.median(bares):8,.0f}/s   with {statistics.median(withs):8,.0f}/s   "
            f"cost {cost:6.1%} (median of the pairs; {min((a - b) / a for a, b in pairs):.1%} to "
            f"{max((a - b) / a for a, b in pairs):.1%})",
            flush=True,
        )
    print(f"a request that is attended to: {attended_us():.1f} µs more (ASGI, hello-world, best of 10 times 10,000)")
    nothing = import_ms("pass", 20)
    for statement in ("import lameduck", "from lameduck import drain", "from lameduck import drain; drain.asgi"):
        print(
            f"{statement:<40} {import_ms(statement, 20) - nothing:6.1f} ms more than an interpreter's {nothing:.1f} ms"
        )


if __name__ == "__main__":
    main()
