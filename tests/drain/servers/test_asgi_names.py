"""What of the ASGI servers is not documented and yet relied upon: a new version that changes it fails here."""

from __future__ import annotations

import asyncio
import inspect
from importlib.metadata import version
from multiprocessing import get_context
from multiprocessing.process import BaseProcess

import granian.server.common
import hypercorn.asyncio.lifespan
import hypercorn.asyncio.run
import hypercorn.events
import hypercorn.run
import hypercorn.utils
import pytest
import uvicorn
from hypercorn.config import Config
from hypercorn.protocol.h2 import H2Protocol

TRIED = {"uvicorn": ((0, 54), (0, 55)), "hypercorn": ((0, 18), (0, 19)), "granian": ((2, 8), (2, 9))}
"""From this version to before that one."""


@pytest.mark.parametrize("name", TRIED)
def test_the_installed_version_is_one_that_was_tried(name: str) -> None:
    first, before = TRIED[name]
    major, minor = map(int, version(name).split(".")[:2])
    assert first <= (major, minor) < before, f"Try {name} {version(name)} with tests/drain/servers, then change TRIED."


def test_uvicorn_ends_by_its_attributes_and_handles_signals_with_a_bound_method() -> None:
    server = uvicorn.Server(uvicorn.Config("no:app"))
    assert {"should_exit", "force_exit"} <= vars(server).keys()
    assert "for server in self.servers:\n            server.close()" in inspect.getsource(uvicorn.Server.shutdown)
    assert (type(server).__module__, type(server).__name__) == ("uvicorn.server", "Server")
    assert server.config.should_reload is False
    assert "signal.signal(sig, self.handle_exit)" in inspect.getsource(uvicorn.Server.capture_signals)


def test_a_process_of_multiprocessing_has_what_it_was_started_with() -> None:
    process: BaseProcess = get_context("spawn").Process(kwargs={"shutdown_event": 1})
    assert process._kwargs == {"shutdown_event": 1}  # type: ignore[attr-defined]


def test_hypercorn_starts_its_workers_with_an_event_that_they_ask() -> None:
    assert '"shutdown_event": shutdown_event' in inspect.getsource(hypercorn.run._populate)
    assert "shutdown_event.is_set()" in inspect.getsource(hypercorn.utils.check_multiprocess_shutdown_event)


def test_hypercorn_reads_its_graceful_timeout_when_it_stops() -> None:
    assert isinstance(Config().graceful_timeout, float | int)
    assert Config().use_reloader is False
    assert "config.graceful_timeout)" in inspect.getsource(hypercorn.asyncio.run.worker_serve)


def test_hypercorn_receives_the_lifespan_through_an_object_that_has_its_configuration() -> None:
    kind = hypercorn.asyncio.lifespan.Lifespan
    assert kind.__module__ == "hypercorn.asyncio.lifespan"
    assert "self.config = config" in inspect.getsource(kind.__init__)
    assert "self.asgi_receive" in inspect.getsource(kind)


def test_a_connection_of_hypercorn_says_whether_it_is_idle_and_sends_raw_data() -> None:
    assert isinstance(vars(H2Protocol)["idle"], property)
    assert H2Protocol.send_task.__qualname__ == "H2Protocol.send_task"
    assert asyncio.iscoroutinefunction(H2Protocol.send_task)
    assert hypercorn.events.RawData(data=b"").data == b""
    made = inspect.getsource(H2Protocol.__init__)
    assert "self.closed = False" in made
    assert "self.send = send" in made


def test_granians_parent_notes_a_signal_on_itself() -> None:
    kind = granian.server.common.AbstractServer
    assert "self.interrupt_signal = True" in inspect.getsource(kind.signal_handler_interrupt)
    assert "self.reload_on_changes = reload" in inspect.getsource(kind.__init__)
    assert "set_main_signals(self.signal_handler_interrupt" in inspect.getsource(kind.startup)
