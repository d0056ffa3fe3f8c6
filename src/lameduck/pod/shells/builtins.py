"""The built-in commands that change what a script knows: set, shift, trap."""

import re

from lameduck.pod.shells.state import State
from lameduck.pod.shells.words import ARGUMENTS, Value

__all__ = ["MAX_ARGUMENTS", "run_set", "run_shift", "run_trap"]

MAX_ARGUMENTS = 400
"""Beyond, they are not known; `set -- "$@" "$@"` forty times over would be many."""


def run_set(rest: tuple[Value, ...], state: State) -> None:
    """`set -e`, `set -o errexit`, `set -- arguments`."""
    for number, value in enumerate(rest):
        text = value.text if value.known else ""
        if text == "--":
            _position(rest[number + 1 :], state)
            return
        if text[:1] in ("-", "+") and text != "-":
            if "e" in text[1:] and text[1:2] != "o":
                state.errexit = text[0] == "-"
            continue
        if rest[number - 1].text[-1:] == "o" and number > 0:
            if text == "errexit":
                state.errexit = rest[number - 1].text[0] == "-"
            continue
        _position(rest[number:], state)
        return


def _position(values: tuple[Value, ...], state: State) -> None:
    state.positional = values if len(values) <= MAX_ARGUMENTS else (ARGUMENTS,)


def run_shift(rest: tuple[Value, ...], state: State) -> None:
    """`shift`, `shift 2`."""
    count = rest[0].text if rest else "1"
    if not count.isdecimal() or len(count) > 3 or any(value.many for value in state.positional[: int(count)]):
        state.positional = (ARGUMENTS,)
    else:
        state.positional = state.positional[int(count) :]


_NUMBERS = {
    "0": "EXIT",
    "1": "HUP",
    "2": "INT",
    "3": "QUIT",
    "6": "ABRT",
    "10": "USR1",
    "12": "USR2",
    "15": "TERM",
    "28": "WINCH",
}

_EARLY = re.compile(r"\\\$|\$(?:(?P<name>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*)\}|!)")


def run_trap(rest: tuple[Value, ...], state: State) -> None:
    """`trap handler signals`, `trap - signals`."""
    if rest and rest[0].known and rest[0].text == "--":
        rest = rest[1:]
    if not rest or (rest[0].known and rest[0].text in ("-p", "-l")):
        return
    handler, signals = (rest[0], rest[1:]) if len(rest) > 1 else (Value("-"), rest)
    for signal in signals:
        if not signal.known:
            state.doubt = state.doubt or "a trap is set for a signal that only running the script tells"
            continue
        name = _NUMBERS.get(signal.text, signal.text.upper())
        if handler.known and handler.text == "-":
            state.traps.pop(name, None)
        else:
            state.traps[name] = handler.text if handler.known else _as_set(handler, state)


def _as_set(handler: Value, state: State) -> str | None:
    """A handler between double quotes is expanded when the trap is set: what is set only later is empty in it.

    A variable that has a value by then, which is not known here, stays as it is written.
    """
    text = handler.text
    if len(text) < 2 or text[0] != '"' or text[-1] != '"' or "`" in text:
        return None

    def early(found: re.Match[str]) -> str:
        if found.group() == "\\$":
            return "$"
        name = found["name"] or found["braced"] or "!"
        return found.group() if name in state.variables else ""

    handled = _EARLY.sub(early, text[1:-1])
    return handled if handled.strip() else None  # "$HANDLER" comes from the environment
