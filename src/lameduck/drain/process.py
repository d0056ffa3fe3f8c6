"""One process and its stop: what is asked, seen and done, put together.

`begin` and `finish` are its two ends, and `step` does what `stop.py` says is due; watching.py calls it in time.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from lameduck.drain import listeners
from lameduck.drain.arrivals import Arrivals
from lameduck.drain.cleaning import Cleaning
from lameduck.drain.closing import Closing
from lameduck.drain.farewells import Farewells
from lameduck.drain.forking import Forking
from lameduck.drain.hands import Hands
from lameduck.drain.hooks import HookRun, Hooks
from lameduck.drain.interposing import Interposed
from lameduck.drain.last_words import flush, who_holds
from lameduck.drain.server import OneOfMany, Sifting, Signalled, Standing
from lameduck.drain.settings import Settings, from_environment
from lameduck.drain.siblings import Serving
from lameduck.drain.states import State
from lameduck.drain.stop import Due, Sight, Stop
from lameduck.drain.stop_event import Stopping
from lameduck.drain.telling import Telling
from lameduck.drain.under_run import come_in
from lameduck.drain.watching import watch
from lameduck.drain.works import Stream, Works

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from lameduck.drain.server import Server

__all__ = ["UNFINISHED", "Process"]

UNFINISHED = 75
"""The exit code when work or a hook was not finished in time: EX_TEMPFAIL of sysexits.h, try again."""
NAMES_TOLD = 10
MARGIN_UNDER_RUN_S = 2.0
HASTY = frozenset({signal.SIGINT, signal.SIGQUIT})
"""Ctrl-C is a person's, who does not want to wait for endpoints; a parent passes it on as SIGQUIT (gunicorn)."""
LOOKS_FOR_WORK_EVERY_S = 0.02


