"""LD804: the kernel refuses the value of a sysctl: quotes, no-break spaces, text, or a number out of range."""

from collections.abc import Iterator

from lameduck.findings.at_setting import at_setting, exists, what_fails
from lameduck.findings.finding import Example, Finding, Severity, Sighting, Witness
from lameduck.pod.records import dataclass
from lameduck.pod.sysctls.kernel import Sysctl, Takes, known
from lameduck.pod.sysctls.sysctl import Setter, Setting, Settings, whole_number
from lameduck.remedies.remedy import EditText, Remedy, SetField

__all__ = ["FINDING"]

PAGE = """
## What happens
Nobody between you and the kernel tidies a value up. Quotes in a sysctl file are no quotes but characters: the kernel
is asked to read `"1024` as a number, and answers `Invalid argument` (K5). A no-break space, as text copied from a web
page has it, looks like a space and is none (K6). A comment behind the value is handed over, too: where numbers are
wanted the kernel stops reading after the last of them, but a name or a list of ports becomes another one (K7). `sysctl
-p` goes on with the next line, so the file seems to work; of several numbers, those before the wrong one have taken
effect.
## How to see it
`sysctl -p FILE >/dev/null; echo $?` prints the refused lines and 1; `cat -A FILE` shows a no-break space as `M-BM- `.
A pod stays in ContainerCreating with FailedCreatePodSandBox.
## How to mend it
Write the numbers bare, with plain spaces between them, and comments on lines of their own. `lameduck check --fix` does
it.
"""

BAD = (
    Example("quotes are not taken off", settings='net.ipv4.ip_local_port_range="1024 65535"\n'),
    Example("no-break spaces between the numbers", settings="net.ipv4.tcp_wmem = 4096 \u00a0 16384 \u00a0 4194304\n"),
    Example("a comment becomes part of a name", settings="net.ipv4.tcp_congestion_control = bbr # faster\n"),
    Example("a unit", settings="net.ipv4.tcp_fin_timeout = 30s\n"),
    Example("a value that there is not", settings="net.ipv4.tcp_tw_reuse = 3\n"),
    Example("the last port before the first", settings="net.ipv4.ip_local_port_range = 65535 32768\n"),
    Example("a range that reaches down to privileged ports", settings="net.ipv4.ip_local_port_range = 1000 65535\n"),
    Example("ports without commas", settings="net.ipv4.ip_local_reserved_ports = 8080 9000\n"),
    Example(
        "quotes inside quotes, in a pod",
        pod="""securityContext: {sysctls: [{name: net.ipv4.ip_local_port_range, value: '"20000 60999"'}]}""",
        only=Witness.FILES,
    ),
)
GOOD = (
    Example("a comment behind a number, which the kernel does not read", settings="net.core.somaxconn = 4096 # more\n"),
    Example("a no-break space behind the number", settings="net.ipv4.tcp_timestamps = 1 \u00a0# on\n"),
    Example("fewer numbers than there could be", settings="net.ipv4.tcp_rmem = 4096\n"),
    Example("hexadecimal", settings="net.ipv4.tcp_fastopen = 0x3\n"),
    Example("quotes in a value that is text", settings='kernel.core_pattern = "|/usr/bin/dump %p"\n'),
    Example("a key that nothing is known of", settings="net.foo.bar = many\n"),
    Example(
        "YAML's own quotes",
        pod="securityContext: {sysctls: [{name: net.ipv4.ip_local_port_range, value: '20000 60999'}]}",
        only=Witness.FILES,
    ),
)

