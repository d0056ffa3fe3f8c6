"""LD805: sysctls that contradict each other, so that one of them does nothing."""

from collections.abc import Iterator

from lameduck.findings.at_setting import at_setting
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness
from lameduck.pod.sysctls.sysctl import Setting, Settings

__all__ = ["FINDING"]

PAGE = """
## What happens
The kernel takes each value for itself and never says that two of them do not go together. A later line for the same
key wins. Three numbers that are not in rising order are taken as they are (K18). SYN cookies make
`tcp_max_syn_backlog` unimportant: it is looked at only with `tcp_syncookies = 0`, and even then no more handshakes
wait than the accept queue is long (K13). `tcp_tw_reuse` needs timestamps to tell an old packet from a new one, and
does nothing without them.
## How to see it
`sysctl KEY` shows the value that counts. `nstat -az TcpExtListenOverflows TcpExtListenDrops` counts what a full queue
dropped: if it grows, `tcp_max_syn_backlog` is rarely the cause.
## How to mend it
Keep one line for each key. Remove the value that has no effect, so that the next reader does not rely on it.
"""

BAD = (
    Example("one key, two values", settings="net.core.somaxconn = 1024\nnet.core.somaxconn = 4096\n"),
    Example("the first buffer is larger than the greatest", settings="net.ipv4.tcp_rmem = 4096 8388608 6291456\n"),
    Example("SYN cookies are on", settings="net.ipv4.tcp_max_syn_backlog = 10240\nnet.ipv4.tcp_syncookies = 1\n"),
    Example(
        "more handshakes than the accept queue lets in",
        settings="net.core.somaxconn = 128\nnet.ipv4.tcp_max_syn_backlog = 8192\nnet.ipv4.tcp_syncookies = 0\n",
    ),
    Example("reuse without timestamps", settings="net.ipv4.tcp_tw_reuse = 1\nnet.ipv4.tcp_timestamps = 0\n"),
    Example(
        "a buffer that is larger than can be asked for",
        settings="net.core.rmem_default = 8388608\nnet.core.rmem_max = 212992\n",
    ),
    Example(
        "in a pod",
        pod="""
            securityContext:
              sysctls:
                - {name: net.ipv4.tcp_wmem, value: 4096 65536 16384}
            """,
        only=Witness.FILES,
    ),
)
GOOD = (
    Example("one key twice with the same value", settings="vm.swappiness = 1\nvm.swappiness = 1\n"),
    Example("rising numbers", settings="net.ipv4.tcp_rmem = 4096 131072 6291456\n"),
    Example(
        "the handshake queue counts without SYN cookies",
        settings="net.core.somaxconn = 8192\nnet.ipv4.tcp_max_syn_backlog = 8192\nnet.ipv4.tcp_syncookies = 0\n",
    ),
    Example(
        "TCP's own growth does not look at rmem_max",
        settings="net.core.rmem_max = 212992\nnet.ipv4.tcp_rmem = 4096 131072 6291456\n",
    ),
)

_RISING = ("net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem", "net.ipv4.tcp_mem", "net.ipv4.udp_mem")


def in_settings(settings: Settings, kubernetes: tuple[int, int]) -> Iterator[Sighting]:  # noqa: ARG001
    yield from _overridden(settings)
    for key in _RISING:
        last = settings.last(key)
        numbers = last.numbers if last is not None else None
        if last is not None and numbers is not None and list(numbers) != sorted(numbers):
            message = f"{key}: {last.bare} is not in rising order, and the kernel takes it all the same"
            yield at_setting(settings, last, message, f"Write {' '.join(map(str, sorted(numbers)))}, if that is meant")
    for direction in ("rmem", "wmem"):
        yield from _default_above_most(settings, direction)
    yield from _handshakes(settings)
    if _number(settings, "net.ipv4.tcp_tw_reuse") == 1 and _number(settings, "net.ipv4.tcp_timestamps") == 0:
        reuse = settings.last("net.ipv4.tcp_tw_reuse")
        assert reuse is not None
        message = "tcp_tw_reuse does nothing here: it needs timestamps, and tcp_timestamps is 0"
        yield at_setting(settings, reuse, message, "Leave net.ipv4.tcp_timestamps at 1")


def _overridden(settings: Settings) -> Iterator[Sighting]:
    for setting in settings:
        last = settings.last(setting.key)
        if last is not None and last is not setting and last.bare != setting.bare:
            where = f" in line {last.span.place.line}" if last.span is not None else ""
            message = f"{setting.key} is set again{where}: {last.bare} counts, {setting.bare} does not"
            yield at_setting(settings, setting, message, "Keep one of the two")


def _default_above_most(settings: Settings, direction: str) -> Iterator[Sighting]:
    default, most = (_number(settings, f"net.core.{direction}_{end}") for end in ("default", "max"))
    setting = settings.last(f"net.core.{direction}_default")
    if setting is not None and default is not None and most is not None and default > most:
        message = f"{setting.key} is {default}, and {direction}_max {most}: a program that asks for that much gets less"
        yield at_setting(settings, setting, message, f"Write at most {most}, or raise net.core.{direction}_max")


def _handshakes(settings: Settings) -> Iterator[Sighting]:
    setting = settings.last("net.ipv4.tcp_max_syn_backlog")
    backlog, cookies = _number(settings, "net.ipv4.tcp_max_syn_backlog"), _number(settings, "net.ipv4.tcp_syncookies")
    if setting is None or backlog is None or cookies is None:
        return
    accepted = _number(settings, "net.core.somaxconn")
    if cookies > 0:
        message = f"tcp_max_syn_backlog has no effect while tcp_syncookies is {cookies}: the kernel does not look at it"
        mend = "Remove it; net.core.somaxconn and the server's backlog bound the handshakes, too"
        yield at_setting(settings, setting, message, mend, severity=Severity.INFO)
    elif accepted is not None and accepted < backlog:
        message = f"no more than {accepted} handshakes wait (net.core.somaxconn): {backlog} is never reached"
        yield at_setting(settings, setting, message, f"Raise net.core.somaxconn, or write {accepted}")


def _number(settings: Settings, key: str) -> int | None:
    """The one number that counts for that key; None: not set here, or not a number."""
    setting: Setting | None = settings.last(key)
    numbers = setting.numbers if setting is not None else None
    return numbers[0] if numbers else None


FINDING = Finding(
    "LD805",
    "contradicting-sysctls",
    Severity.WARNING,
    facts=("K13", "K18"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_settings=in_settings,
)
