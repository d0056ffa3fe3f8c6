"""The JSON Schema of a timeline, made from the event classes: `python -m lameduck.ending.timeline_schema`.

It prints what `timeline.schema.json` must hold; a test compares the two. The descriptions are the classes' own words.
"""

import ast
import inspect
import json
import sys
import textwrap
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, Union, get_args, get_origin, get_type_hints

from lameduck.ending import timeline
from lameduck.pod.durations import Seconds

__all__ = ["timeline_schema"]

ID = "urn:lameduck:timeline:1"


def timeline_schema() -> dict[str, Any]:
    """The schema of version 1. Unknown keys and events are valid: later minor versions may add them."""
    words = _attribute_words()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "lameduck timeline",
        "description": "One record of an ending: what happened, to whom, and when.",
        "type": "object",
        "required": ["version", "events"],
        "properties": {
            "version": {"const": timeline.VERSION, "description": "The version of this form."},
            "witness": {"type": "string", "description": "Who saw it: rehearse, forecast, observe, run, drain, gate."},
            "events": {
                "type": "array",
                "description": "In the order of their times.",
                "items": {
                    "type": "object",
                    "required": ["t_s", "what"],
                    "properties": {
                        "t_s": {
                            "type": "number",
                            "description": "Seconds since the (first) deletion request; negative before it.",
                        },
                        "what": {"type": "string", "description": "The kind of event. Readers keep unknown kinds."},
                    },
                    "allOf": [
                        {
                            "if": {"properties": {"what": {"const": name}}},
                            "then": {"$ref": f"#/$defs/{name}"},
                        }
                        for name in timeline.EVENT_TYPES
                    ],
                },
            },
        },
        "$defs": {name: _event(cls, words[cls.__name__]) for name, cls in timeline.EVENT_TYPES.items()},
    }


def _event(cls: type[Any], words: Mapping[str, str]) -> dict[str, Any]:
    hints = get_type_hints(cls)
    own = [field for field in fields(cls) if field.name != "t_s"]
    properties: dict[str, Any] = {}
    for field in own:
        properties[field.name] = _type(hints[field.name])
        if field.name in words:
            properties[field.name]["description"] = words[field.name]
    return {
        "description": words[""],
        "required": [field.name for field in own if field.default is MISSING],
        "properties": properties,
    }


def _type(hint: Any) -> dict[str, Any]:
    simple = {str: "string", int: "integer", bool: "boolean", Seconds: "number"}
    if hint in simple:
        return {"type": simple[hint]}
    if get_origin(hint) is tuple:
        return {"type": "array", "items": _type(get_args(hint)[0])}
    if get_origin(hint) in (types.UnionType, Union):
        options = [_type(option)["type"] for option in get_args(hint) if option is not types.NoneType]
        return {"type": [*options, "null"]}
    raise TypeError(f"no JSON type for {hint}: teach timeline_schema and Timeline.from_json about it")


def _attribute_words() -> dict[str, dict[str, str]]:
    """For each class the strings that stand below its attributes; under "" its docstring.

    Python keeps no docstrings of attributes, so they are read from the source.
    """
    module = ast.parse(inspect.getsource(timeline))
    return {node.name: _words(node) for node in module.body if isinstance(node, ast.ClassDef)}


def _words(node: ast.ClassDef) -> dict[str, str]:
    words = {"": " ".join((ast.get_docstring(node) or "").split())}
    for attribute, below in zip(node.body, node.body[1:], strict=False):
        if not isinstance(attribute, ast.AnnAssign) or not isinstance(attribute.target, ast.Name):
            continue
        match below:
            case ast.Expr(value=ast.Constant(value=str() as text)):
                words[attribute.target.id] = " ".join(textwrap.dedent(text).split())
            case _:
                pass
    return words


if __name__ == "__main__":
    sys.stdout.write(json.dumps(timeline_schema(), indent=2, ensure_ascii=False) + "\n")
