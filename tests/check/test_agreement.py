"""Check and rehearsal agree: what a finding says of files is what comes of them when they run.

BAD loses requests or is killed at the deadline, GOOD does not, and neither does BAD once it is mended. An example that
is not played stands in a list with the reason.
"""

from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from lameduck.findings.catalogue import FINDINGS
from lameduck.findings.finding import Example, Finding, Witness
from tests.check.agreement import Company, Conditions, Played, mended

pytestmark = pytest.mark.xdist_group("agreement")

FAMILIES = {
    # Slow answers are in flight when the signal comes, 1 s after the deletion; who asks anew knows at once.
    "LD1": Conditions(mix="slow=1@/slow?seconds=2.5", delay_s=1, grace_s=6),
}
NOT_PLAYED = {
    "LD101": {
        "conda run, which passes SIGTERM on to nobody": "conda is not on this machine",
        "a script that was not found in the repository may say exec": "nothing to start",
        "the preStop hook ends the service itself and waits, and the shell ends with it": "hooks of LD1 are not played",
        "one simple command for sh, in an image of which nobody knows which shell that is": "nobody knows",
        "a client that prepares something before the script execs its server": "mysql and ncat are not on this machine",
        "an errand at intervals: what comes back after each pause is no service": "it is killed, and nothing is lost",
        "the official images' entrypoint script execs what it is given": "redis at its own",
        "a shell that only sleeps serves nobody: that is LD103's matter": "it is killed, as LD103 says",
    },
    "LD103": {
        "Flask's development server with its reloader, which ends at the signal": "flask is not on this machine",
        "Java has a handler of its own": "Java in real rehearsals: tests/rehearse",
        "sleep in a pod that shares its PID namespace is not PID 1": "shareProcessNamespace is not played",
    },
    "LD105": {
        "npm start in a Debian image, whose sh dies between npm and node": "npm in real rehearsals: tests/rehearse",
        "npm in an image of which nobody knows which shell sh is: bash and busybox get out of the way": "nobody knows",
        "npm in an Alpine image, whose sh execs the one command of the script": "npm starts this machine's sh",
        "node without npm": "node in real rehearsals: tests/rehearse",
        "setpriv changes the user and is gone": "www-data may not read what stands in here",
        "su, which kills 2 s after the signal": "www-data may not read what stands in here",
        "a pod that shares its PID namespace: no shell is PID 1, and each dies of the signal": "it is not played",
    },
}
NO_EXAMPLE_PLAYED = {
    "LD104": "what nginx and its like do at a signal cannot be stood in for: tests/rehearse plays some"
}


def _examples(*, bad: bool) -> list[tuple[Finding, Example]]:
    return [
        (finding, example)
        for finding in FINDINGS
        if finding.code[:3] in FAMILIES and finding.in_files is not None and finding.code not in NO_EXAMPLE_PLAYED
        for example in (finding.bad if bad else finding.good)
        if example.only is not Witness.ENDING and example.story not in NOT_PLAYED.get(finding.code, {})
        if (example.container or example.files) and not example.whole
    ]


BAD = _examples(bad=True)
GOOD = _examples(bad=False)
MENDED = [(f, f"{e.story}, mended", each) for f, e in BAD if (each := mended(e, f.code)) is not None]


@pytest.fixture(scope="module")
def plays() -> Iterator[dict[tuple[str, str], Future[Played]]]:
    company = Company()
    try:
        yield {
            (finding.code, story): company.play(example, FAMILIES[finding.code[:3]])
            for finding, story, example in (*((f, e.story, e) for f, e in (*BAD, *GOOD)), *MENDED)
        }
    finally:
        company.close()


def test_what_is_not_played_are_examples_that_there_are() -> None:
    stories = {f.code: {example.story for example in (*f.bad, *f.good)} for f in FINDINGS}
    gone = {code: sorted(set(listed) - stories[code]) for code, listed in NOT_PLAYED.items()}
    assert not any(gone.values()), f"NOT_PLAYED names examples that are no more: {gone}"


def _name(each: Finding | Example | str) -> str:
    return each.code if isinstance(each, Finding) else each.story if isinstance(each, Example) else each


@pytest.mark.parametrize(("finding", "example"), BAD, ids=_name)
def test_a_bad_example_loses_requests_or_is_killed_when_it_is_played(
    plays: dict[tuple[str, str], Future[Played]], finding: Finding, example: Example
) -> None:
    played = plays[finding.code, example.story].result(timeout=600)
    assert played.killed or played.lost, f"{finding.code}, '{example.story}', ends well when it is played"


@pytest.mark.parametrize(("finding", "example"), GOOD, ids=_name)
def test_a_good_example_loses_nothing_when_it_is_played(
    plays: dict[tuple[str, str], Future[Played]], finding: Finding, example: Example
) -> None:
    played = plays[finding.code, example.story].result(timeout=600)
    assert not played.killed, f"{finding.code}, '{example.story}': {played}"
    assert not played.lost, f"{finding.code}, '{example.story}': {played}"


@pytest.mark.parametrize(("finding", "story"), [(f, story) for f, story, _ in MENDED], ids=_name)
def test_a_mended_example_loses_nothing_when_it_is_played(
    plays: dict[tuple[str, str], Future[Played]], finding: Finding, story: str
) -> None:
    played = plays[finding.code, story].result(timeout=600)
    assert not played.killed, f"{finding.code}, '{story}': {played}"
    assert not played.lost, f"{finding.code}, '{story}': {played}"
