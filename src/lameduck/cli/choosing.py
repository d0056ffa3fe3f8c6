"""Choosing what to work on: one workload out of all that the user's paths hold."""

from collections.abc import Sequence

from lameduck.pod.objects.manifests import Manifests
from lameduck.pod.place import InputError
from lameduck.pod.workloads import Workload

__all__ = ["choose_workload"]


def choose_workload(manifests: Manifests, wanted: str | None, paths: Sequence[str]) -> Workload:
    """The only workload, or the one named `wanted` ("Deployment/web" or "web").

    Raises InputError if there is none, or several and no name.
    """
    where = " ".join(paths)
    workloads = manifests.workloads
    if not workloads:
        trouble = f" The first problem: {manifests.problems[0]}" if manifests.problems else ""
        raise InputError(
            f"no workload is in it (nothing that holds a pod template).{trouble}",
            at=where,
            do="Name a file with a Deployment, a Pod or the like; render Helm charts and kustomizations first.",
        )
    titles = ", ".join(workload.title for workload in workloads[:8])
    if wanted is None:
        if len(workloads) > 1:
            raise InputError(
                f"there are {len(workloads)} workloads: {titles}.", at=where, do="Choose one with --workload KIND/NAME."
            )
        return workloads[0]
    matching = [w for w in workloads if wanted.lower() in (w.title.lower(), w.name.lower())]
    if len(matching) != 1:
        raise InputError(f"no single workload is called {wanted!r}.", at="--workload", do=f"There are: {titles}.")
    return matching[0]
