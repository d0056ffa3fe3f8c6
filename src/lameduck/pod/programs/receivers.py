"""Which containers get a workload's traffic, and from which Services."""

from collections.abc import Iterator
from functools import lru_cache

from lameduck.pod.case import Case
from lameduck.pod.containers import Container, Role
from lameduck.pod.records import dataclass
from lameduck.pod.remembering import once_for_case
from lameduck.pod.workloads import Service, ServicePort

__all__ = ["Receiver", "client_services", "receivers"]

_SCRAPED = frozenset(
    {
        *(
            "debug",
            "exporter",
            "health",
            "healthz",
            "metrics",
            "monitor",
            "monitoring",
            "pprof",
            "probe",
            "prom",
            "prometheus",
            "qos",  # Dubbo's port for operators
        ),
        "jmx",
        "telemetry",
    }
)
_SCRAPE_PROXIES = ("kube-rbac-proxy",)
"""Containers that guard a controller's metrics."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """A container that a Service leads to."""

    container: Container
    service: Service
    port: ServicePort


@once_for_case
def receivers(case: Case) -> tuple[Receiver, ...]:
    """Each regular container that clients reach through a Service, once, with the first Service that leads there.

    A port that only monitoring asks is none: a scrape that fails is made again. Nor does a StatefulSet's headless
    Service count: it names each pod, and who asks for one wants no other. Where no container declares the Service's
    port, the only container is meant if it declares none for clients at all; of several, nobody can tell.
    """
    found: dict[str, Receiver] = {}
    for service in case.services:
        if service.headless and case.workload.kind == "StatefulSet":
            continue
        for port in service.ports:
            if not _is_scraped(service, port):
                for container in _behind(case, port):
                    found.setdefault(container.name, Receiver(container, service, port))
    return tuple(found.values())


def client_services(case: Case) -> tuple[Service, ...]:
    """The Services through which clients reach its containers; not those that only monitoring asks."""
    return tuple(
        service
        for service in case.services
        if any(not _is_scraped(service, port) and any(True for _ in _behind(case, port)) for port in service.ports)
    )


def _is_scraped(service: Service, port: ServicePort) -> bool:
    return _speaks_of_scraping(f"{port.name or ''}-{port.target_port}-{service.name}".lower())


@lru_cache(maxsize=1024)  # half a dozen findings ask for the same Service
def _speaks_of_scraping(names: str) -> bool:
    words = names.replace("_", "-").split("-")
    return any(word in _SCRAPED or "metrics" in word for word in words)


def _behind(case: Case, port: ServicePort) -> Iterator[Container]:
    regular = [container for container in case.workload.pod.containers if container.role is Role.REGULAR]
    declaring = [
        container
        for container in regular
        if any(port.target_port in (declared.number, declared.name) for declared in container.ports)
    ]
    if declaring:
        yield from (container for container in declaring if container.name not in _SCRAPE_PROXIES)
    elif len(regular) == 1 and isinstance(port.target_port, int) and _declares_none_for_clients(regular[0]):
        yield regular[0]  # a name that nobody declares leads nowhere


def _declares_none_for_clients(container: Container) -> bool:
    """One that declares other ports for clients is reached by another way, or not at all."""
    return all(_speaks_of_scraping((declared.name or "").lower()) for declared in container.ports)
