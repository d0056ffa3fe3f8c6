"""What is to be done before the end, in order, each with its share of the time that is left.

A hook runs after those it names in `after`; else the last registered runs first, as with contexts that are left. An
error in one never stops the next: it is told, and the others run.
"""

from __future__ import annotations

import contextlib
import inspect
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from lameduck.drain.hands import Hands

__all__ = ["Hook", "HookCycle", "HookRun", "Hooks", "in_order"]

WITHOUT_A_TIME_HAS_S = 5.0
"""What is kept back from the grace for a hook that names no time of its own. It gets more if there is more."""


class HookCycle(ValueError):
    """Hooks that are each to run after the other."""


@dataclass(frozen=True, slots=True)
class Hook:
    """One registered hook."""

    call: Callable[[], Any]
    name: str
    after: tuple[str, ...] = ()
    within_s: float | None = None
    at_once: bool = False
    """It runs when the stop begins, beside the lame duck, not when the work is done."""

    @property
    def is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.call)


@dataclass(frozen=True, slots=True)
class HookRun:
    """How one hook ended."""

    name: str
    took_s: float
    outcome: str
    """`done`, `failed` or `outlasted`."""
    error: str = ""


class Hooks:
    """All registered hooks, each of which is run once."""

    def __init__(self) -> None:
        self.registered: list[Hook] = []
        self.taken: list[Hook] = []
        self.lock = threading.Lock()

    def add(self, hook: Hook) -> None:
        """Raises HookCycle, and takes nothing in, where the order would have no beginning."""
        with self.lock:
            in_order([*self.registered, hook])
            self.registered.append(hook)

    def forked(self) -> None:
        """In a child: none has been run here, and the lock may be held by a thread that is not there any more."""
        self.lock = threading.Lock()
        self.taken.clear()

    def promised_s(self) -> float:
        """What has to be kept back from the grace for them, in seconds."""
        return sum(
            WITHOUT_A_TIME_HAS_S if hook.within_s is None else hook.within_s
            for hook in list(self.registered)
            if not hook.at_once
        )

    def any_at_once(self) -> bool:
        """Whether some are to run when the stop begins."""
        return any(hook.at_once for hook in list(self.registered))

    def take(self, *, at_once: bool = False) -> list[Hook]:
        """Those that nobody has taken yet, in the order in which they run; only those of the beginning if asked so."""
        with self.lock:
            left = [
                hook
                for hook in self.registered
                if (hook.at_once or not at_once) and not any(hook is taken for taken in self.taken)
            ]
            self.taken += left
        return in_order(left)

    def give_back(self, hooks: Sequence[Hook]) -> None:
        """Have them taken by somebody else."""
        with self.lock:
            self.taken = [hook for hook in self.taken if not any(hook is back for back in hooks)]


def in_order(hooks: Sequence[Hook]) -> list[Hook]:
    """The last registered first, each after those it names. Names that nobody has are waited for by nobody.

    Raises HookCycle.
    """
    left = list(reversed(hooks))
    ordered: list[Hook] = []
    while left:
        waiting = {hook.name for hook in left}
        ready = next((hook for hook in left if not waiting.intersection(hook.after)), None)
        if ready is None:
            names = ", ".join(sorted(waiting))
            raise HookCycle(f"These on_stop hooks wait for each other: {names}. Take one `after` away.")
        ordered.append(ready)
        left.remove(ready)
    return ordered


def share_s(hook: Hook, rest: Sequence[Hook], left_s: float) -> float:
    """How long a hook may run, in seconds: its own time; or what those behind it, who have one, do not need.

    Where the promises are more than what is left, all have the same part of theirs.
    """
    promised = sum(WITHOUT_A_TIME_HAS_S if other.within_s is None else other.within_s for other in rest)
    own = WITHOUT_A_TIME_HAS_S if hook.within_s is None else hook.within_s
    if promised + own > left_s:
        return left_s * own / (promised + own) if promised + own else 0.0
    return own if hook.within_s is not None else left_s - promised


def run_one(hook: Hook, within_s: float, hands: Hands, clock: Callable[[], float] = time.monotonic) -> HookRun:
    """Run a hook in a thread of its own, and wait for it for so long. What is to be awaited gets a loop of its own.

    Where there can be no more threads it runs in this one, and only the deadline of the whole stop bounds it.
    """
    result: list[BaseException | None] = []
    over = threading.Event()
    began = clock()

    def work() -> None:
        try:
            answer = hook.call()
            if inspect.isawaitable(answer):
                import asyncio

                async def waiting() -> None:
                    await asyncio.wait_for(answer, max(0.001, within_s - (clock() - began)))

                asyncio.run(waiting())
        except BaseException as error:  # SystemExit in a hook is an error of the hook
            result.append(error)
        else:
            result.append(None)
        finally:
            over.set()

    if hands.lend(work, f"lameduck on_stop {hook.name}"):
        over.wait(within_s)
    else:
        work()
    return ended(hook, clock() - began, within_s, result)


async def run_one_here(
    hook: Hook, within_s: float, hands: Hands, clock: Callable[[], float] = time.monotonic
) -> HookRun:
    """Run a hook in the running loop, where its connections live; one that is not async in a thread."""
    import asyncio

    began = clock()
    result: list[BaseException | None] = []
    if hook.is_async:
        task = asyncio.ensure_future(caught(hook.call, result))
        done, _ = await asyncio.wait({task}, timeout=within_s)
        if not done:
            task.cancel()
        elif task.cancelled():
            result.append(asyncio.CancelledError())
        return ended(hook, clock() - began, within_s, result)
    # Not by the loop's executor: calls that are stuck may have all of its threads.
    loop = asyncio.get_running_loop()
    arrived: asyncio.Future[HookRun] = loop.create_future()

    def work() -> None:
        run = run_one(hook, within_s, hands, clock)

        def arrive() -> None:
            if not arrived.done():
                arrived.set_result(run)

        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(arrive)

    if hands.lend(work, "lameduck hooks"):
        return await arrived
    return run_one(hook, within_s, hands, clock)


async def caught(call: Callable[[], Coroutine[Any, Any, object]], result: list[BaseException | None]) -> None:
    """SystemExit and KeyboardInterrupt would end the loop, not only the task."""
    try:
        await call()
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        result.append(error)
    else:
        result.append(None)


def ended(hook: Hook, took_s: float, within_s: float, result: list[BaseException | None]) -> HookRun:
    """How it ended, from what it left."""
    if not result:
        return HookRun(hook.name, took_s, "outlasted")
    error = result[0]
    if error is None:
        return HookRun(hook.name, took_s, "done")
    if isinstance(error, TimeoutError) and took_s >= within_s:
        return HookRun(hook.name, took_s, "outlasted")
    return HookRun(hook.name, took_s, "failed", f"{type(error).__name__}: {error}".rstrip(": "))
