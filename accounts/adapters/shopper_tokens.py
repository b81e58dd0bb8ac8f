"""Callers by tokens of brands' own logins: verified by published keys, and remembered for a while."""

import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import requests
import structlog

from accounts import rules, selectors, services
from accounts.contracts import Caller
from accounts.selectors import Login
from core import signing_keys
from core.errors import TokenExpired, TokenInvalid, Unavailable

log = structlog.get_logger(__name__)
REMEMBERED_TOKENS, REMEMBERED_SECONDS = 4096, 60.0


@dataclass(frozen=True, slots=True)
class _Verified:
    login: Login
    caller: Caller
    expires_at: datetime
    verified_at: float


class VerifiedTokens:
    """Tokens that were verified a moment ago, the latest ``REMEMBERED_TOKENS`` of them."""

    def __init__(self) -> None:
        self._entries: dict[str, _Verified] = {}
        self._lock = threading.Lock()

    def find(self, token: str) -> _Verified | None:
        """Return what is known of a token, if its login is still as it was."""
        entry = self._entries.get(token)
        if entry is None or time.monotonic() - entry.verified_at >= REMEMBERED_SECONDS:
            return None
        login = entry.login
        return (
            entry if selectors.shopper_logins.find(issuer=login.issuer, audiences=[login.audience]) == login else None
        )

    def add(self, token: str, entry: _Verified) -> None:
        """Remember a token, and forget the oldest one if there are too many."""
        with self._lock:
            if len(self._entries) >= REMEMBERED_TOKENS and token not in self._entries:
                self._entries.pop(next(iter(self._entries)))
            self._entries[token] = entry

    def clear(self) -> None:
        """Forget all tokens."""
        self._entries.clear()


verified_tokens = VerifiedTokens()


def get_issuer_caller(*, token: str, at: datetime) -> Caller:
    """Return the shopper of a token that a brand's own login issued.

    Raises TokenInvalid, TokenExpired, and Unavailable if the keys of the login can't be fetched.
    """
    entry = verified_tokens.find(token)
    if entry is None:
        entry = _verify(token, at)
        verified_tokens.add(token, entry)
    elif entry.expires_at + rules.LEEWAY <= at:
        raise TokenExpired
    return entry.caller


def read_token(token: str, login: Login, *, kid: str, at: datetime) -> tuple[str, datetime]:
    """Return the ID of the customer that a token of a login names, and when the token expires. ``kid`` names its key.

    Raises TokenUnverified, TokenInvalid, TokenExpired, and requests.RequestException if its keys can't be fetched.
    """
    if login.public_key:
        key = signing_keys.parse_public_key(login.public_key)
    else:
        key = signing_keys.find_key_bounded(url=login.jwks_url, kid=kid)
    claims = signing_keys.verify_signature(token, key=key, issuer=login.issuer, audience=login.audience)
    expires_at = rules.check_times(claims, max_lifetime=login.max_lifetime, valid_from=login.valid_from, at=at)
    return rules.customer_id_of_issuer(slug=login.brand, name=claims.get(login.customer_claim)), expires_at


def _verify(token: str, at: datetime) -> _Verified:
    try:
        kid, unverified = signing_keys.read_unverified(token)
        issuer, audiences = unverified.get("iss"), _list_audiences(unverified.get("aud"))
        login = selectors.shopper_logins.find(issuer=issuer, audiences=audiences) if isinstance(issuer, str) else None
        if login is None:
            raise TokenInvalid
        name, expires_at = read_token(token, login, kid=kid, at=at)
    except signing_keys.TokenUnverified as error:
        raise TokenInvalid from error
    except requests.RequestException as error:
        log.warning("shopper_keys_unavailable", error=str(error))
        raise Unavailable from error
    shopper = services.find_customer(brand_id=login.brand_id, customer_id=name)
    caller = Caller(
        identity=f"customer:{login.brand_id}:{shopper.id}", customer_key=shopper.id, customer_id=shopper.customer_id,
        issuer_brand_id=login.brand_id, issuer_brand=login.brand,
    )  # fmt: skip
    return _Verified(login, caller, expires_at, time.monotonic())


def _list_audiences(value: object) -> Collection[str]:
    values = value if isinstance(value, list) else [value]
    return [one for one in values[:10] if isinstance(one, str)]
