"""Process of the event trial that is killed: it writes events, rolls them up, or delivers them as a webhook reader.

    python -m tests.faults.event_storm write <brand> <offer> | roll | deliver

A writer appends the events of orders in transactions of different lengths, of which it rolls some back. The reader that
delivers stores the ID of each event with its position in one transaction, as whoever must send each event once does.
"""

import random
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace

import django

django.setup()

from django.db import connection, transaction  # noqa: E402  (after Django)
from django.utils import timezone  # noqa: E402

from core.ids import uuid7  # noqa: E402
from redemptions.events import selectors  # noqa: E402
from redemptions.events.contracts import EventFilter, EventType, NewEvent, Position  # noqa: E402
from redemptions.events.services import append_events, get_horizon, lock_reader  # noqa: E402
from redemptions.results.services import rollup  # noqa: E402

READER = "deliveries"
PAGE = 2_000
INSERT = "INSERT INTO event_trial_delivery (id, tx) SELECT * FROM unnest(%s::uuid[], %s::bigint[])"


def iter_events(brand: uuid.UUID, offer: uuid.UUID, chance: random.Random) -> Iterator[NewEvent]:
    """Yield the events of one to forty orders: each is confirmed, and some are returned or refused."""
    for _ in range(chance.randint(1, 40)):
        at, key = timezone.now(), uuid7()
        amount = chance.randint(1, 1_000)
        confirmed = NewEvent(
            EventType.REDEMPTION_CONFIRMED, at, brand, kind="promotion", offer=offer, redemption=key, order=key.hex,
            amount=amount, subtotal=amount * 5, currency="EUR",
        )  # fmt: skip
        yield confirmed
        if chance.random() < 0.2:
            data = {"confirmed_at": at.isoformat()}
            yield replace(confirmed, type=EventType.REDEMPTION_RETURNED, subtotal=None, data=data)
        if chance.random() < 0.2:
            yield NewEvent(
                EventType.REDEMPTION_REJECTED, at, brand, kind="promotion", offer=offer, reason={"code": "code_expired"}
            )


def write(brand: uuid.UUID, offer: uuid.UUID) -> None:
    """Append events until the process is killed."""
    chance = random.Random()
    while True:
        with transaction.atomic():
            for _ in range(chance.randint(1, 3)):
                append_events(iter_events(brand, offer, chance))
                if chance.random() < 0.1:
                    time.sleep(chance.choice([0.001, 0.02, 0.2]))
            if chance.random() < 0.1:
                transaction.set_rollback(True)


def deliver() -> None:
    """Deliver events until the process is killed."""
    while True:
        if not deliver_page():
            time.sleep(0.05)


@transaction.atomic
def deliver_page() -> int:
    """Store the next events in the order in which they are read, and move the reader. Return their number."""
    reader = lock_reader(READER)
    if reader is None:
        return 0
    end = get_horizon()
    page = selectors.read_events(wanted=EventFilter(), after=Position(reader.tx), limit=PAGE)
    rows = [row for row in page.events if row["tx"] < end]
    if len(rows) == PAGE:  # the last transaction may have more events than the page
        end = rows[-1]["tx"]
        rows = [row for row in rows if row["tx"] < end]
    else:
        end = min(end, page.position.tx)
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [[row["id"] for row in rows], [row["tx"] for row in rows]])
    reader.tx = end
    reader.save()
    return len(rows)


def main() -> None:
    """Run what the command line names."""
    print("ready", flush=True)
    role, *arguments = sys.argv[1:]
    if role == "write":
        write(*map(uuid.UUID, arguments))
    elif role == "deliver":
        deliver()
    while True:
        rollup.roll_up()
        time.sleep(0.2)


if __name__ == "__main__":
    main()
