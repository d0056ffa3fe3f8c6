"""LD103: the main process has no handler for the stop signal, so that as PID 1 it never notices it."""

from collections.abc import Iterator

from lameduck.ending.behaviour import Behaviour
from lameduck.ending.reasons import KillCause
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witnessed
from lameduck.findings.words import command, cost
from lameduck.pod.durations import Seconds

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
"""

BAD = (
    Example(
        "a Node server without process.on('SIGTERM')",
        container="command: [node, server.js]",
        behaviour=Behaviour(drain_s=None, reception="discarded", main="node server.js"),
    ),
    Example(
        "an image with STOPSIGNAL SIGQUIT, and a program that handles SIGTERM only",
        image_stop_signal="SIGQUIT",
        behaviour=Behaviour(drain_s=None, reception="discarded", main="/app/server"),
    ),
    Example(
        "a program that ignores the signal on purpose",
        behaviour=Behaviour(drain_s=None, reception="ignored", main="/app/server", below=("/app/worker",)),
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
)

_WHY = {
    "discarded": "has no handler for it, and the kernel discards it for PID 1",
    "ignored": "ignores it",
    "default": "has no handler for it",
}


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
)
