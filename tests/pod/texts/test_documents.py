"""Documents: many in one file, each value with its place, and the limits."""

import pytest
import yaml

from lameduck.pod.place import FieldPath, InputError, Place
from lameduck.pod.source import decode
from lameduck.pod.texts.documents import MAX_DOCUMENTS, Documents, SourceDocument, read_documents
from lameduck.pod.texts.nodes import Alias, Mapping, Scalar, follow


def read(text: str, name: str = "web.yaml") -> Documents:
    return read_documents(decode(text.encode(), name))


def only(text: str, name: str = "web.yaml") -> SourceDocument:
    (document,) = read(text, name).documents
    return document


def refusal(text: str, name: str = "web.yaml") -> str:
    with pytest.raises(InputError) as caught:
        read(text, name)
    return str(caught.value)


def value(document: SourceDocument, *at: str | int) -> object:
    node = document.node(at)
    assert node is not None
    written = follow(node)
    assert isinstance(written, Scalar)
    return written.value


MANIFEST = """\
# a comment
spec:
  command: [sleep, "5s"]   # another
  empty:
  text: |
    two
    lines
  list:
  - a: 1
  - b: 2
"""


@pytest.mark.parametrize(
    ("at", "line", "column"),
    [
        ((), 2, 1),
        (("spec",), 3, 3),
        (("spec", "command"), 3, 12),
        (("spec", "command", 0), 3, 13),
        (("spec", "command", 1), 3, 20),
        (("spec", "empty"), 4, 3),  # nothing is written: its key
        (("spec", "text"), 5, 9),
        (("spec", "list", 1, "b"), 10, 8),
        (("spec", "list", 5, "b"), 9, 3),  # not written: the nearest parent
        (("spec", "missing", "far", "below"), 3, 3),
        (("other",), 2, 1),
        (("spec", "command", "no list key"), 3, 12),
        (("spec", "text", "below a text"), 5, 9),
    ],
)
def test_a_path_leads_to_the_place_of_its_value(at: FieldPath, line: int, column: int) -> None:
    assert only(MANIFEST).place(at) == Place("web.yaml", line, column)


def test_a_value_can_be_cut_out_of_the_text_by_its_node() -> None:
    document = only("grace: 30   # seconds\r\nhook: [sleep, '5s']\r\n")
    node = document.node(("hook", 1))
    assert node is not None
    assert document.source.text[node.start : node.end] == "'5s'"
    assert document.node(("grace", "none")) is None


def test_documents_are_parted_and_empty_ones_left_out() -> None:
    documents = read("---\n---\na: 1\n...\n---\n# only a comment\n---\nb: 2\n---\nnull\n").documents
    assert [value(document, key) for document, key in zip(documents, "ab", strict=True)] == [1, 2]
    assert documents[1].place(("b",)) == Place("web.yaml", 8, 4)


def test_windows_line_ends_change_nothing() -> None:
    document = only("a:\r\n  b: x\r\n  c: z\r\n")
    assert document.place(("a", "c")) == Place("web.yaml", 3, 6)
    assert value(document, "a", "c") == "z"


def test_a_mark_between_joined_files_is_no_part_of_a_key() -> None:
    first, second = read("a: 1\n---\n\ufeffb: 2\n").documents
    assert (value(first, "a"), value(second, "b")) == (1, 2)


def test_an_alias_reads_as_its_value_and_stays_an_alias_in_the_text() -> None:
    document = only("a: &x\n  c: 1\nb: *x\n")
    assert value(document, "b", "c") == 1
    assert document.place(("b", "c")) == Place("web.yaml", 2, 6)
    node = document.node(("b",))
    assert isinstance(node, Alias)
    assert document.source.text[node.start : node.end] == "*x"


def test_places_are_behind_anchors_and_tags() -> None:
    document = only("a: &x 30\nb: !!str 5\nc: &y # why\n  d: 1\ne: !!int '7'\n")
    assert [document.place((key,)).column for key in "abe"] == [7, 10, 10]
    assert document.place(("c",)) == Place("web.yaml", 4, 3)
    assert (value(document, "b"), value(document, "e")) == ("5", 7)


