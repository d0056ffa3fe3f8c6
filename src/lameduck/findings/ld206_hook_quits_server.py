"""LD206: the preStop hook makes the server quit, before clients have left or right before a signal that cuts it."""

from collections.abc import Iterator

from lameduck.findings.examples import SERVICE
from lameduck.findings.finding import Example, Finding, Severity, Sighting
from lameduck.pod.case import Case
from lameduck.pod.containers import Container
from lameduck.pod.handlers import Exec
from lameduck.pod.programs.hook_steps import HookStep, Wait, hook_steps, step_place, steps_wait
from lameduck.pod.programs.main_command import software
from lameduck.pod.programs.program_names import GRACEFUL_SIGNALS
from lameduck.pod.programs.receivers import receivers
from lameduck.pod.programs.stop_requests import StopRequest, stop_request
from lameduck.pod.records import dataclass
from lameduck.remedies.pauses import DELAY_S, pause, room_for_pause
from lameduck.remedies.remedy import Json, Remedy, SetField

__all__ = ["FINDING"]

PAGE = """
## What happens
`nginx -s quit`, `apachectl graceful-stop` and `kill -QUIT` only tell the server to begin, and return at once. Two
things go wrong. The server closes its sockets in the first moment of the deletion, while clients still come: nothing
waits for the endpoints (T76). And the kubelet, which sees the hook end, sends the stop signal at once (T21): where that
is SIGTERM, nginx, php-fpm and httpd take it as "stop now" and cut the downloads that they were about to finish (B11).
## How to see it
`lameduck rehearse` shows a hook of a few milliseconds, a signal right behind it, and requests cut then. In a cluster:
broken downloads at every rollout, although "there is a graceful preStop".
## How to mend it
The official nginx, httpd, php-fpm and haproxy images have a STOPSIGNAL that drains already (T50). There the hook only
has to wait:
```yaml
lifecycle:
  preStop:
    sleep: {seconds: 5}
```
Where the image has no such STOPSIGNAL, give it one in its Dockerfile (`STOPSIGNAL SIGQUIT`), or keep the hook open
until the server is gone. The container's end then ends the hook, too (T20, T31): `command: [sh, -c, "sleep 5; nginx -s
quit; sleep 20"]`.
"""

BAD = (
    Example(
        "nginx -s quit in an image whose stop signal is SIGTERM",
        container="image: registry.example/nginx:1\ncommand: [nginx, -g, daemon off;]\n"
        "lifecycle: {preStop: {exec: {command: [nginx, -s, quit]}}}",
        image_stop_signal="SIGTERM",
    ),
    Example(
        "it waits first, and is cut all the same",
        container="image: registry.example/nginx:1\ncommand: [nginx, -g, daemon off;]\n"
        "lifecycle: {preStop: {exec: {command: [sh, -c, 'sleep 5; nginx -s quit']}}}",
        image_stop_signal="SIGTERM",
        objects=SERVICE,
    ),
    Example(
        "the official image drains at its stop signal, but the hook makes it quit before clients have left",
        container="image: nginx:1.27\nlifecycle: {preStop: {exec: {command: [/usr/sbin/nginx, -s, quit]}}}",
        objects=SERVICE,
    ),
    Example(
        "an image of one's own, of which the files do not tell the stop signal",
        container="command: [sh, -c, 'exec nginx -g \"daemon off;\"']\n"
        "lifecycle: {preStop: {exec: {command: [sh, -c, 'kill -QUIT 1']}}}",
    ),
)
GOOD = (
    Example(
        "the hook stays until nginx is gone",
        container="image: registry.example/nginx:1\n"
        "lifecycle: {preStop: {exec: {command: [sh, -c, 'sleep 5; nginx -s quit; sleep 20']}}}",
        objects=SERVICE,
        image_stop_signal="SIGTERM",
    ),
    Example(
        "it waits for the end of nginx in a loop",
        container="image: registry.example/nginx:1\nlifecycle: {preStop: {exec: {command: "
        "[sh, -c, 'sleep 5; nginx -s quit; while pgrep -x nginx; do sleep 1; done']}}}",
        objects=SERVICE,
        image_stop_signal="SIGTERM",
    ),
    Example(
        "the official image gets the same signal once more, which does no harm",
        container="image: nginx:1.27\nlifecycle: {preStop: {exec: {command: [sh, -c, 'sleep 5; nginx -s quit']}}}",
        objects=SERVICE,
    ),
    Example(
        "SIGQUIT to a program of which nobody knows what it makes of it",
        container="command: [/app/server]\nlifecycle: {preStop: {exec: {command: [kill, -QUIT, '1']}}}",
    ),
)


@dataclass(frozen=True, slots=True)
class _Quit:
    """The step that makes the server quit, and what stands around it."""

    step: HookStep
    request: StopRequest
    server: str
    before: Wait
    after: Wait
    then_signal: str | None
    """The stop signal that follows; None: the files do not tell."""

    @property
    def is_cut(self) -> bool | None:
        """Whether the signal that follows cuts the drain; None: it may."""
        if self.after.most_s > 0:
            return False
        return None if self.then_signal is None else self.then_signal != self.request.signal


