"""Lifecycle handlers and probe handlers: what the kubelet runs, asks or waits for (T28)."""

from dataclasses import dataclass
from typing import TypeAlias

from lameduck.pod.place import FieldPath

__all__ = ["Exec", "Grpc", "Handler", "HttpGet", "ProbeHandler", "Sleep", "TcpSocket"]


@dataclass(frozen=True, slots=True)
class Exec:
    """A command run in the container's namespaces, without a shell and without a time limit of its own (T29)."""

    command: tuple[str, ...]
    at: FieldPath


@dataclass(frozen=True, slots=True)
class HttpGet:
    """A GET sent by the kubelet; `host` None is the pod's IP, never localhost (T32)."""

    port: int | str
    at: FieldPath
    url_path: str = "/"
    host: str | None = None
    scheme: str = "HTTP"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Sleep:
    """The kubelet waits; nothing runs in the container (T36)."""

    seconds: int
    at: FieldPath


@dataclass(frozen=True, slots=True)
class TcpSocket:
    """A connection attempt. As a lifecycle handler it is accepted and always fails (T28)."""

    port: int | str
    at: FieldPath
    host: str | None = None


@dataclass(frozen=True, slots=True)
class Grpc:
    """The gRPC health protocol; probes only (T28)."""

    port: int
    at: FieldPath
    service: str = ""


Handler: TypeAlias = Exec | HttpGet | Sleep | TcpSocket
ProbeHandler: TypeAlias = Exec | HttpGet | TcpSocket | Grpc
