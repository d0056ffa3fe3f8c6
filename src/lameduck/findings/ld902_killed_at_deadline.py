"""LD902: a container was killed at its deadline, and the witness could not see whether the signal reached it."""

from collections.abc import Iterator

from lameduck.ending.behaviour import Behaviour
from lameduck.ending.reasons import KillCause
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witnessed
from lameduck.findings.words import command, cost
from lameduck.pod.durations import Seconds

__all__ = ["FINDING"]

PAGE = """
## What happens
The container was still running when its time was over, and SIGKILL ended it (T18) with all that was in flight. Whether
it ever noticed the stop signal is not known: this witness cannot read the signal's reception here, or the process
blocks the signal, which programs do that take it with sigwait or a signalfd, and others by mistake.
## How to see it
Exit code 137 at the end of the grace; 137 alone does not tell who killed (T58).
## How to mend it
Find out which it is. `grep Sig /proc/1/status` in the container shows the blocked (SigBlk), ignored (SigIgn) and
caught (SigCgt) signals; bit 0x4000 is SIGTERM. Not caught: LD103, or LD101 if PID 1 is a shell. Caught, and still too
slow: LD301. A threading library or a parent that blocks signals hands that mask on to its children: unblock them
before `exec`.
"""

BAD = (
    Example(
        "a process that has the signal blocked and never takes it",
        behaviour=Behaviour(drain_s=None, reception="blocked", main="/app/server"),
    ),
    Example(
        "an ending of which nobody could read the signal's reception",
        behaviour=Behaviour(drain_s=None, reception="unknown", main=""),
    ),
)
GOOD = (
    Example(
        "a process that takes the blocked signal with sigwait, and ends",
        behaviour=Behaviour(drain_s=Seconds(1), reception="blocked", main="/app/server"),
    ),
)


def in_ending(witnessed: Witnessed) -> Iterator[Sighting]:
    for killed in witnessed.kills(KillCause.CANNOT_TELL):
        signal = killed.first.signal
        name = killed.first.container.name
        blocked = signal is not None and signal.reception == "blocked"
        why = (
            f"{command(signal.main)} blocks {signal.signal}"
            if signal is not None and blocked
            else "cannot tell what its stop signal met"
        )
        yield Sighting(
            name,
            witnessed.workload.pod.container(name).at,
            f"{name} is {cost(killed)}: {why}",
            f"Look at SigBlk and SigCgt in /proc/1/status of {name}: is the stop signal taken there?",
        )


FINDING = Finding(
    "LD902",
    "killed-at-deadline",
    Severity.ERROR,
    facts=("T18", "T58"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_ending=in_ending,
)
