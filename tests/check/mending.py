"""What `--fix` owes for any tree: findings gone and none come, no line touched without need, no second change."""

import io
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonpatch
import kubernetes_validate
import yaml

from lameduck.pod.place import InputError
from lameduck.pod.source import decode
from lameduck.pod.texts.documents import read_documents
from lameduck.remedies.amending import Plain, same
from lameduck.remedies.remedy import Json
from tests.check.enduring import Said, checked_in, laid_out
from tests.check.seeds import Tree
from tests.remedies.merging import merged, without_nulls

__all__ = ["Run", "keeps_every_promise", "patches_make_the_same", "run_fix"]

_DEFAULT = "1.36"
_LINE_END = re.compile(rb"\r\n|\n|\r")
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Run:
    """A tree before and after `--fix`."""

    tree: Tree
    folder: Path
    unsafe: tuple[str, ...]
    before: dict[str, Any]
    mended: dict[str, Any]
    after: dict[str, Any]
    files: dict[str, bytes]
    said: Said = field(repr=False)

    @property
    def changed(self) -> list[str]:
        """The files that are not what they were."""
        return [path for path, data in self.files.items() if data != self.tree.files[path]]


def run_fix(tree: Tree, folder: Path, *, unsafe: bool = False) -> Run:
    """Check it, mend it, check it again, in a folder that is empty."""
    laid_out(tree, folder)
    more = ("--unsafe",) if unsafe else ()
    before = checked_in(folder, *tree.words, "--format", "json")
    mended = checked_in(folder, *tree.words, "--format", "json", "--fix", *more)
    after = checked_in(folder, *tree.words, "--format", "json")
    files = {path: (folder / path).read_bytes() for path in tree.files}
    assert sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()) == sorted(files)
    answers = [json.loads(said.out) for said in (before, mended, after)]
    return Run(tree, folder, more, answers[0], answers[1], answers[2], files, mended)


def keeps_every_promise(run: Run) -> None:
    """Everything below."""
    what_was_mended_is_gone(run)
    nothing_else_appeared(run)
    all_that_can_be_mended_is(run)
    only_lines_of_remedies_changed(run)
    bytes_beside_them_stay(run)
    valid_stays_valid(run)
    a_second_run_changes_nothing(run)


def _kind(finding: dict[str, Any]) -> tuple[str, str, str | None]:
    return finding["code"], finding["workload"], finding["container"]


def what_was_mended_is_gone(run: Run) -> None:
    """Fingerprints survive moved lines: none of what was mended is seen again, neither by --fix nor by a new check."""
    mended = Counter(_kind(each) for each in run.mended["mended"])
    left = Counter(_kind(each) for each in run.after["findings"])
    before = Counter(_kind(each) for each in run.before["findings"])
    for kind, times in mended.items():
        assert left[kind] <= max(before[kind] - times, 0), f"{kind} was mended {times} times and is still there"
    assert left == Counter(_kind(each) for each in run.mended["findings"]), "--fix and a new check differ"


def nothing_else_appeared(run: Run) -> None:
    """Every finding afterwards was there before."""
    before = Counter(_kind(each) for each in run.before["findings"])
    new = Counter(_kind(each) for each in run.after["findings"]) - before
    mended = {each["code"] for each in run.mended["mended"]}
    if "LD401" in mended:
        # A budget for one pod blocks every drain: it can only be asked for once a second pod has been asked for.
        new = Counter({kind: times for kind, times in new.items() if kind[0] != "LD405"})
    assert not new, f"mending brought {dict(new)}: {_messages(run.after, new)}"


def _messages(answer: dict[str, Any], kinds: Iterable[tuple[str, str, str | None]]) -> list[str]:
    return [each["message"] for each in answer["findings"] if _kind(each) in kinds]


def all_that_can_be_mended_is(run: Run) -> None:
    """What was shown with a fix is gone, or a note says why not."""
    kinds = ("safe", "unsafe") if run.unsafe else ("safe",)
    shown = Counter(_kind(each) for each in run.before["findings"] if each["fix"] in kinds and each["diff"])
    left = Counter(_kind(each) for each in run.after["findings"])
    notes = " ".join(note["message"] for note in run.mended["notes"])
    for kind, _times in shown.items():
        assert not left[kind] or f"{kind[0]} is not mended here" in notes or _partly(run, kind), (
            f"{kind} could be mended and is there: {run.said.err}"
        )


def _partly(run: Run, kind: tuple[str, str, str | None]) -> bool:
    """Whether others of the kind, which nothing mends, are what is left."""
    kinds = ("safe", "unsafe") if run.unsafe else ("safe",)
    without = [each for each in run.before["findings"] if _kind(each) == kind and each["fix"] not in kinds]
    return Counter(_kind(each) for each in run.after["findings"])[kind] <= len(without)


def _signed(diff: str) -> list[tuple[str, str]]:
    return [
        (line[0], line[1:].rstrip("\r"))
        for line in diff.split("\n")
        if line[:1] in ("+", "-") and not line.startswith(("+++ ", "--- "))
    ]


def only_lines_of_remedies_changed(run: Run) -> None:
    """Each line that goes or comes stands in the diff of a finding that was mended."""
    by_remedy = [set(_signed(_diff_of(run, finding))) for finding in run.mended["mended"]]
    allowed = set().union(*by_remedy)
    shown = checked_again_with_diff(run)
    changed = _signed(shown)
    assert bool(changed) == bool(run.changed)
    stray = [each for each in changed if each not in allowed]
    # A line that two remedies edit looks, with both, as neither shows it.
    shared = [each for each in changed if each[0] == "-" and sum(each in lines for lines in by_remedy) > 1]
    if all(sign == "+" for sign, _ in stray) and len(stray) <= len(shared):
        return
    assert not stray, f"no remedy speaks of {stray}; remedies: {sorted(allowed)}"


