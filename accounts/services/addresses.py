"""Services that verify email addresses and reset passwords, each by a signed link in an email to the address."""

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from accounts import emails, rules, selectors
from accounts.errors import LinkInvalid
from accounts.models import User
from accounts.services.authentication import sign_out_everywhere
from accounts.services.registration import check_password
from core import throttle
from core.outbox import enqueue_on_commit

VERIFICATION_LIFETIME, RESET_LIFETIME = timedelta(days=3), timedelta(hours=1)
RESET_SENT = _("If an account has this address, it gets an email with a link that sets a new password.")
_VERIFICATION_SALT, _RESET_SALT = "accounts.verification", "accounts.password_reset"


def answer_registration(*, user_id: uuid.UUID, address: str, language: str) -> None:
    """Send the email that follows a registration: a link that verifies the address, or that an account exists."""
    user = User.objects.filter(uuid=user_id).first()
    owner = User.objects.with_email(address).first()
    with translation.override((owner.language if owner else "") or language or settings.LANGUAGE_CODE):
        if user is not None:
            emails.address_verification(user=user, token=verification_token(user)).send()
        elif owner is None:
            emails.details_in_use(address=address).send()
        elif owner.is_active:
            emails.existing_account(user=owner).send()


def verification_token(user: User) -> str:
    """Return the signed text for the link that verifies the present address of a user."""
    return signing.dumps([str(user.uuid), user.email], salt=_VERIFICATION_SALT)


def user_to_verify(*, token: str) -> User:
    """Return the user whose address a link verifies. Raises LinkInvalid if it is forged, old or of another address."""
    try:
        user_id, address = signing.loads(token, salt=_VERIFICATION_SALT, max_age=VERIFICATION_LIFETIME)
    except signing.BadSignature as error:
        raise LinkInvalid from error
    return _get_user(uuid=uuid.UUID(user_id), email=address)


def verify_address(*, token: str, at: datetime) -> None:
    """Record that the owner of an address has confirmed it. Once more changes nothing. Raises LinkInvalid."""
    user = user_to_verify(token=token)
    User.objects.filter(pk=user.pk, email=user.email, email_verified_at=None).update(email_verified_at=at)


@transaction.atomic
def request_password_reset(*, email: str) -> None:
    """Send an email with a link that sets a new password, if an account has the address.

    The request does the same either way. Raises Throttled after several emails to the address, and Unavailable.
    """
    throttle.consume("account_mail", f"password_reset:{email.lower()}")
    enqueue_on_commit("accounts.send_password_reset", address=email)


def send_password_reset(*, address: str) -> None:
    """Send the email with the link that sets a new password, unless no active account has the address."""
    user = User.objects.with_email(address).filter(is_active=True).first()
    if user is not None:
        with translation.override(user.language or settings.LANGUAGE_CODE):
            emails.password_reset(user=user, token=reset_token(user)).send()


def reset_token(user: User) -> str:
    """Return the signed text for the link that sets a new password. It is invalid after the next change of it."""
    digest = rules.password_digest(user.password, selectors.keyring())
    return signing.dumps([str(user.uuid), user.email, digest], salt=_RESET_SALT)


def user_to_reset(*, token: str) -> User:
    """Return the user of a link that sets a new password. Raises LinkInvalid if it is forged, expired or used."""
    try:
        user_id, address, digest = signing.loads(token, salt=_RESET_SALT, max_age=RESET_LIFETIME)
    except signing.BadSignature as error:
        raise LinkInvalid from error
    user = _get_user(uuid=uuid.UUID(user_id), email=address)
    if not rules.is_password_unchanged(user.password, digest, selectors.secrets()):
        raise LinkInvalid
    return user


@transaction.atomic
def reset_password(*, token: str, password: str, at: datetime) -> None:
    """Set the password of a link's user, verify the address, and end all sessions and tokens.

    Raises LinkInvalid, also for a link that was used, and InvalidRequest (field ``password``).
    """
    user = user_to_reset(token=token)
    check_password(password, user)
    before = user.password
    user.set_password(password)
    unused = User.objects.filter(pk=user.pk, password=before, email=user.email)
    if not unused.update(password=user.password, email_verified_at=user.email_verified_at or at):
        raise LinkInvalid
    sign_out_everywhere(user=user, at=at)


def _get_user(**conditions: object) -> User:
    user = User.objects.filter(is_active=True, **conditions).first()
    if user is None:
        raise LinkInvalid
    return user
