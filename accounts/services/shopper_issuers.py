"""Services of brands' own logins: their settings, and the customers that their tokens name."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext

from accounts import selectors
from accounts.contracts import Shopper
from accounts.models import ShopperIssuer
from core import batching, db
from core.errors import Busy, InvalidRequest

_TRIES = 3  # a customer that a concurrent request inserts is there the next time


@dataclass(frozen=True, slots=True)
class _BrandCustomer:
    brand_id: uuid.UUID
    customer_id: str


@transaction.atomic
def save_shopper_issuer(*, issuer: ShopperIssuer) -> ShopperIssuer:
    """Save a brand's own login. Raises InvalidRequest if its customer IDs could be those of another brand."""
    if selectors.has_twin(issuer.brand):
        detail = gettext("The slug of another brand differs in the case of letters only. Ask a platform admin.")
        raise InvalidRequest.field("brand", detail)
    issuer.save()
    return issuer


def end_shopper_tokens(*, issuer: ShopperIssuer, at: datetime) -> None:
    """Refuse all tokens that a brand's own login issued before now, in every process within a second or two."""
    issuer.valid_from = at
    issuer.save(update_fields=["valid_from"])


def find_customer(*, brand_id: uuid.UUID, customer_id: str) -> Shopper:
    """Return the customer with an ID for a brand, created if there is none. Concurrent calls share a statement."""
    for _try in range(_TRIES):
        row = _executor.submit(_BrandCustomer(brand_id, customer_id))
        if row["id"] is not None:
            return Shopper(row["id"], row["customer_id"])
    raise Busy


def _find_customers(items: Sequence[_BrandCustomer]) -> list[db.Row]:
    brands, names = [item.brand_id for item in items], [item.customer_id for item in items]
    return db.fetch_all("accounts/sql/find_customers.sql", {"brands": brands, "names": names})


_executor = batching.BatchExecutor("accounts.find_customers", _find_customers, is_idempotent=True)
