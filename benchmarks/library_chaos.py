"""SIGTERM at random moments, hundreds of times, over all servers: start, fork, request, stream, lame duck, cleanup.

Each round starts a server with the library, sends it requests, and signals it at a random moment, sometimes twice,
sometimes its whole process group (as dumb-init does), and sometimes with SIGINT. Counted as faults: a process that is
still there after its deadline, a request that was answered in part or not at all although its connection had been
accepted while the server served, a traceback that names us, and, of a server that has served and got one SIGTERM, an
exit code that is neither 0 nor 75.

Exit code 1 if there was a fault. The seed of a run is printed; the same seed chooses the same moments.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from library_loss import BIN, HERE, SERVERS

from lameduck.drain.process import UNFINISHED

GRACE_S = 8.0
GRACE_IS_KEPT_WITHIN_S = 1.5
"""A busy machine takes its time to end a process."""


@dataclass
class Round:
    """One ending at a random moment."""

    server: str
    moment_s: float
    signals: tuple[int, ...]
    group: bool = False
    """Whether its workers are signalled, too."""
    answered: int = 0
    refused: int = 0
    faults: list[str] = field(default_factory=list)
    code: int | None = None
    took_s: float = 0.0

    @property
    def gentle(self) -> bool:
        """Whoever signals twice, or sends SIGINT, does not want to wait for what is in flight."""
        return self.signals == (signal.SIGTERM,)


def play(round_: Round, words: list[str], port: int, output: IO[bytes]) -> None:
    environ = {
        **os.environ,
        "APP_BARE": "0",
        "APP_SLOW_S": "1",
        "PYTHONPATH": str(HERE),
        "LAMEDUCK_GRACE_SECONDS": f"{GRACE_S:g}",
        "LAMEDUCK_LAME_DUCK": "0.3s..1s",
    }
    filled = [word.replace("{port}", str(port)).replace("{}", "drained_") for word in words]
    process = subprocess.Popen(
        [str(BIN / filled[0]), *filled[1:]], env=environ, stdout=output, stderr=output, start_new_session=True
    )
    over = threading.Event()
    asking = [
        threading.Thread(target=ask, args=(round_, port, path, over), daemon=True) for path in ("/", "/", "/slow")
    ]
    try:
        for thread in asking:
            thread.start()
        time.sleep(round_.moment_s)
        asked = time.monotonic()
        for number, signum in enumerate(round_.signals):
            if number:
                time.sleep(0.2)
            with contextlib.suppress(ProcessLookupError):
                (os.killpg if round_.group else os.kill)(process.pid, signum)
        try:
            round_.code = process.wait(GRACE_S + GRACE_IS_KEPT_WITHIN_S)
        except subprocess.TimeoutExpired:
            round_.faults.append(f"still there {GRACE_S + GRACE_IS_KEPT_WITHIN_S:g} s after the signal")
        else:
            if round_.gentle and round_.answered and round_.code not in (0, UNFINISHED):
                round_.faults.append(f"exit code {round_.code}")
        round_.took_s = time.monotonic() - asked
    finally:
        over.set()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for thread in asking:
        thread.join(15)


def ask(round_: Round, port: int, path: str, over: threading.Event) -> None:
    """One client after the other, as fast as they are answered, until the server is gone."""
    while not over.is_set():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=GRACE_S + 2)
        try:
            connection.connect()
        except OSError:
            round_.refused += 1
            time.sleep(0.02)
            continue
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            if answer.read() == b"ok" and answer.status == 200:
                round_.answered += 1
            elif round_.gentle:
                round_.faults.append(f"GET {path}: status {answer.status}")
        except (OSError, http.client.HTTPException) as error:
            # A stop in the start has nobody to serve yet.
            if round_.gentle and round_.answered:
                round_.faults.append(f"GET {path}: {type(error).__name__}: {error}")
        finally:
            connection.close()


def ours_raised(text: str) -> bool:
    """Whether a traceback's last place, where the error was raised, is in the library."""
    places: list[str] = []
    for line in text.splitlines():
        if line.lstrip().startswith('File "'):
            places.append(line)
        elif places and not line.startswith(" ") and line.strip():
            if "lameduck/drain" in places[-1]:
                return True
            places = []
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", default=",".join(SERVERS), help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=500, help="over all servers (default 500)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    # A shell has what it starts in the background ignore SIGINT, and servers would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    which = f"--servers {options.servers} --rounds {options.rounds} --seed {options.seed}"
    print(f"python benchmarks/library_chaos.py {which}")
    chance = random.Random(options.seed)
    names = options.servers.split(",")
    codes: Counter[str] = Counter()
    answered = faulty = 0
    longest = 0.0
    for number in range(options.rounds):
        name = names[number % len(names)]
        signals = chance.choice([(signal.SIGTERM,)] * 6 + [(signal.SIGTERM, signal.SIGTERM), (signal.SIGINT,)])
        group = chance.random() < 0.25
        round_ = Round(name, chance.uniform(0.0, 3.0), tuple(map(int, signals)), group)
        with tempfile.TemporaryFile() as output:
            play(round_, SERVERS[name], 20_000 + chance.randrange(10_000), output)
            output.seek(0)
            text = output.read().decode(errors="replace")
        if ours_raised(text):
            round_.faults.append("a traceback that ends in the library")
        answered += round_.answered
        longest = max(longest, round_.took_s)
        codes[f"{name}: {round_.code}"] += 1
        if round_.faults:
            faulty += 1
            whom = "the group" if group else "the process"
            print(f"{number} {name} at {round_.moment_s:.3f} s, {round_.signals} to {whom}, code {round_.code}:")
            print("  " + "\n  ".join(round_.faults[:5]))
            Path(tempfile.gettempdir(), f"library_chaos_{options.seed}_{number}.log").write_text(text)
        if number % 25 == 24:
            print(f"  {number + 1} endings, {answered:,} requests answered, {faulty} with a fault", flush=True)
    print(f"{options.rounds} endings, {answered:,} requests answered, {faulty} with a fault")
    print(f"the longest ending took {longest:.1f} s")
    print("exit codes: " + ", ".join(f"{code} x{count}" for code, count in sorted(codes.items())))
    sys.exit(1 if faulty else 0)


if __name__ == "__main__":
    main()
