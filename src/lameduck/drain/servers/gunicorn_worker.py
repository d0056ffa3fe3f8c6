"""A worker process of gunicorn (read: 27.0): sync, gthread, gevent, asgi, and uvicorn's own worker class.

By itself a worker stops accepting on SIGTERM at once, within a second (asgi, gevent) or after its current request
(sync), and its arbiter, which has the signal from the kubelet, kills it after graceful_timeout. The arbiter has closed
its own listeners by then: that tells the end of the pod from that of a single worker (HUP, TTOU), whose place others
take at the same listeners. With reuse_port it has none, and only the hooks in gunicorn.py can tell.

A worker is known by its handler of SIGTERM; where an event loop hides that, by being on the stack when the application
is loaded or, with --preload, when the process is forked. From there on gunicorn's own hooks are used: post_worker_init
to stand in front of its handlers, pre_request and post_request to end kept-alive connections.
"""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lameduck.drain import idle, listeners
from lameduck.drain.servers import uvicorn
from lameduck.drain.states import State
from lameduck.drain.told_twice import is_same_stop

if TYPE_CHECKING:
    from types import FrameType

    from lameduck.drain.process import Process

__all__ = ["Gunicorn", "find", "prepare", "stand", "worker_on_stack"]

ARBITER_ACTS_WITHIN_S = 1.0
"""Where the signal goes to the whole process group, the workers may have it before the arbiter has closed anything."""
LOOKS_EVERY_S = 0.02
ALONE_LINGERS_S = 2.0
"""As long as a gthread worker itself keeps idle connections open before it leaves."""
CONNECTIONS_END_WITHIN_S = 2.0
"""A client that has not taken the end of its idle connection for so long is not waited for by a gevent worker."""
STACK_FRAMES = 100
prepared = False


