"""Plain threads that take jobs from a queue: each finishes the one it has, and the rest stays where it was.

python examples/drain/plain_threads.py
"""

import os
import queue
import threading
import time

from lameduck import drain

JOBS = int(os.environ.get("JOBS", "100"))
JOB_S = float(os.environ.get("JOB_S", "1"))

jobs: "queue.Queue[int]" = queue.Queue()


def worker() -> None:
    for job in drain.until_stopping(jobs):
        with drain.work(f"job {job}"):
            print("begin", job, flush=True)
            time.sleep(JOB_S)
            print("end", job, flush=True)


@drain.on_stop(within=2)
def flush() -> None:
    print("flushed", jobs.qsize(), flush=True)


def main() -> None:
    drain.stand()
    for job in range(JOBS):
        jobs.put(job)
    threads = [threading.Thread(target=worker, name=f"worker {number}") for number in range(2)]
    for thread in threads:
        thread.start()
    drain.stopping.wait()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
