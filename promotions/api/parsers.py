"""From the wire to the fields of a promotion."""

from collections.abc import Mapping
from typing import Any

from accounts.models import Brand
from core.serializer_fields import localize_date, parse_minor_units
from promotions.services import LIMIT_COLUMNS

SIMPLE_FIELDS = ("name", "description", "target_audience", "trigger", "offer", "priority", "status")


def to_model_fields(asked: Mapping[str, Any], brand: Brand) -> dict[str, Any]:
    """What was asked as fields of the model: days at the brand's midnight, the budget in minor units."""
    fields = {name: asked[name] for name in SIMPLE_FIELDS if name in asked}
    fields |= {name: localize_date(asked[name], brand.timezone) for name in ("start_date", "end_date") if name in asked}
    if "budget" in asked:
        budget = asked["budget"]
        fields["budget"] = None if budget is None else parse_minor_units(budget, brand.currency, "budget")
    return fields | {LIMIT_COLUMNS[name]: cap for name, cap in asked.get("limits", {}).items()}
