"""From the wire to the fields of a promotion."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from accounts.models import Brand
from promoplatform.kernel.fields import minor
from promotions.services import LIMITS

PLAIN = ("name", "description", "target_audience", "trigger", "offer", "priority", "status")


def to_fields(asked: Mapping[str, Any], brand: Brand) -> dict[str, Any]:
    """What was asked as fields of the model: days at the brand's midnight, the budget in minor units."""
    fields = {name: asked[name] for name in PLAIN if name in asked}
    fields |= {name: _placed(asked[name], brand) for name in ("start_date", "end_date") if name in asked}
    if "budget" in asked:
        budget = asked["budget"]
        fields["budget"] = None if budget is None else minor(budget, brand.currency, "budget")
    return fields | {LIMITS[name]: cap for name, cap in asked.get("limits", {}).items()}


def _placed(moment: datetime, brand: Brand) -> datetime:
    """An instant in UTC; a naive midnight is that of the brand's time zone."""
    local = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(brand.timezone))
    return local.astimezone(UTC)
