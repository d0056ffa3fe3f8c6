"""The flow's state diagrams, drawn from its tables: `python -m lameduck.ending.diagram` prints docs/flow.md."""

import sys
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import TypeVar

from lameduck.ending.container_kill import TRANSITIONS, Step
from lameduck.ending.stages import STAGES, Stage

__all__ = ["document"]

_S = TypeVar("_S", bound=Enum)
_T = TypeVar("_T", bound=Enum)

_PAGE = """# How a pod ends, as a machine

Generated from the tables in `src/lameduck/ending`; the rules are in the words of that code, and the T-numbers there
are in [facts.md](facts.md).

## The pod on its node

{stages}

## One container's kill

All containers of a pod walk through this side by side. The process itself may exit at any time; as long as a hook runs
or a turn is waited for, that changes nothing. "Others stop first" is for sidecars only.

{steps}
"""


def document() -> str:
    """The whole page, as Markdown with Mermaid diagrams."""
    return _PAGE.format(stages=_drawn(STAGES, Stage.SERVING), steps=_drawn(TRANSITIONS, Step.RUNNING))


def _drawn(table: Mapping[_S, Mapping[_T, _S]], first: _S) -> str:
    return "\n".join(["```mermaid", "stateDiagram-v2", *_lines(table, first), "```"])


def _lines(table: Mapping[_S, Mapping[_T, _S]], first: _S) -> Iterator[str]:
    for state in table:
        yield f"    state {_quoted(state)} as {state.name}"
    yield f"    [*] --> {first.name}"
    for state, ways in table.items():
        for trigger, then in ways.items():
            if then is not state:  # what changes nothing is not drawn
                yield f"    {state.name} --> {then.name}: {str(trigger.value).replace(';', ',')}"
        if not ways:
            yield f"    {state.name} --> [*]"


def _quoted(state: Enum) -> str:
    return f'"{state.value}"'


if __name__ == "__main__":
    sys.stdout.write(document())
