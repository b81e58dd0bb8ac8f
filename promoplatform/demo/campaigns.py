"""Demo campaigns: one that is active, and one that has ended."""

from datetime import datetime, timedelta

from accounts.models import Brand
from vouchers.contracts import LoginEvent
from vouchers.services import create, process_events

ACTIVE_SLUG, ENDED_SLUG = "first-top-up", "early-birds"
VISITORS, QUOTA = 90, 40


def create_campaigns(brands: dict[str, Brand], *, at: datetime) -> int:
    """Create two campaigns of the brand ``cake`` and return their number: one active, one of yesterday."""
    cake = brands["cake"]
    _create_ended_campaign(cake, at - timedelta(days=1))
    fields = {
        "name": "First top-up", "slug": ACTIVE_SLUG, "description": "30% off your first top-up", "start_date": at,
        "end_date": at + timedelta(days=365), "reassign_unused": True,
    }  # fmt: skip
    create(brand=cake, quota=100, fields=fields, at=at)
    return 2


def _create_ended_campaign(brand: Brand, start: datetime) -> None:
    """Create a campaign of one hour with its first logins, most of them in the first minutes."""
    fields = {
        "name": "Early birds", "slug": ENDED_SLUG, "start_date": start, "end_date": start + timedelta(hours=1),
        "voucher_valid_days": 60,
    }  # fmt: skip
    create(brand=brand, quota=QUOTA, fields=fields, at=start)
    delays = [timedelta(minutes=59 * (number / VISITORS) ** 3) for number in range(VISITORS)]
    process_events(
        events=[
            LoginEvent(f"early-{number}", f"visitor{number + 1}", start + delay, ENDED_SLUG)
            for number, delay in enumerate(delays)
        ]
    )
