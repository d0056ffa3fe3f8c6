"""Celery: `drain.celery(app)`, once, where the app is made.

On SIGTERM a worker stops fetching and waits for its tasks for ever (warm shutdown): what takes longer than the grace is
killed with the pod. By default it has been acknowledged when it began, so nobody runs it again. Celery can do better
if worker_soft_shutdown_timeout, REMAP_SIGTERM=SIGQUIT and acks_late are all set, but then sleeps for the whole of that
timeout, even if its tasks are done after a second.

With this line: the same warm shutdown at once, up to the time that the grace leaves. Then Celery's own cold shutdown
(SIGQUIT) where tasks run in processes; threads cannot be ended, so the process is. In both cases what was not finished
is back in its queue before the process ends. Tasks are acknowledged when they are done (task_acks_late): a task that
must never be begun twice says `acks_late=False` itself, and is named as unfinished when it is cut.

Read with Celery 5.6. RabbitMQ gives unacknowledged messages back by itself when the connection ends; Redis does not
before its visibility timeout, an hour, so kombu is made to put them back.

A warm shutdown forgets the tasks that a child has got and not yet said so: the child runs them, waits for half a minute
because nobody hears of it, and their messages are given back although they are done. So fetching is stopped first, and
the signal let through when every task that was handed out is known to have begun.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any, NoReturn

from lameduck.drain import here
from lameduck.drain.hooks import Hook
from lameduck.drain.once import first_time

if TYPE_CHECKING:
    from lameduck.drain.process import Process

__all__ = ["celery"]

GIVES_BACK_WITHIN_S = 2.0
SETTLES_WITHIN_S = 3.0
"""Without an event loop, Celery looks at what it is to do every two seconds."""
LOOKS_EVERY_S = 0.02


def celery(app: Any) -> None:
    """Have the app's workers end within the grace, and give back what they cannot finish.

    Sets task_acks_late and task_reject_on_worker_lost; both can be set otherwise, afterwards or for a single task.
    """
    from celery import bootsteps
    from celery.signals import worker_shutdown

    if not first_time(app):
        return
    app.conf.task_acks_late = True
    app.conf.task_reject_on_worker_lost = True

    class Draining(bootsteps.StartStopStep):  # type: ignore[misc]
        """Between the pool and the consumer: started when Celery's signal handlers are there, stopped when nothing is
        fetched any more (docs: Extensions and Bootsteps)."""

        requires = ("celery.worker.components:Pool",)

        def start(self, parent: Any) -> None:
            process = here()
            process.has_clients = lambda: False
            self.worker = CeleryWorker(process, parent)
            process.stand(self.worker)

        def register_with_event_loop(self, _parent: Any, hub: Any) -> None:
            self.worker.wake_with(hub)

        def stop(self, parent: Any) -> None:
            executor = getattr(parent.pool, "executor", None)
            if executor is not None:
                # Threads: what was fetched ahead has not begun, and is given back. Processes do so by themselves.
                executor.shutdown(wait=False, cancel_futures=True)
            self.worker.waits_for_pool.set()

    app.steps["worker"].add(Draining)
    worker_shutdown.connect(finish, weak=False)


def finish(**_of_the_signal: object) -> None:
    here().finish()


class CeleryWorker:
    """One celery worker, the main process of its pool."""

    name = "celery"

    def __init__(self, process: Process, worker: Any) -> None:
        self.process = process
        self.worker = worker
        self.cut: dict[str, Any] = {}
        """Requests whose time was over, by id."""
        self.given_back: set[str] = set()
        self.read_end, self.write_end = os.pipe()
        """Wakes Celery's event loop, which would else look only once a second."""
        for end in (self.read_end, self.write_end):
            os.set_blocking(end, False)
        self.has_loop = False
        self.fetches = True
        self.stopped = threading.Event()
        """Whether Celery has been told to stop."""
        self.waits_for_pool = threading.Event()
        """Whether the main thread has nothing else to do any more."""
        self.going = False
        """Whether tasks are being cut."""
        process.works.elsewhere.append(self.tasks)
        before = tuple(hook.name for hook in process.hooks.registered)
        process.hooks.add(Hook(self.give_back, "give tasks back", before, GIVES_BACK_WITHIN_S))

    # What the core asks.

    def stop(self) -> None:
        self.process.hands.lend(self.stop_warmly, "lameduck celery")

    def hurry(self) -> None:
        for task in self.tasks():
            task.cancel()

    def tasks(self) -> list[Task]:
        """What the pool is busy with. Celery keeps the account."""
        return [Task(self, request) for request in listed(self.worker.state.active_requests) if self.has(request)]

    def has(self, request: Any) -> bool:
        return request.id not in self.given_back

    # The warm shutdown.

    def wake_with(self, hub: Any) -> None:
        """Whenever the loop begins anew, after a lost connection too."""
        self.has_loop = True
        hub.add_reader(self.read_end, self.woken)

    def wake(self) -> None:
        with contextlib.suppress(OSError):  # full: it is awake anyway
            os.write(self.write_end, b"!")

    def woken(self) -> None:
        with contextlib.suppress(OSError):
            os.read(self.read_end, 64)
        self.fetch_no_more()

    def stop_warmly(self) -> None:
        if self.has_loop:
            self.wake()
        else:
            self.worker.consumer.call_soon(self.fetch_no_more)
        ends = time.monotonic() + SETTLES_WITHIN_S
        while time.monotonic() < ends and (self.fetches or self.is_handing_out()):
            time.sleep(LOOKS_EVERY_S)
        assert self.process.interposed is not None
        self.process.interposed.let_through(signal.SIGTERM)
        self.wake()
        self.stopped.set()

    def fetch_no_more(self) -> None:
        """In the main thread, which may be busy: a solo pool's task runs there."""
        if not self.fetches:
            return
        if self.worker.consumer.task_consumer is not None:
            self.worker.consumer.task_consumer.cancel()
        if self.worker.semaphore is not None:
            self.worker.semaphore.clear()  # what was fetched ahead stays unacknowledged, and is given back
        self.fetches = False

    def is_handing_out(self) -> bool:
        """Whether a child has got a task, and the main process does not know yet."""
        state = self.worker.state
        begun = set(listed(state.active_requests))
        return any(
            request._apply_result is not None and request.id in state.requests and request not in begun
            for request in listed(state.reserved_requests)
            if self.is_in_processes()
        )

    # When the time is over.

    def end(self, request: Any) -> None:
        """Any thread. All tasks end together."""
        self.cut[request.id] = request
        if not self.going:
            self.going = True
            self.process.hands.lend(self.end_all, "lameduck leaving")

    def end_all(self) -> None:
        # Not before Celery has stopped: it would fetch again what it gives back.
        if not self.is_in_processes():
            if hasattr(self.worker.pool, "executor"):
                self.waits_for_pool.wait(SETTLES_WITHIN_S)
            self.leave()
        self.stopped.wait(SETTLES_WITHIN_S)
        self.worker.app.conf.worker_soft_shutdown_timeout = 0  # they have been waited for long enough
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, signal.SIGQUIT)

    def is_in_processes(self) -> bool:
        """Whether its tasks can be ended without the process."""
        return any(kind.__module__ == "celery.concurrency.prefork" for kind in type(self.worker.pool).__mro__)

    def leave(self) -> NoReturn:
        """Threads go on with their tasks until the process ends: give them back last, and end it."""
        self.process.finish()
        self.process.flush()
        os._exit(self.process.exit_code)

    def give_back(self) -> None:
        """Put unacknowledged messages back into their queues, unless the worker has done so."""
        consumer = self.worker.consumer.task_consumer
        if self.cut and consumer is not None:
            if self.waits_for_pool.is_set():
                # The whole channel: with Redis it has asked for another message, which would come and be lost.
                consumer.channel.close()
            elif hasattr(consumer.channel, "qos"):
                # A solo pool's main thread is in a task, and so in the midst of reading from the channel.
                consumer.channel.qos.restore_unacked_once()
        for request in list(self.cut.values()):
            if request.task.acks_late:
                self.given_back.add(request.id)
                self.process.given_back(Task(self, request).name)


def listed(requests: Any) -> list[Any]:
    """The members of one of Celery's weak sets, which the main thread may change just now."""
    while True:
        try:
            return list(requests)
        except RuntimeError:
            continue


class Task:
    """A task in flight, as Celery's request tells of it."""

    __slots__ = ("request", "since", "worker")

    endless = False

    def __init__(self, worker: CeleryWorker, request: Any) -> None:
        self.worker = worker
        self.request = request
        began = request.time_start  # on the wall clock
        self.since = time.monotonic() - (time.time() - began if began else 0.0)

    @property
    def name(self) -> str:
        return f"{self.request.name} {self.request.id}"

    def cancel(self) -> None:
        self.worker.end(self.request)
