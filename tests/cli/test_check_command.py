"""`lameduck check` and `lameduck explain` as a user meets them: words, files, pipes, exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lameduck.findings.catalogue import FINDINGS
from tests.check.fakes import deployment, write
from tests.cli.invoking import LAMEDUCK

SERVICE = (
    "---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n"
)
BAD = deployment(image="registry.example/web:1") + SERVICE
"""Behind a Service, without a delay: LD201."""


def run(
    *words: str, at: Path, stdin: str | None = None, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*LAMEDUCK, *words],
        cwd=at,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()  # so that no settings above it count
    write(tmp_path, "web.yaml", BAD)
    return tmp_path


def test_findings_are_shown_and_give_exit_code_1(folder: Path) -> None:
    done = run("check", "web.yaml", "--select", "LD201", at=folder)
    assert done.returncode == 1
    assert "web.yaml:9:11: " in done.stdout
    assert "LD201 no-delay-before-stop" in done.stdout
    assert done.stderr == ""


def test_fail_on_decides_what_a_failure_is(folder: Path) -> None:
    words = ("check", "web.yaml", "--select", "LD201")
    assert run(*words, "--severity", "LD201=info", at=folder).returncode == 0
    assert run(*words, "--severity", "LD2=info", "--fail-on", "info", at=folder).returncode == 1
    assert run(*words, "--fail-on", "never", at=folder).returncode == 0


def test_quiet_prints_nothing_where_nothing_is_found(folder: Path) -> None:
    done = run("check", ".", "--ignore", "LD", "--quiet", at=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_standard_input_is_checked_and_mended_to_standard_output(folder: Path) -> None:
    assert "stdin:9:11: " in run("check", "-", "--select", "LD201", at=folder, stdin=BAD).stdout
    done = run("check", "-", "--fix", "--select", "LD201", at=folder, stdin=BAD)
    assert done.returncode == 0
    assert done.stdout.startswith(deployment(image="registry.example/web:1"))
    assert "preStop:" in done.stdout
    assert "1 finding mended" in done.stderr
    again = run("check", "-", "--fix", "--select", "LD201", at=folder, stdin=done.stdout)
    assert again.stdout == done.stdout


def test_the_diff_can_be_applied_and_fix_makes_the_same(folder: Path) -> None:
    before = (folder / "web.yaml").read_text()
    done = run("check", "web.yaml", "--diff", "--select", "LD201", at=folder)
    assert done.returncode == 1
    assert (folder / "web.yaml").read_text() == before
    subprocess.run(["patch", "-p1", "--quiet"], cwd=folder, input=done.stdout, text=True, check=True)
    patched = (folder / "web.yaml").read_text()
    (folder / "web.yaml").write_text(before)
    assert run("check", "web.yaml", "--fix", "--select", "LD201", at=folder).returncode == 0
    assert (folder / "web.yaml").read_text() == patched
    assert run("check", "web.yaml", "--select", "LD201", at=folder).returncode == 0


def test_patches_are_printed_instead(folder: Path) -> None:
    done = run("check", "web.yaml", "--fix-as", "kustomize", "--select", "LD201", at=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "kind: Deployment" in done.stdout
    assert "preStop" in done.stdout
    (entry,) = json.loads(run("check", "web.yaml", "--fix-as", "json-patch", "--select", "LD201", at=folder).stdout)
    assert entry["patch"][0]["op"] == "add"


def test_what_a_patch_cannot_hold_is_told_in_one_line_whatever_its_name(folder: Path) -> None:
    container = "{name: app, image: registry.example/web:1, ports: [{containerPort: 80}]}"
    pod = f"{{metadata: {{labels: {{app: web}}}}, spec: {{containers: [{container}, {container}]}}}}"
    head = 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: "we\\nb"}\n'
    write(folder, "web.yaml", f"{head}spec: {{selector: {{matchLabels: {{app: web}}}}, template: {pod}}}\n{SERVICE}")
    done = run("check", "web.yaml", "--fix-as", "kustomize", "--select", "LD201", at=folder)
    (line,) = done.stderr.splitlines()
    assert r"Deployment/we\x0ab is not patched" in line


@pytest.mark.parametrize("form", ["json", "sarif", "gitlab"])
def test_formats_for_programs_are_alone_on_standard_output(folder: Path, form: str) -> None:
    write(folder, "broken.yaml", "kind: Deployment\ncontainers: [\n")
    done = run("check", ".", "--format", form, at=folder)
    json.loads(done.stdout)
    assert done.returncode == 2
    assert "broken.yaml:3:1: This is not YAML" in done.stderr


def test_a_baseline_silences_what_is_known(folder: Path) -> None:
    assert run("check", ".", "--write-baseline", "known.json", at=folder).returncode == 0
    assert run("check", "web.yaml", "--baseline", "known.json", at=folder).returncode == 0
    write(folder, "more.yaml", BAD.replace("name: web", "name: shop").replace("app: web", "app: shop"))
    done = run("check", "web.yaml", "more.yaml", "--baseline", "known.json", "--select", "LD201", at=folder)
    assert done.returncode == 1
    assert "Deployment/shop" in done.stdout
    assert "Deployment/web" not in done.stdout


def test_settings_are_found_and_words_win(folder: Path) -> None:
    write(folder, "lameduck.toml", 'ignore = ["LD"]\n')
    assert run("check", "web.yaml", at=folder).returncode == 0
    write(folder, "lameduck.toml", 'select = ["LD9"]\n')
    assert run("check", "web.yaml", "--select", "LD201", at=folder).returncode == 1
    write(folder, "lameduck.toml", "selects = []\n")
    done = run("check", "web.yaml", at=folder)
    assert done.returncode == 2
    assert done.stderr.startswith("lameduck: lameduck.toml:1:1: lameduck knows no setting 'selects'.") or (
        "lameduck.toml:1:1: lameduck knows no setting 'selects'." in done.stderr
    )


def test_what_is_excluded_is_not_read(folder: Path) -> None:
    write(folder, "vendor/bad.yaml", "kind: Deployment\ncontainers: [\n")
    assert run("check", ".", "--ignore", "LD", at=folder).returncode == 2
    assert run("check", ".", "--ignore", "LD", "--exclude", "vendor", at=folder).returncode == 0


def test_a_folder_without_manifests_among_others_is_one_note_and_the_rest_is_checked(folder: Path) -> None:
    (folder / "docs").mkdir()
    done = run("check", "docs", "web.yaml", "--select", "LD201", "--format", "json", at=folder)
    answer = json.loads(done.stdout)
    says = "This folder holds no *.yaml, *.yml or *.json. Give the folder with the manifests."
    assert [(note["file"], note["message"]) for note in answer["notes"]] == [("docs", says)]
    assert [finding["code"] for finding in answer["findings"]] == ["LD201"]
    assert done.returncode == 1
    assert f"lameduck: docs:1:1: {says}" in done.stderr.splitlines()
    assert "docs:1:1" in run("check", "docs", "web.yaml", "--fix", at=folder).stderr


def test_where_no_path_holds_a_manifest_there_is_nothing_to_answer(folder: Path) -> None:
    (folder / "docs").mkdir()
    (folder / "notes").mkdir()
    done = run("check", "docs", "notes", "--format", "json", at=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("lameduck: docs: This folder holds no")
    assert len(done.stderr.splitlines()) == 1


def test_an_older_cluster_is_not_offered_what_it_lacks(folder: Path) -> None:
    words = ("check", "web.yaml", "--select", "LD201", "--diff")
    assert "+              sleep:" in run(*words, at=folder).stdout
    assert "+              sleep:" not in run(*words, "--kubernetes", "1.28", at=folder).stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "it needs files or folders."),
        (("none.yaml",), "There is no such file or folder."),
        (("web.yaml", "--select", "LD000"), "LD000 is no finding."),
        (("web.yaml", "--severity", "LD201"), "names no severity."),
        (("web.yaml", "--kubernetes", "two"), "'two' is no version of Kubernetes."),
        (("web.yaml", "--image", "web"), "'web' names no folder."),
        (("web.yaml", "--image", "web=none"), "There is no Dockerfile for the image web"),
        (("web.yaml", "--unsafe"), "it goes with --fix or --diff."),
        (("web.yaml", "--fix", "--diff"), "does nothing"),
        (("web.yaml", "--fix-as", "kustomize", "--fix"), "prints patches"),
        (("web.yaml", "--baseline", "none.json"), "cannot be read"),
        (("web.yaml", "--config", "none.toml"), "It cannot be read"),
        (("web.yaml", "--write-baseline", "none/known.json"), "cannot be written"),
        (("web.yaml", "--format", "xml"), "is not one of"),
    ],
)
def test_input_that_cannot_be_used_is_one_line_and_exit_code_2(folder: Path, words: tuple[str, ...], says: str) -> None:
    done = run("check", *words, at=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_colours_are_for_terminals_and_for_who_asks(folder: Path) -> None:
    import os

    plain = {**os.environ}
    assert "\x1b[" not in run("check", "web.yaml", at=folder, environment=plain).stdout
    assert "\x1b[" in run("check", "web.yaml", at=folder, environment={**plain, "FORCE_COLOR": "1"}).stdout
    both = {**plain, "FORCE_COLOR": "1", "NO_COLOR": "1"}
    assert "\x1b[" not in run("check", "web.yaml", at=folder, environment=both).stdout


def test_a_reader_who_has_seen_enough_is_no_error(folder: Path) -> None:
    command = f"{' '.join(LAMEDUCK)} check web.yaml -v | head -1"
    done = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""


def test_checking_imports_nothing_that_it_does_not_need(folder: Path) -> None:
    code = (
        "import sys; from lameduck.cli.program import run; run(['check', 'web.yaml', '--quiet', '--format', 'gitlab']);"
        "print('MODULES', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    modules = set(done.stdout.rpartition("MODULES")[2].split())
    unwanted = {
        *(
            "rich",
            "jinja2",
            "h11",
            "h2",
            "wsproto",
            "asyncio",
            "multiprocessing",
            "tree_sitter",
            "tomllib",
            "hypothesis",
        ),
        *("lameduck.rehearse", "lameduck.ending.timeline", "lameduck.ending.flow", "lameduck.remedies.text_edit"),
    }
    assert not unwanted & modules


def test_explain_lists_all_findings_and_prints_the_page_of_one(tmp_path: Path) -> None:
    listed = run("explain", at=tmp_path).stdout
    assert all(finding.code in listed and finding.title in listed for finding in FINDINGS)
    by_code, by_name = (run("explain", word, at=tmp_path).stdout for word in ("ld201", "no-delay-before-stop"))
    assert by_code == by_name
    assert by_code.startswith("# LD201 no-delay-before-stop")
    none = run("explain", "LD000", at=tmp_path)
    assert (none.returncode, none.stdout) == (2, "")
    assert "LD000 is no finding. lameduck explain lists them all." in none.stderr
