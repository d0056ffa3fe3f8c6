"""The stop as a flag, an event and something to await; and loops over queues that end with it."""

from __future__ import annotations

import asyncio
import queue
import random
import threading

import pytest

from lameduck.drain.stop_event import Stopping, until_stopping, until_stopping_async

LONG_S = 30.0


def test_the_flag_is_false_while_serving_and_true_from_the_stop_on() -> None:
    stopping = Stopping()
    assert not stopping
    assert not stopping.is_set()
    assert not stopping.wait(0.001)

    stopping.begin()
    assert stopping
    assert stopping.is_set()
    assert stopping.wait()
    stopping.take_back()
    assert not stopping


def test_the_stop_wakes_threads_and_tasks_of_every_loop() -> None:
    stopping = Stopping()
    woken: list[object] = []
    ready = threading.Barrier(9)

    def wait() -> None:
        ready.wait()
        woken.append(stopping.wait(LONG_S))

    async def main() -> None:
        async def one() -> None:
            woken.append(await stopping)

        tasks = [asyncio.ensure_future(one()) for _ in range(3)]
        await asyncio.sleep(0)
        ready.wait()
        await asyncio.gather(*tasks)

    threads = [threading.Thread(target=wait) for _ in range(4)]
    threads += [threading.Thread(target=lambda: asyncio.run(main())) for _ in range(4)]
    for thread in threads:
        thread.start()
    ready.wait()
    stopping.begin()
    for thread in threads:
        thread.join(LONG_S)
    assert woken == [True] * (4 + 4 * 3)
    assert stopping.callbacks == {}


def test_awaiting_after_the_stop_returns_at_once() -> None:
    stopping = Stopping()
    stopping.begin()

    async def main() -> bool:
        return await asyncio.wait_for(stopping.arrival(), LONG_S)

    assert asyncio.run(main())


def test_whoever_no_longer_waits_is_forgotten() -> None:
    stopping = Stopping()

    async def main() -> None:
        task = asyncio.ensure_future(stopping.arrival())
        await asyncio.sleep(0)
        assert len(stopping.callbacks) == 1
        task.cancel()
        await asyncio.wait({task})

    asyncio.run(main())
    assert stopping.callbacks == {}


def test_a_loop_that_was_closed_while_somebody_waited_does_not_stop_the_stop() -> None:
    stopping = Stopping()
    loop = asyncio.new_event_loop()
    task = loop.create_task(stopping.arrival())
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()

    stopping.begin()
    assert stopping
    task._log_destroy_pending = False  # type: ignore[attr-defined] # it is destroyed pending: that is the test
    coroutine = task.get_coro()
    assert coroutine is not None
    coroutine.close()


def test_no_stop_falls_between_looking_and_waiting() -> None:
    for _ in range(300):
        stopping = Stopping()

        async def main(stopping: Stopping = stopping) -> None:
            await asyncio.wait_for(stopping.arrival(), LONG_S)

        thread = threading.Thread(target=stopping.begin)
        thread.start()
        asyncio.run(main())
        thread.join()


# Queues: every item is either worked on, or still there.


def test_a_queues_loop_ends_with_the_stop_and_leaves_what_it_has_not_taken() -> None:
    for kind in (queue.Queue, queue.LifoQueue, queue.SimpleQueue):
        stopping = Stopping()
        source: queue.Queue[int] = kind()  # type: ignore[assignment]
        for at in range(10):
            source.put(at)
        done = []
        for item in until_stopping(stopping, source):
            done.append(item)
            if len(done) == 3:
                stopping.begin()

        assert len(done) == 3
        assert source.qsize() == 7


def test_an_empty_queues_loop_ends_with_the_stop() -> None:
    stopping = Stopping()
    source: queue.Queue[int] = queue.Queue()
    thread = threading.Thread(target=lambda: list(until_stopping(stopping, source)))
    thread.start()
    stopping.begin()
    thread.join(LONG_S)

    assert not thread.is_alive()


def test_threads_lose_no_item_of_a_queue_and_take_none_twice() -> None:
    stopping = Stopping()
    source: queue.Queue[int] = queue.Queue(maxsize=5)
    taken: list[int] = []
    put: list[int] = []

    def take() -> None:
        taken.extend(until_stopping(stopping, source))

    def fill() -> None:
        for at in range(100_000):
            while not stopping:
                try:
                    source.put(at, timeout=0.01)
                except queue.Full:
                    continue
                put.append(at)
                break
            if at == 2_000:
                stopping.begin()

    threads = [threading.Thread(target=take) for _ in range(6)] + [threading.Thread(target=fill)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG_S)
    left = [source.get_nowait() for _ in range(source.qsize())]
    assert sorted([*taken, *left]) == put


def test_an_asyncio_queues_loop_ends_with_the_stop_and_keeps_the_order() -> None:
    async def main() -> None:
        stopping = Stopping()
        source: asyncio.Queue[int] = asyncio.Queue(maxsize=10)
        for at in range(10):
            source.put_nowait(at)
        done = []
        async for item in until_stopping_async(stopping, source):
            done.append(item)
            source.task_done()
            if len(done) == 3:
                stopping.begin()
        assert done == [0, 1, 2]
        assert [source.get_nowait() for _ in range(7)] == list(range(3, 10))
        for _ in range(7):
            source.task_done()
        await asyncio.wait_for(source.join(), LONG_S)

    asyncio.run(main())


def test_a_stop_from_another_thread_ends_the_waiting_of_an_asyncio_queues_loop() -> None:
    stopping = Stopping()

    async def main() -> list[int]:
        source: asyncio.Queue[int] = asyncio.Queue()
        thread = threading.Thread(target=stopping.begin)
        asyncio.get_running_loop().call_later(0.01, thread.start)
        found = [item async for item in until_stopping_async(stopping, source)]
        thread.join()
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        return found

    assert asyncio.run(main()) == []
    assert stopping.callbacks == {}


@pytest.mark.parametrize("seed", range(20))
def test_tasks_lose_no_item_whoever_cancels_them_and_whenever_the_stop_comes(seed: int) -> None:
    chance = random.Random(seed)

    async def main() -> None:
        stopping = Stopping()
        source: asyncio.Queue[int] = asyncio.Queue(maxsize=chance.choice([0, 1, 3]))
        taken: list[int] = []
        put: list[int] = []

        async def take() -> None:
            async for item in until_stopping_async(stopping, source):
                taken.append(item)
                for _ in range(chance.randrange(3)):
                    await asyncio.sleep(0)

        async def fill() -> None:
            for at in range(10_000):
                try:
                    source.put_nowait(at)
                except asyncio.QueueFull:
                    await asyncio.sleep(0)
                else:
                    put.append(at)
                for _ in range(chance.randrange(4)):
                    await asyncio.sleep(0)

        filling = asyncio.ensure_future(fill())
        taking = [asyncio.ensure_future(take()) for _ in range(4)]
        for _ in range(chance.randrange(50, 300)):
            if chance.random() < 0.2:
                at = chance.randrange(len(taking))
                taking[at].cancel()
                taking.append(asyncio.ensure_future(take()))
            await asyncio.sleep(0)
        stopping.begin()
        filling.cancel()
        for task in taking:
            if chance.random() < 0.3:
                task.cancel()
        await asyncio.wait([filling, *taking])
        left = [source.get_nowait() for _ in range(source.qsize())]
        assert sorted([*taken, *left]) == put
        assert left == sorted(left)
        assert all(task.cancelled() or task.exception() is None for task in taking)

    asyncio.run(main())
