"""LD101: the stop signal meets a shell or wrapper, which lets it fall; the service below it never hears of it."""

from collections.abc import Iterator

from lameduck.ending.behaviour import Behaviour
from lameduck.ending.reasons import KillCause
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witnessed
from lameduck.findings.words import brief, command, cost
from lameduck.pod.durations import Seconds
from lameduck.pod.programs import SHELLS, program_of

__all__ = ["FINDING"]

PAGE = """
## What happens
The stop signal goes to the container's main process and to nobody else (T52). Here that is a shell (or `npm`, `yarn`
and the like) that started the service as a child and waits for it. A shell passes no signal on (T56), and as PID 1
without a trap it does not even die of it: the kernel discards the signal (T54). So the service serves on as if nothing
had happened, and all of its requests in flight die with it when SIGKILL ends the grace.
## How to see it
`lameduck rehearse` shows what the signal met and what ran below it. In a cluster: every pod takes its whole grace to
end and leaves with exit code 137; `kubectl exec POD -- cat /proc/1/cmdline` names a shell.
## How to mend it
Let the service take the shell's place: `exec` before the last command of the script.
```sh
#!/bin/sh
set -e
./migrate
exec python server.py        # not: python server.py
```
In a Dockerfile or manifest, write the command as a list, so that no shell is asked for:
`command: [python, server.py]`. Instead of `npm start`, start what it starts: `command: [node, server.js]`. `tini` or
`dumb-init` in front of the shell is no cure: the shell then dies of the signal, and the service is killed with it at
once (T57).
"""

BAD = (
    Example(
        "an entrypoint script that starts the service without exec",
        container="command: [sh, /start.sh]",
        behaviour=Behaviour(drain_s=None, reception="discarded", main="sh /start.sh", below=("python server.py",)),
    ),
    Example(
        "npm in front of the service, in a shell of its own",
        container="command: [npm, start]",
        behaviour=Behaviour(
            drain_s=None, reception="default", main="npm start", below=("sh -c node server.js", "node server.js")
        ),
    ),
)
GOOD = (
    Example(
        "the script ends with exec: the service is PID 1 and drains",
        container="command: [sh, /start.sh]",
        behaviour=Behaviour(drain_s=Seconds(2), main="python server.py"),
    ),
    Example(
        "a server with workers below it that catches the signal itself",
        behaviour=Behaviour(drain_s=Seconds(2), main="gunicorn app:app", below=("gunicorn app:app",)),
    ),
    Example(
        "a shell whose trap passes the signal on and waits",
        container="command: [bash, /start.sh]",
        behaviour=Behaviour(drain_s=Seconds(2), main="bash /start.sh", below=("python server.py",)),
    ),
)


def in_ending(witnessed: Witnessed) -> Iterator[Sighting]:
    for killed in witnessed.kills(KillCause.NOT_PASSED_ON):
        signal = killed.first.signal
        assert signal is not None  # or the cause would be another
        name = killed.first.container.name
        service = signal.below[-1]
        yield Sighting(
            name,
            witnessed.workload.pod.container(name).at,
            f"{signal.signal} stops at {command(signal.main)}: {command(service)} below it never hears of it and is "
            f"{cost(killed)}",
            f"End the script with: exec {brief(service)}"
            if program_of(signal.main) in SHELLS
            else f"Start the service itself, without {program_of(signal.main)}: {brief(service)}",
        )


FINDING = Finding(
    "LD101",
    "signal-stops-at-shell",
    Severity.ERROR,
    facts=("T52", "T54", "T56", "T57"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_ending=in_ending,
)