def in_files(case: Case) -> Iterator[Sighting]:
    for container in case.workload.pod.containers:
        quit_ = _quit(case, container)
        handler = container.pre_stop
        if quit_ is None or not isinstance(handler, Exec):
            continue
        words = f"`{' '.join(quit_.step.words)}` in the preStop hook of {container.name}"
        early = _is_early(case, container, quit_)
        if quit_.is_cut is False and not early:
            continue
        known = quit_.then_signal or "SIGTERM"
        cut = f"{known} follows at once and cuts what {quit_.server} was about to finish"
        if quit_.is_cut is None:
            cut += ", unless the image has another STOPSIGNAL"
        parts = [f"it closes {quit_.server}'s sockets while clients still come"] if early else []
        parts += [cut] if quit_.is_cut is not False else []
        yield Sighting(
            container.name,
            handler.at,
            f"{words} returns at once: {'; then '.join(parts)}",
            _mend(quit_, early),
            severity=Severity.ERROR if early or quit_.is_cut else Severity.WARNING,
            span=step_place(handler, quit_.step),
            uncertain=quit_.is_cut is None and not early,
        )


def _quit(case: Case, container: Container) -> _Quit | None:
    """The graceful quit in its hook; None: there is none, or what it does is not known."""
    handler = container.pre_stop
    if not isinstance(handler, Exec) or container.stop_signal is not None:
        return None
    steps = hook_steps(handler)
    for number, step in enumerate(steps):
        request = stop_request(step)
        if request is None:
            continue
        server = request.server or software(case, container)
        if server is None or GRACEFUL_SIGNALS.get(server) != request.signal:
            return None
        image = case.images.get(container.name)
        known = image is not None and image.stop_signal_known
        then = (image.stop_signal or "SIGTERM") if image is not None and known else None
        return _Quit(step, request, server, steps_wait(steps[:number]), steps_wait(steps[number + 1 :]), then)
    return None


def _is_early(case: Case, container: Container, quit_: _Quit) -> bool:
    """Whether it quits before the endpoints can have changed, with clients that have somebody else to go to."""
    behind = any(receiver.container.name == container.name for receiver in receivers(case))
    return quit_.before.most_s == 0.0 and behind and case.workload.kind not in ("Pod", "Job", "CronJob")


def _mend(quit_: _Quit, early: bool) -> str:
    if quit_.is_cut is False:
        return f"Let the hook only wait {DELAY_S} s: the stop signal makes {quit_.server} quit"
    first = f"sleep {DELAY_S} s before it, and " if early else ""
    return f"In the hook, {first}wait behind it until {quit_.server} is gone; or set STOPSIGNAL {quit_.request.signal}"


def remedy(case: Case, seen: Sighting) -> Remedy | None:
    container = case.workload.pod.container(seen.container or "")
    quit_, handler = _quit(case, container), container.pre_stop
    if quit_ is None or not isinstance(handler, Exec):
        return None
    if quit_.is_cut is False:
        action = pause(case, container, DELAY_S)
        if action is None or len(hook_steps(handler)) != 1:
            return None
        reason = f"{quit_.server} quits at its stop signal"
        hook = SetField(handler.at[:-1], action, reason)
        return Remedy(
            (hook, *room_for_pause(case, container, DELAY_S)), safe=True, title=f"Only wait {DELAY_S} s in the hook"
        )
    return _kept_open(case, container, handler, quit_)


def _kept_open(case: Case, container: Container, handler: Exec, quit_: _Quit) -> Remedy | None:
    """The same hook, which waits in front where clients come, and behind until the container's end ends it."""
    before_s, grace_s = quit_.before.exactly_s, case.workload.pod.termination_grace_period_s
    steps = hook_steps(handler)
    if handler.script is not None:
        return None  # more than one line of the file would have to change
    if before_s is None or steps[-1] != quit_.step or any(not step.literal for step in steps):
        return None
    wait_s = DELAY_S if _is_early(case, container, quit_) else 0
    left_s = grace_s - int(before_s) - wait_s - 1
    if left_s < DELAY_S:
        return None
    scripts = [f"sleep {wait_s}"] if wait_s else []
    scripts += [" ".join(step.words) for step in steps]
    words: list[Json] = ["sh", "-c", "; ".join([*scripts, f"sleep {left_s}"])]
    image = case.images.get(container.name)
    return Remedy(
        (SetField((*handler.at, "command"), words, f"keeps the stop signal back until {quit_.server} is gone"),),
        safe=image is not None and {"sh", "sleep"} <= image.programs,
        title=f"Keep the hook open until {quit_.server} is gone",
    )


FINDING = Finding(
    "LD206",
    "hook-quits-server",
    Severity.ERROR,
    facts=("B11", "T20", "T21", "T31", "T50", "T76"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_files=in_files,
    remedy=remedy,
)
