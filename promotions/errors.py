"""What can be refused about codes and promotions, at any door (contract: refusal codes at checkout)."""

from core.errors import DomainError


class CodeUnknown(DomainError):
    code, status = "code_unknown", 404
    message = "There is no such code."


class CodeTaken(DomainError):
    code, status = "code_taken", 409
    message = "This code is already taken."


class CodeInactive(DomainError):
    code, status = "code_inactive", 409
    message = "This code is not active."


class CodeNotStarted(DomainError):
    code, status = "code_not_started", 409
    message = "This code is not valid yet."


class CodeExpired(DomainError):
    code, status = "code_expired", 409
    message = "This code has expired."


class CodeAlreadyUsed(DomainError):
    code, status = "code_already_used", 409
    message = "You have already used this code."


class AudienceNotMember(DomainError):
    code, status = "audience_not_member", 409
    message = "This offer is for a group of customers that you are not in."


class MinimumNotMet(DomainError):
    code, status = "minimum_not_met", 409
    message = "The cart has not reached what this offer asks for."


class NoEligibleLines(DomainError):
    code, status = "no_eligible_lines", 409
    message = "Nothing in the cart qualifies for this offer."


class NotCombinable(DomainError):
    code, status = "not_combinable", 409
    message = "This offer cannot be combined with another that is better for you."


class CurrencyMismatch(DomainError):
    code, status = "currency_mismatch", 409
    message = "This offer is in another currency."


class FirstOrderOnly(DomainError):
    code, status = "first_order_only", 409
    message = "This offer depends on how many orders you have made."


class OutsideHours(DomainError):
    code, status = "outside_hours", 409
    message = "This offer is not open at this time."


class ReservationExpired(DomainError):
    code, status = "reservation_expired", 409
    message = "The reservation has expired."


class WrongState(DomainError):
    code, status = "wrong_state", 409
    message = "This cannot be done in the present state."


class PriceChanged(DomainError):
    code, status = "price_changed", 409
    message = "The total is not what was expected."


class PromotionNotActive(DomainError):
    code, status = "promotion_not_active", 409
    message = "This promotion is not running."


class BudgetExhausted(DomainError):
    code, status = "budget_exhausted", 409
    message = "The promotion's budget is used up."


class UsageLimitReached(DomainError):
    code, status = "usage_limit_reached", 409
    message = "This promotion has been used as often as it may be."


class UsageLimitPerCustomer(DomainError):
    code, status = "usage_limit_per_user", 409
    message = "You have used this promotion as often as you may."


class ConditionNotMet(DomainError):
    code, status = "condition_not_met", 409
    message = "The purchase is not of the kind that this offer asks for."


class PatternTooWeak(DomainError):
    code, status = "pattern_too_guessable", 400
    message = "Codes of this pattern could be guessed: it leaves too few possible codes for so many."


class BatchNotReady(DomainError):
    code, status = "batch_unfinished", 409
    message = "The codes of this batch are still being made."


class CodesExhausted(DomainError):
    code, status = "codes_exhausted", 409
    message = "This batch has too few free codes left."
