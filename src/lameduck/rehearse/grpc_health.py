"""One call of the gRPC health protocol, as the kubelet's grpc probe makes it (pkg/probe/grpc): clear text, HTTP/2.

The two messages of grpc.health.v1 are one field each, so they are encoded by hand; HTTP/2 itself is h2's.
"""

import asyncio
import contextlib

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from lameduck.rehearse.http_get import reason_of

__all__ = ["GrpcHealthError", "check_health"]

_USER_AGENT = "kube-probe/1.36"
_READ_BYTES = 16384
_MESSAGE_BYTES = 4096  # a health answer is 2; nobody fills our memory
_SERVING = 1
_STATUS_NAMES = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}


class GrpcHealthError(Exception):
    """Not healthy, or no answer that says so; the words are the probe's detail."""


async def check_health(host: str, port: int, service: str) -> None:
    """Ask grpc.health.v1.Health/Check about that service. Returns if it is SERVING; no time limit of its own.

    Raises GrpcHealthError otherwise.
    """
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError as error:
        raise GrpcHealthError(f"cannot connect: {reason_of(error)}") from error
    try:
        await _call(reader, writer, f"{host}:{port}", service)
    except (OSError, h2.exceptions.ProtocolError) as error:
        raise GrpcHealthError(f"health rpc failed: {reason_of(error)}") from error
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            writer.transport.abort()


async def _call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, authority: str, service: str) -> None:
    http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
    http.initiate_connection()
    headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/grpc.health.v1.Health/Check"),
        (":authority", authority),
        ("content-type", "application/grpc"),
        ("user-agent", _USER_AGENT),
        ("te", "trailers"),
    ]
    stream = http.get_next_available_stream_id()
    http.send_headers(stream, headers)
    http.send_data(stream, _request(service), end_stream=True)
    writer.write(http.data_to_send())
    answer = b""
    while True:
        data = await reader.read(_READ_BYTES)
        if not data:
            raise GrpcHealthError("the connection was closed before an answer")
        for event in http.receive_data(data):
            match event:
                case h2.events.DataReceived(data=received, flow_controlled_length=length):
                    answer = (answer + (received or b""))[:_MESSAGE_BYTES]
                    http.acknowledge_received_data(length or 0, stream)
                case (
                    h2.events.ResponseReceived(headers=received_headers)
                    | h2.events.TrailersReceived(headers=received_headers)
                ):
                    _refuse_failed_status({str(name): str(value) for name, value in received_headers or ()})
                case h2.events.StreamEnded():
                    return _judge(answer)
                case h2.events.StreamReset(error_code=code):
                    raise GrpcHealthError(f"health rpc was reset, HTTP/2 error {code}")
                case h2.events.ConnectionTerminated(error_code=code):
                    raise GrpcHealthError(f"the server closed the connection, HTTP/2 error {code}")
                case _:
                    pass
        writer.write(http.data_to_send())


def _request(service: str) -> bytes:
    """A length-prefixed HealthCheckRequest: field 1, the service's name."""
    name = service.encode()
    message = b"\x0a" + _varint(len(name)) + name if name else b""
    return b"\0" + len(message).to_bytes(4, "big") + message


def _varint(number: int) -> bytes:
    encoded = b""
    while number > 0x7F:
        encoded += bytes([number & 0x7F | 0x80])
        number >>= 7
    return encoded + bytes([number])


def _refuse_failed_status(headers: dict[str, str]) -> None:
    status = headers.get(":status", "200")
    if status != "200":
        raise GrpcHealthError(f"answered HTTP {status}")
    match headers.get("grpc-status", "0"):
        case "0":
            return
        case "12":
            raise GrpcHealthError("this server does not implement the grpc health protocol (grpc.health.v1.Health)")
        case code:
            raise GrpcHealthError(f"health rpc failed with status {code} {headers.get('grpc-message', '')}".rstrip())


def _judge(answer: bytes) -> None:
    """A HealthCheckResponse is field 1, an enum; left out when it is 0."""
    message = answer[5:]
    status = message[1] if len(message) >= 2 and message[0] == 0x08 else 0
    if status != _SERVING:
        raise GrpcHealthError(f"service unhealthy (responded with {_STATUS_NAMES.get(status, status)})")
