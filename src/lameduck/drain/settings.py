"""What can be set, in the code or in the environment, and what holds when nothing is."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BadSetting", "LameDuck", "Settings", "from_environment", "seconds"]

UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0}
DURATION = re.compile(r"(\d+(?:\.\d+)?|\.\d+)(ms|s|m|)", re.ASCII)


class BadSetting(ValueError):
    """A setting that cannot be understood: what was set, where, and what would do."""


@dataclass(frozen=True, slots=True)
class LameDuck:
    """How long a process serves on after the stop signal. All in seconds.

    With `least == most` it is a fixed time. Else it ends when no new work has come for the quiet time, no sooner than
    `least`. Without a single arrival there is nothing to learn from, and it ends at `unseen`.
    """

    least_s: float = 2.0
    most_s: float = 15.0
    quiet_s: float = 1.0
    unseen_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Settings:
    """How this process ends. All in seconds."""

    lame_duck: LameDuck = LameDuck()
    grace_s: float = 30.0
    """The pod's terminationGracePeriodSeconds, less what a preStop hook uses of it (T17)."""
    margin_s: float = 1.0
    """Kept back from the grace: the kubelet's clock started before ours, and the report has to be written."""
    termination_log: str = "/dev/termination-log"
    """Where Kubernetes reads the last words of a container (terminationMessagePath). Empty: nowhere."""
    endpoint: str = ""
    """Where `/-/drain` and `/readyz` answer: a port on loopback, or address:port. Empty: nowhere."""
    probe_port: int = 0
    """A port, on every address, that answers readiness probes and nothing else. 0: none."""
    tell: bool = True
    """Whether each step of a stop is told on stderr, as a line of JSON."""

    @property
    def usable_s(self) -> float:
        """From the stop signal to the deadline: the grace without the margin, of which a short grace has less."""
        return self.grace_s - min(self.margin_s, self.grace_s / 10)


def from_environment(settings: Settings, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings with what the LAMEDUCK_ variables say. Raises BadSetting."""
    found: dict[str, object] = {}
    grace = environ.get("LAMEDUCK_GRACE_SECONDS")
    if grace:
        found["grace_s"] = seconds(grace, "LAMEDUCK_GRACE_SECONDS")
    duck = environ.get("LAMEDUCK_LAME_DUCK")
    if duck:
        found["lame_duck"] = lame_duck(duck, "LAMEDUCK_LAME_DUCK", settings.lame_duck)
    log = environ.get("LAMEDUCK_TERMINATION_LOG")
    if log is not None:
        found["termination_log"] = log
    endpoint = environ.get("LAMEDUCK_ENDPOINT")
    if endpoint is not None:
        found["endpoint"] = checked_address(endpoint, "LAMEDUCK_ENDPOINT")
    probe_port = environ.get("LAMEDUCK_PROBE_PORT")
    if probe_port:
        found["probe_port"] = checked_port(probe_port, "LAMEDUCK_PROBE_PORT")
    tell = environ.get("LAMEDUCK_TELL")
    if tell is not None:
        found["tell"] = tell.lower() not in ("", "0", "no", "false", "off")
    return replace(settings, **found)  # type: ignore[arg-type]


def lame_duck(text: str, where: str, before: LameDuck = LameDuck()) -> LameDuck:
    """`5s` or `2s..15s`. Raises BadSetting."""
    first, dots, second = text.partition("..")
    least = seconds(first, where)
    most = seconds(second, where) if dots else least
    if most < least:
        raise BadSetting(f"{where}: {text!r} ends before it begins. Write the shorter time first: 2s..15s.")
    return LameDuck(least, most, min(before.quiet_s, most), min(max(before.unseen_s, least), most))


def seconds(text: str | float, where: str) -> float:
    """`30`, `30s`, `500ms` or `2m`, in seconds. Raises BadSetting."""
    if isinstance(text, int | float):
        value = float(text)
    else:
        match = DURATION.fullmatch(text.strip())
        if match is None:
            raise BadSetting(f"{where}: {text!r} is no time. Write seconds, or a unit behind them: 30, 30s, 500ms, 2m.")
        value = float(match[1]) * UNITS[match[2]]
    if not 0 <= value < 1e7:
        raise BadSetting(f"{where}: {text!r} is no time that a stop can take. Write 0 or more seconds.")
    return value


def checked_address(text: str, where: str) -> str:
    """`9902` or `127.0.0.1:9902`, as it is. Raises BadSetting."""
    port = text.rpartition(":")[2]
    if text and not (port.isdecimal() and int(port) <= 65535):
        raise BadSetting(
            f"{where}: {text!r} is no place to listen. Write a port, or an address and a port: 0.0.0.0:9902."
        )
    return text


def checked_port(text: str | int, where: str) -> int:
    """A port's number. Raises BadSetting."""
    if not str(text).isdecimal() or int(text) > 65535:
        raise BadSetting(f"{where}: {text!r} is no port. Write a number up to 65535.")
    return int(text)
