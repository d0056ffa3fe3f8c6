"""JUnit XML as Jenkins and GitLab read it."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lameduck.ending.commands import ContainerEnding
from lameduck.report.answer import Answer
from lameduck.report.junit import junit_xml
from tests.report import sample_answers

ANSWERS = sample_answers.everything()


def suites(*answers: Answer) -> list[ET.Element]:
    return ET.fromstring(junit_xml(answers).encode()).findall("testsuite")


def failures(*answers: Answer) -> dict[str, str]:
    """Name of each failed case, and its message."""
    return {
        case.attrib["name"]: failure.attrib["message"]
        for suite in suites(*answers)
        for case in suite.findall("testcase")
        for failure in case.findall("failure")
    }


def test_an_answer_is_a_suite_and_its_cases_are_counted() -> None:
    root = ET.fromstring(junit_xml(ANSWERS).encode())
    assert root.tag == "testsuites"
    assert len(root.findall("testsuite")) == len(ANSWERS)
    for counted in (root, *root.findall("testsuite")):
        cases = list(counted.iter("testcase"))
        assert int(counted.attrib["tests"]) == len(cases)
        assert int(counted.attrib["failures"]) == sum(case.find("failure") is not None for case in cases)
        assert int(counted.attrib["skipped"]) == sum(case.find("skipped") is not None for case in cases)
        assert counted.attrib["errors"] == "0"
        assert float(counted.attrib["time"]) == pytest.approx(sum(float(case.attrib["time"]) for case in cases))


def test_every_case_has_the_attributes_that_ci_servers_need() -> None:
    for suite in suites(*ANSWERS):
        for case in suite.findall("testcase"):
            assert {"classname", "name", "time"} <= set(case.attrib)
            assert float(case.attrib["time"]) >= 0
        names = [case.attrib["name"] for case in suite.findall("testcase")]
        assert len(set(names)) == len(names)


def test_the_cases_of_a_pod_with_sidecars() -> None:
    (suite,) = suites(sample_answers.sidecars())
    assert [case.attrib["name"] for case in suite.findall("testcase")] == [
        "no request is lost",
        "hook of web-0/app completes within the grace",
        "web-0/app ends by itself before its deadline",
        "hook of web-0/proxy completes within the grace",
        "web-0/proxy ends by itself before its deadline",
        "hook of web-0/log-shipper completes within the grace",
        "web-0/log-shipper ends by itself before its deadline",
    ]


def test_a_graceful_answer_has_no_failure() -> None:
    assert failures(sample_answers.graceful()) == {}


def test_lost_requests_fail_with_their_causes() -> None:
    answer = sample_answers.no_pre_stop()
    assert list(failures(answer)) == ["no request is lost"]
    tally = answer.verdict.tally
    assert failures(answer)["no request is lost"] == f"{tally.lost} of {tally.sent} requests lost"
    (suite,) = suites(answer)
    details = suite.findtext("testcase/failure", "")
    assert all(cause.value in details for cause, _ in tally.by_cause)
    assert answer.findings[0].mend in details


def test_a_kill_and_an_outlasted_hook_fail_each_in_its_own_case() -> None:
    assert failures(sample_answers.sidecars()) == {
        "hook of web-0/log-shipper completes within the grace": "the preStop hook outlasted the grace of 8 s",
        "web-0/log-shipper ends by itself before its deadline": "killed at its deadline, "
        "10.0 s after the deletion request",
    }


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.title)
def test_cases_fail_exactly_where_the_verdict_is_ungraceful(answer: Answer) -> None:
    assert (failures(answer) == {}) == answer.verdict.graceful


def test_without_requests_their_case_is_skipped() -> None:
    (suite,) = suites(sample_answers.no_traffic())
    skipped = suite.find("testcase/skipped")
    assert skipped is not None
    assert skipped.attrib["message"] == "no requests were sent"


def test_a_container_whose_exit_nobody_saw_is_skipped() -> None:
    answer = sample_answers.with_containers(sample_answers.no_traffic(), ContainerEnding(name="app"))
    (suite,) = suites(answer)
    assert [case.attrib["name"] for case in suite.findall("testcase") if case.find("skipped") is not None] == [
        "no request is lost",
        "worker-0/app ends by itself before its deadline",
    ]


def test_settings_are_properties_and_findings_are_output() -> None:
    (suite,) = suites(sample_answers.no_pre_stop())
    properties = {p.attrib["name"]: p.attrib["value"] for p in suite.findall("properties/property")}
    assert properties["isolation"] == "pid-namespace"
    assert "LD201 no-pre-stop-delay deploy.yaml:24:9" in suite.findtext("system-out", "")


def test_what_xml_cannot_hold_is_written_out() -> None:
    text = junit_xml([sample_answers.hostile()])
    (suite,) = ET.fromstring(text.encode()).findall("testsuite")
    assert r"\x1b[31m\x00\ud800" in suite.attrib["name"]
    assert "<script>" not in text


@given(st.text(st.characters(codec=None)))
def test_any_title_gives_a_document_that_parses(title: str) -> None:
    ET.fromstring(junit_xml([replace(sample_answers.no_traffic(), title=title)]).encode())
