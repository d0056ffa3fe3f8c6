"""Baselines: what they know stays silent, also after lines have moved; everything else counts."""

from pathlib import Path

import pytest

from lameduck.check.baseline import baseline_text, read_baseline
from lameduck.pod.place import InputError
from tests.check.fakes import checked, deployment, write


def test_what_is_known_stays_silent_after_lines_have_moved(tmp_path: Path) -> None:
    file = write(tmp_path, "web.yaml", deployment())
    known = write(tmp_path, "known.json", baseline_text(checked(file).seen))
    write(tmp_path, "web.yaml", "# new\n# lines\n" + deployment() + "---\n" + deployment("db"))
    new = read_baseline(str(known), at="--baseline").new(checked(file).seen)
    assert [seen.workload for seen in new] == ["Deployment/db"]


def test_the_text_does_not_depend_on_the_order_and_ends_with_a_newline(tmp_path: Path) -> None:
    seen = checked(write(tmp_path, "web.yaml", deployment() + "---\n" + deployment("db"))).seen
    assert baseline_text(seen) == baseline_text(reversed(seen))
    assert baseline_text(seen).endswith("}\n")


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"lameduck-baseline": 1}', '{"lameduck-baseline": 2, "findings": []}', '"x"']
)
def test_what_is_no_baseline_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="Write it anew") as error:
        read_baseline(str(write(tmp_path, "known.json", text)), at="--baseline")
    assert error.value.at == "--baseline"


def test_a_baseline_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_baseline(str(tmp_path / "none.json"), at="--baseline")
