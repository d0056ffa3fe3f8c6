"""Which signal a container gets as its stop signal: the pod's, the image's, or SIGTERM (T50, T51)."""

import re

from lameduck.ending.versions import CONTAINER_STOP_SIGNALS
from lameduck.pod.containers import Container, Role

__all__ = ["stop_signal"]

_LINUX = (
    *(
        "HUP",
        "INT",
        "QUIT",
        "ILL",
        "TRAP",
        "ABRT",
        "BUS",
        "FPE",
        "KILL",
        "USR1",
        "SEGV",
        "USR2",
        "PIPE",
        "ALRM",
        "TERM",
    ),
    *("STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO"),
    *("PWR", "SYS"),
)
"""signal(7): numbers 1 to 31, in order. Written out, because the machine that predicts need not be a Linux."""
_ALIASES = {"CLD": "CHLD", "IOT": "ABRT", "POLL": "IO"}
_REAL_TIME = re.compile(r"(RTMIN|RTMAX)(?:(?:\+|PLUS|-|MINUS)(\d+))?")
_SIGRTMIN, _SIGRTMAX = 34, 64  # as glibc and the runtime count them


def stop_signal(container: Container, *, image: str | None, os_name: str | None, gates: frozenset[str]) -> str:
    """The name of the stop signal, with SIG: lifecycle.stopSignal, else the image's STOPSIGNAL, else SIGTERM (T50).

    lifecycle.stopSignal counts only with its gate on and spec.os.name given, and not for init and ephemeral
    containers: the API drops or rejects it there (T51). `image` may be a name with or without SIG, or a number, as
    a Dockerfile takes it. Raises ValueError for a signal that Linux does not have.
    """
    gated = CONTAINER_STOP_SIGNALS in gates and os_name is not None
    if gated and container.stop_signal is not None and container.role in (Role.REGULAR, Role.SIDECAR):
        return _named(container.stop_signal)
    return _named(image) if image is not None else "SIGTERM"


def _named(text: str) -> str:
    name = text.strip().upper().removeprefix("SIG")
    if name.isdecimal():
        return _numbered(int(name), text)
    name = _ALIASES.get(name, name)
    if name in _LINUX:
        return f"SIG{name}"
    real_time = _REAL_TIME.fullmatch(name)
    if real_time is None:
        raise ValueError(f"{text!r} is not a signal that Linux has")
    offset = int(real_time.group(2) or 0)
    return _numbered(_SIGRTMIN + offset if real_time.group(1) == "RTMIN" else _SIGRTMAX - offset, text)


def _numbered(number: int, text: str) -> str:
    if 1 <= number <= len(_LINUX):
        return f"SIG{_LINUX[number - 1]}"
    if _SIGRTMIN <= number <= _SIGRTMAX:
        return f"SIGRTMIN+{number - _SIGRTMIN}" if number > _SIGRTMIN else "SIGRTMIN"
    raise ValueError(f"{text!r} is not a signal that Linux has")
