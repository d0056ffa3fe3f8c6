"""arq: `drain.arq(WorkerSettings)`, once, where the settings are; `@drain.arq` in front of the class does as well.

On SIGTERM arq cancels its jobs at once, however short they are, and another worker runs them again from the start. With
job_completion_wait it waits for them, and takes no new ones meanwhile: here that time comes from the grace. A job that
still runs then is cancelled and stays in its queue (retry_jobs, arq's default), where the next worker finds it. That
counts as one of its max_tries, as any try does.

Read with arq 0.28. It looks at its queue, and at what it has, twice a second.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from lameduck import drain
from lameduck.drain.once import first_time
from lameduck.drain.server import Signalled

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lameduck.drain.works import Work

    Notice = Callable[[dict[str, Any]], Awaitable[None]]

__all__ = ["arq"]

LONGEST_S = 1_000_000


class ArqWorker(Signalled):
    """arq's own handler stops fetching. Jobs whose time is over are cancelled one by one, and then it leaves."""

    name = "arq"

    def hurry(self) -> None:
        """Nothing: see above."""


def arq(settings: Any) -> Any:
    """Have the workers of these settings end within the grace; the same settings.

    Sets job_completion_wait, and calls the on_startup, on_shutdown, on_job_start and after_job_end that were there.
    """
    if not first_time(settings):
        return settings
    works: dict[str, Work] = {}
    cut: set[str] = set()

    async def on_startup() -> None:
        process = drain.here()
        process.has_clients = lambda: False
        process.stand()
        assert process.interposed is not None
        process.server = ArqWorker(process.interposed, signal.SIGTERM)

    async def on_job_start(job: str) -> None:
        work = works[job] = drain.work(f"job {job}")
        await work.__aenter__()  # it cancels this task when its time is over, as arq's own handler does
        cancel = work.on_cancel

        def end() -> None:
            cut.add(job)
            if callable(cancel):
                cancel()

        work.on_cancel = end

    async def after_job_end(job: str) -> None:
        works.pop(job).__exit__(None, None, None)
        if job in cut and getattr(settings, "retry_jobs", True):
            drain.here().given_back(f"job {job}")

    async def on_shutdown() -> None:
        await drain.here().finish_here()

    def also(name: str, ours: Callable[[], Awaitable[None]]) -> None:
        theirs: Notice | None = getattr(settings, name, None)

        async def both(context: dict[str, Any]) -> None:
            await ours()
            if theirs is not None:
                await theirs(context)

        setattr(settings, name, both)

    def also_of_job(name: str, ours: Callable[[str], Awaitable[None]]) -> None:
        theirs: Notice | None = getattr(settings, name, None)

        async def both(context: dict[str, Any]) -> None:
            await ours(context["job_id"])
            if theirs is not None:
                await theirs(context)

        setattr(settings, name, both)

    settings.job_completion_wait = LONGEST_S  # the stop's own clock is shorter
    also("on_startup", on_startup)
    also("on_shutdown", on_shutdown)
    also_of_job("on_job_start", on_job_start)
    also_of_job("after_job_end", after_job_end)
    return settings
