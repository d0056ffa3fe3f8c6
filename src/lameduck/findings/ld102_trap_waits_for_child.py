"""LD102: the shell has a trap for the stop signal, but a foreground child keeps it from running."""

from collections.abc import Iterator

from lameduck.ending.behaviour import Behaviour
from lameduck.ending.reasons import KillCause
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness, Witnessed
from lameduck.findings.words import brief, command, cost, one_line, seconds, shown
from lameduck.pod.case import Case
from lameduck.pod.durations import Seconds
from lameduck.pod.entry import Passes, WhyKept
from lameduck.pod.programs.obstacles import Obstructed, holds_container_open, obstructed
from lameduck.remedies.execs import put_exec, put_in_background
from lameduck.remedies.remedy import Remedy

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
        files={
            "Dockerfile": "FROM python:3.12-slim\nCOPY start.sh /\n",
            "start.sh": "#!/bin/bash\nclean_up() {\n  rm -f /tmp/pid\n  exit 0\n}\ntrap clean_up TERM\n"
            "python server.py\n",
        },
    ),
    Example(
        "a trap in the manifest, and the service in the foreground",
        container="image: debian:12\ncommand: [sh, -c, 'trap \"exit 0\" TERM; python server.py']",
        only=Witness.FILES,
    ),
    Example(
        "a trap that is to end a container that only sleeps",
        container="command: [bash, -c, 'trap \"exit 0\" TERM; sleep 3600']",
        only=Witness.FILES,
    ),
    Example(
        "a trap that says something and passes nothing on",
        container="command: [bash, -c, 'trap \"echo stopping\" TERM; python server.py & wait $!; wait $!']",
        only=Witness.FILES,
    ),
    Example(
        "a trap between double quotes: the service's PID is put in before there is a service",
        container="command: [bash, -c, "
        "'trap \"kill -TERM $p; wait $p\" TERM; python server.py & p=$!; wait $p; wait $p']",
        only=Witness.FILES,
    ),
    Example(
        "a trap that ignores the signal, for the service as well",
        container="command: [bash, -c, 'trap \"\" TERM; python server.py; echo ended']",
        only=Witness.FILES,
    ),
)
GOOD = (
    Example(
        "the service in the background, and a trap that passes the signal on and waits",
        container="command: [bash, /start.sh]",
        behaviour=Behaviour(drain_s=Seconds(3), main="bash /start.sh", below=("python server.py",)),
        files={
            "Dockerfile": "FROM python:3.12-slim\nCOPY start.sh /\n",
            "start.sh": "#!/bin/bash\nclean_up() {\n  kill -TERM $service\n  wait $service\n  exit 0\n}\n"
            "trap clean_up TERM\npython server.py &\nservice=$!\nwait $service\n",
        },
    ),
    Example(
        "the second wait stands behind the first instead of in the trap",
        container="command: [bash, -c, \"trap 'kill -TERM $!' TERM; python server.py & wait $!; wait $!\"]",
        only=Witness.FILES,
    ),
    Example(
        "a trap that signals the whole group and waits",
        container="command: [bash, -c, 'trap \"trap - TERM; kill 0; wait\" TERM; python server.py & wait']",
        only=Witness.FILES,
    ),
    Example(
        "a trap that is set while the script prepares, and is gone with exec",
        container="command: [bash, -c, 'trap \"exit 1\" TERM; mkdir -p /tmp/cache; exec python server.py']",
        only=Witness.FILES,
    ),
    Example(
        "sleep in the background, so that the trap runs at once",
        container="command: [bash, -c, 'trap \"exit 0\" TERM; sleep infinity & wait']",
        only=Witness.FILES,
    ),
    Example(
        "dumb-init tells the whole group, so that the service hears the signal itself, and the trap runs after it",
        container="command: [dumb-init, bash, -c, 'trap \"exit 0\" TERM; python server.py']",
        only=Witness.FILES,
    ),
    Example(
        "a server, not a shell, that has children and is too slow",
        behaviour=Behaviour(drain_s=None, main="gunicorn app:app", below=("gunicorn app:app",)),
        also=("LD301",),
    ),
)


def in_files(case: Case) -> Iterator[Sighting]:
    for found in _seen(case):
        name, service = found.container.name, _service(found)
        doubt = "" if found.entry.certain else f"; in doubt, because {found.entry.doubt}"
        shell = shown(found.obstacle, found.behind)
        if found.obstacle.why is WhyKept.TRAP_BLOCKED:
            message = (
                f"The trap of {shell} in {name} cannot run while {command(service)} is in the foreground, and that one "
                f"is told nothing of {found.signal}"
            )
        else:
            message = f"The trap of {shell} in {name} passes {found.signal} on to nobody: {command(service)} runs on"
        grace_s = case.workload.pod.termination_grace_period_s
        yield Sighting(
            name,
            found.at,
            f"{message}; SIGKILL ends it after {grace_s} s{doubt}",
            f"Put & behind {brief(service)}, and wait for it"
            if holds_container_open(found.service)
            else f"Take the trap away and write exec {brief(service)}, or kill and wait for it in the trap",
            severity=None if found.entry.certain else Severity.WARNING,
            span=found.span,
            uncertain=not found.entry.certain,
        )


def _seen(case: Case) -> Iterator[Obstructed]:
    for found in obstructed(case):
        blocked = found.obstacle.why is WhyKept.TRAP_BLOCKED
        silent = found.obstacle.why is WhyKept.TRAP_NO_FORWARD and not holds_container_open(found.service)
        if found.obstacle.passes is Passes.KEEPS and (blocked or silent):
            yield found


def _service(found: Obstructed) -> str:
    return one_line(found.service.words) if found.service is not None else "the service"


def remedy(case: Case, seen: Sighting) -> Remedy | None:
    found = next((each for each in _seen(case) if each.is_at(seen.container, seen.at, seen.span)), None)
    if found is None or found.obstacle.why is not WhyKept.TRAP_BLOCKED:
        return None
    return put_in_background(found) if holds_container_open(found.service) else put_exec(found)


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
    in_files=in_files,
    remedy=remedy,
)
