"""A plain asyncio program that takes jobs from a queue: it ends without leaving one half done.

    python examples/drain/plain_asyncio.py

Stop it with `kill -TERM`: the job under way is finished, those that wait stay in the queue, the hook runs in the same
loop, and the exit code is 0.
"""

import asyncio
import os

from lameduck import drain

JOBS = int(os.environ.get("JOBS", "100"))
JOB_S = float(os.environ.get("JOB_S", "1"))


async def worker(jobs: asyncio.Queue[int]) -> None:
    async for job in drain.until_stopping(jobs):
        async with drain.work(f"job {job}"):
            print("begin", job, flush=True)
            await asyncio.sleep(JOB_S)
            print("end", job, flush=True)


async def main() -> None:
    jobs: asyncio.Queue[int] = asyncio.Queue()
    for job in range(JOBS):
        jobs.put_nowait(job)
    connected = asyncio.get_running_loop()

    @drain.on_stop(within=2)
    async def flush() -> None:
        await asyncio.sleep(0)
        print("flushed", jobs.qsize(), asyncio.get_running_loop() is connected, flush=True)

    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(worker(jobs))


if __name__ == "__main__":
    asyncio.run(drain.program(main()))
