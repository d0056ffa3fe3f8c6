"""What is written is read back as what was meant, by our reader and by another one."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lameduck.pod.source import Source
from lameduck.remedies.amending import same
from lameduck.remedies.notation import Flow, Manner, block_entry, flow_text, scalar_text
from tests.remedies.drawing import documents_of, plain, values

_words = st.sampled_from(
    ["yes", "No", "~", "1:30", "0x1F", "1e3", "2024-01-01", "-", "--", "-c", "=", ".5", "a: b", "a #b"]
)


@given(_words | st.text(max_size=12), st.sampled_from([None, '"', "'"]))
def test_any_text_is_read_back_as_text_by_both_readers(text: str, quote: str | None) -> None:
    if any("\ud800" <= char <= "\udfff" for char in text):
        return  # half of a pair: no file holds it
    written = f"k: {scalar_text(text, quote)}\n"
    assert yaml.safe_load(written) == {"k": text}
    assert plain(documents_of(Source("k.yaml", written))[0]) == {"k": text}


@pytest.mark.parametrize("text", ["web:2", "/bin/sh", "-c", "--port=80", "25%", "5s", "sleep 5", "r.example/app"])
def test_ordinary_words_need_no_quotes(text: str) -> None:
    assert scalar_text(text) == text


@given(values, st.sampled_from([2, 4]), st.sampled_from([0, 2]), st.booleans())
def test_a_value_in_block_style_is_read_back(value: Any, step: int, dash: int, flow_lists: bool) -> None:
    manner = Manner(step=step, dash=dash, flow_lists=flow_lists)
    written = "\n".join(block_entry("key", value, 0, manner)) + "\n"
    assert same(plain(documents_of(Source("k.yaml", written))[0]), {"key": value})


@given(values, st.booleans())
def test_a_value_in_brackets_is_read_back(value: Any, quoted: bool) -> None:
    written = f"key: {flow_text(value, Flow(quoted_keys=quoted))}\n"
    assert same(plain(documents_of(Source("k.yaml", written))[0]), {"key": value})
