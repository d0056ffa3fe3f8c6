"""LD104: the process ends while it is answering; what is in flight is cut."""

from collections.abc import Iterator

from lameduck.ending.behaviour import Behaviour
from lameduck.ending.reasons import Cause
from lameduck.ending.requests import ClientKind, Fate
from lameduck.findings.examples import SERVICE, request
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness, Witnessed
from lameduck.findings.words import after_mark, requests, when
from lameduck.pod.case import Case
from lameduck.pod.containers import Container
from lameduck.pod.durations import Seconds
from lameduck.pod.entry import Span
from lameduck.pod.programs.hook_steps import hook_wait
from lameduck.pod.programs.main_command import software
from lameduck.pod.programs.obstacles import hook_may_end, serving_entries
from lameduck.pod.programs.program_names import GRACEFUL_SIGNALS, program_of
from lameduck.pod.programs.receivers import receivers
from lameduck.pod.programs.stop_manners import AT_SIGNAL, Manner
from lameduck.remedies.remedy import EditText, Remedy

__all__ = ["FINDING"]

PAGE = """
## What happens
The process gets the stop signal, or is told to end by its own hook, and leaves at once. The requests that it was
answering are cut in the middle, however long the grace is; a preStop delay does not help them, it only moves the
moment. Some servers do this on SIGTERM by design and have another signal for a graceful stop: nginx and php-fpm
SIGQUIT, httpd SIGWINCH, haproxy SIGUSR1 (B11).
## How to see it
`lameduck rehearse` with slow requests, uploads or streams in its mix counts requests cut at the signal or at the exit.
From outside: responses that are shorter than their Content-Length, connections reset.
## How to mend it
In your own server: at the signal stop accepting, finish what is in flight, then exit; the time for it is what the hook
leaves of the grace (T18). For a server that has a signal for it, let the image name that signal (T50):
```dockerfile
FROM nginx:1.27
STOPSIGNAL SIGQUIT
```
The other way round is as bad: gunicorn drains at SIGTERM and stops at once at SIGQUIT, which a base image may have set.
PostgreSQL waits at SIGTERM until every client has gone by itself, so until SIGKILL; its image says SIGINT.

`nginx -s quit` as the preStop hook is not the same: it returns at once, and SIGTERM, which follows it (T21), cuts the
drain short. Where it is a shell or an init in front that leaves too early, see LD105. A handler that is a process
manager must wait for its workers: when PID 1 exits, the kernel kills the rest (T57).
"""

