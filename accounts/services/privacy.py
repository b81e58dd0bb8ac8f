"""Exports of personal data: what the registry's tables have of a person."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from django.db.models import Q

from accounts.contracts import Caller
from accounts.models import Brand, Customer, CustomerMerge, PrivacyRequest, PrivacyRequestKind, User
from accounts.selectors import get_shopper
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
    people = _list_people(customer.pk if customer else 0, user=user.pk)
    if customer is not None:
        _record(customer.pk, None, caller, at)
    return Export(customer.customer_id if customer else None, _iter_parts(people))


def export_customer(*, brand: Brand, customer_id: str, caller: Caller, at: datetime) -> Export:
    """Return what a brand keeps about a customer. The audit log records it.

    Raises NotFound if the brand keeps nothing, whether or not other brands do.
    """
    shopper = get_shopper(customer_id, brand_id=brand.pk)
    people = _list_people(shopper.key, brand_id=brand.pk) if shopper else []
    if shopper is None or not any(_has_rows(person) for person in people):
        raise NotFound
    _record(shopper.key, brand, caller, at)
    return Export(shopper.customer_id, _iter_parts(people))


def _list_people(customer: int, *, user: int | None = None, brand_id: uuid.UUID | None = None) -> list[Person]:
    """Return a customer and those that brands have merged into it, each with the data of that brand."""
    merges = CustomerMerge.objects.filter(Q(brand=brand_id) if brand_id else Q(), target=customer).order_by("pk")
    merged = merges.values_list("source", "brand")
    return [Person(customer, user, brand_id), *(Person(source, brand=brand) for source, brand in merged)]


def _has_rows(person: Person) -> bool:
    """Return whether a brand keeps anything about a person besides requests for it."""
    return any(
        table.find_rows(customers=[person.customer], brand=person.brand).exists()
        for table in list_tables()
        if table.export and table.model_class is not PrivacyRequest
    )


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
