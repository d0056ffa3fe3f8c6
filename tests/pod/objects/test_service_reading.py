"""Core Services, and what is odd in them."""

import pytest

from lameduck.pod.objects.manifests import Manifests
from lameduck.pod.reading import read_text


def read(spec: str) -> Manifests:
    text = f"apiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec: {spec}\n"
    return read_text(text, "web.yaml")


def test_a_service_has_the_apis_defaults() -> None:
    (service,) = read("{selector: {app: web}, ports: [{port: 80}]}").services
    (port,) = service.ports
    assert (port.number, port.target_port, port.name, port.protocol) == (80, 80, None, "TCP")
    assert (service.headless, service.publish_not_ready_addresses) == (False, False)
    assert (service.external_traffic_policy, service.namespace) == ("Cluster", None)


def test_a_headless_service_is_known_by_its_cluster_ip() -> None:
    assert read("{selector: {app: web}, clusterIP: None}").services[0].headless


@pytest.mark.parametrize(
    "spec", ["{ports: [{port: 80}]}", "{selector: {}}", "{type: ExternalName, selector: {a: b}}", ""]
)
def test_a_service_that_selects_no_pods_is_passed_over(spec: str) -> None:
    manifests = read(spec)
    assert (manifests.services, manifests.problems, manifests.passed_over) == ((), (), 1)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("{selector: {app: 1}}", 'app is 1, which is a number. Kubernetes wants text: write "1".'),
        ("{selector: {a: b}, ports: [{}]}", "This port has no number. Kubernetes wants one: write port: 80, say."),
        (
            "{selector: {a: b}, ports: [{port: http}]}",
            'port is "http", which is text. Kubernetes wants a port number: write a number, such as 8080.',
        ),
        (
            "{selector: {a: b}, ports: [{port: 80, targetPort: '8080'}]}",
            'targetPort is "8080", which is text. Kubernetes wants a port number: write 8080.',
        ),
        (
            "{selector: {a: b}, ports: 80}",
            'ports is 80, which is a number. Kubernetes wants a list: write its items below it, each after "- ".',
        ),
    ],
)
def test_an_odd_service_is_told_and_read(spec: str, message: str) -> None:
    manifests = read(spec)
    assert [problem.message for problem in manifests.problems] == [message]
    assert len(manifests.services) == 1
