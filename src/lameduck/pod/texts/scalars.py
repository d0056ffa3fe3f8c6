"""Plain scalars as Kubernetes' Go reader takes them: YAML 1.1's yes and no, and numbers of two generations.

The reader (sigs.k8s.io/yaml) turns YAML into JSON first. So `080`, no octal number, is the float 80 and arrives as 80;
`010` is 8, `0o10` too; `1e3` is 1000; `1:30` stays text (no base 60); dates stay text.
"""

import re
from typing import TypeAlias

__all__ = ["NULLS", "Value", "resolve", "without_lone_surrogates"]

Value: TypeAlias = str | int | float | bool | None

NULLS = frozenset(("", "~", "null", "Null", "NULL"))
"""Plain scalars that hold nothing."""
_WORDS: dict[str, Value] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(NULLS, None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}
_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_BASES = (16, 2, 8, 10)
_MAX_DIGITS = 400  # beyond, a float is infinite anyway, and no field takes it


def resolve(text: str) -> Value:
    """The value of a plain (unquoted) scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "0123456789+-.":
        return text
    # Underscores between digits are dropped, but not after a leading dot.
    plain = text if text[0] == "." else text.replace("_", "")
    if integer := _INTEGER.fullmatch(plain):
        sign = -1 if integer.group(1) == "-" else 1
        for digits, base in zip(integer.groups()[1:], _BASES, strict=True):
            if digits is not None:
                return sign * int(digits, base) if len(digits) <= _MAX_DIGITS else sign * float("inf")
    if _FLOAT.fullmatch(plain):
        return float(plain)
    return text


def without_lone_surrogates(text: str) -> str:
    """JSON's \\ud83d\\ude00 pairs joined, halves without a partner replaced, as Go's reader does."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
