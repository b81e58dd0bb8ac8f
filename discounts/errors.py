"""What can be refused about discount codes beyond what every kind of code shares."""

from core.errors import DomainError


class ValidityInPast(DomainError):
    code, status = "validity_in_past", 400
    message = "The validity must end in the future."


class DiscountOutOfRange(DomainError):
    code, status = "discount_out_of_range", 400
    message = "A discount is a whole percentage above 0 and below 100."


class CartRequired(DomainError):
    code, status = "cart_needed", 409
    message = "This code depends on what is in the cart: redeem it at checkout."
