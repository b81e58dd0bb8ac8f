"""A campaign that waits for its first logins, and one that is over."""

from datetime import datetime, timedelta

from accounts.models import Brand
from vouchers.contracts import LoginEvent
from vouchers.services import create, process_events

LIVE, OVER = "first-top-up", "early-birds"
VISITORS, QUOTA = 90, 40


def create_campaigns(brands: dict[str, Brand], *, at: datetime) -> int:
    """Two campaigns of cake: 100 vouchers for whoever signs in from now on, and one of yesterday; how many."""
    cake = brands["cake"]
    _create_ended_campaign(cake, at - timedelta(days=1))
    fields = {
        "name": "First top-up", "slug": LIVE, "description": "30 % off your first top-up", "starts_at": at,
        "ends_at": at + timedelta(days=365), "pass_on": True,
    }  # fmt: skip
    create(brand=cake, quota=100, fields=fields, at=at)
    return 2


def _create_ended_campaign(brand: Brand, start: datetime) -> None:
    """Most came in the first minutes, as they do."""
    fields = {
        "name": "Early birds", "slug": OVER, "starts_at": start, "ends_at": start + timedelta(hours=1),
        "voucher_valid_days": 60,
    }  # fmt: skip
    create(brand=brand, quota=QUOTA, fields=fields, at=start)
    took = [timedelta(minutes=59 * (number / VISITORS) ** 3) for number in range(VISITORS)]
    process_events(
        events=[
            LoginEvent(f"early-{number}", f"visitor{number + 1}", start + after, OVER)
            for number, after in enumerate(took)
        ]
    )
