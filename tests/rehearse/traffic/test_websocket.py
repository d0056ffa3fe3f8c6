import asyncio

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Ping, Pong, RejectConnection, Request, TextMessage

from lameduck.ending.requests import Fate
from tests.rehearse.traffic.sending import Handler, fate_of, one_request, reset, says, serving, until

heard: list[object] = []


def speaks(*answers: object, then: str = "stay") -> Handler:
    """A WebSocket server that answers the handshake with events, then stays, or ends TCP with "fin" or "rst"."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ws = WSConnection(ConnectionType.SERVER)
        heard.clear()
        asked = False
        while data := await reader.read(65536):
            ws.receive_data(data)
            for event in ws.events():
                heard.append(event)
                if isinstance(event, CloseConnection) and not asked:
                    return
                if isinstance(event, CloseConnection) and ws.state.name == "REMOTE_CLOSING":
                    writer.write(ws.send(event.response()))
                    return
            if not asked:
                asked = True
                for answer in answers:
                    writer.write(ws.send(answer))  # type: ignore[arg-type]
                await writer.drain()
                if then == "fin":
                    return
                if then == "rst":
                    await asyncio.sleep(0.05)  # the client reads the handshake before the RST comes
                    reset(writer)
                    return

    return handle


def test_a_close_frame_is_a_proper_end() -> None:
    fate, detail = asyncio.run(fate_of(speaks(AcceptConnection(), CloseConnection(code=1012)), mix="websocket=1"))
    assert (fate, detail) == (Fate.OK, "closed by the server with code 1012")


def test_a_tcp_end_without_a_close_frame_cuts_it() -> None:
    for end in ("fin", "rst"):
        assert asyncio.run(fate_of(speaks(AcceptConnection(), then=end), mix="websocket=1"))[0] is Fate.CUT


def test_a_handshake_that_nobody_answers_is_reset_or_times_out() -> None:
    assert asyncio.run(fate_of(speaks(then="fin"), mix="websocket=1"))[0] is Fate.RESET
    assert asyncio.run(fate_of(speaks(), mix="websocket=1", request_timeout_s=0.3))[0] is Fate.TIMEOUT


def test_a_refused_handshake_is_an_answer_like_any_other() -> None:
    assert asyncio.run(fate_of(speaks(RejectConnection(status_code=404)), mix="websocket=1"))[0] is Fate.OK
    assert asyncio.run(fate_of(speaks(RejectConnection(status_code=503)), mix="websocket=1"))[0] is Fate.SERVER_ERROR


def test_what_is_no_websocket_cuts_it() -> None:
    assert asyncio.run(fate_of(says(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), mix="websocket=1"))[0] is Fate.CUT


def test_a_frame_that_breaks_the_protocol_cuts_it() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ws = WSConnection(ConnectionType.SERVER)
        ws.receive_data(await reader.read(65536))
        list(ws.events())
        writer.write(ws.send(AcceptConnection()) + b"\xff\xff\xff\xff")
        await reader.read()

    assert asyncio.run(fate_of(handle, mix="websocket=1"))[0] is Fate.CUT


def test_pings_are_answered_and_messages_are_taken() -> None:
    answers = (AcceptConnection(), Ping(payload=b"there?"), TextMessage(data="news"))

    async def story() -> None:
        async with serving(speaks(*answers)) as port:
            request = await one_request(port, "websocket=1")
            assert (request.fate, request.detail) == (Fate.OK, "still open when the client left")
            await until(lambda: any(isinstance(event, CloseConnection) for event in heard))  # we left in good order
        assert any(isinstance(event, Pong) for event in heard)

    asyncio.run(story())


def test_we_leave_with_a_close_frame_when_the_time_is_over() -> None:
    async def story() -> None:
        async with serving(speaks(AcceptConnection())) as port:
            request = await one_request(port, "websocket:300ms=1@/ws", for_s=0.9)
        assert (request.fate, request.status) == (Fate.OK, 101)
        assert 0.3 <= request.ended_s - request.sent_s < 0.9
        assert isinstance(heard[0], Request)
        assert heard[0].target == "/ws"

    asyncio.run(story())
    assert [event.code for event in heard if isinstance(event, CloseConnection)] == [1000]
