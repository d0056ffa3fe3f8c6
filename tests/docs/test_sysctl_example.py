"""docs/sysctl-example.md says of each line of the example what the catalogue says, and what the kernel does."""

import re
from pathlib import Path

import pytest

from lameduck.findings.examples import case
from lameduck.findings.finding import Example, Found
from lameduck.findings.looking import look_into, look_into_settings
from lameduck.pod.source import Source, decode
from lameduck.pod.sysctls.allowed import SAFE_SINCE, kubelet_scope
from lameduck.pod.sysctls.files import SysctlFile, is_sysctl_file, read_sysctls
from lameduck.pod.sysctls.kernel import Scope, known, scope_of
from lameduck.remedies.remedy import Mend
from lameduck.remedies.text_edit import apply

_ROOT = Path(__file__).parents[2]
_PAGE = (_ROOT / "docs" / "sysctl-example.md").read_text(encoding="utf-8")
_FILE = "examples/sysctl-tuning.conf"
_ROWS = [
    tuple(cell.strip() for cell in line.strip("|").split(" | "))
    for line in _PAGE.splitlines()
    if re.match(r"\| \d+ \|", line)
]


def _source() -> Source:
    return decode((_ROOT / _FILE).read_bytes(), _FILE)


def _read() -> SysctlFile:
    return read_sysctls(_source())


def _found(file: SysctlFile) -> list[tuple[int, str]]:
    return sorted((_line(each), each.code) for each in look_into_settings(file, (1, 36)))


def _line(found: Found) -> int:
    assert found.place is not None
    return found.place.line


def test_the_example_is_taken_for_a_sysctl_file_and_read_without_a_problem() -> None:
    assert is_sysctl_file(_source().text)
    assert _read().problems == ()


def test_the_page_has_a_row_for_each_setting_in_order() -> None:
    settings = [(each.span.place.line, f"`{each.key}`") for each in _read().settings if each.span is not None]
    assert [(int(row[0]), row[1]) for row in _ROWS] == settings
    assert len(settings) == 17


@pytest.mark.parametrize("row", _ROWS, ids=lambda row: row[1])
def test_a_row_says_what_is_known_of_its_key(row: tuple[str, ...]) -> None:
    key = row[1].strip("`")
    sysctl, scope = known(key), scope_of(key)
    assert sysctl is not None
    assert scope is not None
    assert row[2] == sysctl.does + (f" ({sysctl.unit})" if sysctl.unit else "")
    assert row[3] == scope.value
    assert row[4] == _for_a_pod(key)
    assert row[5] == (sysctl.begins or "the node's value")


def _for_a_pod(key: str) -> str:
    if kubelet_scope(key) is Scope.NODE:
        return "no"
    if scope_of(key) is Scope.NODE:
        return "no, in spite of its prefix"
    if key not in SAFE_SINCE:
        return "if the kubelet is told to allow it"
    since = SAFE_SINCE[key]
    return "yes" if since == (1, 4) else f"yes, since {since[0]}.{since[1]}"


def test_the_page_names_the_findings_of_each_line_and_no_others() -> None:
    # LD806 is what would be found in a pod.
    named = [
        (int(row[0]), code)
        for row in _ROWS
        for code in re.findall(r"LD80\d", row[6])
        if (row[0], code) != ("12", "LD806")
    ]
    assert sorted(named) == _found(_read())
    assert [line for line, code in named if code == "LD804"] == [2, 3, 4, 12, 20, 21]


def test_fixing_it_leaves_only_what_is_a_matter_of_opinion_and_touches_nothing_else() -> None:
    source = _source()
    found = look_into_settings(read_sysctls(source), (1, 36))
    mended = apply([Mend(each.remedy) for each in found if each.remedy is not None])
    assert not mended.refused
    (edited,) = mended.files
    after = read_sysctls(Source(_FILE, edited.text))
    assert _found(after) == [(13, "LD808"), (15, "LD805"), (16, "LD808")]
    before_lines, after_lines = source.text.split("\n"), edited.text.split("\n")
    changed = [number for number, (a, b) in enumerate(zip(before_lines, after_lines, strict=True), 1) if a != b]
    assert changed == [2, 3, 4, 12, 20, 21]
    assert after_lines[11].startswith("net.ipv4.ip_local_port_range=1024 65535 # ")
    assert not any(each.remedy for each in look_into_settings(after, (1, 36))), "a second --fix changes nothing"


def test_what_the_page_gives_to_a_pod_is_allowed_from_1_32_on() -> None:
    ((sysctls,),) = [re.findall(r"```yaml\n(.*?)```", _PAGE, re.DOTALL)]
    for kubernetes, codes in (((1, 32), set()), ((1, 31), {"LD803"})):
        example = Example("", pod=sysctls, container="ports: [{containerPort: 8080}]", kubernetes=kubernetes)
        assert {each.code for each in look_into(case(example)) if each.code.startswith("LD8")} == codes


def test_the_others_that_are_a_pods_need_the_kubelets_leave() -> None:
    unsafe = [row[1] for row in _ROWS if row[4] == "if the kubelet is told to allow it"]
    below = _PAGE.partition("## What a pod can take")[2]
    assert len(unsafe) == 5
    assert all(key in below for key in unsafe)
