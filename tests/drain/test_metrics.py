"""Metrics, read by the real clients."""

from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import CollectorRegistry, generate_latest

from lameduck import drain
from lameduck.drain import metrics


def test_prometheus_reads_what_is_in_flight_now() -> None:
    registry = CollectorRegistry()
    metrics.prometheus(registry)
    with drain.work("job 1"), drain.work("job 2"):
        text = generate_latest(registry).decode()
    assert "lameduck_in_flight 2.0" in text
    assert 'lameduck_state{state="serving"} 1.0' in text
    assert 'lameduck_state{state="lame duck"} 0.0' in text
    assert "lameduck_in_flight 0.0" in generate_latest(registry).decode()


def test_opentelemetry_does_too() -> None:
    reader = InMemoryMetricReader()
    metrics.opentelemetry(MeterProvider([reader]).get_meter("test"))
    with drain.work("job"):
        data: Any = reader.get_metrics_data()
    points = {
        metric.name: [(point.value, dict(point.attributes)) for point in metric.data.data_points]
        for metric in data.resource_metrics[0].scope_metrics[0].metrics
    }
    assert points["lameduck.in_flight"] == [(1, {})]
    assert points["lameduck.remaining"][0][0] > 20
    assert (1, {"state": "serving"}) in points["lameduck.state"]
