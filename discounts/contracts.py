"""The offer of a discount rule: a percentage with terms of the offer language, or a whole document."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from backoffice.base.descriptions import describe_offer
from pricing import Offer, load_offer
from redemptions.limits.rules import CUSTOMER_ONCE

CUSTOMER_CAPS = {CUSTOMER_ONCE: 1}  # a customer redeems a code once

# Fields of the offer language that a rule can have beside its percentage: fields of the offer, and of its one benefit.
OFFER_FIELDS = frozenset(
    {"conditions", "combinable", "lane", "priority", "group", "exclusive", "with_exclusive", "max_applications"}
)
BENEFIT_FIELDS = frozenset(
    {"on", "select", "max_units", "per", "pick", "only_complete_groups_of", "max_discount", "split"}
)
TERMS = OFFER_FIELDS | BENEFIT_FIELDS


def build_offer_document(
    discount: int | None, terms: Mapping[str, Any], offer: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return a rule's offer in the offer language: its own, or one percentage benefit with the rule's terms."""
    if offer is not None:
        return dict(offer)
    benefit_fields = {name: value for name, value in terms.items() if name in BENEFIT_FIELDS}
    benefit = {"kind": "percent", "value": str(discount), "on": "order"} | benefit_fields
    return {"benefits": [benefit]} | {name: value for name, value in terms.items() if name in OFFER_FIELDS}


def build_offer(discount: int | None, terms: Mapping[str, Any], offer: Mapping[str, Any] | None) -> Offer:
    """Return a rule's parsed offer. Results are cached."""
    return _build_offer_cached(json.dumps(build_offer_document(discount, terms, offer), sort_keys=True))


@lru_cache(maxsize=4096)
def _build_offer_cached(document: str) -> Offer:
    return load_offer(json.loads(document))


def summarize(discount: int | None, offer: Mapping[str, Any] | None, *, currency: str) -> str:
    """Return a rule's discount in short: the percentage, or the description of the offer, without a full stop."""
    return f"{discount}%" if offer is None else describe_offer(build_offer(None, {}, offer), currency).rstrip(".")
