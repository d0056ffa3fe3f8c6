"""The order of hooks, their share of the time, and how each can end."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lameduck.drain.cleaning import Cleaning
from lameduck.drain.hands import Hands
from lameduck.drain.hooks import Hook, HookCycle, HookRun, Hooks, in_order, run_one, run_one_here, share_s

NEVER_S = 30.0
"""What a hook that is not waited for would take."""


def nothing() -> None:
    pass


def hook(name: str, *after: str, within: float | None = None, at_once: bool = False) -> Hook:
    return Hook(nothing, name, after, within, at_once)


def names(hooks: list[Hook]) -> list[str]:
    return [one.name for one in hooks]


def test_the_last_registered_runs_first() -> None:
    assert names(in_order([hook("a"), hook("b"), hook("c")])) == ["c", "b", "a"]


def test_a_hook_runs_after_those_it_names_whenever_they_were_registered() -> None:
    assert names(in_order([hook("flush"), hook("commit"), hook("close", "flush", "commit")])) == [
        "commit",
        "flush",
        "close",
    ]
    assert names(in_order([hook("close", "flush"), hook("flush")])) == ["flush", "close"]


def test_a_name_that_nobody_has_is_waited_for_by_nobody() -> None:
    assert names(in_order([hook("close", "flush"), hook("leave")])) == ["leave", "close"]


def test_all_hooks_of_a_name_are_waited_for() -> None:
    assert names(in_order([hook("pool"), hook("close", "pool"), hook("pool")])) == ["pool", "pool", "close"]


def test_a_cycle_is_refused_and_nothing_is_taken_in() -> None:
    hooks = Hooks()
    hooks.add(hook("a", "b"))

    with pytest.raises(HookCycle, match=r"wait for each other: a, b\. Take one `after` away"):
        hooks.add(hook("b", "a"))
    with pytest.raises(HookCycle):
        hooks.add(hook("c", "c"))
    assert names(hooks.take()) == ["a"]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.lists(st.sampled_from("abcde"), max_size=2)), max_size=6))
def test_whatever_is_taken_in_can_be_ordered(registered: list[tuple[str, list[str]]]) -> None:
    hooks = Hooks()
    taken_in = 0
    for name, after in registered:
        try:
            hooks.add(hook(name, *after))
        except HookCycle:
            continue
        taken_in += 1
    ordered = hooks.take()

    assert len(ordered) == taken_in
    for at, one in enumerate(ordered):
        assert not {later.name for later in ordered[at:]}.intersection(one.after)


class Slow(str):
    """A name that lets other threads run whenever it is looked at."""

    def __hash__(self) -> int:
        time.sleep(0)
        return super().__hash__()


def test_hooks_registered_by_two_threads_at_once_make_no_cycle() -> None:
    for _ in range(300):
        hooks = Hooks()
        ready = threading.Barrier(2)

        def add(one: Hook, hooks: Hooks = hooks, ready: threading.Barrier = ready) -> None:
            ready.wait()
            try:
                hooks.add(one)
            except HookCycle:
                return

        threads = [threading.Thread(target=add, args=(one,)) for one in (hook(Slow("a"), "b"), hook(Slow("b"), "a"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(hooks.take()) == 1


def test_each_hook_is_taken_once() -> None:
    hooks = Hooks()
    hooks.add(hook("first", at_once=True))
    hooks.add(hook("last"))

    assert names(hooks.take(at_once=True)) == ["first"]
    hooks.add(hook("late", at_once=True))
    assert names(hooks.take()) == ["late", "last"]
    assert hooks.take() == []


def test_only_the_hooks_of_the_end_have_a_share_kept_back_for_them() -> None:
    hooks = Hooks()
    hooks.add(hook("a", within=2))
    hooks.add(hook("b"))
    hooks.add(hook("c", at_once=True, within=100))

    assert hooks.promised_s() == 7


def test_a_hook_without_a_time_has_what_the_others_do_not_need() -> None:
    assert share_s(hook("a"), [hook("b", within=3)], 20) == 17
    assert share_s(hook("a", within=4), [hook("b", within=3)], 20) == 4
    assert share_s(hook("a"), [], 20) == 20


def test_where_more_is_promised_than_is_left_each_has_its_part() -> None:
    assert share_s(hook("a", within=9), [hook("b", within=3)], 4) == 3
    assert share_s(hook("b", within=3), [], 1) == 1
    assert share_s(hook("a"), [hook("b"), hook("c")], 3) == 1
    assert share_s(hook("a", within=0), [], 0) == 0


@given(st.lists(st.none() | st.floats(0, 50), min_size=1, max_size=6), st.floats(0, 60))
def test_the_shares_are_never_more_than_there_is(promises: list[float | None], left_s: float) -> None:
    hooks = [hook(str(at), within=within) for at, within in enumerate(promises)]
    for at, one in enumerate(hooks):
        share = share_s(one, hooks[at + 1 :], left_s)
        assert 0 <= share <= left_s + 1e-9
        left_s = max(0.0, left_s - share)


# How a hook ends: in a thread, and in a running loop.


def in_a_thread(call: object, within_s: float = NEVER_S) -> HookRun:
    return run_one(Hook(call, "it"), within_s, Hands())  # type: ignore[arg-type]


def in_the_loop(call: object, within_s: float = NEVER_S) -> HookRun:
    return asyncio.run(run_one_here(Hook(call, "it"), within_s, Hands()))  # type: ignore[arg-type]


BOTH = pytest.mark.parametrize("run", [in_a_thread, in_the_loop])


class Calls:
    def __init__(self) -> None:
        self.seen: list[str] = []

    def plain(self) -> None:
        self.seen.append("plain")

    async def coroutine(self) -> None:
        await asyncio.sleep(0)
        self.seen.append("coroutine")

    async def __call__(self) -> None:
        await asyncio.sleep(0)
        self.seen.append("object")


@BOTH
def test_functions_coroutines_and_what_returns_one_are_run_to_their_end(run: object) -> None:
    calls = Calls()
    for call in (calls.plain, calls.coroutine, calls, partial(calls.coroutine), lambda: calls.coroutine()):
        assert run(call).outcome == "done"  # type: ignore[operator]

    assert calls.seen == ["plain", "coroutine", "object", "coroutine", "coroutine"]


@BOTH
@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), KeyboardInterrupt(), TimeoutError("its own")])
def test_whatever_a_hook_raises_is_told(run: object, error: BaseException) -> None:
    def plain() -> None:
        raise error

    async def coroutine() -> None:
        raise error

    for call in (plain, coroutine):
        ended = run(call)  # type: ignore[operator]
        assert ended.outcome == "failed"
        assert ended.error == f"{type(error).__name__}: {error}".rstrip(": ")


@BOTH
def test_a_hook_that_outlasts_its_time_is_not_waited_for(run: object) -> None:
    release = threading.Event()

    async def coroutine() -> None:
        await asyncio.sleep(NEVER_S)

    try:
        assert run(lambda: release.wait(NEVER_S), 0.05).outcome == "outlasted"  # type: ignore[operator]
        assert run(coroutine, 0.05).outcome == "outlasted"  # type: ignore[operator]
    finally:
        release.set()


def test_an_async_hook_runs_in_the_loop_that_runs_and_a_plain_one_does_not_block_it() -> None:
    seen: list[object] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()

        async def coroutine() -> None:
            seen.append(asyncio.get_running_loop() is loop)

        released = threading.Event()
        loop.call_later(0.01, released.set)
        seen.append((await run_one_here(Hook(coroutine, "it"), NEVER_S, Hands())).outcome)
        seen.append((await run_one_here(Hook(lambda: released.wait(NEVER_S), "it"), NEVER_S, Hands())).outcome)

    asyncio.run(main())
    assert seen == [True, "done", "done"]


def test_a_hook_is_run_although_all_threads_of_the_loops_executor_are_stuck() -> None:
    release = threading.Event()

    async def main() -> str:
        loop = asyncio.get_running_loop()
        for _ in range(64):
            loop.run_in_executor(None, release.wait, NEVER_S)
        run = await run_one_here(Hook(nothing, "it"), NEVER_S, Hands())
        release.set()
        return run.outcome

    assert asyncio.run(main()) == "done"


# All of them, once.


class Ending:
    """A Cleaning with what it tells."""

    def __init__(self, hooks: Hooks, left_s: float = NEVER_S) -> None:
        self.told: list[HookRun] = []
        self.overs = 0
        ends = time.monotonic() + left_s
        self.cleaning = Cleaning(
            hooks, Hands(), left_s=lambda: max(0.0, ends - time.monotonic()), ended=self.told.append, over=self.over
        )

    def over(self) -> None:
        self.overs += 1


def test_an_error_in_one_hook_does_not_stop_the_next() -> None:
    hooks = Hooks()
    seen: list[str] = []

    def fails() -> None:
        raise ValueError("no")

    hooks.add(Hook(lambda: seen.append("last"), "last"))
    hooks.add(Hook(fails, "fails"))
    hooks.add(Hook(lambda: seen.append("first"), "first"))
    ending = Ending(hooks)
    ending.cleaning.run_all()

    assert seen == ["first", "last"]
    assert [run.outcome for run in ending.told] == ["done", "failed", "done"]
    assert ending.overs == 1


def test_a_hook_that_never_ends_leaves_the_others_their_share() -> None:
    hooks = Hooks()
    release = threading.Event()
    hooks.add(Hook(nothing, "last", (), 1.0))
    hooks.add(Hook(lambda: release.wait(NEVER_S), "stuck", (), 0.1))
    ending = Ending(hooks)
    ending.cleaning.run_all()
    release.set()

    assert [(run.name, run.outcome) for run in ending.told] == [("stuck", "outlasted"), ("last", "done")]


def test_a_hook_registered_by_a_hook_is_run_too() -> None:
    hooks = Hooks()
    seen: list[str] = []
    hooks.add(Hook(lambda: hooks.add(Hook(lambda: seen.append("late"), "late")), "early"))
    Ending(hooks).cleaning.run_all()

    assert seen == ["late"]


def test_many_who_come_to_clean_up_run_each_hook_once_and_all_wait_for_the_end() -> None:
    hooks = Hooks()
    seen: list[int] = []
    began = threading.Event()
    go_on = threading.Event()

    def slow() -> None:
        began.set()
        go_on.wait(NEVER_S)
        seen.append(1)

    hooks.add(Hook(slow, "slow"))
    ending = Ending(hooks)
    left: list[int] = []

    def come() -> None:
        ending.cleaning.run_all()
        left.append(len(seen))

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()

    async def come_in_a_loop() -> None:
        await ending.cleaning.run_all_here()
        left.append(len(seen))

    assert began.wait(NEVER_S)
    go_on.set()
    asyncio.run(come_in_a_loop())
    for thread in threads:
        thread.join()
    assert seen == [1]
    assert left == [1] * 9
    assert ending.overs == 1


def test_hooks_of_the_beginning_run_beside_and_are_waited_for_at_the_end() -> None:
    hooks = Hooks()
    seen: list[str] = []
    go_on = threading.Event()

    def at_once() -> None:
        go_on.wait(NEVER_S)
        seen.append("at once")

    def last() -> None:
        seen.append("last")
        go_on.set()

    hooks.add(Hook(at_once, "at once", (), None, True))
    hooks.add(Hook(last, "last"))
    ending = Ending(hooks)
    ending.cleaning.begin()
    while hooks.taken == []:
        time.sleep(0.001)
    ending.cleaning.run_all()

    assert seen == ["last", "at once"]
    assert sorted(run.name for run in ending.told) == ["at once", "last"]


def test_whoever_comes_after_one_that_was_interrupted_goes_on() -> None:
    hooks = Hooks()
    seen: list[str] = []
    hooks.add(Hook(lambda: seen.append("last"), "last"))

    async def stuck() -> None:
        await asyncio.sleep(NEVER_S)

    hooks.add(Hook(stuck, "stuck"))
    hooks.add(Hook(lambda: seen.append("first"), "first"))
    ending = Ending(hooks)

    async def main() -> None:
        task = asyncio.ensure_future(ending.cleaning.run_all_here())
        while "stuck" not in ending.cleaning.running.values():  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()

    asyncio.run(main())
    ending.cleaning.run_all()
    assert seen == ["first", "last"]
    assert ending.overs == 1


def test_where_no_thread_can_be_started_the_spare_one_is_lent_and_then_none(monkeypatch: pytest.MonkeyPatch) -> None:
    hands = Hands()
    hands.prepare()

    def no_more(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_more)
    began, release = threading.Event(), threading.Event()

    def busy() -> None:
        began.set()
        release.wait(NEVER_S)

    assert hands.lend(busy, "one")
    assert began.wait(NEVER_S)
    assert not hands.lend(nothing, "two")
    assert run_one(Hook(nothing, "it"), NEVER_S, hands).outcome == "done"  # in this thread
    release.set()
    while not hands.idle:
        time.sleep(0.001)
    assert run_one(Hook(nothing, "it"), NEVER_S, hands).outcome == "done"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_spare_thread_survives_what_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: told.append(str(args.exc_value)))
    hands = Hands()
    hands.prepare()
    monkeypatch.setattr(threading.Thread, "start", lambda thread: (_ for _ in ()).throw(RuntimeError("no")))

    assert hands.lend(lambda: sys.modules["no such module"], "one")
    while not hands.idle:
        time.sleep(0.001)
    assert told == ["'no such module'"]
    assert hands.lend(nothing, "two")
