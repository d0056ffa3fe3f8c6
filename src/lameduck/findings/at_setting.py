"""A sighting at a sysctl's value, wherever it is written: in a sysctl file, in a manifest, in a command."""

from lameduck.findings.finding import Severity, Sighting
from lameduck.pod.sysctls.kernel import GONE, meant
from lameduck.pod.sysctls.sysctl import Setter, Setting, Settings

__all__ = ["at_setting", "exists", "what_fails"]


def at_setting(
    settings: Settings,
    setting: Setting,
    message: str,
    mend: str,
    *,
    severity: Severity | None = None,
    at_key: bool = False,
) -> Sighting:
    """What was seen, at the value; `at_key`: at the key, where a file holds it."""
    return Sighting(
        settings.container,
        setting.at,
        message,
        mend,
        severity=severity,
        span=setting.key_span if at_key else setting.span,
    )


def exists(key: str) -> bool:
    """Whether the kernel may have that key: what is gone or misspelt is LD801's matter alone."""
    return key not in GONE and meant(key) is None


def what_fails(setter: Setter) -> str:
    """What follows when the kernel refuses what that setter writes, as the end of a sentence."""
    match setter:
        case Setter.FILE:
            return "sysctl reports an error, and the line has no effect"
        case Setter.POD:
            return "the pod's sandbox cannot be created, and none of its containers starts"
        case Setter.INIT:
            return "sysctl fails in the init container"
