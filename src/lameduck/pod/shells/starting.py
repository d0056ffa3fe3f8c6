"""How a command line starts a shell: with a script in one word, with a script's file, or neither."""

from collections.abc import Mapping, Sequence

from lameduck.pod.entry import Shell
from lameduck.pod.records import dataclass
from lameduck.pod.shells.words import Value

__all__ = ["ShellStart", "shell_start"]

_NAMES: Mapping[str, Shell] = {
    "sh": Shell.UNKNOWN,
    "bash": Shell.BASH,
    "dash": Shell.DASH,
    "ash": Shell.BUSYBOX,
}


@dataclass(frozen=True, slots=True)
class ShellStart:
    """A shell with what it runs. `string`: the word that holds the script; `file`: the word that names it."""

    shell: Shell
    is_sh: bool
    """It is called sh, so that the image decides which shell it is."""
    string: int | None
    file: int | None
    arguments: int
    """Where the script's arguments begin: $1."""
    name: int | None
    """The word that becomes $0."""
    errexit: bool = False


def shell_start(words: Sequence[Value]) -> ShellStart | None:
    """How these words start a shell; None: they start something else, or an option hides what."""
    program = words[0].text.rpartition("/")[2] if words and words[0].known else ""
    at = 1
    if program == "busybox" and len(words) > 1 and words[1].text in ("sh", "ash"):
        shell, at, is_sh = Shell.BUSYBOX, 2, False
    elif program in _NAMES:
        shell, is_sh = _NAMES[program], program == "sh"
    else:
        return None
    command = errexit = False
    while at < len(words):
        text = words[at].text
        if words[at].many and not command:
            return None
        if text == "--":
            at += 1
            break
        if text[:1] not in ("-", "+") or len(text) == 1 or not words[at].known:
            break
        if text.startswith("--"):
            at += 2 if text in ("--rcfile", "--init-file") else 1
            continue
        command = command or (text[0] == "-" and "c" in text)
        errexit = errexit or (text[0] == "-" and "e" in text)
        named = text[-1] in "oO" and at + 1 < len(words)
        errexit = errexit or (named and words[at + 1].text == "errexit" and text[0] == "-")
        at += 2 if named else 1
    if at >= len(words):
        return ShellStart(shell, is_sh, None, None, at, None, errexit)
    if command:
        name = at + 1 if at + 1 < len(words) else None
        return ShellStart(shell, is_sh, at, None, min(at + 2, len(words)), name, errexit)
    return ShellStart(shell, is_sh, None, at, at + 1, at, errexit)
