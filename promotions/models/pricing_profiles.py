"""Pricing profiles of brands."""

from typing import TYPE_CHECKING

import pghistory
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand
from pricing.profile import OPTIONS

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as StrPromise

OPTION_LABELS = {
    "half_up": _("Half up"), "half_down": _("Half down"), "half_even": _("Half to even"), "down": _("Down"),
    "discount": _("Discount"), "price": _("Price"), "unit": _("Unit discount"), "line": _("Line discount"),
    "order_discount": _("Order discount"),
    "largest_fraction": _("Lines with the largest fraction"), "first": _("First lines"), "last": _("Last lines"),
    "running": _("Price after earlier discounts"), "initial": _("Original price"),
    "cheapest": _("Cheapest units"), "dearest": _("Most expensive units"),
    "all_or_nothing": _("Reject the offer"), "partial": _("Give the rest of the budget"),
}  # fmt: skip


def _choice(name: str, label: "StrPromise", default: str) -> "models.CharField[str, str]":
    values = [str(value) for value in OPTIONS[name]]
    return models.CharField(
        label, max_length=20, choices=[(value, OPTION_LABELS[value]) for value in values], default=default
    )


@pghistory.track()
class PricingProfile(models.Model):
    """The pricing settings of a brand. A brand without a profile has the defaults."""

    brand = models.OneToOneField(Brand, models.CASCADE, primary_key=True, related_name="pricing_profile")
    rounding = _choice("rounding", _("rounding"), "half_up")
    round_on = _choice("round_on", _("rounded amount"), "discount")
    remainder = _choice("remainder", _("allocation of remainders"), "largest_fraction")
    percent_base = _choice("percent_base", _("percentage base"), "running")
    free_units = _choice("free_units", _("free units"), "cheapest")
    return_cancelled_uses = models.BooleanField(
        _("restore usage on refund"), default=True, help_text=_("Restore usage when an order is refunded.")
    )
    budget_overrun = _choice("budget_overrun", _("budget overrun"), "all_or_nothing")

    class Meta:
        verbose_name, verbose_name_plural = _("pricing settings"), _("pricing settings")

    def __str__(self) -> str:
        return f"Pricing settings of brand {self.brand_id}"
