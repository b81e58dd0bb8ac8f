"""Audiences of the demo: imported ones, and automatic ones that follow purchases."""

from accounts.models import Brand
from segments.services import apply_audience, enable

IMPORTED = {  # a customer can be in segments of several brands
    ("billo", "purchased_more_than_twice"): ["c1", "c2"],
    ("billo", "new_users"): ["c3", "c4", "c5"],
    ("cake", "vip_customers"): ["c1", "c3"],
}
AUTOMATIC = {"billo": ["lapsed_users", "purchase_above_100"]}


def create_audiences(brands: dict[str, Brand]) -> None:
    """Create the audiences of both brands."""
    for (slug, segment_type), customer_ids in IMPORTED.items():
        apply_audience(brand=brands[slug], segment_type=segment_type, operation="add", customer_ids=customer_ids)
    for slug, segment_types in AUTOMATIC.items():
        for segment_type in segment_types:
            enable(brand=brands[slug], segment_type=segment_type)
