"""What an object is called, by what its document says: for patches, which find it by that."""

from lameduck.pod.place import FieldPath
from lameduck.pod.texts.documents import SourceDocument
from lameduck.pod.texts.nodes import Scalar, follow

__all__ = ["identity"]


def identity(document: SourceDocument, at: FieldPath) -> tuple[str | None, str | None, str | None]:
    """Kind, name and namespace of the object at that path; None for what it does not say."""
    return (
        _text(document, (*at, "kind")),
        _text(document, (*at, "metadata", "name")),
        _text(document, (*at, "metadata", "namespace")),
    )


def _text(document: SourceDocument, at: FieldPath) -> str | None:
    node = document.node(at)
    value = None if node is None else follow(node)
    return value.text if isinstance(value, Scalar) and not value.is_null else None
