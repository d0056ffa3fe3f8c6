"""Does the traffic ever blame a server that did nothing wrong? 10 minutes at 500 requests/s against nginx, no ending.

Exit code 1 if a request was lost. If this machine could not hold the rate, it says so.
"""

import argparse
import sys

from _nginx import nginx
from _run import run

from lameduck.pod.durations import Seconds, parse_duration
from lameduck.rehearse.traffic import TrafficPlan, parse_mix


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=500, help="requests per second (default 500)")
    parser.add_argument("--seconds", type=float, default=600, help="how long (default 600)")
    parser.add_argument("--rtt", default="1ms", help="distance (default 1ms)")
    parser.add_argument("--mix", default="new=5,keepalive=4,upload=1", help="clients (default %(default)s)")
    options = parser.parse_args()
    rtt_s: Seconds = parse_duration(options.rtt, option="--rtt")
    print(
        f"python benchmarks/no_false_losses.py --rate {options.rate:g} --seconds {options.seconds:g} "
        f"--rtt {options.rtt} --mix {options.mix}",
        flush=True,
    )
    plan = TrafficPlan(options.rate, parse_mix(options.mix), rtt_s=rtt_s, pool_size=50)
    with nginx() as port:
        outcome = run(plan, port, options.seconds, lambda number: print(f"  {number:,} requests so far", flush=True))
    print(f"{outcome.requests:,} requests, lost: {outcome.losses}. {outcome.pressure.sentence()}")
    print(f"{outcome.pressure}")
    sys.exit(1 if outcome.lost else 0)


if __name__ == "__main__":
    main()
