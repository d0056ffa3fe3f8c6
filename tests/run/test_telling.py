"""What run tells: lines, and a timeline that the project's own reader takes, in what the kubelet shows of it."""

import json
import signal
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from lameduck.ending.timeline import ContainerExited, KillSent, Note, Timeline
from lameduck.rehearse.processes import ProcessEngine
from lameduck.run.telling import LOG_BYTES, Telling, json_text
from tests.rehearse.containers import code_of
from tests.run.inits import in_front, play, ready, the_service

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_the_json_is_what_the_standard_library_reads(value: object) -> None:
    assert json.loads(json_text(value)) == value


def test_a_word_that_is_not_utf8_is_json_all_the_same() -> None:
    assert json.loads(json_text("caf\udce9")) == "caf\udce9"
    json_text("caf\udce9").encode("ascii")


@given(st.integers(0, 400), st.integers(0, 600))
def test_the_timeline_fits_and_says_how_much_is_left_out(count: int, width: int) -> None:
    telling = Telling(quiet=True, termination_log=None)
    for number in range(count):
        telling.step(float(number), "step", number=number, text="x" * width)
    data = telling.timeline()
    assert len(data) <= LOG_BYTES
    timeline = Timeline.from_json(json.loads(data))
    left_out = sum(int(note.text.split()[0]) for note in timeline.of(Note))
    assert len(timeline.events) - len(list(timeline.of(Note))) + left_out == count


def test_the_timeline_in_the_termination_log_is_read_back(tmp_path: Path) -> None:
    log = tmp_path / "termination-log"

    async def story(engine: ProcessEngine) -> None:
        command = in_front(
            *("--termination-log", str(log), "--lame-duck", "100ms", "--grace", "1500ms"),
            command=the_service(tmp_path, "app", "stays"),
        )
        container, _ = await ready(engine, command, "app ready", HOSTNAME="web-0", LAMEDUCK_CONTAINER="app")
        await container.signal(signal.SIGTERM)
        assert await code_of(container) == 137

    play(story)
    timeline = Timeline.from_json(json.loads(log.read_text()))
    assert timeline.witness == "run"
    exited = next(timeline.of(ContainerExited))
    assert (exited.pod, exited.container, exited.exit_code) == ("web-0", "app", 137)
    assert 1.3 < next(timeline.of(KillSent)).t_s < 1.5
    assert Timeline.from_json(timeline.to_json()) == timeline


def test_the_services_own_last_words_stay_in_the_termination_log(tmp_path: Path) -> None:
    log = tmp_path / "termination-log"
    script = f"trap 'echo out of licences > {log}; exit 1' TERM; echo ready; while :; do sleep 0.1; done"

    async def story(engine: ProcessEngine) -> None:
        command = in_front("--termination-log", str(log), command=("sh", "-c", script))
        container, _ = await ready(engine, command, "ready")
        await container.signal(signal.SIGTERM)
        assert await code_of(container) == 1

    play(story)
    assert log.read_text() == "out of licences\n"


def test_an_end_that_nobody_asked_for_is_told_nowhere(tmp_path: Path) -> None:
    log = tmp_path / "termination-log"

    async def story(engine: ProcessEngine) -> None:
        # The kubelet then shows the end of the container's own output (FallbackToLogsOnError).
        container, output = await ready(engine, in_front("--termination-log", str(log), command=("false",)))
        assert await code_of(container) == 1
        assert output.lines == []

    play(story)
    assert not log.exists()


def test_quiet_tells_nothing_on_stderr(tmp_path: Path) -> None:
    async def story(engine: ProcessEngine) -> None:
        container, output = await ready(engine, in_front("-q", command=the_service(tmp_path, "app")), "app ready")
        await container.signal(signal.SIGTERM)
        assert await code_of(container) == 0
        assert output.lines[1:] == ["app got SIGTERM"]

    play(story)
