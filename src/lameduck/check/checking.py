"""All files: the survey first, then file by file, on as many cores as it pays. The order of the answer is the files'.

The garbage collector is off meanwhile: reading makes hundreds of thousands of objects that form no cycles, and looking
for cycles among them took half the time. Reference counts free each file's objects when the next one begins.
"""

import contextlib
import gc
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from lameduck.check.files import File
from lameduck.check.judging import Judged, Settings, judge_file
from lameduck.check.outcome import Checked, Note, each_once
from lameduck.check.suppressing import complaints
from lameduck.check.surveying import Survey, survey
from lameduck.findings.catalogue import FINDINGS, RETIRED
from lameduck.pod.place import Place

__all__ = ["check", "cores", "finished", "judge_all"]

_CHUNK = 64
"""Files that go to a process at once."""
_WORTH_IT = 256
"""Files from which on starting processes costs less than it saves: about 60 ms against 1 ms a file."""
_COLLECT_EVERY = 2_000
"""Files after which the collector runs once all the same, for what exceptions leave behind."""


def check(files: Sequence[File], settings: Settings, contents: Mapping[str, bytes], *, jobs: int = 1) -> Checked:
    """What the findings see in these files. Never raises for what a file holds: that is a note of the answer."""
    return finished(judge_all(files, settings, contents, jobs=jobs), settings)


def judge_all(
    files: Sequence[File],
    settings: Settings,
    contents: Mapping[str, bytes],
    *,
    jobs: int = 1,
    keep_remedies: bool = False,
) -> Judged:
    """Every file judged, before suppressions that suppress nothing are looked for."""
    jobs = jobs if len(files) >= _WORTH_IT and not keep_remedies else 1
    chunks = [files[start : start + _CHUNK] for start in range(0, len(files), _CHUNK)]
    with _collector_off():
        found = Survey()
        for part in _in_order(_survey_chunk, chunks, (contents,), jobs):
            found.merge(part)
        if jobs > 1:
            settings.linker.prepare()
        judged = Judged()
        for number, whole in enumerate(
            _in_order(_judge_chunk, chunks, (found, settings, contents, keep_remedies), jobs), start=1
        ):
            judged.merge(whole)
            if number * _CHUNK % _COLLECT_EVERY < _CHUNK:
                gc.collect(1)
    known = {note.place for note in judged.checked.notes}
    for file, error in found.errors:
        place = error.at if isinstance(error.at, Place) else Place(file.name, 1, 1)
        if place not in known:
            judged.checked.notes.append(Note(place, f"{error.what} {error.do}", is_error=True))
    return judged


def finished(judged: Judged, settings: Settings) -> Checked:
    """The answer, with what is wrong with the suppressions, and each fault once."""
    checked = judged.checked
    known = [*(finding.code for finding in FINDINGS), *RETIRED, *(finding.code for finding in settings.findings)]
    asked = [finding.code for finding in settings.findings]
    checked.notes += [Note(*each) for each in complaints(judged.directives, judged.used, known, asked)]
    checked.notes = sorted(set(checked.notes))
    checked.seen = each_once(checked.seen)
    return checked


def cores() -> int:
    """How many processes this machine runs at once for us."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1


def _survey_chunk(files: Sequence[File], contents: Mapping[str, bytes]) -> Survey:
    return survey(files, contents)


def _judge_chunk(
    files: Sequence[File], found: Survey, settings: Settings, contents: Mapping[str, bytes], keep_remedies: bool
) -> Judged:
    judged = Judged()
    for file in files:
        judged.merge(judge_file(file, found, settings, contents, keep_remedies=keep_remedies))
    return judged


_Answer = TypeVar("_Answer")
_shared: tuple[Any, ...] = ()
"""What all chunks of one walk need. A forked process finds it here; one that is spawned gets it when it starts."""


def _share(*values: Any) -> None:
    global _shared
    _shared = values


def _with_shared(work_and_chunk: tuple[Callable[..., _Answer], Sequence[File]]) -> _Answer:
    work, chunk = work_and_chunk
    return work(chunk, *_shared)


def _in_order(
    work: Callable[..., _Answer], chunks: Sequence[Sequence[File]], shared: tuple[Any, ...], jobs: int
) -> Iterator[_Answer]:
    """The answers for all chunks, in the order of the chunks."""
    if jobs <= 1 or len(chunks) <= 1:
        for chunk in chunks:
            yield work(chunk, *shared)
        return
    # Only large trees pay for these imports.
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    _share(*shared)
    try:
        initial = () if context.get_start_method() == "fork" else shared
        with ProcessPoolExecutor(
            min(jobs, len(chunks)), context, initializer=_share if initial else None, initargs=initial
        ) as pool:
            yield from pool.map(_with_shared, [(work, chunk) for chunk in chunks])
    finally:
        _share()


@contextlib.contextmanager
def _collector_off() -> Iterator[None]:
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
