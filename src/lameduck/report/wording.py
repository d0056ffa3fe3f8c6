"""How reports write numbers, times and text that others wrote."""

import re

__all__ = ["plural", "seconds", "share", "span", "visible"]

# Control characters would drive the terminal or break XML, bidi controls make text read as something else, and lone
# surrogates (undecodable bytes of a process' output) cannot be written at all.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]")


def seconds(t_s: float) -> str:
    """A time or duration to a tenth of a second: `5.1 s`."""
    return f"{t_s + 0.0:,.1f} s" if abs(t_s) >= 0.05 else "0.0 s"


def span(start_s: float, end_s: float) -> str:
    """A range of times: `0.0–1.4 s`, or one time where both ends read the same."""
    start, end = seconds(start_s), seconds(end_s)
    return end if start == end else f"{start.removesuffix(' s')}–{end}"


def share(part: int, whole: int) -> str:
    """A part of a whole in percent; a small part is never shown as nothing, nor an incomplete one as all."""
    if part in (0, whole):
        return "0 %" if part == 0 else "100 %"
    percent = 100 * part / whole
    return "<0.1 %" if percent < 0.1 else ">99.9 %" if percent > 99.9 else f"{percent:.1f} %"


def plural(count: int, noun: str) -> str:
    """`1 request`, `1,200 requests`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def visible(text: str) -> str:
    """The text with tabs as spaces, and with everything that is not seen but does something written out: `\\x1b`."""
    return _UNSEEN.sub(_written_out, text.replace("\t", "    "))


def _written_out(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
