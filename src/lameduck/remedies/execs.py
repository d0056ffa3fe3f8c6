"""What mends a script that stands between the stop signal and its service: `exec` before the command, or `&` behind."""

from lameduck.pod.entry import UNDECIDED, Span
from lameduck.pod.place import FieldPath
from lameduck.pod.programs.exec_places import ExecPlace, exec_place
from lameduck.pod.programs.obstacles import Obstructed
from lameduck.pod.records import dataclass
from lameduck.pod.texts.embedded_text import EmbeddedText
from lameduck.remedies.remedy import EditText, Remedy, SetField

__all__ = ["put_exec", "put_in_background"]


def put_exec(found: Obstructed) -> Remedy | None:
    """The change that puts exec before the command that the obstacle starts; None: nothing lets it stand there.

    Not safe where the script has a trap, a background job, or something to say behind the command, or was not read in
    every part. On a branch that is perhaps never taken, exec does no harm.
    """
    script = _script(found)
    if script is None:
        return None
    reason = "the service takes the shell's place and gets the stop signal itself (T52, T56)"
    change = script.with_inserted("exec ", script.place.offset, reason)
    if change is None:
        return None
    return Remedy(
        (change,),
        safe=script.place.safe and found.entry.doubt in (None, UNDECIDED) and not script.is_of_package,
        title=f"Put exec before {script.program}",
    )


def put_in_background(found: Obstructed) -> Remedy | None:
    """The change that lets the shell wait for the command behind which nothing is left to do, so that a trap can run.

    Never safe: what the trap does was never seen to run.
    """
    script = _script(found)
    if script is None:
        return None
    change = script.with_inserted(" & wait $!", script.place.end, "a trap runs during wait, not during a command (T56)")
    if change is None:
        return None
    return Remedy((change,), safe=False, title=f"Wait for {script.program} in the background")


@dataclass(frozen=True, slots=True)
class _Script:
    """The obstacle's script, in a file or in a value of the manifest, and where exec can stand in it."""

    place: ExecPlace
    program: str
    file: Span | None
    value: tuple[FieldPath, str] | None

    @property
    def is_of_package(self) -> bool:
        """Whether it stands in package.json: on Windows npm gives it to cmd.exe, which knows no exec."""
        return self.file is not None and self.file.source.name.endswith("package.json")

    def with_inserted(self, words: str, offset: int, reason: str) -> SetField | EditText | None:
        """None: the script stands in a manifest in a way in which nothing can be inserted at that place."""
        if self.file is not None:
            source, at = self.file.source, self.file.start + offset
            if isinstance(source, EmbeddedText):
                outside = source.insertion(at)
                if outside is None or source.within is None:
                    return None
                source, at = source.within, outside
            return EditText(Span(source, at, at), words, reason)
        assert self.value is not None
        path, text = self.value
        return SetField(path, f"{text[:offset]}{words}{text[offset:]}", reason)


def _script(found: Obstructed) -> _Script | None:
    behind, obstacle = found.behind, found.obstacle
    if behind is None or obstacle.shell is None:
        return None
    if behind.inside is not None:
        value = _value(found, behind.inside.at)
        place = None if value is None else exec_place(value[1], behind.inside.start)
        return None if place is None else _Script(place, behind.program, None, value)
    file, span = obstacle.script, behind.span
    if file is None or span is None or span.source is not file.source:
        return None
    place = exec_place(file.text, span.start - file.start)
    return None if place is None else _Script(place, behind.program, file, None)


def _value(found: Obstructed, at: FieldPath) -> tuple[FieldPath, str] | None:
    """The word of command or args at that path."""
    match at[-2:]:
        case ("command", int(number)):
            words = found.container.command
        case ("args", int(number)):
            words = found.container.args
        case _:
            return None
    return (at, words[number]) if words is not None and number < len(words) else None
