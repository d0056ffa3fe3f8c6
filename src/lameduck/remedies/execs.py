"""`exec` in front of a service's command: what several remedies write."""

from lameduck.pod.entry import Span
from lameduck.pod.exec_places import ExecPlace, exec_place
from lameduck.pod.obstacles import Obstructed
from lameduck.pod.place import FieldPath
from lameduck.remedies.remedy import EditText, Remedy, SetField

__all__ = ["put_exec"]

_REASON = "the service takes the shell's place and gets the stop signal itself (T52, T56)"


def put_exec(found: Obstructed) -> Remedy | None:
    """The change that puts exec before the command that the obstacle starts; None: nothing lets it stand there.

    Not safe where the script has a trap, a background job, or something to say behind the command.
    """
    behind, obstacle = found.behind, found.obstacle
    if behind is None or obstacle.shell is None:
        return None
    if behind.inside is not None:
        text = _value(found, behind.inside.at)
        place = None if text is None else exec_place(text, behind.inside.start)
        if text is None or place is None:
            return None
        mended = f"{text[: place.offset]}exec {text[place.offset :]}"
        return _remedy(found, SetField(behind.inside.at, mended, _REASON), place)
    script, span = obstacle.script, behind.span
    if script is None or span is None or span.source is not script.source:
        return None
    place = exec_place(script.text, span.start - script.start)
    if place is None:
        return None
    at = script.start + place.offset
    return _remedy(found, EditText(Span(script.source, at, at), "exec ", _REASON), place)


def _value(found: Obstructed, at: FieldPath) -> str | None:
    """The word of command or args at that path."""
    match at[-2:]:
        case ("command", int(number)):
            words = found.container.command
        case ("args", int(number)):
            words = found.container.args
        case _:
            return None
    return words[number] if words is not None and number < len(words) else None


def _remedy(found: Obstructed, change: SetField | EditText, place: ExecPlace) -> Remedy:
    service = found.behind.program if found.behind is not None else ""
    return Remedy((change,), safe=place.safe and found.entry.certain, title=f"Put exec before {service}")
