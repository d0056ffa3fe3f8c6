"""Damage for files, at random but the same for the same seed: of bytes, of lines, of words, and of meaning."""

import random
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import yaml

from tests.check.seeds import Tree, seeds

__all__ = ["mutated"]

_FOREIGN = (
    *("\t", "\n", "\r", "\r\n", "---\n", "...\n", "{{ .Values.x }}", "{% if %}", "&a ", "*a ", "<<: *a\n", "? ", "- "),
    *(": ", " #", "|\n", ">-\n", "[", "]", "{", "}", "!!int ", "!x ", "%YAML 1.1\n", "\ufeff", "\0", "\x85", "\u2028"),
    *('"', "'", "\\", "$", "${", "$(", "`", "<<EOF\n", "&& ", "|| ", "| ", "& ", "; ", "exec ", "trap '' TERM\n", "=~"),
    *("\x1b[31m", "🦆", "é", "\\n", "%", "\udcff", "# Source: a/b.yaml\n", "# escape=`\n", "FROM a\n", "ENTRYPOINT ["),
)
_SUPPRESSIONS = (
    *(
        "# lameduck: ignore LD201 -- known",
        "# lameduck: ignore",
        "#lameduck:ignore LD101,LD201",
        "# LAMEDUCK: IGNORE x",
    ),
    *("# lameduck: ignore LD999 - a", "# lameduck: ignore LD2 \u2014 reason", "# lameduck: ignored LD201 -- --"),
)
_VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        30,
        2**31,
        2**63,
        -(2**64),
        10**400,
        0.5,
        1e308,
        float("inf"),
        float("nan"),
        "",
        " ",
    ),
    *("30s", "yes", "25%", "0%", "-1%", "1000000%", "1e3", "080", "http", "Always", "{{ .Values.x }}", "\n", "a\nb\n"),
    *([], {}, [None], [[]], {"": None}, {"a": {"a": {"a": []}}}, ["sh", "-c", "sleep 5 & wait"], "sleep 5", "x" * 5000),
    *(
        {"exec": {"command": ["sleep", "99999999999"]}},
        {"sleep": {"seconds": 10**30}},
        ["/bin/sh", "-c", ""],
        "SIGRTMIN+15",
    ),
)
_WORD = re.compile(r"[A-Za-z0-9_./-]+")
_NUMBER = re.compile(r"\d+")


def mutated(tree: Tree, chance: random.Random) -> Tree:
    """The tree with one to four things wrong in its files."""
    files = dict(tree.files)
    for _ in range(chance.choice((1, 1, 1, 2, 2, 4))):
        # What images start is rarer than manifests, and as hard to read.
        paths = sorted(files, key=lambda path: (path.endswith(".yaml"), path))
        path = paths[min(chance.randrange(len(paths)), chance.randrange(len(paths)))]
        files[path] = _file(path, files[path], chance)
    return replace(tree, files=files)


def _file(path: str, data: bytes, chance: random.Random) -> bytes:
    if chance.random() < 0.04:
        return _bytes(data, chance)
    text = data.decode("utf-8", "surrogateescape")
    if path.endswith((".yaml", ".json")) and chance.random() < 0.7:
        meant = _meaning(text, chance)
        if meant is not None:
            return meant.encode("utf-8", "surrogateescape")
    return chance.choice(_TEXT_CHANGES)(text, chance).encode("utf-8", "surrogateescape")


def _bytes(data: bytes, chance: random.Random) -> bytes:
    match chance.randrange(5):
        case 0:
            return data[: chance.randrange(len(data) + 1)]
        case 1:
            return b"\xef\xbb\xbf" + data
        case 2:
            return data.decode("utf-8", "replace").encode(
                chance.choice(("utf-16", "utf-32", "utf-16-le", "latin-1")), "replace"
            )
        case 3:
            return data.replace(b"\n", chance.choice((b"\r\n", b"\r", b"\n\n", b"")))
        case _:
            at = chance.randrange(len(data) + 1)
            return data[:at] + chance.randbytes(3) + data[at:]


def _insert(text: str, chance: random.Random) -> str:
    start = chance.randrange(len(text) + 1)
    end = min(len(text), start + chance.choice((0, 0, 1, 3, 12)))
    return text[:start] + chance.choice(_FOREIGN) + text[end:]


def _cut(text: str, chance: random.Random) -> str:
    start = chance.randrange(len(text) + 1)
    return text[:start] + text[min(len(text), start + chance.choice((1, 2, 8, 40, 200))) :]


