"""A core Service from a manifest. One without a selector leads to no pods that a file could tell."""

from lameduck.pod.texts.fields import Fields
from lameduck.pod.workloads import Service, ServicePort

__all__ = ["read_service"]


def read_service(obj: Fields, *, name: str, namespace: str | None) -> Service | None:
    """The Service, or None if it selects no pods (ExternalName, endpoints made by hand)."""
    spec = obj.fields("spec")
    if spec is None or spec.text("type") == "ExternalName":
        return None
    selector = spec.text_pairs("selector")
    if not selector:
        return None
    metadata = obj.fields("metadata")
    return Service(
        name=name,
        selector=selector,
        document=obj.complaints.document,
        namespace=namespace,
        ports=tuple(_ports(spec)),
        publish_not_ready_addresses=spec.flag("publishNotReadyAddresses"),
        external_traffic_policy=spec.text("externalTrafficPolicy") or "Cluster",
        headless=spec.text("clusterIP") == "None",
        at=obj.at,
        type=spec.text("type") or "ClusterIP",
        annotations=metadata.text_pairs("annotations") if metadata is not None else (),
    )


def _ports(spec: Fields) -> list[ServicePort]:
    ports: list[ServicePort] = []
    for port in spec.list_of_fields("ports"):
        if not port.has("port"):
            port.complaints.say(port.at, "This port has no number. Kubernetes wants one: write port: 80, say.")
            continue
        number = port.port_number("port")
        if number is None:
            continue
        target = port.port("targetPort")
        ports.append(
            ServicePort(
                number=number,
                target_port=number if target is None else target,
                name=port.text("name"),
                protocol=port.text("protocol") or "TCP",
            )
        )
    return ports
