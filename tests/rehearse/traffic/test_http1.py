import pytest

from lameduck.ending.requests import ClientKind
from lameduck.pod.durations import Seconds
from lameduck.rehearse.traffic import Share
from lameduck.rehearse.traffic.http1 import BODY_PIECE, Exchange, NotHttpError, request_for

GET = Share(ClientKind.KEEPALIVE, 1, "/a?b=c")


def asked(share: Share = GET, *, keep_alive: bool = True) -> Exchange:
    exchange = Exchange()
    exchange.ask(request_for(share, "web", keep_alive=keep_alive, body_pieces=0), whole=True)
    return exchange


RESPONSES = {
    "content-length": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "not modified": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    "after a hint": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("response", RESPONSES.values(), ids=RESPONSES)
def test_a_response_is_complete_at_its_last_byte_and_not_before(response: bytes) -> None:
    exchange = asked()
    for byte in response[:-1]:
        exchange.receive(bytes([byte]))
        assert not exchange.complete
    exchange.receive(response[-1:])
    assert exchange.complete
    assert exchange.status in (200, 204, 304)
    assert exchange.reuse()


@pytest.mark.parametrize("response", RESPONSES.values(), ids=RESPONSES)
def test_a_connection_that_ends_within_a_response_is_no_http(response: bytes) -> None:
    exchange = asked()
    exchange.receive(response[:-1])
    with pytest.raises(NotHttpError):
        exchange.receive(b"")


def test_the_answer_to_head_has_no_body() -> None:
    exchange = asked(Share(ClientKind.KEEPALIVE, 1, "/", "HEAD"))
    exchange.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
    assert exchange.complete
    assert exchange.reuse()


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    exchange = asked()
    exchange.receive(b"HTTP/1.0 200 OK\r\n\r\nhello")
    before_the_end = exchange.complete
    exchange.receive(b"")
    assert (before_the_end, exchange.complete, exchange.reuse()) == (False, True, False)


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nConnection: close\r\n", b"HTTP/1.0 200 OK\r\n"])
def test_a_server_that_says_it_closes_is_not_asked_again(head: bytes) -> None:
    exchange = asked()
    exchange.receive(head + b"Content-Length: 2\r\n\r\nok")
    assert exchange.complete
    assert not exchange.reuse()


def test_a_connection_with_more_bytes_than_were_asked_for_is_not_used_again() -> None:
    exchange = asked()
    exchange.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 408 Request Timeout\r\n\r\n")
    assert exchange.complete
    assert not exchange.reuse()


@pytest.mark.parametrize("noise", [b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"\x15\x03\x01\x00\x02\x02\x50\r\n\r\n"])
def test_what_is_no_http_is_told(noise: bytes) -> None:
    with pytest.raises(NotHttpError):
        asked().receive(noise)


def test_a_request_names_host_target_and_whether_it_wants_to_keep_the_connection() -> None:
    exchange = Exchange()
    kept = exchange.ask(request_for(GET, "web:80", keep_alive=True, body_pieces=0), whole=True)
    assert kept.startswith(b"GET /a?b=c HTTP/1.1\r\nHost: web:80\r\n")
    assert b"Connection: close" not in kept
    once = Exchange().ask(request_for(GET, "web:80", keep_alive=False, body_pieces=0), whole=True)
    assert b"Connection: close\r\n" in once


def test_a_post_carries_a_small_form_and_an_upload_its_pieces() -> None:
    post = Share(ClientKind.NEW, 1, "/", "POST")
    head, body = Exchange().ask(request_for(post, "web", keep_alive=True, body_pieces=0), whole=True).split(b"\r\n\r\n")
    assert b"Content-Length: %d" % len(body) in head
    upload = Share(ClientKind.UPLOAD, 1, "/", "POST", Seconds(1))
    exchange = Exchange()
    head = exchange.ask(request_for(upload, "web", keep_alive=False, body_pieces=2), whole=False)
    body = exchange.body(BODY_PIECE) + exchange.body(BODY_PIECE) + exchange.body_end()
    assert b"Content-Length: %d\r\n" % len(body) in head
    assert len(BODY_PIECE) == 1024
