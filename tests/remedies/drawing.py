"""Random changes for random manifests: what a remedy might do, and odder things."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hypothesis import strategies as st

from lameduck.pod.place import FieldPath, InputError
from lameduck.pod.source import Source, decode
from lameduck.pod.texts.documents import SourceDocument, read_documents
from lameduck.remedies.amending import Plain
from lameduck.remedies.remedy import FieldChange, Json, Mend, Remedy, RemoveField, SetField
from tests.strategies import handlers, json_values, mutated_texts, texts

__all__ = ["Drawn", "changed_manifests", "changed_odd_manifests", "documents_of", "mend", "plain"]

_NEW = (
    "terminationGracePeriodSeconds",
    "lifecycle",
    "preStop",
    "a key: with #odd",
    "yes",
    "~",
    "1",
    "app.kubernetes.io/name",
)
values: st.SearchStrategy[Any] = st.one_of(
    handlers(),
    json_values(),
    st.sampled_from([60, {}, [], {"sleep": {"seconds": 5}}, ["sh", "-c", "sleep 5"]]),
    st.sampled_from(["set -e\nexec app\n", "a\n\n b", " x ", "- a", "#"]),
)


def documents_of(source: Source) -> tuple[SourceDocument, ...]:
    return read_documents(source).documents


def plain(document: SourceDocument) -> Json:
    return Plain().of(document.root)


def mend(document: SourceDocument, *changes: FieldChange) -> Mend:
    return Mend(Remedy(changes, safe=True, title="Change something"), document)


def _paths(value: Json, at: FieldPath = ()) -> list[FieldPath]:
    found: list[FieldPath] = [at]
    match value:
        case dict():
            for key, below in value.items():
                found += _paths(below, (*at, key))
        case list():
            for number, below in enumerate(value):
                found += _paths(below, (*at, number))
        case _:
            pass
    return found


@st.composite
def changes_for(draw: st.DrawFn, value: Json) -> FieldChange:
    """A change at a random place of an object."""
    paths = _paths(value)
    path = draw(st.sampled_from(paths))
    holder: Any = value
    for step in path:
        holder = holder[step]
    kind = draw(st.sampled_from(["set", "set", "add", "remove"]))
    if kind == "remove" and path:
        return RemoveField(path, "test")
    if kind == "add" or not path:
        if isinstance(holder, list):
            return SetField((*path, len(holder)), draw(values), "test")
        if isinstance(holder, dict):
            more = draw(st.lists(st.sampled_from(_NEW), min_size=1, max_size=3))
            return SetField((*path, *more), draw(values), "test")
    return SetField(path, draw(values), "test") if path else SetField(("new",), draw(values), "test")


@st.composite
def commented_texts(draw: st.DrawFn) -> str:
    """A manifest with comments, empty lines and trailing spaces strewn in; each comment has a number of its own."""
    text: str = draw(texts())
    line_break = "\r\n" if "\r\n" in text else "\n"
    lines = text.split(line_break)
    for number in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(lines) - 1))
        strewn = list(lines)
        match draw(st.sampled_from(["own line", "own line", "behind", "empty", "spaces"])):
            case "own line":
                indent = draw(st.sampled_from([0, len(lines[at]) - len(lines[at].lstrip()), 2, 9]))
                strewn.insert(at, f"{' ' * indent}# c{number};")
            case "behind":
                strewn[at] += f" # c{number};"
            case "empty":
                strewn.insert(at, "")
            case _:
                strewn[at] += "  "
        lines = strewn if _means(line_break.join(strewn)) == _means(text) else lines
    return line_break.join(lines).removesuffix(draw(st.sampled_from(["", line_break])))


def _means(text: str) -> object:
    try:
        source = decode(text.encode("utf-8", "surrogatepass"), "drawn.yaml")
        return [plain(document) for document in documents_of(source)]
    except InputError:
        return None


@dataclass(frozen=True)
class Drawn:
    """One document of a manifest in any manner of writing, and one to three changes for it."""

    text: str
    number: int
    changes: list[FieldChange]

    @cached_property
    def documents(self) -> tuple[SourceDocument, ...]:
        return documents_of(Source("drawn.yaml", self.text))

    @property
    def document(self) -> SourceDocument:
        return self.documents[self.number]


@st.composite
def changed_manifests(draw: st.DrawFn) -> Drawn:
    """Any manifest with changes for one of its documents."""
    text = draw(commented_texts())
    documents = documents_of(Source("drawn.yaml", text))
    number = draw(st.integers(0, len(documents) - 1))
    return Drawn(text, number, draw(st.lists(changes_for(plain(documents[number])), min_size=1, max_size=3)))


@st.composite
def changed_odd_manifests(draw: st.DrawFn) -> Drawn:
    """A manifest that something went wrong with, and that can be read nevertheless, with changes for a document."""
    text = draw(mutated_texts()).removeprefix("\ufeff")
    if not _means(text):
        text = "a: &x {b: 1}\n? c\n: *x\n<<: *x\n"
    documents = documents_of(Source("drawn.yaml", text))
    number = draw(st.integers(0, len(documents) - 1))
    return Drawn(text, number, draw(st.lists(changes_for(plain(documents[number])), min_size=1, max_size=3)))
