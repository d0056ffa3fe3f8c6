"""Runs in a network namespace of its own and prints, as JSON, what this machine's kernel does there. Not a test itself.

It writes below /proc/sys/net only, and there only keys that belong to the namespace: everything else is the machine's.
"""

import fcntl
import json
import os
import socket
import struct
import sys

ROOT = "/proc/sys/"


def read(key: str) -> str:
    with open(ROOT + key.replace(".", "/"), encoding="utf-8") as file:
        return " ".join(file.read().split())


def write(key: str, value: str) -> str:
    """What the kernel answers: ok, or the name of the error."""
    try:
        opened = os.open(ROOT + key.replace(".", "/"), os.O_WRONLY)
    except OSError as error:
        return error.strerror or "error"
    try:
        os.write(opened, value.encode() + b"\n")
        return "ok"
    except OSError as error:
        return error.strerror or "error"
    finally:
        os.close(opened)


def loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS: UP and RUNNING


def tried(wanted: list[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """Each value written in its turn: the answer, and what stands there then."""
    found = []
    for key, value in wanted:
        answer = write(key, value)
        try:
            found.append((key, answer, read(key)))
        except OSError:
            found.append((key, answer, ""))
    return found


def time_wait_s() -> float:
    """How long a connection that this side closed first stays in TIME_WAIT, from the timer in /proc/net/tcp."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
        accepted.close()
        while client.recv(1):
            pass
        client.close()
    with open("/proc/net/tcp", encoding="ascii") as file:
        timers = [line.split()[5] for line in file if line.split()[3] == "06"]
    return int(timers[0].partition(":")[2], 16) / os.sysconf("SC_CLK_TCK")


def accept_queue(backlog: int) -> int:
    """What listen() made of a backlog: tcpi_sacked of a listening socket."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(backlog)
        return int(struct.unpack_from("I", listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 28)[0])


def bind_beside_a_connection(reserved: bool) -> str:
    """A server wants port 8080 after an outgoing connection had only that one to take."""
    with socket.create_server(("127.0.0.1", 20001)) as server:
        write("net.ipv4.ip_local_port_range", "8080 8081")
        write("net.ipv4.ip_local_reserved_ports", "8080" if reserved else "")
        held = []
        try:
            held += [socket.create_connection(server.getsockname()) for _ in range(1 if reserved else 2)]
            with socket.socket() as late:
                late.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                late.bind(("0.0.0.0", 8080))
                return "ok"
        except OSError as error:
            return error.strerror or "error"
        finally:
            for each in held:
                each.close()
            write("net.ipv4.ip_local_reserved_ports", "")
            write("net.ipv4.ip_local_port_range", "32768 60999")


def receive_buffer(asked: int | None) -> int:
    with socket.socket() as one:
        if asked is not None:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, asked)
        return one.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


def listed(folder: str) -> dict[str, bool]:
    """The keys of a folder, and whether they may be written."""
    path = ROOT + folder.replace(".", "/")
    if not os.path.isdir(path):
        return {}
    files = [name for name in os.listdir(path) if os.path.isfile(f"{path}/{name}")]
    return {name: bool(os.stat(f"{path}/{name}").st_mode & 0o200) for name in files}


def main() -> None:
    wanted = json.load(sys.stdin)
    loopback_up()
    answer: dict[str, object] = {"listed": {folder: listed(folder) for folder in wanted["folders"]}}
    answer["begins"] = {key: read(key) for key in ("net.ipv4.ip_local_port_range", "net.core.somaxconn")}
    answer["tried"] = tried([(key, value) for key, value in wanted["values"]])
    if wanted["sockets"]:
        write("net.ipv4.tcp_fin_timeout", "5")
        answer["time_wait_s"] = time_wait_s()
        write("net.core.somaxconn", "100")
        answer["accept_queue"] = accept_queue(2048)
        answer["bind"] = bind_beside_a_connection(reserved=False)
        answer["bind_reserved"] = bind_beside_a_connection(reserved=True)
        write("net.ipv4.tcp_rmem", "4096 50000 6291456")
        answer["receive_buffer"] = receive_buffer(None)
        answer["most_asked_for"] = receive_buffer(2**30)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
