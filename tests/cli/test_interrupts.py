"""Ctrl-C and its kin, at every moment of a rehearsal: all that was started ends, at once, and in silence."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lameduck.rehearse.engine import Isolation
from tests.cli.invoking import Running, running
from tests.rehearse.containers import need_isolation

COMMAND = ("--", sys.executable, "-m", "lameduck.rehearse.bundled_server", "--port", "{port}")
DEAF = ("--", sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "{port}")

MOMENTS = {
    "while the replicas start": ("starting 2 x", "sleep", ("--", "sh", "-c", "sleep 60 & sleep 60")),
    "before the ending": ("sending 100 requests/s", "bundled_server", COMMAND),
    "in a hook that sleeps": ("ending app-a1", "bundled_server", ("--pre-stop", "60", "--grace", "90", *COMMAND)),
    "in a hook that runs a program": (
        "ending app-a1",
        "sleep",
        ("--pre-stop", "exec:sleep 60", "--grace", "90", *COMMAND),
    ),
    "while a container ignores its end": ("ending app-a1", "http.server", ("--grace", "90", *DEAF)),
    "in a rollout": ("rolling out 2 x app", "http.server", ("--end", "rollout", "--grace", "90", *DEAF)),
}
"""For each moment: the step that progress tells, a program that runs then, and the words."""


@contextmanager
def at(moment: str, cwd: Path) -> Iterator[Running]:
    """A rehearsal that has come to that moment."""
    step, program, words = MOMENTS[moment]
    with running("rehearse", *words, cwd=cwd) as process:
        process.until(step)
        process.until_it_runs(program)
        yield process


@pytest.mark.parametrize(
    ("moment", "signum"),
    [
        *((moment, signal.SIGINT) for moment in MOMENTS),
        ("while the replicas start", signal.SIGTERM),
        ("in a hook that runs a program", signal.SIGTERM),
        ("while a container ignores its end", signal.SIGHUP),
    ],
)
def test_a_signal_ends_everything_that_was_started(tmp_path: Path, moment: str, signum: signal.Signals) -> None:
    with at(moment, tmp_path) as process:
        process.process.send_signal(signum)
        outcome = process.wait()
    assert outcome.code == 128 + signum
    assert outcome.stdout == ""
    assert outcome.complaint == f"interrupted by {signum.name}; everything that was started has been ended"


@pytest.mark.parametrize("moment", MOMENTS)
def test_nothing_survives_its_sigkill(tmp_path: Path, moment: str) -> None:
    with at(moment, tmp_path) as process:
        process.process.kill()
        assert process.wait().code == -signal.SIGKILL


@pytest.mark.parametrize("isolation", [Isolation.USER_NAMESPACE, Isolation.EMULATED])
def test_nothing_survives_in_other_isolations_either(tmp_path: Path, isolation: Isolation) -> None:
    need_isolation(isolation)
    for signum, code in ((signal.SIGINT, 130), (signal.SIGKILL, -9)):
        with running("rehearse", "--isolation", isolation.value, "--grace", "90", *DEAF, cwd=tmp_path) as process:
            process.until("ending app-a1")
            process.process.send_signal(signum)
            outcome = process.wait()
        assert outcome.code == code, outcome.stderr


def test_a_second_ctrl_c_changes_nothing(tmp_path: Path) -> None:
    with running("rehearse", "--grace", "90", *DEAF, cwd=tmp_path) as process:
        process.until("ending app-a1")
        process.process.send_signal(signal.SIGINT)
        process.process.send_signal(signal.SIGINT)
        outcome = process.wait()
    assert (outcome.code, outcome.stdout) == (130, "")
    assert "Traceback" not in outcome.stderr


def test_a_signal_that_the_caller_ignores_is_ignored(tmp_path: Path) -> None:
    """As under nohup, where closing the terminal must not end it."""
    program = ("nohup", sys.executable, "-m", "lameduck")
    with running("rehearse", "--grace", "2", *COMMAND, cwd=tmp_path, program=program) as process:
        process.until("sending 100 requests/s")
        process.process.send_signal(signal.SIGHUP)
        outcome = process.wait()
    assert outcome.code in (0, 1), outcome.stderr


def test_a_report_that_stood_there_stays_as_it_was(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("the last report")
    with running("rehearse", "--html", str(page), "--grace", "90", *DEAF, cwd=tmp_path) as process:
        process.until("ending app-a1")
        process.process.send_signal(signal.SIGTERM)
        assert process.wait().code == 143
    assert page.read_text() == "the last report"
    assert list(tmp_path.iterdir()) == [page]
