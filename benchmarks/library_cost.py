"""What does the library cost a service that serves? Requests per second of a hello-world, with it and without it.

Both run side by side on ports of their own, and `wrk` asks them in turns: what else this machine does hits both.
"""

from __future__ import annotations

import argparse
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

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
ASGI, WSGI = "_library_app:{}hello_asgi", "_library_app:{}hello_wsgi"
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
    parser.add_argument("--runs", type=int, default=10, help="of each side, in turns (default 10)")
    parser.add_argument("--seconds", type=float, default=3, help="of each run (default 3)")
    options = parser.parse_args()
    print(
        f"python benchmarks/library_cost.py --servers {options.servers} --runs {options.runs} "
        f"--seconds {options.seconds:g}"
    )
    for name in options.servers.split(","):
        with serving(SERVERS[name], bare=True) as bare, serving(SERVERS[name], bare=False) as drained:
            for port in (bare, drained):
                rate(port, 1)
            pairs = []
            for number in range(options.runs):
                # Who is first changes, because the second one has a warmer machine.
                order = (bare, drained) if number % 2 == 0 else (drained, bare)
                got = {port: rate(port, options.seconds) for port in order}
                pairs.append((got[bare], got[drained]))
        bares, withs = zip(*pairs, strict=True)
        cost = statistics.median((a - b) / a for a, b in pairs)
        print(
            f"{name:<17} bare {statistics.median(bares):8,.0f}/s   with {statistics.median(withs):8,.0f}/s   "
            f"cost {cost:6.1%} (median of the pairs; {min((a - b) / a for a, b in pairs):.1%} to "
            f"{max((a - b) / a for a, b in pairs):.1%})",
            flush=True,
        )
    nothing = import_ms("pass", 20)
    for statement in ("import lameduck", "from lameduck import drain", "from lameduck import drain; drain.asgi"):
        print(
            f"{statement:<40} {import_ms(statement, 20) - nothing:6.1f} ms more than an interpreter's {nothing:.1f} ms"
        )


if __name__ == "__main__":
    main()
