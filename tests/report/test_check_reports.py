"""The reports of a check: what people read, and what other programs read."""

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lameduck.check.outcome import Checked, Excerpt, FixKind, Note, Replacement, Seen, Stop
from lameduck.check.outcome import Path as Ending
from lameduck.findings.catalogue import FINDINGS
from lameduck.findings.finding import Severity
from lameduck.pod.place import Place
from lameduck.report.check_json import check_envelope
from lameduck.report.check_junit import check_junit
from lameduck.report.check_text import check_text, note_lines
from lameduck.report.checked import CheckAnswer
from lameduck.report.github import github_commands
from lameduck.report.gitlab import gitlab_report
from lameduck.report.sarif import sarif
from tests.report.test_envelope import keys, validator

SEEN = Seen(
    code="LD201",
    title="no-delay-before-stop",
    severity=Severity.ERROR,
    message="nothing delays the stop of app",
    mend="Wait 5 s",
    workload="Deployment/web",
    container="app",
    place=Place("k8s/web.yaml", 10, 11),
    manifest="k8s/web.yaml",
    fingerprint="f00d",
    fix=FixKind.SAFE,
    fix_title="Wait 5 s before the signal",
    excerpt=Excerpt(9, ("      containers:", "        - name: app  # käse", "          image: web")),
    diff="--- a/k8s/web.yaml\n+++ b/k8s/web.yaml\n@@ -10 +10,2 @@\n         - name: app\n+          more\n",
    replacements=(Replacement("k8s/web.yaml", (11, 1), (11, 1), "          more\n"),),
)
DOUBTFUL = Seen(
    code="LD999",
    title="made-up",
    severity=Severity.INFO,
    message="100% odd: \x1b[31m, with a comma",
    mend="Look",
    workload="Deployment/web",
    container=None,
    place=Place("web/run it.sh", 3, 1),
    manifest="k8s/web.yaml",
    fingerprint="beef",
    uncertain=True,
    template="chart/templates/web.yaml",
)
ENDING = Ending(
    "Deployment/web",
    Place("k8s/web.yaml", 1, 1),
    30,
    (
        Stop("app", "sleep", 5, "SIGQUIT", 5, 30),
        Stop("odd", "exec", None, None, 30, 32),
        Stop("proxy", None, 0, "SIGTERM", 0, 30, is_sidecar=True),
    ),
)
CALM = Ending("Deployment/calm", Place("k8s/calm.yaml", 1, 1), 30, (Stop("app", None, 0, "SIGTERM", 0, 30),))
NOTE = Note(Place("k8s/web.yaml", 2, 1), "This is odd: write it so.")
ERROR = Note(Place("k8s/bad.yaml", 1, 1), "This is not YAML: mend it.", is_error=True)


def answer(*seen: Seen, notes: tuple[Note, ...] = (), **options: Any) -> CheckAnswer:
    checked = Checked(list(seen), list(notes), [ENDING, CALM], files=2, workloads=2, suppressed=1)
    return CheckAnswer(checked, **options)


def text_of(one: CheckAnswer, **options: Any) -> str:
    return "".join(check_text(one, **options))


FULL = answer(SEEN, DOUBTFUL, notes=(ERROR, NOTE))


def test_the_text_shows_the_place_the_lines_why_the_change_and_where_to_read_more() -> None:
    assert text_of(answer(SEEN)).splitlines()[:13] == [
        "k8s/web.yaml:10:11: error LD201 no-delay-before-stop  Deployment/web, container app",
        "   9 │       containers:",
        "> 10 │         - name: app  # käse",
        "     │           ^^^^^^^^^^^^^^^^^",
        "  11 │           image: web",
        "  Why: nothing delays the stop of app",
        "  Do:  Wait 5 s (lameduck check --fix does it)",
        "    --- a/k8s/web.yaml",
        "    +++ b/k8s/web.yaml",
        "    @@ -10 +10,2 @@",
        "             - name: app",
        "    +          more",
        "  More: lameduck explain LD201",
    ]


