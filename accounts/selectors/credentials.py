"""Reads of token keys, callers and users."""

from datetime import datetime
from functools import lru_cache

from django.conf import settings

from accounts import rules
from accounts.contracts import Caller
from accounts.models import Customer, User
from accounts.selectors.ended_tokens import ended_tokens
from core.errors import PermissionDenied, TokenInvalid


def secrets() -> tuple[str, ...]:
    """Return the secrets that tokens are signed and verified with, newest first."""
    return (settings.SECRET_KEY, *map(str, settings.SECRET_KEY_FALLBACKS))


@lru_cache(maxsize=4)
def _keyring(secrets: tuple[str, ...]) -> rules.Keyring:
    return rules.Keyring(secrets)


def keyring() -> rules.Keyring:
    """Return the token keys of the settings."""
    return _keyring(secrets())


def get_token_caller(*, token: str, at: datetime) -> Caller:
    """Return the caller of an access token without a query of its own. Raises TokenInvalid, TokenExpired."""
    caller = rules.decode_token(token, kind=rules.TokenKind.ACCESS, keyring=keyring(), at=at).caller
    if ended_tokens.is_ended(caller, at=at):
        raise TokenInvalid
    return caller


def get_token_user(*, token: str, at: datetime) -> tuple[User, datetime]:
    """Return the active user of an access token and when the token expires. Raises TokenInvalid, TokenExpired."""
    claims = rules.decode_token(token, kind=rules.TokenKind.ACCESS, keyring=keyring(), at=at)
    return active_user(claims.caller), claims.expires_at


def caller_of(user: User) -> Caller:
    """Convert a signed-in user to a caller."""
    customer = Customer.objects.filter(user=user).first()
    return Caller(
        identity=f"user:{user.uuid}", user_key=user.pk, user_id=user.uuid, is_superuser=user.is_superuser,
        has_second_factor=user.has_second_factor, provider_brand_id=user.provider_brand_id,
        token_epoch=user.token_epoch, signed_in_at=user.signed_in_at,
        customer_key=customer.pk if customer else None, customer_id=customer.customer_id if customer else None,
    )  # fmt: skip


def active_user(caller: Caller) -> User:
    """Return the caller's user with its customer.

    Raises PermissionDenied for API keys, TokenInvalid if the user was deleted or deactivated, or the tokens ended.
    """
    if caller.user_key is None:
        raise PermissionDenied
    user = User.objects.select_related("customer").filter(pk=caller.user_key, is_active=True).first()
    if user is None or caller.token_epoch < user.token_epoch:
        raise TokenInvalid
    user.has_second_factor, user.provider_brand_id = caller.has_second_factor, caller.provider_brand_id
    return user


def user_of_account(account: str) -> User | None:
    """Return the user with this email address, phone number or username, active or not."""
    kind, name = rules.parse_identifier(account)
    if "\0" in name:
        return None
    if kind is rules.IdentifierType.EMAIL:
        return User.objects.with_email(name).first()
    if kind is rules.IdentifierType.PHONE:
        return User.objects.filter(phone=name).first()
    return User.objects.with_username(name).first()
