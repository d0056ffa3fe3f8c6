"""The consumer loop of the examples on a consumer that is none: 100 records, and a line for each thing it is asked."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "examples/drain"))
from consumer_loop import run


@dataclass(frozen=True, slots=True)
class Record:
    number: int

    def offset(self) -> int:
        return self.number


class FakeConsumer:
    def __init__(self) -> None:
        self.next = self.stored = 0

    def poll(self, timeout: float) -> Record | None:
        if self.next == 100:
            time.sleep(timeout)
            return None
        self.next += 1
        return Record(self.next - 1)

    def store_offsets(self, message: Record) -> None:
        self.stored = message.number + 1

    def commit(self, *, asynchronous: bool) -> None:
        print("committed", self.stored, flush=True)

    def close(self) -> None:
        print("left", 0, flush=True)


def handle(record: Record) -> None:
    print("begin", record.number, flush=True)
    time.sleep(float(os.environ.get("RECORD_S", "0.4")))
    print("end", record.number, flush=True)


if __name__ == "__main__":
    run(FakeConsumer(), handle)
