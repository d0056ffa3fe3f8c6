"""Suppressions: a comment beside the line or on the line above, or an annotation on the object, with a reason.

`# lameduck: ignore LD201 -- the gateway waits` in YAML, Dockerfiles and scripts; in an annotation, for the whole
object, `lameduck.dev/ignore: "LD201: the gateway waits; LD301: measured"`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from lameduck.pod.place import Place
from lameduck.pod.records import dataclass
from lameduck.pod.source import Source
from lameduck.pod.workloads import Workload

__all__ = ["ANNOTATION", "Directive", "annotated", "comments", "complaints", "covering"]

ANNOTATION = "lameduck.dev/ignore"

_MARK = "lameduck:"
_COMMENT = re.compile(r"(?P<before>[^\r\n]*?)#[ \t]*lameduck:[ \t]*ignore\b[ \t]*:?(?P<rest>[^\r\n]*)", re.IGNORECASE)
_CODE = re.compile(r"LD[0-9]{3}", re.IGNORECASE)
_REASON = re.compile(r"[-\u2013\u2014]{1,2}\s*(\S.*)")


@dataclass(frozen=True, slots=True, order=True)
class Directive:
    """One code that is to be ignored at one place. `line` None: in the whole object, named `workload`."""

    place: Place
    code: str
    reason: str | None
    line: int | None
    workload: str | None = None


def comments(source: Source) -> tuple[Directive, ...]:
    """The suppressions in a text's comments. One that names no code has the code `` and covers nothing."""
    if _MARK not in source.text.lower():
        return ()
    return tuple(_comments(source))


def _comments(source: Source) -> Iterator[Directive]:
    lines = source.lines()
    for number, line in enumerate(lines, 1):
        found = _COMMENT.match(line)
        if found is None:
            continue
        covered = number
        if not found["before"].strip():
            # A comment of its own covers the next line that is none.
            covered = next(
                (n for n, below in enumerate(lines[number:], number + 1) if not below.lstrip().startswith("#")), number
            )
        codes, reason = _codes_and_reason(found["rest"])
        place = Place(source.name, number, len(found["before"]) + 1)
        for code in codes or ("",):
            yield Directive(place, code, reason, covered)


def annotated(workload: Workload) -> tuple[Directive, ...]:
    """The suppressions in the annotations of a workload, or of its pod template."""
    directives: list[Directive] = []
    for annotations, at in (
        (workload.annotations, (*workload.at, "metadata", "annotations", ANNOTATION)),
        (workload.pod.annotations, (*workload.pod.at[:-1], "metadata", "annotations", ANNOTATION)),
    ):
        text = dict(annotations).get(ANNOTATION)
        if text is None:
            continue
        place = workload.place(at)
        for part in text.split(";"):
            if not part.strip():
                continue
            before, _, reason = part.partition(":")
            codes = tuple(code.upper() for code in _CODE.findall(before))
            if not reason.strip():
                codes, dashed = _codes_and_reason(part)
                reason = dashed or ""
            for code in codes or ("",):
                directives.append(Directive(place, code, reason.strip() or None, None, workload.title))
    return tuple(dict.fromkeys(directives))


def covering(directives: Iterable[Directive], code: str, place: Place, workload: str) -> Directive | None:
    """The directive that covers a finding there; None: it stands."""
    for directive in directives:
        if directive.code != code:
            continue
        if directive.line is None:
            if directive.workload == workload:
                return directive
        elif (directive.place.file, directive.line) == (place.file, place.line):
            return directive
    return None


def complaints(
    directives: Iterable[Directive], used: Iterable[Directive], known: Sequence[str], asked: Sequence[str]
) -> Iterator[tuple[Place, str]]:
    """What is wrong with suppressions: no code, an unknown one, no reason, or nothing to suppress.

    `known`: all codes that ever were; `asked`: those that this check looks for: of others it is not known whether they
    would be found.
    """
    in_use = set(used)
    for directive in sorted(set(directives), key=lambda each: (each.place, each.code)):
        if not directive.code:
            yield directive.place, "This suppression names no code: write # lameduck: ignore LD201 -- reason."
        elif directive.code not in known:
            yield directive.place, f"This suppresses {directive.code}, which is no code: lameduck explain lists them."
        elif directive in in_use:
            if directive.reason is None:
                yield directive.place, f"This suppresses {directive.code} without a reason: write one after --."
        elif directive.code in asked:
            yield directive.place, f"This suppresses {directive.code}, which is not found here: remove it."


def _codes_and_reason(rest: str) -> tuple[tuple[str, ...], str | None]:
    reason = _REASON.search(rest)
    listed = rest if reason is None else rest[: reason.start()]
    return tuple(code.upper() for code in _CODE.findall(listed)), None if reason is None else reason[1].strip()
