"""A container's command, its image's and the scripts they start, to the way of the stop signal: an Entry."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from lameduck.pod.case import ConfigMap
from lameduck.pod.containers import Container
from lameduck.pod.entry import Entry, Inside, Link, Passes, Shell, Span, WhyKept
from lameduck.pod.images.builds import ImageBuild, Origin
from lameduck.pod.images.container_files import ContainerFiles
from lameduck.pod.place import FieldPath
from lameduck.pod.programs.package_scripts import RUNNERS, PackageScript, package_script
from lameduck.pod.programs.ways import Way, joined
from lameduck.pod.programs.wrappers import Wrapped, unwrap
from lameduck.pod.records import dataclass
from lameduck.pod.shells.grammar import read_script
from lameduck.pod.shells.paths import follow_script
from lameduck.pod.shells.signals import Standing, judge
from lameduck.pod.shells.starting import ShellStart, shell_start
from lameduck.pod.shells.state import Step
from lameduck.pod.shells.words import ARGUMENTS, Value

__all__ = ["entry_of"]

_MAX_DEPTH = 12
_MAX_WAYS = 64
_MAX_FOLLOWED = 400
"""Command lines followed for one container."""
_VARIABLE = re.compile(r"(?<!\$)\$\([A-Za-z_.-][A-Za-z0-9_.-]*\)")
_CHANGES_FOLDER = re.compile(r"(?<![\w-])(cd|pushd|chdir)(?![\w-])")
_SCRIPT_NAMES = ("entrypoint", "entrypoint.sh", "docker-entrypoint", "start.sh", "run.sh")
_UNKNOWN_IMAGE = "the image decides what starts, and nothing here tells what it holds"


def entry_of(
    container: Container,
    build: ImageBuild | None = None,
    *,
    stop_signal: str | None = None,
    pid1: bool = True,
    config_maps: Mapping[str, ConfigMap] = MappingProxyType({}),
) -> Entry:
    """The way of the stop signal in that container, as far as its manifest and its image's files tell it.

    `build`: what is known of the image, from its Dockerfile or because it is well known. `stop_signal`: the one that
    will be sent; None: what the container's lifecycle, then the image says, else SIGTERM (T50). `pid1`: False where
    the pod shares one PID namespace (shareProcessNamespace), so that signals without a handler are not discarded.
    `config_maps`: those that may be mounted in it, by name.
    Raises InputError if a script is to be read and its parser is not installed.
    """
    words = _words(container, build)
    if not words:
        return Entry((), None, _UNKNOWN_IMAGE)
    signal = stop_signal or (build.stop_signal if build is not None else None) or "SIGTERM"
    entering = _Entering(build, ContainerFiles(container, build, config_maps), _environment(container, build))
    standing = Standing(signal.upper().removeprefix("SIG"), pid1=pid1)
    entry = joined(entering.ways(tuple(words), standing, _whole(words), 0))
    if build is not None and not container.command and not build.complete and entry.doubt is None:
        return replace(entry, doubt=f"the base image {build.base or ''} may have an entrypoint of its own")
    return entry


@dataclass(frozen=True, slots=True)
class _Where:
    """Where a command stands."""

    span: Span | None = None
    at: FieldPath | None = None
    inside: Inside | None = None


@dataclass(frozen=True, slots=True)
class _Located:
    """One word of a command line, and the text behind it, in which a script's commands have places."""

    value: Value
    origin: Origin | None = None


def _words(container: Container, build: ImageBuild | None) -> list[_Located]:
    """What the runtime starts: command and args of the manifest before ENTRYPOINT and CMD of the image."""
    command = _manifest_words(container.command, (*container.at, "command"))
    args = _manifest_words(container.args, (*container.at, "args"))
    if command:
        return command + args
    if build is None:
        return []
    entrypoint = [_Located(word.value, word.origin) for word in build.entrypoint]
    if container.args is not None:
        return entrypoint + args if entrypoint or build.complete else []
    return entrypoint + [_Located(word.value, word.origin) for word in build.cmd]


