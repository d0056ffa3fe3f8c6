"""A Dockerfile to what its image starts: stages, inherited ENTRYPOINT and CMD, variables, copied scripts."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import field, replace

from lameduck.pod.entry import Shell, Span
from lameduck.pod.images.builds import ImageBuild, ImageWord, Origin, normal
from lameduck.pod.images.contents import known_image
from lameduck.pod.images.dockerfile_reading import Instruction, Instructions, Piece, read_dockerfile
from lameduck.pod.images.files import Context, CopiedFiles, Copy
from lameduck.pod.images.known_images import known_build
from lameduck.pod.place import Problem
from lameduck.pod.records import dataclass
from lameduck.pod.shells.words import Value
from lameduck.pod.source import Source

__all__ = ["Dockerfile", "read_build"]

_MAX_STAGES = 200
_VARIABLE = re.compile(
    r"\\(?P<escaped>.)|\$(?:(?P<plain>[A-Za-z_]\w*)|\{(?P<name>[A-Za-z_]\w*)(?:(?P<operator>:?[-+?])(?P<word>[^{}]*))?\})"
)
_QUOTED = re.compile(r"\"((?:\\.|[^\"\\])*)\"|'([^']*)'")


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """What one Dockerfile tells."""

    build: ImageBuild | None
    """None: it has no stage."""
    problems: tuple[Problem, ...] = ()


@dataclass(slots=True)
class _Stage:
    """What a stage says so far."""

    name: str
    environment: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    entrypoint: tuple[ImageWord, ...] = ()
    cmd: tuple[ImageWord, ...] = ()
    own_cmd: bool = False
    complete: bool = True
    shell: tuple[str, ...] = ("/bin/sh", "-c")
    sh: Shell = Shell.UNKNOWN
    working_dir: str | None = None
    user: str | None = None
    stop_signal: str | None = None
    stop_signal_known: bool = False
    stop_signal_at: Span | None = None
    last: Span | None = None
    software: str | None = None
    programs: frozenset[str] = frozenset()
    lacks: frozenset[str] = frozenset()
    handing_over: frozenset[str] = frozenset()
    becomes: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = ()
    base: str | None = None
    copies: tuple[Copy, ...] = ()

    def variables(self) -> Mapping[str, str]:
        return {**self.arguments, **self.environment}

    def child(self, name: str) -> "_Stage":
        """A stage that begins where this one ends."""
        return replace(self, name=name, environment=dict(self.environment), arguments={}, own_cmd=False)


def read_build(
    source: Source, context: Context | None = None, *, name: str = "", target: str | None = None
) -> Dockerfile:
    """What the image of a Dockerfile starts. `target`: the stage that is built; None: the last one."""
    read = read_dockerfile(source)
    stages = _stages(read, context)
    chosen = next((stage for stage in stages if stage.name == target), None) if target else None
    if chosen is None and stages:
        chosen = stages[-1]
    return Dockerfile(_finished(chosen, name or source.name) if chosen is not None else None, read.problems)


def _finished(stage: _Stage, name: str) -> ImageBuild:
    return ImageBuild(
        name,
        entrypoint=stage.entrypoint,
        cmd=stage.cmd,
        complete=stage.complete,
        environment=tuple(stage.environment.items()),
        working_dir=stage.working_dir,
        user=stage.user,
        stop_signal=stage.stop_signal,
        stop_signal_known=stage.stop_signal_known,
        stop_signal_at=stage.stop_signal_at,
        last=stage.last,
        sh=stage.sh,
        software=stage.software,
        programs=stage.programs,
        lacks=stage.lacks,
        handing_over=stage.handing_over,
        becomes=stage.becomes,
        base=stage.base,
        files=CopiedFiles(stage.copies),
    )


def _stages(read: Instructions, context: Context | None) -> list[_Stage]:
    stages: list[_Stage] = []
    before: dict[str, str] = {}
    for instruction in read.instructions:
        if instruction.name == "FROM":
            if len(stages) >= _MAX_STAGES:
                break
            stages.append(_from(instruction, stages, before))
            stages[-1].last = instruction.span
        elif not stages:
            if instruction.name == "ARG":
                before.update(_arguments(instruction, before))
        else:
            _apply(instruction, stages, context, before)
            stages[-1].last = instruction.span
    return stages


def _from(instruction: Instruction, stages: list[_Stage], variables: Mapping[str, str]) -> _Stage:
    words = [piece.text for piece in instruction.pieces() if not piece.text.startswith("--")]
    name = words[2].lower() if len(words) > 2 and words[1].lower() == "as" else f"#{len(stages)}"
    reference = _resolved(words[0], variables) if words else None
    if reference is None:
        return _Stage(name, complete=False)
    parent = next((stage for stage in reversed(stages) if stage.name == reference.lower()), None)
    if parent is not None:
        return parent.child(name)
    if reference == "scratch":
        empty = known_image("gcr.io/distroless/static")
        return _Stage(name, stop_signal_known=True, lacks=empty.lacks if empty is not None else frozenset())
    known = known_build(reference)
    return _Stage(
        name,
        environment=dict(known.environment),
        entrypoint=known.entrypoint,
        cmd=known.cmd,
        complete=known.complete,
        sh=known.sh,
        working_dir=known.working_dir,
        stop_signal=known.stop_signal,
        stop_signal_known=known.stop_signal_known,
        software=known.software,
        programs=known.programs,
        lacks=known.lacks,
        handing_over=known.handing_over,
        becomes=known.becomes,
        base=reference,
    )


def _apply(instruction: Instruction, stages: list[_Stage], context: Context | None, before: Mapping[str, str]) -> None:
    stage = stages[-1]
    match instruction.name:
        case "ARG":
            stage.arguments.update(_arguments(instruction, {**before, **stage.variables()}))
        case "ENV":
            stage.environment.update(_assigned(instruction, stage.variables()))
        case "WORKDIR":
            path = _resolved(_unquoted(instruction.text.strip()), stage.variables())
            stage.working_dir = normal(f"{stage.working_dir or ''}/{path}" if path and path[0] != "/" else path or "/")
        case "USER":
            stage.user = _resolved(_unquoted(instruction.text.strip()), stage.variables())
        case "STOPSIGNAL":
            signal = _resolved(_unquoted(instruction.text.strip()), stage.variables())
            stage.stop_signal, stage.stop_signal_known = _signal(signal), signal is not None
            written = instruction.text.rstrip()
            start = instruction.text_start + len(written) - len(written.lstrip())
            stage.stop_signal_at = Span(instruction.span.source, start, instruction.text_start + len(written))
        case "SHELL":
            words = instruction.exec_form()
            if words:
                stage.shell = tuple(word.text for word in words)
        case "ENTRYPOINT":
            stage.entrypoint = _command(instruction, stage)
            stage.complete = True
            if not stage.own_cmd:
                stage.cmd = ()  # an inherited CMD does not survive a new ENTRYPOINT
        case "CMD":
            stage.cmd, stage.own_cmd = _command(instruction, stage), True
        case "COPY" | "ADD":
            _copy(instruction, stages, context)
        case "RUN":
            stage.lacks = frozenset()
            if _replaces_sh(instruction.text.split()):
                stage.sh = Shell.UNKNOWN
        case _:
            pass


def _replaces_sh(words: list[str]) -> bool:
    """`ln -sf /bin/bash /bin/sh`, or Debian's question whether dash is sh."""
    links = [at for at, word in enumerate(words) if word.rpartition("/")[2] == "ln"]
    return "dash/sh" in words or any("/bin/sh" in words[at + 1 : at + 5] for at in links)


