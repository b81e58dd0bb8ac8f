"""Services that create accounts."""

from collections.abc import Collection, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import rules
from accounts.contracts import Purpose
from accounts.errors import AccountTaken
from accounts.models import Brand, Customer, User
from accounts.services.profiles import ConsentRecord, record_own_consent, word_consent
from core import db, throttle
from core.db import translate_constraint
from core.errors import InvalidRequest
from core.outbox import enqueue_on_commit

_NONE: Mapping[Brand, bool] = MappingProxyType({})


def register(
    *, language: str = "", consents: Collection[Brand] = (), origin: str = "", at: datetime, **fields: Any
) -> None:
    """Register a shopper: create a user and its customer with consents to brands, and send an email to the address.

    The email verifies the address, or says that an account exists. Statements and time are the same either way, so that
    a caller doesn't learn who has an account. Raises InvalidRequest with the invalid fields, Throttled after several
    emails to the address, and Unavailable.
    """
    user = _build_user(language=language, at=at, **fields)
    throttle.consume("account_mail", f"registration:{user.email.lower()}")
    user.set_password(fields["password"])
    with transaction.atomic():
        User.objects.bulk_create([user], ignore_conflicts=True)
        _insert_customer(user)
        if consents:
            _insert_consents(user, consents, origin, at)
        enqueue_on_commit("accounts.answer_registration", user_id=str(user.uuid), address=user.email, language=language)


def create_account(*, username: str, email: str, password: str, at: datetime) -> User:
    """Create a user and its customer, with an address that is verified already.

    Raises InvalidRequest with the invalid fields, and AccountTaken without naming the field that is in use.
    """
    user = _build_user(username=username, email=email, password=password, at=at)
    user.email_verified_at = at
    user.set_password(password)
    with (
        translate_constraint("accounts_user_username", AccountTaken),
        translate_constraint("accounts_user_email", AccountTaken),
        transaction.atomic(),
    ):
        user.save()
        add_customer(user=user)
    return user


@transaction.atomic
def change_user(
    *, user: User, language: str | None = None, consents: Mapping[Brand, bool] = _NONE, origin: str = "", at: datetime
) -> User:
    """Change the user's own settings; None keeps one as it is. An empty language is that of each brand.

    ``consents`` are decisions about marketing emails by brand.
    """
    if language is not None:
        user.language = language
        user.save(update_fields=["language"])
    if consents:
        customer = add_customer(user=user)
        for brand, granted in consents.items():
            record = ConsentRecord(granted, word_consent(brand) if granted else "", at, origin)
            record_own_consent(brand=brand, customer=customer, record=record)
    return user


def add_customer(*, user: User) -> Customer:
    """Return the user's customer, creating it if needed."""
    _insert_customer(user)
    return Customer.objects.get(user=user)


def _insert_customer(user: User) -> None:
    db.execute("accounts/sql/insert_customer_of_user.sql", {"user": user.uuid})


def _insert_consents(user: User, brands: Collection[Brand], origin: str, at: datetime) -> None:
    each = list(dict.fromkeys(brands))
    parameters = {
        "user": user.uuid,
        "brands": [brand.pk for brand in each],
        "wordings": [word_consent(brand) for brand in each],
        "purpose": Purpose.MARKETING_EMAILS.value,
        "origin": origin,
        "at": at,
    }
    db.execute("accounts/sql/insert_consents_of_user.sql", parameters)


def _build_user(
    *, username: str, email: str, password: str, phone: str | None = None, language: str = "", at: datetime
) -> User:
    """Return a new user, without a password hash and not saved. Raises InvalidRequest with the invalid fields."""
    user = User(username=User.normalize_username(username), email=User.objects.normalize_email(email), date_joined=at)
    user.phone = rules.phone_number(phone) if phone else None
    user.language = language
    _check_fields(user)
    check_password(password, user)
    return user


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


def check_password(password: str, user: User) -> None:
    """Raise InvalidRequest (field ``password``) for a new password that is easy to guess."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidRequest(errors=[_field_error("password", text) for text in error.messages]) from error


def _field_error(field: str, detail: str) -> dict[str, str]:
    return {"field": field, "code": "invalid", "detail": detail}