def _manifest_words(words: tuple[str, ...] | None, at: FieldPath) -> list[_Located]:
    found = []
    for number, word in enumerate(words or ()):
        known = _VARIABLE.search(word) is None
        found.append(_Located(Value(word, known=known), Origin(at=(*at, number))))
    return found


def _environment(container: Container, build: ImageBuild | None) -> Mapping[str, Value]:
    found = {name: Value(value) for name, value in build.environment} if build is not None else {}
    for name, value in container.env:
        plain = value is not None and "$(" not in value
        found[name] = Value(value or "", known=plain)
    return found


def _whole(words: Sequence[_Located]) -> _Where:
    first = words[0].origin
    if first is None:
        return _Where()
    return _Where(span=first.statement, at=first.at)


@dataclass(slots=True)
class _Entering:
    """Follows command lines through shells and wrappers."""

    build: ImageBuild | None
    files: ContainerFiles
    environment: Mapping[str, Value]
    reading: tuple[tuple[str, tuple[Value, ...]], ...] = ()
    """The scripts that are being followed, with their arguments: an entrypoint may start itself as another user."""
    followed: int = 0

    def ways(self, words: tuple[_Located, ...], standing: Standing, where: _Where, depth: int) -> tuple[Way, ...]:
        values = tuple(word.value for word in words)
        link = Link(
            tuple(value.text for value in values), Passes.REPLACED, span=where.span, at=where.at, inside=where.inside
        )
        self.followed += 1
        if depth > _MAX_DEPTH or self.followed > _MAX_FOLLOWED:
            return (Way((link,), link, "commands start one another too deep to follow"),)
        if not values[0].known:
            doubt = f"what {values[0].text} comes to is known only when it runs"
            return (Way((replace(link, passes=Passes.UNKNOWN),), None, doubt),)
        start = shell_start(values)
        if start is not None:
            return self._shell(start, words, link, standing, depth)
        wrapped = unwrap(values)
        if wrapped is not None:
            return self._wrapper(wrapped, words, link, standing, where, depth)
        script = self.files.find(values[0].text)
        if script is not None:
            return self._file(script, words, link, standing, where, depth)
        if self.build is not None and values[0].text in self.build.handing_over and len(words) > 1:
            ways = self.ways(words[1:], standing, _whole(words[1:]), depth + 1)
            return tuple(Way((link, *way.links), way.service, way.doubt) for way in ways)
        for start_words, exec_words in self.build.becomes if self.build is not None else ():
            if link.words[: len(start_words)] == start_words:
                service = replace(link, words=(*exec_words, *link.words[len(start_words) :]))
                return (Way((link, service), service),)
        if link.program in _SCRIPT_NAMES or link.program.endswith((".sh", ".bash")):
            doubt = f"the script {values[0].text} was not found"
            return (Way((replace(link, passes=Passes.UNKNOWN),), None, doubt),)
        return (Way((link,), link),)

    # scripts

    def _shell(
        self, start: ShellStart, words: tuple[_Located, ...], link: Link, standing: Standing, depth: int
    ) -> tuple[Way, ...]:
        shell = start.shell
        if start.is_sh and self.build is not None:
            shell = self.build.sh
        link = replace(link, shell=shell)
        arguments = tuple(word.value for word in words[start.arguments :])
        name = words[start.name].value.text if start.name is not None else words[0].value.text
        if start.string is not None:
            script = words[start.string]
            text, origin = _script_text(script), script.origin
            if text is None:
                return (self._lost(link, "the script is known only when it runs"),)
        elif start.file is not None:
            found = self.files.find(words[start.file].value.text)
            if found is None:
                return (self._lost(link, f"the script {words[start.file].value.text} was not found"),)
            text, origin = found.text, found
        else:
            return (self._lost(link, "what the shell reads is known only when it runs"),)
        return self._followed(
            text, origin, link, standing, depth, arguments, name, start.string is not None, start.errexit
        )

    def _lost(self, link: Link, doubt: str) -> Way:
        return Way((replace(link, passes=Passes.UNKNOWN),), None, doubt)

    def _followed(
        self,
        text: str,
        origin: Origin | None,
        link: Link,
        standing: Standing,
        depth: int,
        arguments: tuple[Value, ...],
        name: str,
        one_string: bool,
        errexit: bool,
    ) -> tuple[Way, ...]:
        here_again = (text, arguments)
        if here_again in self.reading or sum(one[0] == text for one in self.reading) > 1:
            return ()
        paths = follow_script(
            read_script(text),
            arguments=arguments,
            name=name,
            environment=self.environment,
            sourced=self._text,
            one_string=one_string,
            errexit=errexit,
        )
        if origin is not None and origin.source is not None and origin.exact:
            link = replace(link, script=Span(origin.source, origin.start, origin.end))
        shell = link.shell or Shell.UNKNOWN
        ways: list[Way] = []
        for path in paths:
            if path.ends == "failed":
                continue  # a branch that gives up serves nobody
            verdict = judge(path, shell, standing)
            here = replace(link, passes=verdict.passes, why=verdict.why, sends=verdict.sends)
            if verdict.service is None:
                # What only ends starts nothing: a usage message, or what stands before && and fails.
                if path.ends not in ("exit", None) or path.doubt is not None:
                    ways.append(Way((replace(here, passes=Passes.UNKNOWN),), None, verdict.doubt))
                continue
            behind = self._behind(standing, verdict.passes, verdict.sends)
            step = verdict.service
            inner = tuple(_Located(value) for value in step.words)
            self.reading = (*self.reading, here_again)
            found = self.ways(inner, behind, self._where(step, origin, link), depth + 1)
            self.reading = self.reading[:-1]
            for way in found:
                ways.append(Way((here, *way.links), way.service, verdict.doubt or way.doubt))
        if not ways:
            again = any(one[0] == text for one in self.reading)
            return () if again else (self._lost(link, "no command of the script is known to run on"),)
        return tuple(dict.fromkeys(ways))[:_MAX_WAYS]

    def _where(self, step: Step, origin: Origin | None, link: Link) -> _Where:
        if origin is None or not step.located:
            return _Where(span=link.span, at=link.at, inside=link.inside)
        return _Where(*origin.locate(step.command.start, step.command.end))

    def _behind(self, standing: Standing, passes: Passes, sends: str | None) -> Standing:
        signal = sends.removeprefix("SIG") if sends is not None else standing.stop_signal
        if passes is Passes.REPLACED:
            return replace(standing, stop_signal=signal)
        return Standing(signal, pid1=False)

    def _text(self, path: str) -> str | None:
        found = self.files.find(path)
        return found.text if found is not None else None

    def _file(
        self,
        script: Origin,
        words: tuple[_Located, ...],
        link: Link,
        standing: Standing,
        where: _Where,
        depth: int,
    ) -> tuple[Way, ...]:
        """A file of the image: its first line says what runs it."""
        first = script.text.split("\n", 1)[0].rstrip("\r")
        if not first.startswith("#!"):
            return (self._lost(link, f"the file {words[0].value.text} does not say what runs it"),)
        interpreter = first[2:].strip().split(None, 1)
        if not interpreter:
            return (self._lost(link, f"the file {words[0].value.text} does not say what runs it"),)
        if len(interpreter) == 2 and interpreter[0].endswith("/env"):
            rest = interpreter[1].split()
            interpreter = rest[1:] if rest[0] in ("-S", "--split-string") else rest
        before = tuple(_Located(Value(word)) for word in interpreter)
        name = interpreter[0].rpartition("/")[2] if interpreter else ""
        if (
            shell_start((*(word.value for word in before), Value("x"))) is None
            and unwrap([w.value for w in before]) is None
        ):
            service = replace(link, words=(*interpreter, *link.words))
            return (Way((service,), service),) if name else (self._lost(link, "its first line names no program"),)
        return self.ways((*before, *words), standing, where, depth + 1)

    # wrappers

    def _wrapper(
        self,
        wrapped: Wrapped,
        words: tuple[_Located, ...],
        link: Link,
        standing: Standing,
        where: _Where,
        depth: int,
    ) -> tuple[Way, ...]:
        wrapper = wrapped.wrapper
        signal = standing.stop_signal
        sends = (wrapped.rewrites or {}).get(signal)
        passes, why = wrapper.passes, wrapper.why
        if sends == "":
            passes, why = Passes.KEEPS, WhyKept.WRAPPER
        doubt = wrapper.doubt
        if wrapper.by_dash and (self.build is None or self.build.sh is not Shell.DASH):
            passes, why = Passes.UNKNOWN, None
        if passes is Passes.KEEPS and not standing.pid1 and sends is None:
            passes, why = Passes.CUTS, WhyKept.WRAPPER_DIES  # without a handler it lives only as PID 1 (T54)
        if passes is Passes.UNKNOWN:
            doubt = f"what {link.program} does with the signal is not certain here"
        here = replace(link, passes=passes, why=why, sends=f"SIG{sends}" if sends else None)
        of_package = self._package_script(link.program, words)
        if of_package is not None:
            return self._packaged(of_package, wrapped, here, standing, depth)
        replaced = passes is Passes.REPLACED
        behind = (
            standing
            if replaced
            else Standing(sends or signal, pid1=False, group=wrapped.group, past_shells=wrapped.past_shells)
        )
        if wrapped.string is not None:
            script = words[wrapped.string]
            text = _script_text(script)
            if text is None:
                return (Way((here,), None, f"what {link.program} starts is known only when it runs"),)
            inner = Link(("sh", "-c", text), Passes.REPLACED, span=where.span, at=where.at)
            shell = replace(inner, shell=self.build.sh if self.build is not None else Shell.UNKNOWN)
            ways = self._followed(text, script.origin, shell, behind, depth + 1, (ARGUMENTS,), "sh", True, False)
        elif wrapped.inner is not None:
            ways = self.ways(words[wrapped.inner :], behind, where, depth + 1)
        else:
            unknown = None if wrapper.hidden or doubt else f"what {link.program} starts is not told here"
            return (Way((here,), None, doubt or unknown),)
        return tuple(Way((here, *way.links), way.service, doubt or way.doubt) for way in ways)

    # package.json

    def _package_script(self, program: str, words: tuple[_Located, ...]) -> PackageScript | None:
        """The script that npm and its like run; None: not known, perhaps because a script has changed the folder."""
        if program not in RUNNERS or any(_CHANGES_FOLDER.search(text) for text, _ in self.reading):
            return None
        return package_script([word.value for word in words], self.files)

    def _packaged(
        self, script: PackageScript, wrapped: Wrapped, here: Link, standing: Standing, depth: int
    ) -> tuple[Way, ...]:
        """Below npm and pnpm everything depends on the sh that runs the script; yarn 1 ends before it in any case."""
        doubt = wrapped.wrapper.doubt
        if wrapped.wrapper.by_dash:
            here = replace(here, passes=Passes.FORWARDS, why=None)
        origin = Origin(source=script.source, end=len(script.source.text))
        shell = self.build.sh if self.build is not None else Shell.UNKNOWN
        span = Span(script.source, 0, len(script.source.text))
        inner = Link(("sh", "-c", script.text), Passes.REPLACED, span=span, shell=shell)
        below = Standing(standing.stop_signal, pid1=False)
        ways = self._followed(script.text, origin, inner, below, depth + 1, (), "sh", True, False)
        return tuple(Way((here, *way.links), way.service, doubt or way.doubt) for way in ways)


def _script_text(word: _Located) -> str | None:
    """The script in a word; between double quotes, what is not known of it stays as it is written."""
    value = word.value
    if value.known or word.origin is not None:
        return value.text  # of a manifest: $(NAME) reads like any substitution
    text = value.text
    plain = len(text) > 1 and text[0] == text[-1] == '"' and not any(mark in text[1:-1] for mark in '"\\`')
    return text[1:-1] if plain else None
