"""One file: its workloads, each with its surroundings, and what the findings see in them."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, replace
from pathlib import Path

from lameduck.check.cases import case_of
from lameduck.check.endings import ending_of
from lameduck.check.files import File, read_file
from lameduck.check.outcome import Checked, Excerpt, FixKind, Note, Seen
from lameduck.check.suppressing import Directive, annotated, comments, covering
from lameduck.check.surveying import Holds, KeptDocument, Survey, holds
from lameduck.findings.finding import Finding, Found, Severity
from lameduck.findings.looking import look_into, look_into_settings
from lameduck.pod.case import Case
from lameduck.pod.objects.manifests import read_manifests
from lameduck.pod.place import FieldPath, InputError, Place
from lameduck.pod.records import dataclass
from lameduck.pod.source import Source
from lameduck.pod.sysctls.files import is_sysctl_file, read_sysctls
from lameduck.pod.texts.documents import TEMPLATE_ADVICE, SourceDocument, read_stretch, stretches
from lameduck.pod.workloads import Workload
from lameduck.remedies.remedy import Remedy

__all__ = ["Judged", "Linker", "Mendable", "MendableText", "Settings", "judge_file", "shown_path"]

_CONTEXT = 2
"""Lines that an excerpt shows before and after the line that is meant."""


class Linker:
    """What is known of images beyond the manifests; this one knows nothing."""

    __slots__ = ()

    def prepare(self) -> None:
        """Do what is to be done once, before several processes ask."""

    def linked(self, case: Case) -> Case:
        """The case with the images and entries of its containers."""
        return case


@dataclass(frozen=True, slots=True)
class Settings:
    """What to look for, and how."""

    findings: tuple[Finding, ...]
    kubernetes: tuple[int, int] = (1, 36)
    severities: Mapping[str, Severity] = field(default_factory=dict)
    """Those that the user has given to findings, by code."""
    linker: Linker = field(default_factory=Linker)
    changes: bool = False
    """Whether the changes that mend a finding are worked out, too: reports that show them need it."""


@dataclass(frozen=True, slots=True)
class Mendable:
    """A finding that stands, its remedy, and the workload that it is about."""

    seen: Seen
    remedy: Remedy
    workload: Workload
    document: SourceDocument
    """The workload's."""

    @property
    def home(self) -> tuple[SourceDocument, FieldPath]:
        """The document whose fields the remedy changes, and where its object stands in it."""
        beside = self.remedy.beside
        if beside is None or not isinstance(beside.document, SourceDocument):
            return self.document, self.workload.at
        return beside.document, beside.at


@dataclass(frozen=True, slots=True)
class MendableText:
    """A finding that stands in a file without workloads, and its remedy: edits of that text."""

    seen: Seen
    remedy: Remedy


@dataclass(slots=True)
class Judged:
    """What came of some files; suppressions are judged when all files are known, because they may share a script."""

    checked: Checked = field(default_factory=Checked)
    directives: list[Directive] = field(default_factory=list)
    used: list[Directive] = field(default_factory=list)
    mendable: list[Mendable | MendableText] = field(default_factory=list)
    """Findings with a remedy, for `fixing`; filled only where it asks."""

    def merge(self, other: "Judged") -> None:
        self.checked.merge(other.checked)
        self.directives += other.directives
        self.used += other.used
        self.mendable += other.mendable


def judge_file(
    file: File, survey: Survey, settings: Settings, contents: Mapping[str, bytes], *, keep_remedies: bool = False
) -> Judged:
    """Everything that one file comes to. What cannot be read is a note of the result, never an exception."""
    judged = Judged()
    judged.checked.files = 1
    try:
        source = read_file(file, contents)
        is_sysctls = file.given and is_sysctl_file(source.text)
        bounds = () if is_sysctls else stretches(source)
    except InputError as error:
        judged.checked.notes.append(_unreadable(error, file))
        return judged
    work = _Work(source, file, survey, settings, contents, judged, keep_remedies)
    if is_sysctls:
        work.sysctls()
    for start, end in bounds:
        work.stretch(start, end)
    work.finish()
    return judged


