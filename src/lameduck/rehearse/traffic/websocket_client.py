"""A client that opens a WebSocket and stays. A close frame is its proper end; a TCP end without one cuts it."""

import asyncio

from lameduck.ending.requests import Fate
from lameduck.rehearse.traffic.deadline import Deadline
from lameduck.rehearse.traffic.errand import Errand, Surroundings
from lameduck.rehearse.traffic.http1 import NotHttpError
from lameduck.rehearse.traffic.http_client import OUR_FAULTS, authority
from lameduck.rehearse.traffic.pool import take_leave
from lameduck.rehearse.traffic.websocket import Dialogue
from lameduck.rehearse.traffic.wire import Wire

__all__ = ["WebSocketClient"]


class WebSocketClient:
    """Runs an errand of kind WEBSOCKET. Its methods `on_…` are called by its connection."""

    __slots__ = ("_around", "_deadline", "_dialogue", "_stay", "_wire", "errand")

    def __init__(self, errand: Errand, around: Surroundings) -> None:
        self.errand = errand
        self._around = around
        self._dialogue = Dialogue()
        self._wire: Wire | None = None
        self._stay: asyncio.TimerHandle | None = None
        self._deadline = Deadline(around.loop, around.pulse, around.plan.request_timeout_s, self._timed_out)

    def begin(self) -> None:
        backend = self._around.pick(self.errand.view)
        if backend is None:
            self._end(Fate.REFUSED, "no endpoint")  # REJECT (T88)
            return
        self.errand.backend = backend
        self._wire = Wire(self._around.distance, backend, self)

    def leave(self) -> None:
        if self._dialogue.open and self._wire is not None:
            self._wire.write(self._dialogue.good_bye())
            self._end(Fate.OK, "still open when the client left")

    def abandon(self) -> None:
        self._end(Fate.UNFINISHED, "still in flight when the rehearsal ended")

    # What the connection says

    def on_connected(self) -> None:
        assert self._wire is not None
        self.errand.connected_s = self._around.distance.clock()
        backend = self._wire.backend
        host = self._around.plan.host_header or authority(backend)
        self._wire.write(self._dialogue.hello(host, self.errand.share.path))

    def on_refused(self, error: OSError) -> None:
        if error.errno in OUR_FAULTS:
            self._drop_wire()
            self._forget_timers()
            self._around.not_counted(self, "this machine had no port or file left for their connections")
        else:
            self._end(Fate.REFUSED, f"connect: {error.strerror}")

    def on_data(self, data: bytes) -> None:
        assert self._wire is not None
        if self.errand.first_byte_s is None:
            self.errand.first_byte_s = self._around.distance.clock()
        was_open = self._dialogue.open
        try:
            answer = self._dialogue.receive(data)
        except NotHttpError as broken:
            self._end(Fate.CUT, f"not a WebSocket: {broken}")
            return
        self.errand.status = status = self._dialogue.status
        if answer:
            self._wire.write(answer)
        if self._dialogue.closed is not None:
            self._end(Fate.OK, f"closed by the server with code {self._dialogue.closed}")
        elif status is not None and status != 101:
            self._end(Fate.SERVER_ERROR if status >= 500 else Fate.OK, "the handshake was answered, not accepted")
        elif self._dialogue.open and not was_open:
            self._listen()

    def on_end(self, error: OSError | None) -> None:
        how = "closed" if error is None else "reset"
        if self.errand.first_byte_s is None:
            self._end(Fate.RESET, f"connection {how} by the server before any byte of a response")
        else:
            self._end(Fate.CUT, f"connection {how} by the server without a close frame")

    # What the client does

    def _listen(self) -> None:
        self._deadline.cancel()
        if self.errand.share.duration_s > 0:
            self._stay = self._around.loop.call_later(self.errand.share.duration_s, self.leave)

    def _timed_out(self) -> None:
        self._end(Fate.TIMEOUT, f"no handshake within {self._around.plan.request_timeout_s:g} s")

    def _drop_wire(self) -> None:
        if self._wire is not None:
            if self._dialogue.status == 101:
                take_leave(
                    self._wire, self._around.loop
                )  # after close frames the server ends TCP first (RFC 6455, 7.1.1)
            else:
                self._wire.close()
            self._wire = None

    def _forget_timers(self) -> None:
        self._deadline.cancel()
        if self._stay is not None:
            self._stay.cancel()
            self._stay = None

    def _end(self, fate: Fate, detail: str) -> None:
        self._drop_wire()
        self._forget_timers()
        self._around.over(self, fate, detail)
