"""`lameduck.testing`: the rehearsal from somebody's own test suite."""

import pytest

from lameduck.pod.place import InputError
from lameduck.testing import rehearsed
from tests.drain.served import BIN

UVICORN = [str(BIN / "uvicorn"), "tests.drain.apps.asgi_app:{}", "--port", "{port}", "--no-access-log"]


def uvicorn(app: str) -> list[str]:
    return [word.replace("{}", app) for word in UVICORN]


def test_a_service_with_the_library_loses_nothing() -> None:
    ending = rehearsed(uvicorn("drained"), mix="new=5,keepalive=4,slow=1@/slow", grace_s=20)
    assert ending.graceful, ending.report
    assert ending.lost == ()
    assert ending.exit_codes == (0,)
    assert 2 <= ending.took_s < 12
    assert len(ending.requests) > 100


def test_the_same_service_without_it_does_and_the_report_says_so() -> None:
    ending = rehearsed(uvicorn("app"), rate=100, grace_s=20)
    assert not ending.graceful
    assert ending.lost
    assert {request.fate.value for request in ending.lost} <= {"refused", "reset"}
    assert "NOT GRACEFUL" in str(ending)


def test_what_does_not_start_is_said_in_one_line() -> None:
    with pytest.raises(InputError, match="no-such-program"):
        rehearsed(["no-such-program", "{port}"])


def test_the_fixture_works_in_a_test_suite_of_its_own(pytester: pytest.Pytester) -> None:
    pytester.makeconftest('pytest_plugins = ["lameduck.testing"]')
    pytester.makepyfile(
        f"""
        def test_ends(rehearse):
            ending = rehearse({[str(BIN / "python"), "-m", "http.server", "{port}"]!r}, rate=20, grace_s=3)
            assert ending.graceful, ending.report
        """
    )
    result = pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*NOT GRACEFUL*"])
