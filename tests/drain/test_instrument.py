"""The library without a line of code, alone and under `lameduck run`: one lame duck, and one only."""

import http.client
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.drain.served import Served, served

APP = "tests.drain.apps.asgi_app:app"
RUN = [sys.executable, "-m", "lameduck.run"]
ALONE = [sys.executable, "-m", "lameduck.drain", "--"]
SERVERS = {
    "uvicorn": ["uvicorn", APP, "--port", "{port}"],
    "uvicorn workers": ["uvicorn", APP, "--port", "{port}", "--workers", "2"],
    "gunicorn": ["gunicorn", "tests.drain.apps.wsgi_app:app", "-b", "127.0.0.1:{port}"],
    "gunicorn asgi": ["gunicorn", "-k", "asgi", APP, "-b", "127.0.0.1:{port}"],
    "granian": ["granian", "--interface", "asgi", APP, "--port", "{port}"],
    "hypercorn": ["hypercorn", APP, "-b", "127.0.0.1:{port}"],
    "daphne": ["daphne", APP, "-p", "{port}"],
    "waitress": ["waitress-serve", "--listen", "127.0.0.1:{port}", "tests.drain.apps.wsgi_app:app"],
    "werkzeug": [sys.executable, "-m", "tests.drain.apps.wsgi_servers", "werkzeug", "{port}"],
    "aiohttp": [sys.executable, "-m", "tests.drain.apps.aiohttp_app", "run_app", "{port}"],
}


def command(server: str) -> list[str]:
    """With the program's full path: `served` looks only at the first word."""
    words = SERVERS[server]
    return [str(Path(sys.executable).parent / words[0]), *words[1:]]


def get(server: Served, path: str = "/") -> tuple[int, str]:
    """Status, and the Connection header."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status, (answer.getheader("Connection") or "").lower()
    finally:
        connection.close()


def run_steps(server: Served, what: str) -> list[dict[str, Any]]:
    """Steps that run has told."""
    import json

    lines = [line for line in server.text().splitlines() if line.startswith('{"witness": "run"')]
    return [step for step in map(json.loads, lines) if step["what"] == what]


@pytest.mark.parametrize("name", SERVERS)
def test_a_bare_application_has_a_lame_duck(name: str, tmp_path: Path) -> None:
    with served(
        [*ALONE, *command(name)], tmp_path / "out", environ={"LAMEDUCK_LAME_DUCK": "1s", "APP_BARE": "1"}
    ) as server:
        assert get(server)[0] == 200
        server.stop()
        server.until_step("stop-asked")
        assert get(server)[0] == 200, "it does not serve on"
        assert server.ended() == 0
        assert server.steps("lame-duck-ended")[0]["t_s"] >= 1
        assert server.steps("stopped")[0]["exit_code"] == 0


def in_a_container(words: list[str]) -> list[str]:
    """With a mount namespace of its own, which is how the two find each other; beside others only if there is none."""
    unshare = ["unshare", "--mount", "--"]
    works = subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode == 0
    return [*unshare, *words] if works else words


@pytest.mark.parametrize("name", ["uvicorn", "gunicorn asgi"])
def test_run_leaves_the_lame_duck_to_the_library(name: str, tmp_path: Path) -> None:
    words = [*RUN, "--instrument", "--lame-duck", "1s", "--grace", "20s", "--", *command(name)]
    with served(in_a_container(words), tmp_path / "out") as server:
        assert get(server)[0] == 200
        server.stop()
        asked = server.until_step("stop-asked")
        assert asked["grace_s"] == 20, "run's grace is not the library's"
        assert get(server)[0] == 200
        assert server.ended() == 0
        assert [step["t_s"] >= 1 for step in server.steps("lame-duck-ended")] == [True]
        assert not run_steps(server, "lame-duck-ended"), "both of them waited"
        assert run_steps(server, "stop-asked")
        took_s = server.steps("server-finished")[0]["t_s"]
        assert took_s < 2.5, "two lame ducks, one after the other"


def test_run_has_the_lame_duck_where_the_service_has_no_library(tmp_path: Path) -> None:
    with served([*RUN, "--lame-duck", "0.5s", "--", *command("uvicorn")], tmp_path / "out") as server:
        server.stop()
        server.ended()
        assert [step["t_s"] >= 0.5 for step in run_steps(server, "lame-duck-ended")] == [True]
        assert not server.steps()


def test_what_fails_in_the_instrumentation_does_not_keep_the_program_from_starting(tmp_path: Path) -> None:
    broken = tmp_path / "lameduck"
    broken.mkdir()
    (broken / "__init__.py").write_text("")
    site = Path(__file__).resolve().parents[2] / "src/lameduck/drain/instrument/site"
    (tmp_path / "plain_app.py").write_text(
        "async def app(scope, receive, send):\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': [(b'content-length', b'0')]})\n"
        "    await send({'type': 'http.response.body', 'body': b''})\n"
    )
    environ = {"PYTHONPATH": f"{site}:{tmp_path}"}
    words = [command("uvicorn")[0], "plain_app:app", "--port", "{port}", "--lifespan", "off"]
    with served(words, tmp_path / "out", environ=environ) as server:
        assert get(server)[0] == 200
        assert "the library is not active in this Python" in server.text()


def test_bad_usage_says_what_to_write(capsys: pytest.CaptureFixture[str]) -> None:
    from lameduck.drain.instrument import main

    assert main([]) == 2
    assert "write the command behind --" in capsys.readouterr().err
    assert main(["--", "no-such-command-anywhere"]) == 127
    assert "there is no such command" in capsys.readouterr().err
