"""Check and rehearsal agree: what a finding says of files is what comes of them when they run.

BAD loses requests, is killed at the deadline or has a hook that fails, GOOD does not, and neither does BAD once it is
mended. An example that is not played stands in a list with the reason. Each family is one group of tests, which one
process plays: its examples are played side by side.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future

import pytest

from lameduck.findings.catalogue import FINDINGS
from lameduck.findings.examples import case, manifest
from lameduck.findings.finding import Example, Finding, Witness
from lameduck.findings.looking import look_into
from tests.check.agreement import Company, Played, mended
from tests.check.agreement_terms import (
    CALLED,
    ENDS_WELL,
    FAMILIES,
    NO_EXAMPLE_PLAYED,
    NOT_MENDED,
    NOT_PLAYED,
    OTHERWISE,
    WAITS_IN_VAIN,
    SeenAs,
    Without,
    conditions,
)

_WITHIN_S = 600
_MORE_PLAYS = 2
"""How often a play is repeated that the machine was too slow for, by the rehearsal's own measure."""
_PATIENCE = pytest.mark.timeout(_WITHIN_S)
"""The first test of a group waits for what others wait for, too."""

_Role = tuple[str, str, str]
"""A code, a story, and bad, good or mended."""


def _examples(finding: Finding, *, bad: bool) -> list[Example]:
    return [each for each in (finding.bad if bad else finding.good) if each.only is not Witness.ENDING]


def _roles() -> Iterator[tuple[_Role, Example]]:
    for finding in FINDINGS:
        code = finding.code
        if code[:3] not in FAMILIES or finding.in_files is None or code in NO_EXAMPLE_PLAYED:
            continue
        for example in _examples(finding, bad=True):
            if example.story not in NOT_PLAYED.get(code, {}):
                yield (code, example.story, "bad"), example
                after = mended(example, code)
                if after is not None:
                    yield (code, example.story, "mended"), after
        for example in _examples(finding, bad=False):
            if example.story not in NOT_PLAYED.get(code, {}):
                yield (code, example.story, "good"), example


ROLES = dict(_roles())


def _which(how: str, wanted: Callable[[str, str], bool] = lambda _code, _story: True) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("code", "story"),
        [
            pytest.param(code, story, id=f"{code}-{story}", marks=pytest.mark.xdist_group(f"agreement-{code[:3]}"))
            for code, story, role in ROLES
            if role == how and wanted(code, story)
        ],
    )


class Plays:
    """The plays of whole families, begun when the first of a family is asked for."""

    def __init__(self) -> None:
        self._company = Company()
        self._begun: dict[_Role, Future[Played]] = {}

    def __call__(self, code: str, story: str, how: str) -> Played:
        """How that one ended."""
        if (code, story, how) not in self._begun:
            self._begun |= {
                role: self._company.play(example, conditions(role[0], role[1]))
                for role, example in ROLES.items()
                if role[0][:3] == code[:3]
            }
        played = self._begun[code, story, how].result(timeout=_WITHIN_S)
        for _ in range(_MORE_PLAYS):
            if not played.strained:
                break
            again = self._company.play(ROLES[code, story, how], conditions(code, story))
            self._begun[code, story, how] = again
            played = again.result(timeout=_WITHIN_S)
        return played

    def close(self) -> None:
        self._company.close()


@pytest.fixture(scope="module")
def plays() -> Iterator[Plays]:
    plays = Plays()
    try:
        yield plays
    finally:
        plays.close()


def _costs(code: str, story: str) -> bool:
    return code not in WAITS_IN_VAIN and story not in ENDS_WELL.get(code, {})


@_PATIENCE
@_which("bad", _costs)
def test_a_bad_example_loses_work_when_it_is_played(plays: Plays, code: str, story: str) -> None:
    played = plays(code, story, "bad")
    if conditions(code, story).rate:
        assert played.killed or played.lost, f"{code}, '{story}', ends well when it is played"
    else:
        assert not played.graceful, f"{code}, '{story}', ends well when it is played"


