"""Databases, brokers and the like: their clients hold connections, and often only one of them may write."""

from functools import lru_cache

from lameduck.pod.companions import DATABASE_PROXIES, FRONTS, image_word
from lameduck.pod.containers import Container

__all__ = ["is_store"]

_NAMES = (
    *("azurite", "ldap", "openldap"),
    *("cassandra", "clickhouse", "cockroach", "consul", "couchbase", "couchdb", "elasticsearch", "etcd", "influxdb"),
    *("kafka", "keydb", "mariadb", "memcached", "minio", "mongo", "mosquitto", "mssql", "mysql", "nats", "neo4j"),
    *("opensearch", "percona", "postgis", "postgres", "pulsar", "rabbitmq", "redis", "redpanda", "scylla", "solr"),
    *("timescaledb", "valkey", "vault", "zookeeper", "qdrant", "milvus", "weaviate", "dragonfly", "rethinkdb"),
)


_PORTS = frozenset({1433, 1521, 2181, 3306, 5432, 5672, 6379, 9042, 11211, 27017})
"""Of SQL Server, Oracle, ZooKeeper, MySQL, PostgreSQL, AMQP, Redis, Cassandra, memcached, MongoDB."""

_PROXIES = DATABASE_PROXIES | FRONTS  # they take connections for others, and keep nothing


def is_store(container: Container) -> bool:
    """Whether its image's name or a port says that it keeps data for clients that stay connected."""
    if any(port.number in _PORTS for port in container.ports) and image_word(container) not in _PROXIES:
        return True  # an image of one's own, such as shop/catalogue-db
    return _is_store((container.image or "").partition("@")[0].rpartition("/")[2].partition(":")[0].lower())


@lru_cache(maxsize=1024)  # several findings ask, and most pods of a tree run the same few images
def _is_store(name: str) -> bool:
    return any(name.startswith(store) or f"-{store}" in name for store in _NAMES)
