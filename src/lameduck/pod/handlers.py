"""Lifecycle handlers and probe handlers: what the kubelet runs, asks or waits for (T28)."""

from typing import TypeAlias, assert_never

from lameduck.pod.entry import Span
from lameduck.pod.place import FieldPath
from lameduck.pod.records import dataclass
from lameduck.pod.whole_numbers import written_number

__all__ = ["Exec", "Grpc", "Handler", "HttpGet", "ProbeHandler", "Sleep", "TcpSocket", "in_words", "plain_sleep"]


@dataclass(frozen=True, slots=True)
class Exec:
    """A command run in the container's namespaces, without a shell and without a time limit of its own (T29)."""

    command: tuple[str, ...]
    at: FieldPath
    script: Span | None = None
    """The text of the script file that it starts, where the files hold it (`hook_files`)."""


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


def in_words(handler: Handler) -> str:
    """A hook as people speak of it: `exec sleep 5`, `httpGet :8080/drain`."""
    match handler:
        case Exec(command=command):
            return "exec " + " ".join(command)
        case HttpGet(port=port, url_path=path, host=host):
            return f"httpGet {host or ''}:{port}{path}"
        case Sleep(seconds=seconds):
            return f"sleep {seconds} s"
        case TcpSocket(port=port):
            return f"tcpSocket :{port}"
        case _:
            assert_never(handler)


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
    return written_number(words[1].removesuffix("s"))
