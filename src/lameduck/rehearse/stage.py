"""The stage: the replicas of a workload, and its controller, who creates and deletes them as the files say."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from lameduck.pod.durations import Seconds
from lameduck.pod.place import InputError
from lameduck.pod.workloads import Workload
from lameduck.rehearse.casting import Cast
from lameduck.rehearse.ports import Ports
from lameduck.rehearse.replacing import (
    PodState,
    Replacing,
    Steps,
    replacement_due,
    replacing_of,
    rollout_steps,
)
from lameduck.rehearse.replica import Replica, Surroundings
from lameduck.rehearse.settling import at_rest

__all__ = ["Stage"]


@dataclass(slots=True)
class _Member:
    replica: Replica
    starting: asyncio.Task[None]


class Stage:
    """All replicas there ever were in a rehearsal. `changed` wakes whoever decides on the next step."""

    def __init__(
        self, workload: Workload, cast: Cast, replicas: int, surroundings: Callable[[Callable[[], None]], Surroundings]
    ) -> None:
        self._workload = workload
        self._cast = cast
        self._replicas = replicas
        self._changed = asyncio.Event()
        self._around = surroundings(self._changed.set)
        self._members: list[_Member] = []
        self._ports = Ports()
        self._start_within = Seconds(0)

    @property
    def replicas(self) -> tuple[Replica, ...]:
        """All replicas, in the order of their creation."""
        return tuple(member.replica for member in self._members)

    async def open(self, *, within_s: Seconds) -> None:
        """Start the first replicas and wait until all are Ready. Raises InputError if one does not get there."""
        self._start_within = within_s
        for _ in range(self._replicas):
            self._create(old=True, replacement=False)
        await asyncio.gather(*(member.starting for member in self._members))
        for replica in self.replicas:
            try:
                await asyncio.wait_for(replica.ready.wait(), within_s)
            except TimeoutError:
                raise InputError(
                    f"{replica.name} did not get ready within {within_s:g} s{replica.last_failure()}.",
                    at=None,
                    do="See its output with -v, mend its readiness probe, or allow more time with --start-within.",
                ) from None

    def close(self) -> None:
        """Give back what it holds of this machine, once its processes are gone or about to be. Twice is fine."""
        self._ports.close()

    async def settle(self, *, most_s: Seconds) -> None:
        """Wait until the programs of all replicas have come to rest, at most so long."""
        await at_rest([pid for replica in self.replicas for pid in replica.pids], most_s=most_s)

    def check_running(self) -> None:
        """Raises InputError if a container has ended by itself."""
        for replica in self.replicas:
            replica.check_running()

    async def end_one_pod(self, grace_s: int | None) -> None:
        """Delete one pod, let its controller replace it, and wait until it is gone and the Service has a pod again.

        Raises InputError if the Service waits for a replacement that does not get ready in the time its probes allow.
        """
        target = self.replicas[0]
        replacing = replacing_of(self._workload)
        target.delete(grace_s)
        while not replacement_due(replacing, self._state(target)):
            if target.gone.is_set():
                break
            await self._next_change()
        if replacing is not Replacing.NEVER:
            replacement = self._create(old=False, replacement=True)
            # Only a Service that has nobody else needs the replacement to end the losses.
            if self._replicas == 1:
                await self._wait_ready(replacement)
        await target.gone.wait()

    async def roll_out(self, grace_s: int | None) -> None:
        """Replace all replicas as the workload's controller would, and wait until the last old one is gone."""
        while True:
            self._changed.clear()
            states = [self._state(replica) for replica in self.replicas]
            steps = rollout_steps(self._workload, self._replicas, states)
            for replica in self.replicas:
                if replica.name in steps.delete:
                    replica.delete(grace_s)
            for _ in range(steps.create):
                replacement = self._create(old=False, replacement=True)
                self._around.tasks.create_task(self._wait_ready(replacement))
            if steps != Steps():
                continue
            if self._rolled_out(states):
                break
            await self._changed_or_available()
        for replica in self.replicas:
            if replica.old:
                await replica.gone.wait()  # after a force delete the processes outlive the object (T6, T9)

    def _rolled_out(self, states: list[PodState]) -> bool:
        new_available = sum(not state.old and state.available for state in states)
        return all(state.gone for state in states if state.old) and new_available >= self._replicas

    def _state(self, replica: Replica) -> PodState:
        return replica.state(min_ready_s=self._workload.min_ready_s)

    def _create(self, *, old: bool, replacement: bool) -> Replica:
        number = len(self._members) + 1
        generation = "a" if old or not replacement else "b"
        ports = {port: self._ports.take() for part in self._cast.parts for port in part.ports}
        replica = Replica(
            f"{self._workload.name}-{generation}{number}",
            number,
            self._workload.pod,
            self._cast,
            ports,
            self._around,
            old=old,
            replacement=replacement,
            # A command that does not listen where it is told will not in the replacement, either.
            find_port=not replacement or bool(self.replicas[0].own_ports),
        )
        starting = self._around.tasks.create_task(replica.start(within_s=self._start_within))
        self._members.append(_Member(replica, starting))
        return replica

    async def _wait_ready(self, replica: Replica) -> None:
        allowed = self._startup_allowance()
        try:
            await asyncio.wait_for(replica.ready.wait(), allowed)
        except TimeoutError:
            raise InputError(
                f"the replacement {replica.name} did not get ready within {allowed:g} s{replica.last_failure()}.",
                at=None,
                do="See its output with -v, mend its readiness probe, or allow more time with --start-within.",
            ) from None

    def _startup_allowance(self) -> Seconds:
        """How long a replacement may take: as the first ones, and as long as its probes wait besides (T72)."""
        longest = 0.0
        for part in self._cast.parts:
            container = part.container
            total = 0.0
            for probe in (container.startup, container.readiness):
                if probe is not None:
                    total += probe.initial_delay_s + (probe.success_threshold + 1) * probe.period_s + probe.timeout_s
            longest = max(longest, total)
        return Seconds(longest + self._start_within)

    async def _next_change(self) -> None:
        await self._changed.wait()
        self._changed.clear()

    async def _changed_or_available(self) -> None:
        """Wait for a change, or for the moment when a Ready pod has been so for minReadySeconds (T115)."""
        now = self._around.clock()
        waits = [
            replica.ready_since_s + self._workload.min_ready_s - now
            for replica in self.replicas
            if replica.ready_since_s is not None and not self._state(replica).available
        ]
        try:
            await asyncio.wait_for(self._changed.wait(), min(waits) + 0.001 if waits else None)
        except TimeoutError:
            return