def _command(instruction: Instruction, stage: _Stage) -> tuple[ImageWord, ...]:
    words = instruction.exec_form()
    source = instruction.span.source
    if words is not None:
        return tuple(
            ImageWord(
                Value(word.text),
                # an escape in the JSON text makes positions in the value differ from those in the file
                Origin(
                    source=source,
                    start=word.start + 1,
                    end=word.end - 1,
                    exact=source.text[word.start + 1 : word.end - 1] == word.text,
                    statement=instruction.span,
                ),
            )
            for word in words
        )
    start = instruction.text_start
    origin = Origin(source=source, start=start, end=start + len(instruction.text), statement=instruction.span)
    shell = tuple(
        ImageWord(Value(word), Origin(source=source, statement=instruction.span, exact=False)) for word in stage.shell
    )
    return (*shell, ImageWord(Value(instruction.text), origin))


def _copy(instruction: Instruction, stages: list[_Stage], context: Context | None) -> None:
    stage = stages[-1]
    pieces = instruction.exec_form() or instruction.pieces()
    flags = [piece.text for piece in pieces if piece.text.startswith("--")]
    words = [piece for piece in pieces if not piece.text.startswith("--")]
    resolved = [_resolved(_unquoted(word.text), stage.variables()) for word in words]
    if len(resolved) < 2 or resolved[-1] is None:
        return
    raw = resolved[-1]
    base = "" if raw.startswith("/") else f"{stage.working_dir or ''}/"
    folder = raw.endswith(("/", "/.")) or raw in (".", "./")
    target = normal(f"{base}{raw}") + ("/" if folder else "")
    origin = next((flag.partition("=")[2] for flag in flags if flag.startswith("--from=")), None)
    files: Context | CopiedFiles | None = context
    if origin is not None:
        parent = _stage(origin, stages)
        files = CopiedFiles(parent.copies) if parent is not None else None
    documents = {
        document.name: Origin(
            source=instruction.span.source, start=document.start, end=document.end, statement=instruction.span
        )
        for document in instruction.documents
    }
    sources = tuple(one for one in resolved[:-1] if one is not None and not one.startswith("<<"))
    stage.copies = (*stage.copies, Copy(sources, target, files, documents))
    _forget_lacks(stage, sources, target)


