"""Which ports a process tree listens on where there is no /proc: asked of `ps` and `lsof`, which macOS has."""

import asyncio
import shutil

__all__ = ["listening_sockets", "parse_lsof", "parse_ps"]


async def listening_sockets(root: int) -> frozenset[tuple[str, int]]:
    """(address, port) of the TCP sockets in state LISTEN of that process and all below it; none if lsof is missing."""
    tree = (root, *parse_ps(await _output("ps", "-A", "-o", "pid=", "-o", "ppid="), root))
    pids = ",".join(str(pid) for pid in tree)
    return parse_lsof(await _output("lsof", "-nP", "-a", "-iTCP", "-sTCP:LISTEN", "-p", pids, "-Ftn"))


def parse_ps(listing: str, root: int) -> tuple[int, ...]:
    """The processes below root in a listing of `PID PARENT` lines, parents before their children."""
    children: dict[int, list[int]] = {}
    for line in listing.splitlines():
        pid, parent = line.split()
        children.setdefault(int(parent), []).append(int(pid))
    found: list[int] = []
    queue = [root]
    while queue:
        below = children.get(queue.pop(0), [])
        found += below
        queue += below
    return tuple(found)


def parse_lsof(fields: str) -> frozenset[tuple[str, int]]:
    """The sockets in lsof's field output (-Ftn): `t` is the family of the `n` that follows, `*` any address."""
    found: set[tuple[str, int]] = set()
    family = "IPv4"
    for line in fields.splitlines():
        if line.startswith("t"):
            family = line[1:]
        elif line.startswith("n"):
            address, _, port = line[1:].rpartition(":")
            if address == "*":
                address = "::" if family == "IPv6" else "0.0.0.0"
            found.add((address.strip("[]"), int(port)))
    return frozenset(found)


async def _output(program: str, *arguments: str) -> str:
    """What the program prints; nothing if it is missing. lsof exits 1 when it finds nothing."""
    path = shutil.which(program, path="/usr/sbin:/usr/bin:/bin")  # lsof is in sbin, which a user's PATH may lack
    if path is None:
        return ""
    asked = await asyncio.create_subprocess_exec(
        path, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    output, _ = await asked.communicate()
    return output.decode(errors="replace")
