"""The line behind a campaign: who signed in and got nothing, in the order of their coming."""

import uuid
from datetime import datetime

from django.db import transaction

from promoplatform.kernel import db
from promoplatform.kernel.ids import uuid7
from vouchers.models import CampaignCounter, CampaignState

CHUNK = 5_000  # vouchers that one statement gives


def serve(*, campaign_id: uuid.UUID, at: datetime) -> int:
    """Give what is left of an open campaign's quota to the first in line; how many got a voucher.

    Newcomers wait for the counter meanwhile. Where nobody waits, or nothing is left, nothing happens.
    """
    total = 0
    while served := _serve_some(campaign_id, at):
        total += served
    return total


@transaction.atomic
def _serve_some(campaign_id: uuid.UUID, at: datetime) -> int:
    """One statement's worth, under the counter's lock: taken before, so that the statement sees all that was given."""
    locked = CampaignCounter.objects.select_for_update(of=("self",), no_key=True)
    counter = locked.filter(campaign=campaign_id, campaign__state=CampaignState.OPEN).first()
    if counter is None or counter.issued == counter.quota:
        return 0
    ids = [uuid7() for _ in range(min(CHUNK, counter.quota - counter.issued))]
    row = db.one("vouchers/sql/serve_line.sql", {"campaign": campaign_id, "ids": ids, "at": at})
    return row["served"] if row else 0
