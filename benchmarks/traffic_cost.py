"""What does the traffic cost? CPU of the generator at 500 requests/s, beside wrk's at the same rate, with their losses.

wrk knows no rate: each of its connections waits between requests (`delay()` in its script), which comes near one. It is
a closed loop in C, without a distance and without a record of each request; the comparison says what those cost us.
"""

import argparse
import re
import resource
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from _nginx import nginx
from _run import run

from lameduck.pod.durations import Seconds
from lameduck.rehearse.traffic import TrafficPlan, parse_mix

CONNECTIONS = 50
GOAL = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=500, help="requests per second (default 500)")
    parser.add_argument("--seconds", type=float, default=20, help="how long each line takes (default 20)")
    options = parser.parse_args()
    print(f"python benchmarks/traffic_cost.py --rate {options.rate:g} --seconds {options.seconds:g}")
    print(f"{'who':<34}{'requests/s':>11}{'CPU of a core':>15}{'p99 late':>10}  lost")
    worst = 0.0
    with nginx() as port:
        for mix in ("new=1", "keepalive=1", "new=1,keepalive=1"):
            for rtt_s in (0.001, 0.05):
                plan = TrafficPlan(options.rate, parse_mix(mix), rtt_s=Seconds(rtt_s), pool_size=CONNECTIONS)
                outcome = run(plan, port, options.seconds)
                worst = max(worst, outcome.pressure.cpu_share)
                print(
                    f"{f'lameduck {mix} rtt {rtt_s * 1000:g}ms':<34}{outcome.requests / options.seconds:>11,.0f}"
                    f"{outcome.pressure.cpu_share:>15.1%}{outcome.pressure.late_p99_s * 1000:>7.0f} ms"
                    f"  {outcome.losses}"
                )
        if shutil.which("wrk"):
            for name, headers in (("new=1", ["-H", "Connection: close"]), ("keepalive=1", [])):
                rate, cpu, lost = wrk(port, options.rate, options.seconds, headers)
                print(f"{f'wrk {name}':<34}{rate:>11,.0f}{cpu:>15.1%}{'':>10}  {lost}")
        else:
            print("wrk is not installed: no comparison (apt-get install wrk).")
    verdict = "less" if worst < GOAL else "NOT less"
    print(f"The costliest line takes {worst:.0%} of a core: {verdict} than the {GOAL:.0%} that are allowed.")


def wrk(port: int, rate: float, seconds: float, headers: list[str]) -> tuple[float, float, str]:
    """wrk's requests/s, share of a core, and losses in its own words."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "delay.lua")
        script.write_text(f"function delay() return {CONNECTIONS / rate * 1000:.0f} end\n")
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", "-s", str(script), *headers]
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        done = subprocess.run([*command, f"http://127.0.0.1:{port}/"], capture_output=True, text=True, check=True)
        after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - begun
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    found = re.search(r"Requests/sec:\s*([\d.]+)", done.stdout)
    errors = re.findall(r"Socket errors: .*|Non-2xx.*", done.stdout)
    return float(found[1]) if found else 0.0, cpu / wall, "; ".join(errors) or "none reported"


if __name__ == "__main__":
    main()
