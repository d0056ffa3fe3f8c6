"""Steps that the processes tell themselves: lines of JSON that `lameduck run` and the library write (docs/protocol.md).

Anybody can write such a line, so it is taken for what a container says, never for what was seen.
"""

import json
from dataclasses import dataclass

__all__ = ["ToldStep", "step_in"]

_WITNESSES = frozenset({"run", "drain", "gate"})
_SHOWN_ELSEWHERE = frozenset({"witness", "what", "t_s", "pid", "pod", "container"})
_MOST_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class ToldStep:
    """Who says it, which step, and the rest of its words."""

    by: str
    step: str
    detail: str


def step_in(line: str) -> ToldStep | None:
    """The step that a line of output tells, if it is one of those."""
    at = line.find('{"witness": ')
    if at < 0 or not line.rstrip().endswith("}"):
        return None
    try:
        told = json.loads(line[at:])
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or told.get("witness") not in _WITNESSES or not isinstance(told.get("what"), str):
        return None
    rest = [f"{key} {_text(value)}" for key, value in told.items() if key not in _SHOWN_ELSEWHERE]
    return ToldStep(told["witness"], told["what"][:_MOST_CHARACTERS], ", ".join(rest)[:_MOST_CHARACTERS])


def _text(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
