"""LD201: the process stops accepting before everybody has learnt that the pod is leaving."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lameduck.ending.behaviour import Behaviour
from lameduck.ending.reasons import Cause, HookFailure
from lameduck.ending.requests import Fate
from lameduck.findings.examples import SERVICE, request
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness, Witnessed
from lameduck.findings.words import after_mark, requests, seconds, when
from lameduck.pod.case import Case
from lameduck.pod.containers import Container
from lameduck.pod.durations import Seconds
from lameduck.pod.entry import Passes
from lameduck.pod.handlers import Exec, Sleep, TcpSocket, plain_sleep
from lameduck.pod.programs.deaf_servers import has_no_handler
from lameduck.pod.programs.hook_steps import hook_script, hook_steps, hook_wait
from lameduck.pod.programs.main_command import main_words, software
from lameduck.pod.programs.own_delay import own_delay
from lameduck.pod.programs.receivers import Receiver, receivers
from lameduck.pod.programs.stop_requests import stop_request
from lameduck.pod.programs.stores import is_store
from lameduck.pod.shells.sleep_words import RefusedSleep, sleep_length
from lameduck.pod.workloads import Recreate
from lameduck.remedies.pauses import DELAY_S, pause, pause_in_words, room_for_pause
from lameduck.remedies.remedy import Change, Remedy, SetField

if TYPE_CHECKING:
    from lameduck.ending.verdict import PodEnding

__all__ = ["FINDING"]

PAGE = """
## What happens
A deletion starts two things at once, and neither waits for the other (T76): the node begins to stop the pod, and the
endpoints change. Until the change has reached every kube-proxy, ingress controller, balancer and client (T84, T85,
T94), new connections go to the old pod. A process that stops accepting at the signal refuses them. The grace does not
help: it is spent after the signal.
## How to see it
`lameduck rehearse` counts requests that came before the endpoints were updated, all in the first seconds after the
deletion. In a cluster: a handful of refused connections or 502 at every rollout. The lag is a property of the cluster
(T97): give the rehearsal yours with `--lag`.
## How to mend it
Keep serving for the lag, then stop. The sleep action needs nothing from the image (T36):
```yaml
lifecycle:
  preStop:
    sleep: {seconds: 5}
```
The seconds are part of the grace (T17): terminationGracePeriodSeconds must hold the delay and the drain after it. Five
seconds hold kube-proxy's limit of one change a second (T85) and an ingress controller's reload; balancers that send to
pods directly want more. A hook that does something else as well should sleep first. An application that serves on by
itself after the signal needs no hook.
"""

BAD = (
    Example(
        "no preStop, and a server that exits at the signal",
        objects=SERVICE,
        requests=(
            request(Fate.OK, -0.2),
            request(Fate.REFUSED, 0.3),
            request(Fate.REFUSED, 0.7),
            request(Fate.OK, 1.2, pod="web-a2"),
        ),
    ),
    Example(
        "a delay that is shorter than the lag",
        container="lifecycle: {preStop: {exec: {command: [sleep, '2']}}}",
        behaviour=Behaviour(hook_s=Seconds(2.05), drain_s=Seconds(0.5)),
        lag_s=Seconds(4),
        only=Witness.ENDING,
        requests=(request(Fate.OK, 1.0), request(Fate.REFUSED, 2.8), request(Fate.REFUSED, 3.9)),
    ),
    Example(
        "a hook that makes the server stop accepting at once",
        container="lifecycle: {preStop: {exec: {command: [nginx, -s, quit]}}}",
        behaviour=Behaviour(hook_s=Seconds(0.05), drain_s=Seconds(3)),
        requests=(request(Fate.REFUSED, 0.4),),
        only=Witness.ENDING,
    ),
    Example(
        "no room in the grace for the delay that is missing",
        pod="terminationGracePeriodSeconds: 5",
        behaviour=Behaviour(drain_s=Seconds(3)),
        lag_s=Seconds(4),
        objects=SERVICE,
        requests=(request(Fate.REFUSED, 0.5), request(Fate.RESET, 1.5, 3.0)),
    ),
    Example(
        "a hook that says goodbye and waits for nothing",
        container="image: debian:12\ncommand: [/app/server]\n"
        "lifecycle: {preStop: {exec: {command: [sh, -c, 'echo stopping']}}}",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "gunicorn, which closes its sockets at the signal",
        container="command: [gunicorn, --graceful-timeout, '30', -b, '0.0.0.0:8080', 'app:app']",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "a grace of 0, which leaves no room for a delay either",
        pod="terminationGracePeriodSeconds: 0",
        objects=SERVICE,
        also=("LD302",),
        only=Witness.FILES,
    ),
    Example(
        "lameduck run in front, which passes the signal on at once unless it is told to wait",
        container="command: [lameduck, run, --, /app/server]",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "a cluster that does not know the sleep action yet, and an image that has sleep",
        container="image: nginx:1.27",
        objects=SERVICE,
        kubernetes=(1, 28),
        only=Witness.FILES,
    ),
)
GOOD = (
    Example(
        "the kubelet waits five seconds before the signal",
        container="lifecycle: {preStop: {sleep: {seconds: 5}}}",
        objects=SERVICE,
        requests=(request(Fate.OK, 0.3), request(Fate.OK, 0.7), request(Fate.OK, 1.2, pod="web-a2")),
    ),
    Example(
        "the process itself serves on for two seconds after the signal",
        behaviour=Behaviour(drain_s=Seconds(2.5)),
        requests=(request(Fate.OK, 0.3), request(Fate.OK, 0.9)),
    ),
    Example(
        "the delay is there, but its program is not: that is another finding",
        container="lifecycle: {preStop: {exec: {command: [drain, '--wait', '5']}}}",
        behaviour=Behaviour(hook_failure=HookFailure.NO_SUCH_PROGRAM),
        requests=(request(Fate.REFUSED, 0.3),),
        also=("LD203",),
    ),
    Example("a worker that no Service sends anything to", only=Witness.FILES),
    Example(
        "a Service for its metrics only: a scrape that fails is made again",
        objects=SERVICE.replace("name: web", "name: web-metrics").replace("targetPort: 8080", "targetPort: metrics"),
        container="ports: [{name: metrics, containerPort: 9090}]",
        only=Witness.FILES,
    ),
    Example(
        "an API server that delays its own stop",
        container="args: [--shutdown-delay-duration=10s]",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "a setting of the application that speaks of a delay",
        container="env: [{name: SHUTDOWN_DELAY_SECONDS, value: '5'}]",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "lameduck run in front, which delays the signal",
        container="command: [lameduck, run, --lame-duck, 2s, --, /app/server]",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "lameduck run in front, which makes the library active",
        container="command: [lameduck, run, --instrument, --, uvicorn, 'app:app']",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "the grace is told to the library in the service",
        container="env: [{name: LAMEDUCK_GRACE_SECONDS, value: '30'}]",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "the only pod of a Recreate Deployment: nobody else could take the requests",
        workload="strategy: {type: Recreate}",
        replicas=1,
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "an Istio gateway: its agent lets Envoy serve on while it drains",
        container="image: docker.io/istio/proxyv2:1.27.1\nargs: [proxy, router]",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "a pod to play in, which only sleeps",
        container="command: [/bin/sleep, infinity]",
        objects=SERVICE,
        also=("LD103",),
        only=Witness.FILES,
    ),
    Example(
        "a script of the image, of which nobody knows how long it waits",
        container="lifecycle: {preStop: {exec: {command: [/drain.sh]}}}",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "Python's own web server, which does not hear the signal, and serves on until SIGKILL",
        container="image: python:3.12-slim\ncommand: [python, -m, http.server, '8080']",
        objects=SERVICE,
        also=("LD103",),
        only=Witness.FILES,
    ),
    Example(
        "podinfo, which waits for 3 s by itself",
        container="image: ghcr.io/stefanprodan/podinfo:6.9.0\ncommand: [./podinfo, --port=8080]",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "a Service for a port that is none of those which the container declares",
        container="ports: [{name: http, containerPort: 80}]",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "Dubbo's port for operators",
        container="ports: [{name: dubbo, containerPort: 20880}, {name: dubbo-qos, containerPort: 22222}]",
        objects=SERVICE.replace("name: web", "name: dubbo-qos").replace("targetPort: 8080", "targetPort: 22222"),
        only=Witness.FILES,
    ),
    Example(
        "a database in an image of one's own, which its port tells",
        container="image: registry.example/catalogue-db:3\nports: [{name: mysql, containerPort: 3306}]",
        objects=SERVICE.replace("targetPort: 8080", "targetPort: 3306"),
        only=Witness.FILES,
    ),
    Example(
        "a database, whose clients hold their connections",
        container="image: postgres:16\nports: [{containerPort: 8080}]",
        objects=SERVICE,
        only=Witness.FILES,
    ),
)


def in_files(case: Case) -> Iterator[Sighting]:
    if not _others_serve(case):
        return
    for receiver in receivers(case):
        container = receiver.container
        if is_store(container) or own_delay(case, container) is not None or _may_delay(container):
            continue
        if main_words(case, container)[:1] in (("sleep",), ("/bin/sleep",)):
            continue  # somebody's playground: nothing answers there
        if _is_deaf(case, container):
            continue  # it serves on until SIGKILL (LD103)
        yield _sighting(case, receiver)


def _is_deaf(case: Case, container: Container) -> bool:
    entry = case.entries.get(container.name)
    if entry is None or entry.service is None or not entry.certain or not case.workload.pod.main_is_pid1:
        return False
    return bool(entry.service_is_pid1) and has_no_handler(case, container, entry.service.words)


def _is_kept_away(case: Case, container: Container) -> bool:
    """Whether something in front keeps the signal (LD101, LD102): until that is mended, it serves on to its SIGKILL."""
    entry = case.entries.get(container.name)
    return entry is not None and entry.obstacle is not None and entry.obstacle.passes is Passes.KEEPS


def _others_serve(case: Case) -> bool:
    """Whether other pods are there, or come first, so that a delay gives clients somebody to go to."""
    workload = case.workload
    if workload.kind in ("Pod", "PodTemplate", "Job", "CronJob"):
        return False
    replicas = max([workload.replicas, *(scaler.max_replicas for scaler in case.autoscalers)])
    # A ReplicaSet by itself makes the next pod when the last one is marked, not before (T112).
    one_by_one = workload.kind in ("StatefulSet", "ReplicaSet", "ReplicationController")
    alone = isinstance(workload.strategy, Recreate) or one_by_one
    return replicas > 1 or (replicas == 1 and not alone) or workload.kind == "DaemonSet"


def _may_delay(container: Container) -> bool:
    """Whether the hook waits, or may wait, or is wrong in a way that other findings speak of."""
    handler = container.pre_stop
    if isinstance(handler, TcpSocket):
        return True  # LD202
    if isinstance(handler, Exec):
        steps = hook_steps(handler)
        if any(stop_request(step) is not None for step in steps):
            return True  # LD206
        if any(isinstance(sleep_length(step.words[1:]), RefusedSleep) for step in steps if step.program == "sleep"):
            return True  # LD202
    return hook_wait(handler).most_s > 0


# They close their listening sockets at the stop signal; nothing in an application changes that.
_STOP_AT_ONCE = frozenset({"granian", "gunicorn", "haproxy", "httpd", "hypercorn", "nginx", "uvicorn"})


def _sighting(case: Case, receiver: Receiver) -> Sighting:
    container, handler = receiver.container, receiver.container.pre_stop
    known = software(case, container)
    kept_away = _is_kept_away(case, container)
    certain = known in _STOP_AT_ONCE and not kept_away
    nothing = "nothing delays its stop signal" if handler is None else "its preStop hook does not wait"
    outcome = (
        f"{known} accepts no more from then on, while clients still come"
        if certain
        else "once the signal reaches it, it refuses those who still come"
        if kept_away
        else "unless it serves on by itself, it refuses those who still come"
    )
    return Sighting(
        container.name,
        container.at if handler is None else handler.at,
        f"{container.name} gets requests from Service/{receiver.service.name}, and {nothing}: {outcome}",
        f"Wait before the signal: lifecycle: {{{pause_in_words(case, DELAY_S)}}}"
        if handler is None
        else f"Let the hook wait {DELAY_S} s before it does anything else",
        severity=Severity.ERROR if certain else Severity.WARNING,
        uncertain=not certain,
    )


def remedy(case: Case, seen: Sighting) -> Remedy | None:
    container = case.workload.pod.container(seen.container or "")
    change = _delay(case, container)
    if change is None:
        return None
    changes: tuple[Change, ...] = (change, *room_for_pause(case, container, DELAY_S))
    # A grace of 0 or 1 is somebody's wish for a quick end (LD302), and would be gone.
    wished = case.workload.pod.termination_grace_period_s <= 1
    return Remedy(changes, safe=not wished, title=f"Wait {DELAY_S} s before the stop signal")


def _delay(case: Case, container: Container) -> SetField | None:
    reason = "keeps serving until the endpoints are updated"
    match container.pre_stop:
        case None:
            handler = pause(case, container, DELAY_S)
            return None if handler is None else SetField((*container.at, "lifecycle", "preStop"), handler, reason)
        case Sleep(at=at):
            return SetField((*at, "seconds"), DELAY_S, reason)
        case Exec(command=command, at=at) if (script := hook_script(command)) is not None:
            image = case.images.get(container.name)
            if image is None or "sleep" not in image.programs:
                return None
            number = command.index(script)
            return SetField((*at, "command", number), f"sleep {DELAY_S}; {script}", reason)
        case _:
            return None


def in_ending(witnessed: Witnessed) -> Iterator[Sighting]:
    # Where a hook failed, the delay may have been meant: LD202 and LD203 say it.
    failed = {pod for hook in witnessed.hooks("failed") if hook.cause != HookFailure.KILLED.value for pod in hook.pods}
    losses = tuple(loss for loss in witnessed.losses(Cause.BEFORE_ENDPOINTS) if loss.request.pod not in failed)
    if not losses:
        return
    times = after_mark(losses, witnessed.verdict.endings)
    endings = [ending for ending in witnessed.verdict.endings if any(ending.pod == x.request.pod for x in losses)]
    updated_s = [ending.endpoints_updated_s for ending in endings if ending.endpoints_updated_s is not None]
    lag_s = max((*updated_s, *times))
    container = witnessed.serving
    hook = container.pre_stop
    delay_s = plain_sleep(hook)
    came = f"{requests(len(losses))} came {when(times)} to a pod that accepted no more"
    until = f"the endpoints were updated after {seconds(lag_s)}"
    match hook, delay_s:
        case None, _:
            message = f"{came}: nothing delays its stop, and {until}"
        case _, None:
            message = f"{came}: its preStop hook does not wait, and {until}"
        case _:
            message = f"{came}: its preStop hook waits {delay_s} s, and {until}"
    wait_s = max((ending.delay_needed_s or 0 for ending in endings), default=0) or math.ceil(lag_s) + 1
    needed_s = wait_s + max(_after_the_signal_s(ending) for ending in endings)
    grace_s = witnessed.workload.pod.termination_grace_period_s
    room = f", and set terminationGracePeriodSeconds: {needed_s + 1}" if needed_s >= grace_s else ""
    how = (
        f"Let the hook wait {wait_s} s before it does anything else"
        if hook is not None and delay_s is None
        else f"Write lifecycle: {{preStop: {{sleep: {{seconds: {wait_s}}}}}}}"
    )
    yield Sighting(container.name, container.at if hook is None else hook.at, message, how + room)


def _after_the_signal_s(ending: PodEnding) -> int:
    """Whole seconds that it needed once it was told to stop; all of the grace, where that was not enough."""
    if any(container.killed for container in ending.containers):
        return ending.grace_s
    return math.ceil(ending.use.draining_s + ending.use.cleaning_up_s)


FINDING = Finding(
    "LD201",
    "no-delay-before-stop",
    Severity.ERROR,
    facts=("T17", "T36", "T76", "T84", "T85", "T94", "T97"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_ending=in_ending,
    in_files=in_files,
    remedy=remedy,
)
