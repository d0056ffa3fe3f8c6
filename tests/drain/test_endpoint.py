"""`/-/drain`: what it tells, and how a preStop hook or a sidecar asks for the lame duck there."""

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.drain.served import Served, free_port, served

UVICORN = ["uvicorn", "tests.drain.apps.asgi_app:drained", "--port", "{port}", "--no-access-log"]


def ask(port: int, path: str, method: str = "GET") -> tuple[int, Any]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer) if path.startswith("/-/drain") else answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def answering(server: Served, port: int) -> None:
    def answers() -> bool:
        try:
            return ask(port, "/readyz")[0] > 0
        except OSError:
            return False

    server.until(answers)


def test_the_state_is_told_and_a_lame_duck_that_was_asked_for_is_followed_by_the_signal(tmp_path: Path) -> None:
    endpoint = free_port()
    environ = {"LAMEDUCK_ENDPOINT": str(endpoint), "LAMEDUCK_LAME_DUCK": "1s"}
    with served(UVICORN, tmp_path / "out", environ=environ) as server:
        answering(server, endpoint)
        status, state = ask(endpoint, "/-/drain")
        assert status == 200
        assert (state["version"], state["state"], state["server"], state["in_flight"]) == (1, "serving", "uvicorn", 0)
        assert ask(endpoint, "/readyz") == (200, b"serving\n")

        status, state = ask(endpoint, "/-/drain?wait", "POST")
        assert (status, state["state"]) == (200, "lame duck")
        assert ask(endpoint, "/readyz") == (503, b"lame duck\n")
        over_s = server.until_step("lame-duck-ended")["t_s"]
        assert over_s >= 1

        server.stop()
        assert server.ended() == 0
        ended = server.steps("server-finished")[0]
        assert len(server.steps("lame-duck-ended")) == 1, "the signal began a second lame duck"
        assert ended["t_s"] - server.steps("stop-asked")[1]["t_s"] < 1, "the signal had to wait once more"


def test_it_serves_on_when_no_signal_follows(tmp_path: Path) -> None:
    endpoint = free_port()
    environ = {"LAMEDUCK_ENDPOINT": f"127.0.0.1:{endpoint}", "LAMEDUCK_LAME_DUCK": "0.2s"}
    with served(UVICORN, tmp_path / "out", environ=environ) as server:
        answering(server, endpoint)
        assert ask(endpoint, "/-/drain", "POST")[0] == 202
        server.until_step("given-up")
        assert ask(endpoint, "/-/drain")[1]["state"] == "serving"
        assert ask(server.port, "/readyz") == (200, b"serving\n")
        server.stop()
        assert server.ended() == 0
        assert len(server.steps("stopped")) == 1


def test_what_it_does_not_know_is_said_to_be_unknown(tmp_path: Path) -> None:
    endpoint = free_port()
    with served(UVICORN, tmp_path / "out", environ={"LAMEDUCK_ENDPOINT": str(endpoint)}) as server:
        answering(server, endpoint)
        assert ask(endpoint, "/")[0] == 404
        assert ask(endpoint, "/readyz", "POST")[0] == 404
        assert ask(endpoint, "/-/drain")[1]["state"] == "serving"


def test_a_port_for_probes_answers_them_and_nothing_else(tmp_path: Path) -> None:
    port = free_port()
    environ = {"LAMEDUCK_PROBE_PORT": str(port), "LAMEDUCK_LAME_DUCK": "1s"}
    with served(UVICORN, tmp_path / "out", environ=environ) as server:
        answering(server, port)
        assert ask(port, "/readyz") == (200, b"serving\n")
        server.stop()
        server.until_step("stop-asked")
        assert ask(port, "/readyz") == (503, b"lame duck\n")
        assert server.ended() == 0


def test_a_lame_duck_ends_when_the_arrivals_have_shown_that_nobody_comes_any_more(tmp_path: Path) -> None:
    environ = {"LAMEDUCK_LAME_DUCK": "0.5s..15s"}
    with served(UVICORN, tmp_path / "out", environ=environ) as server:
        server.stop()
        server.until_step("stop-asked")
        for _ in range(10):
            assert ask(server.port, "/")[0] == 200
        assert server.ended() == 0
        ended = server.steps("lame-duck-ended")[0]
        assert ended["arrivals"] == 10
        assert ended["why"].startswith("nobody new for 1."), "nobody saw that they came and stopped"
