"""ASGI servers that are asked to stop while they start or to start again, and applications without a startup."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.drain.asking import Waiting, ask
from tests.drain.served import served
from tests.drain.servers.asgi_servers import APP, GRANIAN, HYPERCORN, RELOADING, UVICORN, Form, started

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = (UVICORN[0], UVICORN[3], HYPERCORN[0], GRANIAN[0], GRANIAN[1])
LONG = {"LAMEDUCK_LAME_DUCK": "20s", "LAMEDUCK_GRACE_SECONDS": "50", "LAMEDUCK_TERMINATION_LOG": ""}
WITHOUT_A_LAME_DUCK_S = 12.0


def serving(form: Form, app: str) -> list[str]:
    return [app if word == APP else word for word in form.command]


@pytest.mark.parametrize("moment", ["importing", "made"])
@pytest.mark.parametrize("form", COMMANDS, ids=str)
def test_a_signal_during_the_import_of_the_application_is_heeded(form: Form, moment: str, tmp_path: Path) -> None:
    command = serving(form, "tests.drain.apps.slow_import:drained")
    with served(command, tmp_path / "out", environ=LONG, listens=False) as server:
        server.until(lambda: moment in server.text())
        server.stop()
        server.ended(WITHOUT_A_LAME_DUCK_S)


@pytest.mark.parametrize("form", COMMANDS, ids=str)
def test_hooks_run_where_the_application_has_no_lifespan(form: Form, tmp_path: Path) -> None:
    environ = {**LONG, "LAMEDUCK_LAME_DUCK": "300ms"}
    command = serving(form, "tests.drain.apps.asgi_without_lifespan:drained")
    with served(command, tmp_path / "out", environ=environ) as server:
        # Not all workers may serve yet; each that does has been through its startup.
        server.until(lambda: ask(server.port, "/").status == 200)
        server.stop()
        assert server.ended() == 0, server.text()
        assert "flushed" in server.text(), server.text()
        assert [step["exit_code"] for step in server.steps("stopped")], server.text()


def test_who_is_let_in_in_the_start_although_the_signal_has_come_is_served(tmp_path: Path) -> None:
    """hypercorn's worker accepts for a moment before it looks whether it has been stopped meanwhile."""
    with served(HYPERCORN[0].command, tmp_path / "out", environ={"APP_START_S": "1", **LONG}, listens=False) as server:
        let_in: list[Waiting] = []

        def keep_asking() -> None:
            while server.process.poll() is None:
                try:
                    request = Waiting(server.port, "/")
                except ConnectionRefusedError:
                    time.sleep(0.005)  # nobody listens yet, or any more: three clients shall not take the processor
                    continue
                let_in.append(request)
                request.until_ended()

        clients = [threading.Thread(target=keep_asking) for _ in range(3)]
        server.until(lambda: "lifespan.startup" in server.text())
        server.stop()
        for client in clients:
            client.start()
        server.ended(WITHOUT_A_LAME_DUCK_S)
        for client in clients:
            client.join()
        assert [(request.error, request.status) for request in let_in] == [(None, 200)] * len(let_in), server.text()


@pytest.mark.parametrize("form", RELOADING, ids=str)
def test_a_reloader_waits_for_what_is_under_way_and_for_nobody_new(form: Form, tmp_path: Path) -> None:
    with started(form, tmp_path, **LONG) as server:
        slow = Waiting(server.port, "/slow")
        server.stop()
        server.ended(WITHOUT_A_LAME_DUCK_S)
        slow.until_ended()
        assert (slow.error, slow.status, slow.body) == (None, 200, b"ok"), server.text()
        assert "flushed" in server.text(), server.text()
