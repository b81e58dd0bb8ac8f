"""Explanations on admin pages: the conditions and the outcome of each offer."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from backoffice.base.formatting import format_amount, humanize_value
from checkout import serialization
from checkout.contracts import Quote
from core import money
from promotions.admin.offer_labels import CONDITION_LABELS

OUTCOME_LABELS = {
    "applied": _("Applied"),
    "audience_not_member": _("Not eligible"),
    "budget_exhausted": _("Budget reached"),
    "code_not_in_cart": _("Code not in cart"),
    "condition_not_met": _("Condition not met"),
    "currency_mismatch": _("Other currency"),
    "first_order_only": _("Other order number"),
    "grant_exhausted": _("Maximum of the grant reached"),
    "minimum_not_met": _("Minimum not met"),
    "no_eligible_lines": _("No eligible items"),
    "not_combinable": _("Not combinable"),
    "outside_schedule": _("Outside schedule"),
    "usage_limit_per_customer": _("Limit per customer reached"),
    "usage_limit_reached": _("Limit reached"),
}
HIDDEN_MEMBERS = frozenset({"code", "detail"})  # shown elsewhere


def format_answer_amount(amount: str | None, currency: str) -> str:
    """Return the decimal string of an answer as an amount with its currency; a dash for None."""
    return format_amount(None if amount is None else money.parse(amount, currency), currency)


def rows(explanations: Collection[Mapping[str, Any]], currency: str) -> list[dict[str, Any]]:
    """Return explanations in the form that ``admin/checkout/explanations.html`` shows."""
    return [_build_row(explanation, currency) for explanation in explanations]


def _build_row(explanation: Mapping[str, Any], currency: str) -> dict[str, Any]:
    is_applied = explanation["outcome"] == "applied"
    return {
        "name": explanation["name"],
        "code": explanation.get("code", ""),
        "is_applied": is_applied,
        "outcome": OUTCOME_LABELS.get(explanation["outcome"]) or humanize(explanation["outcome"]),
        "amount": format_answer_amount(explanation["amount"], currency) if is_applied else "",
        "detail": explanation["detail"],
        "members": describe_members(explanation.get("reason", {})),
        "conditions": [
            {
                "kind": CONDITION_LABELS.get(condition["kind"]) or humanize(condition["kind"]),
                "required": format_required(condition["required"]),
                "actual": format_value(condition["actual"]),
                "passed": condition["passed"],
            }
            for condition in explanation["conditions"]
        ],
    }


def filter_by_brand(quote: Quote, brand_ids: Collection[Any] | None) -> list[dict[str, Any]]:
    """Return the explanations of these brands' offers, or of all for None. Other brands' offers aren't named."""
    explanations = serialization.serialize_explanations(quote)
    if brand_ids is None:
        return explanations
    candidates = [quote.candidates[explanation.ref] for explanation in quote.decision.explanations]
    foreign_names = {
        name
        for candidate in quote.candidates.values()
        if candidate.brand_id not in brand_ids
        for name in (candidate.code, candidate.title)
    }
    return [
        _anonymize(explanation, foreign_names)
        for explanation, candidate in zip(explanations, candidates, strict=True)
        if candidate.brand_id in brand_ids
    ]


def _anonymize(explanation: dict[str, Any], foreign_names: Collection[str]) -> dict[str, Any]:
    """Replace the names of other brands' offers in a reason."""
    rivals = explanation.get("reason", {}).get("with")
    if not isinstance(rivals, list):
        return explanation
    names = [gettext("another brand's offer") if name in foreign_names else name for name in rivals]
    return explanation | {"reason": explanation["reason"] | {"with": names}}


def humanize(identifier: str) -> str:
    """Return an identifier, such as the kind of a condition, as text."""
    return capfirst(identifier.replace("_", " "))


def format_value(value: object) -> str:
    """Return a value of an explanation as text, without the empty members of a mapping."""
    if isinstance(value, Mapping):
        return humanize_value({name: member for name, member in value.items() if member is not None})
    return humanize_value(list(value) if isinstance(value, tuple) else value)


def format_required(value: object) -> str:
    """Return what a condition requires as text; the conditions inside it by their names."""
    if isinstance(value, Mapping) and value.keys() == {"kind", "required"}:
        label = CONDITION_LABELS.get(value["kind"]) or humanize(value["kind"])
        return f"{label}: {format_required(value['required'])}"
    if isinstance(value, list | tuple) and any(isinstance(part, Mapping) for part in value):
        return "; ".join(map(format_required, value))
    return format_value(value)


def describe_members(reason: Mapping[str, Any]) -> str:
    """Return the members of a reason besides its code and detail, such as what is missing, as text."""
    return "; ".join(
        f"{humanize(name)}: {format_value(value)}" for name, value in reason.items() if name not in HIDDEN_MEMBERS
    )


def describe_reason(reason: Mapping[str, Any]) -> str:
    """Return a reason as text."""
    members = describe_members(reason)
    return f"{reason['detail']} ({members})" if members else str(reason["detail"])


def format_gifts(gifts: Iterable[Mapping[str, Any]], currency: str) -> list[str]:
    """Return the gifts of a quote as text, with their prices unless they are free."""
    return [_format_gift(gift, currency) for gift in gifts]


def _format_gift(gift: Mapping[str, Any], currency: str) -> str:
    text = f"{gift['quantity']} \N{MULTIPLICATION SIGN} {gift['sku']}"
    price = gift.get("price")  # quotes of earlier releases have none
    if price is None or not money.parse(price, currency):
        return text
    return gettext("%(gift)s for %(price)s each") % {"gift": text, "price": format_answer_amount(price, currency)}
