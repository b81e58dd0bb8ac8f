"""What can be refused about who someone is."""

from typing import ClassVar

from core.errors import DomainError


class LoginRefused(DomainError):
    code, status = "login_refused", 401
    message = "The account or the password is not right."
    headers: ClassVar[dict[str, str]] = {}


class AccountTaken(DomainError):
    code, status = "account_taken", 409
    message = "There is already an account with this username, e-mail or phone number."


class LastOwner(DomainError):
    code, status = "last_owner", 409
    message = "A brand keeps at least one owner."