class Gunicorn:
    """The worker of this process."""

    name = "gunicorn"

    def __init__(self, worker: Any, process: Process) -> None:
        self.worker = worker
        self.process = process
        self.requests: dict[int, Any] = {}
        """Those under way, as gunicorn has them: each can be told that it is its connection's last."""
        self.ports: frozenset[int] = frozenset()
        self.has_stood = False
        self.main: Any = None
        """A gevent worker's main greenlet."""
        kinds = {base.__name__ for base in type(worker).__mro__}
        self.is_asgi, self.is_gevent = "ASGIWorker" in kinds, "GeventWorker" in kinds
        self.is_gthread = "ThreadWorker" in kinds

    def stood(self) -> None:
        """In the main thread, once in front of its handlers."""
        # As the worker has it: system calls of requests under way go on.
        signal.siginterrupt(signal.SIGTERM, False)
        if self.has_stood:
            return
        self.has_stood = True
        stand_before_quit(self.process)
        cap_grace(self.process, self.worker.cfg.graceful_timeout)
        if not self.is_asgi:
            cfg = self.worker.cfg
            before, after = cfg.pre_request, cfg.post_request

            def request_begins(worker: Any, request: Any) -> None:
                self.requests[id(request)] = request
                if self.process.leaving:
                    request.force_close()
                before(worker, request)

            def request_ends(worker: Any, request: Any, environ: Any, response: Any) -> None:
                self.requests.pop(id(request), None)
                after(worker, request, environ, response)

            cfg.set("pre_request", request_begins)
            cfg.set("post_request", request_ends)
            self.process.on_state.append(self.entered)
        if self.is_gevent:
            self.main = sys.modules["gevent"].getcurrent()

    def entered(self, state: State) -> None:
        if state is State.LAME_DUCK:
            for request in list(self.requests.values()):
                request.force_close()

    def stops_alone(self) -> bool:
        """Whether the arbiter still has the listener, and goes on. Where nobody can tell, the pod ends."""
        ends = time.monotonic() + ARBITER_ACTS_WITHIN_S
        while time.monotonic() < ends:
            if not self.arbiter_goes_on():
                return False
            time.sleep(LOOKS_EVERY_S)
        return True

    def arbiter_goes_on(self) -> bool:
        config = sys.modules.get("lameduck.drain.servers.gunicorn")
        if config is not None and config.arbiter_knows():
            return not config.pod_ends()
        if self.worker.ppid != os.getppid():
            return False
        return any(self.held_by_arbiter())

    def arbiter_has_left(self) -> bool:
        """Whether the arbiter has closed its listeners, for certain."""
        if self.worker.cfg.reuse_port:
            return False  # it never had any
        held = self.held_by_arbiter()
        return bool(held) and all(one is False for one in held)

    def held_by_arbiter(self) -> list[bool | None]:
        """Of each listener of this worker: whether the arbiter has it, too; None where nobody may look."""
        return [idle.pid_holds(self.worker.ppid, os.fstat(fd).st_ino) for fd in listeners.listening()]

    def counts(self, signum: int) -> bool:
        """Where the whole process group is signalled, the arbiter passes on what its workers have got already."""
        return not is_same_stop(self.process, signum)

    def stop(self) -> None:
        """As the signal would do it, without the second that some workers sleep before they look."""
        self.ports = listeners.ports()
        if self.process.begun_by == signal.SIGQUIT:
            self.hurry()
        else:
            assert self.process.interposed is not None
            self.process.interposed.let_through(signal.SIGTERM)
        threading.Thread(target=self.end, name="lameduck idle", daemon=True).start()

    def hurry(self) -> None:
        """As with its own SIGQUIT: at once. gthread's handler shuts its pool, and would wait for ever for the lock that
        its main thread holds while it hands the pool a connection: there it is called between two of these."""
        if self.is_gthread:
            self.worker.method_queue.defer(self.worker.handle_quit, signal.SIGQUIT, None)
        else:
            assert self.process.interposed is not None
            self.process.interposed.let_through(signal.SIGQUIT)

    def end(self) -> None:
        """End idle connections as soon as all work is done; and wake those workers that sleep."""
        if self.is_asgi:
            self.wake_asgi()
        stop = self.process.stop
        if stop is not None and stop.skipped and not self.process.alone:
            return  # Ctrl-C: SIGQUIT is about to come from the arbiter, and ends them all
        if self.process.alone:
            # No lame duck has told those who keep connections alive.
            time.sleep(ALONE_LINGERS_S)
        left_alone_since = None
        while True:
            time.sleep(LOOKS_EVERY_S)
            idle.end_said(self.ports)
            if len(self.process.works):
                left_alone_since = None
                continue
            left_alone_since = left_alone_since or time.monotonic()
            found = idle.end_idle(self.ports)
            waited = time.monotonic() - left_alone_since
            if self.is_gevent and (not found or waited > CONNECTIONS_END_WITHIN_S):
                self.leave_gevent()
                return

    def wake_asgi(self) -> None:
        """Its main task sleeps for a second at a time; when it is cancelled, it goes on with its graceful end. It may
        have woken up by itself, and is in its end: cancelled there, it would cut all that is in flight."""
        import asyncio

        loop = self.worker.loop
        while self.worker.alive:  # until its handler was called
            time.sleep(LOOKS_EVERY_S)

        def cancel() -> None:
            if not any(server.is_serving() for server in self.worker.servers):
                return  # its end begins with closing them
            for task in asyncio.all_tasks(loop):
                if getattr(task.get_coro(), "__qualname__", "") == "ASGIWorker._serve":
                    task.cancel()

        loop.call_soon_threadsafe(cancel)

    def leave_gevent(self) -> None:
        """Its main greenlet sleeps for a second at a time, twice: all is done, so it may leave."""
        loop = sys.modules["gevent"].get_hub().loop
        loop.run_callback(self.main.throw, SystemExit(0))


class UvicornWorker(uvicorn.Uvicorn):
    """uvicorn's server in a worker of gunicorn."""

    name = "gunicorn (uvicorn)"

    def __init__(self, server: Any, gunicorn: Gunicorn) -> None:
        super().__init__(server, gunicorn.process)
        self.gunicorn = gunicorn

    def stood(self) -> None:
        stand_before_quit(self.gunicorn.process)

    def stops_alone(self) -> bool:
        return self.gunicorn.stops_alone()

    def counts(self, signum: int) -> bool:
        return self.gunicorn.counts(signum)


