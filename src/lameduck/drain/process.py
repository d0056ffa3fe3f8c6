"""One process and its stop: what is asked, seen and done, put together.

A thread of its own keeps the time, because every server's loop or main thread may be busy or stuck just when a stop
comes. It sleeps in the kernel until the interpreter writes a signal's number into its pipe.
"""

from __future__ import annotations

import atexit
import os
import select
import signal
import sys
import threading
import time
from dataclasses import replace
from random import uniform
from typing import TYPE_CHECKING, Any

from lameduck.drain import hooks as running
from lameduck.drain import listeners
from lameduck.drain.hooks import Hook, HookRun, Hooks
from lameduck.drain.interposing import Interposed
from lameduck.drain.server import OneOfMany, Signalled, Standing
from lameduck.drain.settings import Settings, from_environment
from lameduck.drain.siblings import Serving
from lameduck.drain.states import State
from lameduck.drain.stop import Due, Sight, Stop
from lameduck.drain.stop_event import Stopping
from lameduck.drain.telling import Telling
from lameduck.drain.under_run import come_in
from lameduck.drain.works import Works

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from lameduck.drain.server import Server

__all__ = ["UNFINISHED", "Process", "Stream"]

UNFINISHED = 75
"""The exit code when work or a hook was not finished in time: EX_TEMPFAIL of sysexits.h, try again."""
NAMES_TOLD = 10
MARGIN_UNDER_RUN_S = 2.0
SEES_STREAMS_EVERY_S = 0.25
SEES_QUEUES_EVERY_S = 0.005