def _diff_of(run: Run, finding: dict[str, Any]) -> str:
    """As the first look showed it, before any other was mended; a later round may show another."""
    for each in run.before["findings"]:
        if each["fingerprint"] == finding["fingerprint"]:
            return f"{each['diff']}\n{finding['diff']}"
    return str(finding["diff"])


def checked_again_with_diff(run: Run) -> str:
    """What --diff prints for the tree as it was; leaves the tree mended."""
    for path in run.changed:
        (run.folder / path).write_bytes(run.tree.files[path])
    said = checked_in(run.folder, *run.tree.words, "--diff", *run.unsafe)
    for path in run.changed:
        assert (run.folder / path).read_bytes() == run.tree.files[path], "--diff writes"
        (run.folder / path).write_bytes(run.files[path])
    return said.out


def bytes_beside_them_stay(run: Run) -> None:
    """The byte order mark, one manner of ending lines, and the end of the file."""
    for path in run.changed:
        old, new = run.tree.files[path], run.files[path]
        for mark in _MARKS:
            assert old.startswith(mark) == new.startswith(mark)
        ends = set(_LINE_END.findall(old))
        if not old.startswith(_MARKS[1:]):
            assert set(_LINE_END.findall(new)) <= (ends or {b"\n"}), f"{path} has other line ends"
        removed = len(old.splitlines()) and not old.endswith((b"\n", b"\r", b"\x00"))
        assert removed or new.endswith((b"\n", b"\r", b"\x00")), f"{path} lost its last line end"


def valid_stays_valid(run: Run) -> None:
    """Objects that the API of that version takes are taken afterwards; unknown fields count."""
    version = run.tree.words[run.tree.words.index("--kubernetes") + 1] if "--kubernetes" in run.tree.words else _DEFAULT
    for path in run.changed:
        if not path.endswith((".yaml", ".json")):
            continue
        old, new = _objects(run.tree.files[path]), _objects(run.files[path])
        assert len(old) == len(new)
        for before, after in zip(old, new, strict=True):
            if before != after and _refused(before, version) is None:
                assert _refused(after, version) is None, f"{path}: {_refused(after, version)}"


def _objects(data: bytes) -> list[Any]:
    objects: list[Any] = []
    for document in read_documents(decode(data, "it")).documents:
        value = json.loads(json.dumps(Plain().of(document.root)))
        is_list = isinstance(value, dict) and str(value.get("kind", "")).endswith("List")
        objects += value.get("items", []) if is_list else [value]
    return objects


def _refused(obj: Any, version: str) -> str | None:
    if not isinstance(obj, dict) or not isinstance(obj.get("kind"), str) or not isinstance(obj.get("apiVersion"), str):
        return "no object"
    try:
        kubernetes_validate.validate(obj, version, strict=True)
    except kubernetes_validate.SchemaNotFoundError:
        return "a kind without a schema"
    except kubernetes_validate.ValidationError as error:
        return str(error.message)
    return None


def a_second_run_changes_nothing(run: Run) -> None:
    """Bytes stay, and so does what is said."""
    again = checked_in(run.folder, *run.tree.words, "--format", "json", "--fix", *run.unsafe)
    assert {path: (run.folder / path).read_bytes() for path in run.tree.files} == run.files
    assert json.loads(again.out)["mended"] == []
    assert again.code == run.said.code


def patches_make_the_same(run: Run) -> int:
    """--fix-as json-patch and kustomize, laid over the objects as they were, make the objects of the edited files.

    Answers how many objects were compared: where something cannot be put into a patch, a line says so, and none is.
    """
    for path in run.changed:
        (run.folder / path).write_bytes(run.tree.files[path])
    words = (*run.tree.words, *run.unsafe, "--fix-as")
    said_json = checked_in(run.folder, *words, "json-patch")
    said_kustomize = checked_in(run.folder, *words, "kustomize")
    for path in run.changed:
        (run.folder / path).write_bytes(run.files[path])
    compared = 0
    if any(b"# Source: " in data for data in run.tree.files.values()):
        return compared  # patched, not edited
    if "is not patched with" not in said_json.err:
        entries = json.loads(said_json.out)
        compared += _same_objects(run, [(each["kind"], each["name"], each["patch"]) for each in entries], _patched)
    if "is not patched with" not in said_kustomize.err:
        documents = [each for each in yaml.safe_load_all(io.StringIO(said_kustomize.out)) if each]
        named = [(each["kind"], each["metadata"].get("name") or "", each) for each in documents]
        compared += _same_objects(run, named, merged)
    return compared


def _patched(obj: Any, operations: Any) -> Any:
    return jsonpatch.apply_patch(obj, operations)


def _same_objects(run: Run, patches: list[tuple[str, str, Any]], lay: Any) -> int:
    by_name = {(kind, name): patch for kind, name, patch in patches}
    assert len(by_name) == len(patches), "a workload has two patches"
    compared = 0
    for path in run.tree.files:
        if not path.endswith((".yaml", ".json")):
            continue
        try:
            old, new = _objects(run.tree.files[path]), _objects(run.files[path])
        except InputError:
            continue
        for before, after in zip(old, new, strict=True):
            if not isinstance(before, dict) or not (before.get("metadata") or {}).get("name"):
                continue  # a patch finds its object by its name
            key = (before["kind"], before["metadata"]["name"])
            wanted: Json = lay(before, by_name[key]) if key in by_name else before
            assert same(without_nulls(wanted), without_nulls(after)), f"{key}: {wanted} is not {after}"
            compared += key in by_name
    return compared
