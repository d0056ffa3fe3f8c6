"""One GET as the kubelet sends it, for httpGet hooks and probes: a new connection, no proxy, certificates not verified.

Redirects are followed on the same host, ten at most; one to another host ends the request with that answer (T33,
pkg/probe/http RedirectChecker). There is no time limit here: the caller has one, or has none (T34).
"""

import asyncio
import contextlib
import os
import ssl
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import h11

__all__ = ["Answer", "HttpGetError", "NotHttpsError", "http_get", "reason_of"]

_REDIRECTS = 10
_BODY_BYTES = 10 * 1024  # what the kubelet reads of an answer's body
_READ_BYTES = 16384


@dataclass(frozen=True, slots=True)
class Answer:
    """The last response's status; `url` is where it came from."""

    status: int
    url: str


class HttpGetError(Exception):
    """No answer: refused, reset, unreachable, not HTTP, too many redirects."""


class NotHttpsError(HttpGetError):
    """The server does not speak TLS: a hook is then repeated over HTTP (T34)."""


async def http_get(url: str, headers: tuple[tuple[str, str], ...]) -> Answer:
    """GET that URL; headers of the same name replace each other, the last one wins, Host included.

    Raises HttpGetError.
    """
    asked = urlsplit(url)
    for _ in range(_REDIRECTS):
        status, location = await _get_once(url, headers)
        if location is None:
            return Answer(status, url)
        target = urljoin(url, location)
        if urlsplit(target).hostname != asked.hostname or urlsplit(target).scheme not in ("http", "https"):
            return Answer(status, url)
        url = target
    raise HttpGetError(f"stopped after {_REDIRECTS} redirects")


async def _get_once(url: str, headers: tuple[tuple[str, str], ...]) -> tuple[int, str | None]:
    """Status, and where it redirects to."""
    parts = urlsplit(url)
    tls = _unverified() if parts.scheme == "https" else None
    port = parts.port or (443 if tls else 80)
    try:
        reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=tls)
    except ssl.SSLError as error:
        raise NotHttpsError(f"no TLS at {parts.netloc}: {error.reason}") from error
    except (OSError, UnicodeError) as error:
        raise HttpGetError(reason_of(error)) from error
    try:
        return await _exchange(reader, writer, parts.path, parts.query, _complete(headers, parts.netloc))
    except (OSError, h11.ProtocolError) as error:
        raise HttpGetError(reason_of(error)) from error
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            writer.transport.abort()


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, query: str, headers: list[tuple[str, str]]
) -> tuple[int, str | None]:
    http = h11.Connection(h11.CLIENT)
    target = (path or "/") + (f"?{query}" if query else "")
    writer.write(http.send(h11.Request(method="GET", target=target, headers=headers)) or b"")
    writer.write(http.send(h11.EndOfMessage()) or b"")
    await writer.drain()
    response: h11.Response | None = None
    body = 0
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(await reader.read(_READ_BYTES))
        elif isinstance(event, h11.Response):
            response = event
        elif isinstance(event, h11.Data):
            body += len(event.data)
        if response is not None and (isinstance(event, h11.EndOfMessage) or body > _BODY_BYTES):
            return response.status_code, _location(response)
        if isinstance(event, h11.ConnectionClosed):
            raise HttpGetError("the connection was closed before an answer")


def _location(response: h11.Response) -> str | None:
    """Where a redirect that Go's client follows leads: 301, 302, 303, 307, 308 with a Location."""
    if response.status_code not in (301, 302, 303, 307, 308):
        return None
    for name, value in response.headers:
        if name == b"location":
            return value.decode("latin-1")
    return None


def _complete(headers: tuple[tuple[str, str], ...], netloc: str) -> list[tuple[str, str]]:
    wanted = {"host": ("Host", netloc)}
    for name, value in (*headers, ("Connection", "close")):
        wanted[name.lower()] = (name, value)
    return list(wanted.values())


def _unverified() -> ssl.SSLContext:
    """TLS without verification: the kubelet does not verify either (T34)."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def reason_of(error: Exception) -> str:
    """What went wrong in few words: `Connection refused` instead of asyncio's sentence around it."""
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return str(error) or type(error).__name__
