"""Settings: what they may be, where they are found, and how a wrong one is named."""

from pathlib import Path

import pytest

from lameduck.check.configuration import Configuration, chosen, find_configuration, parse_kubernetes, read_configuration
from lameduck.findings.finding import Severity
from lameduck.pod.place import InputError
from tests.check.fakes import write

ALL = """
select = ["LD1", "LD201"]
ignore = ["ld102"]
exclude = ["vendor/**"]
kubernetes = "v1.29.3"
baseline = "known.json"
fail-on = "error"

[severity]
LD201 = "info"

[images]
"registry.example/web" = "services/web"
"""


def test_every_setting_is_read_and_paths_count_from_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, "lameduck.toml", ALL)
    assert read_configuration(file) == Configuration(
        file=str(file),
        select=("LD1", "LD201"),
        ignore=("LD102",),
        severity={"LD201": Severity.INFO},
        kubernetes=(1, 29),
        exclude=("vendor/**",),
        images={"registry.example/web": str(tmp_path / "services/web")},
        baseline=str(tmp_path / "known.json"),
        fail_on="error",
    )


def test_a_pyproject_holds_them_in_its_own_table(tmp_path: Path) -> None:
    table = ALL.replace("[severity]", "[tool.lameduck.severity]").replace("[images]", "[tool.lameduck.images]")
    file = write(tmp_path, "pyproject.toml", f"[project]\nname = 'x'\n\n[tool.lameduck]\n{table}")
    read = read_configuration(file)
    assert read is not None
    assert (read.kubernetes, read.severity) == ((1, 29), {"LD201": Severity.INFO})


@pytest.mark.parametrize(
    ("text", "says", "line"),
    [
        ('ignore = ["LD1"]\nselects = []\n', "knows no setting 'selects'", 2),
        ('ignore = "LD1"\n', "ignore is 'LD1'.", 1),
        ('ignore = ["E501"]\n', "ignore is 'E501'.", 1),
        ("kubernetes = 1.29\n", "kubernetes is 1.29.", 1),
        ('kubernetes = "2.0"\n', "'2.0' is no version", 1),
        ('\n[severity]\nLD201 = "fatal"\n', "LD201 is 'fatal'.", 3),
        ("[images]\nweb = 3\n", "web is 3.", 2),
        ("severity = 1\n", "severity is 1.", 1),
        ('fail-on = "sometimes"\n', "fail-on is 'sometimes'.", 1),
        ("baseline = []\n", "baseline is [].", 1),
    ],
)
def test_a_wrong_setting_is_named_with_its_line(tmp_path: Path, text: str, says: str, line: int) -> None:
    with pytest.raises(InputError, match=r".") as error:
        read_configuration(write(tmp_path, "lameduck.toml", text))
    assert says in error.value.what
    assert f"lameduck.toml:{line}:1" in str(error.value.at)


def test_what_is_not_toml_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="This is not TOML"):
        read_configuration(write(tmp_path, "lameduck.toml", "ignore ="))
    with pytest.raises(InputError, match="It cannot be read"):
        read_configuration(tmp_path / "none.toml")
    with pytest.raises(InputError, match="lameduck is no table"):
        read_configuration(write(tmp_path, "pyproject.toml", "[tool]\nlameduck = 1\n"))


def test_the_nearest_file_counts_up_to_the_root_of_the_repository(tmp_path: Path) -> None:
    write(tmp_path, "lameduck.toml", 'ignore = ["LD9"]')
    repository = tmp_path / "repository"
    inner = repository / "a" / "b"
    inner.mkdir(parents=True)
    (repository / ".git").mkdir()
    assert find_configuration(inner) == Configuration()
    write(repository, "pyproject.toml", "[tool.other]\n")
    assert find_configuration(inner).file is None
    write(repository, ".lameduck.toml", 'ignore = ["LD4"]')
    assert find_configuration(inner).ignore == ("LD4",)
    write(inner, "pyproject.toml", '[tool.lameduck]\nignore = ["LD2"]')
    assert find_configuration(inner).ignore == ("LD2",)


@pytest.mark.parametrize("text", ["1.29", "v1.29", "1.29.3", "v1.29.3-gke.1200", "1.29+", " 1.29 "])
def test_versions_are_read_as_clusters_write_them(text: str) -> None:
    assert parse_kubernetes(text, at="--kubernetes") == (1, 29)


@pytest.mark.parametrize(
    ("select", "ignore", "left"),
    [
        (None, (), "LD101 LD201 LD202"),
        (None, ("LD2",), "LD101"),
        (("LD2",), (), "LD201 LD202"),
        (("LD2",), ("LD202",), "LD201"),
        (("LD202",), ("LD2",), "LD202"),
        (("LD",), ("LD",), ""),
    ],
)
def test_the_longer_beginning_wins(select: tuple[str, ...] | None, ignore: tuple[str, ...], left: str) -> None:
    assert chosen(("LD101", "LD201", "LD202"), select, ignore) == tuple(left.split())
