"""Process that creates and ends promotions on command: ``python -m tests.races.processes <range size>``.

It reads ``begin <brand> <segment type>``, ``work`` and ``end`` from standard input, executes each command at once and
answers with a line: ``ok``, or the error.
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
from promotions.models import Promotion  # noqa: E402
from redemptions.lifecycle import Action  # noqa: E402
from segments import services  # noqa: E402
from segments.models import FILLABLE_STATES, Segment, State  # noqa: E402
from segments.services import customer_ranges  # noqa: E402

OFFER = {"benefits": [{"kind": "percent", "value": "10"}]}


def create_promotion(slug: str, segment_type: str, at: datetime) -> Promotion:
    """Create a promotion that starts now."""
    fields: dict[str, Any] = {
        "name": segment_type, "target_audience": segment_type, "trigger": "automatic", "offer": OFFER,
        "start_date": at, "end_date": at + timedelta(days=7),
    }  # fmt: skip
    return promotions.create_promotion(brand=Brand.objects.get(slug=slug), fields=fields, code=None, at=at)


def process_queue(at: datetime) -> None:
    """Process the queue as a worker does, until no segment is due."""
    while Segment.objects.filter(Q(state__in=FILLABLE_STATES, due_at__lte=at) | Q(state=State.RELEASING)).exists():
        services.process_queue(at=at)
        time.sleep(0.05)


def main() -> None:
    created: list[Promotion] = []
    for line in sys.stdin:
        command, *arguments = line.split()
        try:
            if command == "begin":
                created.append(create_promotion(arguments[0], arguments[1], timezone.now()))
            elif command == "end":
                promotions.change_decision(promotion=created.pop(), action=Action.END, at=timezone.now())
            process_queue(timezone.now())
        except Exception as error:  # noqa: BLE001  (the test judges it)
            print(f"{command}: {type(error).__name__}: {error}".replace("\n", " "), flush=True)
        else:
            print("ok", flush=True)


if __name__ == "__main__":
    customer_ranges.RANGE_SIZE = int(sys.argv[1])
    main()
