"""Offers, segments, consistency checks and external services."""

from environs import validate

from promoplatform.settings.environment import env, read_renamed
from promoplatform.settings.kinds import find_backends

RESERVED_BRAND_WORDS: list[str] = env.list(
    "RESERVED_BRAND_WORDS",
    ["admin", "administrator", "helpdesk", "official", "promoplatform", "security", "support", "verification"],
)
SEGMENT_SLOTS_PER_CUSTOMER = env.int("SEGMENT_SLOTS_PER_CUSTOMER", 20, validate=validate.Range(1, 100))
REDEMPTION_BACKENDS = {
    "coupon": "coupons.backend.backend",
    "discount_code": "discounts.backend.backend",
    "promotion": "promotions.backend.backend",
    "voucher": "vouchers.backend.backend",
}
for _entry in find_backends(taken=REDEMPTION_BACKENDS):
    REDEMPTION_BACKENDS[_entry.name] = f"{_entry.module}.{_entry.attr}"
MAX_RESERVATIONS_PER_CUSTOMER = env.int("MAX_RESERVATIONS_PER_CUSTOMER", 3, validate=validate.Range(0))
RESERVATION_COOLDOWN_SECONDS = env.int("RESERVATION_COOLDOWN_SECONDS", 60, validate=validate.Range(0))
RESERVATION_COUNTERS = ["checkout.selectors.count_reservations", "coupons.selectors.count_reservations"]
UNIT_COUNTER = "checkout.selectors.count_units"
REDEMPTION_RETENTION_MONTHS: int = read_renamed(
    env.int, "REDEMPTION_RETENTION_MONTHS", "COUPON_REDEMPTIONS_KEEP_MONTHS", 0
)
REJECTION_FLUSH_SECONDS = 1.0  # 0: refused attempts are written by an explicit call only
EVENT_RETENTION_MONTHS: int = env.int("EVENT_RETENTION_MONTHS", 0)
REJECTION_RETENTION_MONTHS: int = env.int("REJECTION_RETENTION_MONTHS", 0)
CONSISTENCY_CHECKS = [
    "segments.consistency.check",
    "segments.services.audiences.check_consistency",
    "redemptions.limits.consistency.check",
    "redemptions.uses.consistency.check",
    "redemptions.balances.consistency.check",
    "redemptions.codes.services.batches.check_consistency",
    "redemptions.results.services.rollup.check",
    "discounts.consistency.check",
    "coupons.consistency.check",
    "vouchers.consistency.check",
    "checkout.consistency.check",
    "checkout.services.purchase_totals.check",
    "accounts.consistency.check",
]

# An empty URL: there is no such service, and the platform works without it.
SEGMENTATION_SERVICE_URL = env.str("SEGMENTATION_SERVICE_URL", "").rstrip("/")
SEGMENTATION_SERVICE_KEY = env.str("SEGMENTATION_SERVICE_KEY", "")
CAMPAIGN_ENGINE_URL = env.str("CAMPAIGN_ENGINE_URL", "").rstrip("/")
CAMPAIGN_ENGINE_KEY = env.str("CAMPAIGN_ENGINE_KEY", "")
