"""A process that begins and ends promotions when it is told to: ``python -m tests.races.processes <stripe>``.

It reads ``begin <brand> <segment type>``, ``work`` and ``end``, each at the moment at which it is to be done, does it,
and answers with a line: ``ok``, or what went wrong.
"""

import sys
import time
from datetime import datetime, timedelta
from typing import Any

import django

django.setup()

from django.db.models import Q  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.models import Brand  # noqa: E402
from promotions import services as promotions  # noqa: E402
from promotions.models import Promotion, Status  # noqa: E402
from segments import services  # noqa: E402
from segments.models import FILLABLE_STATES, Segment, State  # noqa: E402
from segments.services import customer_ranges  # noqa: E402

OFFER = {"benefits": [{"kind": "percent", "value": "10"}]}


def begin(slug: str, segment_type: str, at: datetime) -> Promotion:
    """A promotion that starts now."""
    fields: dict[str, Any] = {
        "name": segment_type, "target_audience": segment_type, "trigger": "automatic", "offer": OFFER,
        "status": Status.SCHEDULED, "start_date": at, "end_date": at + timedelta(days=7),
    }  # fmt: skip
    return promotions.create_promotion(brand=Brand.objects.get(slug=slug), fields=fields, code=None, at=at)


def work(at: datetime) -> None:
    """Go through the queue as a worker does, until nobody has anything to do."""
    while Segment.objects.filter(Q(state__in=FILLABLE_STATES, due_at__lte=at) | Q(state=State.RELEASING)).exists():
        services.process_queue(at=at)
        time.sleep(0.05)


def main() -> None:
    mine: list[Promotion] = []
    for line in sys.stdin:
        verb, *words = line.split()
        try:
            if verb == "begin":
                mine.append(begin(words[0], words[1], timezone.now()))
            elif verb == "end":
                promotions.end_promotion(promotion=mine.pop(), at=timezone.now())
            work(timezone.now())
        except Exception as error:  # noqa: BLE001  (the test judges it)
            print(f"{verb}: {type(error).__name__}: {error}".replace("\n", " "), flush=True)
        else:
            print("ok", flush=True)


if __name__ == "__main__":
    customer_ranges.RANGE_SIZE = int(sys.argv[1])
    main()
