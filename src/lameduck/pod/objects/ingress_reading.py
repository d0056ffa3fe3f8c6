"""An Ingress from a manifest: networking.k8s.io/v1, and the v1beta1 that older repositories still hold."""

from collections.abc import Iterator

from lameduck.pod.case import Ingress
from lameduck.pod.texts.fields import Fields

__all__ = ["read_ingress"]

_CLASS = "kubernetes.io/ingress.class"


def read_ingress(obj: Fields, *, name: str, namespace: str | None) -> Ingress:
    """The Ingress, with the Services behind it in the order in which they are named."""
    spec, metadata = obj.fields("spec"), obj.fields("metadata")
    annotations = metadata.text_pairs("annotations") if metadata is not None else ()
    services = tuple(dict.fromkeys(_services(spec))) if spec is not None else ()
    return Ingress(
        name=name,
        services=services,
        document=obj.complaints.document,
        at=obj.at,
        namespace=namespace,
        class_name=(spec.text("ingressClassName") if spec is not None else None) or dict(annotations).get(_CLASS),
        annotations=annotations,
    )


def _services(spec: Fields) -> Iterator[str]:
    for key in ("defaultBackend", "backend"):
        yield from _service(spec.fields(key))
    for rule in spec.list_of_fields("rules"):
        http = rule.fields("http")
        for path in http.list_of_fields("paths") if http is not None else ():
            yield from _service(path.fields("backend"))


def _service(backend: Fields | None) -> Iterator[str]:
    if backend is None:
        return
    service = backend.fields("service")
    name = service.text("name") if service is not None else backend.text("serviceName")
    if name:
        yield name
