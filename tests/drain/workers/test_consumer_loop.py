"""The consumer loop of examples/drain: what is committed, and when the group is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.drain.workers.started import lines, started

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = ["python", "tests/drain/apps/consumer_app.py"]


def test_the_record_in_hand_is_finished_and_committed_before_the_group_is_left(tmp_path: Path) -> None:
    with started(COMMAND, tmp_path / "out") as program:
        program.until(lambda: len(lines(program, "begin")) >= 2)
        program.stop()
        assert program.ended(10) == 0, program.text()
        begun = lines(program, "begin")
        assert lines(program, "end") == begun
        assert lines(program, "committed") == [str(len(begun))]
        said = [line.split()[0] for line in program.text().splitlines() if not line.startswith("{")]
        assert said[-2:] == ["committed", "left"]


def test_a_record_that_the_deadline_cuts_is_not_committed(tmp_path: Path) -> None:
    with started(COMMAND, tmp_path / "out", {"RECORD_S": "60", "LAMEDUCK_GRACE_SECONDS": "6"}) as program:
        program.until(lambda: lines(program, "begin"))
        program.stop()
        assert program.ended(10) == 75, program.text()
        assert lines(program, "end") == []
        assert lines(program, "committed") == ["0"]
        assert lines(program, "left") == ["0"]
        assert program.steps("stopped")[-1]["unfinished"] == ["record 0"]


def test_an_idle_consumer_leaves_at_once(tmp_path: Path) -> None:
    with started(COMMAND, tmp_path / "out", {"RECORD_S": "0"}) as program:
        program.until(lambda: len(lines(program, "end")) == 100)
        program.stop()
        assert program.ended(10) == 0, program.text()
        assert lines(program, "committed") == ["100"]
