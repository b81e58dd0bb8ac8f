"""Errors of codes, limits and redemptions of every kind of offer. Their codes are part of the API contract."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class CodeNotFound(DomainError):
    code, status = "code_not_found", 404
    message = _("Code not found.")


class CodeTaken(DomainError):
    code, status = "code_taken", 409
    message = _("This code already exists.")


class ExternalIdTaken(DomainError):
    code, status = "external_id_taken", 409
    message = _("Another offer of this kind has this external ID.")


class CodeInactive(DomainError):
    code, status = "code_inactive", 409
    message = _("This code isn't active.")


class CodeNotStarted(DomainError):
    code, status = "code_not_started", 409
    message = _("This code isn't valid yet.")


class CodeExpired(DomainError):
    code, status = "code_expired", 409
    message = _("This code has expired.")


class CodeAlreadyUsed(DomainError):
    code, status = "code_already_used", 409
    message = _("This code has already been used.")


class CartRequired(DomainError):
    code, status = "cart_required", 409
    message = _("This code can only be redeemed at checkout.")


class AudienceNotMember(DomainError):
    code, status = "audience_not_member", 409
    message = _("You aren't eligible for this offer.")


class MinimumNotMet(DomainError):
    code, status = "minimum_not_met", 409
    message = _("The order doesn't reach the minimum of this offer.")


class NoEligibleLines(DomainError):
    code, status = "no_eligible_lines", 409
    message = _("No items in the cart qualify for this offer.")


class NotCombinable(DomainError):
    code, status = "not_combinable", 409
    message = _("This offer can't be combined with a better one that applies.")

    @classmethod
    def for_same_offer(cls, code: str) -> "NotCombinable":
        """Return the error of a further code of the offer that another code of the order means."""
        members: dict[str, Any] = {"with": [code], "reason": "same_offer"}
        return cls(_("Another code of the same offer applies. Only one of them counts for an order."), **members)


class CurrencyMismatch(DomainError):
    code, status = "currency_mismatch", 409
    message = _("This offer is in another currency.")


class FirstOrderOnly(DomainError):
    code, status = "first_order_only", 409
    message = _("This offer is only valid for a certain order number, such as the first.")


class OutsideSchedule(DomainError):
    code, status = "outside_schedule", 409
    message = _("This offer isn't valid at this time.")


class ReservationExpired(DomainError):
    code, status = "reservation_expired", 409
    message = _("The reservation has expired.")


class TooManyReservations(DomainError):
    code, status = "too_many_reservations", 409
    message = _(
        "You already have the maximum number of reservations with this shop. Pay for one, cancel one, or wait until one"
        " expires."
    )


class InvalidStatus(DomainError):
    """Error of an action in a status that doesn't allow it. ``current_status`` names the status if known."""

    code, status = "invalid_status", 409
    message = _("This action isn't allowed in the current status.")


class PriceChanged(DomainError):
    code, status = "price_changed", 409
    message = _("The total has changed. Request a new quote.")


class GrantExhausted(DomainError):
    code, status = "grant_exhausted", 409
    message = _("The brand gives no more discounts through this shop this month.")


class BudgetExhausted(DomainError):
    code, status = "budget_exhausted", 409
    message = _("This offer has reached its budget.")


class UsageLimitReached(DomainError):
    """Error of a usage limit. ``limit`` names it: ``total``, ``per_day``, ``per_week``, ``per_month`` or ``units``.

    ``left`` is the number of units that are left, where a quote finds too few of them.
    """

    code, status = "usage_limit_reached", 409
    message = _("This offer has reached its usage limit.")


class UsageLimitPerCustomer(DomainError):
    code, status = "usage_limit_per_customer", 409
    message = _("You've reached the usage limit for this offer.")


class ConditionNotMet(DomainError):
    code, status = "condition_not_met", 409
    message = _("The order doesn't meet the conditions of this offer.")


class PatternTooWeak(DomainError):
    code, status = "pattern_too_weak", 400
    message = _("This pattern is too short for the number of codes.")


class BatchNotReady(DomainError):
    code, status = "batch_not_ready", 409
    message = _("This batch is still being generated.")


class BatchRevoked(DomainError):
    code, status = "batch_revoked", 409
    message = _("This batch was revoked. Create a new batch.")


class CodesExhausted(DomainError):
    code, status = "codes_exhausted", 409
    message = _("This batch doesn't have enough available codes.")


class CursorExpired(DomainError):
    """Error of a reader whose cursor belongs to the event log before it was restored from a backup."""

    code, status = "cursor_expired", 410
    message = _("The events were restored from a backup after this cursor. Read them again from the beginning.")
