"""The page as text: self-contained, escaped, bounded, and with a table for everything that is drawn."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from lameduck.report.html import render_html
from tests.report import sample_answers

VOID = {"meta", "input", "wbr", "br", "hr", "img", "link"}


class _Reader(HTMLParser):
    """Collects what the page is made of, and the tags that were never closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.astray: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.astray.append(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def attributes(self) -> Iterator[tuple[str, str, str]]:
        return ((tag, name, value or "") for tag, attrs in self.tags for name, value in attrs.items())


PAGES = {
    "graceful": [sample_answers.graceful()],
    "no preStop": [sample_answers.no_pre_stop()],
    "killed": [sample_answers.killed()],
    "rollout": [sample_answers.rollout()],
    "sidecars": [sample_answers.sidecars()],
    "no traffic": [sample_answers.no_traffic()],
    "hostile": [sample_answers.hostile()],
    "several": list(sample_answers.everything()),
}


@pytest.fixture(scope="module", params=PAGES)
def page(request: pytest.FixtureRequest) -> str:
    return render_html(PAGES[request.param])


def test_every_tag_is_closed_in_its_turn(page: str) -> None:
    reader = _Reader(page)
    assert (reader.open, reader.astray) == ([], [])


def test_the_page_names_nothing_that_would_have_to_be_loaded(page: str) -> None:
    loading = ("src", "srcset", "action", "data", "poster", "background", "style", "xlink:href")
    found = [(tag, name, value) for tag, name, value in _Reader(page).attributes() if name in loading]
    links = [v for _, name, v in _Reader(page).attributes() if name == "href" and not v.startswith("#")]
    assert (found, links) == ([], [])
    assert not re.search(r"https?://|@import|url\((?!#)", page)


def test_ids_are_unique_and_what_refers_to_them_finds_them(page: str) -> None:
    attributes = list(_Reader(page).attributes())
    ids = [value for _, name, value in attributes if name == "id"]
    assert len(ids) == len(set(ids))
    pointing = ("aria-labelledby", "aria-describedby", "for", "data-rows", "data-count")
    wanted = {one for _, name, value in attributes if name in pointing for one in value.split()}
    wanted |= {value[1:] for _, name, value in attributes if name == "href"}
    assert not wanted - set(ids)


def test_only_our_script_runs_and_no_attribute_is_code(page: str) -> None:
    reader = _Reader(page)
    assert [tag for tag, _ in reader.tags].count("script") == 1
    assert not [name for _, name, _ in reader.attributes() if name.startswith("on")]
    (policy,) = (attrs["content"] or "" for _, attrs in reader.tags if "http-equiv" in attrs)
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy


def test_every_drawing_has_a_name(page: str) -> None:
    drawings = [attrs for tag, attrs in _Reader(page).tags if tag == "svg" and attrs.get("role") == "img"]
    assert drawings
    assert not [attrs for attrs in drawings if "aria-label" not in attrs and "aria-labelledby" not in attrs]


def test_other_peoples_text_is_shown_and_nothing_more() -> None:
    page = render_html([sample_answers.hostile()])
    assert "<script>alert" not in page
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", page)
    text = "".join(_Reader(page).text)
    assert text.count("</script><script>alert(1)</script>\" onload='x' & \\x1b[31m\\x00\\ud800 \\u202e") > 5
    page.encode("utf-8")


def test_the_title_is_the_answers_own_unless_given() -> None:
    assert "<title>Deployment/web · lameduck</title>" in render_html([sample_answers.graceful()])
    assert "<title>Demo · lameduck</title>" in render_html([sample_answers.graceful()], title="Demo")


def test_several_answers_begin_with_one_table_that_links_to_each() -> None:
    answers = sample_answers.everything()
    page = render_html(answers, title="Six endings")
    links = [value for _, name, value in _Reader(page).attributes() if name == "href" and value != "#report"]
    assert links == [f"#a{number}" for number in range(len(answers))]
    assert [tag for tag, _ in _Reader(page).tags].count("h1") == 1


def test_a_page_about_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="without an answer"):
        render_html([])


def test_one_lost_request_in_ten_thousand_is_still_a_bar_of_four_pixels() -> None:
    bars = [attrs for tag, attrs in _Reader(render_html([sample_answers.huge()])).tags if tag == "rect"]
    (refused,) = (attrs for attrs in bars if attrs.get("class") == "piece fate-refused")
    assert refused["height"] == "4"


def test_a_big_rehearsal_gives_a_page_that_is_still_small() -> None:
    huge = sample_answers.huge()
    assert len(huge.requests) >= 10_000
    assert len(huge.timeline.events) >= 5_000
    page = render_html([huge])
    assert len(page.encode()) < 500_000
    assert "earlier lines of output are in the JSON form only" in page


def test_a_rollout_of_many_pods_gives_a_page_that_is_still_small() -> None:
    page = render_html([sample_answers.many_pods(400)])
    assert len(page.encode()) < 1_500_000
    assert "388 more pods are in the JSON form only" in page


def test_many_answers_share_the_room_of_one_page() -> None:
    assert len(render_html([sample_answers.huge()] * 12, title="Demo").encode()) < 2_000_000


def test_what_stands_in_backticks_is_shown_as_code() -> None:
    assert "<code>sleep: {seconds: 5}</code>" in render_html([sample_answers.no_pre_stop()])