def find(handler: object, process: Process) -> Gunicorn | UvicornWorker | None:
    """The worker whose bound method handles the signal, or whose uvicorn server does; else the one known before."""
    if "gunicorn.workers.base" not in sys.modules:
        return None
    if isinstance(process.server, Gunicorn | UvicornWorker):
        return process.server
    owner = getattr(handler, "__self__", None)
    if is_worker(owner):
        return Gunicorn(owner, process)
    served_by_uvicorn = uvicorn.find(handler, process)
    if served_by_uvicorn is not None:
        worker: Any = getattr(served_by_uvicorn.server.config.callback_notify, "__self__", None)
        if is_worker(worker):
            cap_grace(process, worker.cfg.graceful_timeout)
            return UvicornWorker(served_by_uvicorn.server, Gunicorn(worker, process))
    return None


def prepare(process: Process) -> None:
    """When the application is made: in a worker or, with --preload, in the arbiter, whose children become workers."""
    global prepared
    if prepared or "gunicorn.workers.base" not in sys.modules:
        return
    prepared = True
    worker = worker_on_stack()
    if worker is not None:
        stand_when_ready(worker, process)
        return

    def in_child() -> None:
        child = worker_on_stack()
        if child is not None:
            stand_when_ready(child, process)

    os.register_at_fork(after_in_child=in_child)


def stand_when_ready(worker: Any, process: Process) -> None:
    """By the hook post_worker_init: the worker has installed its handlers, and serves nobody yet."""
    before = worker.cfg.post_worker_init

    def ready(worker: Any) -> None:
        before(worker)
        stand(worker, process)

    worker.cfg.set("post_worker_init", ready)


def stand(worker: Any, process: Process) -> None:
    """In the main thread of a worker. uvicorn's installs its handlers later: that one is found when it starts up."""
    if isinstance(process.server, Gunicorn) or hasattr(worker, "callback_notify"):
        return
    its = Gunicorn(worker, process)
    if process.stand(its) and its.arbiter_has_left():
        # Its signal came when this process still had the arbiter's handlers, which do nothing here.
        assert process.interposed is not None
        process.interposed.pretend(signal.SIGTERM)


def stand_before_quit(process: Process) -> None:
    """What the arbiter makes of Ctrl-C, and of a stop that takes too long. By itself a gthread worker may deadlock in
    its handler (see `hurry`), and uvicorn's does nothing: ours has a deadline."""
    assert process.interposed is not None
    process.interposed.stand_before((signal.SIGQUIT,))


def is_worker(it: object) -> bool:
    return any(base.__module__ == "gunicorn.workers.base" and base.__name__ == "Worker" for base in type(it).__mro__)


def worker_on_stack() -> Any:
    """The worker that loads the application, or that has just been forked; None in any other process."""
    frame: FrameType | None = sys._getframe(1)
    for _ in range(STACK_FRAMES):
        if frame is None:
            break
        if frame.f_globals.get("__name__", "").startswith(("gunicorn.workers.", "gunicorn.arbiter")):
            for it in frame.f_locals.values():
                if is_worker(it):
                    return it
        frame = frame.f_back
    return None


def cap_grace(process: Process, graceful_timeout_s: float) -> None:
    """The arbiter kills after graceful_timeout, whatever the pod's grace is."""
    grace_s = process.settings.grace_s
    if graceful_timeout_s >= grace_s:
        return
    process.settings = replace(process.settings, grace_s=float(graceful_timeout_s))

    def tell(state: State) -> None:
        if state is State.LAME_DUCK:
            wanted = math.ceil(grace_s)
            text = f"gunicorn kills its workers after {graceful_timeout_s:g} s. Set graceful_timeout = {wanted}."
            process.tell("note", text=text)

    process.on_state.append(tell)
