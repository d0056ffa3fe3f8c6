"""What `lameduck run` costs beside tini and dumb-init: `python benchmarks/run_cost.py [STARTS]`.

Start: the whole life of a container that runs `true`; the first row is one without an init. Memory: the init's, once
its child serves. Latency: from a signal to the init until the child has been woken by it; the first row is a signal
sent to the child itself. All are taken in turn in one run, so that a busy machine is busy for all of them. The init is
PID 1 of a namespace of its own where this machine allows that (unshare is then part of every start), else a plain
process, which needs a few milliseconds and a megabyte more: prctl has to be called.
"""

import os
import select
import shutil
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

SIGNALS = 1000
SCRIPT = Path(sys.executable).with_name("lameduck")

CHILD = """
import os, signal, time
number = signal.SIGUSR1
signal.pthread_sigmask(signal.SIG_BLOCK, [number])
os.write(1, b"ready\\n")
while True:
    signal.sigwaitinfo([number])
    os.write(1, time.monotonic_ns().to_bytes(8, "little"))
"""


def in_a_namespace() -> list[str]:
    """The words that make a PID namespace, or none."""
    words = ["unshare", "--pid", "--fork", "--mount-proc"]
    possible = shutil.which("unshare") and subprocess.run([*words, "true"], capture_output=True, check=False)
    return words if possible and possible.returncode == 0 else []


def inits() -> dict[str, list[str]]:
    """The names, and the words in front of a command."""
    found: dict[str, list[str]] = {"(none)": []}
    for name, words in (("tini", ["-s", "--"]), ("dumb-init", ["-c", "--"]), ("catatonit", ["--"])):
        program = shutil.which(name)
        if program is not None:
            found[name] = [program, *words]
    if SCRIPT.exists():
        found["lameduck run"] = [str(SCRIPT), "run", "--"]
    found["python -m lameduck.run"] = [sys.executable, "-m", "lameduck.run", "--"]
    # What of it is Python itself: the floor for any init written in it.
    found["python -c pass"] = [sys.executable, "-c", "import os, sys; os.execvp(sys.argv[1], sys.argv[1:])"]
    return found


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def starts(before: list[str], front: dict[str, list[str]], times: int) -> dict[str, list[float]]:
    """Milliseconds of `INIT true`, taken in turn."""
    taken: dict[str, list[float]] = {name: [] for name in front}
    for _ in range(times):
        for name, words in front.items():
            begun = time.perf_counter()
            subprocess.run([*before, *words, "true"], check=True)
            taken[name].append((time.perf_counter() - begun) * 1000)
    return taken


class Running:
    """An init and its child, which answers each SIGUSR1 with the time at which it was woken."""

    def __init__(self, before: list[str], words: list[str]) -> None:
        self.process = subprocess.Popen(
            [*before, *words, sys.executable, "-I", "-S", "-c", CHILD], stdout=subprocess.PIPE
        )
        assert self.process.stdout is not None
        self.output = self.process.stdout.fileno()
        line = b""
        while not line.endswith(b"\n"):
            line += os.read(self.output, 1)
        # unshare waits for PID 1, and the init for its child.
        self.init = only_child(self.process.pid) if before else self.process.pid
        self.child = only_child(self.init) if words else self.init

    def latency_us(self) -> float:
        """Microseconds from the sending of a signal to the child's waking."""
        begun = time.monotonic_ns()
        os.kill(self.init, signal.SIGUSR1)
        readable, _, _ = select.select([self.output], [], [], 10)
        if not readable:
            raise SystemExit(f"no answer to a signal within 10 s: {self.process.args!r}")
        return (int.from_bytes(os.read(self.output, 8), "little") - begun) / 1000

    def memory_kib(self) -> tuple[int, int, int]:
        """Resident, proportional, and what only this process holds."""
        sizes = {"Rss": 0, "Pss": 0, "Private_Clean": 0, "Private_Dirty": 0}
        for line in Path(f"/proc/{self.init}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in sizes:
                sizes[name] = int(rest.split()[0])
        return sizes["Rss"], sizes["Pss"], sizes["Private_Clean"] + sizes["Private_Dirty"]

    def end(self) -> None:
        os.kill(self.child, signal.SIGKILL)
        self.process.wait()


def only_child(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    front = inits()
    before = in_a_namespace()
    print("As PID 1 of a namespace of its own." if before else "As plain processes: no PID namespace can be made here.")
    print(f"Start, `INIT true`, {times} each, in turn:")
    for name, taken in starts(before, front, times).items():
        print(f"  {name:<24} median {statistics.median(taken):7.1f} ms   least {min(taken):7.1f} ms")
    del front["python -c pass"]  # it is its child by now
    running = {name: Running(before, words) for name, words in front.items()}
    try:
        print("Memory of the init while its child serves:")
        for name, one in running.items():
            if name != "(none)":
                resident, proportional, own = one.memory_kib()
                print(f"  {name:<24} resident {resident:6} KiB   shared out {proportional:6} KiB   its own {own:6} KiB")
        print(f"Signal to the init until the child is awake, {SIGNALS:,} each, in turn:")
        latencies: dict[str, list[float]] = {name: [] for name in running}
        for _ in range(SIGNALS):
            for name, one in running.items():
                latencies[name].append(one.latency_us())
        for name, taken in latencies.items():
            middle, late = statistics.median(taken), percentile(taken, 0.99)
            print(f"  {name:<24} median {middle:7.0f} µs   p99 {late:7.0f} µs")
    finally:
        for one in running.values():
            one.end()


if __name__ == "__main__":
    main()
