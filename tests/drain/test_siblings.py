"""Who is the last of those that accept from a listener."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from lameduck.drain.siblings import Serving

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="abstract Unix sockets are Linux' own")

SIBLING = """
import sys
from lameduck.drain.siblings import Serving
serving = Serving()
serving.begin()
print("serves", flush=True)
for line in sys.stdin:
    print(len(serving.end()), flush=True)
"""


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def sibling(listener: socket.socket) -> Iterator[subprocess.Popen[str]]:
    """Another process that accepts from the same listener."""
    with subprocess.Popen(
        [sys.executable, "-c", SIBLING],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        pass_fds=[listener.fileno()],
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "serves\n"
        yield process
        process.kill()


def inode(listener: socket.socket) -> int:
    return os.fstat(listener.fileno()).st_ino


def test_who_is_alone_is_the_last(listener: socket.socket) -> None:
    serving = Serving()
    serving.begin()
    assert inode(listener) in serving.inodes
    assert serving.end() == frozenset()


def test_who_ends_first_leaves_the_listener_to_the_others(
    listener: socket.socket, sibling: subprocess.Popen[str]
) -> None:
    serving = Serving()
    serving.begin()
    assert serving.end() == {inode(listener)}
    assert sibling.stdin is not None
    assert sibling.stdout is not None
    sibling.stdin.write("end\n")
    sibling.stdin.flush()
    assert sibling.stdout.readline() == "0\n"


def test_a_sibling_that_was_killed_is_not_counted_on(listener: socket.socket, sibling: subprocess.Popen[str]) -> None:
    serving = Serving()
    serving.begin()
    sibling.kill()
    sibling.wait()
    assert inode(listener) not in serving.end()


def test_listeners_of_others_do_not_matter(sibling: subprocess.Popen[str]) -> None:
    serving = Serving()
    with socket.create_server(("127.0.0.1", 0)) as own:
        serving.begin()
        assert inode(own) in serving.inodes
        others = serving.end()
        assert inode(own) not in others


def test_to_begin_twice_says_it_once(listener: socket.socket) -> None:
    serving = Serving()
    serving.begin()
    tokens = len(serving.tokens)
    serving.begin()
    assert len(serving.tokens) == tokens
    assert listener.fileno() >= 0
    serving.end()
