"""Containers that stand beside an application for its sake: which software it is, by their images' names."""

from lameduck.pod.containers import Container

__all__ = ["DATABASE_PROXIES", "FRONTS", "SHIPPERS", "image_word"]

DATABASE_PROXIES = frozenset({"alloydb-auth-proxy", "cloud-sql-proxy", "gce-proxy"})
"""The application's only way to its database. At the stop signal they close it at once, unless a flag says otherwise:
--max-sigterm-delay, --min-sigterm-delay (0 by default; cmd/root.go of both proxies), -term_timeout in version 1."""
FRONTS = frozenset({"caddy", "envoy", "haproxy", "httpd", "nginx", "nginx-unprivileged", "oauth2-proxy", "traefik"})
"""They hand on what they get to another container of the pod."""
SHIPPERS = frozenset(
    {
        *("filebeat", "fluent-bit", "fluentd", "opentelemetry-collector", "opentelemetry-collector-contrib"),
        *("otel-collector", "promtail", "statsd-exporter", "telegraf", "vector"),
    }
)
"""They go on for ever by themselves, reading or waiting for what others write."""


def image_word(container: Container) -> str:
    """The last part of the image's name, without tag and digest: `nginx` for docker.io/library/nginx:1.27."""
    return (container.image or "").partition("@")[0].rpartition("/")[2].partition(":")[0].lower()
