"""The report on a terminal: kept texts, and what must hold for any width, encoding and content."""

import io
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from lameduck.report.answer import Answer
from lameduck.report.terminal import render_terminal
from tests.report import sample_answers
from tests.report.golden_terminal import GOLDEN, PAGES, printed

ANSWERS = (*sample_answers.everything(), sample_answers.hostile())


@pytest.mark.parametrize("name", PAGES)
def test_the_report_is_the_one_that_was_looked_at(name: str) -> None:
    make, width = PAGES[name]
    again = "look at it, then: python -m tests.report.golden_terminal"
    assert printed(make(), width) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8"), again


@pytest.mark.parametrize("width", [60, 72, 80, 110, 200])
@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.title[:12])
def test_no_line_is_wider_than_the_terminal(answer: Answer, width: int) -> None:
    lines = printed(answer, width, verbose=True).splitlines()
    assert max(map(cell_len, lines)) <= width
    assert not [line for line in lines if line.endswith(" ")]


def test_what_runs_together_on_one_line_stays_readable_below_sixty_columns() -> None:
    assert "NOT GRACEFUL" in printed(sample_answers.no_pre_stop(), 40)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "gbk", "cp437"])
@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.title[:12])
def test_an_encoding_without_the_glyphs_gets_others(answer: Answer, encoding: str) -> None:
    text = printed(answer, 80, encoding=encoding)
    assert "GRACEFUL" in text


def test_in_ascii_every_phase_of_a_lane_still_has_a_glyph_of_its_own() -> None:
    text = printed(sample_answers.sidecars(), 80, encoding="ascii")
    (proxy,) = (line for line in text.splitlines() if line.startswith(" proxy"))
    assert re.search(r"--:+\.+v#+o", proxy)


def test_the_terminal_gets_no_control_characters_of_others() -> None:
    text = printed(sample_answers.hostile(), 80, verbose=True)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
    assert r"\x1b[31m" in text


def test_square_brackets_are_no_markup() -> None:
    assert "[31m" in printed(sample_answers.hostile(), 80)


def test_there_are_colours_on_a_terminal_and_none_elsewhere() -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=80, force_terminal=True, color_system="standard")
    render_terminal(sample_answers.no_pre_stop(), console=console)
    assert "\x1b[" in stream.getvalue()
    assert "\x1b[" not in printed(sample_answers.no_pre_stop(), 80)


def test_the_signal_the_kill_and_the_exit_are_all_seen_however_close_they_are() -> None:
    (app,) = (line for line in printed(sample_answers.killed(), 60).splitlines() if line.startswith(" app"))
    assert "▼" in app
    assert "✗●" in app


def test_a_single_lost_request_among_thousands_is_seen() -> None:
    text = printed(sample_answers.huge(), 80)
    (lost,) = (line for line in text.splitlines() if line.startswith(" lost"))
    assert lost.endswith("1")
    assert "█" in lost
    assert "1 lost (<0.1 %)" in text


def test_verbose_adds_the_events_and_what_the_processes_wrote() -> None:
    brief, verbose = (printed(sample_answers.graceful(), 100, verbose=flag) for flag in (False, True))
    assert "shutting down" not in brief
    assert "     5.034 s  web-0/app  stderr: INFO: shutting down" in verbose
    assert "     0.000 s  web-0  deletion marked, grace 30 s" in verbose


def test_a_long_record_is_cut_and_says_so() -> None:
    text = printed(sample_answers.huge(), 80, verbose=True)
    assert "earlier lines left out: --format json has them all" in text
    assert len(text.splitlines()) < 1500


def test_a_rollout_of_many_pods_stays_bounded_and_says_what_it_leaves_out() -> None:
    text = printed(sample_answers.many_pods(30), 80)
    assert "26 more pods not drawn here" in text
    assert len(text.splitlines()) < 120


def test_the_worst_pods_of_a_rollout_are_the_ones_that_are_drawn() -> None:
    text = printed(sample_answers.many_pods(30), 80)
    assert "web-29  grace 30 s" in text


@pytest.mark.parametrize("width", range(26, 60))
def test_the_numbers_on_the_axis_never_run_into_each_other(width: int) -> None:
    axis = [line for line in printed(sample_answers.no_pre_stop(), width).splitlines() if line.lstrip()[:4] == "0 s "]
    assert all(re.fullmatch(r"( +[\d.]+ s)+", line) for line in axis)
    assert axis
