"""Balances of codes in the admin, and their movements as rows of a table."""

import uuid
from collections.abc import Collection, Iterable
from typing import Any

from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from backoffice.base.formatting import format_amount, format_datetime
from redemptions.balances.models import BalanceMovement
from redemptions.balances.selectors import list_movements
from redemptions.codes.selectors.codes import find_code_of_offer, get_code_balance, get_code_balances, get_stored_value
from redemptions.stored_values import CodeBalance

PAGE_SIZE = 100  # movements


def keep_balances(offer: Any) -> bool:
    """Return whether the codes of an offer keep a balance."""
    return get_stored_value(kind=offer.offer_kind, offer=offer.offer_key, at=timezone.now()) is not None


def describe_balance(balance: CodeBalance) -> str:
    """Return what is left on a code, in words."""
    amounts = {name: format_amount(getattr(balance, name), balance.currency) for name in ("left", "initial")}
    return _("%(left)s of %(initial)s") % amounts


def describe_balances(offer: Any, codes: Collection[str]) -> dict[str, str]:
    """Return what is left on codes of an offer, in words; empty if they keep no balance."""
    balances = get_code_balances(kind=offer.offer_kind, offer=offer.offer_key, codes=codes, at=timezone.now())
    return {code: describe_balance(balance) for code, balance in balances.items()}


def build_balance_context(offer: Any, text: str) -> dict[str, Any]:
    """Return the balance of a code with its latest movements, for the template. Raises Http404."""
    code = find_code_of_offer(offer=offer.offer_key, text=text)
    balance = None if code is None else get_code_balance(code=code, at=timezone.now())
    if code is None or balance is None:
        raise Http404
    movements = list(list_movements(offer=offer.offer_key, code=code.text)[: PAGE_SIZE + 1])
    return {
        "title": _("Balance of code %(code)s") % {"code": code.text},
        "code": code,
        "balance": describe_balance(balance),
        "movements": build_movement_rows(movements[:PAGE_SIZE], zone=offer.brand.timezone),
        "has_more": len(movements) > PAGE_SIZE,
    }


def build_movement_rows(movements: Iterable[BalanceMovement], *, zone: str) -> list[dict[str, Any]]:
    """Return movements as the table shows them."""
    return [
        {
            "code": movement.code,
            "time": format_datetime(movement.created_at, zone),
            "reason": movement.get_reason_display(),
            "amount": format_amount(movement.amount, movement.currency),
            "balance": format_amount(movement.balance, movement.currency),
            "order_url": _order_url(movement.redemption_id),
        }
        for movement in movements
    ]


def _order_url(redemption: uuid.UUID | None) -> str:
    return "" if redemption is None else reverse("admin:checkout_redemption_change", args=[redemption])
