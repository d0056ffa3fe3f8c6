"""A ConfigMap from a manifest: its text values. Binary data holds no settings that anybody reads here."""

from lameduck.pod.case import ConfigMap
from lameduck.pod.texts.fields import Fields

__all__ = ["read_config_map"]


def read_config_map(obj: Fields, *, name: str, namespace: str | None) -> ConfigMap:
    """The ConfigMap with its text values."""
    return ConfigMap(
        name=name,
        data=obj.text_pairs("data"),
        document=obj.complaints.document,
        at=obj.at,
        namespace=namespace,
    )