_RANGE = "net.ipv4.ip_local_port_range"
_PRIVILEGED = "net.ipv4.ip_unprivileged_port_start"


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why, what to do, and the value as it was meant where that is certain."""

    why: str
    do: str
    instead: str | None = None
    set_before: tuple[str, ...] = ()
    """Numbers that have taken effect before the kernel met the one that it refuses (K6)."""


def in_settings(settings: Settings, kubernetes: tuple[int, int]) -> Iterator[Sighting]:  # noqa: ARG001
    for setting in settings:
        refusal = _refusal(settings, setting) if exists(setting.key) else None
        if refusal is not None:
            severity = Severity.ERROR if settings.setter is Setter.POD else None
            message = f"{setting.key}: {refusal.why}; {_what_follows(settings.setter, refusal)}"
            yield at_setting(settings, setting, message, refusal.do, severity=severity)


def _what_follows(setter: Setter, refusal: _Refusal) -> str:
    if setter is Setter.FILE and refusal.set_before:
        return f"sysctl reports an error, and of this line only {' '.join(refusal.set_before)} is set"
    return what_fails(setter)


def _refusal(settings: Settings, setting: Setting) -> _Refusal | None:
    inner = _unquoted(setting.bare)
    if inner is not None and (numbers := _plain(inner)) is not None:
        return _Refusal(
            "the kernel gets the quotes, too, and reads no number", f"Write {numbers} without quotes", numbers
        )
    sysctl = known(setting.key)
    if sysctl is None:
        return None
    match sysctl.takes:
        case Takes.NUMBERS:
            return _of_numbers(settings, setting, sysctl)
        case Takes.TEXT | Takes.PORTS if setting.has_comment:
            why = "the comment behind it becomes part of the value"
            return _Refusal(why, "Write the comment on a line of its own")
        case Takes.PORTS if len(setting.words) > 1:
            return _Refusal("ports are joined by commas, without spaces", f"Write {','.join(setting.words)}")
        case _:
            return None


def _of_numbers(settings: Settings, setting: Setting, sysctl: Sysctl) -> _Refusal | None:
    if not setting.words:
        if settings.setter is Setter.POD:
            return None  # the runtime writes nothing, and nothing happens
        return _Refusal("there is no value", "Write one, or remove the line")
    for index, word in enumerate(setting.words[: sysctl.count]):
        number = whole_number(word)
        before = () if setting.key == _RANGE else setting.words[:index]
        if number is None:
            plain = _plain(setting.bare)
            if plain is not None and any(character.isspace() for character in word):
                why = "between the numbers stands a no-break space, which is no space to the kernel"
                return _Refusal(why, f"Write {plain} with plain spaces", plain, before)
            return _Refusal(f"{word.strip()} is no whole number", f"Write {_wanted(sysctl)}", None, before)
        if not sysctl.least <= number <= sysctl.most:
            return _Refusal(f"{number} is out of range", f"Write {_wanted(sysctl)}", None, before)
    return _of_port_range(settings, setting) if setting.key == _RANGE else None


def _of_port_range(settings: Settings, setting: Setting) -> _Refusal | None:
    match setting.numbers:
        case (int(first), int(last), *_) if last < first:
            return _Refusal("the last port comes before the first", f"Write {last} {first}")
        case (int(first), *_) if first < 1024 and settings.setter is Setter.FILE and settings.last(_PRIVILEGED) is None:
            # In a pod the runtime may have set ip_unprivileged_port_start to 0.
            return _Refusal("it begins below ip_unprivileged_port_start, which is 1024", "Begin at 1024 or above")
        case _:
            return None


def _wanted(sysctl: Sysctl) -> str:
    """How the value should look: "3 whole numbers", "a whole number of seconds", "0 to 2"."""
    if sysctl.least == 0 and sysctl.most <= 255:
        return f"a number from 0 to {sysctl.most}"
    if sysctl.count > 1:
        return f"{sysctl.count} whole numbers with spaces between them"
    unit = f" of {sysctl.unit}" if sysctl.unit in ("seconds", "bytes", "pages") else ""
    return f"a whole number{unit}" + ("" if sysctl.least < 0 else f", at least {sysctl.least}")


def _unquoted(value: str) -> str | None:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else None


def _plain(value: str) -> str | None:
    """The value with plain spaces, if it is whole numbers with any kind of spaces between them."""
    words = value.split()
    return " ".join(words) if words and all(whole_number(word) is not None for word in words) else None


def remedy_in_settings(settings: Settings, seen: Sighting) -> Remedy | None:
    for setting in settings:
        if (setting.span, setting.at) != (seen.span, seen.at):
            continue
        refusal = _refusal(settings, setting)
        if refusal is None or refusal.instead is None or settings.setter is Setter.INIT:
            return None
        return _remedy(setting, refusal.instead)
    return None


def _remedy(setting: Setting, value: str) -> Remedy | None:
    title = f"Write {setting.key} as the kernel reads it"
    if setting.span is not None:
        # The comment stays where it is if the kernel does not mind it.
        whole = value + setting.value[len(setting.bare) :] if value != setting.bare else value
        return Remedy((EditText(setting.span, whole, "the kernel reads nothing else"),), safe=True, title=title)
    if setting.at is not None:
        return Remedy((SetField(setting.at, value, "the kernel reads nothing else"),), safe=True, title=title)
    return None


FINDING = Finding(
    "LD804",
    "refused-sysctl-value",
    Severity.WARNING,
    facts=("K5", "K6", "K7"),
    page=PAGE,
    bad=BAD,
    good=GOOD,
    in_settings=in_settings,
    remedy_in_settings=remedy_in_settings,
)
