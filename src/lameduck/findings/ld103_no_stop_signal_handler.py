"""LD103: the main process has no handler for the stop signal, so that as PID 1 it never notices it."""

from collections.abc import Iterator

from lameduck.ending.behaviour import Behaviour
from lameduck.ending.reasons import KillCause
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness, Witnessed
from lameduck.findings.words import command, cost, one_line
from lameduck.pod.case import Case
from lameduck.pod.containers import Container
from lameduck.pod.durations import Seconds
from lameduck.pod.entry import Entry, Link, WhyKept
from lameduck.pod.programs.deaf_servers import has_no_handler
from lameduck.pod.programs.obstacles import holds_container_open, hook_may_end, serving_entries, stop_signal
from lameduck.remedies.remedy import Json, Remedy, RemoveField, SetField

__all__ = ["FINDING"]

PAGE = """
## What happens
A container's main process is PID 1 of its PID namespace, and the kernel discards signals for which PID 1 has no
handler (T54). On a developer's machine the same program dies of SIGTERM at once, because there it is not PID 1 (T55).
In a pod it serves on until SIGKILL ends the grace, with everything that is in flight.
## How to see it
`lameduck rehearse` shows that the signal was discarded. In a cluster: every pod takes its whole grace to end, with
exit code 137; `grep SigCgt /proc/1/status` in the container lacks the signal's bit (0x4000 for SIGTERM).
## How to mend it
Install a handler that stops accepting, finishes the requests in flight, and exits. Without any, an init in front makes
the default action work again (`tini -- node server.js`): it then ends at once, and cuts what is in flight (LD104).
```js
process.on('SIGTERM', () => server.close(() => process.exit(0)));
```
```python
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
```
The stop signal is the image's STOPSIGNAL, and SIGTERM only where it names none (T50): handle that one, or change it.

`python -m http.server` and `flask run` are development servers without any handler; use one that drains (gunicorn,
uvicorn, nginx). A container that only sleeps loses nothing, but holds up every deletion and every drain of its node for
its whole grace. A shell that waits lets it go at once:
```yaml
command: [sh, -c, "trap 'exit 0' TERM; sleep infinity & wait"]
```
"""

BAD = (
    Example(
        "a Node server without process.on('SIGTERM')",
        container="command: [node, server.js]",
        behaviour=Behaviour(drain_s=None, reception="discarded", main="node server.js"),
        only=Witness.ENDING,
    ),
    Example(
        "an image with STOPSIGNAL SIGQUIT, and a program that handles SIGTERM only",
        image_stop_signal="SIGQUIT",
        behaviour=Behaviour(drain_s=None, reception="discarded", main="/app/server"),
        only=Witness.ENDING,
    ),
    Example(
        "a program that ignores the signal on purpose",
        behaviour=Behaviour(drain_s=None, reception="ignored", main="/app/server", below=("/app/worker",)),
        only=Witness.ENDING,
    ),
    Example(
        "Python's own web server",
        container="image: python:3.12-slim\ncommand: [python, -m, http.server, '8080']",
        behaviour=Behaviour(drain_s=None, reception="discarded", main="python -m http.server 8080"),
    ),
    Example(
        "Flask's development server, which an entrypoint script execs",
        files={
            "Dockerfile": 'FROM python:3.12-slim\nCOPY start.sh /\nCMD ["/start.sh"]\n',
            "start.sh": "#!/bin/sh\nset -e\nexec flask run --host 0.0.0.0\n",
        },
        only=Witness.FILES,
    ),
    Example(
        "a container that sleeps, to be looked into",
        container="image: debian:12\ncommand: [sleep, infinity]",
        only=Witness.FILES,
    ),
    Example(
        "a client that sleeps in an image of PostgreSQL, whose stop signal is SIGINT",
        container="image: postgres:16\ncommand: [sleep, '3600']",
        only=Witness.FILES,
    ),
    Example(
        "a container that a shell keeps alive",
        container="image: busybox:1.36\ncommand: [sh, -c]\nargs: ['echo ready; tail -f /dev/null']",
        only=Witness.FILES,
    ),
)
GOOD = (
    Example(
        "a server that handles SIGTERM",
        container="command: [node, server.js]",
        behaviour=Behaviour(drain_s=Seconds(1), main="node server.js"),
    ),
    Example(
        "an init in front, which takes the signal with sigwait: it is blocked, and passed on",
        container="command: [tini, --, node, server.js]",
        behaviour=Behaviour(
            drain_s=Seconds(0.1),
            exit_code=143,
            reception="blocked",
            main="tini -- node server.js",
            below=("node server.js",),
        ),
    ),
    Example(
        "a program of which the files do not tell what it makes of the signal",
        container="command: [python, server.py]",
        only=Witness.FILES,
    ),
    Example(
        "Java has a handler of its own",
        container="command: [java, -jar, app.jar]",
        only=Witness.FILES,
    ),
    Example(
        "Flask's development server with its reloader, which ends at the signal",
        container="command: [flask, run, --debug]",
        only=Witness.FILES,
    ),
    Example(
        "sleep below an init ends at once",
        container="command: [tini, --, sleep, infinity]",
        only=Witness.FILES,
    ),
    Example(
        "sleep in a pod that shares its PID namespace is not PID 1",
        pod="shareProcessNamespace: true",
        container="command: [sleep, infinity]",
        only=Witness.FILES,
    ),
    Example(
        "a container that sleeps, and a grace that keeps nobody waiting",
        pod="terminationGracePeriodSeconds: 2",
        container="image: debian:12\ncommand: [sleep, infinity]",
        only=Witness.FILES,
    ),
    Example(
        "a shell that waits for its sleep, and has a trap",
        container="command: [sh, -c, 'trap \"exit 0\" TERM; sleep infinity & wait']",
        only=Witness.FILES,
    ),
    Example(
        "a client in an image of PostgreSQL, which is stopped with SIGINT: the trap is for that",
        container="image: postgres:16\ncommand: [sh, -c, 'trap \"exit 0\" INT; sleep infinity & wait']",
        only=Witness.FILES,
    ),
    Example(
        "a script that sleeps for a moment and execs",
        container="command: [sh, -c, 'sleep 5; exec python server.py']",
        only=Witness.FILES,
    ),
)

