"""From a workload and the survey to a case: what stands beside it, the nearest first.

A repository often holds several variants of one thing (dev, prod), or the Services apart from the Deployments. So what
stands in the workload's own folder counts; if nothing there fits, what stands nearest to it, going up folder by folder.

A Service or Ingress that would accuse a workload must belong to it for certain. In a repository of examples many have
the label `app: nginx`, and nothing else in common: one in a folder beside counts only where both name their namespace,
or where the folders' names say that one thing is laid out by kind (deployments/ and services/, manager/ and webhook/).
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from lameduck.check.surveying import KeptDocument, Survey, folder_of
from lameduck.pod.case import Autoscaler, Case, ConfigMap, DisruptionBudget, Ingress
from lameduck.pod.objects.manifests import read_manifests
from lameduck.pod.workloads import Document, Service, Workload

__all__ = ["case_of"]

_Beside = TypeVar("_Beside", Service, DisruptionBudget, Autoscaler, Ingress, ConfigMap)


def case_of(workload: Workload, survey: Survey, kubernetes: tuple[int, int]) -> Case:
    """The workload with its surroundings; images and entries are for `linking` to find."""
    namespace, labels = workload.namespace or "default", workload.pod.labels
    services = _nearest(
        (
            each
            for pair in labels
            for each in survey.services.get((namespace, *pair), ())
            if each.selects(workload) and _belongs(each, workload)
        ),
        workload,
    )
    budgets = _nearest(
        (
            each
            for pair in (*labels, ("", ""))
            for each in survey.budgets.get((namespace, *pair), ())
            if each.selects(workload)
        ),
        workload,
    )
    autoscalers = _nearest(
        (each for each in survey.autoscalers.get((namespace, workload.name), ()) if each.scales(workload)), workload
    )
    ingresses = _nearest(
        (
            each
            for service in services
            for each in survey.ingresses.get((namespace, service.name), ())
            if _belongs(each, workload)
        ),
        workload,
    )
    names = sorted({name for container in workload.pod.containers for name in container.config_maps})
    config_maps = {
        name: _with_data(found[0])
        for name in names
        if (found := _nearest(survey.config_maps.get((namespace, name), ()), workload))
    }
    return Case(
        workload,
        services=services,
        budgets=budgets,
        autoscalers=autoscalers,
        ingresses=ingresses,
        config_maps=config_maps,
        kubernetes=kubernetes,
    )


# Folders that hold a part of one thing: named for a kind, or for a part as scaffolds of operators lay it out.
_LAID_OUT = """
    apps base config controllers core daemonsets default deploy deployment deployments manager manifests network
    networking pods rbac rc service services statefulset statefulsets svc svcs webhook webhooks workload workloads
"""
_PARTS = frozenset(_LAID_OUT.split())
_OPTIONAL = frozenset({"webhook", "webhooks"})
"""Scaffolded for every operator, in use or not: a patch that puts the port into the manager tells which."""


def _belongs(each: Service | Ingress, workload: Workload) -> bool:
    """Whether it stands where it can mean this workload: not in a folder of something else."""
    here, there = folder_of(workload.document), folder_of(each.document)
    shared = next((n for n, (a, b) in enumerate(zip(here, there, strict=False)) if a != b), min(len(here), len(there)))
    if shared in (len(here), len(there)):
        return True  # the same folder, or one of the two is above the other
    between = {part.lower() for part in (*here[shared:], *there[shared:])}
    if not between.isdisjoint(_OPTIONAL) and not any(container.ports for container in workload.pod.containers):
        return False
    if workload.namespace is not None and each.namespace is not None:
        return True
    return between <= _PARTS


def _nearest(every: Iterable[_Beside], workload: Workload) -> tuple[_Beside, ...]:
    """Those that share the longest way from the root with the workload; of one name the first."""
    own_file, here = workload.document.file, folder_of(workload.document)
    shares = [(_shared(each.document, own_file, here), each) for each in every]
    best = max((share for share, _ in shares), default=0)
    nearest: dict[str, _Beside] = {}
    # A stable sort: what stands in the workload's own file comes first.
    for share, each in sorted(shares, key=lambda pair: pair[1].document.file != own_file):
        if share == best:
            nearest.setdefault(each.name, each)
    return tuple(nearest.values())


def _shared(document: Document, own_file: str, here: tuple[str, ...]) -> int:
    """How many steps of the way from the root two documents share; their own folder is one more."""
    if document.file == own_file:
        return len(here) + 1
    there = folder_of(document)
    if there == here:
        return len(here) + 1
    return next(
        (count for count, (a, b) in enumerate(zip(here, there, strict=False)) if a != b), min(len(here), len(there))
    )


def _with_data(config_map: ConfigMap) -> ConfigMap:
    """The survey keeps ConfigMaps without their data, which may be large: read again for whoever uses it."""
    document = config_map.document
    whole = document.whole() if isinstance(document, KeptDocument) else None
    if whole is None:
        return config_map
    read = read_manifests((whole,)).config_maps
    return next((each for each in read if each.name == config_map.name), replace(config_map, document=whole))