def test_the_text_ends_with_how_those_workloads_end_and_what_to_do_next() -> None:
    lines = text_of(answer(SEEN)).splitlines()[14:]
    assert lines[0] == "How they end"
    assert lines[2] == "    app: delete → 5 s preStop → QUIT → up to 25 s drain → KILL"
    assert lines[3] == "    " + "▒" * 7 + "▓" * 33 + " 5 s hook + 25 s drain of 30 s grace"
    assert lines[4] == (
        "    odd: delete → exec preStop of unknown length → TERM (or the image's STOPSIGNAL) → "
        "drain for what is left of 30 s → KILL"
    )
    assert "only a rehearsal tells" in lines[5]
    assert lines[6] == ("    proxy: delete → the other containers end → TERM → up to what is left of 30 s → KILL")
    assert lines[8] == "1 error in 2 workloads in 2 files (1 suppressed)"
    assert lines[9].startswith("1 of them can be mended: lameduck check --fix")


def test_only_verbose_shows_how_clean_workloads_end() -> None:
    assert "Deployment/calm" not in text_of(answer(SEEN))
    assert "Deployment/calm" in text_of(answer(SEEN), verbose=True)
    assert text_of(answer()) == "✔ nothing found: 2 workloads in 2 files (1 suppressed)\n"


def test_doubt_and_the_template_are_said() -> None:
    (first, *_) = text_of(answer(DOUBTFUL)).splitlines()
    assert first.startswith("web/run it.sh:3:1 (chart/templates/web.yaml): perhaps, info LD999 made-up")


def test_what_would_drive_a_terminal_is_written_out() -> None:
    text = text_of(answer(DOUBTFUL))
    assert "\x1b" not in text
    assert "\\x1b[31m" in text
    colored = text_of(answer(DOUBTFUL), color=True)
    assert "\\x1b[31m, with" in colored
    assert colored != text


def test_a_terminal_without_the_signs_gets_plain_ones() -> None:
    text = text_of(answer(SEEN), encoding="ascii")
    assert text.isascii()
    assert "delete > 5 s preStop > QUIT" in text
    assert "k?se" in text


def test_the_marks_stand_under_the_value_also_behind_wide_signs() -> None:
    wide = Excerpt(10, ("漢字: value",))
    seen = Seen(
        **{**{name: getattr(SEEN, name) for name in Seen.__slots__}, "excerpt": wide, "place": Place("a", 10, 5)}
    )
    line, mark = text_of(answer(seen)).splitlines()[1:3]
    assert line.index("value") + 2 == mark.index("^")  # two signs of two columns


def test_what_was_mended_is_told() -> None:
    text = text_of(answer(mended=(SEEN,), mended_files=("k8s/web.yaml",)))
    assert text.splitlines() == [
        "1 finding mended in 1 file:",
        "  k8s/web.yaml:10:11: LD201 Wait 5 s before the signal",
        "✔ nothing more found: 2 workloads in 2 files (1 suppressed)",
    ]


def test_notes_are_a_line_each_and_templates_are_counted() -> None:
    checked = Checked(notes=[ERROR, NOTE], templates=2)
    lines = list(note_lines(CheckAnswer(checked)))
    assert lines[:2] == ["k8s/bad.yaml:1:1: This is not YAML: mend it.", "k8s/web.yaml:2:1: This is odd: write it so."]
    assert lines[2].startswith("2 files with templates that are not rendered: helm template")


@pytest.mark.parametrize(
    ("fail_on", "graceful"),
    [(Severity.INFO, False), (Severity.WARNING, True), (Severity.ERROR, True), (None, True)],
)
def test_the_verdict_depends_on_what_its_user_calls_a_failure(fail_on: Severity | None, graceful: bool) -> None:
    assert answer(DOUBTFUL, fail_on=fail_on).graceful is graceful


def test_the_json_obeys_the_published_schema_and_every_key_is_in_it() -> None:
    written = json.loads(json.dumps(check_envelope(FULL)))
    validator().validate(written)
    named = {name for name, _ in keys(json.loads(json.dumps(validator().schema)))}
    objects = [written, written["findings"][0], written["notes"][0], written["workloads"][0]]
    objects.append(written["workloads"][0]["stops"][0])
    assert not {key for one in objects for key in one} - named
    assert not {"requests", "endings", "timeline"} & set(written)
    assert (written["verdict"], written["findings"][0]["fixable"]) == ("ungraceful", True)
    assert written["workloads"][0]["stops"][1]["hook_s"] is None


