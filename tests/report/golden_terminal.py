"""The terminal reports that are kept as text: `python -m tests.report.golden_terminal` writes them again."""

import io
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console

from lameduck.report.answer import Answer
from lameduck.report.terminal import render_terminal
from tests.report import sample_answers

__all__ = ["GOLDEN", "PAGES", "printed"]

GOLDEN = Path(__file__).with_name("golden")
PAGES: Mapping[str, tuple[Callable[[], Answer], int]] = {
    "graceful-80": (sample_answers.graceful, 80),
    "no-pre-stop-80": (sample_answers.no_pre_stop, 80),
    "no-pre-stop-60": (sample_answers.no_pre_stop, 60),
    "killed-100": (sample_answers.killed, 100),
    "rollout-80": (sample_answers.rollout, 80),
    "sidecars-80": (sample_answers.sidecars, 80),
    "no-traffic-80": (sample_answers.no_traffic, 80),
}
"""Name of the text file: which answer, how many columns."""


def printed(answer: Answer, width: int, *, encoding: str = "utf-8", verbose: bool = False) -> str:
    """What a stream of that width and encoding gets; a stream is no terminal, so there are no colours."""
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding=encoding, newline="\n")
    render_terminal(answer, console=Console(file=stream, width=width), verbose=verbose)
    stream.flush()
    return written.getvalue().decode(encoding)


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name, (make, width) in PAGES.items():
        (GOLDEN / f"{name}.txt").write_text(printed(make(), width), encoding="utf-8")
