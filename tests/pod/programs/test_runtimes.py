"""What runtimes do with a signal that nobody handles, against the recordings."""

import json
from pathlib import Path

import pytest

from lameduck.pod.programs.runtimes import Unhandled, runtime_of, without_handler

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.mark.parametrize(
    ("name", "unhandled"), [("app-node-raw", Unhandled.DISCARDED), ("app-java-raw", Unhandled.ENDS)]
)
def test_a_runtime_without_handler_does_what_was_recorded(name: str, unhandled: Unhandled) -> None:
    document = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    runtime = runtime_of(document["pods"][0]["spec"]["containers"][0]["command"])
    assert runtime is not None
    assert runtime.unhandled is unhandled
    assert document["summary"]["containers"]["app"]["killed"] is (unhandled is Unhandled.DISCARDED)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("app-*.json")), ids=lambda path: str(path.stem))
def test_a_server_said_to_have_no_handler_was_killed_in_the_recording(path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    command = document["pods"][0]["spec"]["containers"][0].get("command", [])
    if without_handler(command) is not None:
        assert document["summary"]["containers"]["app"]["killed"]


@pytest.mark.parametrize(
    "words",
    [
        ("/usr/local/bin/python3.12", "-m", "http.server", "8080"),
        ("python", "-u", "-m", "flask", "--debug", "run"),
        ("sleep", "infinity"),
    ],
)
def test_commands_without_handler_are_known_however_they_are_written(words: tuple[str, ...]) -> None:
    assert without_handler(words) is not None


@pytest.mark.parametrize(
    "words", [(), ("python", "-m", "gunicorn"), ("python3", "app.py"), ("pythonista",), ("gunicorn",)]
)
def test_of_other_commands_nothing_is_said(words: tuple[str, ...]) -> None:
    assert without_handler(words) is None