_URI = {"type": "object", "required": ["uri"], "properties": {"uri": {"type": "string", "pattern": r"^\S+$"}}}
_PLACE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["physicalLocation"],
    "properties": {
        "physicalLocation": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "artifactLocation": _URI,
                "region": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}},
            },
        },
        "logicalLocations": {"type": "array", "items": {"type": "object"}},
    },
}
SARIF_PART = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["tool"],
                "properties": {
                    "tool": {"type": "object", "required": ["driver"]},
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "invocations": {"items": {"type": "object", "required": ["executionSuccessful"]}},
                    "results": {
                        "items": {
                            "type": "object",
                            "additionalProperties": False,
                            "required": ["message"],
                            "properties": {
                                "ruleId": {"type": "string"},
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "level": {"enum": ["none", "note", "warning", "error"]},
                                "message": {"type": "object", "required": ["text"]},
                                "locations": {"items": _PLACE},
                                "partialFingerprints": {"additionalProperties": {"type": "string"}},
                                "rank": {"type": "number", "minimum": 0, "maximum": 100},
                                "fixes": {
                                    "items": {
                                        "type": "object",
                                        "required": ["artifactChanges"],
                                        "properties": {
                                            "artifactChanges": {
                                                "minItems": 1,
                                                "items": {"required": ["artifactLocation", "replacements"]},
                                            }
                                        },
                                    }
                                },
                            },
                        }
                    },
                },
            },
        },
    },
}
"""What the standard (SARIF 2.1.0, sections 3.13 to 3.57) says of the parts that are used."""


def test_sarif_is_what_the_standard_says() -> None:
    log = sarif(FULL)
    jsonschema.Draft202012Validator(SARIF_PART).validate(log)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["LD201", "LD999"]
    assert rules[0]["help"]["markdown"] == next(each for each in FINDINGS if each.code == "LD201").page.strip()
    first, second = run["results"]
    assert [rules[result["ruleIndex"]]["id"] for result in (first, second)] == ["LD201", "LD999"]
    (change,) = first["fixes"][0]["artifactChanges"]
    assert change["replacements"][0]["insertedContent"]["text"] == "          more\n"
    assert second["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "web/run%20it.sh"
    assert (first["partialFingerprints"], second["rank"]) == ({"lameduck/v1": "f00d"}, 40.0)
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert [each["level"] for each in invocation["toolExecutionNotifications"]] == ["error", "warning"]


def test_paths_in_reports_for_others_count_from_where_we_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    absolute = str(tmp_path / "a" / "b.yaml")
    seen = replace(SEEN, place=Place(absolute, 1, 1))
    assert gitlab_report(answer(seen))[0]["location"]["path"] == "a/b.yaml"


def test_github_gets_a_command_for_each_finding_that_nothing_in_it_can_break() -> None:
    lines = github_commands(FULL).splitlines()
    assert lines[0] == (
        "::error file=k8s/web.yaml,line=10,col=11,title=LD201 no-delay-before-stop (Deployment/web)::"
        "nothing delays the stop of app.%0AWait 5 s.%0AMore: lameduck explain LD201"
    )
    assert lines[1].startswith(
        "::notice file=web/run it.sh,line=3,col=1,title=LD999 made-up (Deployment/web)::Perhaps: 100%25 odd"
    )
    assert lines[2] == "::error file=k8s/bad.yaml,line=1,col=1::This is not YAML: mend it."
    assert lines[4] == "lameduck check: 1 error, 1 remark"


def test_gitlab_gets_what_its_code_quality_report_wants() -> None:
    first, second = gitlab_report(FULL)
    assert (first["severity"], second["severity"]) == ("critical", "info")
    for entry in (first, second):
        assert {"description", "check_name", "fingerprint", "severity", "location"} <= set(entry)
        assert entry["location"]["lines"]["begin"] >= 1
    assert first["fingerprint"] == "f00d"


def test_junit_fails_exactly_where_the_verdict_does() -> None:
    root = ET.fromstring(check_junit(FULL))
    suites = {suite.get("name"): suite for suite in root}
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("4", "1", "1")
    web = suites["Deployment/web k8s/web.yaml"]
    assert [case.find("failure") is not None for case in web] == [True, False]
    (clean,) = suites["Deployment/calm k8s/calm.yaml"]
    assert list(clean) == []
    assert re.search(r"not YAML", ET.tostring(suites["files"], encoding="unicode"))
