"""`check --fix`, `--diff` and `--fix-as`: the parts of the command that need the pens."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

from lameduck.check.checking import judge_all
from lameduck.check.files import File
from lameduck.check.fixing import Fixed, fix, write
from lameduck.check.judging import Settings
from lameduck.check.linking import RepositoryLinker
from lameduck.check.patching import json_patches, kustomize_patches
from lameduck.cli.writing import write_stdout

__all__ = ["fix_files", "print_patches"]


def fix_files(
    files: Sequence[File],
    contents: Mapping[str, bytes],
    settings: Settings,
    known: frozenset[str],
    *,
    unsafe: bool,
    only_show: bool,
) -> Fixed:
    """Mend the files on disk, or only in memory. `known`: fingerprints of findings that a baseline puts off."""

    def settings_now(texts: Mapping[str, bytes]) -> Settings:
        """The same, with images read again from what they have become."""
        linker = settings.linker
        if not isinstance(linker, RepositoryLinker):
            return settings
        return replace(settings, linker=RepositoryLinker(linker.paths, linker.images, texts))

    fixed = fix(files, settings_now, contents, unsafe=unsafe, skips=known)
    if only_show:
        return fixed
    notes = write(fixed.files)
    return Fixed(fixed.files, fixed.mended, fixed.judged, (*fixed.notes, *notes))


def print_patches(
    files: Sequence[File],
    contents: Mapping[str, bytes],
    settings: Settings,
    known: frozenset[str],
    notation: str,
    *,
    unsafe: bool,
) -> int:
    """Print the patches to stdout, and to stderr what they cannot hold."""
    judged = judge_all(files, settings, contents, keep_remedies=True)
    mendable = [each for each in judged.mendable if each.seen.fingerprint not in known and (unsafe or each.remedy.safe)]
    patches = json_patches(mendable) if notation == "json-patch" else kustomize_patches(mendable)
    write_stdout(patches.text)
    errors = [note for note in judged.checked.notes if note.is_error]
    for note in (*errors, *patches.notes):
        print(f"lameduck: {note.place}: {note.message}", file=sys.stderr)
    return 2 if errors else 0
