"""The account of work in flight, hammered."""

from __future__ import annotations

import asyncio
import random
import sys
import threading

import pytest

from lameduck.drain.works import Work, Works


def test_work_is_in_flight_as_long_as_its_block_whatever_ends_it() -> None:
    works = Works()
    with Work(works, "job 17") as work:
        assert [one.name for one in works.listed()] == ["job 17"]
        assert work.since > 0
    assert len(works) == 0
    for error in (ValueError, KeyboardInterrupt, SystemExit, GeneratorExit):
        with pytest.raises(error), Work(works, "job 18"):
            raise error
    assert len(works) == 0


def test_the_oldest_comes_first_and_streams_are_not_waited_for() -> None:
    works = Works()
    with Work(works, "old"), Work(works, "stream", endless=True), Work(works, "new"):
        assert [one.name for one in works.listed()] == ["old", "stream", "new"]
        assert [one.name for one in works.finite()] == ["old", "new"]


def test_the_same_name_twice_is_two_pieces_of_work() -> None:
    works = Works()
    with Work(works, "job"), Work(works, "job"):
        assert len(works) == 2


def test_threads_that_come_and_go_are_counted_exactly() -> None:
    works = Works()
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    wrong: list[str] = []
    all_in, all_out = threading.Barrier(9), threading.Barrier(9)

    def work(seed: int) -> None:
        chance = random.Random(seed)
        for at in range(2_000):
            try:
                with Work(works, f"{seed}/{at}"):
                    if chance.random() < 0.3:
                        raise ValueError
            except ValueError:
                continue
        with Work(works, f"{seed}/last"):
            all_in.wait()
            all_out.wait()

    def look() -> None:
        while not all_in.broken and all_in.n_waiting < 8:
            found = works.listed()
            if len(found) > 8 or len({one.name.split("/")[0] for one in found}) != len(found):
                wrong.append(str([one.name for one in found]))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    try:
        for thread in threads:
            thread.start()
        look()
        all_in.wait()
        assert len(works) == 8
        all_out.wait()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert wrong == []
    assert works.all == {}


def test_tasks_that_are_cancelled_or_fail_at_any_moment_are_counted_exactly() -> None:
    works = Works()
    inside = 0

    async def work(seed: int) -> None:
        nonlocal inside
        async with Work(works, str(seed)):
            inside += 1
            try:
                for _ in range(seed % 7):
                    await asyncio.sleep(0)
                if seed % 5 == 0:
                    raise ValueError
            finally:
                inside -= 1

    async def main() -> None:
        chance = random.Random(7)
        tasks = [asyncio.ensure_future(work(seed)) for seed in range(1_000)]
        while not all(task.done() for task in tasks):
            chance.choice(tasks).cancel()
            await asyncio.sleep(0)
            assert len(works) == inside
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())
    assert works.all == {}


def test_a_task_whose_time_is_over_is_cancelled_from_any_thread() -> None:
    works = Works()

    async def main() -> None:
        ready = asyncio.Event()

        async def work() -> None:
            async with Work(works, "job"):
                ready.set()
                await asyncio.sleep(60)

        task = asyncio.ensure_future(work())
        await ready.wait()
        (one,) = works.listed()
        thread = threading.Thread(target=one.cancel)
        thread.start()
        await asyncio.wait({task})
        thread.join()
        assert task.cancelled()

    asyncio.run(main())
    assert works.all == {}


def test_work_that_was_left_is_not_cancelled_any_more() -> None:
    works = Works()
    work = Work(works, "job")

    async def main() -> None:
        async with work:
            pass
        work.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(main())
    work.cancel()  # the loop is closed
