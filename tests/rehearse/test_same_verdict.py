"""The same rehearsal gives the same verdict, and takes no longer than it must."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.invoking import BROKEN, lameduck

pytestmark = pytest.mark.xdist_group("real servers")

PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
RUNS = 3
"""benchmarks/same_verdict.py does it twenty times."""
BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "same_verdict.py"


def test_the_same_rehearsal_gives_the_same_verdict_every_time() -> None:
    ended = subprocess.run(
        [sys.executable, BENCHMARK, str(RUNS)], capture_output=True, text=True, timeout=110, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    verdicts = {line.split()[0]: line.split(";")[0].split(maxsplit=1)[1] for line in ended.stdout.splitlines()}
    assert verdicts == {
        "no-delay": f"{RUNS} x ungraceful",
        "no-delay-mended": f"{RUNS} x graceful",
        "exits-at-once": f"{RUNS} x ungraceful",
        "exits-at-once-mended": f"{RUNS} x graceful",
    }, ended.stdout


@pytest.mark.parametrize("form", ["no-delay", "no-delay-mended"])
def test_a_rehearsal_takes_the_start_the_ending_and_six_seconds(form: str) -> None:
    """A promise about seconds: what the traffic needs before and after, not how fast this machine is.

    `benchmarks/rehearsal_time.py` prints how many they are; two more are left here to a machine that runs all tests.
    """
    began = time.monotonic()
    outcome = lameduck("rehearse", "-q", "--format", "json", str(BROKEN / f"{form}.yaml"), env={"PATH": PATH})
    took_s = time.monotonic() - began
    assert outcome.code in (0, 1), outcome.stderr
    answer = json.loads(outcome.stdout)
    start_s, ending_s = start_of(answer), answer["endings"][0]["total_s"]
    assert took_s <= start_s + ending_s + 6 + 2, f"{took_s:.1f} s: start {start_s:.1f} s, ending {ending_s:.1f} s"


def start_of(answer: dict[str, Any]) -> float:
    """Seconds until all first replicas were ready."""
    events = answer["timeline"]["events"]
    first = {event["pod"] for event in events if event["what"] == "replica-planned" and not event["replacement"]}
    ready = [e["t_s"] for e in events if e["what"] == "pod-ready" and e["ready"] and e["pod"] in first]
    return float(max(ready) - min(event["t_s"] for event in events))
