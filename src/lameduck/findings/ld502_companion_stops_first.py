"""LD502: a container that another one still needs stops before it: its database proxy, or what stands behind it."""

import math
from collections.abc import Iterator

from lameduck.findings.examples import SERVICE
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness
from lameduck.findings.words import seconds
from lameduck.pod.case import Case
from lameduck.pod.companions import DATABASE_PROXIES, FRONTS, SHIPPERS, image_word
from lameduck.pod.containers import Container, Role
from lameduck.pod.programs.hook_steps import hook_wait
from lameduck.pod.programs.main_command import environment, software
from lameduck.pod.programs.own_delay import own_delay
from lameduck.pod.programs.receivers import receivers
from lameduck.remedies.pauses import pause, room_for_pause
from lameduck.remedies.remedy import Change, Remedy, SetField

__all__ = ["FINDING"]

PAGE = """
## What happens
All regular containers of a pod are stopped side by side, each after its own hook (T40). A hook that keeps one of them
serving does nothing for the others: what it needs is gone at once. An application whose database proxy has exited
answers with errors for as long as it drains; a web server in front of an application that has exited answers with 502
for as long as its hook waits, which is exactly while requests still come (T97).
The Cloud SQL and AlloyDB proxies end all connections at the signal, unless `--max-sigterm-delay` (version 1:
`-term_timeout`) lets open ones go on, and `--min-sigterm-delay` new ones come.
## How to see it
Errors of the server's own (5xx) in the seconds after a deletion, though no connection was refused. Compare the times at
which the containers of the pod exited.
## How to mend it
A database proxy is best made a native sidecar, which is stopped after the regular containers (T41; on by default since
Kubernetes 1.29):
```yaml
initContainers:
  - name: cloud-sql-proxy
    restartPolicy: Always
```
A container behind another one gets the same delay as that:
```yaml
containers:
  - name: app
    lifecycle: {preStop: {sleep: {seconds: 5}}}
```
"""

_WAITS = "lifecycle: {preStop: {sleep: {seconds: 5}}}"
_PROXY = "{{name: db, image: 'gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.14.0', args: [{args}]}}"
_NGINX = f"image: nginx:1.27\nports: [{{containerPort: 8080}}]\n{_WAITS}"
BAD = (
    Example(
        "the application serves on for five seconds, its database proxy does not",
        container=f"ports: [{{containerPort: 8080}}]\n{_WAITS}",
        beside="- " + _PROXY.format(args="--port=5432, 'p:r:i'"),
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "nginx waits, PHP-FPM behind it does not",
        container=_NGINX,
        beside="- {name: php, image: 'php:8.3-fpm'}",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "a proxy for sign-in waits longer than the application behind it",
        container="image: quay.io/oauth2-proxy/oauth2-proxy:v7.6.0\nports: [{containerPort: 8080}]\n"
        "lifecycle: {preStop: {sleep: {seconds: 10}}}",
        beside="- {name: web, image: 'registry.example/web:1', ports: [{containerPort: 3000}], "
        "lifecycle: {preStop: {sleep: {seconds: 2}}}}",
        objects=SERVICE,
        only=Witness.FILES,
    ),
)
GOOD = (
    Example(
        "the proxy lets open connections go on",
        container=f"ports: [{{containerPort: 8080}}]\n{_WAITS}",
        beside="- " + _PROXY.format(args="--max-sigterm-delay=30s, 'p:r:i'"),
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "the proxy is a native sidecar",
        container=f"ports: [{{containerPort: 8080}}]\n{_WAITS}",
        pod="initContainers: [{name: db, restartPolicy: Always, image: 'gcr.io/cloud-sql-connectors/"
        "cloud-sql-proxy:2.14.0'}]",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "both wait for the same time",
        container=_NGINX,
        beside="- {name: php, image: 'php:8.3-fpm', lifecycle: {preStop: {sleep: {seconds: 5}}}}",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "a proxy that is the pod's only container: its clients are elsewhere",
        container="image: gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.14.0\n" + _WAITS,
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "an exporter beside nginx: nobody's request needs it",
        container=_NGINX,
        beside="- {name: exporter, image: 'nginx/nginx-prometheus-exporter:1.1', ports: [{containerPort: 9113}]}",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "a log shipper with a port, whose nginx does not send it any request",
        container=_NGINX,
        beside="- {name: logs, image: 'fluent/fluent-bit:3', ports: [{containerPort: 2020}]}",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "a hook of nginx' own making, of which nobody knows how long it waits",
        container="image: nginx:1.27\nports: [{containerPort: 8080}]\n"
        "lifecycle: {preStop: {exec: {command: [/drain.sh]}}}",
        beside="- {name: php, image: 'php:8.3-fpm'}",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "an application that delays its own stop behind a web server that waits",
        container=_NGINX,
        beside="- {name: web, image: 'registry.example/web:1', ports: [{containerPort: 3000}], "
        "env: [{name: SHUTDOWN_DELAY, value: '5'}]}",
        objects=SERVICE,
        only=Witness.FILES,
    ),
    Example(
        "a database proxy beside a worker without any delay: whether it has work left, nobody can tell",
        beside="- " + _PROXY.format(args="'p:r:i'"),
        only=Witness.FILES,
    ),
)

