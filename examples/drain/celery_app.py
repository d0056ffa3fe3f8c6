"""A Celery worker that ends within the grace, and gives back what it cannot finish.

    celery -A celery_app worker                    (with REDIS_URL in the environment)

A task that runs when the pod ends is finished if the grace is long enough for it. One that takes longer is put back
into its queue, and another worker begins it anew; a task that must not be begun twice says so.
"""

import os

from celery import Celery

from lameduck import drain

app = Celery("shop", broker=os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"))
drain.celery(app)


@app.task  # type: ignore[untyped-decorator]
def resize(picture: str) -> None:
    """Does the same when it is done again: the default."""
    print(f"resized {picture}", flush=True)


@app.task(acks_late=False)  # type: ignore[untyped-decorator]
def charge(customer: str) -> None:
    """Is never begun twice. What the grace cuts is named in the report, and the exit code is 75."""
    print(f"charged {customer}", flush=True)
