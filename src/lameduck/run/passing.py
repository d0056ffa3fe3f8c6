"""Passing a signal on: to whom, and to nobody twice.

In the usual manner a stop signal goes past shells that do not catch it. What such a shell starts afterwards may be the
script's clean-up, or a loop that starts the service anew: the same command again is a loop, and the shell hears the
signal then; anything else does after five seconds.
"""

from __future__ import annotations

import os

from lameduck.run import tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Passing"]

CLEANS_UP_WITHIN_S = 5.0
"""What a script starts after the stop has so long to end by itself."""


class Passing:
    """Who has been told to stop, and who is still to be."""

    def __init__(self, reach: str) -> None:
        self.reach = reach
        self.told: set[tuple[int, int]] = set()
        """PID and start time of everybody who was told to stop."""
        self.commands: dict[bytes, list[tuple[int, int]]] = {}
        self.seen_at: dict[tuple[int, int], float] = {}

    def once(self, root: int, signum: int) -> list[str]:
        """Pass a signal on that is no stop: as often as it comes. The names of who got it."""
        if self.reach == "shells" and not tree.is_shell(root):
            return self.give([root], signum)
        return self.give(self.among(root, signum), signum)

    def stop(self, roots: Iterable[int], signum: int, *, again: bool = False) -> list[str]:
        """Tell everybody below these roots who is to hear it and has not been told; `again`: told or not."""
        names: list[str] = []
        for root in roots:
            for pid in self.among(root, signum):
                if again or self.mark(pid):
                    names += self.give([pid], signum)
        return names

    def follow(self, root: int, signum: int, now: float) -> list[str]:
        """Tell those whom a shell has started since: the same command again at once, others after a time."""
        if self.reach != "shells" or not tree.is_shell(root) or tree.catches(root, signum):
            return []
        names: list[str] = []
        seen: dict[tuple[int, int], float] = {}
        for pid, past in tree.hearers(root, signum):
            since = tree.started(pid)
            if since is None or (pid, since) in self.told:
                continue
            seen[pid, since] = self.seen_at.get((pid, since), now)
            before = self.commands.get(tree.words(pid), [])
            loops = pid != root and bool(before) and not any(tree.started(old) == then for old, then in before)
            if loops or now >= seen[pid, since] + CLEANS_UP_WITHIN_S:
                for one in (*past, pid) if loops else (pid,):
                    if self.mark(one):
                        names += self.give([one], signum)
        self.seen_at = seen
        return names

    def among(self, root: int, signum: int) -> list[int]:
        """Who is to hear a signal that is meant for this root."""
        if self.reach == "shells":
            return [pid for pid, _ in tree.hearers(root, signum)]
        if self.reach == "tree":
            return [root, *tree.below(root)]
        if self.reach == "group":
            try:
                group = os.getpgid(root)
            except ProcessLookupError:
                return [root]
            members = [pid for pid in [root, *tree.below(os.getpid())] if group_of(pid) == group]
            return list(dict.fromkeys(members))
        return [root]

    def mark(self, pid: int) -> bool:
        """Remember that it is told now; False: it has been before, or is gone."""
        since = tree.started(pid)
        if since is None or (pid, since) in self.told:
            return False
        self.told.add((pid, since))
        self.commands.setdefault(tree.words(pid), []).append((pid, since))
        return True

    def give(self, pids: list[int], signum: int) -> list[str]:
        """Send it. The names of those who got it: `nginx (7)`."""
        names = []
        for pid in pids:
            try:
                os.kill(pid, signum)
            except ProcessLookupError:
                continue
            except PermissionError:
                names.append(f"not allowed: {tree.program(pid)} ({pid})")
                continue
            names.append(f"{tree.program(pid)} ({pid})")
        return names


def group_of(pid: int) -> int:
    """Its process group; 0: it is gone."""
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0
