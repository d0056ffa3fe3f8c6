"""Port names, within a container and from a Service."""

import pytest

from lameduck.pod.containers import Container, ContainerPort, Role
from lameduck.pod.ports import Target, container_port, service_target
from lameduck.pod.workloads import PodSpec, ServicePort

WEB = Container("web", (), ports=(ContainerPort(8080, "http"), ContainerPort(53, "dns", "UDP")))
PROXY = Container("proxy", (), Role.SIDECAR, ports=(ContainerPort(9901, "admin"), ContainerPort(8081, "http")))
INIT = Container("migrate", (), Role.INIT, ports=(ContainerPort(7000, "init"),))
POD = PodSpec((INIT, PROXY, WEB), at=())


@pytest.mark.parametrize(("port", "number"), [(80, 80), ("http", 8080), ("dns", 53), ("admin", None)])
def test_a_probes_port_name_is_looked_up_in_its_own_container_alone(port: int | str, number: int | None) -> None:
    assert container_port(WEB, port) == number


@pytest.mark.parametrize(
    ("port", "target"),
    [
        (ServicePort(80, "http"), Target(8080, WEB)),  # the regular container before the sidecar
        (ServicePort(80, "admin"), Target(9901, PROXY)),
        (ServicePort(80, 8080), Target(8080, WEB)),
        (ServicePort(80, 3000), Target(3000, None)),  # undeclared, and it might be either's
        (ServicePort(80, "nope"), None),
        (ServicePort(80, "init"), None),
        (ServicePort(80, "dns"), None),  # the name is there, for another protocol
        (ServicePort(53, "dns", protocol="UDP"), Target(53, WEB)),
    ],
)
def test_a_service_leads_to_the_container_that_declares_its_target(port: ServicePort, target: Target | None) -> None:
    assert service_target(POD, port) == target


def test_an_undeclared_number_leads_to_the_only_container() -> None:
    assert service_target(PodSpec((INIT, WEB), at=()), ServicePort(80, 3000)) == Target(3000, WEB)
