"""LD102: the shell has a trap for the stop signal, but a foreground child keeps it from running."""

from collections.abc import Iterator

from lameduck.ending.behaviour import Behaviour
from lameduck.ending.reasons import KillCause
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witnessed
from lameduck.findings.words import brief, command, cost, seconds
from lameduck.pod.durations import Seconds

__all__ = ["FINDING"]

PAGE = """
## What happens
The script sets a trap and then runs the service in the foreground. The shell catches the signal at once, but runs the
trap only when the foreground command has ended (T56), and that one was told nothing (T52). Both wait for each other
until SIGKILL.
## How to see it
`lameduck rehearse` shows that the signal was caught by a shell, that the service was still running below it at the
deadline, and that nothing happened in between. If the trap's own `echo` is missing in the output, it never ran. If it
did run and passed the signal on, the service below was too slow: then see LD301.
## How to mend it
Without something to clean up afterwards, no trap is needed: end the script with `exec python server.py`. Otherwise run
the service in the background and wait for it; `wait` lets the trap in. Wait once more in the trap, because the first
`wait` ends when the signal comes.
```sh
python server.py &
service=$!
trap 'kill -TERM "$service"; wait "$service"' TERM
wait "$service"
./clean-up
```
"""

BAD = (
    Example(
        "a trap, and the service in the foreground",
        container="command: [bash, /start.sh]",
        behaviour=Behaviour(drain_s=None, reception="caught", main="bash /start.sh", below=("python server.py",)),
    ),
)
GOOD = (
    Example(
        "the service in the background, and a trap that passes the signal on and waits",
        container="command: [bash, /start.sh]",
        behaviour=Behaviour(drain_s=Seconds(3), main="bash /start.sh", below=("python server.py",)),
    ),
    Example(
        "a server, not a shell, that has children and is too slow",
        behaviour=Behaviour(drain_s=None, main="gunicorn app:app", below=("gunicorn app:app",)),
        also=("LD301",),
    ),
)


def in_ending(witnessed: Witnessed) -> Iterator[Sighting]:
    for killed in witnessed.kills(KillCause.TRAP_WAITED):
        signal = killed.first.signal
        assert signal is not None  # or the cause would be another
        name = killed.first.container.name
        service = signal.below[-1]
        yield Sighting(
            name,
            witnessed.workload.pod.container(name).at,
            f"{command(signal.main)} catches {signal.signal}, but {command(service)} below it runs on for "
            f"{seconds(signal.timeout_s)}: {cost(killed)}",
            f"A trap runs only when the foreground command has ended. Write exec {brief(service)} in the script, or "
            "start it with & and wait for it, so that the trap can pass the signal on",
        )


FINDING = Finding(
    "LD102",
    "trap-waits-for-child",
    Severity.ERROR,
    facts=("T52", "T56"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_ending=in_ending,
)
