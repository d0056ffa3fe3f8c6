"""Pods that were recorded on a real node end the same way when they are rehearsed: real processes, the real clock."""

import asyncio
import os
from collections.abc import Iterator

import pytest

from lameduck.pod.place import InputError
from lameduck.rehearse.engine import Isolation
from lameduck.rehearse.isolation import choose
from tests.rehearse.laboratory import Case, Laboratory, case_names, cases_of, laboratory
from tests.rehearse.laying_side_by_side import play_all
from tests.rehearse.not_played import NOT_EMULATED, NOT_PLAYED
from tests.rehearse.test_recorded_interventions import INTERVENTIONS

_GROUP_SIZE = 30
_EMULATED_SHARE = 3
"""One recording in three is played with emulated PID 1s, too; all of them with --all-recordings."""
_HARMFUL = ("oom-in-drain",)


def _played() -> list[str]:
    return [name for name in case_names() if name not in NOT_PLAYED and name not in INTERVENTIONS]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the tests their groups of recordings: each is played side by side, every group holds all families."""
    if "group" in metafunc.fixturenames:
        names = _played()
        if "emulated" in metafunc.function.__name__:
            share = 1 if metafunc.config.getoption("--all-recordings") else _EMULATED_SHARE
            names = [name for name in names if name not in NOT_EMULATED][::share]
        count = -(-len(names) // _GROUP_SIZE)
        groups = [names[part::count] for part in range(count)]
        metafunc.parametrize("group", groups, ids=[f"part-{part + 1}" for part in range(count)])


@pytest.fixture(scope="module")
def lab() -> Iterator[Laboratory]:
    with laboratory() as opened:
        yield opened


def _play(lab: Laboratory, names: list[str], prefer: Isolation | None) -> None:
    """Play them all; say what differs, or else what could not be played for want of a program.

    What differs is played once more, alone: a machine with other work shifts what the recordings have close together,
    and that does not come twice.
    """
    cases = [case for name in names for case in cases_of(name)]
    lacking = {case.name: missing for case in cases if (missing := lab.missing(case)) is not None}
    outcomes = asyncio.run(play_all(lab, [case for case in cases if case.name not in lacking], prefer))
    for first in [outcome for outcome in outcomes if outcome.differences]:
        print(f"\n{first.case.name} is played once more: {'; '.join(first.differences)}")
        [again] = asyncio.run(play_all(lab, [first.case], prefer))
        outcomes[outcomes.index(first)] = again
    different = [f"{outcome.case.name}: {said}" for outcome in outcomes for said in outcome.differences]
    if different:
        pytest.fail("\n".join(different))
    print(f"\n{len(outcomes)} played, times at most {max(o.off_s for o in outcomes):.3f} s from the recorded ones")
    if lacking:
        words = "; ".join(f"{name}: {missing}" for name, missing in lacking.items())
        if os.environ.get("CI") == "true":
            pytest.fail(words)
        pytest.skip(words)


def test_a_pod_ends_as_it_was_recorded(lab: Laboratory, group: list[str]) -> None:
    unplayable = NOT_EMULATED if choose() is Isolation.EMULATED else {}
    _play(lab, [name for name in group if name not in unplayable], None)


def test_with_an_emulated_pid_1_a_pod_ends_as_it_was_recorded(lab: Laboratory, group: list[str]) -> None:
    _play(lab, group, Isolation.EMULATED)


def test_every_recording_is_played_or_stands_in_the_list_with_its_reason() -> None:
    assert [name for name in _played() if not list(cases_of(name))] == []
    unknown = (set(NOT_PLAYED) | set(NOT_EMULATED) | set(INTERVENTIONS)) - set(case_names())
    assert unknown == set()
    assert set(NOT_PLAYED) & (set(NOT_EMULATED) | set(INTERVENTIONS)) == set()


def test_what_stands_in_the_list_would_not_end_as_it_was_recorded(lab: Laboratory) -> None:
    cases = [case for name in NOT_PLAYED if name not in _HARMFUL for case in cases_of(name) if _castable(lab, case)]
    assert len(cases) > 5  # else it is this test that is out of date
    assert asyncio.run(_reproduced(lab, cases, None)) == []


def test_what_cannot_be_emulated_would_not_end_as_it_was_recorded(lab: Laboratory) -> None:
    cases = [case for name in NOT_EMULATED for case in cases_of(name) if lab.missing(case) is None]
    assert asyncio.run(_reproduced(lab, cases, Isolation.EMULATED)) == []


async def _reproduced(lab: Laboratory, cases: list[Case], prefer: Isolation | None) -> list[str]:
    """Those of the cases that end as recorded."""
    alone = (play_all(lab, [case], prefer) for case in cases)
    outcomes = await asyncio.gather(*alone, return_exceptions=True)
    unexpected = [e for e in outcomes if isinstance(e, BaseException) and not _is_refusal(e)]
    if unexpected:
        raise unexpected[0]
    played = [played[0] for played in outcomes if not isinstance(played, BaseException)]
    return [outcome.case.name for outcome in played if not outcome.differences]


def _is_refusal(error: BaseException) -> bool:
    """Whether it holds nothing but InputErrors: the rehearsal itself says that it cannot play this."""
    if isinstance(error, BaseExceptionGroup):
        return all(_is_refusal(inner) for inner in error.exceptions)
    return isinstance(error, InputError)


def _castable(lab: Laboratory, case: Case) -> bool:
    """Whether this machine has its program, and the pod starts without more than that."""
    if NOT_PLAYED[case.recording.name].startswith("needs a server"):
        return False
    try:
        lab.prepare(case)
    except InputError:
        return False
    return True
