"""What `lameduck run` and the library say of an ending is part of the rehearsal's timeline."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lameduck.rehearse.steps_told import ToldStep, step_in
from tests.drain.served import BIN

LINE = (
    '{"witness": "run", "t_s": 0.001, "what": "signal-forwarded", "signal": "SIGTERM", "to": ["app (2)"], "why": null}'
)


def test_a_step_is_found_also_behind_somebody_elses_words() -> None:
    told = ToldStep("run", "signal-forwarded", "signal SIGTERM, to app (2), why none")
    assert step_in(LINE) == told
    assert step_in(f"2026-11-24 stderr F {LINE}\n") == told


@pytest.mark.parametrize(
    "line",
    ["", "hello", '{"witness": "me", "what": "x"}', '{"witness": "run", "what": 1}', '{"witness": ', '{"witness": [}'],
)
def test_other_lines_are_no_steps(line: str) -> None:
    assert step_in(line) is None


@given(st.text())
def test_nothing_that_a_container_writes_is_an_error(text: str) -> None:
    step_in(text)
    step_in('{"witness": "run", "what": ' + text + "}")


def test_run_and_the_library_are_heard_in_a_rehearsal() -> None:
    words = ["rehearse", "-q", "--format", "json", "--grace", "20", "--rate", "20", "--"]
    service = [str(BIN / "uvicorn"), "tests.drain.apps.asgi_app:drained", "--port", "{port}"]
    command = [
        sys.executable,
        "-m",
        "lameduck",
        *words,
        str(BIN / "lameduck"),
        "run",
        "--lame-duck",
        "1s",
        "--",
        *service,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    events = json.loads(done.stdout)["timeline"]["events"]
    told = [(event["by"], event["step"]) for event in events if event["what"] == "step-told"]
    assert told[0] == ("run", "stop-asked")
    assert told.index(("run", "signal-forwarded")) < told.index(("drain", "lame-duck-ended"))
    assert told[-1] == ("run", "container-exited")
