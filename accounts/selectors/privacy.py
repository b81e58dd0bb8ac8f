"""Reads of what is kept about a customer, by the registry of personal data."""

import uuid
from collections import Counter
from collections.abc import Collection

from django.db.models import Q
from django.utils.text import capfirst

from accounts.models import Customer, CustomerMerge, PrivacyRequest, PrivacyRequestKind
from core.errors import NotFound
from core.privacy import Person, PersonalTable, list_tables


def list_people(*, customer: int, user: int | None = None, brand_id: uuid.UUID | None = None) -> list[Person]:
    """Return a customer and those that brands have merged into it, each of these with the data of that brand."""
    merges = CustomerMerge.objects.filter(Q(brand=brand_id) if brand_id else Q(), target=customer).order_by("pk")
    merged = merges.values_list("source", "brand")
    return [Person(customer, user, brand_id), *(Person(source, brand=brand) for source, brand in merged)]


def keeps_data(*, customer: int, brand_id: uuid.UUID) -> bool:
    """Return whether a brand keeps anything about a customer, or those who were merged into it."""
    return any(
        table.find_rows(customers=[person.customer], brand=brand_id).exists()
        for person in list_people(customer=customer, brand_id=brand_id)
        for table in _list_evidence()
    )


def is_known_elsewhere(*, customer: Customer, brand_id: uuid.UUID) -> bool:
    """Return whether the customer has an account, or anyone but the brand keeps anything about them."""
    return customer.user_id is not None or any(
        table.find_rows(customers=[customer.pk]).exclude(**{table.brand: brand_id}).exists()
        for table in _list_evidence()
    )


def count_rows(*, customer: Customer) -> dict[str, int]:
    """Return how many rows of what lead to a customer and its account, without those of which there are none."""
    users = () if customer.user_id is None else (customer.user_id,)
    counts: Counter[str] = Counter()
    for table in list_tables():
        if table.export:
            label = capfirst(str(table.model_class._meta.verbose_name_plural))  # noqa: SLF001
            counts[label] += table.find_rows(customers=[customer.pk], users=users).count()
    return {label: count for label, count in sorted(counts.items()) if count}


def get_erasure(*, pk: uuid.UUID, brand_ids: Collection[uuid.UUID] | None) -> PrivacyRequest:
    """Return an erasure that one of the brands requested, or anyone if they are None. Raises NotFound."""
    erasures = PrivacyRequest.objects.filter(kind=PrivacyRequestKind.ERASURE)
    if brand_ids is not None:
        erasures = erasures.filter(brand__in=brand_ids)
    erasure = erasures.filter(pk=pk).first()
    if erasure is None:
        raise NotFound
    return erasure


def _list_evidence() -> list[PersonalTable]:
    """Return the tables of brands whose rows say that a brand knows a customer."""
    requests = (PrivacyRequest, *PrivacyRequest.pgh_event_models.values())  # type: ignore[attr-defined]
    return [table for table in list_tables() if table.brand and table.model_class not in requests]
