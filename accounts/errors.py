"""What can be refused about who someone is."""

from typing import ClassVar

from promoplatform.kernel.errors import Refusal


class LoginRefused(Refusal):
    code, status = "login_refused", 401
    message = "The account or the password is not right."
    headers: ClassVar[dict[str, str]] = {}


class AccountTaken(Refusal):
    code, status = "account_taken", 409
    message = "There is already an account with this username, e-mail or phone number."


class LastOwner(Refusal):
    code, status = "last_owner", 409
    message = "A brand keeps at least one owner."
