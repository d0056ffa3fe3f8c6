"""The text of a Dockerfile to its instructions, each with the stretch of text it was written in.

A reader of our own: the parsers on the package index keep lines but no columns, or do not know here-documents, or
have not been released for years, and the language is small. Follows BuildKit's: directives at the top, comments also
amid a continued instruction, here-documents behind COPY, ADD and RUN.
"""

import json
import re
from collections.abc import Iterator

from lameduck.pod.entry import Span
from lameduck.pod.place import Problem
from lameduck.pod.records import dataclass
from lameduck.pod.source import Source

__all__ = ["HereDocument", "Instruction", "Instructions", "Piece", "read_dockerfile"]

_MAX_INSTRUCTIONS = 5_000
_DIRECTIVE = re.compile(r"^#[ \t]*([A-Za-z][A-Za-z0-9_-]*)[ \t]*=[ \t]*(.*?)[ \t\r]*$")
_HERE = re.compile(r"(?<![<\w])\d*<<(-?)[ \t]*(?:\"([A-Za-z0-9_.-]+)\"|'([A-Za-z0-9_.-]+)'|([A-Za-z0-9_.-]+))")
_NAME = re.compile(r"[ \t]*([A-Za-z]+)(?:[ \t]+|$)")
_HOLDS_DOCUMENTS = frozenset({"COPY", "ADD", "RUN"})
_NAMES = """
    ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER VOLUME
    WORKDIR
"""
_KNOWN = frozenset(_NAMES.split())


@dataclass(frozen=True, slots=True)
class Piece:
    """One word of an instruction and where it stands, quotes included."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class HereDocument:
    """A here-document: its name and the stretch of its lines."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction. `text` is what follows its name, comments and continuations blanked out: positions in it are
    positions in the file, counted from `text_start`."""

    name: str
    text: str
    span: Span
    text_start: int
    documents: tuple[HereDocument, ...] = ()

    def exec_form(self) -> tuple[Piece, ...] | None:
        """The words of `["a", "b"]` with their places; None: it is the shell form."""
        stripped = self.text.lstrip()
        if not stripped.startswith("["):
            return None
        try:
            values = json.loads(self.text)
        except (ValueError, RecursionError):
            return None
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            return None
        return tuple(self._placed(values))

    def _placed(self, values: list[str]) -> Iterator[Piece]:
        decoder = json.JSONDecoder()
        at = self.text.index("[") + 1
        for value in values:
            at = self.text.index('"', at)
            _, end = decoder.raw_decode(self.text, at)
            yield Piece(value, self.text_start + at, self.text_start + end)
            at = end

    def pieces(self) -> tuple[Piece, ...]:
        """The words of the instruction between blanks, quotes kept together."""
        found = re.finditer(r"(?:\"(?:\\.|[^\"\\])*\"|'[^']*'|\\.|[^\s\"'\\]|[\"'\\])+", self.text, re.DOTALL)
        return tuple(Piece(one.group(), self.text_start + one.start(), self.text_start + one.end()) for one in found)


@dataclass(frozen=True, slots=True)
class Instructions:
    """A Dockerfile's instructions, and what of it is none."""

    source: Source
    instructions: tuple[Instruction, ...]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    text: str
    """With its line end."""

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def read_dockerfile(source: Source) -> Instructions:
    """The instructions of a Dockerfile. What is no instruction is a problem, and the others are read nevertheless."""
    lines = _lines(source.text)
    escape = _escape(lines)
    continued = re.compile(re.escape(escape) + r"[ \t\r]*\n?$")
    found: list[Instruction] = []
    problems: list[Problem] = []
    at = 0
    while at < len(lines) and len(found) < _MAX_INSTRUCTIONS:
        if _is_blank(lines[at]) or _is_comment(lines[at]):
            at += 1
            continue
        first = at
        blanked: list[str] = []
        while at < len(lines):
            line = lines[at]
            at += 1
            if blanked and (_is_comment(line) or _is_blank(line)):
                blanked.append(" " * len(line.text))
                continue
            if (more := continued.search(line.text)) is None:
                blanked.append(line.text.rstrip("\r\n"))
                break
            blanked.append(line.text[: more.start()] + " " * (len(line.text) - more.start()))
        text = "".join(blanked)
        name = _NAME.match(text)
        if name is None or name.group(1).upper() not in _KNOWN:
            word = text.split()[0][:40] if text.split() else ""
            problems.append(Problem(source.place(lines[first].start), f"{word} is no instruction of a Dockerfile."))
            continue
        documents, at = _documents(name.group(1).upper(), text, lines, at)
        start = lines[first].start
        body = text[name.end() :].rstrip()
        span = Span(source, start + name.start(1), start + max(len(text.rstrip()), name.end(1)))
        found.append(Instruction(name.group(1).upper(), body, span, start + name.end(), documents))
    return Instructions(source, tuple(found), tuple(problems))


def _lines(text: str) -> list[_Line]:
    lines: list[_Line] = []
    at = 0
    for line in text.split("\n"):
        lines.append(_Line(at, line + "\n"))
        at += len(line) + 1
    lines[-1] = _Line(lines[-1].start, lines[-1].text[:-1])
    return lines


def _escape(lines: list[_Line]) -> str:
    """The escape directive stands above everything but other directives."""
    for line in lines:
        found = _DIRECTIVE.match(line.text.rstrip("\r\n"))
        if found is None:
            break
        if found.group(1).lower() == "escape" and found.group(2) in ("\\", "`"):
            return found.group(2)
    return "\\"


def _is_blank(line: _Line) -> bool:
    return not line.text.strip()


def _is_comment(line: _Line) -> bool:
    return line.text.lstrip().startswith("#")


def _documents(name: str, text: str, lines: list[_Line], at: int) -> tuple[tuple[HereDocument, ...], int]:
    """The here-documents of an instruction, and the line after the last of them."""
    if name not in _HOLDS_DOCUMENTS:
        return (), at
    found: list[HereDocument] = []
    for here in _HERE.finditer(text):
        word = here.group(2) or here.group(3) or here.group(4)
        end = next((n for n in range(at, len(lines)) if _ends(lines[n], word, tabs=bool(here.group(1)))), None)
        if end is None:
            break  # `1 << 3` in a shell, or a document that never ends
        start = lines[at].start
        found.append(HereDocument(word, start, lines[end].start))
        at = end + 1
    return tuple(found), at


def _ends(line: _Line, word: str, *, tabs: bool) -> bool:
    text = line.text.rstrip("\r\n")
    return (text.lstrip("\t") if tabs else text) == word
