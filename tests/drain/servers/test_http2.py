"""HTTP/2 from SIGTERM on: GOAWAY, and nothing that was asked for is lost."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.drain.asking_h2 import Connection
from tests.drain.servers.asgi_servers import GRANIAN, HYPERCORN, Form, started

if TYPE_CHECKING:
    from pathlib import Path

NO_LAST_STREAM = 2**31 - 1
SINGLE = [form for form in (*HYPERCORN, *GRANIAN) if form.workers == 1]


@pytest.mark.parametrize("form", SINGLE, ids=str)
def test_a_connection_is_served_in_the_lame_duck_and_gets_goaway(form: Form, tmp_path: Path) -> None:
    with (
        started(form, tmp_path, LAMEDUCK_LAME_DUCK="1s") as server,
        closing(Connection(server.port)) as connection,
    ):
        assert connection.answer(connection.ask("/")) == ("200", b"ok")
        slow = connection.ask("/slow")
        server.stop()
        server.until_step("stop-asked")
        assert connection.answer(connection.ask("/")) == ("200", b"ok")
        assert connection.answer(slow) == ("200", b"ok")
        connection.until_goaway()
        assert connection.goaways
        connection.until_closed()
        assert server.ended() == 0, server.text()


@pytest.mark.parametrize("form", [form for form in HYPERCORN if form.workers == 1], ids=str)
def test_hypercorn_says_goaway_in_the_lame_duck_to_busy_and_to_idle_connections(form: Form, tmp_path: Path) -> None:
    with (
        started(form, tmp_path, LAMEDUCK_LAME_DUCK="4s") as server,
        closing(Connection(server.port)) as idle,
        closing(Connection(server.port)) as busy,
    ):
        assert idle.answer(idle.ask("/")) == ("200", b"ok")
        slow = busy.ask("/slow")
        server.stop()
        server.until_step("stop-asked")
        idle.until_goaway()
        busy.until_goaway()
        assert (idle.goaways, busy.goaways) == ([NO_LAST_STREAM], [NO_LAST_STREAM])
        # What the client had sent before it heard of it is served like any other.
        assert idle.answer(idle.ask("/")) == ("200", b"ok")
        assert busy.answer(slow) == ("200", b"ok")
        assert not server.steps("lame-duck-ended")
        assert server.ended() == 0, server.text()
