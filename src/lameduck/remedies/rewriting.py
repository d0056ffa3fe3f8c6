"""One file with changes in it: edited as little as can be, and read again to see that it says what was meant."""

from collections.abc import Iterable, Sequence

from lameduck.pod.place import InputError
from lameduck.pod.records import dataclass
from lameduck.pod.source import Source, decode
from lameduck.pod.texts.documents import SourceDocument, read_stretch, stretches
from lameduck.pod.texts.json_text import NotJson, looks_like_json, read_json
from lameduck.pod.texts.nodes import find, follow
from lameduck.remedies.amending import Plain, amended, difference, dotted, same
from lameduck.remedies.diffing import unified_diff
from lameduck.remedies.edits import Edit, edited
from lameduck.remedies.layout import Layout
from lameduck.remedies.manners import Manners
from lameduck.remedies.planning import Planner
from lameduck.remedies.remedy import EditText, FieldChange, Json, Mend, Refused

__all__ = ["Edited", "Rewriting"]


@dataclass(frozen=True, slots=True)
class Edited:
    """A file after its changes."""

    source: Source
    text: str

    @property
    def data(self) -> bytes:
        """The bytes of the file, in the encoding and with the byte order mark that it was read with."""
        return self.source.byte_order_mark + self.text.encode(self.source.encoding)

    @property
    def diff(self) -> str:
        """What changed, as `diff -u` shows it."""
        return unified_diff(self.source.name, self.source.text, self.text)


class Rewriting:
    """One text, looked at once, and edited as often as it takes to find out which remedies go together."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._layout = Layout(source.text)
        self._manners = Manners(self._layout)
        self._plain = Plain()
        self._is_json = _is_json(source)
        self._documents: dict[int, tuple[SourceDocument, ...]] = {}
        """As they were, by where their stretch of the text begins."""

    def edited(self, mends: Sequence[Mend]) -> Edited:
        """The file with the changes of these remedies. Raises Refused if they cannot be written all together."""
        texts = [
            Edit(change.span.start, change.span.end, change.text)
            for mend in mends
            for change in mend.remedy.changes
            if isinstance(change, EditText) and self._is_here(change.span.source) and change.text != change.span.text
        ]
        wanted = self._wanted(mends)
        if not wanted:
            return self._settled(edited(self.source.text, texts))
        first: Refused | None = None
        for write_out in self._ways():
            try:
                text = edited(self.source.text, [*self._plan(wanted, write_out=write_out), *texts])
                self._check(text, {start: value for start, (_, value) in wanted.items()}, texts)
            except Refused as refused:
                first = first or refused
            else:
                return self._settled(text)
        assert first is not None
        raise first

    def plan(self, mend: Mend) -> None:
        """Find out whether a remedy can be planned at all; whether it goes, only `edited` tells. Raises Refused."""
        wanted = self._wanted([mend])
        first: Refused | None = None
        for write_out in self._ways():
            try:
                self._plan(wanted, write_out=write_out)
            except Refused as refused:
                first = first or refused
            else:
                return
        assert first is not None
        raise first

    def _ways(self) -> tuple[bool, ...]:
        """First written where the value is; where other users of an anchor would see it, in the place of the alias."""
        return (False, True) if "*" in self.source.text else (False,)

    def _plan(self, wanted: dict[int, tuple[SourceDocument, Json]], *, write_out: bool) -> list[Edit]:
        return [
            edit
            for document, value in wanted.values()
            for edit in self._planner(document, write_out=write_out).edits(value)
        ]

    def _planner(self, document: SourceDocument, *, write_out: bool) -> Planner:
        return Planner(document, self._layout, self._manners, self._plain, is_json=self._is_json, write_out=write_out)

    def touched_by(self, mend: Mend) -> bool:
        """Whether that remedy changes anything here."""
        if self._wanted([mend]):
            return True
        return any(
            isinstance(change, EditText) and self._is_here(change.span.source) and change.text != change.span.text
            for change in mend.remedy.changes
        )

    def _is_here(self, source: Source) -> bool:
        return source is self.source or (source.name == self.source.name and source.text == self.source.text)

    def _wanted(self, mends: Sequence[Mend]) -> dict[int, tuple[SourceDocument, Json]]:
        """What documents are to become, by where they begin; those that stay are left out."""
        changes: dict[int, tuple[SourceDocument, list[FieldChange]]] = {}
        for mend in mends:
            if mend.target is not None and self._is_here(mend.target.source):
                fields = [change for change in mend.remedy.changes if not isinstance(change, EditText)]
                changes.setdefault(mend.target.root.start, (mend.target, []))[1].extend(fields)
        wanted = {}
        for start, (document, fields) in changes.items():
            before = self._plain.of(document.root)
            value = amended(before, fields)
            if not same(before, value):
                wanted[start] = document, value
        return wanted

    def _settled(self, text: str) -> Edited:
        result = Edited(self.source, text)
        try:
            if text != self.source.text and decode(result.data, self.source.name).text != text:
                raise Refused("the edited text could not be written in this file's encoding")
        except (InputError, UnicodeEncodeError):
            raise Refused("the edited text could not be written in this file's encoding") from None
        return result

    def _check(self, text: str, wanted: dict[int, Json], edits: Sequence[Edit]) -> None:
        """Read again, changed documents say what was wanted, and all others what they said.

        Stretches whose text is the same say the same: of a file with large documents, only what changed is read.
        """
        source = Source(self.source.name, text)
        try:
            old, new = stretches(self.source), stretches(source)
            if len(old) != len(new):
                old, new = ((0, len(self.source.text)),), ((0, len(text)),)
            for (start, end), (now, then) in zip(old, new, strict=True):
                if self.source.text[start:end] != text[now:then] or any(start <= each < end for each in wanted):
                    self._check_stretch((start, end), read_stretch(source, now, then).documents, wanted, edits)
        except InputError as wrong:
            raise Refused(f"the edited file would not be what it was: {wrong.what}") from None

    def _check_stretch(
        self,
        stretch: tuple[int, int],
        read: tuple[SourceDocument, ...],
        wanted: dict[int, Json],
        edits: Iterable[Edit],
    ) -> None:
        if stretch[0] not in self._documents:
            self._documents[stretch[0]] = read_stretch(self.source, *stretch).documents
        were = self._documents[stretch[0]]
        if len(read) != len(were):
            raise Refused("the edited file would have another number of documents")
        plain = Plain()
        for before, after in zip(were, read, strict=True):
            if any(before.root.start <= edit.start <= before.root.end for edit in edits):
                continue  # a text of its own that stands in this document, and changes with purpose
            expected = wanted.get(before.root.start)
            if before.root.start not in wanted:
                expected = self._plain.of(before.root)
            at = difference(expected, plain.of(after.root))
            if at is not None:
                index = follow(find(before.root, at)[0]).start
                raise Refused(f"as it is written here, the change would also reach {dotted(at)}", index)
            if len(after.problems) > len(before.problems):
                raise Refused("the edited document would be odd in a new way", before.root.start)


def _is_json(source: Source) -> bool:
    if not looks_like_json(source.text):
        return False
    try:
        return all(builder.root is not None for builder in read_json(source))
    except (NotJson, InputError):
        return False