_KEEPS_OPEN = ("max-sigterm-delay", "min-sigterm-delay", "term_timeout", "max_sigterm_delay", "min_sigterm_delay")


def in_files(case: Case) -> Iterator[Sighting]:
    if case.workload.kind in ("Job", "CronJob"):
        return
    yield from _proxies(case)
    yield from _behind(case)


def _regular(case: Case) -> list[Container]:
    return [container for container in case.workload.pod.containers if container.role is Role.REGULAR]


def _proxies(case: Case) -> Iterator[Sighting]:
    regular = _regular(case)
    waiting = [(hook_wait(each.pre_stop).least_s, each) for each in regular if image_word(each) not in DATABASE_PROXIES]
    longest = max(waiting, key=lambda pair: pair[0], default=None)
    if longest is None or not 0 < longest[0] < math.inf:
        return
    wait_s, app = longest
    for proxy in regular:
        if image_word(proxy) not in DATABASE_PROXIES or hook_wait(proxy.pre_stop).most_s > 0:
            continue
        words = (*(proxy.command or ()), *(proxy.args or ()), *environment(case, proxy))
        if proxy.command is not None or any(flag in word.lower() for word in words for flag in _KEEPS_OPEN):
            continue
        native = case.kubernetes >= (1, 29)
        yield Sighting(
            proxy.name,
            proxy.at,
            f"{proxy.name} ends its connections at once, while {app.name} serves on for {seconds(wait_s)} in its "
            "preStop hook, without its database",
            "Make it a native sidecar: move it to initContainers, with restartPolicy: Always"
            if native
            else f"Let it wait for {seconds(wait_s)}, too, and give it --max-sigterm-delay",
            severity=Severity.ERROR,
        )


def _behind(case: Case) -> Iterator[Sighting]:
    reached = [receiver.container for receiver in receivers(case)]
    for front in reached:
        if image_word(front) not in FRONTS and software(case, front) not in FRONTS:
            continue
        served = _one_behind(case, front)
        wait_s = hook_wait(front.pre_stop).least_s
        # What a Service leads to by itself is LD201's matter, and a hook that never ends LD204's.
        if (
            served is None
            or served in reached
            or math.isinf(wait_s)
            or own_delay(case, served) is not None
            or hook_wait(served.pre_stop).most_s >= wait_s
        ):
            continue
        has_s = hook_wait(served.pre_stop).most_s
        how = "stops at once" if has_s <= 0 else f"only {seconds(has_s)}"
        yield Sighting(
            served.name,
            served.at if served.pre_stop is None else served.pre_stop.at,
            f"{front.name} takes requests for {seconds(wait_s)} after the deletion, and {served.name} behind it "
            f"{how}: they are answered with errors",
            f"Let {served.name} wait for {seconds(wait_s)}, too",
            severity=Severity.ERROR if _is_fpm(case, served) else None,
            uncertain=not _is_fpm(case, served),
        )


def _one_behind(case: Case, front: Container) -> Container | None:
    """The container that gets what the front hands on; None if it could be several, or none."""
    others = [each for each in _regular(case) if each is not front]
    fpm = [each for each in others if _is_fpm(case, each)]
    if len(fpm) == 1:
        return fpm[0]
    serving = [each for each in others if each.ports and not _is_side_show(each)]
    return serving[0] if len(serving) == 1 and len(others) == 1 else None


def _is_fpm(case: Case, container: Container) -> bool:
    if software(case, container) == "php-fpm":
        return True
    name, _, tag = (container.image or "").partition("@")[0].rpartition("/")[2].partition(":")
    return container.command is None and name == "php" and "fpm" in tag


def _is_side_show(container: Container) -> bool:
    word = image_word(container)
    return word in SHIPPERS or word in DATABASE_PROXIES or "exporter" in word or "agent" in word or "collector" in word


def remedy(case: Case, seen: Sighting) -> Remedy | None:
    container = case.workload.pod.container(seen.container or "")
    if image_word(container) in DATABASE_PROXIES or container.pre_stop is not None:
        return None
    waits = [hook_wait(each.container.pre_stop).least_s for each in receivers(case) if each.container is not container]
    wait_s = math.ceil(max(wait for wait in waits if wait < math.inf))
    handler = pause(case, container, wait_s)
    if handler is None:
        return None
    hook = SetField((*container.at, "lifecycle", "preStop"), handler, "stays for as long as requests come through")
    changes: tuple[Change, ...] = (hook, *room_for_pause(case, container, wait_s))
    return Remedy(changes, safe=True, title=f"Let {container.name} wait {wait_s} s, too")


FINDING = Finding(
    "LD502",
    "companion-stops-first",
    Severity.WARNING,
    facts=("T40", "T41", "T97"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_files=in_files,
    remedy=remedy,
)
