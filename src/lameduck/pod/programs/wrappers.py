"""Programs that start another program, and what they do with the stop signal.

Each row says on what it rests: a recording (G), a fact (T), a measurement here, or the program's own documentation or
source. A program of which that is not known stands with UNKNOWN: nothing is claimed about it.
"""

from collections.abc import Mapping, Sequence

from lameduck.pod.entry import Passes, WhyKept
from lameduck.pod.records import dataclass
from lameduck.pod.shells.words import Value

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
    by_dash: bool = False
    """It starts the script through sh, and only with dash is it known what comes of it."""
    doubt: str | None = None
    """What keeps the verdict from being certain."""
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
    past_shells: bool = False
    """It signals past shells that have no trap, and waits for all that it has started (lameduck run)."""


def _execs(source: str, *valued: str, skips: int = 0, assigns: bool = False) -> Wrapper:
    return Wrapper(Passes.REPLACED, source, valued=frozenset(valued), skips=skips, assigns=assigns)


def _forwards(source: str, *valued: str, skips: int = 0) -> Wrapper:
    return Wrapper(Passes.FORWARDS, source, valued=frozenset(valued), skips=skips)


_SU = frozenset(
    {"-g", "--group", "-G", "--supp-group", "-s", "--shell", "-w", "--whitelist-environment", "-u", "--user"}
)
_NOT_VERIFIED = "not verified"
_RUN = frozenset({"run"})
_CONDA = Wrapper(
    Passes.KEEPS,
    "conda/conda#10351: it does not pass TERM on",
    WhyKept.WRAPPER,
    frozenset({"-n", "--name", "-p", "--prefix", "--cwd"}),
    after=_RUN,
)

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
    "timeout": _forwards("G entry-timeout", "-k", "--kill-after", "-s", "--signal", skips=1),
    "tini": _forwards("G tini, entry-tini-dash-exec, entry-tini-e143", "-p", "-e"),
    "dumb-init": _forwards("G dumb-init, entry-dumb-init-single, entry-dumb-init-rewrite", "-r", "--rewrite"),
    "su": Wrapper(
        Passes.CUTS, "G entry-su; T59", WhyKept.WRAPPER_TIMEOUT, _SU, runs_string=frozenset({"-c", "--command"})
    ),
    "runuser": Wrapper(Passes.CUTS, "T59", WhyKept.WRAPPER_TIMEOUT, _SU, runs_string=frozenset({"-c", "--command"})),
    "gosu": _execs("measured: gosu 1.14", skips=1),
    "su-exec": _execs("documentation: it executes the program directly", skips=1),
    "setarch": _execs("measured: util-linux 2.38.1", skips=1),
    "poetry": Wrapper(Passes.REPLACED, "measured: poetry 2; python-poetry/poetry#1236 (1.0)", after=_RUN),
    "pipenv": Wrapper(Passes.REPLACED, "measured: pipenv", after=_RUN),
    "catatonit": _forwards("measured: catatonit 0.1.7"),
    "docker-init": _forwards("tini under Docker's name"),
    "sudo": _forwards(
        "sudo(8): it relays the signals it gets", "-u", "-g", "-h", "-p", "-C", "-r", "-t", "-T", "-D", "-R"
    ),
    "uv": Wrapper(
        Passes.FORWARDS,
        "measured: uv 0.9, TERM; other signals since astral-sh/uv#13017",
        valued=frozenset(
            {"--with", "--python", "-p", "--env-file", "--project", "--directory", "--extra", "--group", "--package"}
        ),
        after=_RUN,
    ),
    "pdm": Wrapper(
        Passes.FORWARDS, "measured: pdm 2; pdm-project/pdm#1312", valued=frozenset({"-p", "--project"}), after=_RUN
    ),
    "honcho": Wrapper(Passes.FORWARDS, "measured: honcho 2", hidden=True),
    "supervisord": Wrapper(Passes.FORWARDS, "G app-supervisord (supervisor 4.2.5)", hidden=True),
    "lameduck": Wrapper(
        Passes.FORWARDS,
        "tests/run/test_shells.py",
        valued=frozenset(
            {
                *(
                    "-r",
                    "--rewrite",
                    "--map",
                    "--stop-on",
                    "--stop-signal",
                    "--lame-duck",
                    "--quiet-time",
                    "--watch-ports",
                ),
                *("--drain-ports", "--drain-within", "--second-after", "--second-signal", "--grace", "--left-within"),
                *("--on-stop", "--on-exit", "--hook-within", "-e", "--remap-exit", "-p", "--parent-death"),
                "--termination-log",
            }
        ),
        after=_RUN,
    ),
    "hatch": Wrapper(Passes.KEEPS, "measured: hatch 1", WhyKept.WRAPPER, after=_RUN),
    "conda": _CONDA,
    "mamba": _CONDA,
    "time": Wrapper(Passes.KEEPS, "measured: GNU time 1.9", WhyKept.WRAPPER, frozenset({"-o", "-f"})),
    "strace": Wrapper(Passes.KEEPS, "measured: strace 6.1", WhyKept.WRAPPER, frozenset({"-o", "-e", "-s"})),
    "flock": Wrapper(Passes.KEEPS, "measured: util-linux 2.38.1", WhyKept.WRAPPER, frozenset({"-w", "-E"}), skips=1),
    "xargs": Wrapper(Passes.KEEPS, "measured: findutils 4.9", WhyKept.WRAPPER, hidden=True),
    # npm and pnpm pass the signal to the sh that runs the script of package.json; below them sh is not PID 1, and dies
    # of it unless it has been replaced by the one command it runs, as only busybox and bash do.
    "npm": Wrapper(
        Passes.CUTS, "G app-npm-start (9.2); measured: npm 10", WhyKept.SHELL_DIES, hidden=True, by_dash=True
    ),
    "npx": Wrapper(Passes.CUTS, "measured: npx 10", WhyKept.SHELL_DIES, hidden=True, by_dash=True),
    "pnpm": Wrapper(Passes.CUTS, "measured: pnpm 9", WhyKept.SHELL_DIES, hidden=True, by_dash=True),
    "yarn": Wrapper(
        Passes.CUTS,
        "measured: yarn 1.22",
        WhyKept.WRAPPER_DIES,
        hidden=True,
        doubt="yarn 1 ends at the signal without waiting; since yarn 2.4 it waits",
    ),
    "make": Wrapper(
        Passes.UNKNOWN, "measured: GNU make 4.3 passes it to a recipe's command, whose shell may die", hidden=True
    ),
    "setsid": Wrapper(Passes.UNKNOWN, "measured: as a session's leader it starts a child and ends"),
    "s6-svscan": Wrapper(Passes.UNKNOWN, _NOT_VERIFIED, hidden=True),
    "runsvdir": Wrapper(Passes.UNKNOWN, _NOT_VERIFIED, hidden=True),
    "pm2-runtime": Wrapper(Passes.UNKNOWN, _NOT_VERIFIED, hidden=True),
    "foreman": Wrapper(Passes.UNKNOWN, _NOT_VERIFIED, hidden=True),
    "script": Wrapper(Passes.UNKNOWN, "measured: util-linux 2.38.1 passes it on and ends after 2 s", hidden=True),
}


