"""docs/run.md says what the program says."""

import json
import re
from pathlib import Path

from lameduck.run.options import HELP, THEIRS, Plan, read

PAGE = (Path(__file__).resolve().parents[2] / "docs/run.md").read_text()


def test_the_page_has_the_help_word_for_word() -> None:
    assert f"```text\n{HELP}```" in PAGE


def test_every_entrypoint_on_the_page_can_be_used() -> None:
    found = re.findall(r"^ENTRYPOINT (\[.*\])$", PAGE, re.MULTILINE)
    assert found
    for text in found:
        program, command, *words = json.loads(text)
        assert (program, command) == ("lameduck", "run")
        assert isinstance(read(words, {}), Plan)


def test_every_long_option_on_the_page_exists() -> None:
    told = set(re.findall(r"`(--[a-z-]+)", PAGE.partition("## All options")[0])) - {
        *("--init", "--fix"),  # of Docker, of check
        *THEIRS,
    }
    assert told
    assert all(option in HELP for option in told), told