BAD = (
    Example(
        "nginx, whose SIGTERM is the fast stop",
        container="image: registry.example/nginx-with-sigterm\nlifecycle: {preStop: {sleep: {seconds: 5}}}",
        behaviour=Behaviour(main="nginx: master process nginx -g daemon off;", below=("nginx: worker process",)),
        requests=(
            request(Fate.OK, 1.0),
            request(Fate.CUT, 4.2, 5.01, kind=ClientKind.SLOW),
            request(Fate.RESET, 4.9, 5.01),
        ),
        only=Witness.ENDING,
    ),
    Example(
        "a handler that drains for two seconds and leaves a stream open",
        container="lifecycle: {preStop: {sleep: {seconds: 5}}}",
        behaviour=Behaviour(drain_s=Seconds(2), main="uvicorn app:app"),
        requests=(request(Fate.CUT, -3.0, 7.0, kind=ClientKind.SSE),),
        only=Witness.ENDING,
    ),
    Example(
        "a hook that stops the server at once",
        container="lifecycle: {preStop: {exec: {command: [sh, -c, 'sleep 5; nginx -s stop']}}}",
        behaviour=Behaviour(hook_s=Seconds(6), exits_in_hook_s=Seconds(5), main="nginx: master process nginx"),
        requests=(request(Fate.CUT, 4.2, 5.0, kind=ClientKind.SLOW),),
        only=Witness.ENDING,
    ),
    Example(
        "nginx installed in a Debian image, which has no STOPSIGNAL",
        container="ports: [{containerPort: 8080}]",
        files={
            "Dockerfile": "FROM debian:12-slim\nRUN apt-get update && apt-get install -y nginx\n"
            'CMD ["nginx", "-g", "daemon off;"]\n'
        },
        objects=SERVICE,
        also=("LD201",),
        only=Witness.FILES,
    ),
    Example(
        "the official image, with its STOPSIGNAL undone",
        files={"Dockerfile": "FROM nginx:1.27\nCOPY site /usr/share/nginx/html\nSTOPSIGNAL SIGTERM\n"},
        only=Witness.FILES,
    ),
    Example(
        "httpd started in the manifest, and a delay: only long downloads are cut",
        container="image: debian:12\ncommand: [apache2, -D, FOREGROUND]\nlifecycle: {preStop: {sleep: {seconds: 5}}}",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "gunicorn in an image that inherits SIGQUIT from nginx",
        files={
            "Dockerfile": "FROM nginx:1.27\nRUN apt-get install -y python3 gunicorn\n"
            'ENTRYPOINT ["gunicorn", "app:app"]\n'
        },
        only=Witness.FILES,
        also=("LD301",),
    ),
    Example(
        "haproxy behind dumb-init, which passes SIGTERM on as it is",
        files={
            "Dockerfile": "FROM alpine:3.20\nRUN apk add haproxy dumb-init\n"
            'ENTRYPOINT ["dumb-init", "--"]\nCMD ["haproxy", "-f", "/etc/haproxy.cfg"]\n'
        },
        only=Witness.FILES,
    ),
    Example(
        "postgres at SIGTERM waits for its clients",
        files={"Dockerfile": 'FROM alpine:3.20\nRUN apk add postgresql\nCMD ["postgres", "-D", "/data"]\n'},
        only=Witness.FILES,
    ),
)
GOOD = (
    Example(
        "nginx with SIGQUIT finishes its downloads",
        container="image: nginx:1.27\nlifecycle: {preStop: {sleep: {seconds: 5}}}",
        image_stop_signal="SIGQUIT",
        behaviour=Behaviour(drain_s=Seconds(3), main="nginx: master process nginx -g daemon off;"),
        requests=(request(Fate.OK, 4.2, 8.0, kind=ClientKind.SLOW),),
    ),
    Example(
        "a request that comes after the signal was not in flight: that is the missing delay",
        behaviour=Behaviour(main="/app/server"),
        requests=(request(Fate.REFUSED, 0.3),),
        also=("LD201",),
    ),
    Example(
        "an image built on the official one keeps its STOPSIGNAL",
        files={"Dockerfile": "FROM nginx:1.27\nCOPY site /usr/share/nginx/html\n"},
        only=Witness.FILES,
    ),
    Example(
        "nginx in an image of which nobody knows the STOPSIGNAL",
        container="command: [nginx, -g, daemon off;]",
        only=Witness.FILES,
    ),
    Example(
        "an nginx of before 1.21, whose stop signal the tag does not tell for certain",
        container="image: nginx:1.20",
        only=Witness.FILES,
    ),
    Example(
        "the hook makes nginx quit and waits for its end: what comes of that is LD206's matter",
        container="image: debian:12\ncommand: [nginx, -g, daemon off;]\n"
        "lifecycle: {preStop: {exec: {command: [sh, -c, 'sleep 5; nginx -s quit; sleep 20']}}}",
        only=Witness.FILES,
    ),
    Example(
        "dumb-init rewrites the signal",
        container="image: debian:12\ncommand: [dumb-init, --rewrite, '15:3', --, nginx, -g, daemon off;]",
        only=Witness.FILES,
    ),
    Example(
        "gunicorn in an image without a STOPSIGNAL gets SIGTERM, and drains",
        files={"Dockerfile": 'FROM python:3.12-slim\nCMD ["gunicorn", "app:app"]\n'},
        only=Witness.FILES,
        also=("LD301",),
    ),
    Example(
        "nginx only tests its configuration, and then something else runs",
        container="image: debian:12\ncommand: [bash, -c, 'nginx -t && exec python server.py']",
        only=Witness.FILES,
    ),
)


