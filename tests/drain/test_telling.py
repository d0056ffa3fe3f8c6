"""What a stop leaves to read, and what it does when nobody can take it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lameduck.ending
from lameduck.drain.telling import LOG_BYTES, Telling
from lameduck.ending.timeline import Timeline

SCHEMA = json.loads((Path(lameduck.ending.__file__).parent / "timeline.schema.json").read_text())


def telling(log: str = "") -> Telling:
    return Telling(tell=False, termination_log=log)


def valid(data: bytes) -> list[dict[str, object]]:
    document = json.loads(data)
    jsonschema.validate(document, SCHEMA)
    assert len(Timeline.from_json(document).events) == len(document["events"])
    events: list[dict[str, object]] = document["events"]
    return events


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(0, 1e5), st.sampled_from(["stop-asked", "hook-ended", "fault"]), st.text(), st.lists(st.text())
        ),
        max_size=80,
    ),
    st.lists(st.text(min_size=200), max_size=10),
)
def test_the_timeline_fits_into_the_termination_log_and_keeps_its_last_step(
    steps: list[tuple[float, str, str, list[str]]], names: list[str]
) -> None:
    its = telling()
    for t_s, what, text, words in steps:
        its.step(t_s, what, text=text, names=words[:10])
    its.step(1e6, "stopped", unfinished=names, exit_code=75)

    data = its.timeline()
    assert len(data) <= LOG_BYTES
    events = valid(data)
    assert events[-1]["what"] == "stopped"
    assert len(events) == len(steps) + 1 or any("left out" in str(event.get("text")) for event in events)


def test_a_short_timeline_is_left_whole_and_a_long_one_loses_its_middle() -> None:
    its = telling()
    for at in range(500):
        its.step(at, "stop-asked", why="SIGTERM")

    events = valid(its.timeline())
    (note,) = [event for event in events if event["what"] == "note"]
    assert events[0]["t_s"] == 0
    assert events[-1]["t_s"] == 499
    assert note["text"] == f"{500 - (len(events) - 1)} steps left out"
    assert [event["t_s"] for event in events] == sorted(event["t_s"] for event in events)  # type: ignore[type-var]


def test_names_of_work_that_no_encoding_knows_are_told_all_the_same() -> None:
    its = telling()
    its.step(0.5, "stopped", unfinished=["GET /\udc80\x00" + "🦆" * 4000], exit_code=75)

    (event,) = valid(its.timeline())
    assert str(event["unfinished"][0]).startswith("GET /\udc80\x00🦆")  # type: ignore[index]


def test_what_somebody_else_wrote_in_the_termination_log_stays(tmp_path: Path) -> None:
    log = tmp_path / "termination-log"
    log.write_text("the database said no")
    its = telling(str(log))
    its.step(0, "stopped")
    its.leave()

    assert log.read_text() == "the database said no"


def test_the_last_words_are_the_last_ones(tmp_path: Path) -> None:
    log = tmp_path / "termination-log"
    log.touch()
    its = telling(str(log))
    its.step(0, "stopped", unfinished=["a long list of things"], exit_code=75)
    its.leave()
    its.events.clear()
    its.step(1, "stopped")
    its.leave()

    assert [event["t_s"] for event in valid(log.read_bytes())] == [1]


def test_a_termination_log_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    its = telling(str(tmp_path / "termination-log"))
    its.step(0, "stopped")
    its.leave()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("log", ["/dev/full", "/", "/proc/self/mem", ""])
def test_a_termination_log_that_takes_nothing_harms_nobody(log: str) -> None:
    its = telling(log)
    its.step(0, "stopped")
    its.leave()


def test_a_pipe_that_nobody_reads_is_no_termination_log(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log")
    its = telling(str(tmp_path / "log"))
    its.step(0, "stopped")
    its.leave()


TELLS = """
import sys
from lameduck.drain.telling import Telling
its = Telling(tell=True, termination_log="")
for at in range({steps}):
    its.step(at, "stop-asked", why="SIGTERM")
print("done", flush=True)
"""


def tells(steps: int, **options: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
        [sys.executable, "-c", TELLS.format(steps=steps)], stdout=subprocess.PIPE, **options
    )


def done(process: subprocess.Popen[bytes]) -> bool:
    out, _ = process.communicate(timeout=20)
    return out == b"done\n" and process.returncode == 0


def test_a_stderr_that_nobody_reads_does_not_hold_the_stop_up() -> None:
    read, write = os.pipe()
    try:
        assert done(tells(5000, stderr=write))
        os.set_blocking(read, False)
        whole, _, rest = os.read(read, 1 << 20).rpartition(b"\n")
        assert rest == b""
        assert all(json.loads(line)["witness"] == "drain" for line in whole.splitlines())
    finally:
        os.close(read)
        os.close(write)


def test_a_stderr_that_others_fill_at_the_same_time_does_not_hold_the_stop_up() -> None:
    read, write = os.pipe()
    enough = threading.Event()

    def fill() -> None:
        while not enough.is_set():
            try:
                os.write(write, b"x" * 4096)
            except BlockingIOError:
                continue

    os.set_blocking(write, False)
    theirs = os.open(f"/proc/self/fd/{write}", os.O_WRONLY)  # the same pipe, but it blocks
    filling = threading.Thread(target=fill)
    filling.start()
    try:
        process = tells(2000, stderr=theirs)
        for _ in range(50):
            os.read(read, 4096)
        assert done(process)
    finally:
        enough.set()
        filling.join()
        for fd in (read, write, theirs):
            os.close(fd)


def test_a_full_disk_behind_stderr_harms_nobody() -> None:
    with open("/dev/full", "wb") as full:
        assert done(tells(3, stderr=full))


def test_a_closed_stderr_harms_nobody_and_nothing_is_written_to_what_has_its_number_now(tmp_path: Path) -> None:
    # Python sets sys.stderr to None, and the next file that is opened gets descriptor 2.
    code = TELLS.format(steps=3).replace("its =", f"file = open({str(tmp_path / 'data')!r}, 'wb', 0); its =")
    process = subprocess.Popen(["sh", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, code], stdout=subprocess.PIPE)

    assert done(process)
    assert (tmp_path / "data").read_bytes() == b""
