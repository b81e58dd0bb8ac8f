"""Signing in and arriving at campaigns, in one go."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts.errors import InvalidCredentials
from accounts.selectors import caller_of
from accounts.services import sign_in
from core.errors import NotFound
from vouchers import selectors
from vouchers.contracts import ClaimResult, Result
from vouchers.services.claims import claim


@dataclass(frozen=True, slots=True)
class LoginResult:
    """A good sign-in: its access token, and what each campaign had."""

    access: str
    user_id: uuid.UUID
    outcomes: Sequence[tuple[str, ClaimResult]]


def login_and_claim(*, account: str, password: str, address: str, campaign: str | None, at: datetime) -> LoginResult:
    """Sign in, and take part in the campaign of this slug, or in every open one with None.

    A campaign that there is not is not open. Whoever is no shopper signs in and takes part in nothing. Raises
    LoginRefused, Throttled, Unavailable.
    """
    user, tokens = sign_in(account=account, password=password, address=address, at=at)
    shopper = caller_of(user).shopper
    slugs = selectors.open_slugs(at=at) if campaign is None else [campaign]
    outcomes = [(slug, _claim(slug, shopper.key, at)) for slug in slugs] if shopper else []
    return LoginResult(tokens.access, user.uuid, outcomes)


def _claim(slug: str, customer_key: int, at: datetime) -> ClaimResult:
    try:
        outcome = claim(campaign=slug, customer_key=customer_key, at=at)
    except NotFound:
        return ClaimResult(Result.NOT_OPEN)
    if outcome.result is Result.INACTIVE_USER:  # at this very moment
        raise InvalidCredentials
    return outcome
