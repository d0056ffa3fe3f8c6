"""Programs that start another program, and what they do with the stop signal.

Each row says on what it rests: a recording (G), a fact (T), a measurement here, or the program's own documentation or
source. A program of which that is not known stands with UNKNOWN: nothing is claimed about it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lameduck.pod.entry import Passes, WhyKept
from lameduck.pod.shell_words import Value

__all__ = ["WRAPPERS", "Wrapped", "Wrapper", "unwrap"]


@dataclass(frozen=True, slots=True)
class Wrapper:
    """How a program starts the one behind it."""

    passes: Passes
    source: str
    why: WhyKept | None = None
    valued: frozenset[str] = frozenset()
    """Options that take the next word as their value."""
    skips: int = 0
    """Words between the options and the command: a duration, a user, a folder."""
    assigns: bool = False
    """NAME=value words stand in front of the command (env)."""
    after: frozenset[str] = frozenset()
    """The command begins after one of these words (`uv run`, `conda run`); without one there is no command behind."""
    runs_string: frozenset[str] = frozenset()
    """Options whose value a shell runs (su -c)."""
    hidden: bool = False
    """What it starts stands in a file of its own: package.json, supervisord.conf."""


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A wrapper found in front of a command."""

    wrapper: Wrapper
    inner: int | None
    """Where the command behind begins, among the words; None: not told by them."""
    string: int | None = None
    """The word that a shell runs."""
    group: bool = False
    """It signals the whole process group of what it starts (dumb-init, tini -g)."""
    rewrites: Mapping[str, str] | None = None
    """Signals that it passes on as others, without SIG; "" is one that is not passed on."""
    user: str | None = None


def _execs(source: str, *valued: str, skips: int = 0, assigns: bool = False) -> Wrapper:
    return Wrapper(Passes.REPLACED, source, valued=frozenset(valued), skips=skips, assigns=assigns)


def _forwards(source: str, *valued: str, skips: int = 0) -> Wrapper:
    return Wrapper(Passes.FORWARDS, source, valued=frozenset(valued), skips=skips)


_SU = frozenset(
    {"-g", "--group", "-G", "--supp-group", "-s", "--shell", "-w", "--whitelist-environment", "-u", "--user"}
)
_NOT_VERIFIED = "not verified"

WRAPPERS: Mapping[str, Wrapper] = {
    "env": _execs("G entry-env", "-u", "--unset", "-C", "--chdir", "-S", "--split-string", assigns=True),
    "nice": _execs("G entry-nice", "-n", "--adjustment"),
    "setpriv": _execs(
        "G entry-setpriv",
        *(
            "--ambient-caps",
            "--inh-caps",
            "--bounding-set",
            "--ruid",
            "--euid",
            "--rgid",
            "--egid",
            "--reuid",
            "--regid",
        ),
        *("--groups", "--securebits", "--pdeathsig", "--selinux-label", "--apparmor-profile"),
    ),
    "nohup": _execs("measured: coreutils 9.1"),
    "stdbuf": _execs("measured: coreutils 9.1", "-i", "--input", "-o", "--output", "-e", "--error"),
    "chroot": _execs("measured: coreutils 9.1", "--userspec", "--groups", skips=1),
    "ionice": _execs("measured: util-linux 2.38.1", "-c", "--class", "-n", "--classdata"),
    "chrt": _execs("measured: util-linux 2.38.1", "-T", "-P", "-D", skips=1),
    "taskset": _execs("measured: util-linux 2.38.1", skips=1),
    "prlimit": _execs("measured: util-linux 2.38.1"),
    "setsid": _execs("measured: util-linux 2.38.1; as PID 1 it is a process group leader and forks instead"),
    "timeout": _forwards("G entry-timeout", "-k", "--kill-after", "-s", "--signal", skips=1),
    "tini": _forwards("G tini, entry-tini-dash-exec, entry-tini-e143", "-p", "-e"),
    "dumb-init": _forwards("G dumb-init, entry-dumb-init-single, entry-dumb-init-rewrite", "-r", "--rewrite"),
    "su": Wrapper(
        Passes.CUTS, "G entry-su; T59", WhyKept.WRAPPER_TIMEOUT, _SU, runs_string=frozenset({"-c", "--command"})
    ),
    "runuser": Wrapper(Passes.CUTS, "T59", WhyKept.WRAPPER_TIMEOUT, _SU, runs_string=frozenset({"-c", "--command"})),
    "npm": Wrapper(Passes.CUTS, "G app-npm-start (npm 9.2.0)", WhyKept.WRAPPER_DIES, hidden=True),
    "supervisord": Wrapper(Passes.FORWARDS, "G app-supervisord (supervisor 4.2.5)", hidden=True),
}


