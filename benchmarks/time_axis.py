"""How late the rehearsal carries out what is due: hook ends, stop signals, SIGKILLs, under traffic and without.

    python benchmarks/time_axis.py [RUNS]

Each run ends a pod whose program ignores SIGTERM: preStop sleep 1 s, grace 3 s. The program itself writes down when the
signal reached it. Due are: the end of the hook at 1 s, the signal then, SIGKILL at 3 s.
"""

import asyncio
import statistics
import sys
from collections import defaultdict

from lameduck.ending.timeline import HookFinished, KillSent, OutputLine, SignalSent, Timeline
from lameduck.pod.durations import Seconds
from lameduck.pod.reading import read_text
from lameduck.rehearse.casting import cast_pod
from lameduck.rehearse.endpoints import Lag
from lameduck.rehearse.making_up import made_up_manifest
from lameduck.rehearse.processes import ProcessEngine
from lameduck.rehearse.rehearsal import Settings, rehearse
from lameduck.rehearse.traffic.plan import DEFAULT_MIX, TrafficPlan, parse_mix

COMMAND = ("python3", "-m", "lameduck.rehearse.bundled_server", "--on-stop", "ignore")
HOOK_S, GRACE_S = 1.0, 3


async def run(rate: float) -> Timeline:
    """One rehearsal's timeline; rate 0: no traffic."""
    manifest = made_up_manifest(COMMAND, port=8080, pre_stop="1", grace_s=GRACE_S, replicas=2)
    manifests = read_text(manifest, "benchmark")
    workload = manifests.workloads[0]
    cast = cast_pod(workload, manifests.services, (), words={"app": COMMAND})
    traffic = TrafficPlan(rate=rate, mix=parse_mix(DEFAULT_MIX)) if rate else None
    settings = Settings(replicas=2, lag=Lag(Seconds(0.5), Seconds(0.5)), traffic=traffic)
    async with ProcessEngine() as engine:
        return (await rehearse(workload, manifests.services, cast, engine, settings, lambda _: None)).timeline


def lateness(timeline: Timeline) -> dict[str, float]:
    """Seconds after it was due, for each action that has a due time."""
    hook = next(timeline.of(HookFinished))
    sent = next(timeline.of(SignalSent))
    heard = next(line for line in timeline.of(OutputLine, pod=sent.pod) if "SIGTERM" in line.line)
    kill = next(timeline.of(KillSent))
    return {
        "hook ends": hook.t_s - HOOK_S,
        "signal is sent": sent.t_s - HOOK_S,
        "signal is heard (and read back)": heard.t_s - HOOK_S,
        "SIGKILL is sent": kill.t_s - GRACE_S,
    }


def main() -> None:
    """Print the lateness of each action over all runs."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    for rate in (0.0, 200.0):
        late: dict[str, list[float]] = defaultdict(list)
        for _ in range(runs):
            for action, seconds in lateness(asyncio.run(run(rate))).items():
                late[action].append(seconds * 1000)
        print(f"{runs} endings, {rate:g} requests/s: late by, in ms")
        for action, values in late.items():
            print(f"  {action:32} median {statistics.median(values):6.1f}   max {max(values):6.1f}")


if __name__ == "__main__":
    main()