class Process:
    """The stop of this process. `Process.here` in lameduck.drain is the one that everybody means."""

    def __init__(self, settings: Settings | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = from_environment(settings or Settings())
        self.clock = clock
        self.works = Works()
        self.streams: dict[int, Stream] = {}
        self.hooks = Hooks()
        self.stopping = Stopping()
        self.interposed: Interposed | None = None
        self.server: Server | None = None
        self.stop: Stop | None = None
        self.telling: Telling | None = None
        self.serving = Serving()
        self.alone = False
        """Only this process ends, and others take over: the pod stays ready, and its last words are not ours."""
        self.own_ports: set[int] = set()
        """Ports that must answer until the end: the readiness probe's."""
        self.has_clients: Callable[[], bool] = lambda: True
        """Asked when the stop begins: whether others connect with this process. One that fetches its work by itself
        has no endpoint that somebody would have to be waited for: it has no lame duck."""
        self.leaving = False
        """The same as `bool(stopping)`, as cheap as an attribute can be: for every request."""
        self.loop: Any = None
        """asyncio's event loop that serves, for tasks that do not name theirs."""
        self.starting = False
        """Whether the application is still starting up: nobody knows it yet, so nobody has to be waited for."""
        self.accepts_in_start = False
        """Whether the server has begun to accept although its stop came in the start: those are not to be cut."""
        self.unfinished: list[str] = []
        self.arrivals = Arrivals()
        self.farewells = Farewells(self.streams)
        self.closing = Closing(self)
        self.on_state: list[Callable[[State], None]] = []
        self.thread: threading.Thread | None = None
        self.lock = threading.RLock()
        """Held while it is decided who begins a stop, and who ends it. Never in a signal handler of ours."""
        self.hands = Hands()
        self.cleaning = self.new_cleaning()
        self.lame_duck_over = threading.Event()
        self.run: socket.socket | None = None
        """The `lameduck run` that this process is under."""
        self.asked = False
        """Whether somebody asked for the stop: a signal, or /-/drain."""
        self.begun_by: int | None = None
        """The signal that the stop began with."""
        self.signalled_at: float | None = None
        """When the first signal of this stop came."""
        self.told: tuple[str, ...] | None = None
        """What was unfinished when the last step was told."""
        self.exiting = False
        """Whether the interpreter leaves: there is no program any more that a signal could be let through to."""
        self.forking = Forking(self.forked, lambda: self.interposed is not None)

    # What the application and the adapters call while serving.

    @property
    def state(self) -> State:
        return State.SERVING if self.stop is None else self.stop.state

    def stand(self, server: Server | None = None, signals: tuple[int, ...] = (signal.SIGTERM, signal.SIGINT)) -> bool:
        """Begin to watch over this process, in front of its signal handlers; whether it stands there.

        For the main thread, when the server has installed its handlers. Without a server, the signal itself is what
        it is told by when the lame duck is over. Can be called again.
        """
        with self.lock:
            if self.stop is not None and not self.asked and self.stop.state is State.STOPPED:
                self.begin_anew()  # a server had left by itself, and another one begins
            if self.interposed is None and not self.watched():
                return False
            interposed = self.interposed
            assert interposed is not None
            if server is not None:
                self.server = server
            elif self.server is None:
                self.server = Signalled(interposed)
            stands = interposed.stand_before(signals)
            if self.stop is None:
                listeners.let_in_again()
                self.serving.begin()
            if stands and isinstance(self.server, Standing):
                self.server.stood()
            return stands

    def watched(self) -> bool:
        """Begin to watch, before any signal is held back: one that nobody waits for would be lost."""
        self.interposed = interposed = Interposed()
        self.forking.begin()
        self.open_endpoint()
        self.run = come_in()
        if self.run is not None:
            # It kills what is left a second before the grace ends, and has to be told before that.
            self.settings = replace(self.settings, margin_s=MARGIN_UNDER_RUN_S)
        try:
            self.hands.prepare()
            self.thread = self.hands.start(partial(watch, self, interposed), "lameduck")
        except RuntimeError as error:
            sys.stderr.write(f"lameduck: nobody watches over the stop of this process: {error}.\n")
            self.interposed = self.thread = None
            return False
        atexit.register(self.at_exit)
        return True

    def open_endpoint(self) -> None:
        """`/-/drain` and the probes' port, if asked for. Of several workers the first has them."""
        if self.settings.endpoint:
            from lameduck.drain.endpoint import serve

            self.listening_at(self.settings.endpoint, partial(serve, self, self.settings.endpoint))
        if self.settings.probe_port:
            from lameduck.drain import readiness

            self.listening_at(
                f"port {self.settings.probe_port}", partial(readiness.serve, self, self.settings.probe_port)
            )

    def listening_at(self, address: str, serve: Callable[[], int]) -> None:
        try:
            serve()
        except OSError as error:
            sys.stderr.write(f"lameduck: nothing answers at {address}: {error.strerror or error}.\n")

    def forked(self) -> None:
        """A child has its own life: what is in flight here is not its work, and its signals are not ours.

        The hooks stay registered: they are the child's own if it stands up itself, as a server's workers do. Locks may
        have been held by threads that are not there any more.
        """
        if self.interposed is not None:
            self.interposed.leave_to_parent()
            atexit.unregister(self.at_exit)
        if self.run is not None:
            self.run.close()
        self.interposed = self.server = self.thread = self.run = None
        self.serving.forget()
        self.serving = Serving()
        self.works.all.clear()
        self.streams.clear()
        self.lock = threading.RLock()
        self.hands = Hands()
        self.hooks.forked()
        self.stopping.forked()
        self.begin_anew()

    def begin_anew(self) -> None:
        """As if no stop had been."""
        self.stop = self.telling = self.told = None
        self.leaving = self.asked = self.alone = self.accepts_in_start = False
        self.begun_by = self.signalled_at = None
        self.unfinished = []
        self.arrivals = Arrivals()
        self.farewells = Farewells(self.streams)
        self.closing = Closing(self)
        self.lame_duck_over = threading.Event()
        self.cleaning = self.new_cleaning()
        self.stopping.take_back()

    def new_cleaning(self) -> Cleaning:
        return Cleaning(
            self.hooks, self.hands, left_s=self.seconds_to_deadline, ended=self.hook_ended, over=self.stopped
        )

    def arrived(self, peer: tuple[str, int] | None = None) -> None:
        """Work came although we are leaving. `peer` tells whether its connection is a new one."""
        self.arrivals.came(peer, self.clock())

    def remaining_s(self) -> float:
        """Seconds that work in flight has, once a stop has begun; before that, the seconds it would have."""
        stop = self.stop
        if stop is None:
            return Stop(self.settings, 0.0, hooks_s=self.hooks.promised_s()).remaining_s(0.0)
        return stop.remaining_s(self.clock())

    def nothing_to_wait_for(self) -> bool:
        """In a stop: whether no work is in flight, or its time is over."""
        return (self.stop is not None and self.stop.cancelled) or not self.works.finite()

    def snapshot(self) -> dict[str, Any]:
        """What /-/drain answers (docs/protocol.md)."""
        now = self.clock()
        works = self.works.listed()
        return {
            "version": 1,
            "state": self.state.value,
            "in_flight": len(works),
            "streams": len(self.streams),
            "oldest": None if not works else {"name": works[0].name, "age_s": round(now - works[0].since, 3)},
            "remaining_s": round(self.remaining_s(), 3),
            "grace_s": self.settings.grace_s,
            "server": None if self.server is None else self.server.name,
            "pid": os.getpid(),
        }

    # The stop.

    def begin(self, why: str, *, lame_duck: bool = True, signalled: bool = True) -> None:
        """The stop begins now, or with `signalled=False` a lame duck whose signal is to follow. Not in a handler."""
        with self.lock:
            if self.stop is not None:
                return
            lame_duck = lame_duck and self.has_clients()
            log = "" if self.alone else self.settings.termination_log
            self.telling = Telling(tell=self.settings.tell, termination_log=log)
            self.asked = True
            self.stop = Stop(
                self.settings,
                self.clock(),
                lame_duck=lame_duck,
                hooks_s=self.hooks.promised_s(),
                signalled=signalled,
            )
            self.leaving = True
        self.tell(
            "stop-asked", why=why, in_flight=len(self.works), streams=len(self.streams), grace_s=self.settings.grace_s
        )
        self.stopping.begin()
        if lame_duck:
            self.arrivals.begin()
        self.entered(State.LAME_DUCK)
        self.cleaning.begin()
        self.wake()

    def entered(self, state: State) -> None:
        for notice in list(self.on_state):
            try:
                notice(state)
            except Exception as error:
                self.tell_fault(error)

    def wake(self) -> None:
        if self.interposed is not None:
            self.interposed.nudge()

    def tell(self, what: str, **detail: object) -> None:
        """Tell a step, in the time of this stop."""
        if self.telling is not None and self.stop is not None:
            self.telling.step(self.clock() - self.stop.began, what, **detail)

    def tell_fault(self, error: Exception) -> None:
        """Told, and the stop goes on."""
        self.tell("fault", text=f"{type(error).__name__}: {error}")

    def sight(self) -> Sight:
        return Sight(len(self.works.finite()), self.arrivals.count, self.arrivals.last)

    def signalled(self, signum: int) -> None:
        """A stop signal has come."""
        name = signal.Signals(signum).name
        if isinstance(self.server, Sifting) and not self.server.counts(signum):
            return
        if isinstance(self.server, Signalled):
            self.server.signum = signum
        if self.stop is not None and self.stop.state is State.STOPPED:
            if self.asked or self.exiting:
                # All is done, but something of the program's own goes on: it may know what to do.
                self.let_through(signum)
                return
            self.begin_anew()  # it was a server that had left by itself; now the program is to end
        if self.stop is None:
            server = self.server
            self.alone = signum == signal.SIGTERM and isinstance(server, OneOfMany) and server.stops_alone()
            if self.alone:
                name += " for this process alone"
            self.begun_by = signum
            self.signalled_at = self.clock()
            self.begin(name, lame_duck=not self.alone and signum not in HASTY and not self.starting)
        else:
            self.tell("stop-asked", why=name)
            if signum in HASTY:
                self.stop.signalled = True
                self.stop.hurry()
            else:
                self.signalled_at = self.signalled_at or self.clock()
                self.stop.signal()

    def let_through(self, signum: int) -> None:
        if self.interposed is not None and not self.exiting:
            self.interposed.let_through(signum)

    def step(self) -> None:
        stop = self.stop
        assert stop is not None
        if stop.state is State.LAME_DUCK:
            self.farewells.say(self.clock(), stop.began + min(stop.settings.lame_duck.unseen_s, stop.most))
        for why in stop.step(self.clock(), self.sight()):
            if why.due is Due.OVER:
                self.tell("lame-duck-ended", why=why.text, arrivals=self.arrivals.count, in_flight=len(self.works))
                self.lame_duck_over.set()
            elif why.due is Due.TAKE_BACK:
                self.take_back(why.text)
                return
            elif why.due is Due.CLOSE:
                self.close(why.text)
            elif why.due is Due.HURRY:
                self.closing.hurry()
                self.tell("hurried", why=why.text)
                if self.server is not None:
                    self.server.hurry()
            elif why.due is Due.CANCEL:
                self.cancel()
            elif why.due is Due.CLEAN_UP:
                self.tell("hooks-started", why=why.text)
                self.entered(State.CLEANING_UP)
                self.hands.lend(self.cleaning.run_all, "lameduck hooks")
            elif self.asked or self.exiting:  # else nobody wants this process to leave
                self.leave_now(why.text)
        self.closing.step(self.clock())

    def close(self, why: str) -> None:
        """The end of the lame duck."""
        stop = self.stop
        assert stop is not None
        last_s = self.arrivals.last_connection
        last = {} if last_s is None else {"last_new_connection_s": last_s - stop.began}
        if stop.over_at is None:
            self.tell("lame-duck-ended", why=why, arrivals=self.arrivals.count, in_flight=len(self.works), **last)
        self.lame_duck_over.set()
        self.entered(State.DRAINING)
        self.farewells.say_all()
        self.closing.begin(at_once=stop.skipped and not self.accepts_in_start)

    def take_back(self, why: str) -> None:
        """Nobody's stop followed the lame duck: serve on, as if nothing had been."""
        self.tell("given-up", why=why)
        self.hooks.taken.clear()
        self.begin_anew()
        self.entered(State.SERVING)

    def cancel(self) -> None:
        works = self.works.listed()
        names = [work.name for work in works if not work.endless]
        self.unfinished += names
        self.tell("work-cancelled", count=len(names), names=names[:NAMES_TOLD])

        def cancel() -> None:
            for work in works:
                try:
                    work.cancel()
                except Exception as error:
                    self.tell_fault(error)

        if not self.hands.lend(cancel, "lameduck cancelling"):
            cancel()

    def given_back(self, name: str) -> None:
        """A piece of work was cut, and is in its queue again: nobody's loss."""
        self.tell("work-given-back", name=name)
        while name in self.unfinished:
            self.unfinished.remove(name)

    # The end.

    def finish(self) -> None:
        """The server is done: run the hooks, and tell how it went. Blocks; whoever comes second waits for the first."""
        self.server_is_done()
        self.cleaning.run_all()

    async def finish_here(self) -> None:
        """The same in a running loop: async hooks run in it."""
        self.server_is_done()
        await self.cleaning.run_all_here()

    def server_is_done(self) -> None:
        with self.lock:
            if self.stop is None:
                # Nobody asked: a server that leaves by itself.
                self.telling = Telling(tell=False, termination_log="")
                self.stop = Stop(self.settings, self.clock(), lame_duck=False, hooks_s=self.hooks.promised_s())
                self.leaving = True
            first = self.stop.state in (State.LAME_DUCK, State.DRAINING)
            self.stop.server_is_done()
        if first:
            self.stopping.begin()
            self.tell("server-finished", in_flight=len(self.works))
            self.entered(State.CLEANING_UP)

    def seconds_to_deadline(self) -> float:
        return 0.0 if self.stop is None else max(0.0, self.stop.deadline - self.clock())

    def hook_ended(self, run: HookRun) -> None:
        detail = {"error": run.error} if run.error else {}
        self.tell("hook-ended", hook=run.name, outcome=run.outcome, took_s=run.took_s, **detail)
        if run.outcome == "outlasted":
            self.name_unfinished([f"on_stop {run.name}"])

    def stopped(self) -> None:
        assert self.stop is not None
        self.name_unfinished([work.name for work in self.works.finite()] + self.hooks_under_way())
        self.stop.hooks_are_done()
        self.entered(State.STOPPED)
        self.stop_is_told()
        self.wake()

    def hooks_under_way(self) -> list[str]:
        return [f"on_stop {name}" for name in list(self.cleaning.running.values())]

    def name_unfinished(self, names: list[str]) -> None:
        self.unfinished += [name for name in dict.fromkeys(names) if name not in self.unfinished]

    def stop_is_told(self) -> None:
        """The last step, and the termination log; again only if more has turned out to be unfinished."""
        if self.telling is None or not self.asked or self.told == tuple(self.unfinished):
            return
        self.told = tuple(self.unfinished)
        self.tell("stopped", unfinished=self.unfinished[:NAMES_TOLD], exit_code=self.exit_code)
        self.telling.leave()

    @property
    def exit_code(self) -> int:
        return UNFINISHED if self.unfinished else 0

    def leave_now(self, why: str) -> None:
        """The deadline: nothing that still runs can hold this process."""
        self.name_unfinished([work.name for work in self.works.finite()] + self.hooks_under_way())
        if not self.unfinished:
            self.name_unfinished(who_holds())
        self.tell("deadline", why=why, in_flight=len(self.works))
        self.entered(State.STOPPED)
        self.stop_is_told()
        self.flush()
        os._exit(UNFINISHED)

    def at_exit(self) -> None:
        """The interpreter leaves: what daemon threads have in flight is waited for, and the hooks run if nobody has
        run them."""
        if self.forking.pid != os.getpid():
            return
        self.exiting = True
        if self.interposed is not None:
            self.interposed.lets_nothing_through = True
        if self.asked:
            while self.state in (State.LAME_DUCK, State.DRAINING) and not self.nothing_to_wait_for():
                time.sleep(LOOKS_FOR_WORK_EVERY_S)
        self.finish()
        if self.state is not State.STOPPED:
            self.leave_now("the deadline is here")

    def leave_with_code(self) -> None:
        """The very last of the interpreter's exit: say with the exit code that something was not done."""
        if self.forking.pid == os.getpid() and self.unfinished:
            self.flush()
            os._exit(UNFINISHED)

    def flush(self) -> None:
        """What has been written, before an exit that flushes nothing."""
        flush(self.hands)
