"""LD104: the process ends while it is answering; what is in flight is cut."""

from collections.abc import Iterator

from lameduck.ending.behaviour import Behaviour
from lameduck.ending.reasons import Cause
from lameduck.ending.requests import ClientKind, Fate
from lameduck.findings.examples import request
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witnessed
from lameduck.findings.words import after_mark, requests, when
from lameduck.pod.durations import Seconds
from lameduck.pod.programs import GRACEFUL_SIGNALS, program_of

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
`nginx -s quit` as the preStop hook is not the same: it returns at once, and SIGTERM, which follows it (T21), cuts the
drain short. A handler that is a process manager must wait for its workers: when PID 1 exits, the kernel kills the rest
(T57).
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
    ),
    Example(
        "a handler that drains for two seconds and leaves a stream open",
        container="lifecycle: {preStop: {sleep: {seconds: 5}}}",
        behaviour=Behaviour(drain_s=Seconds(2), main="uvicorn app:app"),
        requests=(request(Fate.CUT, -3.0, 7.0, kind=ClientKind.SSE),),
    ),
    Example(
        "a hook that stops the server at once",
        container="lifecycle: {preStop: {exec: {command: [sh, -c, 'sleep 5; nginx -s stop']}}}",
        behaviour=Behaviour(hook_s=Seconds(6), exits_in_hook_s=Seconds(5), main="nginx: master process nginx"),
        requests=(request(Fate.CUT, 4.2, 5.0, kind=ClientKind.SLOW),),
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
)


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
)