def test_merged_keys_yield_to_written_ones_and_to_earlier_merges() -> None:
    document = only("x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n  a: 3\n  <<: [*x, *y]\n  c: 3\n")
    assert [value(document, "z", key) for key in "abc"] == [3, 1, 3]
    assert document.problems == ()
    assert document.place(("z", "b")) == Place("web.yaml", 1, 17)


def test_a_merge_of_something_else_is_a_problem() -> None:
    (problem,) = only("a:\n  <<: 5\n  b: 1\n").problems
    assert str(problem) == "web.yaml:2:3: << merges mappings, and this is none. Write an alias to a mapping."


def test_a_key_that_stands_twice_is_a_problem_and_the_last_one_counts() -> None:
    document = only("a: 1\nb: 2\na: 3\n")
    assert [str(problem) for problem in document.problems] == [
        "web.yaml:3:1: a stands twice in this mapping, first in line 1. Keep one: readers refuse it, or take the last."
    ]
    assert value(document, "a") == 3


def test_a_key_that_stands_twice_in_json_is_the_same_problem() -> None:
    document = only('{"a": 1,\n "a": 2}', "web.json")
    assert [problem.place for problem in document.problems] == [Place("web.json", 2, 2)]


def test_keys_that_are_no_text_become_what_json_makes_of_them() -> None:
    root = only("on: a\n1: b\n1.5: c\n~: d\n'yes': e\n").root
    assert isinstance(root, Mapping)
    assert list(root.entries) == ["true", "1", "1.5", "null", "yes"]


def test_a_key_that_is_a_list_is_a_problem() -> None:
    (problem,) = only("? [a, b]\n: 1\n").problems
    assert problem.message == "This key is a list or a mapping. Kubernetes wants text: write a name."


class TestJson:
    def test_tabs_surrogates_and_objects_in_a_row_are_read(self) -> None:
        first, second = read('{\t"a":\t"\\ud83e\\udd86",\n\t"b": "\\ud800"}\n{"c": [1, {}, []]}', "web.json").documents
        assert (value(first, "a"), value(first, "b"), value(second, "c", 0)) == ("🦆", "\ufffd", 1)
        assert first.place(("b",)) == Place("web.json", 2, 7)

    def test_flow_yaml_that_looks_like_json_is_read_as_yaml(self) -> None:
        assert value(only("{a: b, # why\n c: yes}"), "c") is True

    def test_numbers_are_those_of_json(self) -> None:
        document = only('[0, -1, 1.5, 1E3, true, null, "yes"]', "web.json")
        assert [value(document, number) for number in range(7)] == [0, -1, 1.5, 1000.0, True, None, "yes"]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ('{"a": 1', "web.json:1:8: This is not JSON: a comma or } is missing."),
            ('{"a": ["1" 2]}', "web.json:1:12: This is not JSON: a comma or ] is missing."),
            ('{"a"}x', "web.json:1:5: This is not JSON: a colon is missing after the key."),
            ('{"a": }]', "web.json:1:7: This is not JSON: a value is missing."),
            ('{"a": 1}\n{"b": "x\ny"}', "web.json:2:9: This is not JSON: this string does not end"),
        ],
    )
    def test_what_is_no_json_is_refused_where_it_stops_being_it(self, text: str, message: str) -> None:
        assert refusal(text, "web.json").startswith(message)


class TestWhatIsNoYaml:
    def test_the_place_and_the_parsers_words_are_told(self) -> None:
        assert refusal("a: 1\nb: c: d\n") == (
            "web.yaml:2:5: This is not YAML: mapping values are not allowed in this context. "
            "Mend this line, or the one above it."
        )

    def test_a_tab_is_named(self) -> None:
        assert refusal("a:\n\tb: 1\n") == (
            "web.yaml:2:1: This is not YAML: a tab stands where YAML wants spaces. Indent with spaces."
        )

    def test_an_anchor_that_is_not_there(self) -> None:
        assert refusal("a: *b\n").startswith("web.yaml:1:4: *b refers to an anchor that this document does not have.")

    def test_an_anchor_of_another_document(self) -> None:
        assert refusal("a: &b 1\n---\na: *b\n").startswith("web.yaml:3:4: *b refers to")

    def test_an_alias_inside_itself(self) -> None:
        assert refusal("a: &b [1, *b]\n").startswith("web.yaml:1:11: *b stands inside the value that it refers to.")


