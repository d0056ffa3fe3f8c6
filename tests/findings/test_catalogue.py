"""What every finding owes. Who copies a file and changes it reads here what is still missing."""

import re
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

import lameduck
import lameduck.findings
from lameduck.findings.catalogue import FINDINGS, RETIRED
from lameduck.findings.examples import FILE, case, manifest, witness
from lameduck.findings.finding import Example, Finding, Found, Witness
from lameduck.findings.looking import look, look_into, look_into_settings
from lameduck.pod.reading import read_text
from lameduck.pod.source import Source
from lameduck.pod.sysctls.files import read_sysctls
from lameduck.pod.texts.documents import SourceDocument
from lameduck.remedies.remedy import Mend
from lameduck.remedies.text_edit import apply

_FOLDER = Path(lameduck.findings.__path__[0])
_FILES = tuple(sorted(path.stem for path in _FOLDER.glob("ld[0-9]*.py")))
_FACTS = Path(__file__).parents[2] / "docs" / "facts.md"
_SECTIONS = ("## What happens", "## How to see it", "## How to mend it")
_CITED = re.compile(r"\b[TBK][1-9][0-9]{0,2}\b")

_each_finding = pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: finding.code)
_each_bad = pytest.mark.parametrize(
    ("finding", "example"),
    [(f, e) for f in FINDINGS for e in f.bad if f.seen_by(Witness.ENDING) and e.only is not Witness.FILES],
    ids=lambda each: _name(each),
)
_each_good = pytest.mark.parametrize(
    ("finding", "example"),
    [(f, e) for f in FINDINGS for e in f.good if f.seen_by(Witness.ENDING) and e.only is not Witness.FILES],
    ids=lambda each: _name(each),
)
_each_bad_in_files = pytest.mark.parametrize(
    ("finding", "example"),
    [(f, e) for f in FINDINGS for e in f.bad if f.seen_by(Witness.FILES) and e.only is not Witness.ENDING],
    ids=lambda each: _name(each),
)
_each_good_in_files = pytest.mark.parametrize(
    ("finding", "example"),
    [(f, e) for f in FINDINGS for e in f.good if f.seen_by(Witness.FILES) and e.only is not Witness.ENDING],
    ids=lambda each: _name(each),
)


def _seen_in_files(example: Example) -> tuple[Found, ...]:
    if example.settings:
        return look_into_settings(read_sysctls(Source("sysctl.conf", example.settings)), example.kubernetes)
    return look_into(case(example))


def _name(each: Finding | Example) -> str:
    return each.code if isinstance(each, Finding) else each.story


