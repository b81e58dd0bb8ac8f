"""The own logins of brands, as every process knows them."""

import math
import threading
import time
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import Error

from accounts.models import Brand, ShopperIssuer

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Login:
    """How tokens of a brand's own login are verified."""

    id: uuid.UUID
    brand_id: uuid.UUID
    brand: str
    issuer: str
    audience: str
    jwks_url: str
    public_key: str
    customer_claim: str
    max_lifetime: timedelta
    valid_from: datetime | None


class ShopperLogins:
    """The active logins of active brands, read from the database once in a while."""

    def __init__(self) -> None:
        self._logins: Mapping[tuple[str, str], Login] = {}
        self._read_at = float("-inf")
        self._lock = threading.Lock()

    def find(self, *, issuer: str, audiences: Collection[str]) -> Login | None:
        """Return the login that issues tokens for one of these audiences."""
        logins = self._list()
        return next((login for one in audiences if (login := logins.get((issuer, one)))), None)

    def _list(self) -> Mapping[tuple[str, str], Login]:
        seconds, is_first = settings.SHOPPER_LOGINS_SECONDS, math.isinf(self._read_at)
        if time.monotonic() - self._read_at >= seconds and self._lock.acquire(blocking=is_first):
            try:
                if is_first and not math.isinf(self._read_at):
                    return self._logins  # which another thread has read meanwhile
                self._logins = {(login.issuer, login.audience): login for login in map(to_login, _list_active())}
                self._read_at = time.monotonic()
            except Error as error:  # the list of before is the best that there is
                log.warning("shopper_logins_unread", error=str(error))
            finally:
                self._lock.release()
        return self._logins


def to_login(row: ShopperIssuer) -> Login:
    """Convert a row, saved or not, to what verifies its tokens."""
    return Login(
        row.pk, row.brand_id, row.brand.slug, row.issuer, row.audience, row.jwks_url, row.public_key,
        row.customer_claim, timedelta(minutes=row.max_lifetime_minutes), row.valid_from,
    )  # fmt: skip


def has_twin(brand: Brand) -> bool:
    """Return whether the slug of another brand differs from this one's in the case of letters only."""
    return Brand.objects.filter(slug__iexact=brand.slug).exclude(pk=brand.pk).exists()


def _list_active() -> list[ShopperIssuer]:
    return list(ShopperIssuer.objects.filter(is_active=True, brand__is_active=True).select_related("brand"))


shopper_logins = ShopperLogins()
