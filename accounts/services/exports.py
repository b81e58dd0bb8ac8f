"""Exports of personal data: what the registry's tables have of a person."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from accounts import selectors
from accounts.contracts import Caller
from accounts.models import Brand, Customer, PrivacyRequest, PrivacyRequestKind, User
from core.errors import NotFound
from core.privacy import Person, list_tables


@dataclass(frozen=True, slots=True)
class Export:
    """What is kept about a customer, in parts with their rows, which are read one after another."""

    customer_id: str | None
    parts: Iterator[tuple[str, Iterator[dict[str, Any]]]]


def export_account(*, user: User, caller: Caller, at: datetime) -> Export:
    """Return all that is kept about a user and its customer, by all brands. The audit log records it."""
    customer = Customer.objects.filter(user=user).first()
    people = selectors.list_people(customer=customer.pk if customer else 0, user=user.pk)
    if customer is not None:
        _record(customer.pk, None, caller, at)
    return Export(customer.customer_id if customer else None, _iter_parts(people))


def export_customer(*, brand: Brand, customer_id: str, caller: Caller, at: datetime) -> Export:
    """Return what a brand keeps about a customer. The audit log records it.

    Raises NotFound if the brand keeps nothing, whether or not other brands do.
    """
    shopper = selectors.get_shopper(customer_id, brand_id=brand.pk)
    if shopper is None or not selectors.keeps_data(customer=shopper.key, brand_id=brand.pk):
        raise NotFound
    people = selectors.list_people(customer=shopper.key, brand_id=brand.pk)
    _record(shopper.key, brand, caller, at)
    return Export(shopper.customer_id, _iter_parts(people))


def _iter_parts(people: list[Person]) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
    """Yield each part of an export with its rows. A brand gets no parts of the platform."""
    is_of_brand = people[0].brand is not None
    for table in list_tables():
        if table.export and (table.brand or not is_of_brand):
            yield table.export, chain.from_iterable(map(table.iter_exported, people))


def _record(customer: int, brand: Brand | None, caller: Caller, at: datetime) -> None:
    PrivacyRequest.objects.create(
        kind=PrivacyRequestKind.EXPORT, customer_id=customer, brand=brand, user_id=caller.user_key,
        api_key_id=caller.api_key_id, created_at=at,
    )  # fmt: skip
