"""What the adapters use of the task queues beyond their documentation: here it is seen when a release changes it."""

from __future__ import annotations

from importlib.metadata import version

import pytest


def installed(package: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version(package).split(".")[:2])


def test_celery_is_a_version_that_was_read() -> None:
    assert (5, 5) <= installed("celery") < (5, 7), "read celery/worker and celery/concurrency again"
    assert (5, 5) <= installed("kombu") < (5, 7), "read kombu/transport/virtual again"


def test_celery_has_what_its_adapter_uses() -> None:
    from celery.concurrency import prefork, thread
    from celery.worker import components, consumer, request, state
    from celery.worker.loops import asynloop
    from kombu.asynchronous import Hub
    from kombu.asynchronous.semaphore import LaxBoundedSemaphore
    from kombu.transport.virtual import Channel, QoS

    assert {"active_requests", "reserved_requests", "requests"} <= set(vars(state))
    assert request.Request._apply_result is None
    assert request.Request.time_start is None
    assert callable(LaxBoundedSemaphore.clear)
    assert callable(Hub.add_reader)
    assert callable(QoS.restore_unacked_once)
    assert "restore_unacked_once" in Channel.close.__code__.co_names
    assert callable(consumer.Consumer.call_soon)
    assert "register_with_event_loop" in asynloop.__code__.co_names
    assert components.Pool.name == "celery.worker.components.Pool"
    assert prefork.TaskPool.__module__ == "celery.concurrency.prefork"
    assert "executor" in thread.TaskPool.__init__.__code__.co_names


def test_rq_is_a_version_that_was_read() -> None:
    assert (2, 0) <= installed("rq") < (4, 0), "read rq/worker again"


def test_rq_has_what_its_adapter_uses() -> None:
    import rq
    from rq.worker.base import BaseWorker

    assert "_install_signal_handlers" in BaseWorker.work.__code__.co_names
    assert "request_force_stop" in BaseWorker.request_stop.__code__.co_names
    assert "handle_job_failure" in rq.Worker.monitor_work_horse.__code__.co_names
    assert "horse_pid" in dir(rq.Worker)
    assert "teardown" in BaseWorker.work.__code__.co_names


def test_arq_is_a_version_that_was_read() -> None:
    assert (0, 26) <= installed("arq") < (0, 29), "read arq/worker.py again"


def test_arq_has_what_its_adapter_uses() -> None:
    from arq.worker import Worker

    names = Worker.run_job.__code__.co_names
    assert {"on_job_start", "after_job_end"} <= set(names)
    assert "_job_completion_wait" in Worker._wait_for_tasks_to_complete.__code__.co_names


def test_dramatiq_is_a_version_that_was_read() -> None:
    assert (1, 17) <= installed("dramatiq") < (2, 3), "read dramatiq/worker.py and dramatiq/cli.py again"


def test_dramatiq_has_what_its_adapter_uses() -> None:
    from dramatiq import Middleware
    from dramatiq.worker import ConsumerThread, Worker

    assert {"consumers", "work_queue"} <= set(Worker.__init__.__code__.co_names)
    assert callable(ConsumerThread.requeue_messages)
    for notice in ("after_process_boot", "before_worker_boot", "after_worker_shutdown", "before_process_message"):
        assert callable(getattr(Middleware, notice))


@pytest.mark.parametrize("package", ["arq", "celery", "dramatiq", "redis", "rq"])
def test_the_library_imports_no_task_queue_by_itself(package: str) -> None:
    import subprocess
    import sys

    program = f"import sys; from lameduck import drain; drain.here(); sys.exit('{package}' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