@_PATIENCE
@_which("bad", lambda code, story: not _costs(code, story))
def test_a_bad_example_that_costs_no_work_is_only_worth_knowing(plays: Plays, code: str, story: str) -> None:
    played = plays(code, story, "bad")
    assert played.graceful, f"{code}, '{story}': {played}"
    (found,) = [found for found in look_into(case(ROLES[code, story, "bad"])) if found.code == code]
    assert found.severity.value == "info"


@_PATIENCE
@_which("mended", lambda code, _: code in WAITS_IN_VAIN)
def test_who_waited_in_vain_ends_sooner_once_it_is_mended(plays: Plays, code: str, story: str) -> None:
    bad, after = plays(code, story, "bad"), plays(code, story, "mended")
    assert after.took_s < bad.took_s - 1, f"{code}, '{story}': {after.took_s:.1f} s after {bad.took_s:.1f} s"


@_PATIENCE
@_which("good")
def test_a_good_example_loses_nothing_when_it_is_played(plays: Plays, code: str, story: str) -> None:
    played = plays(code, story, "good")
    assert played.graceful, f"{code}, '{story}': {played}"


@_PATIENCE
@_which("mended")
def test_a_mended_example_loses_nothing_when_it_is_played(plays: Plays, code: str, story: str) -> None:
    played = plays(code, story, "mended")
    assert played.graceful, f"{code}, '{story}', mended: {played}"


_SEEN_AT_THE_END = {finding.code for finding in FINDINGS if finding.in_ending is not None}


@_PATIENCE
@_which("bad", lambda code, _: code in _SEEN_AT_THE_END)
def test_the_rehearsal_calls_a_bad_example_what_check_calls_it(plays: Plays, code: str, story: str) -> None:
    played = plays(code, story, "bad")
    called = CALLED.get(code, {}).get(story, code)
    assert called in played.codes, f"'{story}' is {', '.join(sorted(played.codes)) or 'nothing'} to the rehearsal"


def _by_code() -> dict[str, dict[str, Example]]:
    return {f.code: {each.story: each for each in (*f.bad, *f.good)} for f in FINDINGS}


@pytest.mark.parametrize("listed", [NOT_PLAYED, OTHERWISE, ENDS_WELL, CALLED])
def test_the_lists_name_examples_that_there_are(listed: dict[str, dict[str, object]]) -> None:
    there = _by_code()
    gone = {code: sorted(set(stories) - set(there[code])) for code, stories in listed.items()}
    assert not any(gone.values()), f"no examples any more: {gone}"


def test_what_is_played_under_other_terms_is_played() -> None:
    idle = {code: sorted(set(stories) & set(NOT_PLAYED.get(code, {}))) for code, stories in OTHERWISE.items()}
    assert not any(idle.values()), f"not played after all: {idle}"


def test_each_finding_of_the_families_is_played_or_says_why_not() -> None:
    seen = {finding.code for finding in FINDINGS if finding.code[:3] in FAMILIES and finding.in_files is not None}
    played = {code for code, _, _ in ROLES}
    assert seen - played == set(NO_EXAMPLE_PLAYED)


def test_what_has_no_mended_example_is_listed() -> None:
    unmended: dict[str, set[str]] = {}
    for code, story, how in ROLES:
        if how == "bad" and (code, story, "mended") not in ROLES:
            unmended.setdefault(code, set()).add(story)
    assert unmended == NOT_MENDED


@pytest.mark.parametrize(
    ("code", "story", "missing"),
    [(c, s, why.program) for c, each in NOT_PLAYED.items() for s, why in each.items() if isinstance(why, Without)],
)
def test_a_program_that_is_missing_here_is_one_that_the_example_needs(code: str, story: str, missing: str) -> None:
    example = _by_code()[code][story]
    assert missing in f"{manifest(example)}{''.join(example.files.values())}"


@pytest.mark.parametrize(
    ("code", "story", "other"),
    [(c, s, why.code) for c, each in NOT_PLAYED.items() for s, why in each.items() if isinstance(why, SeenAs)],
)
def test_what_another_finding_is_said_to_see_it_sees(code: str, story: str, other: str) -> None:
    example = _by_code()[code][story]
    assert other in example.also or other in {found.code for found in look_into(case(example))}
