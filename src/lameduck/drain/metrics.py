"""State and work in flight as metrics, for those who have Prometheus' client or OpenTelemetry installed.

Both read when they are asked; nothing is counted for them in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lameduck.drain import here
from lameduck.drain.states import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["opentelemetry", "prometheus"]

GAUGES: tuple[tuple[str, str, Callable[[dict[str, Any]], float]], ...] = (
    ("in_flight", "Pieces of work under way, streams among them", lambda now: now["in_flight"]),
    ("streams", "Work that goes on until it is told to end", lambda now: now["streams"]),
    (
        "oldest_seconds",
        "Age of the oldest work in flight; 0 if there is none",
        lambda now: (now["oldest"] or {}).get("age_s", 0.0),
    ),
    (
        "remaining_seconds",
        "Time until work in flight is cancelled, once a stop has begun",
        lambda now: now["remaining_s"],
    ),
)


def prometheus(registry: Any = None) -> None:
    """Register `lameduck_in_flight` and the others with a registry, the default one if none is named.

    Raises ImportError without prometheus_client.
    """
    from prometheus_client.core import REGISTRY, GaugeMetricFamily

    class Collector:
        def collect(self) -> Iterator[Any]:
            now = here().snapshot()
            for name, words, value in GAUGES:
                yield GaugeMetricFamily(f"lameduck_{name}", words, value=value(now))
            states = GaugeMetricFamily("lameduck_state", "1 for the state that the process is in", labels=["state"])
            for state in State:
                states.add_metric([state.value], float(state.value == now["state"]))
            yield states

    (registry or REGISTRY).register(Collector())


def opentelemetry(meter: Any = None) -> None:
    """Make observable gauges `lameduck.in_flight` and the others, of the global meter provider if no meter is named.

    Raises ImportError without opentelemetry-api.
    """
    from opentelemetry.metrics import CallbackOptions, Observation, get_meter

    meter = meter or get_meter("lameduck")

    def observed(value: Callable[[dict[str, Any]], float]) -> Callable[[CallbackOptions], list[Observation]]:
        return lambda _options: [Observation(value(here().snapshot()))]

    for name, words, value in GAUGES:
        unit = "s" if name.endswith("_seconds") else "1"
        meter.create_observable_gauge(
            f"lameduck.{name.removesuffix('_seconds')}", [observed(value)], unit=unit, description=words
        )

    def states(_options: CallbackOptions) -> list[Observation]:
        state = here().state
        return [Observation(int(state is other), {"state": other.value}) for other in State]

    meter.create_observable_gauge("lameduck.state", [states], description="1 for the state that the process is in")
