"""Carries out a lifecycle handler on a container, as the kubelet does (T28-T36). Time limits are the caller's."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from lameduck.ending.happenings import HookFailure
from lameduck.pod.containers import Container
from lameduck.pod.handlers import Exec, Handler, HttpGet, Sleep, TcpSocket
from lameduck.rehearse.engine import ContainerProcess
from lameduck.rehearse.http_get import HttpGetError, NotHttpsError, http_get

__all__ = ["Address", "HookResult", "carry_out", "port_number", "url_of"]

Address = Callable[[Container, int], tuple[str, int]]
"""Where a port of a container is reached on this machine: (container, number) to (host, port)."""

_USER_AGENT = "kube-lifecycle/1.36"  # T32
_SHOWN = 200  # characters of a command's output
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
"""The node's own; a pod in the host's network is there too, and its ports are the rehearsal's."""


@dataclass(frozen=True, slots=True)
class HookResult:
    """How a hook went. `failure` None: well. `detail`: one line for people."""

    failure: HookFailure | None
    detail: str


async def carry_out(
    handler: Handler, *, process: ContainerProcess, container: Container, address: Address, host_network: bool = False
) -> HookResult:
    """Run the handler to its end. Cancelling stops the waiting: an exec'd command runs on (T19).

    Raises InputError only where the engine does.
    """
    match handler:
        case Exec(command=command):
            return await _exec(command, process)
        case HttpGet():
            return await _http_get(handler, container, address, host_network=host_network)
        case Sleep(seconds=seconds):
            await asyncio.sleep(seconds)  # T36: also when the container ends meanwhile
            return HookResult(None, f"slept {seconds} s")
        case TcpSocket():
            return HookResult(HookFailure.NOT_IMPLEMENTED, "a tcpSocket handler is accepted and always fails")
        case _:
            assert_never(handler)


async def _exec(command: tuple[str, ...], process: ContainerProcess) -> HookResult:
    result = await process.exec(command)
    output = " ".join(result.output.split())[:_SHOWN]
    said = f": {output}" if output else ""
    match result.failure:
        case None:
            return HookResult(None, f"{command[0]} exited 0{said}")
        case HookFailure.EXIT_STATUS:
            return HookResult(result.failure, f"{command[0]} exited {result.status}{said}")
        case HookFailure.KILLED:
            return HookResult(result.failure, f"{command[0]} was killed, because its container ended")
        case HookFailure.NO_SUCH_PROGRAM:
            return HookResult(result.failure, f"{command[0]} not found")
        case _:
            return HookResult(result.failure, f"{command[0]} cannot be executed{said}")


async def _http_get(handler: HttpGet, container: Container, address: Address, *, host_network: bool) -> HookResult:
    number = port_number(handler.port, container)
    if number is None:
        return HookResult(HookFailure.NO_SUCH_PORT, f"the container has no port named {handler.port!r}")
    if handler.host and not (host_network and handler.host in _LOOPBACK):
        host, port = handler.host, number
    elif host_network and not handler.host:
        return HookResult(HookFailure.NO_ADDRESS, "without a host, a pod in the host's network has no address (T35)")
    else:
        host, port = address(container, number)
    headers = (("User-Agent", _USER_AGENT), ("Accept", "*/*"), *handler.headers)
    scheme = handler.scheme.lower()
    try:
        try:
            answer = await http_get(url_of(scheme, host, port, handler.url_path), headers)
        except NotHttpsError:
            plain = tuple((name, value) for name, value in headers if name.lower() != "authorization")
            answer = await http_get(url_of("http", host, port, handler.url_path), plain)
            return HookResult(None, f"answered {answer.status}, over HTTP: the server does not speak TLS")
    except HttpGetError as failed:
        return HookResult(HookFailure.CONNECTION, f"GET {handler.url_path} at port {number}: {failed}")
    return HookResult(None, f"answered {answer.status}")  # T33: whatever the status


def port_number(port: int | str, container: Container) -> int | None:
    """A handler's port as a number: names are looked up in that container's ports (T32); None: no such name."""
    if isinstance(port, int):
        return port
    if port.isdecimal():
        return int(port)
    return next((declared.number for declared in container.ports if declared.name == port), None)


def url_of(scheme: str, host: str, port: int, path: str) -> str:
    """The URL of a handler; a path without its slash gets one, an IPv6 address its brackets."""
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/{path.removeprefix('/')}"
