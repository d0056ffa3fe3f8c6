"""What becomes of one request, against servers that end it in every way there is."""

import asyncio
import os
from typing import cast

import pytest

from lameduck.ending.requests import ClientKind, Fate
from tests.rehearse.traffic.sending import (
    Backends,
    Run,
    closed_port,
    fate_of,
    one_request,
    read_head,
    reset,
    says,
    serving,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


def test_an_answer_is_ok_and_its_times_are_in_order() -> None:
    async def story() -> None:
        async with serving(says(OK)) as port:
            request = await one_request(port, "new=1", rtt_s=0.02)
        assert (request.fate, request.status, request.pod) == (Fate.OK, 200, f"pod-{port}")
        assert request.connected_s is not None
        assert request.first_byte_s is not None
        assert request.due_s <= request.sent_s <= request.connected_s <= request.first_byte_s <= request.ended_s
        assert request.connected_s - request.sent_s >= 0.02
        assert request.first_byte_s - request.connected_s >= 0.02

    asyncio.run(story())


@pytest.mark.parametrize(
    ("response", "fate"),
    [
        (OK, Fate.OK),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", Fate.OK),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", Fate.OK),
        (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", Fate.SERVER_ERROR),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 100\r\n\r\ntoo short", Fate.SERVER_ERROR),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ntoo short", Fate.CUT),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", Fate.CUT),
        (b"HTTP/1.1 2", Fate.CUT),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n", Fate.CUT),
        (b"not HTTP at all\r\n\r\n", Fate.CUT),
        (b"", Fate.RESET),
    ],
)
def test_a_response_that_ends_with_fin(response: bytes, fate: Fate) -> None:
    assert asyncio.run(fate_of(says(response)))[0] is fate


@pytest.mark.parametrize(
    ("response", "fate"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", Fate.CUT),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", Fate.CUT),
        (b"", Fate.RESET),
    ],
)
def test_a_response_that_ends_with_rst(response: bytes, fate: Fate) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(response)
        await asyncio.sleep(0.05)  # the client reads the response before the RST comes
        reset(writer)

    found, detail = asyncio.run(fate_of(handle))
    assert found is fate
    assert "reset" in detail


def test_a_server_that_closes_with_our_bytes_unread_resets_us() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        cast(asyncio.Transport, writer.transport).pause_reading()
        await asyncio.sleep(0.05)
        writer.close()

    assert asyncio.run(fate_of(handle)) == (Fate.RESET, "connection reset by the server before any byte of a response")


def test_a_port_nobody_listens_on_refuses() -> None:
    request = asyncio.run(one_request(closed_port(), "new=1", rtt_s=0.03))
    assert (request.fate, request.connected_s, request.status) == (Fate.REFUSED, None, None)
    assert request.detail == f"connect: {os.strerror(111)}"
    assert request.ended_s - request.sent_s >= 0.03  # the refusal, too, travels


def test_without_an_endpoint_a_request_is_refused_and_has_no_pod() -> None:
    async def story() -> None:
        for mix in ("new=1", "keepalive=1", "websocket=1"):
            (request,) = await Run(Backends([]), mix, rate=1).send(for_s=0.05)
            assert (request.fate, request.pod, request.detail) == (Fate.REFUSED, None, "no endpoint")

    asyncio.run(story())


async def never_answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


def test_a_server_that_does_not_answer_times_out() -> None:
    assert asyncio.run(fate_of(never_answers, request_timeout_s=0.3))[0] is Fate.TIMEOUT


def test_a_request_in_flight_when_the_time_is_up_is_unfinished_and_not_lost() -> None:
    async def story() -> None:
        async with serving(never_answers) as port:
            request = await one_request(port, "new=1", settle_s=0.1)
        assert request.fate is Fate.UNFINISHED
        assert not request.fate.lost

    asyncio.run(story())


def test_an_answer_to_head_is_over_with_its_head() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"
    assert asyncio.run(fate_of(says(head), mix="new:HEAD=1"))[0] is Fate.OK
    assert asyncio.run(fate_of(says(head), mix="new:GET=1"))[0] is Fate.CUT


def test_a_connection_that_only_the_kernel_accepted_is_reset_when_its_listener_dies() -> None:
    async def story() -> None:
        import socket

        listener = socket.create_server(("127.0.0.1", 0), backlog=8)
        asyncio.get_running_loop().call_later(0.2, listener.close)
        request = await one_request(listener.getsockname()[1], "new=1")
        assert request.fate is Fate.RESET
        assert request.connected_s is not None
        assert not request.reused

    asyncio.run(story())


# Uploads


async def takes_uploads(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await read_head(reader)
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    body = await reader.readexactly(length)
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    await writer.drain()


def test_an_upload_takes_its_time_and_arrives_whole() -> None:
    async def story() -> None:
        async with serving(takes_uploads) as port:
            request = await one_request(port, "upload:300ms=1", request_timeout_s=2)
        assert (request.kind, request.method, request.fate) == (ClientKind.UPLOAD, "POST", Fate.OK)
        assert request.ended_s - request.sent_s >= 0.2

    asyncio.run(story())


def test_the_time_an_upload_takes_to_send_is_not_taken_from_the_servers_time() -> None:
    assert asyncio.run(fate_of(takes_uploads, mix="upload:1s=1", request_timeout_s=0.6))[0] is Fate.OK


def test_an_upload_that_is_cut_off_is_reset() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        await reader.readexactly(1024)
        reset(writer)

    assert asyncio.run(fate_of(handle, mix="upload:1s=1"))[0] is Fate.RESET


def test_an_upload_that_is_answered_early_is_over() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await reader.read()

    async def story() -> None:
        async with serving(handle) as port:
            request = await one_request(port, "upload:5s=1")
        assert (request.fate, request.status) == (Fate.OK, 413)
        assert request.ended_s - request.sent_s < 2.5

    asyncio.run(story())


# Streams

_EVENTS = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n"
)


def test_a_stream_that_ends_properly_is_ok_and_one_without_its_last_chunk_is_cut() -> None:
    assert asyncio.run(fate_of(says(_EVENTS + b"0\r\n\r\n"), mix="sse:0s=1"))[0] is Fate.OK
    assert asyncio.run(fate_of(says(_EVENTS), mix="sse:0s=1"))[0] is Fate.CUT
    assert asyncio.run(fate_of(says(_EVENTS, then_reset=True), mix="sse:0s=1"))[0] in (Fate.CUT, Fate.RESET)


async def streams_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_head(reader)
    writer.write(_EVENTS)
    await reader.read()


def test_a_stream_outlives_the_request_timeout_and_is_left_by_us_when_its_time_is_over() -> None:
    async def story() -> None:
        async with serving(streams_on) as port:
            request = await one_request(port, "sse:500ms=1", for_s=0.9, request_timeout_s=0.3)
        assert (request.fate, request.detail) == (Fate.OK, "still streaming when the client left")
        assert 0.5 <= request.ended_s - request.sent_s < 0.9

    asyncio.run(story())


def test_a_stream_that_is_well_at_the_end_of_the_rehearsal_is_ok_at_once() -> None:
    async def story() -> None:
        async with serving(streams_on) as port:
            request = await one_request(port, "sse:0s=1", settle_s=30)
        assert request.fate is Fate.OK
        assert request.ended_s - request.sent_s < 10

    asyncio.run(story())