class TestTemplates:
    TEXT = """\
kind: ConfigMap
---
# Source: chart/templates/web.yaml
{{- if .Values.web }}
kind: Deployment
{{- end }}
---
kind: Service
"""

    def test_an_unrendered_template_is_told_and_the_others_are_read(self) -> None:
        read_around = read(self.TEXT)
        assert [value(document, "kind") for document in read_around.documents] == ["ConfigMap", "Service"]
        assert [str(problem) for problem in read_around.problems] == [
            "web.yaml:4:1: This document is a template that is not rendered: {{- if .Values.web }} "
            "Render it first and give lameduck the result: helm template . > rendered.yaml"
        ]
        assert read_around.documents[1].place(("kind",)) == Place("web.yaml", 8, 7)

    def test_a_template_that_happens_to_be_yaml_is_told_once(self) -> None:
        document = only("spec:\n  replicas: {{ .Values.replicas }}\n  grace: {{ .Values.grace }}\n")
        (problem,) = document.problems
        assert problem.message.startswith("This document is a template that is not rendered")
        assert problem.place.line == 2

    def test_another_document_that_is_no_yaml_is_still_refused(self) -> None:
        assert refusal(self.TEXT + "---\na: b: c\n").startswith("web.yaml:10:5: This is not YAML")

    def test_jinja_is_a_template_too(self) -> None:
        assert read("{% if x %}\na: 1\n{% endif %}\n").problems


class TestLimits:
    def test_an_alias_bomb_is_refused_while_it_is_read(self) -> None:
        bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        for number in range(1, 40):
            bomb += f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 9)}]\n"
        assert "comes to more than 2,000,000 values, aliases counted as often as they are used" in refusal(bomb)

    def test_a_bomb_of_merge_keys_is_refused(self) -> None:
        bomb = "a0: &a0 {x: 1}\n"
        for number in range(1, 40):
            bomb += f"a{number}: &a{number} {{<<: [{', '.join([f'*a{number - 1}'] * 9)}]}}\n"
        assert "comes to more than 2,000,000 values" in refusal(bomb)

    def test_a_bomb_spread_over_documents_is_refused(self) -> None:
        once = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}' if n else 'x'] * 10)}]\n" for n in range(5))
        assert "comes to more than" in refusal("---\n".join([once] * 20))

    def test_aliases_in_ordinary_numbers_are_fine(self) -> None:
        items = "".join(f"- <<: *x\n  n: {number}\n" for number in range(1000))
        assert value(only(f"base: &x {{a: 1, b: 2}}\nlist:\n{items}"), "list", 999, "a") == 1

    @pytest.mark.parametrize(
        "text", ["[" * 100_000, "- " * 100_000 + "x", "{a: " * 100_000, "? " * 100_000, '{"a":' * 100_000]
    )
    def test_deep_nesting_is_refused_without_a_stack_overflow(self, text: str) -> None:
        assert "nests deeper than 200 levels" in refusal(text)

    def test_deep_nesting_by_aliases_is_refused(self) -> None:
        text = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 300))
        assert "nests deeper than 200 levels" in refusal(text)

    def test_a_million_of_the_same_key_is_not_a_million_problems(self) -> None:
        assert len(only("a: 1\n" * 1000).problems) == 100

    def test_too_many_documents_are_refused(self) -> None:
        assert len(read("---\na\n" * MAX_DOCUMENTS).documents) == MAX_DOCUMENTS
        assert "more than 10,000 documents" in refusal("---\na\n" * (MAX_DOCUMENTS + 1))
        assert "more than 10,000 documents" in refusal("---\n{{-\n" * (MAX_DOCUMENTS + 1))


def test_without_libyaml_the_same_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml, "__with_libyaml__", False)
    document = only(MANIFEST)
    assert document.place(("spec", "list", 1, "b")) == Place("web.yaml", 10, 8)
    assert value(document, "spec", "text") == "two\nlines\n"
    assert value(only('a: "\\ud83e\\udd86"'), "a") == "🦆"
    assert refusal("a: b: c") == (
        "web.yaml:1:5: This is not YAML: mapping values are not allowed here. Mend this line, or the one above it."
    )
