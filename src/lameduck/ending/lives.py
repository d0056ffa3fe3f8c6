"""The containers of one pod: which run at first, who waits for whom, which are to be started again."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from lameduck.ending.commands import ContainerEnding, StopProbing
from lameduck.ending.container_kill import Life, Process, Step
from lameduck.ending.happenings import ProbeKind
from lameduck.ending.outcomes import reason_for, restarts
from lameduck.ending.stages import FlowError
from lameduck.ending.stop_signals import stop_signal
from lameduck.ending.versions import SIDECAR_CONTAINERS, SLEEP_ACTION
from lameduck.pod.containers import Container, Role
from lameduck.pod.handlers import Sleep
from lameduck.pod.workloads import PodSpec

__all__ = ["Lives"]


class Lives:
    """The pod's containers in the order of its spec, each in its present life."""

    def __init__(
        self,
        pod: PodSpec,
        *,
        image_stop_signals: Mapping[str, str],
        gates: frozenset[str],
        running: Collection[str] | None,
        exited: Mapping[str, int],
    ) -> None:
        """As `Flow`. Raises FlowError: an unknown container, signal or handler."""
        self._policy = pod.restart_policy
        self.restarted: list[ContainerEnding] = []
        usual = (Role.REGULAR, Role.SIDECAR)
        up = {each.name for each in pod.containers if each.role in usual} if running is None else set(running)
        for name in {*exited, *up} - {container.name for container in pod.containers}:
            raise FlowError(f"The pod has no container {name}.")
        self._all: dict[str, Life] = {}
        for container in pod.containers:
            life = _life(container, image_stop_signals.get(container.name), pod.os_name, gates)
            if container.name in exited:
                code = exited[container.name]
                life.process = Process.EXITED
                life.ending = replace(life.ending, exit_code=code, reason=reason_for(code, oom=False))
            elif container.name in up:
                life.process = Process.RUNNING
                life.presumed = running is None
            self._all[container.name] = life

    def __iter__(self) -> Iterator[Life]:
        return iter(self._all.values())

    def of(self, role: Role) -> list[Life]:
        """The containers of that role."""
        return [life for life in self if life.container.role is role]

    def named(self, name: str) -> Life:
        """The container of that name. Raises FlowError."""
        life = self._all.get(name)
        if life is None:
            raise FlowError(f"The pod has no container {name}.")
        return life

    def after(self, life: Life) -> list[Life]:
        """Those after it in the spec."""
        every = list(self)
        return every[every.index(life) + 1 :]

    def started(self, life: Life, *, has_post_start: bool) -> None:
        """Begin a new life: what was known of the last one is put aside (T74)."""
        if life.process is Process.EXITED:
            self.restarted.append(life.ending)
        life.process = Process.RUNNING
        life.ending = ContainerEnding(life.name)
        life.presumed = life.signalled = life.awaited = life.restarting = False
        life.restart_at = None
        life.in_post_start = has_post_start

    def restarts(self, life: Life) -> bool:
        """Whether it is started again if it has exited."""
        return restarts(life, self._policy)

    @property
    def are_over(self) -> bool:
        """All regular containers have exited, and none is to be started again (T49)."""
        return all(life.process is Process.EXITED and not self.restarts(life) for life in self.of(Role.REGULAR))

    @property
    def are_down(self) -> bool:
        """Every kill is over (T40)."""
        return all(life.kill is None or life.kill.step is Step.DONE for life in self)

    @property
    def keep_busy(self) -> bool:
        """Whether the pod's one worker is in the middle of something that it does not leave for a termination (T11)."""
        return any(life.in_post_start or life.restarting or life.awaited or life.kill is not None for life in self)

    def turn_came(self, life: Life) -> bool:
        """Whether all that stop before a sidecar have: the regular containers, and the sidecars after it (T41).

        What did not run when the ending began does not count (T44), nor do plain init and ephemeral ones (T41, T47).
        """
        before = [
            *self.of(Role.REGULAR),
            *(other for other in self.after(life) if other.container.role is Role.SIDECAR),
        ]
        return all(other.kill is None or other.kill.step is Step.DONE for other in before)

    def stop_probing_first(self) -> list[StopProbing]:
        """When the ending begins: liveness and startup probes of regular containers (T69); sidecars' go on (T70)."""
        running = [life for life in self.of(Role.REGULAR) if life.runs]
        return _stop_probing(running, (ProbeKind.LIVENESS, ProbeKind.STARTUP))

    def stop_probing_last(self) -> list[StopProbing]:
        """When all are down: what is left (T69)."""
        left = [StopProbing(life.name, _probes(life, tuple(ProbeKind))) for life in self.of(Role.SIDECAR) if life.kill]
        regular = [life for life in self.of(Role.REGULAR) if life.kill is not None]
        return [*(each for each in left if each.probes), *_stop_probing(regular, (ProbeKind.READINESS,))]


def _life(container: Container, image: str | None, os_name: str | None, gates: frozenset[str]) -> Life:
    hook = container.pre_stop
    if container.role is Role.SIDECAR and SIDECAR_CONTAINERS not in gates:  # its restartPolicy is dropped
        container = replace(container, role=Role.INIT)
    if container.role in (Role.INIT, Role.EPHEMERAL):  # T46, T47
        hook = None
    if isinstance(hook, Sleep) and SLEEP_ACTION not in gates:
        raise FlowError(f"Container {container.name}: this version does not accept a sleep handler.")
    try:
        signal = stop_signal(container, image=image, os_name=os_name, gates=gates)
    except ValueError as error:
        raise FlowError(f"Container {container.name}: {error}.") from error
    return Life(container, signal, Process.NEVER_STARTED, ContainerEnding(container.name), hook)


def _stop_probing(lives: list[Life], kinds: tuple[ProbeKind, ...]) -> list[StopProbing]:
    found = [StopProbing(life.name, _probes(life, kinds)) for life in lives]
    return [each for each in found if each.probes]


def _probes(life: Life, kinds: tuple[ProbeKind, ...]) -> tuple[ProbeKind, ...]:
    has = {
        ProbeKind.STARTUP: life.container.startup,
        ProbeKind.READINESS: life.container.readiness,
        ProbeKind.LIVENESS: life.container.liveness,
    }
    return tuple(kind for kind in kinds if has[kind] is not None)