class _Work:
    """Goes through the stretches of one file."""

    def __init__(
        self,
        source: Source,
        file: File,
        survey: Survey,
        settings: Settings,
        contents: Mapping[str, bytes],
        judged: Judged,
        keep_remedies: bool,
    ) -> None:
        self._source = source
        self._file = file
        self._survey = survey
        self._settings = settings
        self._contents = contents
        self._judged = judged
        self._keep_remedies = keep_remedies
        self._sources: dict[str, Source] = {source.name: source}
        self._directives: dict[str, tuple[Directive, ...]] = {source.name: comments(source)}
        self._paths: dict[str, str] = {}
        self._times: Counter[tuple[str, ...]] = Counter()
        self._is_template = False
        self._is_patch = bool(survey.patches) and os.path.normpath(source.name) in survey.patches

    def stretch(self, start: int, end: int) -> None:
        look = holds(self._source.text[start:end])
        if look is Holds.SURROUNDINGS or (look is Holds.NOTHING and not self._file.given):
            return  # the survey has read it, or nobody needs it
        try:
            read = read_stretch(self._source, start, end)
        except InputError as error:
            self._judged.checked.notes.append(_unreadable(error, self._file))
            return
        problems = list(read.problems)
        documents = []
        for document in read.documents:
            if any(TEMPLATE_ADVICE in problem.message for problem in document.problems):
                problems += document.problems
            else:
                documents.append(document)
        if problems:
            self._is_template = True
        if look is Holds.NOTHING:
            return
        manifests = read_manifests(documents)
        self._judged.checked.notes += [Note(problem.place, problem.message) for problem in manifests.problems]
        for workload in manifests.workloads:
            if workload.is_complete and not self._is_patch:
                self._case(self._linked(workload), self._template(start))

    def sysctls(self) -> None:
        """The file is one of sysctls, which belongs to no workload."""
        read = read_sysctls(self._source)
        self._judged.checked.notes += [Note(problem.place, problem.message) for problem in read.problems]
        for found in look_into_settings(read, self._settings.kubernetes, self._settings.findings):
            self._keep(found, found.place or Place(read.name, 1, 1), (), None, None)

    def finish(self) -> None:
        self._judged.checked.templates += self._is_template
        for directives in self._directives.values():
            self._judged.directives += directives

    def _linked(self, workload: Workload) -> Case:
        case = case_of(workload, self._survey, self._settings.kubernetes)
        try:
            return self._settings.linker.linked(case)
        except InputError as error:
            place = error.at if isinstance(error.at, Place) else workload.place(workload.at)
            self._judged.checked.notes.append(Note(place, f"{error.what} {error.do}", is_error=True))
        except Exception as error:
            self._bug("The image", workload, error, "go on with --ignore LD1")
        return case

    def _bug(self, what: str, workload: Workload, error: Exception, advice: str) -> None:
        """A mistake of ours: it hides nothing else, and does not stay hidden itself."""
        import traceback

        where = traceback.extract_tb(error.__traceback__)[-1]
        message = (
            f"{what} could not be judged in {workload.title}: {type(error).__name__}: {error} "
            f"({Path(where.filename).name}:{where.lineno}). This is a bug in lameduck: please report it, and {advice}."
        )
        self._judged.checked.notes.append(Note(workload.place(workload.at), message, is_error=True))

    def _template(self, start: int) -> str | None:
        """The file that a stretch was rendered from, as Helm writes it in front of each document."""
        for line in self._source.text[start : start + 600].splitlines()[:4]:
            if line.startswith("# Source: "):
                return line.removeprefix("# Source: ").strip()
        return None

    def _case(self, case: Case, template: str | None) -> None:
        judged, workload = self._judged, case.workload
        judged.checked.workloads += 1
        judged.checked.endings.append(ending_of(case))
        own = annotated(workload)
        judged.directives += own
        for found in self._look(case):
            self._keep(found, found.place or workload.place(workload.at), own, workload, template)

    def _keep(
        self, found: Found, place: Place, own: tuple[Directive, ...], workload: Workload | None, template: str | None
    ) -> None:
        """A finding that is not suppressed. `own`: what the workload's annotations say of suppressing."""
        directive = covering((*own, *self._comments(place.file)), found.code, place, found.workload)
        if directive is not None:
            self._judged.used.append(directive)
            self._judged.checked.suppressed += 1
            return
        self._see(found, place, workload, template)

    def _look(self, case: Case) -> Iterable[Found]:
        findings = self._settings.findings
        try:
            return look_into(case, findings)
        except Exception:
            # One finding's mistake must not hide what the others see, nor stay hidden itself.
            return tuple(self._one_by_one(case, findings))

    def _one_by_one(self, case: Case, findings: Iterable[Finding]) -> Iterator[Found]:
        for finding in findings:
            try:
                yield from look_into(case, (finding,))
            except Exception as error:
                self._bug(finding.code, case.workload, error, f"go on with --ignore {finding.code}")

    def _see(self, found: Found, place: Place, workload: Workload | None, template: str | None) -> None:
        document = None if workload is None else workload.document
        source = self._source_of(place.file)
        found = _with_text(found)
        seen = Seen(
            code=found.code,
            title=found.title,
            severity=self._settings.severities.get(found.code, found.severity),
            message=found.message,
            mend=found.mend,
            workload=found.workload,
            container=found.container,
            place=place,
            manifest=self._source.name if document is None else document.file,
            fingerprint=self._fingerprint(found, place, source),
            uncertain=found.uncertain,
            fix=_fix_kind(found, template),
            fix_title=None if found.remedy is None else found.remedy.title,
            excerpt=None if source is None else _excerpt(source, place),
            template=template,
        )
        if found.remedy is not None and (document is None or isinstance(document, SourceDocument)):
            if self._settings.changes:
                from lameduck.check.changes import with_changes  # the pens are not needed by every report

                seen = with_changes(seen, found.remedy, document)
            if self._keep_remedies:
                self._judged.mendable.append(
                    MendableText(seen, found.remedy)
                    if workload is None or document is None
                    else Mendable(seen, found.remedy, workload, document)
                )
        self._judged.checked.seen.append(seen)

    def _comments(self, file: str) -> tuple[Directive, ...]:
        if file not in self._directives:
            source = self._source_of(file)
            self._directives[file] = () if source is None else comments(source)
        return self._directives[file]

    def _source_of(self, file: str) -> Source | None:
        """The text of a file that a finding points into: this one, or a Dockerfile or script."""
        if file not in self._sources:
            try:
                self._sources[file] = read_file(File(Path(file), given=False, name=file), self._contents)
            except InputError:
                return None
        return self._sources[file]

    def _path(self, file: str) -> str:
        if file not in self._paths:
            self._paths[file] = shown_path(file)
        return self._paths[file]

    def _fingerprint(self, found: Found, place: Place, source: Source | None) -> str:
        """From what stays the same when lines move: the line's own text, not its number."""
        try:
            from _blake2 import blake2b  # hashlib gives the same one, but brings OpenSSL along: 3 ms
        except ImportError:
            from hashlib import blake2b

        line = "" if source is None else source.line(place.line).strip()
        parts = (found.code, self._path(place.file), found.workload, found.container or "", line)
        self._times[parts] += 1
        text = "\0".join((*parts, str(self._times[parts])))
        return blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()


