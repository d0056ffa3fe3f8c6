"""LD806: a port that the pod listens on lies among those that outgoing connections take."""

from collections.abc import Iterator

from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness
from lameduck.pod.case import Case
from lameduck.pod.containers import Role
from lameduck.pod.sysctls.commands import settings_of
from lameduck.pod.sysctls.sysctl import Setter, Setting, whole_number
from lameduck.remedies.remedy import Remedy, SetField

__all__ = ["FINDING"]

PAGE = """
## What happens
An outgoing connection takes any free port of `ip_local_port_range`. If it is the one that the server wants, `bind`
fails with `Address already in use`, with SO_REUSEADDR as well (K14). In a pod that begins this happens by chance:
sidecars and init containers that call out first, or the connections of the container that has just been replaced in
the same pod. The usual advice `1024 65535` puts every ordinary port at risk.
## How to see it
The container exits with `Address already in use` and is well at the next start. `ss -tan 'sport = :8080'` in the pod
shows the outgoing connection.
## How to mend it
Reserve the ports: `net.ipv4.ip_local_reserved_ports` is safe since Kubernetes 1.27 (K1). Or begin the range above the
ports that the pod listens on.
"""

_WIDE = "{name: net.ipv4.ip_local_port_range, value: 1024 65535}"
BAD = (
    Example(
        "a server on 8080, and outgoing connections from 1024",
        container="ports: [{containerPort: 8080}]",
        pod=f"securityContext: {{sysctls: [{_WIDE}]}}",
        only=Witness.FILES,
    ),
    Example(
        "an init container widens the range",
        container="ports: [{containerPort: 8080}]",
        pod="""
            initContainers:
              - name: tune
                image: busybox
                command: [sh, -c, 'sysctl -w net.ipv4.ip_local_port_range="1024 65535"']
                securityContext: {privileged: true}
            """,
        also=("LD809",),
        only=Witness.FILES,
    ),
)
GOOD = (
    Example(
        "the port is reserved",
        container="ports: [{containerPort: 8080}]",
        pod=f"""
            securityContext:
              sysctls:
                - {_WIDE}
                - {{name: net.ipv4.ip_local_reserved_ports, value: '8000-8100,9090'}}
            """,
        only=Witness.FILES,
    ),
    Example(
        "the range begins above the port",
        container="ports: [{containerPort: 8080}]",
        pod="securityContext: {sysctls: [{name: net.ipv4.ip_local_port_range, value: 10000 65535}]}",
        only=Witness.FILES,
    ),
    Example(
        "the kernel's own range, which nobody has chosen",
        container="ports: [{containerPort: 50051}]",
        only=Witness.FILES,
    ),
)
_RANGE = "net.ipv4.ip_local_port_range"
_RESERVED = "net.ipv4.ip_local_reserved_ports"


def in_files(case: Case) -> Iterator[Sighting]:
    setting, reserved = _last(case, _RANGE), _last(case, _RESERVED)
    numbers = setting.numbers if setting is not None else None
    if setting is None or numbers is None or len(numbers) < 2 or case.workload.pod.host_network:
        return
    first, last = numbers[:2]
    ports = _at_risk(case, first, last, reserved)
    if ports:
        named = ", ".join(map(str, ports))
        yield Sighting(
            None,
            setting.at,
            f"outgoing connections take ports from {first} to {last}, and this pod listens on {named}: "
            "if one of them comes first, bind fails",
            f'Add the sysctl {_RESERVED}: "{_joined(reserved, ports)}", or begin the range at {max(ports) + 1}'
            if max(ports) < last
            else f'Add the sysctl {_RESERVED}: "{_joined(reserved, ports)}"',
        )


def _at_risk(case: Case, first: int, last: int, reserved: Setting | None) -> list[int]:
    kept = _ports(reserved.value) if reserved is not None else ()
    return sorted(
        {
            port.number
            for container in case.workload.pod.containers
            if container.role in (Role.REGULAR, Role.SIDECAR)
            for port in container.ports
            if first <= port.number <= last and not any(port.number in span for span in kept)
        }
    )


def _last(case: Case, key: str) -> Setting | None:
    """What counts in the end: init containers run after the pod's own sysctls are set."""
    found = [setting for settings in settings_of(case.workload) if (setting := settings.last(key)) is not None]
    return found[-1] if found else None


def _ports(value: str) -> tuple[range, ...]:
    """What a list such as 8080,9000-9100 reserves."""
    spans = []
    for part in value.split(","):
        first, _, last = part.strip().partition("-")
        low, high = whole_number(first), whole_number(last or first)
        if low is not None and high is not None:
            spans.append(range(low, high + 1))
    return tuple(spans)


def _joined(reserved: Setting | None, ports: list[int]) -> str:
    before = [reserved.value] if reserved is not None and reserved.value else []
    return ",".join([*before, *map(str, ports)])


def remedy(case: Case, seen: Sighting) -> Remedy | None:
    own = next((each for each in settings_of(case.workload) if each.setter is Setter.POD), None)
    setting, reserved = _last(case, _RANGE), _last(case, _RESERVED)
    if own is None or case.kubernetes < (1, 27) or setting is None or setting.at != seen.at or not setting.numbers:
        return None
    if reserved is not None and reserved not in own.settings:
        return None
    first, last = setting.numbers[0], setting.numbers[-1]
    value = _joined(reserved, _at_risk(case, first, last, reserved))
    if reserved is not None and reserved.at is not None:
        change = SetField(reserved.at, value, "outgoing connections leave these ports alone")
    else:
        path = (*case.workload.pod.at, "securityContext", "sysctls", len(case.workload.pod.sysctls))
        change = SetField(path, {"name": _RESERVED, "value": value}, "outgoing connections leave these ports alone")
    return Remedy((change,), safe=True, title=f"Reserve port {value.replace(',', ', ')}")


FINDING = Finding(
    "LD806",
    "port-in-local-range",
    Severity.WARNING,
    facts=("K1", "K14"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_files=in_files,
    remedy=remedy,
)
