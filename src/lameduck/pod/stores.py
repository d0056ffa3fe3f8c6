"""Databases, brokers and the like: their clients hold connections, and often only one of them may write."""

from functools import lru_cache

from lameduck.pod.containers import Container

__all__ = ["is_store"]

_NAMES = (
    *("cassandra", "clickhouse", "cockroach", "consul", "couchbase", "couchdb", "elasticsearch", "etcd", "influxdb"),
    *("kafka", "keydb", "mariadb", "memcached", "minio", "mongo", "mosquitto", "mssql", "mysql", "nats", "neo4j"),
    *("opensearch", "percona", "postgis", "postgres", "pulsar", "rabbitmq", "redis", "redpanda", "scylla", "solr"),
    *("timescaledb", "valkey", "vault", "zookeeper", "qdrant", "milvus", "weaviate", "dragonfly", "rethinkdb"),
)


def is_store(container: Container) -> bool:
    """Whether its image's name says that it keeps data for clients that stay connected."""
    return _is_store((container.image or "").partition("@")[0].rpartition("/")[2].partition(":")[0].lower())


@lru_cache(maxsize=1024)  # several findings ask, and most pods of a tree run the same few images
def _is_store(name: str) -> bool:
    return any(name.startswith(store) or f"-{store}" in name for store in _NAMES)
