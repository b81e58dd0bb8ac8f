"""Reads of second factors, and the cipher of their secrets."""

import base64
import hmac
from functools import lru_cache

from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, MultiFernet

from accounts.contracts import Role
from accounts.models import Membership, User
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


def can_reset_second_factor(*, member: Membership, actor: User) -> bool:
    """Return whether an owner of the member's brand, or a platform admin, may reset the member's second factor.

    Nobody resets their own, and an owner only that of people who work for no other brand.
    """
    user = member.user
    if user.pk == actor.pk or not has_second_factor(user):
        return False
    if actor.is_platform_admin:
        return True
    is_of_others = user.is_superuser or user.memberships.exclude(brand=member.brand).exists()
    return actor.roles.get(member.brand) is Role.OWNER and not is_of_others


def needs_second_factor(user: User) -> bool:
    """Return whether the user may not be without a second factor: a platform admin, or staff of a brand that says so.

    It depends on the user, not on how they signed in.
    """
    if user.is_superuser:
        return True
    return user.memberships.filter(brand__is_active=True, brand__require_second_factor=True).exists()
