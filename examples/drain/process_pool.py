"""concurrent.futures.ProcessPoolExecutor: what its children have begun is finished, what waits is given back.

python examples/drain/process_pool.py
"""

import os
import time
from concurrent.futures import Future, ProcessPoolExecutor

from lameduck import drain
from lameduck.drain.workers import pools

JOBS = int(os.environ.get("JOBS", "100"))
JOB_S = float(os.environ.get("JOB_S", "1"))


def job(number: int) -> int:
    """Runs in a child."""
    print("begin", number, flush=True)
    time.sleep(JOB_S)
    print("end", number, flush=True)
    return number


def main() -> None:
    drain.stand()
    results: list[Future[int]] = []

    @drain.on_stop(within=2)
    def give_back() -> None:
        print("given back", sum(result.cancelled() for result in results), flush=True)

    with ProcessPoolExecutor(2, initializer=pools.in_child) as pool:
        results += [pools.submit(pool, job, number, name=f"job {number}") for number in range(JOBS)]


if __name__ == "__main__":
    main()
