"""Dramatiq: `drain.dramatiq(broker)`, once, where the broker is made.

On SIGTERM its worker processes finish their messages, for ten minutes at most; what is killed with the pod is found by
another worker when the heartbeat has been missed for a minute (Redis). With this line a message has the time of the
grace; then it is put back into its queue, and the worker process leaves at once.

A thread cannot be ended, only its process. Read with Dramatiq 1.17 to 2.2.
"""

from __future__ import annotations

import os
from queue import Empty
from typing import TYPE_CHECKING, Any

from lameduck import drain
from lameduck.drain.hooks import Hook
from lameduck.drain.once import first_time
from lameduck.drain.server import Signalled

if TYPE_CHECKING:
    from lameduck.drain.works import Work

__all__ = ["dramatiq"]

GIVES_BACK_WITHIN_S = 2.0
CONSUMERS_END_WITHIN_S = 1.0


def dramatiq(broker: Any) -> None:
    """Have the broker's workers end within the grace, and give back what they cannot finish."""
    from dramatiq import Middleware

    if not first_time(broker):
        return

    class Draining(Middleware):
        def after_process_boot(self, _broker: Any) -> None:
            self.messages = Messages()

        def before_worker_boot(self, _broker: Any, worker: Any) -> None:
            if hasattr(self, "messages"):  # not where tests run a worker of their own
                self.messages.worker = worker
                self.messages.stand()

        def before_process_message(self, _broker: Any, message: Any) -> None:
            if hasattr(self, "messages"):
                self.messages.begin(message)

        def after_process_message(
            self,
            _broker: Any,
            message: Any,
            *,
            result: object = None,  # noqa: ARG002
            exception: BaseException | None = None,  # noqa: ARG002
        ) -> None:
            if hasattr(self, "messages"):
                self.messages.end(message)

        def after_skip_message(self, broker: Any, message: Any) -> None:
            self.after_process_message(broker, message)

        def after_worker_shutdown(self, _broker: Any, _worker: Any) -> None:
            if hasattr(self, "messages"):
                drain.finish()  # a process of multiprocessing leaves without atexit

    broker.add_middleware(Draining())


class DramatiqWorker(Signalled):
    """One worker process. Its own handler stops it; messages whose time is over make it leave."""

    name = "dramatiq"

    def hurry(self) -> None:
        """Nothing: see above."""


class Messages:
    """What the threads of this worker process are busy with."""

    def __init__(self) -> None:
        self.process = drain.here()
        self.worker: Any = None
        self.works: dict[str, tuple[Work, Any]] = {}
        self.cut: dict[str, Any] = {}
        self.leaving = False

    def stand(self) -> None:
        """In front of the handlers, which the worker process has installed by now."""
        process = self.process
        process.has_clients = lambda: False
        process.stand()
        assert process.interposed is not None
        process.server = DramatiqWorker(process.interposed)
        before = tuple(hook.name for hook in process.hooks.registered)
        process.hooks.add(Hook(self.give_back, "give messages back", before, GIVES_BACK_WITHIN_S))

    def begin(self, message: Any) -> None:
        work = drain.work(f"{message.actor_name} {message.message_id}")
        work.on_cancel = lambda: self.time_is_over(message)
        self.works[message.message_id] = work, message
        work.__enter__()

    def end(self, message: Any) -> None:
        found = self.works.pop(message.message_id, None)
        if found is not None:
            found[0].__exit__(None, None, None)

    def time_is_over(self, message: Any) -> None:
        self.cut[message.message_id] = message
        if not self.leaving:
            self.leaving = True
            self.process.hands.lend(self.leave, "lameduck leaving")

    def leave(self) -> None:
        """The threads go on until the process ends: give their messages back last, and end it."""
        self.process.finish()
        self.process.flush()
        os._exit(self.process.exit_code)

    def give_back(self) -> None:
        """Put back what was cut, and what was fetched ahead; without a cut the worker has done so."""
        if not self.cut:
            return
        consumers = self.worker.consumers
        for consumer in consumers.values():
            consumer.stop()
        for consumer in consumers.values():
            consumer.join(CONSUMERS_END_WITHIN_S)
        for message in [*self.cut.values(), *fetched_ahead(self.worker.work_queue)]:
            consumers[message.queue_name].requeue_messages([message])
            found = self.works.pop(message.message_id, None)
            if found is not None:
                found[0].__exit__(None, None, None)
                self.process.given_back(found[0].name)


def fetched_ahead(queue: Any) -> list[Any]:
    """The messages that no thread has begun."""
    found = []
    while True:
        try:
            found.append(queue.get_nowait().message)
        except Empty:
            return found
