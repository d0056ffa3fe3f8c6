"""A text that stands as a value in a manifest, such as a script in a ConfigMap: its places are the manifest's."""

from lameduck.pod.place import FieldPath, Place
from lameduck.pod.source import Source
from lameduck.pod.texts.documents import SourceDocument
from lameduck.pod.texts.nodes import Scalar, follow
from lameduck.pod.workloads import Document

__all__ = ["EmbeddedText"]


class EmbeddedText(Source):
    """The value's text with a way from its characters to those of the file that it stands in."""

    __slots__ = ("_document", "_path", "_starts_outside", "_takes_insertions", "within")

    def __init__(self, text: str, document: Document, path: FieldPath) -> None:
        """`path`: where in the document it stands."""
        super().__init__(document.file, text)
        self._document = document
        self._path = path
        self.within: Source | None = document.source if isinstance(document, SourceDocument) else None
        """The file that it stands in; None: its text is not at hand."""
        self._takes_insertions = False
        node = document.node(path) if isinstance(document, SourceDocument) else None
        value = None if node is None else follow(node)
        self._starts_outside = self._lines_outside(value) if isinstance(value, Scalar) else None

    def __eq__(self, other: object) -> bool:
        """The same value at the same place, though it has been looked up twice."""
        return isinstance(other, EmbeddedText) and other._identity() == self._identity()

    def __hash__(self) -> int:
        return hash((self.name, self._path))

    def _identity(self) -> tuple[object, ...]:
        return self._path, self.text, self._document.place(self._path)

    def place(self, index: int) -> Place:
        """Line and column in the manifest; of its beginning, where folding or escapes hide what stands where."""
        outside = self._outside(index)
        return (
            self._document.place(self._path) if outside is None or self.within is None else self.within.place(outside)
        )

    def insertion(self, index: int) -> int | None:
        """Where in the file to insert plain words before that character, without quotes and backslashes.

        None: it is folded, escaped, or not quoted at all, so that they could come to mean something else.
        """
        return self._outside(index) if self._takes_insertions else None

    def _outside(self, index: int) -> int | None:
        if self._starts_outside is None:
            return None
        inside = super().place(index)
        return self._starts_outside[inside.line - 1] + inside.column - 1

    def _lines_outside(self, value: Scalar) -> list[int] | None:
        """Where each of its lines begins in the file, behind its indentation; None: it is not written line by line."""
        assert self.within is not None
        whole = self.within.text
        raw = whole[value.start : value.end]
        if raw.startswith("|"):
            self._takes_insertions = True
            return self._block(whole, self.within.place(value.start).line + 1)
        quoted = raw[:1] in ("'", '"')
        if raw[quoted : len(raw) - quoted] != self.text or "\n" in self.text:
            return None
        self._takes_insertions = quoted
        return [value.start + quoted]

    def _block(self, whole: str, first: int) -> list[int] | None:
        assert self.within is not None
        starts = [0]
        for number, line in enumerate(self.text.split("\n")):
            outer = self.within.line(first + number)
            if not outer.endswith(line):
                return None
            begin = self.within.start_of_line(first + number)
            starts.append(len(whole) if begin is None else begin + len(outer) - len(line))
        return starts[1:]
