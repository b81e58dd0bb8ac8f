"""Second factors of test users, and the codes that they send."""

import time

from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value

from accounts.models import User

PERIOD = 30  # seconds


def add_app(user: User) -> str:
    """Give a user an authenticator app with recovery codes, and return the app's key."""
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    RecoveryCodes.activate(user)
    return secret


def show_code(secret: str, *, later: int = 0) -> str:
    """Return the code that the app shows now, or a number of periods later."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // PERIOD + later))


def wrong_code(secret: str) -> str:
    """Return a code that the app shows neither now nor soon."""
    shown = {show_code(secret, later=later) for later in range(-2, 3)}
    return next(code for code in map(str, range(100_000, 100_010)) if code not in shown)


def recovery_codes(user: User) -> list[str]:
    """Return the unused recovery codes of a user."""
    return list(RecoveryCodes.activate(user).get_unused_codes())
