"""What `npm start` and its like run: a script of package.json, where the container's files hold it.

npm ("scripts", "npm run-script"), pnpm ("pnpm run") and yarn ("yarn run") give the script's text to `sh -c`, and what
stands behind it on the command line with it; npm and pnpm take only what stands behind `--`.
"""

import shlex
from collections.abc import Sequence

from lameduck.pod.images.container_files import ContainerFiles
from lameduck.pod.place import InputError
from lameduck.pod.records import dataclass
from lameduck.pod.shells.words import Value
from lameduck.pod.texts.documents import SourceDocument, read_documents
from lameduck.pod.texts.embedded_text import EmbeddedText
from lameduck.pod.texts.nodes import Scalar, follow

__all__ = ["RUNNERS", "PackageScript", "package_script"]

RUNNERS = frozenset({"npm", "pnpm", "yarn"})
_RUN = frozenset({"run", "run-script", "rum", "urn"})
_WITHOUT_RUN = {
    "npm": frozenset({"start", "stop", "test", "t", "tst", "restart"}),
    "pnpm": frozenset({"start", "test"}),
}
"""The scripts that these commands run; yarn runs any that is no command of its own."""
_LONG_NAMES = {"t": "test", "tst": "test"}
_QUIET = frozenset(
    {"-d", "-q", "-s", "-dd", "-ddd", "--if-present", "--production", "--quiet", "--silent", "--verbose"}
)
"""Options that change nothing of what is run."""
_OWN_OF_YARN = frozenset(
    {
        *("add", "audit", "bin", "cache", "config", "create", "dlx", "exec", "global", "help", "import", "info"),
        *("init", "install", "link", "list", "node", "pack", "remove", "serve", "upgrade", "why", "workspace"),
        *("workspaces", "version"),
    }
)


@dataclass(frozen=True, slots=True)
class PackageScript:
    """A script of package.json: what it says, and what the shell gets, with the arguments behind it."""

    source: EmbeddedText
    text: str


def package_script(words: Sequence[Value], files: ContainerFiles) -> PackageScript | None:
    """The script that these words run, in the folder in which the container starts; None: it is not known."""
    if not all(word.known for word in words):
        return None
    program, rest = words[0].text.rpartition("/")[2], [word.text for word in words[1:]]
    while rest and rest[0] in _QUIET:
        del rest[0]
    with_run = bool(rest) and rest[0] in _RUN
    while with_run and len(rest) > 1 and rest[1] in _QUIET:
        del rest[1]
    name, *behind = (rest[1:] if with_run else rest) or [""]
    known = name not in _OWN_OF_YARN if program == "yarn" else name in _WITHOUT_RUN[program]
    if not name or name.startswith("-") or not (with_run or known):
        return None
    arguments = _arguments(program, behind)
    source = _source(files, _LONG_NAMES.get(name, name)) if arguments is not None else None
    if arguments is None or source is None:
        return None
    return PackageScript(source, " ".join((source.text, *(shlex.quote(word) for word in arguments))))


def _arguments(program: str, behind: list[str]) -> list[str] | None:
    """What is handed to the script; None: something else than a script's arguments stands there."""
    if program == "yarn":
        return behind[1:] if behind[:1] == ["--"] else behind
    before, after = (behind[: behind.index("--")], behind[behind.index("--") + 1 :]) if "--" in behind else (behind, [])
    if program == "pnpm" and before:
        return None  # pnpm hands on what npm takes for its own
    return after if all(word in _QUIET for word in before) else None


def _source(files: ContainerFiles, name: str) -> EmbeddedText | None:
    found = files.find("./package.json")
    if found is None or found.source is None or not found.exact:
        return None
    try:
        documents = read_documents(found.source).documents
    except InputError:
        return None
    document: SourceDocument | None = documents[0] if len(documents) == 1 else None
    path = ("scripts", name)
    node = document.node(path) if document is not None else None
    value = None if node is None else follow(node)
    if document is None or not isinstance(value, Scalar) or not isinstance(value.value, str):
        return None
    return EmbeddedText(value.text, document, path)
