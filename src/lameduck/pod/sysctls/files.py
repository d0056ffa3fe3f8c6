"""Reading sysctl.conf and sysctl.d files, as sysctl(8) and systemd-sysctl do (man sysctl.conf, man sysctl.d).

A line is empty, a comment (first character # or ;), or `key = value`. Blanks around key and value do not count; all
else does: quotes, and whatever follows the value. Both programs hand the value to the kernel as it stands (K5, K7).
"""

import re

from lameduck.pod.entry import Span
from lameduck.pod.place import Problem
from lameduck.pod.records import dataclass
from lameduck.pod.source import Source
from lameduck.pod.sysctls.sysctl import Setter, Setting, Settings, dotted

__all__ = ["SysctlFile", "is_sysctl_file", "read_sysctls"]

_LINE = re.compile(r"([^\r\n]+)|\r\n|\r|\n")
_ROOTS = ("abi", "crypto", "debug", "dev", "fs", "kernel", "net", "sunrpc", "user", "vm")
_BLANKS = " \t\v\f"
_KEY = re.compile(rf"-?(?:{'|'.join(_ROOTS)})[./][^\s=]+")


@dataclass(frozen=True, slots=True)
class SysctlFile:
    """What a file sets, and the lines that are no setting."""

    name: str
    settings: Settings
    problems: tuple[Problem, ...] = ()


def is_sysctl_file(text: str) -> bool:
    """Whether a text is a sysctl file: every line that is no comment begins with a sysctl's key, and one sets it."""
    lines = [line.strip() for line in text.splitlines()]
    written = [line for line in lines if line and line[0] not in "#;"]
    return any("=" in line for line in written) and all(_KEY.match(line) for line in written)


def read_sysctls(source: Source) -> SysctlFile:
    """The settings of a sysctl file with their places. A line that is none is a problem, and reading goes on."""
    settings: list[Setting] = []
    problems: list[Problem] = []
    above = ""
    ended = True
    for found in _LINE.finditer(source.text):
        line, start = found.group(1), found.start()
        if line is None:
            above = "" if ended else above  # an empty line: what stands above it is about something else
            ended = True
            continue
        ended = False
        text = line.strip(_BLANKS)
        if not text or text[0] in "#;":
            above = text.lstrip("#; \t")
            continue
        if "=" not in text:
            if not text.startswith("-"):  # systemd: `-net.ipv4.conf.eth0.*` leaves keys out of a pattern
                problems.append(
                    Problem(source.place(start), f"{text} is no setting: write it as key = value, or remove it.")
                )
        else:
            settings.append(_setting(source, line, start, above))
        above = ""
    return SysctlFile(source.name, Settings(Setter.FILE, tuple(settings)), tuple(problems))


def _setting(source: Source, line: str, start: int, above: str) -> Setting:
    equals = line.index("=")
    written = line[:equals].strip(_BLANKS)
    key = written.removeprefix("-").strip(_BLANKS)
    value = line[equals + 1 :].strip(_BLANKS)
    key_start = start + line.index(key) if key else start
    value_start = start + equals + 1 + len(line[equals + 1 :]) - len(line[equals + 1 :].lstrip(_BLANKS))
    setting = Setting(
        dotted(key),
        value,
        span=Span(source, value_start, value_start + len(value)),
        key_span=Span(source, key_start, key_start + len(key)),
        may_fail=written.startswith("-"),
    )
    behind = value[len(setting.bare) :].strip().lstrip("#").strip()
    return Setting(
        setting.key,
        value,
        span=setting.span,
        key_span=setting.key_span,
        said=behind or above,
        may_fail=setting.may_fail,
    )
