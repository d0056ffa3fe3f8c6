"""What is to be done before the end, in order, each with its share of the time that is left.

A hook runs after those it names in `after`; else the last registered runs first, as with contexts that are left. An
error in one never stops the next: it is told, and the others run.
"""

from __future__ import annotations

import inspect
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
    """`done`, `failed`, `outlasted` or `skipped`."""
    error: str = ""


class Hooks:
    """All registered hooks."""

    def __init__(self) -> None:
        self.registered: list[Hook] = []

    def add(self, hook: Hook) -> None:
        """Raises HookCycle, and takes nothing in, where the order would have no beginning."""
        in_order([*self.registered, hook])
        self.registered.append(hook)

    def promised_s(self) -> float:
        """What has to be kept back from the grace for them, in seconds."""
        return sum(
            WITHOUT_A_TIME_HAS_S if hook.within_s is None else hook.within_s
            for hook in self.registered
            if not hook.at_once
        )

    def at_the_end(self) -> list[Hook]:
        """In the order in which they run."""
        return in_order([hook for hook in self.registered if not hook.at_once])

    def at_once(self) -> list[Hook]:
        """Those of the beginning, in their order."""
        return in_order([hook for hook in self.registered if hook.at_once])


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


def run_one(hook: Hook, within_s: float, clock: Callable[[], float] = time.monotonic) -> HookRun:
    """Run a hook in a thread of its own, and wait for it for so long. An async one gets a loop of its own."""
    import threading

    result: list[BaseException | None] = []
    began = clock()

    def work() -> None:
        try:
            if hook.is_async:
                import asyncio

                asyncio.run(asyncio.wait_for(hook.call(), within_s))
            else:
                hook.call()
        except BaseException as error:  # SystemExit in a hook is an error of the hook
            result.append(error)
        else:
            result.append(None)

    thread = threading.Thread(target=work, name=f"lameduck on_stop {hook.name}", daemon=True)
    thread.start()
    thread.join(within_s)
    return ended(hook, clock() - began, result)


async def run_one_here(hook: Hook, within_s: float, clock: Callable[[], float] = time.monotonic) -> HookRun:
    """Run a hook in the running loop, where its connections live; a sync one in a thread."""
    import asyncio

    began = clock()
    if not hook.is_async:
        return await asyncio.get_running_loop().run_in_executor(None, run_one, hook, within_s, clock)
    result: list[BaseException | None] = []
    task = asyncio.ensure_future(hook.call())
    done, _ = await asyncio.wait({task}, timeout=within_s)
    if done:
        result.append(asyncio.CancelledError() if task.cancelled() else task.exception())
    else:
        task.cancel()
    return ended(hook, clock() - began, result)


def ended(hook: Hook, took_s: float, result: list[BaseException | None]) -> HookRun:
    """How it ended, from what it left."""
    if not result:
        return HookRun(hook.name, took_s, "outlasted")
    error = result[0]
    if error is None:
        return HookRun(hook.name, took_s, "done")
    if isinstance(error, TimeoutError) and hook.is_async and took_s > 0:
        return HookRun(hook.name, took_s, "outlasted")
    return HookRun(hook.name, took_s, "failed", f"{type(error).__name__}: {error}".rstrip(": "))
