"""Label selectors as the API machinery reads them: matchLabels and matchExpressions, all of which must hold."""

from collections.abc import Mapping

from lameduck.pod.records import dataclass
from lameduck.pod.texts.fields import Fields

__all__ = ["LabelSelector", "Requirement", "read_selector"]

_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One entry of matchExpressions."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether these labels meet it. A label that is not there is "not in" any list; an odd operator never holds."""
        match self.operator:
            case "In":
                return self.key in labels and labels[self.key] in self.values
            case "NotIn":
                return labels.get(self.key) not in self.values
            case "Exists":
                return self.key in labels
            case "DoesNotExist":
                return self.key not in labels
            case _:
                return False


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """What it asks of a pod's labels. One that asks nothing matches every pod of the namespace."""

    labels: tuple[tuple[str, str], ...] = ()
    expressions: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether pods with these labels are selected."""
        return all(labels.get(key) == value for key, value in self.labels) and all(
            requirement.holds(labels) for requirement in self.expressions
        )


def read_selector(spec: Fields) -> LabelSelector | None:
    """The selector below that spec. None: not written, which selects nothing."""
    selector = spec.fields("selector")
    if selector is None:
        return None
    return LabelSelector(selector.text_pairs("matchLabels"), tuple(_requirements(selector)))


def _requirements(selector: Fields) -> list[Requirement]:
    requirements = []
    for fields in selector.list_of_fields("matchExpressions"):
        key, operator = fields.text("key"), fields.text("operator")
        if operator not in _OPERATORS:
            known = ", ".join(_OPERATORS)
            fields.complaints.say(fields.at, f"This has no operator that Kubernetes knows: write one of {known}.")
        requirements.append(Requirement(key or "", operator or "", fields.texts("values") or ()))
    return requirements
