"""RQ: `rq worker --worker-class lameduck.drain.workers.rq.Worker`, without a line of code; or draining(YourWorker).

On SIGTERM a worker waits for its job for ever (warm shutdown). With the pod both are killed: the job stays in the
registry of started ones until its heartbeat is missed, and then becomes a failed one. With this class the job has the
time of the grace; then its process is ended, and the job is the first of its queue again.

For workers that run each job in a process of its own: Worker and SpawnWorker, not SimpleWorker. Read with RQ 2 and 3.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from typing import TYPE_CHECKING, Any

from lameduck import drain
from lameduck.drain.hooks import Hook
from lameduck.drain.server import Signalled

if TYPE_CHECKING:
    from types import FrameType

    Worker: Any

__all__ = ["Worker", "draining"]

LEAVES_WITHIN_S = 2.0


def __getattr__(name: str) -> Any:
    if name == "Worker":
        import rq

        worker = globals()["Worker"] = draining(rq.Worker)
        return worker
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class RqWorker(Signalled):
    """RQ's own handler asks for the warm shutdown. A job whose time is over is ended, and then the worker leaves."""

    name = "rq"

    def hurry(self) -> None:
        """Nothing: see above."""


def draining(base: Any) -> Any:
    """A worker class that ends within the grace, made of another."""

    class Draining(base):  # type: ignore[misc]
        cut: str | None = None
        """The job whose time was over."""
        has_left: threading.Event

        def _install_signal_handlers(self) -> None:
            super()._install_signal_handlers()
            process = drain.here()
            process.has_clients = lambda: False
            process.stand()
            assert process.interposed is not None
            process.server = RqWorker(process.interposed)
            # It keeps time back for it: the worker unsubscribes, and takes itself out of Redis.
            self.has_left = threading.Event()
            process.hooks.add(Hook(self.has_left.wait, "leave the queue", (), LEAVES_WITHIN_S))

        def teardown(self) -> None:
            super().teardown()
            self.has_left.set()

        def execute_job(self, job: Any, queue: Any) -> None:
            work = drain.work(f"job {job.func_name} {job.id}")
            work.on_cancel = lambda: self.end_horse(job.id)
            with work:
                super().execute_job(job, queue)

        def end_horse(self, job: str) -> None:
            """End the process of the job. Any thread; the main thread waits for that process.

            RQ's kill_horse ends the worker's own group when the process has just been waited for, or just been forked.
            """
            process = self.horse_pid
            if not process or self.cut is not None:
                return
            self.cut = job
            with contextlib.suppress(ProcessLookupError):
                group = os.getpgid(process)
                if group == process:
                    os.killpg(group, signal.SIGKILL)
                else:
                    os.kill(process, signal.SIGKILL)

        def request_force_stop(self, _signum: int, _frame: FrameType | None) -> None:
            """A second signal. RQ would leave the job in the registry of started ones."""
            for work in drain.here().works.finite():
                work.cancel()

        def handle_job_failure(self, job: Any, *arguments: Any, **named: Any) -> None:
            super().handle_job_failure(job, *arguments, **named)
            if job.id == self.cut:
                # If it has retries of its own, it is in its queue by now.
                if job.get_status(refresh=True) == "failed":
                    job.requeue(at_front=True)
                drain.here().given_back(f"job {job.func_name} {job.id}")

    Draining.__name__ = Draining.__qualname__ = base.__name__
    return Draining
