"""The README tells the truth: its example is run, its links lead somewhere, its translation shows the same."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
READMES = ("README.md", "README.zh-CN.md")
CONSOLE = re.compile(r"```console\n\$ (.+?)\n(.*?)```", re.DOTALL)
FENCED = re.compile(r"```.*?```", re.DOTALL)


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def gist(report: str) -> list[str]:
    """The lines of a report without their figures and lanes: what must not differ from run to run."""
    words = (re.sub(r"\d[\d,.]*", "#", line).strip() for line in report.splitlines())
    return [line for line in words if line and not re.search("[─━░▓┄│]", line)]


def test_the_example_prints_what_the_readme_shows() -> None:
    ((command, shown),) = CONSOLE.findall(read("README.md"))
    words = shlex.split(command)
    assert words[0] == "lameduck"
    words = [sys.executable if word == "python" else word for word in words[1:]]
    ran = subprocess.run(
        [sys.executable, "-m", "lameduck", *words], capture_output=True, text=True, env={"COLUMNS": "80"}, check=False
    )
    assert ran.returncode == 1, ran.stderr
    printed = gist(ran.stdout.replace(sys.executable, "python"))
    for line in gist(shown):
        if not line.startswith(("it, and the kernel", "SIGTERM does", "#")):
            assert line in printed, f"the README shows {line!r}, the command prints:\n{ran.stdout}"


def test_both_readmes_show_the_same_commands_and_output() -> None:
    def code(name: str) -> list[str]:
        return [re.sub(r" +#.*", "", block) for block in FENCED.findall(read(name))]

    assert code("README.md") == code("README.zh-CN.md")


@pytest.mark.parametrize("name", [*READMES, "CONTRIBUTING.md", "CHANGELOG.md"])
def test_every_link_into_the_project_leads_somewhere(name: str) -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)", read(name)) if not link.startswith("http")]
    missing = [link for link in links if not (ROOT / link).exists()]
    assert not missing
