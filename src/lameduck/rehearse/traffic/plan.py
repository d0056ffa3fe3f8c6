"""What traffic to send: how often, by which clients, from how far away."""

import re
from dataclasses import dataclass
from enum import Enum

from lameduck.ending.requests import ClientKind
from lameduck.pod.durations import Seconds, parse_duration
from lameduck.pod.place import InputError

__all__ = ["DEFAULT_MIX", "Retry", "Share", "Spacing", "TrafficPlan", "parse_mix"]

DEFAULT_MIX = "new=1,keepalive=1"
"""Half of the requests on connections of their own, half from a pool: both kinds of loss can be seen."""

_DURATION_S = {
    ClientKind.UPLOAD: Seconds(2),
    ClientKind.SSE: Seconds(10),
    ClientKind.WEBSOCKET: Seconds(10),
}
"""How long a client takes to send an upload, or listens to a stream: streams without an end would pile up."""

_SHARE = re.compile(r"(?P<kind>[a-z]+)(?P<manner>(?::[^:=@]+)*)=(?P<weight>[^@]+)(?:@(?P<path>.*))?")
_METHOD = re.compile(r"[A-Z]+")
_KINDS = ", ".join(kind.value for kind in ClientKind)
_GRAMMAR = "Write KIND[:METHOD][:DURATION]=WEIGHT[@PATH], separated by commas, like new=5,upload:2s=1@/upload."


class Retry(Enum):
    """What a client does when a reused connection fails before the first byte of a response."""

    NONE = "none"
    IDEMPOTENT = "idempotent"  # GET, HEAD, PUT and DELETE: once more, on a new connection (RFC 9110, 9.2.2)


class Spacing(Enum):
    """How arrivals are spread; neither waits for answers."""

    CONSTANT = "constant"
    POISSON = "poisson"


@dataclass(frozen=True, slots=True)
class Share:
    """One kind of client and how often it comes, in proportion to the other weights.

    `duration_s`: how long an upload takes to send; how long a stream (SSE, WebSocket) is listened to, 0 until it ends.
    The other kinds take as long as the server takes.
    """

    kind: ClientKind
    weight: float
    path: str = "/"
    method: str = "GET"
    duration_s: Seconds = Seconds(0)


@dataclass(frozen=True, slots=True)
class TrafficPlan:
    """The whole traffic of one rehearsal. Raises InputError for figures that make no traffic.

    `rate`: requests per second, all kinds together. `rtt_s`: the distance between clients and pods, there and back.
    `pool_size`: kept-alive connections of the KEEPALIVE clients, all views together. `host_header` None: each
    backend's own address. `request_timeout_s`: from sending to the end of the answer; for a stream, to its start.
    """

    rate: float
    mix: tuple[Share, ...]
    rtt_s: Seconds = Seconds(0.001)
    retry: Retry = Retry.NONE
    request_timeout_s: Seconds = Seconds(10)
    pool_size: int = 20
    seed: int = 1
    host_header: str | None = None
    spacing: Spacing = Spacing.CONSTANT
    most_in_flight: int = 10_000

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 100_000:
            raise InputError(f"A rate of {self.rate:g} requests/s cannot be sent.", at="--rate", do="Write 100 or so.")
        if not 0 <= self.rtt_s <= 10:
            raise InputError(f"A distance of {self.rtt_s:g} s is none on earth.", at="--rtt", do="Write 1ms or 50ms.")
        if not self.request_timeout_s > 0:
            raise InputError("A request that may take no time cannot be answered.", at="--timeout", do="Write 10s.")
        if self.pool_size < 1 or self.most_in_flight < 1:
            raise InputError("Traffic needs at least one connection.", at="--pool", do="Write 20 or so.")
        if not self.mix:
            raise InputError("No kind of client is left to send requests.", at="--mix", do=_GRAMMAR)


def parse_mix(text: str, *, option: str = "--mix") -> tuple[Share, ...]:
    """The shares of a mix like "new=5,keepalive:POST=4,slow=1@/slow,upload:2s=1@/upload,sse:10s=2@/events".

    A path must not hold a comma or white space (write %2C, %20). Raises InputError for anything else.
    """
    shares = tuple(_share(part.strip(), option) for part in text.split(",") if part.strip())
    if not shares:
        raise InputError("The mix is empty.", at=option, do=_GRAMMAR)
    return shares


def _share(part: str, option: str) -> Share:
    match = _SHARE.fullmatch(part)
    if match is None:
        raise InputError(f"{part!r} is not a share of a mix.", at=option, do=_GRAMMAR)
    try:
        kind = ClientKind(match["kind"])
    except ValueError:
        raise InputError(f"There is no client {match['kind']!r}.", at=option, do=f"Choose of {_KINDS}.") from None
    path = match["path"] or "/"
    if not path.startswith("/") or not path.isascii() or not path.isprintable() or " " in path:
        raise InputError(
            f"{path!r} is not a path.", at=option, do="Start it with / and percent-encode what is special."
        )
    method = "POST" if kind is ClientKind.UPLOAD else "GET"
    duration_s = _DURATION_S.get(kind, Seconds(0))
    for manner in filter(None, match["manner"].split(":")):
        if _METHOD.fullmatch(manner):
            method = _method(manner, kind, option)
        else:
            duration_s = _duration(manner, kind, option)
    return Share(kind, _weight(match["weight"], part, option), path, method, duration_s)


def _weight(text: str, part: str, option: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = 0.0
    if not 0 < weight < 1e9:
        raise InputError(f"{text!r} in {part!r} is not a weight.", at=option, do="Write a number above 0.")
    return weight


def _method(method: str, kind: ClientKind, option: str) -> str:
    if kind is ClientKind.WEBSOCKET and method != "GET":
        raise InputError(f"A WebSocket cannot begin with {method}.", at=option, do="Leave the method out.")
    if kind is ClientKind.UPLOAD and method not in ("POST", "PUT", "PATCH"):
        raise InputError(f"An upload cannot be a {method}.", at=option, do="Write POST, PUT or PATCH.")
    if method == "CONNECT":
        raise InputError("CONNECT asks for a tunnel, not for an answer.", at=option, do="Choose another method.")
    return method


def _duration(text: str, kind: ClientKind, option: str) -> Seconds:
    if kind not in _DURATION_S:
        raise InputError(
            f"{text!r}: how long a {kind.value} request takes is up to the server.",
            at=option,
            do="Leave the duration out, or ask for a path that takes its time.",
        )
    return parse_duration(text, option=option)
