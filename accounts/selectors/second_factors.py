"""Reads of second factors, and the cipher of their secrets."""

import base64
import hmac
from functools import lru_cache

from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, MultiFernet

from accounts.models import User
from accounts.selectors.credentials import secrets


@lru_cache(maxsize=4)
def _cipher(secrets: tuple[str, ...]) -> MultiFernet:
    keys = [hmac.digest(b"promoplatform.second_factors", secret.encode(), "sha256") for secret in secrets]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])


def factor_cipher() -> MultiFernet:
    """Return the cipher of the secrets of second factors: the newest secret encrypts, and all decrypt."""
    return _cipher(secrets())


def has_second_factor(user: User) -> bool:
    """Return whether the user has set up a second factor."""
    return bool(Authenticator.objects.filter(user=user).exists())


def is_last_second_factor(authenticator: Authenticator) -> bool:
    """Return whether the user has no other second factor. Recovery codes only stand in for another one."""
    others = Authenticator.objects.filter(user=authenticator.user).exclude(pk=authenticator.pk)
    return not bool(others.exclude(type=Authenticator.Type.RECOVERY_CODES).exists())


def needs_second_factor(user: User) -> bool:
    """Return whether the user may not be without a second factor: a platform admin, or staff of a brand that says so.

    It depends on the user, not on how they signed in.
    """
    if user.is_superuser:
        return True
    return user.memberships.filter(brand__is_active=True, brand__require_second_factor=True).exists()
