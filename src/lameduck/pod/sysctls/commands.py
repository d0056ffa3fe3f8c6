"""What a workload sets of the kernel: securityContext.sysctls, and init containers that run `sysctl -w`."""

from collections.abc import Iterator
from itertools import pairwise

from lameduck.pod.containers import Container, Role
from lameduck.pod.entry import Inside
from lameduck.pod.place import FieldPath
from lameduck.pod.shells.commands import AndOr, Command, Group, If, Node, Sequence, Text, Word
from lameduck.pod.shells.grammar import read_script
from lameduck.pod.sysctls.sysctl import Setter, Setting, Settings, dotted
from lameduck.pod.workloads import Workload

__all__ = ["settings_of"]

_SHELLS = ("sh", "bash", "ash", "dash")
_WITH_VALUE = ("-p", "-f", "-r", "--load", "--pattern")


def settings_of(workload: Workload) -> tuple[Settings, ...]:
    """Everything that sets sysctls in a workload. Only what is set for certain: a value in a variable is left out."""
    pod = workload.pod
    by_pod = (
        (Settings(Setter.POD, pod.sysctls, host_network=pod.host_network, host_ipc=pod.host_ipc),)
        if pod.sysctls
        else ()
    )
    return (*by_pod, *(_of_container(container, workload) for container in pod.containers if _sets(container)))


def _sets(container: Container) -> bool:
    """A look at the text first: scripts are rarely read."""
    return (
        container.role in (Role.INIT, Role.SIDECAR)
        and container.privileged
        and any("sysctl" in word for word in (*(container.command or ()), *(container.args or ())))
    )


def _of_container(container: Container, workload: Workload) -> Settings:
    return Settings(
        Setter.INIT,
        tuple(_commands(container)),
        container=container.name,
        host_network=workload.pod.host_network,
        host_ipc=workload.pod.host_ipc,
        on_each_node=workload.kind == "DaemonSet",
    )


def _commands(container: Container) -> Iterator[Setting]:
    words: list[tuple[str, FieldPath]] = [
        (word, (*container.at, key, number))
        for key, texts in (("command", container.command), ("args", container.args))
        for number, word in enumerate(texts or ())
    ]
    while words and _name(words[0][0]) in ("busybox", "exec"):
        words = words[1:]
    if not words:
        return
    if _name(words[0][0]) == "sysctl":
        yield from _assignments([(word, at, None) for word, at in words[1:]])
        return
    if _name(words[0][0]) in _SHELLS:
        script = next((after for before, after in pairwise(words) if _is_c(before[0])), None)
        if script is not None:
            yield from _in_script(read_script(script[0]).body, script[1])


def _is_c(word: str) -> bool:
    return word.startswith("-") and not word.startswith("--") and word.endswith("c")


def _name(word: str) -> str:
    return word.rpartition("/")[2]


def _in_script(node: Node, at: FieldPath) -> Iterator[Setting]:
    match node:
        case Sequence(items=items):
            for item, _ in items:
                yield from _in_script(item, at)
        case AndOr(left=left, right=right):
            yield from _in_script(left, at)
            yield from _in_script(right, at)
        case Group(body=body):
            yield from _in_script(body, at)
        case If(branches=branches, otherwise=otherwise):
            for _, body in branches:
                yield from _in_script(body, at)
            if otherwise is not None:
                yield from _in_script(otherwise, at)
        case Command(words=words):
            yield from _command(words, at)
        case _:
            pass  # loops, functions, pipelines: what they set depends on more than the words


def _command(words: tuple[Word, ...], at: FieldPath) -> Iterator[Setting]:
    texts = [_text(word) for word in words]
    while texts and texts[0] is not None and _name(texts[0]) in ("busybox", "exec", "sudo"):
        texts, words = texts[1:], words[1:]
    if not texts or texts[0] is None or _name(texts[0]) != "sysctl":
        return
    yield from _assignments(
        [
            (text, at, Inside(at, word.start, word.end))
            for text, word in zip(texts[1:], words[1:], strict=True)
            if text is not None
        ]
    )


def _text(word: Word) -> str | None:
    """The word without its quotes; None: only running it tells."""
    texts = [part.text for part in word.parts if isinstance(part, Text)]
    return "".join(texts) if len(texts) == len(word.parts) else None


def _assignments(words: list[tuple[str, FieldPath, Inside | None]]) -> Iterator[Setting]:
    may_fail = any(word in ("-e", "--ignore") for word, _, _ in words)
    before = ""
    for word, at, inside in words:
        key, equals, value = word.partition("=")
        if equals and not key.startswith("-") and before not in _WITH_VALUE:
            yield Setting(dotted(key.strip()), value.strip(), at=at, inside=inside, may_fail=may_fail)
        before = word
