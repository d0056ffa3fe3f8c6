"""Lifecycle handlers and probe handlers: what the kubelet runs, asks or waits for (T28)."""

from dataclasses import dataclass
from typing import TypeAlias

from lameduck.pod.place import FieldPath

__all__ = ["Exec", "Grpc", "Handler", "HttpGet", "ProbeHandler", "Sleep", "TcpSocket", "plain_sleep"]


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

_SHELLS = frozenset({"sh", "/bin/sh", "bash", "/bin/bash", "ash", "/bin/ash"})


def plain_sleep(handler: Handler | None) -> int | None:
    """Whole seconds that a hook waits, if waiting is all that it does; None for any other, and for no hook.

    It may be the sleep action, `sleep 5` run by itself, or by a shell; with or without the suffix `s` (B17).
    """
    match handler:
        case Sleep(seconds=seconds):
            return seconds
        case Exec(command=(shell, "-c", script)) if shell in _SHELLS:
            words: tuple[str, ...] = tuple(script.split())
        case Exec(command=command):
            words = command
        case _:
            return None
    if len(words) != 2 or words[0].rpartition("/")[2] != "sleep":
        return None
    number = words[1].removesuffix("s")
    return int(number) if number.isdecimal() and number.isascii() else None
