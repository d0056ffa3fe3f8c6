"""Whatever is read, the answer is manifests or one InputError; and every manner of writing reads the same."""

import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lameduck.pod.place import FieldPath, InputError
from lameduck.pod.reading import read_paths, read_text
from lameduck.pod.source import Source, decode
from lameduck.pod.texts.documents import SourceDocument, read_documents
from lameduck.pod.texts.nodes import Mapping, Scalar, Sequence, follow
from tests.strategies import mutated_texts, objects, odd_objects, renderings, services, texts

_patient = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
quick = settings(deadline=None, max_examples=300, suppress_health_check=_patient)
unhurried = settings(deadline=None, max_examples=40, suppress_health_check=_patient)


def check_words(refusal: InputError) -> None:
    assert refusal.what.endswith(".")
    assert refusal.do.endswith(".")


def read_or_refuse(text: str) -> None:
    try:
        manifests = read_text(text, "drawn.yaml")
    except InputError as refusal:
        check_words(refusal)
        return
    for problem in manifests.problems:
        assert problem.place.line >= 1
        assert problem.message.endswith((".", "rendered.yaml")), problem.message
    for workload in manifests.workloads:
        for container in workload.pod.containers:
            assert workload.place(container.at).file == "drawn.yaml"
        manifests.services_of(workload)


@quick
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        read_documents(decode(data, "drawn"))
    except InputError as refusal:
        check_words(refusal)


@quick
@given(st.text(alphabet=st.sampled_from("ab01 \t\n\r:-[]{},&*!|>'\"%#?<~.\ufeff"), max_size=60))
def test_any_yaml_like_text_is_read_or_refused(text: str) -> None:
    read_or_refuse(text)


@unhurried
@given(mutated_texts())
def test_a_damaged_manifest_is_read_or_refused(text: str) -> None:
    read_or_refuse(text)


@unhurried
@given(odd_objects())
def test_an_object_with_odd_values_is_read_and_never_refused(obj: dict[str, Any]) -> None:
    manifests = read_text(json.dumps(obj), "drawn.json")
    assert manifests.documents == 1


@unhurried
@given(texts())
def test_a_valid_manifest_has_no_problems(text: str) -> None:
    manifests = read_text(text, "drawn.yaml")
    assert manifests.problems == ()
    assert manifests.workloads
    assert manifests.passed_over == 0


@unhurried
@given(st.lists(objects() | services(), min_size=1, max_size=3), renderings(), renderings())
def test_every_manner_of_writing_reads_the_same(objs: list[dict[str, Any]], one: Any, other: Any) -> None:
    first, second = read_text(one(objs), "drawn"), read_text(other(objs), "drawn")
    assert [named(workload) for workload in first.workloads] == [named(workload) for workload in second.workloads]
    assert len(first.services) == len(second.services)


def named(workload: Any) -> object:
    """A workload without its paths, which a List makes longer, and without the order of keys."""
    pod = workload.pod
    return (
        workload.title,
        workload.namespace,
        workload.replicas,
        workload.strategy,
        workload.min_ready_s,
        pod.termination_grace_period_s,
        sorted(pod.labels),
        [
            (c.name, c.role, c.image, c.command, c.args, c.env, c.ports, c.stop_signal, type(c.pre_stop))
            for c in pod.containers
        ],
    )


@unhurried
@given(texts())
def test_the_place_of_a_value_is_where_its_text_begins(text: str) -> None:
    source = Source("drawn.yaml", text)
    lines = [line.rstrip("\r") for line in text.split("\n")]
    for document in read_documents(source).documents:
        for at, scalar in scalars(document):
            place = document.place(at)
            rest = lines[place.line - 1][place.column - 1 :]
            written = text[scalar.start : scalar.end]
            assert rest.startswith(written.split("\n")[0].rstrip("\r"))
            if scalar.plain and written:
                assert rest.split()[0] == scalar.text.split()[0] or rest.startswith((scalar.text, '"', "'"))
            elif written:
                assert rest[0] in "\"'|>" or rest.startswith(scalar.text.split()[0])


def scalars(document: SourceDocument) -> list[tuple[FieldPath, Scalar]]:
    found: list[tuple[FieldPath, Scalar]] = []
    pending: list[tuple[FieldPath, Any]] = [((), document.root)]
    while pending:
        at, node = pending.pop()
        match follow(node):
            case Scalar() as scalar:
                found.append((at, scalar))
            case Sequence(items=items):
                pending += [((*at, number), item) for number, item in enumerate(items)]
            case Mapping() as mapping:
                pending += [((*at, key), value) for key, value in mapping.items()]
    return found


@unhurried
@given(texts(), st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))
def test_every_encoding_with_a_mark_reads_the_same(text: str, encoding: str) -> None:
    plain, encoded = decode(text.encode(), "drawn"), decode(text.encode(encoding), "drawn")
    assert encoded.text == plain.text
    assert len(read_documents(encoded).documents) == len(read_documents(plain).documents)


def test_the_strategies_find_what_they_are_for(tmp_path: Path) -> None:
    """A guard for the guard: an object drawn here, written to a file, is found again."""
    path = tmp_path / "drawn.json"
    path.write_text(
        json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": []}})
    )
    assert read_paths([str(path)]).workloads[0].title == "Pod/a"
