"""Runs `lameduck check` in process on a folder, and holds it to its promises: exit code, words, end, second run."""

import contextlib
import io
import json
import os
import random
import signal
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, SimpleNamespace

from lameduck.cli.program import run
from tests.check.seeds import Tree

__all__ = ["CPU_LIMIT_S", "Broken", "Said", "checked_in", "endure", "laid_out"]

CPU_LIMIT_S = 30.0
"""Of processor time for one command on one small tree, which takes 0.1 s: a hang, not a slow machine."""
_FORMATS = ("text", "json", "sarif", "github", "gitlab", "junit")


class Broken(AssertionError):
    """A promise that was not kept."""


class _Hangs(BaseException):
    """Out of whatever it does; nothing in lameduck catches it."""


@dataclass(frozen=True, slots=True)
class Said:
    """What came of one command."""

    code: int
    out: str
    err: str


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    def hangs(_signal: int, frame: FrameType | None) -> None:
        raise _Hangs(f"still in {frame.f_code.co_qualname if frame else 'nothing'} after {CPU_LIMIT_S:g} s")

    # Virtual: time that others take from us does not count, and pytest's own timer is another one.
    before = signal.signal(signal.SIGVTALRM, hangs)
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_LIMIT_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def checked_in(folder: Path, *words: str, stdin: bytes | None = None) -> Said:
    """`lameduck check` with these words in that folder. Raises Broken if it breaks a promise that always holds."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8", newline=""), io.StringIO()
    standard_input = sys.stdin if stdin is None else SimpleNamespace(buffer=io.BytesIO(stdin))
    before = sys.stdin
    sys.stdin = standard_input
    try:
        with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), _limited():
            code = run(["check", *words])
    except _Hangs as hang:
        raise Broken(f"it hangs: {hang}") from None
    except (Exception, SystemExit) as error:
        raise Broken(f"it raised {error!r}") from error
    finally:
        sys.stdin = before
    out.flush()
    buffer = out.buffer
    assert isinstance(buffer, io.BytesIO)
    said = Said(code, buffer.getvalue().decode("utf-8", "surrogateescape"), err.getvalue())
    _keeps_its_word(said, words, to_stderr="-" in words and "--fix" in words)
    return said


def _keeps_its_word(said: Said, words: tuple[str, ...], *, to_stderr: bool) -> None:
    if said.code not in (0, 1, 2):
        raise Broken(f"exit code {said.code}")
    for trouble in ("Traceback (most", "bug in lameduck", "please report"):
        if trouble in said.out + said.err:
            line = next(line for line in (said.out + said.err).splitlines() if trouble in line)
            raise Broken(f"it says: {line}")
    lines = said.err.splitlines()
    if not to_stderr and not all(line.startswith("lameduck: ") for line in lines):
        raise Broken(f"not a line of its own: {said.err!r}")
    if said.code == 2 and not lines:
        raise Broken("exit code 2 without a word")


def laid_out(tree: Tree, folder: Path) -> None:
    """Write the tree into an empty folder; a repository of its own, so that nothing above it counts."""
    (folder / ".git").mkdir()
    for path, data in tree.files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def endure(tree: Tree, folder: Path, chance: random.Random) -> None:
    """Check the tree in the folder in a random manner, mend it, and mend it again. Raises Broken."""
    laid_out(tree, folder)
    form = chance.choice(_FORMATS)
    said = checked_in(folder, *tree.words, "--format", form, *(("-v",) if chance.random() < 0.2 else ()))
    if said.out:
        _parses(form, said.out)
    first = next(iter(tree.files))
    if chance.random() < 0.1:
        checked_in(folder, "-", *tree.words[1:], "--format", form, stdin=tree.files[first])
    unsafe = ("--unsafe",) if chance.random() < 0.6 else ()
    if chance.random() < 0.3:
        kind = chance.choice(("kustomize", "json-patch"))
        patched = checked_in(folder, *tree.words, "--fix-as", kind, *unsafe)
        if kind == "json-patch" and patched.out:
            json.loads(patched.out)
    shown = checked_in(folder, *tree.words, "--diff", *unsafe)
    _is(_bytes_in(folder) == tree.files, "--diff wrote files")
    mended = checked_in(folder, *tree.words, "--fix", "--quiet", *unsafe)
    once = _bytes_in(folder)
    _is((once != tree.files) == bool(shown.out), "--diff and --fix differ in whether anything changes")
    again = checked_in(folder, *tree.words, "--fix", "--quiet", *unsafe)
    _is(_bytes_in(folder) == once, "a second --fix changes something")
    _is(mended.code == again.code, f"--fix ended with {mended.code}, and again with {again.code}")


def _bytes_in(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not os.path.islink(file)
    }


def _is(kept: bool, broken: str) -> None:
    if not kept:
        raise Broken(broken)


def _parses(form: str, out: str) -> None:
    try:
        if form in ("json", "sarif", "gitlab"):
            json.loads(out)
        elif form == "junit":
            ET.fromstring(out)  # our own words
    except (ValueError, ET.ParseError) as error:
        raise Broken(f"--format {form} is not what it says: {error}") from None
    if form == "github":
        _is(all(line.startswith(("::", "lameduck check: ")) for line in out.splitlines()), "a line that is no command")
    _is("\x1b" not in out, "it drives the terminal")
