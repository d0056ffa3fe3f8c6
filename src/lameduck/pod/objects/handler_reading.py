"""Lifecycle handlers and probes from a manifest (T28, T32, T72)."""

import json
from typing import TypeVar

from lameduck.pod.containers import Probe
from lameduck.pod.handlers import Exec, Grpc, Handler, HttpGet, ProbeHandler, Sleep, TcpSocket
from lameduck.pod.texts.fields import INT64, Fields

__all__ = ["read_lifecycle_handler", "read_probe", "read_probe_handler"]

_LIFECYCLE = ("exec", "httpGet", "sleep", "tcpSocket")
_PROBE = ("exec", "httpGet", "tcpSocket", "grpc")
AnyHandler = TypeVar("AnyHandler", Handler, ProbeHandler)


def read_lifecycle_handler(lifecycle: Fields, key: str) -> Handler | None:
    """preStop or postStart. None: not written, or nothing in it that the kubelet could do."""
    fields = lifecycle.fields(key)
    kind = None if fields is None else _only_kind(fields, key, _LIFECYCLE)
    if fields is None or kind is None or (action := fields.fields(kind)) is None:
        return None
    match kind:
        case "exec":
            return _exec(action)
        case "httpGet":
            return _http_get(action)
        case "tcpSocket":
            return _tcp_socket(action)
        case _:
            return _sleep(action)


def read_probe_handler(probe: Fields, key: str) -> ProbeHandler | None:
    """What a probe asks. None: nothing that the kubelet could ask."""
    kind = _only_kind(probe, key, _PROBE)
    if kind is None or (action := probe.fields(kind)) is None:
        return None
    match kind:
        case "exec":
            return _exec(action)
        case "httpGet":
            return _http_get(action)
        case "tcpSocket":
            return _tcp_socket(action)
        case _:
            return _grpc(action)


def read_probe(container: Fields, key: str) -> Probe | None:
    """The probe below that key, with the API's defaults (T72)."""
    fields = container.fields(key)
    if fields is None or (handler := read_probe_handler(fields, key)) is None:
        return None
    readiness = key == "readinessProbe"
    success = _or_default(fields, "successThreshold", 1)
    if success != 1 and not readiness:
        fields.say("successThreshold", f"successThreshold is {success}. Kubernetes wants 1 for a {key}: write 1.")
        success = 1
    grace = fields.whole("terminationGracePeriodSeconds", wants="whole seconds", least=1, most=INT64)
    if grace is not None and readiness:
        fields.say(
            "terminationGracePeriodSeconds",
            "A readinessProbe has no terminationGracePeriodSeconds, because it kills nothing. Remove it.",
        )
        grace = None
    return Probe(
        handler=handler,
        at=fields.at,
        initial_delay_s=fields.whole("initialDelaySeconds", wants="whole seconds") or 0,
        # 0 is not refused but counts as not written.
        timeout_s=_or_default(fields, "timeoutSeconds", 1),
        period_s=_or_default(fields, "periodSeconds", 10),
        success_threshold=success,
        failure_threshold=_or_default(fields, "failureThreshold", 3),
        termination_grace_period_s=grace,
    )


def _or_default(fields: Fields, key: str, default: int) -> int:
    wants = "whole seconds" if key.endswith("Seconds") else "a whole number"
    return fields.whole(key, wants=wants) or default


def _only_kind(fields: Fields, key: str, kinds: tuple[str, ...]) -> str | None:
    written = [kind for kind in kinds if fields.has(kind)]
    # `tcpSocket: {}` is written; `exec:` with nothing after it is not.
    if not written:
        choice = f"{', '.join(kinds[:-1])} or {kinds[-1]}"
        fields.complaints.say(
            fields.at, f"{key} holds no handler. Kubernetes wants exactly one of {choice}: write one."
        )
        return None
    if len(written) > 1:
        fields.say(
            written[1],
            f"{key} holds {' and '.join(written)}. Kubernetes wants exactly one handler: keep one.",
        )
    return written[0]


def _exec(action: Fields) -> Exec | None:
    command = action.texts("command")
    if command:
        return Exec(command, action.at)
    action.complaints.say(
        action.path("command"), 'exec holds no command. Kubernetes wants a list: write ["sleep", "5"], say.'
    )
    return None


def _http_get(action: Fields) -> HttpGet | None:
    port = _needed_port(action, "httpGet")
    if port is None:
        return None
    headers = tuple(
        (header.text("name") or "", header.text("value") or "") for header in action.list_of_fields("httpHeaders")
    )
    scheme = action.text("scheme") or "HTTP"
    if scheme not in ("HTTP", "HTTPS"):
        meant = "HTTPS" if scheme.upper() == "HTTPS" else "HTTP"
        action.say("scheme", f"scheme is {json.dumps(scheme)}. Kubernetes wants HTTP or HTTPS: write {meant}.")
        scheme = meant
    return HttpGet(
        port=port,
        at=action.at,
        url_path=action.text("path") or "/",
        host=action.text("host") or None,
        scheme=scheme,
        headers=headers,
    )


def _tcp_socket(action: Fields) -> TcpSocket | None:
    port = _needed_port(action, "tcpSocket")
    return None if port is None else TcpSocket(port, action.at, host=action.text("host") or None)


def _needed_port(action: Fields, kind: str) -> int | str | None:
    if not action.has("port"):
        action.complaints.say(action.at, f"{kind} names no port. Kubernetes wants one: write port: 8080, say.")
        return None
    return action.port("port")


def _sleep(action: Fields) -> Sleep | None:
    if not action.has("seconds"):
        # A Go reader takes a missing number as 0; 0 is legal since 1.33 (T37).
        return Sleep(0, action.at)
    seconds = action.whole("seconds", wants="whole seconds", most=INT64)
    return None if seconds is None else Sleep(seconds, action.at)


def _grpc(action: Fields) -> Grpc | None:
    if not action.has("port"):
        action.complaints.say(action.at, "grpc names no port. Kubernetes wants one: write port: 8080, say.")
        return None
    port = action.port_number("port", wants="a port number (grpc takes no names)")
    return None if port is None else Grpc(port, action.at, service=action.text("service") or "")
