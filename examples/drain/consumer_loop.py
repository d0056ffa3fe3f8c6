"""A consumer loop, as with Kafka: stop polling, finish the record in hand, commit what is done, leave the group.

A consumer that is killed keeps its partitions until its session times out (45 s with Kafka's defaults), and what it had
done since its last commit is done again. Here the next consumer begins at once, where this one ended.

With confluent-kafka: `run(Consumer({..., "enable.auto.commit": False}), handle)` after `consumer.subscribe([...])`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from lameduck import drain

if TYPE_CHECKING:
    from collections.abc import Callable

POLLS_FOR_S = 0.5
"""How late the loop may see the stop."""


class Consumer(Protocol):
    """What is used of confluent_kafka.Consumer. Others call it differently: poll of kafka-python answers many."""

    def poll(self, timeout: float) -> Any: ...
    def store_offsets(self, message: Any) -> None: ...
    def commit(self, *, asynchronous: bool) -> Any: ...
    def close(self) -> None: ...


def run(consumer: Consumer, handle: Callable[[Any], None]) -> None:
    """Handle records until the stop. For the main thread."""

    # The last registered runs first: commit, then leave the group.
    @drain.on_stop(name="leave the group", within=3)
    def leave() -> None:
        consumer.close()

    @drain.on_stop(name="commit", within=3)
    def commit() -> None:
        consumer.commit(asynchronous=False)

    drain.stand()
    while not drain.stopping:
        message = consumer.poll(POLLS_FOR_S)
        if message is None:
            continue
        with drain.work(f"record {message.offset()}"):
            handle(message)
            # Only what is done: a record that the deadline cuts is the next consumer's.
            consumer.store_offsets(message)
    drain.finish()