class Stream:
    """Work that goes on until it is told to end. Put into `works` and `streams`, at id(stream)."""

    since: float
    name: str

    def tell(self) -> None:
        """The server goes away: say goodbye. Any thread; at most once."""
        raise NotImplementedError


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
        self.held: listeners.Held | None = None
        """Listeners that let nobody in any more, while their queues are served. Then the server is told to stop."""
        self.alone = False
        """Only this process ends, and others take over: the pod stays ready, and its last words are not ours."""
        self.own_ports: set[int] = set()
        """Ports that must answer until the end: the readiness probe's."""
        self.has_clients: Callable[[], bool] = lambda: True
        """Asked when the stop begins: whether others connect with this process. One that fetches its work by itself
        has no endpoint that somebody would have to be waited for: it has no lame duck."""
        self.leaving = False
        """The same as `bool(stopping)`, as cheap as an attribute can be: for every request."""
        self.starting = False
        """Whether the application is still starting up: nobody knows it yet, so nobody has to be waited for."""
        self.unfinished: list[str] = []
        self.arrivals = 0
        self.last_arrival: float | None = None
        self.last_connection: float | None = None
        self.known: frozenset[tuple[str, int]] = frozenset()
        self.farewells: dict[int, float] = {}
        """When each stream is told, by its key in `streams`."""
        self.on_state: list[Callable[[State], None]] = []
        self.thread: threading.Thread | None = None
        self.cleaning = threading.Lock()
        self.cleaned = threading.Event()
        self.lame_duck_over = threading.Event()
        self.run: socket.socket | None = None
        """The `lameduck run` that this process is under."""
        self.asked = False
        """Whether somebody asked for the stop: a signal, or /-/drain."""
        self.pid = os.getpid()

    # What the application and the adapters call while serving.

    @property
    def state(self) -> State:
        return State.SERVING if self.stop is None else self.stop.state

    def stand(self, server: Server | None = None, signals: tuple[int, ...] = (signal.SIGTERM, signal.SIGINT)) -> bool:
        """Begin to watch over this process, in front of its signal handlers; whether it stands there.

        For the main thread, when the server has installed its handlers. Without a server, the signal itself is what
        it is told by when the lame duck is over. Can be called again.
        """
        if self.interposed is None:
            self.pid = os.getpid()
            self.interposed = Interposed()
            os.register_at_fork(after_in_child=self.forked)
            atexit.register(self.at_exit)
        stands = self.interposed.stand_before(signals)
        if self.stop is None:
            listeners.let_in_again()
            self.serving.begin()
        if server is not None:
            self.server = server
        elif self.server is None:
            self.server = Signalled(self.interposed)
        if stands and isinstance(self.server, Standing):
            self.server.stood()
        if self.thread is None:
            self.open_endpoint()
            self.run = come_in()
            if self.run is not None:
                # It kills what is left a second before the grace ends, and has to be told before that.
                self.settings = replace(self.settings, margin_s=MARGIN_UNDER_RUN_S)
            self.thread = threading.Thread(target=self.watch, name="lameduck", daemon=True)
            self.thread.start()
        return stands

    def open_endpoint(self) -> None:
        """`/-/drain`, if it is asked for. Workers share the address: the first has it, and the others do without."""
        if self.settings.endpoint:
            from lameduck.drain.endpoint import serve

            try:
                serve(self, self.settings.endpoint)
            except OSError as error:
                sys.stderr.write(f"lameduck: nothing answers at {self.settings.endpoint}: {error.strerror or error}.\n")

    def forked(self) -> None:
        """A child has its own life: what is in flight here is not its work, and its signals are not ours."""
        if self.interposed is not None and self.pid != os.getpid():
            self.interposed.withdraw()
            atexit.unregister(self.at_exit)
            if self.run is not None:
                self.run.close()
            self.interposed = self.server = self.thread = self.run = None
            self.serving.forget()
            self.serving = Serving()
            self.works.all.clear()
            self.streams.clear()
            self.pid = os.getpid()

    def arrived(self, peer: tuple[str, int] | None = None) -> None:
        """Work came although we are leaving. `peer` tells whether its connection is a new one."""
        now = self.clock()
        self.arrivals += 1
        self.last_arrival = now
        if peer is None or peer not in self.known:
            self.last_connection = now

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
        if self.stop is not None:
            return
        now = self.clock()
        lame_duck = lame_duck and self.has_clients()
        log = "" if self.alone else self.settings.termination_log
        self.telling = Telling(tell=self.settings.tell, termination_log=log)
        self.stop = Stop(self.settings, now, lame_duck=lame_duck, hooks_s=self.hooks.promised_s(), signalled=signalled)
        self.lame_duck_over.clear()
        self.leaving = True
        self.asked = True
        self.tell(
            "stop-asked", why=why, in_flight=len(self.works), streams=len(self.streams), grace_s=self.settings.grace_s
        )
        self.stopping.begin()
        if lame_duck:
            self.known = listeners.connections_of(listeners.ports())
        self.entered(State.LAME_DUCK)
        at_once = self.hooks.at_once()
        if at_once:
            threading.Thread(
                target=self.run_hooks, args=(at_once, self.stop.deadline), name="lameduck hooks", daemon=True
            ).start()
        self.wake()

    def entered(self, state: State) -> None:
        for notice in list(self.on_state):
            notice(state)

    def wake(self) -> None:
        if self.interposed is not None:
            self.interposed.nudge()

    def tell(self, what: str, **detail: object) -> None:
        """Tell a step, in the time of this stop."""
        if self.telling is not None and self.stop is not None:
            self.telling.step(self.clock() - self.stop.began, what, **detail)

    def sight(self) -> Sight:
        return Sight(len(self.works.finite()), self.arrivals, self.last_arrival)

    def watch(self) -> None:
        """The thread: take signals, see what is due, and do it."""
        interposed = self.interposed
        assert interposed is not None
        poll = select.poll()
        poll.register(interposed.read_end, select.POLLIN)
        run = self.run
        if run is not None:
            poll.register(run, select.POLLIN)
        try:
            while self.interposed is interposed:
                for fd, _ in poll.poll(self.patience_ms()):
                    if run is not None and fd == run.fileno() and not self.heard(run):
                        poll.unregister(run)
                for signum in interposed.read():
                    self.signalled(signum)
                if self.stop is not None:
                    self.step()
        except Exception as fault:
            # Whatever it was, the signals must not end here.
            self.tell("fault", text=f"{type(fault).__name__}: {fault}")
            if self.stop is not None and self.server is not None:
                self.server.stop()
            while self.interposed is interposed:
                poll.poll()
                for signum in interposed.read():
                    interposed.let_through(signum)

    def heard(self, run: socket.socket) -> bool:
        """What `lameduck run` says: a preStop hook asks for the lame duck. False when it is gone."""
        try:
            word = run.recv(64)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if word:
            self.begin("lameduck prestop", signalled=False)
        return bool(word)

    def patience_ms(self) -> float | None:
        stop = self.stop
        if stop is None:
            return None
        now = self.clock()
        until = stop.wake_after(now, self.sight())
        if stop.state is State.LAME_DUCK and self.streams:
            until = min(until, min(self.farewells.values(), default=until), now + SEES_STREAMS_EVERY_S)
        if self.held is not None:
            until = min(until, now + SEES_QUEUES_EVERY_S)
        if stop.state is State.STOPPED:
            until = stop.deadline if not stop.left else float("inf")
        return None if until == float("inf") else max(1.0, (until - now) * 1000)

    def signalled(self, signum: int) -> None:
        """A stop signal has come. Ctrl-C is a person's, who does not want to wait for endpoints."""
        name = signal.Signals(signum).name
        if isinstance(self.server, Sifting) and not self.server.counts(signum):
            return
        if self.stop is None:
            server = self.server
            self.alone = signum == signal.SIGTERM and isinstance(server, OneOfMany) and server.stops_alone()
            if self.alone:
                name += " for this process alone"
            self.begin(name, lame_duck=not self.alone and signum != signal.SIGINT and not self.starting)
        else:
            self.tell("stop-asked", why=name)
            if signum == signal.SIGINT:
                self.stop.signalled = True
                self.stop.hurry()
            else:
                self.stop.signal()

    def step(self) -> None:
        stop = self.stop
        assert stop is not None
        if stop.state is State.LAME_DUCK:
            self.say_farewell()
        for why in stop.step(self.clock(), self.sight()):
            if why.due is Due.OVER:
                self.tell("lame-duck-ended", why=why.text, arrivals=self.arrivals, in_flight=len(self.works))
                self.lame_duck_over.set()
            elif why.due is Due.TAKE_BACK:
                self.take_back(why.text)
                return
            elif why.due is Due.CLOSE:
                self.close(why.text)
            elif why.due is Due.HURRY:
                self.held = None
                self.tell("hurried", why=why.text)
                if self.server is not None:
                    self.server.hurry()
            elif why.due is Due.CANCEL:
                self.cancel()
            elif why.due is Due.CLEAN_UP:
                self.tell("hooks-started", why=why.text)
                threading.Thread(target=self.clean_up, name="lameduck hooks", daemon=True).start()
            elif why.due is Due.LEAVE:
                self.leave_now(why.text)
        now = self.clock()
        if self.held is not None and stop.state is not State.DRAINING:
            self.held = None  # the server has left by itself
        if self.held is not None and (self.held.is_empty(now) or now >= stop.cancel_at):
            self.held = None
            self.stop_server()

    def close(self, why: str) -> None:
        """The end of the lame duck."""
        stop = self.stop
        assert stop is not None
        last = {} if self.last_connection is None else {"last_new_connection_s": self.last_connection - stop.began}
        if stop.over_at is None:
            self.tell("lame-duck-ended", why=why, arrivals=self.arrivals, in_flight=len(self.works), **last)
        self.lame_duck_over.set()
        self.entered(State.DRAINING)
        for stream in list(self.streams.values()):
            stream.tell()
        shared = self.serving.end()
        if not stop.skipped:
            self.held = listeners.let_nobody_in(self.clock(), but=frozenset(self.own_ports), shared=shared)
        if self.held is None:
            self.stop_server()

    def stop_server(self) -> None:
        if self.server is not None:
            self.server.stop()

    def take_back(self, why: str) -> None:
        """Nobody's stop followed the lame duck: serve on, as if nothing had been."""
        self.tell("given-up", why=why)
        self.leaving = self.asked = False
        self.stop = None
        self.stopping.take_back()
        self.arrivals, self.last_arrival, self.last_connection = 0, None, None
        self.farewells.clear()
        self.entered(State.SERVING)

    def say_farewell(self) -> None:
        """Tell the streams, one by one, so that not all clients come back at the same moment."""
        stop = self.stop
        assert stop is not None
        now = self.clock()
        spread = max(stop.began + min(stop.settings.lame_duck.unseen_s, stop.most), now)
        for key, stream in list(self.streams.items()):
            at = self.farewells.get(key)
            if at is None:
                self.farewells[key] = uniform(now, spread)
            elif at <= now:
                stream.tell()
        for key in self.farewells.keys() - self.streams.keys():
            del self.farewells[key]

    def cancel(self) -> None:
        works = self.works.listed()
        names = [work.name for work in works if not work.endless]
        self.unfinished += names
        self.tell("work-cancelled", count=len(names), names=names[:NAMES_TOLD])
        for work in works:
            work.cancel()

    # The end.

    def finish(self) -> None:
        """The server is done: run the hooks, and tell how it went. Blocks; whoever comes second waits for the first."""
        if self.server_is_done():
            self.clean_up()
        else:
            self.cleaned.wait(self.seconds_to_deadline())

    async def finish_here(self) -> None:
        """The same in a running loop: async hooks run in it."""
        import asyncio

        if not self.server_is_done():
            await asyncio.get_running_loop().run_in_executor(None, self.cleaned.wait, self.seconds_to_deadline())
            return
        if not self.cleaning.acquire(blocking=False):
            return
        hooks = self.hooks.at_the_end()
        for at, hook in enumerate(hooks):
            within = running.share_s(hook, hooks[at + 1 :], self.seconds_to_deadline())
            self.hook_ended(await running.run_one_here(hook, within))
        self.stopped()

    def server_is_done(self) -> bool:
        """Whether the caller is the one to clean up."""
        if self.stop is None:
            # Nobody asked: a server that leaves by itself.
            self.telling = Telling(tell=False, termination_log="")
            self.stop = Stop(self.settings, self.clock(), lame_duck=False, hooks_s=self.hooks.promised_s())
            self.leaving = True
            self.stopping.begin()
        first = self.stop.state in (State.LAME_DUCK, State.DRAINING)
        if first:
            self.stop.server_is_done()
            self.tell("server-finished", in_flight=len(self.works))
            self.entered(State.CLEANING_UP)
        return first

    def seconds_to_deadline(self) -> float:
        return 0.0 if self.stop is None else max(0.0, self.stop.deadline - self.clock())

    def clean_up(self) -> None:
        if self.cleaning.acquire(blocking=False):
            assert self.stop is not None
            self.run_hooks(self.hooks.at_the_end(), self.stop.deadline)
            self.stopped()

    def run_hooks(self, hooks: list[Hook], deadline: float) -> None:
        for at, hook in enumerate(hooks):
            left = max(0.0, deadline - self.clock())
            self.hook_ended(running.run_one(hook, running.share_s(hook, hooks[at + 1 :], left)))

    def hook_ended(self, run: HookRun) -> None:
        detail = {"error": run.error} if run.error else {}
        self.tell("hook-ended", hook=run.name, outcome=run.outcome, took_s=run.took_s, **detail)
        if run.outcome == "outlasted":
            self.unfinished.append(f"on_stop {run.name}")

    def stopped(self) -> None:
        assert self.stop is not None
        for work in self.works.finite():
            if work.name not in self.unfinished:
                self.unfinished.append(work.name)
        self.stop.hooks_are_done()
        self.entered(State.STOPPED)
        self.stop_is_told()
        self.cleaned.set()
        self.wake()

    def stop_is_told(self) -> None:
        """The last step, and the termination log: once."""
        telling = self.telling
        if telling is None or not self.asked:
            return
        self.asked = False
        self.tell("stopped", unfinished=self.unfinished[:NAMES_TOLD], exit_code=self.exit_code)
        telling.leave()

    @property
    def exit_code(self) -> int:
        return UNFINISHED if self.unfinished else 0

    def leave_now(self, why: str) -> None:
        """The deadline: nothing that still runs can hold this process."""
        for work in self.works.finite():
            if work.name not in self.unfinished:
                self.unfinished.append(work.name)
        self.tell("deadline", why=why, in_flight=len(self.works))
        self.entered(State.STOPPED)
        self.stop_is_told()
        self.flush()
        os._exit(UNFINISHED)

    def at_exit(self) -> None:
        """The interpreter leaves: the hooks run if nobody has run them, and the exit code says what was not done."""
        if self.pid != os.getpid():
            return
        self.finish()
        if self.unfinished:
            self.flush()
            os._exit(UNFINISHED)

    def flush(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError, AttributeError):
                continue  # closed, or stuck: it is not worth the exit
