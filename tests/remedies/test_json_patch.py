"""The JSON patch pen, operation by operation."""

from typing import Any

import pytest

from lameduck.pod.entry import Span
from lameduck.pod.source import Source
from lameduck.remedies.json_patch import json_patch
from lameduck.remedies.remedy import EditText, FieldChange, Json, RemoveField, SetField


def _pod(**container: Any) -> Json:
    return {"kind": "Pod", "spec": {"containers": [{"name": "web", **container}]}}


_HOOK = ("spec", "containers", 0, "lifecycle", "preStop")


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        (
            {},
            {"op": "add", "path": "/spec/containers/0/lifecycle", "value": {"preStop": {"sleep": {"seconds": 5}}}},
        ),
        (
            {"lifecycle": None},
            {"op": "replace", "path": "/spec/containers/0/lifecycle", "value": {"preStop": {"sleep": {"seconds": 5}}}},
        ),
        (
            {"lifecycle": {}},
            {"op": "add", "path": "/spec/containers/0/lifecycle/preStop", "value": {"sleep": {"seconds": 5}}},
        ),
        (
            {"lifecycle": {"preStop": {"exec": {}}}},
            {"op": "replace", "path": "/spec/containers/0/lifecycle/preStop", "value": {"sleep": {"seconds": 5}}},
        ),
    ],
    ids=["no parent", "a null parent", "an empty parent", "another value"],
)
def test_what_lacks_is_added_with_its_parents_and_what_is_there_replaced(
    container: dict[str, Any], expected: dict[str, Json]
) -> None:
    patch = json_patch(_pod(**container), [SetField(_HOOK, {"sleep": {"seconds": 5}}, "because")])
    assert patch.operations == (expected,)


def test_what_is_so_already_needs_no_operation() -> None:
    pod = _pod(lifecycle={"preStop": {"sleep": {"seconds": 5}}})
    changes: list[FieldChange] = [
        SetField(_HOOK, {"sleep": {"seconds": 5}}, "because"),
        RemoveField(("spec", "nothing"), "because"),
    ]
    assert json_patch(pod, changes).operations == ()


def test_true_is_not_one() -> None:
    assert json_patch({"a": 1}, [SetField(("a",), True, "because")]).operations == (
        {"op": "replace", "path": "/a", "value": True},
    )


def test_slashes_and_tildes_in_names_are_escaped() -> None:
    patch = json_patch({"metadata": {}}, [SetField(("metadata", "annotations", "a/b~c"), "x", "because")])
    assert patch.operations == ({"op": "add", "path": "/metadata/annotations", "value": {"a/b~c": "x"}},)
    patch = json_patch({"annotations": {}}, [SetField(("annotations", "a/b~c"), "x", "because")])
    assert patch.operations[0]["path"] == "/annotations/a~1b~0c"


def test_removals_come_from_the_back() -> None:
    patch = json_patch({"a": [0, 1, 2]}, [RemoveField(("a", 0), "because"), RemoveField(("a", 2), "because")])
    assert [operation["path"] for operation in patch.operations] == ["/a/2", "/a/0"]


def test_paths_begin_where_the_object_stands() -> None:
    patch = json_patch({"spec": {}}, [SetField(("items", 3, "spec", "x"), 1, "because")], at=("items", 3))
    assert patch.operations == ({"op": "add", "path": "/spec/x", "value": 1},)


def test_what_no_patch_reaches_is_left_out_with_a_reason() -> None:
    edit = EditText(Span(Source("run.sh", "app\n"), 0, 3), "exec app", "because")
    other = SetField(("items", 1, "x"), 1, "because")
    through = SetField(("items", 0, "kind", "x"), 1, "because")
    patch = json_patch({"kind": "Pod"}, [edit, other, through], at=("items", 0))
    assert patch.operations == ()
    assert patch.left_out == (
        (edit, "a patch of an object does not reach scripts and Dockerfiles"),
        (other, "items[1].x belongs to another object"),
        (through, "kind is no mapping, so that it cannot hold x"),
    )
