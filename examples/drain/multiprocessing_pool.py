"""multiprocessing.Pool: it is handed no more than its children have hands for, and is closed, not terminated.

python examples/drain/multiprocessing_pool.py
"""

import multiprocessing
import os
import queue
import threading
import time

from lameduck import drain
from lameduck.drain.workers import pools

JOBS = int(os.environ.get("JOBS", "100"))
JOB_S = float(os.environ.get("JOB_S", "1"))
CHILDREN = 2


def job(number: int) -> int:
    """Runs in a child."""
    print("begin", number, flush=True)
    time.sleep(JOB_S)
    print("end", number, flush=True)
    return number


def main() -> None:
    drain.stand()
    jobs: queue.Queue[int] = queue.Queue()
    for number in range(JOBS):
        jobs.put(number)

    @drain.on_stop(within=2)
    def flush() -> None:
        print("flushed", jobs.qsize(), flush=True)

    hands = threading.Semaphore(CHILDREN)
    pool = multiprocessing.Pool(CHILDREN, pools.in_child)
    hands.acquire()
    for number in drain.until_stopping(jobs):
        pools.apply(pool, job, number, name=f"job {number}", then=hands.release)
        hands.acquire()
    # `with multiprocessing.Pool()` would end with terminate(), which kills what the children are busy with.
    pool.close()
    pool.join()


if __name__ == "__main__":
    main()
