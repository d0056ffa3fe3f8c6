"""Texts in manifests know where each of their characters stands in the file."""

import pytest

from lameduck.pod.source import Source
from lameduck.pod.texts.documents import SourceDocument, read_documents
from lameduck.pod.texts.embedded_text import EmbeddedText
from lameduck.pod.texts.nodes import Scalar, find, follow


def _embedded(text: str) -> EmbeddedText:
    (document,) = read_documents(Source("cm.yaml", text)).documents
    value = follow(find(document.root, ("data", "a.sh"))[0])
    assert isinstance(value, Scalar)
    return EmbeddedText(value.text, document, ("data", "a.sh"))


def _at(text: str, marked: str) -> tuple[int, int]:
    embedded = _embedded(text)
    place = embedded.place(embedded.text.index(marked))
    assert place.file == "cm.yaml"
    return place.line, place.column


BLOCK = "data:\n  a.sh: |\n    #!/bin/sh\n\n    if true; then\n      exec app\n    fi\n  b: c\n"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (BLOCK, (6, 12)),
        (BLOCK.replace("\n", "\r\n"), (6, 12)),
        (BLOCK.replace("a.sh: |", "a.sh: |-   # start"), (6, 12)),
        (BLOCK.replace("a.sh: |", "a.sh: &start |"), (6, 12)),
        ("data:\n  a.sh: |2\n      exec app\n", (3, 12)),
        ("data:\n\n  a.sh: exec app\n", (3, 14)),
        ("data:\n  a.sh: 'exec app'\n", (2, 15)),
        ('data: {a.sh: "exec app"}\n', (1, 20)),
        ('{"data": {"a.sh": "exec app"}}', (1, 25)),
    ],
)
def test_a_piece_of_a_script_has_its_own_place_in_the_manifest(text: str, place: tuple[int, int]) -> None:
    assert _at(text, "app") == place


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('data:\n  a.sh: "set -e\\nexec app\\n"\n', (2, 9)),
        ("data:\n  a.sh: >\n    set -e;\n    exec app\n", (2, 9)),
        ("data:\n  a.sh: 'it''s; exec app'\n", (2, 9)),
    ],
)
def test_what_is_folded_or_escaped_has_the_place_of_the_whole_value(text: str, place: tuple[int, int]) -> None:
    assert _at(text, "app") == place


@pytest.mark.parametrize(
    "text", ["data:\n  a.sh: exec app\n", 'data:\n  a.sh: "exec\\tapp"\n', "data:\n  a.sh: >\n    exec app\n"]
)
def test_nothing_is_inserted_where_the_style_could_change_its_meaning(text: str) -> None:
    assert _embedded(text).insertion(0) is None


@pytest.mark.parametrize("text", [BLOCK, '{"data": {"a.sh": "exec app"}}', "data:\n  a.sh: 'exec app'\n"])
def test_what_is_inserted_into_a_literal_block_or_plain_quotes_stands_where_it_is_meant(text: str) -> None:
    embedded = _embedded(text)
    at = embedded.insertion(embedded.text.index("app"))
    assert at is not None
    assert embedded.within is not None
    inserted = text[:at] + "env " + text[at:]
    assert _embedded(inserted).text == embedded.text.replace("app", "env app")


class _Elsewhere:
    """A document of which only places are known."""

    file = "cm.yaml"

    def __init__(self, document: SourceDocument) -> None:
        self.place = document.place


def test_a_document_without_its_text_has_the_place_of_the_value() -> None:
    (document,) = read_documents(Source("cm.yaml", BLOCK)).documents
    embedded = EmbeddedText("exec app\n", _Elsewhere(document), ("data", "a.sh"))
    assert (embedded.place(5).line, embedded.place(5).column) == (2, 9)
    assert embedded.insertion(0) is None
