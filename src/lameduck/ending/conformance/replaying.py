"""Replay recordings of real endings through the flow: `python -m lameduck.ending.conformance FOLDER`.

One line for each recording, then a count. Exit status 0: all are reproduced; 1: one differs; 2: the folder or a file
in it cannot be used. Where a recording holds several runs, all of them are replayed, as far as their data go.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lameduck.ending.conformance.comparison import Compared, compare
from lameduck.ending.conformance.enactment import enact
from lameduck.ending.conformance.evidence import PodPlan, plan_of, pods_of
from lameduck.ending.conformance.recordings import Recording, Run, read_folder
from lameduck.ending.flow import FlowError
from lameduck.pod.place import InputError

__all__ = ["Replayed", "main", "replay"]

_HEARD_S = (0.0, 0.05, 0.1)
"""Delays from an exit to the end of the runtime's stop call; measured: median 0.04 s, 0.09 s in one of ten."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of one recording. `about_flow` False: there is no pod's ending in it."""

    name: str
    about_flow: bool
    differences: tuple[str, ...] = ()
    races: tuple[str, ...] = ()
    runs: int = 0
    containers: int = 0
    why_not: str = ""

    @property
    def line(self) -> str:
        """The one line for it."""
        if not self.about_flow:
            return f"{self.name}: not about the flow: {self.why_not}"
        if self.differences:
            more = f" (and {len(self.differences) - 1} more)" if len(self.differences) > 1 else ""
            return f"{self.name}: differs: {self.differences[0]}{more}"
        races = f"; a race: {'; '.join(dict.fromkeys(self.races))}" if self.races else ""
        return f"{self.name}: reproduced ({_count(self.containers, 'container')}, {_count(self.runs, 'run')}{races})"


def replay(recording: Recording) -> Replayed:
    """All pods of all runs of a recording, each with a flow of its own."""
    if recording.other:
        return Replayed(recording.name, about_flow=False, why_not=recording.other)
    differences: list[str] = []
    races: list[str] = []
    runs = containers = ended = 0
    for number, run in enumerate(recording.runs, 1):
        told = 0
        for pod in pods_of(recording, run):
            try:
                plan = plan_of(recording, pod, run)
                if plan is None:
                    continue
                ended_here, compared = _best(recording, run, pod, plan)
            except (FlowError, ValueError) as error:
                differences.append(f"{pod}: {error}")
                continue
            told += 1
            ended += ended_here
            where = "" if number == 1 else f"run {number}: "
            differences += [where + difference for difference in compared.differences]
            races += compared.races
            containers += compared.containers if number == 1 else 0
        runs += told > 0
    if not ended and not differences:
        return Replayed(recording.name, about_flow=False, why_not="no pod ends in it")
    return Replayed(recording.name, True, tuple(differences), tuple(races), runs, containers)


def _best(recording: Recording, run: Run, pod: str, plan: PodPlan) -> tuple[bool, Compared]:
    """The comparison; with other small delays, if the first one differs and time was charged at a whole second's edge.

    The kubelet charges whole seconds, rounded down (T17), of a wait that ends a few hundredths after an exit (T41).
    Where that falls upon a whole second, those hundredths decide; no rule says what they are.
    """
    first: tuple[bool, Compared] | None = None
    for heard_s in _HEARD_S:
        enacted = enact(plan, version=recording.version, gates=recording.gates, exits_heard_s=heard_s)
        compared = compare(recording, run, pod, plan, enacted)
        found = bool(enacted.commands), compared
        if not compared.differences:
            if first is not None:
                compared.races.append("a sidecar's wait was within 0.1 s of a whole second")
            return found
        first = first or found
        if not first[1].only_charging:
            break
    assert first is not None
    return first


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def main(arguments: Sequence[str]) -> int:
    """Replay the folder named by the one argument, print the lines, and answer the exit status."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m lameduck.ending.conformance FOLDER\n")
        return 2
    try:
        results = [replay(recording) for recording in read_folder(Path(arguments[0]))]
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for result in results:
        sys.stdout.write(f"{result.line}\n")
    about = [result for result in results if result.about_flow]
    differ = sum(bool(result.differences) for result in about)
    sys.stdout.write(
        f"{len(about) - differ} reproduced, {differ} differ, {len(results) - len(about)} not about the flow\n"
    )
    return 1 if differ else 0
