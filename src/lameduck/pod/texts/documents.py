"""A file's text to documents, in which every value knows its place.

The limits stand where they take effect: bytes in `source`, values and depth in `building`, documents here.
"""

import re
from collections.abc import Iterator

from lameduck.pod.place import FieldPath, InputError, Place, Problem
from lameduck.pod.records import dataclass
from lameduck.pod.source import Source
from lameduck.pod.texts.building import Builder
from lameduck.pod.texts.json_text import NotJson, looks_like_json, read_json
from lameduck.pod.texts.nodes import Node, Scalar, find, follow
from lameduck.pod.texts.yaml_text import NotYaml, read_yaml

__all__ = [
    "MAX_DOCUMENTS",
    "TEMPLATE_ADVICE",
    "Documents",
    "SourceDocument",
    "read_documents",
    "read_stretch",
    "stretches",
]

MAX_DOCUMENTS = 10_000
"""In one file."""
TEMPLATE_ADVICE = "Render it first and give lameduck the result: helm template . > rendered.yaml"

_TEMPLATE = re.compile(r"\{\{|\{%")


@dataclass(frozen=True, slots=True, eq=False)
class SourceDocument:
    """One document with the text it was read from; fulfils `workloads.Document`."""

    source: Source
    root: Node
    problems: tuple[Problem, ...] = ()
    """Duplicate keys, wrong merges, template expressions: what is odd before any meaning is looked for."""

    @property
    def file(self) -> str:
        return self.source.name

    def place(self, at: FieldPath) -> Place:
        """The place of the value at that path, or of its nearest parent that is written down."""
        return self.source.place(follow(find(self.root, at)[0]).start)

    def node(self, at: FieldPath) -> Node | None:
        """The value at that path with its positions in the text (an Alias as such). None: not written."""
        node, found = find(self.root, at)
        return node if found else None


@dataclass(frozen=True, slots=True)
class Documents:
    """The documents of one file that hold something, and what of it could not be read."""

    documents: tuple[SourceDocument, ...]
    problems: tuple[Problem, ...] = ()


def read_documents(source: Source) -> Documents:
    """The documents of a YAML or JSON text; those that hold nothing are left out.

    A document that is an unrendered template is a problem, and the others are read nevertheless. Raises InputError if
    the text is neither YAML nor JSON, or exceeds a limit.
    """
    not_json: NotJson | None = None
    if looks_like_json(source.text):
        try:
            return Documents(tuple(_documents(source, read_json(source))))
        except NotJson as wrong:
            not_json = wrong  # flow style YAML also begins with a brace
    try:
        return Documents(tuple(_documents(source, read_yaml(source, 0, len(source.text)))))
    except NotYaml as not_yaml:
        if _TEMPLATE.search(source.text):
            return _read_around_templates(source)
        if not_json is not None and source.name.endswith(".json"):
            raise _refusal(source, not_json.index, "JSON", not_json.problem) from None
        raise _refusal(source, not_yaml.index, "YAML", not_yaml.problem) from None


def stretches(source: Source) -> tuple[tuple[int, int], ...]:
    """Where the documents of the text stand, so that each can be read alone; one stretch where that cannot be told.

    `---` at the beginning of a line ends a document whatever is open (YAML 1.1, 9.1.2). Only directives (`%YAML`)
    stand before it and belong to what comes after. Raises InputError if there are too many.
    """
    text = source.text
    if looks_like_json(text) or text.startswith("%") or "\n%" in text or "\r%" in text:
        return ((0, len(text)),)
    starts = _separators(text)
    if len(starts) >= MAX_DOCUMENTS:
        raise _too_many(source)
    bounds = starts if starts and starts[0] == 0 else [0, *starts]
    return tuple(zip(bounds, [*bounds[1:], len(text)], strict=True))


def _separators(text: str) -> list[int]:
    """Where lines begin with dashes that end a document. Megabytes are asked for each finding: find, no pattern."""
    starts = []
    lines = f"\n{text}"  # so that the first line is like the others, and what is found begins one further in the text
    at = lines.find("\n---")
    while at >= 0:
        if not lines[at + 4 : at + 5].strip():
            starts.append(at)
        at = lines.find("\n---", at + 1)
    return starts


def read_stretch(source: Source, start: int, end: int) -> Documents:
    """The documents in one stretch of the text, as `read_documents` reads them."""
    if (start, end) == (0, len(source.text)):
        return read_documents(source)
    try:
        return Documents(tuple(_documents(source, read_yaml(source, start, end))))
    except NotYaml as wrong:
        template = _TEMPLATE.search(source.text, start, end)
        if template is None:
            raise _refusal(source, wrong.index, "YAML", wrong.problem) from None
        return Documents((), (_unrendered(source, template.start()),))


def _documents(source: Source, builders: Iterator[Builder]) -> Iterator[SourceDocument]:
    for number, builder in enumerate(builders):
        if number >= MAX_DOCUMENTS:
            raise _too_many(source)
        root = builder.root
        if root is None or (isinstance(root, Scalar) and root.value is None):
            continue
        problems = [Problem(source.place(index), message) for index, message in builder.complaints]
        if builder.template_at is not None:
            problems.append(_unrendered(source, builder.template_at))
        yield SourceDocument(source, root, tuple(sorted(problems)))


def _read_around_templates(source: Source) -> Documents:
    """Each document by itself, because those with template expressions are not YAML."""
    documents: list[SourceDocument] = []
    problems: list[Problem] = []
    starts = _separators(source.text)
    values = 0
    for start, end in zip([0, *starts], [*starts, len(source.text)], strict=True):
        try:
            for builder in read_yaml(source, start, end, values_before=values):
                values = builder.values
                documents.extend(_documents(source, iter((builder,))))
        except NotYaml as wrong:
            template = _TEMPLATE.search(source.text, start, end)
            if template is None:
                raise _refusal(source, wrong.index, "YAML", wrong.problem) from None
            problems.append(_unrendered(source, template.start()))
        if len(documents) > MAX_DOCUMENTS or len(problems) > MAX_DOCUMENTS:
            raise _too_many(source)
    return Documents(tuple(documents), tuple(problems))


def _too_many(source: Source) -> InputError:
    return InputError(
        f"This file holds more than {MAX_DOCUMENTS:,} documents.", at=source.name, do="Split it, or give a part."
    )


def _unrendered(source: Source, index: int) -> Problem:
    line = source.text[index : index + 60].splitlines()[0].rstrip()
    return Problem(source.place(index), f"This document is a template that is not rendered: {line} {TEMPLATE_ADVICE}")


def _refusal(source: Source, index: int, language: str, problem: str) -> InputError:
    do = "Indent with spaces." if "tab" in problem else "Mend this line, or the one above it."
    return InputError(f"This is not {language}: {problem}.", at=source.place(index), do=do)
