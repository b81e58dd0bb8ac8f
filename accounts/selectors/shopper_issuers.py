"""The own logins of brands, as every process knows them."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from accounts.models import Brand, ShopperIssuer
from core.snapshots import Snapshot


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
        self._logins: Snapshot[Mapping[tuple[str, str], Login]] = Snapshot("shopper_logins", {})

    def find(self, *, issuer: str, audiences: Collection[str]) -> Login | None:
        """Return the login that issues tokens for one of these audiences."""
        logins = self._logins.get(_list_active, seconds=settings.SHOPPER_LOGINS_SECONDS)
        return next((login for one in audiences if (login := logins.get((issuer, one)))), None)


def to_login(row: ShopperIssuer) -> Login:
    """Convert a row, saved or not, to what verifies its tokens."""
    return Login(
        row.pk, row.brand_id, row.brand.slug, row.issuer, row.audience, row.jwks_url, row.public_key,
        row.customer_claim, timedelta(minutes=row.max_lifetime_minutes), row.valid_from,
    )  # fmt: skip


def has_twin(brand: Brand) -> bool:
    """Return whether the slug of another brand differs from this one's in the case of letters only."""
    return Brand.objects.filter(slug__iexact=brand.slug).exclude(pk=brand.pk).exists()


def _list_active() -> dict[tuple[str, str], Login]:
    rows = ShopperIssuer.objects.filter(is_active=True, brand__is_active=True).select_related("brand")
    return {(login.issuer, login.audience): login for login in map(to_login, rows)}


shopper_logins = ShopperLogins()
