"""Bytes to text, and positions in it."""

import pytest

from lameduck.pod.place import InputError, Place
from lameduck.pod.source import MAX_BYTES, Source, decode


def refusal(data: bytes) -> str:
    with pytest.raises(InputError) as caught:
        decode(data, "web.yaml")
    return str(caught.value)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_lines_and_columns_count_from_one_with_every_line_end(line_end: str) -> None:
    source = Source("web.yaml", line_end.join(["a: 1", "", "b:", "  c: 2"]))
    assert source.place(0) == Place("web.yaml", 1, 1)
    assert source.place(source.text.index("2")) == Place("web.yaml", 4, 6)


def test_a_byte_order_mark_is_no_column_and_is_kept_for_writing_back() -> None:
    source = decode(b"\xef\xbb\xbfkind: Pod", "web.yaml")
    assert (source.text, source.byte_order_mark) == ("kind: Pod", b"\xef\xbb\xbf")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32", "utf-32-be"])
def test_other_encodings_are_known_by_their_mark(encoding: str) -> None:
    data = "\ufeffkind: é".encode(encoding) if encoding.endswith("be") else "kind: é".encode(encoding)
    source = decode(data, "web.yaml")
    assert source.text == "kind: é"
    assert source.byte_order_mark + source.text.encode(source.encoding) == data


def test_the_limit_itself_is_allowed_and_one_byte_more_is_not() -> None:
    assert len(decode(b"#" * MAX_BYTES, "web.yaml").text) == MAX_BYTES
    assert refusal(b"#" * (MAX_BYTES + 1)) == (
        "web.yaml: This file is larger than 16 MiB. Give the manifest alone, or split it."
    )


def test_latin_1_is_refused_at_its_first_foreign_byte() -> None:
    assert refusal("kind: Pod\nname: é".encode("latin-1")) == (
        "web.yaml:2:7: This file is not UTF-8 text. Save it as UTF-8."
    )


@pytest.mark.parametrize("data", [b"\x7fELF\x02\x01\x01\0\0\0\xff", b"kind\0: Pod"])
def test_a_binary_file_is_called_one(data: bytes) -> None:
    assert refusal(data) == "web.yaml: This file is binary, not text. Give a YAML or JSON manifest."


def test_a_half_character_of_utf_16_is_refused() -> None:
    assert "not UTF-16-LE text" in refusal(b"\xff\xfea\0b")


def test_a_control_character_is_refused_where_it_stands() -> None:
    assert refusal(b"a: b\nc: \x1b[0m").startswith("web.yaml:2:4: The character U+001B is not allowed")
