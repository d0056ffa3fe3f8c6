"""Kernel settings (sysctls) as users write them: in a sysctl.conf, in a pod's securityContext, in an init container."""

import re
from collections.abc import Iterator
from enum import Enum

from lameduck.pod.entry import Inside, Span
from lameduck.pod.place import FieldPath
from lameduck.pod.records import dataclass

__all__ = ["Setter", "Setting", "Settings", "dotted", "whole_number"]

_BLANK = re.compile(r"[ \t\n\r\v\f]")
"""What the kernel and sysctl skip. A no-break space is none of them (K6)."""
_NUMBER = re.compile(r"(-)?(?:0[xX]([0-9a-fA-F]{1,16})|0([0-7]{1,22})|(0|[1-9][0-9]{0,19}))", re.ASCII)


class Setter(Enum):
    """Who writes the values: it decides where they take effect, and what may go wrong."""

    FILE = "a sysctl file"
    POD = "securityContext.sysctls"
    INIT = "an init container"


@dataclass(frozen=True, slots=True)
class Setting:
    """One value for one key. The value is as written, quotes included: nobody takes them off (K5)."""

    key: str
    """With dots between its parts, however it was written."""
    value: str
    span: Span | None = None
    """The value in a sysctl file."""
    key_span: Span | None = None
    at: FieldPath | None = None
    """The value in a manifest, or the command that holds it."""
    inside: Inside | None = None
    said: str = ""
    """What a comment says about it: behind the value, or in the line above."""
    may_fail: bool = False
    """Written with a leading `-`, or `sysctl -e`: a failure is not reported."""

    @property
    def bare(self) -> str:
        """The value without a comment behind it, which is part of the value to whoever writes it (K7)."""
        for index, character in enumerate(self.value):
            if character == "#" and index and self.value[index - 1].isspace():
                return self.value[:index].strip()
        return self.value

    @property
    def has_comment(self) -> bool:
        """Whether a comment stands behind the value."""
        return self.bare != self.value

    @property
    def words(self) -> tuple[str, ...]:
        """The whole value as the kernel takes it apart: at blanks, tabs and line ends, nothing else."""
        return tuple(word for word in _BLANK.split(self.value) if word)

    @property
    def numbers(self) -> tuple[int, ...] | None:
        """The value as whole numbers; None: it is something else, or nothing."""
        words = [word for word in _BLANK.split(self.bare) if word]
        numbers = [number for word in words if (number := whole_number(word)) is not None]
        return tuple(numbers) if numbers and len(numbers) == len(words) else None


@dataclass(frozen=True, slots=True)
class Settings:
    """All that one setter writes, in its order. A later value for the same key wins."""

    setter: Setter
    settings: tuple[Setting, ...]
    container: str | None = None
    """The init container."""
    host_network: bool = False
    host_ipc: bool = False
    on_each_node: bool = False
    """A DaemonSet's: it sets up nodes."""

    def __iter__(self) -> Iterator[Setting]:
        return iter(self.settings)

    def last(self, key: str) -> Setting | None:
        """The value that counts for that key; None: not set here."""
        return next((each for each in reversed(self.settings) if each.key == key), None)


def dotted(key: str) -> str:
    """A key with dots between its parts. The first separator decides; the other is then part of a name (sysctl.d)."""
    first = next((character for character in key if character in "./"), ".")
    return key if first == "." else key.translate(str.maketrans("./", "/."))


def whole_number(word: str) -> int | None:
    """As the kernel reads one: decimal, 0x for hexadecimal, a leading 0 for octal. None: it does not."""
    found = _NUMBER.fullmatch(word)
    if found is None:
        return None
    sign, hexadecimal, octal, decimal = found.groups()
    number = int(hexadecimal, 16) if hexadecimal else int(octal, 8) if octal else int(decimal)
    return -number if sign else number
