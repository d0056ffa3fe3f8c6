"""Traffic as clients behind a Service send it: open loop, from a distance, each request's fate on record."""

from lameduck.rehearse.traffic.backends import Activity, Backend, Balancer
from lameduck.rehearse.traffic.plan import DEFAULT_MIX, Retry, Share, Spacing, TrafficPlan, parse_mix
from lameduck.rehearse.traffic.pressure import Pressure
from lameduck.rehearse.traffic.traffic import Traffic

__all__ = [
    "DEFAULT_MIX",
    "Activity",
    "Backend",
    "Balancer",
    "Pressure",
    "Retry",
    "Share",
    "Spacing",
    "Traffic",
    "TrafficPlan",
    "parse_mix",
]
