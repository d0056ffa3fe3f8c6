"""What the library costs those who only import it."""

from __future__ import annotations

import subprocess
import sys

import pytest


def imported(code: str) -> set[str]:
    """The modules that code imports beside those of the interpreter's own start."""
    program = f"""
import sys
sys.path[:0] = {sys.path!r}
before = set(sys.modules)
{code}
print(*sorted(set(sys.modules) - before))
"""
    # Without site: what a virtual environment's .pth files import is not ours.
    done = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_package_itself_imports_nothing() -> None:
    assert imported("import lameduck") == {"lameduck"}


def test_the_library_imports_next_to_nothing_until_it_is_used() -> None:
    assert {name for name in imported("from lameduck import drain") if name.startswith("lameduck")} == {
        "lameduck",
        "lameduck.drain",
    }


HEAVY = {
    "asyncio",
    "http",
    "email",
    "logging",
    "multiprocessing",
    "ssl",
    "subprocess",
    "urllib",
    "ctypes",
    "argparse",
    "random",
}


@pytest.mark.parametrize(
    "code",
    [
        "from lameduck import drain",
        "from lameduck import drain; drain.here()",
        "from lameduck import drain; drain.work('job').__enter__()",
        "from lameduck import drain; drain.on_stop(print)",
        "from lameduck import drain; drain.stopping",
    ],
)
def test_a_program_without_a_loop_imports_no_loop_and_nothing_else_that_is_large(code: str) -> None:
    assert imported(code) & HEAVY == set()


def test_only_the_standard_library_is_imported() -> None:
    names = {
        name.partition(".")[0] for name in imported("from lameduck import drain; drain.asgi; drain.wsgi; drain.here()")
    }

    assert names - set(sys.stdlib_module_names) == {"lameduck"}
