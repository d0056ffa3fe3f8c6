"""What the adapter knows of waitress beyond its documentation: fails when waitress changes it."""

from __future__ import annotations

import inspect
from importlib import import_module
from importlib.metadata import version
from typing import Any

task: Any = import_module("waitress.task")

TRIED = ("3.0",)


def test_the_installed_version_is_among_those_tried() -> None:
    assert version("waitress").rpartition(".")[0] in TRIED


def test_the_write_that_start_response_returns_belongs_to_what_can_end_the_connection() -> None:
    source = inspect.getsource(task.WSGITask.execute)
    assert "return self.write" in source
    assert list(inspect.signature(task.Task.set_close_on_finish).parameters) == ["self"]
    assert '("Connection", "close")' in inspect.getsource(task.Task.set_close_on_finish)


def test_waitress_is_known_by_its_environ() -> None:
    assert '"waitress.client_disconnected"' in inspect.getsource(task.WSGITask.get_environment)
