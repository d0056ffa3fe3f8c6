"""The end of a stop: the hooks are run, once, by whoever comes first; the others wait for him.

Those who come are the server's own shutdown, `drain.finish()`, the interpreter's exit, and, when the time for work in
flight is over, the thread that keeps the time.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from lameduck.drain.hooks import run_one, run_one_here, share_s

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lameduck.drain.hands import Hands
    from lameduck.drain.hooks import Hook, HookRun, Hooks

__all__ = ["Cleaning"]

LOOKS_EVERY_S = 0.02


class Cleaning:
    """The running of the hooks."""

    def __init__(
        self,
        hooks: Hooks,
        hands: Hands,
        *,
        left_s: Callable[[], float],
        ended: Callable[[HookRun], None],
        over: Callable[[], None],
    ) -> None:
        self.hooks = hooks
        self.hands = hands
        self.left_s = left_s
        """Seconds to the deadline."""
        self.ended = ended
        """Told of each hook."""
        self.over = over
        """Called once, after the last."""
        self.turn = threading.Lock()
        self.done = threading.Event()
        self.running: dict[int, str] = {}
        """The hooks under way now, by identity."""
        self.at_once_are_done: threading.Event | None = None

    def begin(self) -> None:
        """The stop has begun: run those hooks that are for its beginning, beside everything else."""
        if self.hooks.any_at_once():
            self.at_once_are_done = done = threading.Event()

            def run() -> None:
                self.run(self.hooks.take(at_once=True))
                done.set()

            if not self.hands.lend(run, "lameduck hooks"):
                done.set()  # they are among the others, then

    def run(self, hooks: list[Hook]) -> None:
        for at, hook in enumerate(hooks):
            with self.under_way(hook, hooks[at + 1 :]) as within_s:
                run = run_one(hook, within_s, self.hands)
            self.ended(run)

    @contextlib.contextmanager
    def under_way(self, hook: Hook, rest: list[Hook]) -> Iterator[float]:
        """While a hook runs it is named; the time it has. If it takes its caller along, the rest is run by the next."""
        self.running[id(hook)] = hook.name
        try:
            yield share_s(hook, rest, self.left_s())
        except BaseException:
            self.hooks.give_back(rest)
            raise
        finally:
            del self.running[id(hook)]

    def run_all(self) -> None:
        """Blocks until the hooks have run, or until the deadline."""
        if not self.turn.acquire(blocking=False):
            self.done.wait(self.left_s())
            return
        try:
            while hooks := self.hooks.take():  # some may be registered meanwhile
                self.run(hooks)
            if self.at_once_are_done is not None:
                self.at_once_are_done.wait(self.left_s())
        except BaseException:
            self.turn.release()  # somebody's signal handler raised: whoever comes next goes on
            raise
        self.end()

    async def run_all_here(self) -> None:
        """The same in a running loop: async hooks run in it."""
        if not self.turn.acquire(blocking=False):
            await self.waiting_for(self.done)
            return
        try:
            while hooks := self.hooks.take():
                for at, hook in enumerate(hooks):
                    with self.under_way(hook, hooks[at + 1 :]) as within_s:
                        run = await run_one_here(hook, within_s, self.hands)
                    self.ended(run)
            if self.at_once_are_done is not None:
                await self.waiting_for(self.at_once_are_done)
        except BaseException:
            self.turn.release()  # cancelled: what is left is run at the interpreter's exit
            raise
        self.end()

    async def waiting_for(self, event: threading.Event) -> None:
        import asyncio

        while not event.is_set() and self.left_s() > 0:  # noqa: ASYNC110 - it is set in a thread
            await asyncio.sleep(LOOKS_EVERY_S)

    def end(self) -> None:
        self.over()
        self.done.set()
