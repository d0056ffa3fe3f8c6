"""The pod of a manifest: containers in spec order, with the API's defaults filled in (T5, T46, T47)."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from lameduck.pod.containers import ConfigMount, Container, ContainerPort, Role
from lameduck.pod.objects.handler_reading import read_lifecycle_handler, read_probe
from lameduck.pod.sysctls.sysctl import Setting, dotted
from lameduck.pod.texts.fields import INT64, Fields
from lameduck.pod.workloads import PodSpec

__all__ = ["read_container", "read_pod"]

_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
_RESTART_POLICIES = ("Always", "OnFailure", "Never")


def read_pod(
    spec: Fields,
    *,
    labels: tuple[tuple[str, str], ...],
    annotations: tuple[tuple[str, str], ...] = (),
    default_grace_s: int = 30,
    default_name: str | None = None,
    extra: tuple[Container, ...] = (),
) -> PodSpec:
    """A pod spec.

    `default_name`: what the kind calls a container without a name. `extra`: containers that it keeps beside the list.
    """
    grace = spec.whole("terminationGracePeriodSeconds", wants="whole seconds", least=-INT64, most=INT64, example=30)
    if grace is not None and grace < 0:
        spec.say(
            "terminationGracePeriodSeconds",
            f"terminationGracePeriodSeconds is {grace}. Kubernetes turns a negative grace into 1: "
            "write 1, or the seconds that the pod needs.",
        )
        grace = 1  # T5: the API rewrites it on the Pod, also on one made from a template
    volumes = _config_volumes(spec)
    containers = (
        *(read_container(fields, Role.INIT, volumes=volumes) for fields in spec.list_of_fields("initContainers")),
        *(
            read_container(fields, Role.REGULAR, default_name=default_name, volumes=volumes)
            for fields in spec.list_of_fields("containers")
        ),
        *extra,
        *(read_container(fields, Role.EPHEMERAL) for fields in spec.list_of_fields("ephemeralContainers")),
    )
    _refuse_twins(spec, containers)
    if spec.has("containers") and not any(container.role is Role.REGULAR for container in containers):
        spec.say("containers", "containers holds none. Kubernetes wants at least one: write - name: app, say.")
    os = spec.fields("os")
    return PodSpec(
        containers=containers,
        at=spec.at,
        termination_grace_period_s=default_grace_s if grace is None else grace,
        grace_at=spec.path("terminationGracePeriodSeconds") if spec.has("terminationGracePeriodSeconds") else None,
        restart_policy=_restart_policy(spec),
        labels=labels,
        annotations=annotations,
        host_network=spec.flag("hostNetwork"),
        host_ipc=spec.flag("hostIPC"),
        host_pid=spec.flag("hostPID"),
        share_process_namespace=spec.flag("shareProcessNamespace"),
        active_deadline_s=spec.whole("activeDeadlineSeconds", wants="whole seconds", least=1),
        os_name=os.text("name") if os is not None else None,
        sysctls=tuple(_sysctls(spec)),
        claims=tuple(_claims(spec)),
        node_labels=(*spec.text_pairs("nodeSelector"), *_required_labels(spec)),
    )


def read_container(
    fields: Fields,
    role: Role,
    *,
    default_name: str | None = None,
    volumes: Mapping[str, tuple[ConfigMount, ...]] = MappingProxyType({}),
) -> Container:
    """One container; a native sidecar is the init container with restartPolicy Always (T41).

    `volumes`: what the pod's volumes hold of ConfigMaps, by the volume's name, each at a path inside the volume.
    """
    if role is Role.INIT and fields.text("restartPolicy") == "Always":
        role = Role.SIDECAR
    name = fields.text("name") or default_name
    if name is None:
        name = f"container-{fields.at[-1]}"
        fields.complaints.say(fields.at, "This container has no name. Kubernetes wants one: write name: app, say.")
    _refuse_foreign(fields, role)
    lifecycle = fields.fields("lifecycle")
    security = fields.fields("securityContext")
    return Container(
        name=name,
        at=fields.at,
        role=role,
        image=fields.text("image"),
        command=fields.texts("command"),
        args=fields.texts("args"),
        env=tuple(_environment(fields)),
        env_from=tuple(_config_variables(fields)),
        config_mounts=tuple(_config_mounts(fields, volumes)) if volumes else (),
        working_dir=fields.text("workingDir"),
        ports=tuple(_ports(fields)),
        privileged=security is not None and security.flag("privileged"),
        pre_stop=None if lifecycle is None else read_lifecycle_handler(lifecycle, "preStop"),
        post_start=None if lifecycle is None else read_lifecycle_handler(lifecycle, "postStart"),
        stop_signal=None if lifecycle is None else lifecycle.text("stopSignal"),
        startup=read_probe(fields, "startupProbe"),
        readiness=read_probe(fields, "readinessProbe"),
        liveness=read_probe(fields, "livenessProbe"),
    )


def _refuse_foreign(fields: Fields, role: Role) -> None:
    """Plain init and ephemeral containers have neither lifecycle nor probes (T46, T47): said, and read all the same."""
    if role not in (Role.INIT, Role.EPHEMERAL):
        return
    kind = "An init container" if role is Role.INIT else "An ephemeral container"
    advice = "Remove it, or make this a sidecar: restartPolicy: Always." if role is Role.INIT else "Remove it."
    for key in ("lifecycle", *_PROBES):
        if fields.has(key):
            fields.say(key, f"{kind} takes no {key}. {advice}")


def _environment(fields: Fields) -> list[tuple[str, str | None]]:
    variables: list[tuple[str, str | None]] = []
    for variable in fields.list_of_fields("env"):
        name = variable.text("name")
        if name is None:
            variable.complaints.say(
                variable.at, "This variable has no name. Kubernetes wants one: write name: VAR, say."
            )
            continue
        value = variable.text("value")
        # Neither value nor valueFrom is the empty value, as in the API.
        variables.append((name, value if value is not None or variable.has("valueFrom") else ""))
    return variables


def _config_variables(fields: Fields) -> Iterator[str]:
    for source in fields.list_of_fields("envFrom"):
        reference = source.fields("configMapRef")
        if reference is not None and (name := reference.text("name")):
            yield name
    for variable in fields.list_of_fields("env"):
        source_of = variable.fields("valueFrom")
        reference = source_of.fields("configMapKeyRef") if source_of is not None else None
        if reference is not None and (name := reference.text("name")):
            yield name


def _config_volumes(spec: Fields) -> dict[str, tuple[ConfigMount, ...]]:
    """Volumes made of ConfigMaps, by name; a projected one may hold several."""
    volumes: dict[str, tuple[ConfigMount, ...]] = {}
    for volume in spec.list_of_fields("volumes"):
        projected = volume.fields("projected")
        sources = [volume] if projected is None else list(projected.list_of_fields("sources"))
        mode = None if projected is None else _mode(projected, "defaultMode")
        maps = tuple(found for source in sources if (found := _config_volume(source, mode)) is not None)
        if maps and (name := volume.text("name")):
            volumes[name] = maps
    return volumes


def _claims(spec: Fields) -> Iterator[str]:
    for volume in spec.list_of_fields("volumes"):
        if volume.has("persistentVolumeClaim") and (claim := volume.fields("persistentVolumeClaim")) is not None:
            yield claim.text("claimName") or ""


def _required_labels(spec: Fields) -> Iterator[tuple[str, str]]:
    """What nodeAffinity requires, where it has one term only, and one value for a label."""
    required: Fields | None = spec
    for key in ("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"):
        required = required.fields(key) if required is not None else None
    terms = list(required.list_of_fields("nodeSelectorTerms")) if required is not None else []
    for wanted in terms[0].list_of_fields("matchExpressions") if len(terms) == 1 else ():
        name, values = wanted.text("key"), wanted.texts("values")
        if name and wanted.text("operator") == "In" and values is not None and len(values) == 1:
            yield name, values[0]


def _config_volume(source: Fields, mode: int | None) -> ConfigMount | None:
    """`mode`: what a projected volume says of all its files."""
    config_map = source.fields("configMap")
    name = config_map.text("name") if config_map is not None else None
    if config_map is None or name is None:
        return None
    items, modes = [], []
    for item in config_map.list_of_fields("items"):
        if (key := item.text("key")) and (path := item.text("path")):
            items.append((key, path))
            if (own := _mode(item, "mode")) is not None:
                modes.append((key, own))
    own = _mode(config_map, "defaultMode") if mode is None else mode
    return ConfigMount(name, "", items=tuple(items), mode=_CONFIG_MODE if own is None else own, modes=tuple(modes))


_CONFIG_MODE = 0o644
"""Filled in by the API where nothing is written."""


def _mode(fields: Fields, key: str) -> int | None:
    return fields.whole(key, wants="permissions between 0 and 0777", most=0o777, example=0o755)


def _config_mounts(fields: Fields, volumes: Mapping[str, tuple[ConfigMount, ...]]) -> Iterator[ConfigMount]:
    for mount in fields.list_of_fields("volumeMounts"):
        path = mount.text("mountPath")
        for volume in volumes.get(mount.text("name") or "", ()):
            if path is not None and not mount.has("subPathExpr"):
                yield replace(volume, path=path, sub_path=mount.text("subPath"))


def _sysctls(spec: Fields) -> Iterator[Setting]:
    security = spec.fields("securityContext")
    for sysctl in security.list_of_fields("sysctls") if security is not None else ():
        name, value = sysctl.text("name"), sysctl.text("value")
        if name is None:
            sysctl.complaints.say(
                sysctl.at, "This sysctl has no name. Kubernetes wants one: write name: net.core.somaxconn, say."
            )
        elif value is not None:
            yield Setting(dotted(name), value, at=sysctl.path("value"))


def _ports(fields: Fields) -> list[ContainerPort]:
    ports: list[ContainerPort] = []
    for port in fields.list_of_fields("ports"):
        if not port.has("containerPort"):
            port.complaints.say(port.at, "This port has no containerPort. Kubernetes wants one: write its number.")
            continue
        number = port.port_number("containerPort")
        if number is not None:
            host_port = port.port_number("hostPort")
            ports.append(ContainerPort(number, port.text("name"), port.text("protocol") or "TCP", host_port))
    return ports


def _restart_policy(spec: Fields) -> str:
    policy = spec.text("restartPolicy")
    if policy is None or policy in _RESTART_POLICIES:
        return policy or "Always"
    meant = {known.lower(): known for known in _RESTART_POLICIES}.get(policy.lower(), "Always")
    spec.say(
        "restartPolicy",
        f"restartPolicy is {json.dumps(policy)}. Kubernetes wants Always, OnFailure or Never: write {meant}.",
    )
    return meant


def _refuse_twins(spec: Fields, containers: tuple[Container, ...]) -> None:
    seen: dict[str, Container] = {}
    for container in containers:
        if container.name in seen:
            first = spec.complaints.document.place(seen[container.name].at).line
            spec.complaints.say(
                container.at,
                f"Two containers have the name {container.name}, the first in line {first}. Give each its own name.",
            )
        seen.setdefault(container.name, container)
