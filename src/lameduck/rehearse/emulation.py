"""What stands in for PID 1's signal semantics where no PID namespace can be had (T54); the report says that it does.

Kept true: a signal without a handler does not end the main process; only the main process gets the stop signal (T52);
nothing outlives it (T57). Not kept: its PID is not 1; signals that other processes of the container send it are not
filtered; and a program whose handler puts the default back and raises the signal again dies of it, where PID 1 lives on
(Node without a handler of its own does that; so does whoever unblocks a pending signal without a handler).
"""

import re
from pathlib import PurePosixPath

from lameduck.pod.place import InputError

__all__ = ["refuse_killing_pid_1"]

_SEPARATORS = frozenset(";|&()\n")
_WORD_OR_SEPARATOR = re.compile(r"[^\s;|&()'\"`]+|[;|&()\n]")


def refuse_killing_pid_1(argv: tuple[str, ...], *, at: str) -> None:
    """Raise InputError if the command says `kill` to PID 1, or to all processes (-1): here that is the host.

    What is hidden in a file or a variable is not seen.
    """
    # Word by word: `kill -TERM 1` is either the command itself, or stands in a word that a shell is given.
    for words in (list(argv), *(_WORD_OR_SEPARATOR.findall(word) for word in argv[1:])):
        for start, word in enumerate(words):
            if PurePosixPath(word).name == "kill" and _aims_at_the_host(words[start + 1 :]):
                raise InputError(
                    f"The hook {' '.join(argv)!r} sends a signal to PID 1, which here is not the container's process.",
                    at=at,
                    do="Rehearse where PID namespaces are allowed: as root, or with unprivileged user namespaces.",
                )


def _aims_at_the_host(arguments: list[str]) -> bool:
    """Whether a kill with these arguments names PID 1, or -1 (where it is not the signal HUP)."""
    names_signal = True  # the first option may be a signal: in `kill -1 7` it is HUP
    for argument in arguments:
        if argument in _SEPARATORS:
            return False
        if argument == "1" or (argument == "-1" and not names_signal):
            return True
        names_signal = False
    return False
