"""A client that asks over HTTP/1.1: one request, on a new or a kept-alive connection, its body at once or in pieces."""

import asyncio
import errno

import h11

from lameduck.ending.requests import ClientKind, Fate
from lameduck.pod.durations import Seconds
from lameduck.rehearse.traffic.backends import Backend
from lameduck.rehearse.traffic.deadline import Deadline
from lameduck.rehearse.traffic.errand import Errand, Surroundings
from lameduck.rehearse.traffic.http1 import BODY_PIECE, NotHttpError, request_for
from lameduck.rehearse.traffic.plan import Retry, Share
from lameduck.rehearse.traffic.pool import Link, take_leave
from lameduck.rehearse.traffic.wire import Wire

__all__ = ["OUR_FAULTS", "HttpClient", "RequestHeads", "authority"]

OUR_FAULTS = frozenset({errno.EADDRNOTAVAIL, errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""Errors of a connect that say something of this machine and nothing of the server."""

_IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE"})
_PIECES_PER_S = 10


class RequestHeads:
    """Heads of requests, made once per share and host: checking their headers anew costs as much as sending them."""

    __slots__ = ("_heads",)

    def __init__(self) -> None:
        self._heads: dict[tuple[Share, str], h11.Request] = {}

    def of(self, share: Share, host: str) -> h11.Request:
        """The head that a share sends to a host."""
        head = self._heads.get((share, host))
        if head is None:
            keep_alive = share.kind is ClientKind.KEEPALIVE
            head = request_for(share, host, keep_alive=keep_alive, body_pieces=_pieces(share))
            self._heads[share, host] = head
        return head


def _pieces(share: Share) -> int:
    if share.kind is not ClientKind.UPLOAD:
        return 0
    return max(1, round(share.duration_s * _PIECES_PER_S))


class HttpClient:
    """Runs an errand of any kind but WEBSOCKET. Its methods `on_…` are called by its connection."""

    __slots__ = ("_around", "_deadline", "_heads", "_link", "_stay", "_unsent_pieces", "errand")

    def __init__(self, errand: Errand, around: Surroundings, heads: RequestHeads) -> None:
        self.errand = errand
        self._around = around
        self._heads = heads
        self._link: Link | None = None
        self._stay: asyncio.TimerHandle | None = None
        self._unsent_pieces = 0
        allowed_s = around.plan.request_timeout_s
        if errand.share.kind is ClientKind.UPLOAD:
            allowed_s = Seconds(allowed_s + errand.share.duration_s)
        self._deadline = Deadline(around.loop, around.pulse, allowed_s, self._timed_out)

    def begin(self) -> None:
        link = self._around.pool(self.errand.view).take() if self._pooled else None
        if link is None:
            self._open()
            return
        self._link = link
        link.wire.receiver = self
        self.errand.backend = link.wire.backend
        self.errand.connected_s = link.connected_s
        self.errand.reused = True
        self._ask(link)

    def leave(self) -> None:
        if self._streaming:
            self._end(Fate.OK, "still streaming when the client left")

    def abandon(self) -> None:
        self._end(Fate.UNFINISHED, "still in flight when the rehearsal ended")

    # What the connection says

    def on_connected(self) -> None:
        assert self._link is not None
        self.errand.connected_s = self._link.connected_s = self._around.distance.clock()
        self._ask(self._link)

    def on_refused(self, error: OSError) -> None:
        if error.errno in OUR_FAULTS:
            self._drop_link()
            self._forget_timers()
            self._around.not_counted(self, "this machine had no port or file left for their connections")
        else:
            self._end(Fate.REFUSED, f"connect: {error.strerror}")

    def on_data(self, data: bytes) -> None:
        assert self._link is not None
        errand = self.errand
        if errand.first_byte_s is None:
            errand.first_byte_s = self._around.distance.clock()
        exchange = self._link.exchange
        try:
            exchange.receive(data)
        except NotHttpError as broken:
            errand.status = exchange.status
            self._cut(f"not an HTTP response: {broken}")
            return
        if exchange.status is not None and errand.status is None:
            errand.status = exchange.status
            if errand.share.kind is ClientKind.SSE and exchange.status < 400:
                self._listen()
        if exchange.complete:
            self._answered(self._link)

    def on_end(self, error: OSError | None) -> None:
        assert self._link is not None
        how = "closed" if error is None else "reset"
        if self.errand.first_byte_s is None:
            self._fail_before_answer(f"connection {how} by the server before any byte of a response")
        elif error is not None:
            self._cut("connection reset by the server within the response")
        else:
            try:
                self._link.exchange.receive(b"")  # for a body that ends where the connection ends
            except NotHttpError as broken:
                self._cut(f"connection closed by the server within the response: {broken}")
            else:
                self._answered(self._link)

    # What the client does

    @property
    def _pooled(self) -> bool:
        return self.errand.share.kind is ClientKind.KEEPALIVE

    @property
    def _streaming(self) -> bool:
        return self.errand.share.kind is ClientKind.SSE and self.errand.status is not None and self.errand.status < 400

    def _open(self) -> None:
        backend: Backend | None = self._around.pick(self.errand.view)
        if backend is None:
            self._end(Fate.REFUSED, "no endpoint")  # REJECT (T88)
            return
        self.errand.backend = backend
        self._link = Link(Wire(self._around.distance, backend, self))
        if self._pooled:
            self._around.pool(self.errand.view).opened()

    def _ask(self, link: Link) -> None:
        backend = link.wire.backend
        host = self._around.plan.host_header or authority(backend)
        self._unsent_pieces = _pieces(self.errand.share)
        head = self._heads.of(self.errand.share, host)
        link.wire.write(link.exchange.ask(head, whole=not self._unsent_pieces))
        if self._unsent_pieces:
            self._upload()

    def _upload(self) -> None:
        """Send a piece of the body, and come back for the next."""
        if self._link is None:
            return
        data = self._link.exchange.body(BODY_PIECE)
        self._unsent_pieces -= 1
        if self._unsent_pieces:
            self._stay = self._around.loop.call_later(1 / _PIECES_PER_S, self._upload)
        else:
            data += self._link.exchange.body_end()
        self._link.wire.write(data)

    def _listen(self) -> None:
        self._deadline.cancel()
        if self.errand.share.duration_s > 0:
            self._stay = self._around.loop.call_later(self.errand.share.duration_s, self.leave)

    def _timed_out(self) -> None:
        allowed_s = self._around.plan.request_timeout_s
        self._end(Fate.TIMEOUT, f"no end of an answer within {allowed_s:g} s")

    def _fail_before_answer(self, detail: str) -> None:
        errand = self.errand
        retry = self._around.plan.retry is Retry.IDEMPOTENT and errand.share.method in _IDEMPOTENT
        if retry and errand.reused:  # the second attempt is on a new connection, so there is no third
            self._drop_link()
            errand.retry(self._around.loop.time())
            self._open()
        else:
            self._end(Fate.RESET, detail)

    def _cut(self, detail: str) -> None:
        """The response has an end that is none. If its status was an error, that is what the client learnt."""
        self._end(Fate.SERVER_ERROR if (self.errand.status or 0) >= 500 else Fate.CUT, detail)

    def _answered(self, link: Link) -> None:
        self._link = None
        if self._pooled:
            pool = self._around.pool(self.errand.view)
            if link.exchange.reuse():
                pool.give_back(link)
            else:
                pool.lost()
                take_leave(link.wire, self._around.loop)
        elif self._unsent_pieces:
            link.wire.close()  # answered before we had sent all: the rest stays unsent
        else:
            take_leave(link.wire, self._around.loop)
        self._end(Fate.SERVER_ERROR if (self.errand.status or 0) >= 500 else Fate.OK, "")

    def _drop_link(self) -> None:
        if self._link is not None:
            self._link.wire.close()
            self._link = None
            if self._pooled:
                self._around.pool(self.errand.view).lost()

    def _forget_timers(self) -> None:
        self._deadline.cancel()
        if self._stay is not None:
            self._stay.cancel()
            self._stay = None

    def _end(self, fate: Fate, detail: str) -> None:
        self._drop_link()
        self._forget_timers()
        self._around.over(self, fate, detail)


def authority(backend: Backend) -> str:
    """The value of a Host header that names the backend itself."""
    host = f"[{backend.host}]" if ":" in backend.host else backend.host
    return f"{host}:{backend.port}"