def unwrap(words: Sequence[Value]) -> Wrapped | None:
    """The wrapper that these words start, and where the command behind it begins. None: the program is no wrapper."""
    program = words[0].text.rpartition("/")[2] if words and words[0].known else ""
    wrapper = WRAPPERS.get(program)
    if wrapper is None and words and words[0].text == "/init":
        wrapper = Wrapper(Passes.UNKNOWN, _NOT_VERIFIED, hidden=True)  # s6-overlay
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
        if wrapper.hidden and not wrapper.after:
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
        past_shells = self.program == "lameduck" and not self._flag(
            "-c", "--child", "--single-child", "-g", "--group", "--tree"
        )
        return Wrapped(wrapper, inner, self.string, self._group(), self._rewrites(), user, past_shells)

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
        if self.program == "lameduck":
            return self._flag("-g", "--group", "--tree")
        return self.program == "dumb-init" and not self._flag("-c", "--single-child")

    def _rewrites(self) -> Mapping[str, str] | None:
        if self.program not in ("dumb-init", "lameduck"):
            return None
        found: dict[str, str] = {}
        for name, value in self.options:
            if value is None:
                continue
            if name == "--stop-signal":
                found = {"TERM": _signal(value), "INT": _signal(value)} | found
            elif name in ("-r", "--rewrite", "--map"):
                before, _, after = value.partition("=" if "=" in value else ":")
                found[_signal(before)] = "" if after == "0" else _signal(after)
        return found or None


def _signal(text: str) -> str:
    """The name without SIG."""
    return _SIGNALS.get(text, text.removeprefix("SIG"))


_SIGNALS = {"1": "HUP", "2": "INT", "3": "QUIT", "10": "USR1", "12": "USR2", "15": "TERM", "28": "WINCH"}
