"""Well-known programs, as far as they matter to an ending: shells, wrappers, small inits, and servers' stop signals."""

from collections.abc import Mapping

__all__ = ["GRACEFUL_SIGNALS", "INITS", "SHELLS", "WRAPPERS", "program_of"]

SHELLS = frozenset({"ash", "bash", "dash", "ksh", "mksh", "sh", "zsh"})
"""They pass no signal on to what they wait for, and run a trap only when it has ended (T56)."""
WRAPPERS = frozenset({"make", "npm", "npx", "pnpm", "runuser", "su", "sudo", "time", "yarn"})
"""They stay in front of the program they start."""
INITS = frozenset({"catatonit", "docker-init", "dumb-init", "s6-svscan", "tini"})
"""They take signals with sigwait or signalfd, so that they are blocked, and pass them on."""

GRACEFUL_SIGNALS: Mapping[str, str] = {
    "apache2": "SIGWINCH",
    "haproxy": "SIGUSR1",
    "httpd": "SIGWINCH",
    "nginx": "SIGQUIT",
    "php-fpm": "SIGQUIT",
}
"""The signal at which a server finishes what it is answering; at SIGTERM these end fast (B11)."""

_INTERPRETERS = frozenset({"busybox", "env", "node", "python", "python3"})


def program_of(command: str) -> str:
    """What a process runs, by its command line: `sh` for `/bin/sh /start.sh`, `nginx` for `nginx: master process ...`.

    Behind an interpreter, a program known here is named instead of it: `npm` for `node /usr/bin/npm start`.
    """
    words = command.split()
    if not words:
        return ""
    first = _name(words[0])
    if first in _INTERPRETERS and len(words) > 1:
        second = _name(words[1]).removesuffix(".js").removesuffix("-cli")
        if second in SHELLS or second in WRAPPERS:
            return second
    return first


def _name(word: str) -> str:
    """Without its folder, the dash of a login shell, and the colon of a process that titles itself."""
    return word.rpartition("/")[2].removeprefix("-").rstrip(":")
