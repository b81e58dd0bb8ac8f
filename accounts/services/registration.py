"""Services that register users."""

from datetime import datetime

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import rules
from accounts.errors import AccountTaken
from accounts.models import Customer, User
from core.db import translate_constraint
from core.errors import InvalidRequest


def register(
    *, username: str, email: str, password: str, phone: str | None = None, marketing_consent: bool = False,
    language: str = "", at: datetime,
) -> User:  # fmt: skip
    """Register a shopper: create a user and its customer.

    Raises InvalidRequest with the invalid fields, and AccountTaken without naming the field that is in use.
    """
    user = User(username=User.normalize_username(username), email=User.objects.normalize_email(email), date_joined=at)
    user.phone = rules.phone_number(phone) if phone else None
    user.language = language
    user.marketing_consent = marketing_consent
    user.marketing_consent_at = at if marketing_consent else None
    _check_fields(user)
    _check_password(password, user)
    user.set_password(password)
    with (
        translate_constraint("accounts_user_username", AccountTaken),
        translate_constraint("accounts_user_email", AccountTaken),
        translate_constraint("accounts_user_phone", AccountTaken),
        transaction.atomic(),
    ):
        user.save()
        add_customer(user=user)
    return user


def change_user(*, user: User, language: str | None = None) -> User:
    """Change the user's own settings; None keeps one as it is. An empty language is that of each brand."""
    if language is not None:
        user.language = language
        user.save(update_fields=["language"])
    return user


def add_customer(*, user: User) -> Customer:
    """Return the user's customer, creating it if needed."""
    Customer.objects.bulk_create([Customer(customer_id=f"u-{user.uuid}", user=user)], ignore_conflicts=True)
    return Customer.objects.get(user=user)


def _check_fields(user: User) -> None:
    errors = []
    if rules.parse_identifier(user.username)[0] is not rules.IdentifierType.USERNAME:
        errors.append(_field_error("username", _("Usernames can't contain @ or be a number.")))
    try:
        user.clean_fields(exclude=["password"])
    except ValidationError as error:
        errors += [_field_error(name, text) for name, texts in error.message_dict.items() for text in texts]
    if errors:
        raise InvalidRequest(errors=errors)


def _check_password(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidRequest(errors=[_field_error("password", text) for text in error.messages]) from error


def _field_error(field: str, detail: str) -> dict[str, str]:
    return {"field": field, "code": "invalid", "detail": detail}
