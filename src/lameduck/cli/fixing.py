"""`check --fix`, `--diff` and `--fix-as`: the parts of the command that need the pens."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from lameduck.check.files import File
from lameduck.check.fixing import Fixed, fix
from lameduck.check.judging import Settings
from lameduck.check.linking import RepositoryLinker
from lameduck.check.patching import json_patches, kustomize_patches, patchable
from lameduck.check.writing import write
from lameduck.cli.writing import say, write_stdout

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
    fixed = fix(files, _with_images_anew(settings), contents, unsafe=unsafe, skips=known)
    return fixed if only_show else write(fixed)


def _with_images_anew(settings: Settings) -> Callable[[Mapping[str, bytes]], Settings]:
    """The same settings, with images read again from what they have become."""

    def settings_now(texts: Mapping[str, bytes]) -> Settings:
        linker = settings.linker
        if not isinstance(linker, RepositoryLinker):
            return settings
        return replace(settings, linker=RepositoryLinker(linker.paths, linker.images, texts))

    return settings_now


def print_patches(
    files: Sequence[File],
    contents: Mapping[str, bytes],
    settings: Settings,
    known: frozenset[str],
    notation: str,
    *,
    unsafe: bool,
) -> int:
    """Print the patches to stdout, and to stderr what they cannot hold. They make what --fix would make."""
    fixed = fix(files, _with_images_anew(settings), contents, unsafe=unsafe, skips=known, rendered=True)
    mendable, clashes = patchable(fixed.rounds)
    patches = json_patches(mendable) if notation == "json-patch" else kustomize_patches(mendable)
    write_stdout(patches.text)
    errors = [note for note in fixed.judged.checked.notes if note.is_error]
    for note in (*errors, *clashes, *patches.notes):
        say(f"{note.place}: {note.message}")
    return 2 if errors else 0