def _forget_lacks(stage: _Stage, sources: tuple[str, ...], target: str) -> None:
    """A program that is copied in is not lacking; a whole tree may hold anything."""
    if normal(target) in (
        "/",
        "/bin",
        "/usr",
        "/usr/bin",
        "/usr/local",
        "/usr/local/bin",
        "/sbin",
        "/usr/sbin",
        "/busybox",
    ):
        single = all(normal(one).rpartition("/")[2] not in ("", "bin", "usr", "local", "sbin") for one in sources)
        if not single or normal(target) in ("/", "/usr", "/usr/local"):
            stage.lacks = frozenset()
            return
    names = {normal(one).rpartition("/")[2] for one in (*sources, target)}
    stage.lacks = stage.lacks - names
    if names & {"busybox", "sh", "bash"}:
        stage.lacks = frozenset()


def _stage(reference: str, stages: list[_Stage]) -> _Stage | None:
    if reference.isdecimal() and len(reference) < 4 and int(reference) < len(stages) - 1:
        return stages[int(reference)]
    return next((stage for stage in reversed(stages[:-1]) if stage.name == reference.lower()), None)


def _arguments(instruction: Instruction, variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for piece in instruction.pieces():
        name, given, default = piece.text.partition("=")
        value = _resolved(_unquoted(default), variables) if given else variables.get(name)
        if value is not None:
            yield name, value


def _assigned(instruction: Instruction, variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    pieces = instruction.pieces()
    if pieces and "=" not in pieces[0].text:  # ENV NAME the rest of the line
        value = _resolved(_rest(instruction, pieces), variables)
        if value is not None:
            yield pieces[0].text, value
        return
    for piece in pieces:
        name, _, raw = piece.text.partition("=")
        value = _resolved(_unquoted(raw), variables)
        if value is not None:
            yield name, value


def _rest(instruction: Instruction, pieces: tuple[Piece, ...]) -> str:
    return instruction.text[pieces[0].end - instruction.text_start :].strip()


def _unquoted(text: str) -> str:
    return _QUOTED.sub(lambda found: found.group(1) if found.group(1) is not None else found.group(2), text)


def _resolved(text: str, variables: Mapping[str, str]) -> str | None:
    """The text with its variables filled in; None: one of them is not known."""
    unknown = False

    def value(found: re.Match[str]) -> str:
        nonlocal unknown
        if found["escaped"] is not None:
            return found["escaped"]
        given = variables.get(found["plain"] or found["name"])
        operator, word = found["operator"], found["word"] or ""
        if operator in (":-", "-"):
            return given or word if operator == ":-" or given is None else given
        if operator in (":+", "+"):
            return word if given else ""
        if given is None:
            unknown = True
        return given or ""

    filled = _VARIABLE.sub(value, text)
    return None if unknown or "${" in filled or len(filled) > 4096 else filled


def _signal(text: str | None) -> str | None:
    """SIGTERM for `SIGTERM`, `TERM` and `15`."""
    if text is None:
        return None
    numbers = {
        "1": "HUP",
        "2": "INT",
        "3": "QUIT",
        "9": "KILL",
        "10": "USR1",
        "12": "USR2",
        "15": "TERM",
        "28": "WINCH",
    }
    name = numbers.get(text, text.upper())
    return name if name.startswith("SIG") else f"SIG{name}"
