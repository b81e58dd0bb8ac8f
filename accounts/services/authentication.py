"""Services that sign users in with a password and issue tokens."""

from datetime import datetime, timedelta

from django.conf import settings

from accounts import rules, selectors
from accounts.contracts import Caller, Tokens
from accounts.errors import InvalidCredentials
from accounts.models import User
from core import throttle
from core.concurrency import ConcurrencyLimiter
from core.errors import TokenInvalid

# Hashing a password takes 0.2 s of CPU and 100 MB of memory. Two hashes at once keep two processors busy, and hashing
# and waiting requests together never occupy more than half of the threads of a process.
_password_limiter = ConcurrencyLimiter(max_concurrent=2, max_waiting=max(0, settings.WEB_THREADS // 2 - 2))
PASSWORD_QUEUE_TIMEOUT = 5.0  # seconds


def check_credentials(*, account: str, password: str, address: str) -> User | None:
    """Return the active user with these credentials, or None. Both outcomes cost one password hash.

    Counts the attempt for the address and the account. Raises Throttled, and Unavailable if attempts can't be counted
    or too many passwords are being checked.
    """
    if address:
        throttle.consume("login_address", address)
    throttle.consume("login_account", rules.parse_identifier(account)[1])
    user = selectors.user_of_account(account)
    with _password_limiter.acquire(timeout=PASSWORD_QUEUE_TIMEOUT):
        if user is None:
            User().set_password(password)
            return None
        return user if user.check_password(password) and user.is_active else None


def sign_in(*, account: str, password: str, address: str, at: datetime) -> tuple[User, Tokens]:
    """Sign a user in and return the user with new tokens. Raises InvalidCredentials, Throttled, Unavailable."""
    user = check_credentials(account=account, password=password, address=address)
    if user is None:
        raise InvalidCredentials
    return user, tokens_for(user=user, at=at)


def tokens_for(*, user: User, at: datetime) -> Tokens:
    """Issue tokens for an authenticated user."""
    caller, keyring = selectors.caller_of(user), selectors.keyring()
    lifetime = timedelta(days=settings.REFRESH_TOKEN_DAYS)
    password = rules.password_digest(user.password, keyring)
    refresh_token = rules.encode_token(
        kind=rules.TokenKind.REFRESH, caller=caller, keyring=keyring, at=at, lifetime=lifetime, password=password
    )
    return _issue_access_token(caller, refresh_token, at)


def refresh(*, token: str, at: datetime) -> Tokens:
    """Issue an access token for a refresh token, which stays the same and ends REFRESH_TOKEN_DAYS after the sign-in.

    Raises TokenExpired, and TokenInvalid also if the user was deleted or deactivated or has changed the password.
    """
    claims = rules.decode_token(token, kind=rules.TokenKind.REFRESH, keyring=selectors.keyring(), at=at)
    user = selectors.active_user(claims.caller)
    if not rules.is_password_unchanged(user.password, claims.password, selectors.secrets()):
        raise TokenInvalid
    return _issue_access_token(selectors.caller_of(user), token, at)


def _issue_access_token(caller: Caller, refresh_token: str, at: datetime) -> Tokens:
    lifetime = timedelta(minutes=settings.ACCESS_TOKEN_MINUTES)
    access = rules.encode_token(
        kind=rules.TokenKind.ACCESS, caller=caller, keyring=selectors.keyring(), at=at, lifetime=lifetime
    )
    return Tokens(access, refresh_token, at.replace(microsecond=0) + lifetime)
