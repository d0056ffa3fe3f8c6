"""What the adapter knows of gunicorn beyond its documentation: fails when gunicorn changes it."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

import pytest
from uvicorn.config import Config as UvicornConfig

from lameduck.drain.servers.gunicorn_worker import is_worker

VERSION: tuple[int, ...] = import_module("gunicorn").version_info
Arbiter: Any = import_module("gunicorn.arbiter").Arbiter
Config: Any = import_module("gunicorn.config").Config
Request: Any = import_module("gunicorn.http.message").Request
Worker: Any = import_module("gunicorn.workers.base").Worker
SyncWorker: Any = import_module("gunicorn.workers.sync").SyncWorker
ThreadWorker: Any = import_module("gunicorn.workers.gthread").ThreadWorker
GeventWorker: Any = import_module("gunicorn.workers.ggevent").GeventWorker
ASGIWorker: Any = import_module("gunicorn.workers.gasgi").ASGIWorker
UvicornWorker: Any = import_module("uvicorn_worker").UvicornWorker

TRIED = ((27, 0), (27, 99))
"""From and to which version of gunicorn the adapter was read and tried."""


def test_the_installed_version_is_among_those_tried() -> None:
    assert TRIED[0] <= VERSION[:2] <= TRIED[1]


def test_the_hooks_that_are_used_exist() -> None:
    for name in ("post_worker_init", "pre_request", "post_request", "when_ready", "on_exit"):
        assert callable(getattr(Config(), name))


def test_a_request_can_be_told_that_it_is_the_last_of_its_connection() -> None:
    assert list(inspect.signature(Request.force_close).parameters) == ["self"]


@pytest.mark.parametrize("kind", [SyncWorker, ThreadWorker, GeventWorker, ASGIWorker, UvicornWorker])
def test_every_worker_is_known(kind: type[object]) -> None:
    assert is_worker(object.__new__(kind))
    assert not is_worker(object())


def test_a_worker_is_on_the_stack_that_forks_it_and_loads_its_application() -> None:
    assert "worker" in Arbiter.spawn_worker.__code__.co_varnames
    assert "os.fork()" in inspect.getsource(Arbiter.spawn_worker)
    assert "self.load_wsgi()" in inspect.getsource(Worker.init_process)


def test_the_handlers_are_installed_before_post_worker_init_is_called() -> None:
    source = inspect.getsource(Worker.init_process)
    assert source.index("self.init_signals()") < source.index("self.cfg.post_worker_init(self)")


def test_the_asgi_workers_main_task_ends_gracefully_when_it_is_cancelled() -> None:
    assert ASGIWorker._serve.__qualname__ == "ASGIWorker._serve"
    source = inspect.getsource(ASGIWorker._serve)
    assert source.index("except asyncio.CancelledError:") < source.index("await self._shutdown()")
    assert "self.servers.append(server)" in source
    shutdown = inspect.getsource(ASGIWorker._shutdown)
    assert shutdown.index("server.close()") < shutdown.index("await ")


def test_the_arbiter_closes_its_listeners_before_it_signals_its_workers() -> None:
    source = inspect.getsource(Arbiter.stop)
    assert source.index("close_sockets(self.LISTENERS") < source.index("self.kill_workers(sig)")
    assert isinstance(Arbiter.WORKERS, dict)


def test_uvicorns_worker_can_be_found_from_its_server() -> None:
    assert callable(UvicornWorker.callback_notify)
    assert "callback_notify" in inspect.signature(UvicornConfig).parameters


def test_gthreads_main_thread_can_be_told_to_quit_between_two_connections() -> None:
    assert list(inspect.signature(ThreadWorker.handle_quit).parameters) == ["self", "sig", "frame"]
    assert "self.method_queue.run_callbacks" in inspect.getsource(ThreadWorker.run)
    assert "callback, *args" in str(
        inspect.signature(import_module("gunicorn.workers.gthread").PollableMethodQueue.defer)
    )
