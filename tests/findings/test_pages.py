"""The pages: generated from the catalogue, and the file in docs/ is what is generated."""

from pathlib import Path

import pytest

from lameduck.findings import pages
from lameduck.findings.catalogue import FINDINGS
from lameduck.findings.examples import manifest

_ROOT = Path(__file__).parents[2]


def test_the_docs_hold_what_the_catalogue_says() -> None:
    written = (_ROOT / pages.PAGES).read_text(encoding="utf-8")
    assert written == pages.all_pages(), (
        f"{pages.PAGES} is not what the catalogue says: run python -m lameduck.findings.pages"
    )


def test_a_page_begins_with_the_finding_and_shows_each_example_ready_to_paste() -> None:
    finding = FINDINGS[0]
    page = pages.page_of("LD101")
    assert page.startswith("# LD101 signal-stops-at-shell\n\n## What happens\n\nThe stop signal goes")
    for example in (*finding.bad, *finding.good):
        assert f"```yaml\n{manifest(example)}```\n" in page


def test_a_page_says_what_lameduck_says_of_its_bad_example() -> None:
    page = pages.page_of("LD903")
    assert (
        "- info LD903 web.yaml:16:40: 19 s of the wait before the stop signal are idle: the endpoints were updated "
        "after 1 s. **If your cluster's endpoint lag is like the one here, a delay of 2 s is enough.**\n"
    ) in page


def test_a_code_that_never_was_given_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        pages.page_of("LD000")


def test_a_retired_code_still_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "RETIRED", {"LD299": "0.7: split into LD206 and LD207"})
    assert pages.page_of("LD299") == "# LD299\n\nLD299 is retired since 0.7: split into LD206 and LD207.\n"
    assert pages.all_pages().endswith("\n## Retired\n\n- LD299: retired since 0.7: split into LD206 and LD207\n")


def test_shebangs_and_comments_in_code_are_no_headings() -> None:
    assert "```sh\n#!/bin/sh\nset -e\n" in pages.all_pages()


def test_it_is_written_where_the_docs_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path)
    pages.main()
    assert (tmp_path / "docs" / "findings.md").read_text(encoding="utf-8") == pages.all_pages()
