"""What the gRPC adapters use of grpcio beyond its documentation: here it is seen when a release changes it."""

from __future__ import annotations

import inspect
from importlib.metadata import version

from grpc_health.v1 import health


def test_grpcio_is_a_version_that_was_read() -> None:
    for package in ("grpcio", "grpcio-health-checking"):
        major, minor = (int(part) for part in version(package).split(".")[:2])
        assert major == 1, package
        assert 60 <= minor < 90, f"read grpc/_server.py and grpc_health again: {package} is 1.{minor}"


def test_the_health_service_answers_a_watch_through_a_callback() -> None:
    from grpc import _server

    servicer = health.HealthServicer()
    assert servicer.Watch.experimental_non_blocking is True
    assert servicer.Watch.experimental_thread_pool is None
    assert list(inspect.signature(servicer.Watch).parameters) == ["request", "context", "send_response_callback"]
    assert "experimental_non_blocking" in inspect.getsource(_server)
    assert "experimental_thread_pool" in inspect.getsource(_server)


def test_both_health_services_can_enter_the_shutdown() -> None:
    assert not inspect.iscoroutinefunction(health.HealthServicer.enter_graceful_shutdown)
    assert inspect.iscoroutinefunction(health.aio.HealthServicer.enter_graceful_shutdown)
