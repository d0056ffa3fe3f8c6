"""LD807: the kernel cuts the server's accept queue shorter than the server asks for."""

from collections.abc import Iterator

from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness
from lameduck.pod.case import Case
from lameduck.pod.containers import Container, Role
from lameduck.pod.sysctls.commands import settings_of
from lameduck.pod.sysctls.sysctl import Setting
from lameduck.pod.whole_numbers import written_number

__all__ = ["FINDING"]

PAGE = """
## What happens
`listen` asks for an accept queue of some length, and the kernel cuts it to `net.core.somaxconn` without a word (K11).
A burst of connections that the server does not accept in time fills the shorter queue; the kernel then drops what
arrives, and the client tries again a second later, and again (K12). Seen from outside: a few requests that take a whole
second longer, or time out. A pod does not inherit the node's value, whatever /etc/sysctl.conf says: it begins with the
kernel's own (K4).
## How to see it
`ss -tln` in the pod: Send-Q of a listening socket is the length of its queue. `nstat -az TcpExtListenOverflows` counts
what was dropped.
## How to mend it
Raise `net.core.somaxconn` in the pod, if its kubelets allow that, or remove the sysctl that lowers it: it is 4096 by
itself since Linux 5.4. If the queue need not be that long, ask for less.
"""

BAD = (
    Example(
        "a sysctl lowers what uvicorn asks for by itself",
        container="command: [uvicorn, 'app:app', --host, 0.0.0.0]",
        pod="securityContext: {sysctls: [{name: net.core.somaxconn, value: '1024'}]}",
        also=("LD803",),
        only=Witness.FILES,
    ),
    Example(
        "gunicorn asks for more than a pod has",
        container="command: [gunicorn, --backlog, '16384', 'app:app']",
        only=Witness.FILES,
    ),
)
GOOD = (
    Example(
        "the sysctl is as large as what is asked for",
        container="command: [gunicorn, --backlog=16384, 'app:app']",
        pod="securityContext: {sysctls: [{name: net.core.somaxconn, value: '16384'}]}",
        also=("LD803",),
        only=Witness.FILES,
    ),
    Example("uvicorn by itself", container="command: [uvicorn, 'app:app']", only=Witness.FILES),
    Example(
        "a program whose backlog nobody knows",
        container="command: [/app/server]",
        pod="securityContext: {sysctls: [{name: net.core.somaxconn, value: '128'}]}",
        also=("LD803",),
        only=Witness.FILES,
    ),
)
_KEY = "net.core.somaxconn"
_BEGINS = 4096
"""SOMAXCONN since Linux 5.4 (K11)."""
_SERVERS = ("granian", "gunicorn", "hypercorn", "uvicorn")
_UVICORN_ASKS = 2048
"""uvicorn's default. gunicorn's is the same, but a file that nobody names may change it."""


def in_files(case: Case) -> Iterator[Sighting]:
    found = [(each.container, last) for each in settings_of(case.workload) if (last := each.last(_KEY)) is not None]
    setting: Setting | None = found[-1][1] if found else None
    limit = _BEGINS if setting is None else (setting.numbers or (None,))[0]
    if limit is None or (case.workload.pod.host_network and setting is None):
        return
    for container in case.workload.pod.containers:
        backlog = _backlog(case, container) if container.role in (Role.REGULAR, Role.SIDECAR) else None
        if backlog is None or backlog <= limit:
            continue
        if setting is None:
            at, severity = (*container.at, "args" if container.command is None else "command"), Severity.INFO
            message = f"the server asks for an accept queue of {backlog}, and gets {limit}: {_KEY} of a new pod"
        else:
            at, severity = setting.at or container.at, Severity.WARNING
            message = f"{_KEY} cuts the server's accept queue from {backlog} to {limit}: a burst overflows it sooner"
        yield Sighting(
            container.name,
            at,
            message,
            f"Set {_KEY} to {backlog} or more where the kubelet allows it, or ask for {limit}"
            if backlog > _BEGINS
            else f"Remove {_KEY}: without it the limit is {_BEGINS}",
            severity=severity,
        )


def _backlog(case: Case, container: Container) -> int | None:
    """What the server asks listen() for, where its command line says so or says nothing else."""
    entry = case.entries.get(container.name)
    words = entry.service.words if entry is not None and entry.service is not None else ()
    words = words or (*(container.command or ()), *(container.args or ()))
    names = [word.rpartition("/")[2] for word in words[:3]]
    server = next((name for name in names if name in _SERVERS), None)
    if server is None:
        return None
    for number, word in enumerate(words):
        option, equals, value = word.partition("=")
        if option == "--backlog":
            return written_number(value if equals else (*words, "")[number + 1])
    from_environment = any(name == "UVICORN_BACKLOG" for name, _ in container.env) or container.env_from
    return _UVICORN_ASKS if server == "uvicorn" and not from_environment else None


FINDING = Finding(
    "LD807",
    "accept-queue-cut",
    Severity.WARNING,
    facts=("K4", "K11", "K12"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_files=in_files,
)
