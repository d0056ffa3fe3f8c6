"""A user's text, decoded, and the way from a position in it to line and column."""

import re
from bisect import bisect_right
from dataclasses import field
from itertools import accumulate

from lameduck.pod.place import InputError, Place
from lameduck.pod.records import dataclass

__all__ = ["MAX_BYTES", "Source", "decode", "too_large"]

MAX_BYTES = 16 * 1024 * 1024
"""A cluster's store refuses objects beyond 1.5 MB: a larger file is no manifest that anybody wrote."""

# Longest first: the UTF-32 mark begins with the UTF-16 one.
_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_LINE_END = re.compile(r"\r\n|\n|\r")
_PRINTABLE_ASCII = bytes((9, 10, 13, *range(0x20, 0x7F)))


@dataclass(slots=True, eq=False)
class Source:
    """The text of one file without its byte order mark, so that positions count from the first character."""

    name: str
    text: str
    encoding: str = "utf-8"
    byte_order_mark: bytes = b""
    """As it was read: an edited text is written back the same way."""
    _line_starts: list[int] = field(default_factory=list, repr=False)

    def lines(self) -> list[str]:
        """The lines of the text without their ends; line 1 is the first."""
        return _LINE_END.split(self.text)

    def line(self, number: int) -> str:
        """The text of one line without its end; empty where there is none."""
        starts = self._starts()
        if not 0 < number <= len(starts):
            return ""
        return self.text[starts[number - 1] : starts[number] if number < len(starts) else None].rstrip("\r\n")

    def start_of_line(self, number: int) -> int | None:
        """The index of that line's first character. None: there is no such line."""
        starts = self._starts()
        return starts[number - 1] if 0 < number <= len(starts) else None

    def place(self, index: int) -> Place:
        """Line and column, from 1, of the character at that index."""
        starts = self._starts()
        line = bisect_right(starts, index)
        return Place(self.name, line, index - starts[line - 1] + 1)

    def _starts(self) -> list[int]:
        if not self._line_starts:
            if "\r" in self.text:
                self._line_starts = [0, *(end.end() for end in _LINE_END.finditer(self.text))]
            else:
                lengths = map(len, self.text.split("\n"))
                self._line_starts = [0, *accumulate(map((1).__add__, lengths))]
                self._line_starts.pop()
        return self._line_starts


def decode(data: bytes, name: str) -> Source:
    """The text of a file: UTF-8, or what its byte order mark says.

    Raises InputError if it is too large, binary, or in another encoding.
    """
    if len(data) > MAX_BYTES:
        raise too_large(name)
    encoding, mark = next(((enc, mark) for mark, enc in _MARKS if data.startswith(mark)), ("utf-8", b""))
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as wrong:
        if b"\0" in data[:4096] and not mark:
            raise _binary(name) from None
        before = data[len(mark) : len(mark) + wrong.start].decode(encoding, "replace")
        raise InputError(
            f"This file is not {encoding.upper()} text.",
            at=Source(name, before).place(len(before)),
            do="Save it as UTF-8.",
        ) from None
    if "\0" in text:
        raise _binary(name)
    source = Source(name, text, encoding, mark)
    if (index := _first_unprintable(text)) is not None:
        raise InputError(
            f"The character U+{ord(text[index]):04X} is not allowed in YAML or JSON.",
            at=source.place(index),
            do='Remove it, or write it as an escape between double quotes, such as "\\x07".',
        )
    return source


def _first_unprintable(text: str) -> int | None:
    """Where the first character stands that YAML does not allow (1.1, 5.1). None: all are allowed."""
    # Most manifests are ASCII, and for those there is a way without compiling a set of a million characters.
    if text.isascii() and not text.encode("ascii").translate(None, _PRINTABLE_ASCII):
        return None
    found = re.search("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text)
    return None if found is None else found.start()


def too_large(name: str) -> InputError:
    """The error for a file beyond MAX_BYTES."""
    return InputError(
        f"This file is larger than {MAX_BYTES // 1024**2} MiB.", at=name, do="Give the manifest alone, or split it."
    )


def _binary(name: str) -> InputError:
    return InputError("This file is binary, not text.", at=name, do="Give a YAML or JSON manifest.")