_WHY = {
    "discarded": "has no handler for it, and the kernel discards it for PID 1",
    "ignored": "ignores it",
    "default": "has no handler for it",
}


_UNHEARD = frozenset({WhyKept.BACKGROUND, WhyKept.LOOP, WhyKept.NOT_EXEC, WhyKept.PIPELINE})
"""Shells without a trap: they hear as little of the signal as what they wait for."""


_BARELY_A_WAIT_S = 2
"""A grace that somebody chose because nothing here hears the signal, as samples do; SIGKILL comes no sooner (T24)."""


def in_files(case: Case) -> Iterator[Sighting]:
    grace_s = case.workload.pod.termination_grace_period_s
    for container, _, service in _seen(case):
        signal = stop_signal(case, container)
        held = holds_container_open(service)
        if held and grace_s <= _BARELY_A_WAIT_S:
            continue
        words = command(one_line(service.words))
        yield Sighting(
            container.name,
            service.inside.at if service.inside is not None else (service.at or container.at),
            f"{words} in {container.name} does not hear {signal}: each deletion lasts the whole grace of {grace_s} s"
            if held
            else f"{words} in {container.name} has no handler for {signal}, and the kernel discards it for PID 1: "
            f"SIGKILL cuts what it is answering after {grace_s} s",
            f"Let a shell wait for it: trap 'exit 0' {signal.removeprefix('SIG')}; sleep infinity & wait"
            if held
            else "Use a server that drains at its stop signal (gunicorn, uvicorn, nginx)",
            severity=Severity.INFO if held else None,
            span=service.span if service.inside is None else None,
        )


def _seen(case: Case) -> Iterator[tuple[Container, Entry, Link]]:
    if not case.workload.pod.main_is_pid1:
        return
    for container, entry in serving_entries(case):
        service, obstacle = entry.service, entry.obstacle
        if service is None or not entry.certain or hook_may_end(container.pre_stop):
            continue
        if not holds_container_open(service):
            unheard = bool(entry.service_is_pid1) and has_no_handler(case, container, service.words)
        elif obstacle is None:
            unheard = bool(entry.service_is_pid1)
        else:
            unheard = obstacle is entry.links[0] and obstacle.why in _UNHEARD
        if unheard:
            yield container, entry, service


def remedy(case: Case, seen: Sighting) -> Remedy | None:
    found = next((each for each in _seen(case) if each[0].name == seen.container), None)
    if found is None or not holds_container_open(found[2]):
        return None
    container, entry, service = found
    words = (*(container.command or ()), *(container.args or ()))
    if len(entry.links) != 1 or container.command is None or words != service.words:
        return None
    signal = stop_signal(case, container).removeprefix("SIG")  # dash knows no SIGTERM, only TERM
    script: list[Json] = ["sh", "-c", f"trap 'exit 0' {signal}; {' '.join(words)} & wait"]
    image = case.images.get(container.name)
    changes: list[SetField | RemoveField] = [
        SetField((*container.at, "command"), script, "a shell that waits runs its trap at once (T56)")
    ]
    if container.args is not None:
        changes.append(RemoveField((*container.at, "args"), "they stand in the command"))
    return Remedy(tuple(changes), safe=image is not None and "sh" in image.programs, title="Let a shell wait for it")


def in_ending(witnessed: Witnessed) -> Iterator[Sighting]:
    for killed in witnessed.kills(KillCause.NOT_HANDLED):
        signal = killed.first.signal
        assert signal is not None  # or the cause would be another
        name = killed.first.container.name
        other = "" if signal.signal == "SIGTERM" else "; or build the image with the STOPSIGNAL that it handles"
        yield Sighting(
            name,
            witnessed.workload.pod.container(name).at,
            f"{signal.signal} does nothing to {command(signal.main)}: it {_WHY[signal.reception]}; {cost(killed)}",
            f"Handle {signal.signal} in {name}: stop accepting, finish the requests in flight, exit 0{other}",
        )


FINDING = Finding(
    "LD103",
    "no-stop-signal-handler",
    Severity.ERROR,
    facts=("T50", "T54", "T55"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_ending=in_ending,
    in_files=in_files,
    remedy=remedy,
)
