"""What is true of every change of every manifest, whichever pen writes it."""

import json
import re

import jsonpatch
from hypothesis import HealthCheck, Phase, assume, given, settings

from lameduck.pod.source import Source
from lameduck.pod.texts.documents import read_documents
from lameduck.pod.texts.nodes import Alias, Mapping, Sequence, find, follow
from lameduck.remedies.amending import amended, same
from lameduck.remedies.json_patch import json_patch
from lameduck.remedies.kustomize import kustomize_patch
from lameduck.remedies.remedy import FieldChange, Json, Refused, SetField
from lameduck.remedies.text_edit import apply
from tests.remedies.drawing import Drawn, changed_manifests, changed_odd_manifests, documents_of, mend, plain
from tests.remedies.merging import merged, without_nulls

# Drawing a manifest with comments takes its time, also on a machine that does something else.
# Shrinking a whole manifest takes minutes, and says little more than the change does.
_settings = settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
_COMMENT = re.compile(r"# c\d+;")


def _possible(value: Json, changes: list[FieldChange]) -> list[FieldChange]:
    """The changes that can be made one after the other."""
    possible: list[FieldChange] = []
    for change in changes:
        try:
            amended(value, [*possible, change])
        except Refused:
            continue
        possible.append(change)
    return possible


def _says_what_was_wanted(drawn: Drawn) -> bool:
    mends = [mend(drawn.document, change) for change in drawn.changes]
    result = apply(mends)
    refused = {id(refusal.mend) for refusal in result.refused}
    made = [change for each, change in zip(mends, drawn.changes, strict=True) if id(each) not in refused]
    expected = [plain(each) for each in drawn.documents]
    expected[drawn.number] = amended(plain(drawn.document), made)
    text = result.files[0].text if result.files else drawn.text
    return same([plain(each) for each in documents_of(Source("drawn.yaml", text))], expected)


@_settings
@given(changed_manifests())
def test_the_edited_text_says_what_was_wanted_and_all_else_as_before(drawn: Drawn) -> None:
    assert _says_what_was_wanted(drawn)


@_settings
@given(changed_odd_manifests())
def test_an_odd_manifest_is_edited_right_or_not_at_all(drawn: Drawn) -> None:
    assert _says_what_was_wanted(drawn)


@_settings
@given(changed_manifests())
def test_a_second_application_changes_nothing(drawn: Drawn) -> None:
    document, changes = drawn.document, drawn.changes
    settings_only = [change for change in changes if isinstance(change, SetField)]
    result = apply([mend(document, *settings_only[:1])])
    assume(result.files)
    again = documents_of(Source("drawn.yaml", result.files[0].text))[drawn.number]
    second = apply([mend(again, *settings_only[:1])])
    assert (second.files, second.applied, second.refused) == ((), (), ())


@_settings
@given(changed_manifests())
def test_comments_and_lines_elsewhere_stay_byte_for_byte(drawn: Drawn) -> None:
    document, change = drawn.document, drawn.changes[0]
    result = apply([mend(document, change)])
    assume(result.files)
    old, new = document.source.text, result.files[0].text
    node, exists = find(document.root, change.path)
    here = follow(node)
    if (
        not exists
        and isinstance(here, Mapping | Sequence)
        and (here.entries if isinstance(here, Mapping) else here.items)
    ):
        way = (find(document.root, change.path[:length])[0] for length in range(len(change.path)))
        assume(not any(isinstance(node, Alias) for node in way))  # an alias on the way is written out in full
        # Something is added where something is: nothing at all goes away.
        letters = iter(new)
        assert all(letter in letters for letter in old)
        return
    holder = follow(find(document.root, change.path[:-1])[0])
    if (len(holder.entries) if isinstance(holder, Mapping) else holder.size - 1) == 1:
        holder = follow(find(document.root, change.path[:-2])[0])  # emptied, it becomes {} or [] beside its key
    assert new.startswith(old[: old.rfind("\n", 0, holder.start) + 1])
    assert new.endswith(old[holder.end :].lstrip())
    first = holder.start if isinstance(holder, Sequence) else old.rfind("\n", 0, here.start) + 1
    gone = range(min(first, here.start), max(here.end, node.end))
    kept = [found.group() for found in _COMMENT.finditer(old) if found.start() not in gone]
    assert [each for each in _COMMENT.findall(new) if each in kept] == kept


@_settings
@given(changed_manifests())
def test_a_json_patch_makes_the_same_object(drawn: Drawn) -> None:
    document, changes = drawn.document, drawn.changes
    value = plain(document)
    possible = _possible(value, changes)
    patch = json_patch(value, possible)
    assert patch.left_out == ()
    # As it travels: the library changes objects in place, and what aliases share is one object here.
    sent, operations = json.loads(json.dumps([value, list(patch.operations)]))
    assert same(jsonpatch.apply_patch(sent, operations), amended(value, possible))


@_settings
@given(changed_manifests())
def test_a_kustomize_patch_makes_the_same_object(drawn: Drawn) -> None:
    document, changes = drawn.document, drawn.changes
    value = plain(document)
    possible = _possible(value, changes)
    patch = kustomize_patch(value, possible)
    left_out = [change for change, _ in patch.left_out]
    assume(patch.text is not None)
    (read,) = read_documents(Source("patch.yaml", patch.text or "")).documents
    wanted = amended(value, [change for change in possible if change not in left_out])
    assert same(without_nulls(merged(value, plain(read))), without_nulls(wanted))