def unwrap(words: Sequence[Value]) -> Wrapped | None:
    """The wrapper that these words start, and where the command behind it begins. None: the program is no wrapper."""
    program = words[0].text.rpartition("/")[2] if words and words[0].known else ""
    wrapper = WRAPPERS.get(program)
    if wrapper is None:
        return None
    return _Reading(program, wrapper, words).read()


class _Reading:
    """Walks over a wrapper's options."""

    def __init__(self, program: str, wrapper: Wrapper, words: Sequence[Value]) -> None:
        self.program = program
        self.wrapper = wrapper
        self.words = words
        self.options: list[tuple[str, str | None]] = []
        self.string: int | None = None

    def read(self) -> Wrapped:
        wrapper = self.wrapper
        if wrapper.hidden:
            return Wrapped(wrapper, None)
        start = 1
        if wrapper.after:
            found = [number for number, word in enumerate(self.words) if word.text in wrapper.after]
            if not found:
                return Wrapped(wrapper, None)
            start = found[0] + 1
        at = self._options(start)
        user: str | None = None
        for _ in range(wrapper.skips):
            if at is not None and at < len(self.words) and not self.words[at].many:
                user = self.words[at].text
                at += 1
            else:
                at = None
        if self.program in ("su", "runuser") and self.string is None and at is not None:
            at = self._after_user(at)
        inner = at if at is not None and at < len(self.words) and self.string is None else None
        return Wrapped(wrapper, inner, self.string, self._group(), self._rewrites(), user)

    def _options(self, at: int) -> int | None:
        """The first word that is no option; None where an unknown word may hide it."""
        wrapper = self.wrapper
        while at < len(self.words):
            word = self.words[at]
            text = word.text
            if word.many:
                return None if word.text != '"$@"' else at
            if text == "--":
                return at + 1
            if wrapper.assigns and word.known and "=" in text and not text.startswith("-"):
                at += 1
            elif self.program in ("su", "runuser") and not text.startswith("-") and self._more_options(at):
                at += 1  # the user may stand among the options
            elif not text.startswith("-"):
                return at
            else:
                at = self._option(at)
        return at

    def _more_options(self, at: int) -> bool:
        return any(word.text in self.wrapper.runs_string for word in self.words[at + 1 :])

    def _option(self, at: int) -> int:
        text = self.words[at].text
        name, joined, value = text.partition("=")
        if name in self.wrapper.runs_string or (self.wrapper.runs_string and text in ("-lc", "-pc", "-mc")):
            self.string = at + 1 if at + 1 < len(self.words) else None
            return at + 2
        if joined:
            self.options.append((name, value))
            return at + 1
        if text in self.wrapper.valued and at + 1 < len(self.words):
            self.options.append((text, self.words[at + 1].text))
            return at + 2
        self.options.append((text, None))
        return at + 1

    def _after_user(self, at: int) -> int | None:
        """`runuser -u user -- command` runs a command; `su user` a login shell."""
        named = any(name in ("-u", "--user") for name, _ in self.options)
        return at if named and self.program == "runuser" else None

    def _flag(self, *names: str) -> bool:
        return any(name in names for name, _ in self.options)

    def _group(self) -> bool:
        if self.program == "tini":
            return any(
                name == "-g" or (name[:1] == "-" and name[1:2] != "-" and "g" in name) for name, _ in self.options
            )
        return self.program == "dumb-init" and not self._flag("-c", "--single-child")

    def _rewrites(self) -> Mapping[str, str] | None:
        if self.program != "dumb-init":
            return None
        found: dict[str, str] = {}
        for name, value in self.options:
            if name in ("-r", "--rewrite") and value is not None:
                before, _, after = value.partition(":")
                found[_SIGNALS.get(before, before)] = "" if after == "0" else _SIGNALS.get(after, after)
        return found or None


_SIGNALS = {"1": "HUP", "2": "INT", "3": "QUIT", "10": "USR1", "12": "USR2", "15": "TERM", "28": "WINCH"}