def _lines(text: str, chance: random.Random) -> str:
    lines = text.split("\n")
    a, b = chance.randrange(len(lines)), chance.randrange(len(lines))
    match chance.randrange(6):
        case 0:
            lines[a], lines[b] = lines[b], lines[a]
        case 1:
            lines[a:a] = lines[min(a, b) : max(a, b)]
        case 2:
            del lines[min(a, b) : min(max(a, b), min(a, b) + 4)]
        case 3:
            lines[a] = chance.choice((" ", "  ", "- ", "\t")) + lines[a]
        case 4:
            lines[a] = lines[a].lstrip()
        case _:
            lines[a:a] = [chance.choice(_all_lines())]
    return "\n".join(lines)


def _words(text: str, chance: random.Random) -> str:
    found = list(_WORD.finditer(text))
    if not found:
        return text + chance.choice(_FOREIGN)
    one, other = chance.choice(found), chance.choice(found)
    new = chance.choice((other.group(), other.group(), chance.choice(_all_words()), str(chance.choice(_VALUES))))
    return text[: one.start()] + new + text[one.end() :]


def _numbers(text: str, chance: random.Random) -> str:
    found = list(_NUMBER.finditer(text))
    if not found:
        return _insert(text, chance)
    one = chance.choice(found)
    new = chance.choice(
        (
            "0",
            "-1",
            "1",
            "30",
            "00",
            "0x1f",
            "1_0",
            "1.5",
            "9" * 25,
            "9" * 350,
            "9" * 5000,
            "1e9",
            "\u0663",
            "²",
            "infinity",
        )
    )
    return text[: one.start()] + new + text[one.end() :]


def _suppress(text: str, chance: random.Random) -> str:
    lines = text.split("\n")
    at = chance.randrange(len(lines))
    comment = chance.choice(_SUPPRESSIONS)
    if chance.random() < 0.5:
        lines[at] += f" {comment}"
    else:
        lines.insert(at, comment)
    return "\n".join(lines)


def _many(text: str, chance: random.Random) -> str:
    """Much of the same: deep, long or wide."""
    start = chance.randrange(len(text) + 1)
    piece = text[start : start + chance.choice((1, 2, 5, 30))] or "["
    return text[:start] + piece * chance.choice((20, 300, 3000)) + text[start:]


_TEXT_CHANGES: tuple[Callable[[str, random.Random], str], ...] = (
    *(_insert, _insert, _insert, _cut, _cut, _lines, _lines, _lines, _words, _words, _words, _numbers, _numbers),
    *(_suppress, _many),
)


def _meaning(text: str, chance: random.Random) -> str | None:
    """The objects with a value that does not belong there, or that belongs somewhere else, written anew."""
    try:
        documents = list(yaml.safe_load_all(text))
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        return None
    holders = [here for document in documents for here in _holders(document)]
    if not holders:
        return None
    here = chance.choice(holders)
    key = chance.choice(list(here) if isinstance(here, dict) else range(len(here)))
    same = _all_values().get(str(key), ())
    match chance.randrange(6):
        case 0:
            here[key] = chance.choice(_VALUES)
        case 4 | 5 if isinstance(here[key], str) and here[key]:
            here[key] = chance.choice(_TEXT_CHANGES)(here[key], chance)
        case 1 if same:
            here[key] = chance.choice(same)
        case 2 if isinstance(here, dict):
            del here[key]
        case _:
            new = chance.choice(sorted(_all_values()))
            if isinstance(here, dict):
                here[new] = chance.choice(_all_values()[new])
            else:
                here.append(chance.choice(_all_values()[new]))
    try:
        return yaml.safe_dump_all(
            documents, sort_keys=False, default_flow_style=chance.choice((False, False, None, True))
        )
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def _holders(value: object) -> list[Any]:
    """Every mapping and list that is not empty."""
    found: list[Any] = []
    pending = [value]
    while pending and len(found) < 2000:
        here = pending.pop()
        if isinstance(here, dict | list) and here:
            found.append(here)
            pending += here.values() if isinstance(here, dict) else here
    return found


@cache
def _all_texts() -> tuple[str, ...]:
    return tuple(data.decode("utf-8", "replace") for tree in seeds() for data in tree.files.values())


@cache
def _all_lines() -> list[str]:
    return sorted({line for text in _all_texts() for line in text.splitlines() if line.strip()})


@cache
def _all_words() -> list[str]:
    return sorted({word for text in _all_texts() for word in _WORD.findall(text)})


@cache
def _all_values() -> dict[str, list[Any]]:
    """What stands behind each key anywhere."""
    values: dict[str, list[Any]] = {}
    for text in _all_texts():
        try:
            documents = list(yaml.safe_load_all(text))
        except (yaml.YAMLError, ValueError, TypeError, RecursionError):
            continue
        for document in documents:
            for here in _holders(document):
                if isinstance(here, dict):
                    for key, value in here.items():
                        values.setdefault(str(key), []).append(value)
    return values
