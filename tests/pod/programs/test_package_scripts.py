"""What npm start and its like run, as package.json says it."""

import json

import pytest

from lameduck.pod.containers import Container
from lameduck.pod.entry import Entry, Shell
from lameduck.pod.images.builds import ImageBuild, Origin
from lameduck.pod.images.container_files import ContainerFiles
from lameduck.pod.programs.entering import entry_of
from lameduck.pod.programs.package_scripts import package_script
from lameduck.pod.shells.words import Value
from lameduck.pod.source import Source

_SCRIPTS = {"start": "node server.js", "serve": "npm run start", "test": "exec node test.js", "both": "build && node x"}
_PACKAGE = json.dumps({"name": "web", "scripts": _SCRIPTS}, indent=1)


class _Files:
    def __init__(self, files: dict[str, str]) -> None:
        self._files = files

    def find(self, path: str) -> Origin | None:
        text = self._files.get(path)
        return None if text is None else Origin(source=Source(path, text), end=len(text))


def _image(package: str = _PACKAGE, *, at: str = "/app", sh: Shell = Shell.DASH) -> ImageBuild:
    return ImageBuild("web", working_dir="/app", sh=sh, files=_Files({f"{at}/package.json": package}))


def _said(command: str, image: ImageBuild) -> str | None:
    words = [Value(word) for word in command.split()]
    found = package_script(words, ContainerFiles(Container("app", (), command=tuple(command.split())), image))
    return None if found is None else found.text


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("npm start", "node server.js"),
        ("/usr/local/bin/npm start", "node server.js"),
        ("npm run start", "node server.js"),
        ("npm run-script --silent start", "node server.js"),
        ("npm -s start", "node server.js"),
        ("npm t", "exec node test.js"),
        ("npm start -- --port 80", "node server.js --port 80"),
        ("npm start --silent", "node server.js"),
        ("yarn start", "node server.js"),
        ("yarn run start --port 80", "node server.js --port 80"),
        ("yarn both", "build && node x"),
        ("pnpm start", "node server.js"),
        ("pnpm run both", "build && node x"),
        # not known, or no script
        ("npm both", None),
        ("npm run", None),
        ("npm run unknown", None),
        ("npm start --port 80", None),
        ("npm --prefix other start", None),
        ("npm start -w other", None),
        ("npm ci", None),
        ("pnpm start --port 80", None),
        ("yarn install", None),
        ("yarn --cwd other start", None),
    ],
)
def test_a_command_names_a_script_and_what_it_gets(command: str, text: str | None) -> None:
    assert _said(command, _image()) == text


@pytest.mark.parametrize(
    "package", ["{", "[]", "{}", '{"scripts": []}', '{"scripts": {"start": 7}}', '{"scripts": {"start": null}}', ""]
)
def test_what_is_no_package_has_no_script(package: str) -> None:
    assert _said("npm start", _image(package)) is None


def test_a_package_in_another_folder_than_the_one_it_starts_in_is_not_asked() -> None:
    assert _said("npm start", _image(at="/other")) is None


def _entry(command: str, *, scripts: dict[str, str], sh: Shell = Shell.DASH) -> Entry:
    image = _image(json.dumps({"scripts": scripts}), sh=sh)
    return entry_of(Container("app", (), command=tuple(command.split())), image)


def _verdict(entry: Entry) -> str:
    if not entry.certain:
        return "in doubt"
    return "arrives" if entry.obstacle is None else f"{entry.obstacle.program} {entry.obstacle.passes.value}"


@pytest.mark.parametrize(
    ("script", "sh", "verdict"),
    [
        ("node server.js", Shell.DASH, "sh cuts"),
        ("node server.js", Shell.BUSYBOX, "arrives"),
        ("node server.js", Shell.BASH, "arrives"),
        ("exec node server.js", Shell.DASH, "arrives"),
        ("NODE_ENV=production node server.js", Shell.DASH, "sh cuts"),
        ("mkdir -p x && node server.js", Shell.DASH, "sh cuts"),
        ("node server.js | pino", Shell.BUSYBOX, "sh cuts"),
        ("exec node server.js", Shell.UNKNOWN, "arrives"),
    ],
)
def test_what_becomes_of_the_signal_is_the_matter_of_the_sh_below_npm(script: str, sh: Shell, verdict: str) -> None:
    entry = _entry("npm start", scripts={"start": script}, sh=sh)
    assert _verdict(entry) == verdict
    assert entry.service is not None
    assert entry.service.program == "node"


def test_a_script_may_run_another_one_and_not_itself_for_ever() -> None:
    scripts = {"start": "exec npm run serve", "serve": "exec node server.js"}
    assert _verdict(_entry("npm start", scripts=scripts)) == "arrives"
    assert _entry("npm start", scripts={"start": "npm start"}).service is None


def test_yarn_1_ends_before_the_script_whatever_that_is() -> None:
    entry = _entry("yarn start", scripts={"start": "exec node server.js"})
    assert _verdict(entry) == "in doubt"
    assert entry.service is not None
    assert entry.service.words == ("node", "server.js")


def test_a_shell_that_changes_the_folder_leaves_it_open_which_package_it_is() -> None:
    image = _image(json.dumps({"scripts": {"start": "exec node server.js"}}))
    inside = entry_of(Container("app", (), command=("sh", "-c", "exec npm start")), image)
    assert inside.service is not None
    elsewhere = entry_of(Container("app", (), command=("sh", "-c", "cd /srv && exec npm start")), image)
    assert elsewhere.service is None


def test_a_script_that_two_branches_run_is_one_obstacle() -> None:
    image = _image(json.dumps({"scripts": {"start": "node server.js"}}))
    either = 'if [ -n "$DEBUG" ]; then exec npm start; else exec npm run start; fi'
    entry = entry_of(Container("app", (), command=("sh", "-c", either)), image)
    assert _verdict(entry) == "sh cuts"
    assert entry.further == ()
