"""The text pen: remedies as minimal edits of the files they were found in.

Everything else stays byte for byte. The edited text is read again before anybody sees it, and a remedy that cannot be
written so is refused as a whole, never half.
"""

from collections.abc import Iterable, Sequence

from lameduck.pod.records import dataclass
from lameduck.pod.source import Source
from lameduck.remedies.amending import clashing, dotted
from lameduck.remedies.remedy import EditText, FieldChange, Mend, Refusal, Refused
from lameduck.remedies.rewriting import Edited, Rewriting

__all__ = ["Edited", "Mended", "apply"]


@dataclass(frozen=True, slots=True)
class Mended:
    """What came of some remedies: each is applied as a whole, refused as a whole, or changes nothing (any more)."""

    files: tuple[Edited, ...]
    """Those that change, in the order in which the remedies name them."""
    applied: tuple[Mend, ...]
    refused: tuple[Refusal, ...]


def apply(mends: Iterable[Mend]) -> Mended:
    """Edit the texts of these remedies' files; nothing is written to disk.

    The same change from two findings is made once; of two that contradict each other, the first. Raises ValueError if
    a remedy changes fields and has no document.
    """
    every = tuple(mends)
    files: list[Edited] = []
    applied: list[Mend] = []
    refused: list[Refusal] = []
    for group in _groups(every):
        outcome = _Group(group).settle()
        files += outcome.files
        applied += outcome.applied
        refused += outcome.refused
    order = {id(mend): number for number, mend in enumerate(every)}
    named = list(dict.fromkeys(_key(source) for mend in every for source in _sources(mend)))
    return Mended(
        tuple(sorted(files, key=lambda file: named.index(_key(file.source)))),
        tuple(sorted(applied, key=lambda mend: order[id(mend)])),
        tuple(sorted(refused, key=lambda refusal: order[id(refusal.mend)])),
    )


def _sources(mend: Mend) -> list[Source]:
    texts = [change.span.source for change in mend.remedy.changes if isinstance(change, EditText)]
    return ([mend.target.source] if mend.target is not None else []) + texts


def _key(source: Source) -> tuple[str, str]:
    """A script may have been read once for each container that starts it."""
    return source.name, source.text


def _groups(mends: Sequence[Mend]) -> list[list[Mend]]:
    """Remedies that share a file, directly or through others: only together can it be said what goes."""
    group_of: dict[tuple[str, str], int] = {}
    groups: dict[int, list[Mend]] = {}
    for number, mend in enumerate(mends):
        keys = [_key(source) for source in _sources(mend)]
        groups[number] = []
        for joined in dict.fromkeys(group_of[key] for key in keys if key in group_of):
            groups[number] += groups.pop(joined)
            group_of = {key: number if group == joined else group for key, group in group_of.items()}
        groups[number].append(mend)
        group_of |= dict.fromkeys(keys, number)
    return list(groups.values())


class _Group:
    """Tries remedies together, and finds out which of them stands in the way where that fails."""

    def __init__(self, mends: Sequence[Mend]) -> None:
        self._mends = mends
        sources = {_key(source): source for mend in mends for source in _sources(mend)}
        self._files = [Rewriting(source) for source in sources.values()]
        self._refused: list[Refusal] = []

    def settle(self) -> Mended:
        kept, files = self._most_of(self._without_clashes(), [])
        return Mended(
            tuple(file for file in files if file.text != file.source.text),
            tuple(mend for mend in kept if any(file.touched_by(mend) for file in self._files)),
            tuple(self._refused),
        )

    def _without_clashes(self) -> list[Mend]:
        kept: list[Mend] = []
        taken: dict[tuple[str, str, int], list[FieldChange]] = {}
        for mend in self._mends:
            fields = [change for change in mend.remedy.changes if not isinstance(change, EditText)]
            if mend.target is None:
                if fields:
                    raise ValueError(f"{mend.remedy.title}: a change of a field needs its document")
                kept.append(mend)
                continue
            others = taken.setdefault((*_key(mend.target.source), mend.target.root.start), [])
            for change in fields:
                clash = clashing(change, others)
                if clash is not None:
                    reason = f"another remedy changes {dotted(clash.path)} in a different way ({clash.reason})"
                    self._refused.append(Refusal(mend, reason, mend.target.place(change.path)))
                    break
            else:
                others += fields
                kept.append(mend)
        return kept

    def _most_of(self, mends: list[Mend], before: list[Mend]) -> tuple[list[Mend], list[Edited]]:
        """As many of them as go together with those before, and the files then.

        By halving, so that one culprit among many is soon found.
        """
        together = [*before, *mends]
        files: list[Edited] = []
        for file in self._files:
            try:
                files.append(file.edited(together))
            except Refused as refused:
                if len(mends) == 1:
                    self._refuse(mends[0], file, refused)
                    return self._most_of([], before)
                if not before:
                    mends = self._possible(mends)
                half = len(mends) // 2
                kept, _ = self._most_of(mends[:half], before)
                return self._most_of(mends[half:], kept)
        return together, files

    def _possible(self, mends: list[Mend]) -> list[Mend]:
        """Those that can be planned by themselves: most refusals are found so, without reading anything again."""
        possible: list[Mend] = []
        for mend in mends:
            for file in self._files:
                try:
                    file.plan(mend)
                except Refused as refused:
                    self._refuse(mend, file, refused)
                    break
            else:
                possible.append(mend)
        return possible

    def _refuse(self, mend: Mend, file: Rewriting, refused: Refused) -> None:
        place = file.source.place(refused.index) if refused.index >= 0 else None
        self._refused.append(Refusal(mend, refused.reason, place))
