"""How many requests does distance cost when a server closes idle connections? nginx with a keep-alive timeout of 1 s.

Poisson arrivals over a pool whose connections are idle for about a second between two uses: many are used again just
when the server closes them. No pod ends here; the race is the server's own, and grows with the distance.
"""

import argparse

from _nginx import nginx
from _run import run

from lameduck.pod.durations import Seconds
from lameduck.rehearse.traffic import Retry, Spacing, TrafficPlan, parse_mix

RATE = 100
POOL = 85


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30, help="how long each line takes (default 30)")
    options = parser.parse_args()
    print(f"python benchmarks/keepalive_race.py --seconds {options.seconds:g}")
    with nginx(keepalive_timeout_s=1) as port:
        for retry in Retry:
            for rtt_s in (0.0, 0.001, 0.05):
                plan = TrafficPlan(
                    RATE,
                    parse_mix("keepalive=1"),
                    rtt_s=Seconds(rtt_s),
                    retry=retry,
                    pool_size=POOL,
                    spacing=Spacing.POISSON,
                )
                outcome = run(plan, port, options.seconds)
                print(
                    f"rtt {rtt_s * 1000:3.0f} ms, retry {retry.value:<11}{outcome.requests:>8,} requests"
                    f"   lost: {outcome.losses}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
