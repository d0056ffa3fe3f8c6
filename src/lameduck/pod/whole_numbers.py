"""Whole numbers that stand in texts: options, environment variables, annotations, scripts."""

__all__ = ["written_number"]

_DIGITS = 18
"""No more fit into 64 bits. Longer ones are refused by whoever is to take them, and Python refuses thousands itself."""


def written_number(text: str) -> int | None:
    """The number, if the text is its decimal digits and nothing else; None for any other text."""
    return int(text) if len(text) <= _DIGITS and text.isascii() and text.isdecimal() else None
