"""Sign-in with claims in campaigns, in one request."""

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
    """A successful sign-in: the access token, and the result of each campaign by slug."""

    access: str
    user_id: uuid.UUID
    results: Sequence[tuple[str, ClaimResult]]


def login_and_claim(*, account: str, password: str, address: str, campaign: str | None, at: datetime) -> LoginResult:
    """Sign a user in, and claim a voucher in the campaign of this slug, or in every active one for None.

    An unknown campaign counts as not active. A user who is not a shopper claims nothing. Raises InvalidCredentials,
    Throttled and Unavailable.
    """
    user, tokens = sign_in(account=account, password=password, address=address, at=at)
    shopper = caller_of(user).shopper
    slugs = selectors.list_open_slugs(at=at) if campaign is None else [campaign]
    results = [(slug, _claim(slug, shopper.key, at)) for slug in slugs] if shopper else []
    return LoginResult(tokens.access, user.uuid, results)


def _claim(slug: str, customer_key: int, at: datetime) -> ClaimResult:
    try:
        result = claim(campaign=slug, customer_key=customer_key, at=at)
    except NotFound:
        return ClaimResult(Result.NOT_OPEN)
    if result.result is Result.INACTIVE_USER:  # deactivated during the sign-in
        raise InvalidCredentials
    return result
