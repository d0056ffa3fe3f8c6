"""What a remedy writes is valid by Kubernetes' own JSON schemas, where what it found was: validators read them, too."""

import json
from typing import Any

import kubernetes_validate
import pytest

from lameduck.findings.catalogue import FINDINGS
from lameduck.findings.examples import case
from lameduck.findings.finding import Example, Finding, Witness
from lameduck.findings.looking import look_into
from lameduck.pod.source import Source
from lameduck.pod.texts.documents import SourceDocument, read_documents
from lameduck.remedies.amending import Plain
from lameduck.remedies.remedy import Mend
from lameduck.remedies.text_edit import apply

_SEEN_IN_FILES = [
    pytest.param(finding, example, id=f"{finding.code}-{example.story}")
    for finding in FINDINGS
    if finding.in_files is not None and finding.remedy is not None
    for example in finding.bad
    if example.only is not Witness.ENDING
]


_VERSION = "1.34"
"""The last whose schemas ask for all that older clusters ask for; later ones let defaults stand for it."""


def _objects(text: str) -> list[Any]:
    return [json.loads(json.dumps(Plain().of(each.root))) for each in read_documents(Source("it", text)).documents]


def _refused(value: Any) -> str | None:
    try:
        kubernetes_validate.validate(value, _VERSION, strict=True)
    except kubernetes_validate.ValidationError as error:
        return str(error.message)
    except kubernetes_validate.SchemaNotFoundError:
        return "a kind without a schema"
    return None


@pytest.mark.parametrize(("finding", "example"), _SEEN_IN_FILES)
def test_what_a_remedy_writes_is_valid_where_what_it_found_was(finding: Finding, example: Example) -> None:
    seen = case(example)
    document = seen.workload.document
    assert isinstance(document, SourceDocument)
    for found in look_into(seen, (finding,)):
        if found.remedy is None:
            continue
        for file in apply([Mend(found.remedy, document)]).files:
            if file.source is not document.source:
                continue  # a Dockerfile or a script
            for old, new in zip(_objects(file.source.text), _objects(file.text), strict=True):
                assert old == new or _refused(old) is not None or _refused(new) is None, _refused(new)
