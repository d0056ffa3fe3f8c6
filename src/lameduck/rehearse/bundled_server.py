"""A small HTTP server to rehearse with: `python -m lameduck.rehearse.bundled_server`. Standard library only.

It ends well by default, and badly in the ways that are seen in the field when it is asked to. Paths: / answers at
once, /slow?seconds=2 waits first, /download?seconds=4 sends a body slowly, /events is a Server-Sent Events stream,
/upload reads a body. It listens on $PORT (8080 if there is none) and prints a line when it does and when it gets a
signal.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

__all__ = ["main"]

_PIECES_PER_S = 10
_LINGER_S = 2.0
"""How long idle kept-alive connections stay open at the end: a client that is about to use one is answered with
`Connection: close` instead of meeting a closing connection."""


def main(argv: Sequence[str] | None = None) -> None:
    """Serve until the stop signal, then do what --on-stop says."""
    parser = argparse.ArgumentParser(prog="bundled_server", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8080")))
    parser.add_argument(
        "--on-stop",
        choices=["drain", "exit", "ignore", "nothing"],
        default="drain",
        help="drain: finish what is in flight, exit 0; exit: at once; ignore: handle it only; nothing: no handler",
    )
    parser.add_argument("--clean-up", type=float, default=0.0, metavar="SECONDS", help="what it does after draining")
    options = parser.parse_args(argv)
    asyncio.run(_Server(options.on_stop, options.clean_up).serve(options.host, options.port))


class _Server:
    def __init__(self, on_stop: str, clean_up_s: float) -> None:
        self._on_stop = on_stop
        self._clean_up_s = clean_up_s
        self._stopping = asyncio.Event()
        self._busy: set[asyncio.StreamWriter] = set()
        self._open: set[asyncio.StreamWriter] = set()
        self._left = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    async def serve(self, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        if self._on_stop != "nothing":
            loop.add_signal_handler(signal.SIGTERM, self._told)
        server = await asyncio.start_server(self._client, host, port, backlog=1024)
        print(f"listening on {host}:{port}", flush=True)
        await self._stopping.wait()
        if self._on_stop == "exit":
            os._exit(0)
        server.close()  # nobody new; what is in flight goes on
        await self._linger()
        await self._idle.wait()
        print("nothing is in flight any more", flush=True)
        await asyncio.sleep(self._clean_up_s)

    async def _linger(self) -> None:
        """Let go of idle connections when their clients have had the time to use them once more."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_S):
                while self._open - self._busy:
                    self._left.clear()
                    await self._left.wait()
        for writer in self._open - self._busy:
            writer.close()

    def _told(self) -> None:
        print("got SIGTERM", flush=True)
        if self._on_stop != "ignore":
            self._stopping.set()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass  # the client left, or does not speak HTTP
        finally:
            self._done(writer)
            self._open.discard(writer)
            self._left.set()
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; whether the connection is kept."""
        head = await reader.readuntil(b"\r\n\r\n")
        self._busy.add(writer)
        self._idle.clear()
        lines = head.decode("latin-1").split("\r\n")
        method, target, version = lines[0].split(" ", 2)
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }
        await self._read_body(reader, headers)
        url = urlsplit(target)
        seconds = float(parse_qs(url.query).get("seconds", ["4"])[0])
        keep = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
        match url.path:
            case "/download":
                await self._slowly(writer, "application/octet-stream", b"x" * 1024, seconds)
                keep = False
            case "/events":
                await self._slowly(writer, "text/event-stream", b"data: tick\n\n", seconds)
                keep = False
            case _:
                if url.path == "/slow":
                    await asyncio.sleep(seconds)
                keep = keep and not self._stopping.is_set()
                body = b"hello\n"
                writer.write(
                    f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
                    f"Connection: {'keep-alive' if keep else 'close'}\r\n\r\n".encode()
                    + (b"" if method == "HEAD" else body)
                )
        await writer.drain()
        self._done(writer)
        return keep and not self._stopping.is_set()

    async def _read_body(self, reader: asyncio.StreamReader, headers: dict[str, str]) -> None:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            while size := int(await reader.readuntil(b"\r\n"), 16):
                await reader.readexactly(size + 2)
            await reader.readuntil(b"\r\n")
        elif length := int(headers.get("content-length", "0")):
            await reader.readexactly(length)

    async def _slowly(self, writer: asyncio.StreamWriter, kind: str, piece: bytes, seconds: float) -> None:
        writer.write(
            f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n".encode()
            + b"Connection: close\r\n\r\n"
        )
        for _ in range(max(1, round(seconds * _PIECES_PER_S))):
            writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await writer.drain()
            await asyncio.sleep(1 / _PIECES_PER_S)
        writer.write(b"0\r\n\r\n")

    def _done(self, writer: asyncio.StreamWriter) -> None:
        self._busy.discard(writer)
        if not self._busy:
            self._idle.set()


if __name__ == "__main__":
    main(sys.argv[1:])
