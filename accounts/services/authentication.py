"""Signing in with a password, and staying signed in with tokens."""

from datetime import datetime, timedelta

from django.conf import settings

from accounts import rules, selectors
from accounts.contracts import Caller, Tokens
from accounts.errors import InvalidCredentials
from accounts.models import User
from core import throttle
from core.concurrency import ConcurrencyLimiter
from core.errors import TokenInvalid

# A password costs a fifth of a second of a processor and 100 MB: two at once keep two processors busy, and with those
# who wait they never take more than half of a process's threads from requests that need none.
_password_limiter = ConcurrencyLimiter(max_concurrent=2, max_waiting=max(0, settings.WEB_THREADS // 2 - 2))
PASSWORD_QUEUE_TIMEOUT = 5.0  # seconds


def check_credentials(*, account: str, password: str, address: str) -> User | None:
    """The active user of this account and password, else None, at the cost of one password hash either way.

    Counts the try against the address and the account. Raises Throttled, and Unavailable when tries cannot be counted
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
    """The user and their tokens. Raises LoginRefused, Throttled, Unavailable."""
    user = check_credentials(account=account, password=password, address=address)
    if user is None:
        raise InvalidCredentials
    return user, tokens_for(user=user, at=at)


def tokens_for(*, user: User, at: datetime) -> Tokens:
    """New tokens for a user who has shown who they are."""
    caller, keyring = selectors.caller_of(user), selectors.keyring()
    lifetime = timedelta(days=settings.REFRESH_TOKEN_DAYS)
    password = rules.password_digest(user.password, keyring)
    refresh_token = rules.encode_token(
        kind=rules.TokenKind.REFRESH, caller=caller, keyring=keyring, at=at, lifetime=lifetime, password=password
    )
    return _with_access(caller, refresh_token, at)


def refresh(*, token: str, at: datetime) -> Tokens:
    """A new access token beside the same refresh token, so that a sign-in ends REFRESH_TOKEN_DAYS after it began.

    Raises TokenExpired, and TokenInvalid also when the user is gone or inactive or has another password since.
    """
    claims = rules.decode_token(token, kind=rules.TokenKind.REFRESH, keyring=selectors.keyring(), at=at)
    user = selectors.active_user(claims.caller)
    if not rules.is_password_unchanged(user.password, claims.password, selectors.secrets()):
        raise TokenInvalid
    return _with_access(selectors.caller_of(user), token, at)


def _with_access(caller: Caller, refresh_token: str, at: datetime) -> Tokens:
    lifetime = timedelta(minutes=settings.ACCESS_TOKEN_MINUTES)
    access = rules.encode_token(
        kind=rules.TokenKind.ACCESS, caller=caller, keyring=selectors.keyring(), at=at, lifetime=lifetime
    )
    return Tokens(access, refresh_token, at.replace(microsecond=0) + lifetime)
