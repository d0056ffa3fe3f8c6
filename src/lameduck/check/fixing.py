"""`--fix`: mends what can be mended, looks again at what came of it, and goes on until nothing changes any more.

Everything happens in memory; what comes of it is for `writing` to put on disk.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lameduck.check.checking import judge_all
from lameduck.check.files import File
from lameduck.check.judging import Judged, Mendable, MendableText, Settings
from lameduck.check.naming import identity
from lameduck.check.outcome import Note, Seen, each_once
from lameduck.pod.place import Place
from lameduck.pod.reading import content_of
from lameduck.pod.records import dataclass
from lameduck.pod.texts.documents import SourceDocument
from lameduck.remedies.diffing import unified_diff
from lameduck.remedies.remedy import Mend, Refusal
from lameduck.remedies.text_edit import apply

__all__ = ["Fixed", "Mended", "Round", "fix"]

_ROUNDS = 10
"""After as many rounds remedies are only undoing each other."""


@dataclass(frozen=True, slots=True)
class Mended:
    """A file before and after."""

    name: str
    before: bytes
    after: bytes
    diff: str


@dataclass(frozen=True, slots=True)
class Round:
    """What was mended at once, and what could not be written into the text then, each with a note why.

    Documents are those in which a workload was first mended: they hold it as it stands in its file.
    """

    made: tuple[Mendable | MendableText, ...]
    refused: tuple[tuple[Mendable | MendableText, Note], ...]


@dataclass(frozen=True, slots=True)
class Fixed:
    """What came of it: the files that change, and what is left to see."""

    files: tuple[Mended, ...]
    mended: tuple[Seen, ...]
    judged: Judged
    """As it is after the mending."""
    notes: tuple[Note, ...]
    """Remedies that could not be written down, and why."""
    rounds: tuple[Round, ...]
    """In the last one nothing changed any more."""


def fix(
    files: Sequence[File],
    settings_for: Callable[[Mapping[str, bytes]], Settings],
    contents: Mapping[str, bytes],
    *,
    unsafe: bool,
    skips: frozenset[str] = frozenset(),
    rendered: bool = False,
) -> Fixed:
    """Mend what has a remedy. `skips`: fingerprints of findings to leave alone; nothing is written to disk.

    `rendered`: also what was rendered from a template, which is worth no edit, but can be patched. `settings_for` gives
    the settings for a state of the files: images are read again once a Dockerfile has changed.
    """
    now = dict(contents)
    before: dict[str, bytes] = {}
    texts: dict[str, tuple[str, str]] = {}
    rounds: list[Round] = []
    as_read: dict[object, SourceDocument] = {}
    for _ in range(_ROUNDS):
        judged = judge_all(files, settings_for(now), now, keep_remedies=True)
        left = {(each.seen.code, each.seen.place) for each in judged.mendable if each.seen.fingerprint in skips}
        wanted = [
            each
            for each in judged.mendable
            if (unsafe or each.remedy.safe) and (each.seen.code, each.seen.place) not in left
        ]
        # Anew in each round: of what is mended by now, nothing stands in the way any more.
        notes = {} if rendered else dict.fromkeys(_of_templates(wanted))
        wanted = [each for each in wanted if rendered or each.seen.template is None]
        mends = [Mend(each.remedy, each.document if isinstance(each, Mendable) else None) for each in wanted]
        by_mend = {id(mend): each for mend, each in zip(mends, wanted, strict=True)}
        outcome = apply(mends)
        refused = [(by_mend[id(refusal.mend)], refusal) for refusal in outcome.refused]
        notes |= dict.fromkeys(_of_refusal(*each) for each in refused)
        as_they_were = _documents(judged, as_read)
        rounds.append(
            Round(
                tuple(as_they_were(by_mend[id(mend)]) for mend in outcome.applied),
                tuple((as_they_were(each), _of_refusal(each, refusal)) for each, refusal in refused),
            )
        )
        if not outcome.files:
            break
        for file in outcome.files:
            name = file.source.name
            before.setdefault(name, now[name] if name in now else content_of(Path(name)))
            texts[name] = (texts.get(name, (file.source.text, ""))[0], file.text)
            now[name] = file.data
    else:
        notes[Note(Place(next(iter(texts), ""), 1, 1), "Remedies go on undoing each other: please report it.")] = None
    return Fixed(
        tuple(
            Mended(name, before[name], now[name], unified_diff(name, *texts[name]))
            for name in texts
            if now[name] != before[name]
        ),
        tuple(each_once(each.seen for round_ in rounds for each in round_.made)),
        judged,
        tuple(notes),
        tuple(rounds),
    )


def _documents(
    judged: Judged, as_read: dict[object, SourceDocument]
) -> Callable[[Mendable | MendableText], Mendable | MendableText]:
    """Puts an object's first document into each remedy for it. Edits add no workloads: the number is enough."""
    numbers = {end.place: number for number, end in enumerate(judged.checked.endings)}

    def as_it_was(each: Mendable | MendableText) -> Mendable | MendableText:
        if isinstance(each, MendableText):
            return each
        number = numbers[each.workload.place(each.workload.at)]
        each = replace(each, document=as_read.setdefault(number, each.document))
        beside = each.remedy.beside
        if beside is None:
            return each
        document, at = each.home
        first = as_read.setdefault((document.file, identity(document, at)), document)
        return replace(each, remedy=replace(each.remedy, beside=replace(beside, document=first)))

    return as_it_was


def _of_refusal(each: Mendable | MendableText, refusal: Refusal) -> Note:
    return Note(refusal.place or each.seen.place, f"{each.seen.code} is not mended here: {refusal.reason}.")


def _of_templates(every: Iterable[Mendable | MendableText]) -> Iterable[Note]:
    for each in every:
        if each.seen.template is not None:
            message = (
                f"{each.seen.code} stands in rendered text: mend {each.seen.template} by hand, or take the change as a "
                "patch with --fix-as kustomize."
            )
            yield Note(each.seen.place, message)