def in_files(case: Case) -> Iterator[Sighting]:
    behind = {receiver.container.name for receiver in receivers(case)}
    for container, server, signal, manner in _seen(case):
        image = case.images[container.name]
        delayed = hook_wait(container.pre_stop).least_s > 0 or container.name not in behind
        entry = case.entries[container.name]
        first = entry.links[0].span if entry.links else None
        yield Sighting(
            container.name,
            (*container.at, "image"),
            f"{server} in {container.name} gets {signal}, {manner.what}",
            f"Give the image STOPSIGNAL {manner.graceful}, at which {server} {manner.then}",
            severity=Severity.WARNING if delayed or manner.waits else None,
            span=image.stop_signal_at or first,
        )


def _seen(case: Case) -> Iterator[tuple[Container, str, str, Manner]]:
    for container, entry in serving_entries(case):
        image, server = case.images.get(container.name), software(case, container)
        if image is None or not image.stop_signal_known or server is None or not entry.certain or entry.others:
            continue
        signal = entry.arriving(image.stop_signal or "SIGTERM") if entry.service is not None else None
        manner = AT_SIGNAL.get((server, signal)) if signal is not None else None
        if signal is not None and manner is not None and not hook_may_end(container.pre_stop):
            yield container, server, signal, manner


def remedy(case: Case, seen: Sighting) -> Remedy | None:
    found = next((each for each in _seen(case) if each[0].name == seen.container), None)
    if found is None:
        return None
    container, server, _, manner = found
    image, entry = case.images[container.name], case.entries[container.name]
    if any(link.sends is not None for link in entry.links):
        return None  # what is rewritten on the way must change there
    reason = f"{server} {manner.then} at {manner.graceful} (B11)"
    if image.stop_signal_at is not None:
        change = EditText(image.stop_signal_at, manner.graceful, reason)
    elif image.last is not None:
        end = Span(image.last.source, image.last.end, image.last.end)
        change = EditText(end, f"\nSTOPSIGNAL {manner.graceful}", reason)
    else:
        return None
    # Other containers may start other programs from an image that this one starts something of its own from.
    own = container.command is None and container.args is None
    return Remedy((change,), safe=own, title=f"Set STOPSIGNAL {manner.graceful}")


def in_ending(witnessed: Witnessed) -> Iterator[Sighting]:
    from lameduck.ending.timeline import SignalSent

    losses = witnessed.losses(Cause.CUT_BY_STOP, Cause.CUT_BY_EXIT)
    if not losses:
        return
    container = witnessed.serving
    times = when(after_mark(losses, witnessed.verdict.endings))
    pods = {loss.request.pod for loss in losses}
    signal = next(
        (sent for sent in witnessed.timeline.of(SignalSent, container=container.name) if sent.pod in pods), None
    )
    if signal is None:
        yield Sighting(
            container.name,
            container.at,
            f"{container.name} exits before it gets a stop signal and cuts {requests(len(losses))} in flight, {times}",
            f"Let {container.name} finish its requests before it exits; a hook that ends it must wait for them",
        )
        return
    program = program_of(signal.main)
    at_once = any(loss.cause is Cause.CUT_BY_STOP for loss in losses)
    graceful = GRACEFUL_SIGNALS.get(program)
    yield Sighting(
        container.name,
        container.at,
        f"{program or container.name} cuts {requests(len(losses))} in flight, "
        f"{times}: {f'it does not finish them at {signal.signal}' if at_once else 'it exits before they are answered'}",
        f"Build the image with STOPSIGNAL {graceful}: {program} finishes its requests at that signal, not at "
        f"{signal.signal}"
        if graceful is not None and graceful != signal.signal
        else f"At {signal.signal}, let {container.name} stop accepting, finish what is in flight, then exit: it has "
        f"{signal.timeout_s} s for that",
    )


FINDING = Finding(
    "LD104",
    "stop-cuts-requests",
    Severity.ERROR,
    facts=("B11", "T18", "T21", "T50", "T57"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_ending=in_ending,
    in_files=in_files,
    remedy=remedy,
)