def shown_path(file: str) -> str:
    """A path as it is written into reports that others read: relative to where we are, if it lies below."""
    here = os.getcwd() + os.sep
    if os.path.isabs(file) and not file.startswith(here):
        return file.replace(os.sep, "/")
    return os.path.normpath(file.removeprefix(here)).replace(os.sep, "/")


def _with_text(found: Found) -> Found:
    """The survey keeps what stands beside workloads without its text: read again for the remedy that changes it."""
    remedy = found.remedy
    if remedy is None or remedy.beside is None or not isinstance(remedy.beside.document, KeptDocument):
        return found
    whole = remedy.beside.document.whole()
    beside = None if whole is None else replace(remedy.beside, document=whole)
    return replace(found, remedy=None if beside is None else replace(remedy, beside=beside))


def _fix_kind(found: Found, template: str | None) -> FixKind:
    if found.remedy is None or template is not None:
        return FixKind.NONE  # rendered text is not what anybody keeps
    return FixKind.SAFE if found.remedy.safe else FixKind.UNSAFE


def _unreadable(error: InputError, file: File) -> Note:
    place = error.at if isinstance(error.at, Place) else Place(file.name, 1, 1)
    return Note(place, f"{error.what} {error.do}", is_error=True)


def _excerpt(source: Source, place: Place) -> Excerpt:
    first = max(1, place.line - _CONTEXT)
    lines = [source.line(number) for number in range(first, place.line + _CONTEXT + 1)]
    while lines and first + len(lines) - 1 > place.line and not lines[-1].strip():
        lines.pop()
    return Excerpt(first, tuple(lines))
