"""Metric cards of the budgets and limits of an offer of any kind, with their usage."""

from datetime import datetime

from django.utils.translation import gettext as _

from backoffice.base.formatting import format_amount, format_number, format_percentage
from redemptions.contracts import LimitedOffer
from redemptions.limits.rules import TOTAL, base_scope, budget_scope
from redemptions.uses.selectors import get_usage_by_limit

Card = tuple[str, str, str]  # label, number, note


def list_limit_cards(offer: LimitedOffer, at: datetime) -> list[Card]:
    """Return a card for each budget, for the total limit, for each limit per period, and for that of units."""
    if not offer.caps:
        return []
    usage = get_usage_by_limit(offer=offer, at=at)
    cards: list[Card] = []
    for currency, budget in offer.budgets.items():
        spent = usage.get(budget_scope(currency), 0)
        note = _("of %(total)s (%(percent)s)") % {
            "total": format_amount(budget, currency), "percent": format_percentage(spent, budget, 0),
        }  # fmt: skip
        cards.append((_("Budget used"), format_amount(spent, currency), note))
    if total := next((scope for scope in offer.caps if base_scope(scope) == TOTAL), None):
        note = _("of %(limit)s, including reservations") % {"limit": format_number(offer.caps[total])}
        cards.append((_("Redemptions"), format_number(usage.get(total, 0)), note))
    labels = {
        "day": _("Redemptions today"), "week": _("Redemptions this week"), "month": _("Redemptions this month"),
        "units": _("Units"),
    }  # fmt: skip
    for scope, label in labels.items():
        if scope in offer.caps:
            note = _("of %(limit)s") % {"limit": format_number(offer.caps[scope])}
            cards.append((label, format_number(usage.get(scope, 0)), note))
    return cards
