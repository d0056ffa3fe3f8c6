"""The published diagram is that of the tables, and the tables have no dead ends."""

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from lameduck.ending.container_kill import TRANSITIONS, Step, Trigger
from lameduck.ending.diagram import document
from lameduck.ending.stages import STAGES, Stage, Turn

PAGE = Path(__file__).parents[2] / "docs" / "flow.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == document(), "python -m lameduck.ending.diagram > docs/flow.md"


@pytest.mark.parametrize(
    ("table", "states", "triggers", "first", "last"),
    [(STAGES, Stage, Turn, Stage.SERVING, Stage.GONE), (TRANSITIONS, Step, Trigger, Step.RUNNING, Step.DONE)],
)
def test_every_state_and_trigger_is_used_and_every_state_leads_to_the_end(
    table: Mapping[Any, Mapping[Any, Any]], states: type[Enum], triggers: type[Enum], first: Enum, last: Enum
) -> None:
    assert set(table) == set(states)
    assert {trigger for ways in table.values() for trigger in ways} == set(triggers)
    reached = {first}
    while more := {then for state in reached for then in table[state].values()} - reached:
        reached |= more
    assert reached == set(states)
    ending = {last}
    while more := {state for state, ways in table.items() if ending & set(ways.values())} - ending:
        ending |= more
    assert ending == set(states)
    assert table[last] == {}
