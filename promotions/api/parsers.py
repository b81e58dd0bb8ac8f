"""Conversion of API requests to fields of the model."""

from collections.abc import Mapping
from typing import Any

from accounts.models import Brand
from core.serializer_fields import localize
from promotions.services import LIMIT_COLUMNS, parse_budgets, to_budget_fields
from redemptions.statuses import OfferDecision, OfferStatus

NO_LIMITS: Mapping[str, None] = dict.fromkeys(LIMIT_COLUMNS)
SIMPLE_FIELDS = ("name", "description", "target_audience", "trigger", "offer", "priority")


def to_model_fields(data: Mapping[str, Any], brand: Brand) -> dict[str, Any]:
    """Convert validated data to fields of the model: dates to the brand's midnight, budgets to minor units."""
    fields = {name: data[name] for name in SIMPLE_FIELDS if name in data}
    fields |= {name: localize(data[name], brand.timezone) for name in ("start_date", "end_date") if name in data}
    if "status" in data:
        is_draft = data["status"] == OfferStatus.DRAFT
        fields["decision"] = OfferDecision.DRAFT if is_draft else OfferDecision.PUBLISHED
    if "budget" in data:
        budgets = parse_budgets(data["budget"], currency=brand.currency)
        fields |= to_budget_fields(budgets, currency=brand.currency)
    limits = data.get("limits", {})
    return fields | {LIMIT_COLUMNS[name]: limit for name, limit in (NO_LIMITS if limits is None else limits).items()}
