"""The files that other tools read of us: pre-commit's hooks and GitHub's action."""

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml
from click import Command

from lameduck.cli.check import check_command

ROOT = Path(__file__).parents[2]


def options(command: Command) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts}


def hooks() -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    return loaded


def test_the_hooks_are_commands_that_exist() -> None:
    for hook in hooks():
        program, command, *words = hook["entry"].split()
        assert (program, command) == ("lameduck", "check")
        assert set(words) <= options(check_command)


def test_the_hooks_install_what_the_command_line_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for hook in hooks():
        assert hook["additional_dependencies"] == project["optional-dependencies"]["cli"]


def test_the_hooks_run_for_manifests_images_and_scripts_and_nothing_else() -> None:
    for hook in hooks():
        for file in ("k8s/web.yaml", "a.yml", "list.json", "run.sh", "web/Dockerfile", "Dockerfile.dev", "99-net.conf"):
            assert re.search(hook["files"], file), file
        assert not re.search(hook["files"], "main.py")


def test_the_action_gives_its_inputs_to_the_command_and_never_pastes_them() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    steps = action["runs"]["steps"]
    used = " ".join(str(step.get("env", "")) + str(step.get("with", "")) for step in steps)
    assert all(f"inputs.{name}" in used for name in action["inputs"])
    for step in steps:
        script = step.get("run", "")
        assert "${{" not in script
        assert set(re.findall(r"--[a-z-]+", script)) <= options(check_command) | {"--quiet"}