def _explained_facts() -> set[str]:
    return set(re.findall(r"^- \*\*([TBK]\d+)\*\* \S", _FACTS.read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("file", _FILES)
def test_each_file_of_a_finding_has_its_line_in_the_catalogue(file: str) -> None:
    module = import_module(f"lameduck.findings.{file}")
    assert hasattr(module, "FINDING"), f"{file}.py has no FINDING: define it at the end, as its neighbours do"
    assert module.FINDING in FINDINGS, (
        f"{file}.py is not in findings/catalogue.py: import {file} there and add the line {file}.FINDING"
    )


@_each_finding
def test_a_finding_is_alone_in_a_file_that_is_named_for_it(finding: Finding) -> None:
    file = f"{finding.code.lower()}_{finding.title.replace('-', '_')}"
    assert file in _FILES, (
        f"{finding.code} {finding.title} belongs in findings/{file}.py: rename the file, or correct code and title"
    )
    assert import_module(f"lameduck.findings.{file}").FINDING is finding, f"{file}.py holds another finding"


def test_the_catalogue_is_in_the_order_of_the_codes_and_each_code_stands_once() -> None:
    codes = [finding.code for finding in FINDINGS]
    assert codes == sorted(set(codes)), "findings/catalogue.py: order the lines by code, and give each code once"


def test_no_retired_code_is_used_again() -> None:
    again = [finding.code for finding in FINDINGS if finding.code in RETIRED]
    assert not again, f"{again} are retired and must never mean something else: take the next free code"


@_each_finding
def test_a_title_names_the_fault_in_kebab_case_and_is_the_only_one(finding: Finding) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", finding.title), f"{finding.code}: write the title like-this"
    assert re.fullmatch(r"LD[1-9][0-9]{2}", finding.code), f"{finding.code} is not LD and three digits"
    same = [other.code for other in FINDINGS if other.title == finding.title]
    assert same == [finding.code], f"the title {finding.title} is used by {same}: give each its own"


@_each_finding
def test_the_page_has_its_three_sections_in_order(finding: Finding) -> None:
    headings = tuple(line for line in finding.page.splitlines() if line.startswith("## "))
    assert headings == _SECTIONS, f"{finding.code}: PAGE needs exactly these headings, in this order: {_SECTIONS}"
    for section in finding.page.split("## ")[1:]:
        heading, _, text = section.partition("\n")
        assert len(text.split()) >= 10, f"{finding.code}: the section '{heading}' of PAGE says nearly nothing"


@_each_finding
def test_the_page_cites_the_facts_of_the_finding_and_no_others(finding: Finding) -> None:
    cited = set(_CITED.findall(finding.page))
    assert cited == set(finding.facts), (
        f"{finding.code}: facts= and PAGE differ. Only in facts: {sorted(set(finding.facts) - cited)} (cite them in "
        f"the page, as (T54)); only in the page: {sorted(cited - set(finding.facts))} (add them to facts)"
    )
    assert finding.facts, f"{finding.code} rests on no fact: a finding says what Kubernetes or the kernel does"


@_each_finding
def test_every_fact_of_a_finding_is_explained(finding: Finding) -> None:
    missing = sorted(set(finding.facts) - _explained_facts())
    assert not missing, f"{finding.code} cites {missing}, which docs/facts.md does not explain: add a line for each"


def test_every_fact_that_the_code_cites_is_explained() -> None:
    explained = _explained_facts()
    root = Path(lameduck.__path__[0])
    missing = {
        f"{path.relative_to(root)}: {fact}"
        for path in root.rglob("*.py")
        for fact in _CITED.findall(path.read_text(encoding="utf-8"))
        if fact not in explained
    }
    assert not missing, f"docs/facts.md does not explain {sorted(missing)}: add a line for each, or correct the number"


@_each_finding
def test_a_finding_has_a_witness_and_each_example_one_that_can_see_it(finding: Finding) -> None:
    witnesses = [witness for witness in Witness if finding.seen_by(witness)]
    assert witnesses, f"{finding.code} is seen by nobody: give it in_files, in_ending or both"
    for example in (*finding.bad, *finding.good):
        assert example.only is None or example.only in witnesses, (
            f"{finding.code}: the example '{example.story}' is for {example.only}, which cannot see this finding"
        )


@_each_finding
def test_a_finding_has_bad_and_good_examples_with_stories_of_their_own(finding: Finding) -> None:
    assert finding.bad, f"{finding.code} has no BAD example: which ending does it see?"
    assert finding.good, f"{finding.code} has no GOOD example: when is it silent?"
    stories = [example.story for example in (*finding.bad, *finding.good)]
    assert len(stories) == len(set(stories)), f"{finding.code}: two examples tell the same story"


@_each_bad
def test_a_bad_example_is_seen_by_its_finding_and_by_no_other(finding: Finding, example: Example) -> None:
    found = sorted({each.code for each in look(witness(example))})
    expected = sorted({finding.code, *example.also})
    assert found == expected, (
        f"{finding.code}, BAD example '{example.story}': expected {expected}, found {found}. in_ending does not see "
        "it, or another finding does, too; if that is right, name it in also="
    )


@_each_good
def test_a_good_example_is_not_seen_by_its_finding(finding: Finding, example: Example) -> None:
    found = sorted({each.code for each in look(witness(example))})
    assert found == sorted(example.also), (
        f"{finding.code}, GOOD example '{example.story}': expected {sorted(example.also)}, found {found}. A good "
        "example is silent; what other findings rightly see in it stands in also="
    )


@_each_bad_in_files
def test_a_bad_example_is_seen_in_its_files(finding: Finding, example: Example) -> None:
    found = {each.code for each in _seen_in_files(example)}
    assert finding.code in found, (
        f"{finding.code}, BAD example '{example.story}': in_files does not see it. If only an ending can show it, "
        "write only=Witness.ENDING"
    )
    assert found <= {finding.code, *example.also}, (
        f"{finding.code}, BAD example '{example.story}': {sorted(found - {finding.code})} see it, too; if that is "
        "right, name them in also="
    )


@_each_good_in_files
def test_a_good_example_is_not_seen_in_its_files(finding: Finding, example: Example) -> None:
    found = {each.code for each in _seen_in_files(example)}
    assert found <= {*example.also} - {finding.code}, (
        f"{finding.code}, GOOD example '{example.story}': found {sorted(found)}. A good example is silent; what other "
        "findings rightly see in it stands in also="
    )


@pytest.mark.parametrize(
    ("finding", "example"),
    [(f, e) for f in FINDINGS for e in f.bad if f.remedy and e.only is not Witness.ENDING and not e.settings],
    ids=lambda each: _name(each),
)
def test_a_remedy_takes_its_finding_away_and_brings_no_other(finding: Finding, example: Example) -> None:
    before = case(example)
    for found in look_into(before):
        if found.code != finding.code or found.remedy is None:
            continue
        document = before.workload.document
        assert isinstance(document, SourceDocument)
        mended = apply([Mend(found.remedy, document)])
        assert not mended.refused, f"{finding.code}, '{example.story}': {mended.refused[0].reason}"
        files = {edited.source.name: edited.text for edited in mended.files}
        assert files, f"{finding.code}, '{example.story}': the remedy changes nothing"
        text = files.pop(FILE, manifest(example))
        after = {
            (each.code, each.container)
            for each in look_into(case(replace(example, files={**example.files, **files}), text))
        }
        shown = "\n".join([text, *files.values()])
        assert (found.code, found.container) not in after, f"{finding.code} is still seen in:\n{shown}"
        earlier = {(each.code, each.container) for each in look_into(before)}
        assert after <= earlier, f"{sorted(after - earlier)} are new in:\n{shown}"
        assert read_text(text, FILE).problems == ()


@_each_bad_in_files
def test_what_is_said_of_files_is_one_sentence_with_one_next_step(finding: Finding, example: Example) -> None:
    for each in _seen_in_files(example):
        for words in (each.message, each.mend, *((each.remedy.title,) if each.remedy is not None else ())):
            assert words, f"{each.code} says nothing"
            assert "\n" not in words, f"{each.code}: {words!r} is more than one line"
            assert not words.endswith("."), f"{each.code}: {words!r} ends with a full stop; reports add what they need"
            assert "None" not in words, f"{each.code}: {words!r} shows a missing value"


@_each_bad
def test_what_is_said_is_one_sentence_with_a_place_and_one_next_step(finding: Finding, example: Example) -> None:
    for each in look(witness(example)):
        assert each.place is not None, f"{each.code} says no place"
        for words in (each.message, each.mend):
            assert words, f"{each.code} says nothing"
            assert "\n" not in words, f"{each.code}: {words!r} is more than one line"
            assert not words.endswith("."), f"{each.code}: {words!r} ends with a full stop; reports add what they need"
            assert "None" not in words, f"{each.code}: {words!r} shows a missing value"


@pytest.mark.parametrize(
    "example", [example for f in FINDINGS for example in (*f.bad, *f.good)], ids=lambda example: _name(example)
)
def test_an_example_is_a_whole_deployment_without_complaints(example: Example) -> None:
    manifests = read_text(manifest(example), "web.yaml")
    assert manifests.problems == ()
    (workload,) = manifests.workloads
    assert workload.is_complete
    if example.whole:
        assert example.only is Witness.FILES, f"'{example.story}': only a Deployment can be played"
    else:
        assert workload.title == "Deployment/web"
