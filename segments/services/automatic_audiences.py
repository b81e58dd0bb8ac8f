"""Audiences that a brand has computed here from what its customers bought; checkout works out who is in them."""

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db import transaction

from accounts.models import Brand
from core.errors import InvalidRequest
from segments.contracts import AUTOMATIC_SEGMENT_TYPES, Operation, Source
from segments.models import Audience
from segments.services import staging
from segments.services.audiences import apply_audience, apply_staged, lock_audience


@transaction.atomic
def enable(*, brand: Brand, segment_type: str) -> None:
    """Have an audience computed here from now on; nobody else may say who is in it until ``stop_computing``.

    Its members stay who they were until all is counted. Raises Invalid for a type that cannot be computed.
    """
    if segment_type not in AUTOMATIC_SEGMENT_TYPES:
        raise InvalidRequest.field("segment_type", f"Computed are {', '.join(AUTOMATIC_SEGMENT_TYPES)}.")
    audience = lock_audience(brand=brand, segment_type=segment_type)
    if audience.source != Source.AUTOMATIC_SEGMENT_TYPES:
        Audience.objects.filter(pk=audience.pk).update(source=Source.AUTOMATIC_SEGMENT_TYPES, counted_at=None)


@transaction.atomic
def disable(*, brand: Brand, segment_type: str) -> None:
    """Leave an audience to the data platform and to files again; its members stay until these say otherwise."""
    mine = Audience.objects.filter(brand=brand, segment_type=segment_type, source=Source.AUTOMATIC_SEGMENT_TYPES)
    mine.update(source=Source.IMPORTED, counted_at=None)


@transaction.atomic
def replace_members(*, audience: Audience, batches: Iterable[Collection[str]], at: datetime) -> None:
    """Replace a computed audience by these customer ids, at one moment. Raises AudienceComputed when it is none now."""
    with staging.staging_table():
        received = sum(staging.copy_ids(batch) for batch in batches)
        apply_staged(
            brand=audience.brand, segment_type=audience.segment_type, operation=Operation.REPLACE, received=received,
            source=Source.AUTOMATIC_SEGMENT_TYPES,
        )  # fmt: skip
    Audience.objects.filter(pk=audience.pk).update(counted_at=at)


def request_recount(*, audience: Audience) -> None:
    """Have a computed audience counted from the beginning once more; its members stay until then."""
    Audience.objects.filter(pk=audience.pk, source=Source.AUTOMATIC_SEGMENT_TYPES).update(counted_at=None)


@transaction.atomic
def update_members(*, audience: Audience, added: Collection[str], removed: Collection[str]) -> None:
    """Put customers into a computed audience and take others out, by id. Raises AudienceComputed if it is none now."""
    for operation, ids in ((Operation.ADD, added), (Operation.REMOVE, removed)):
        if ids:
            apply_audience(
                brand=audience.brand, segment_type=audience.segment_type, operation=operation, customer_ids=ids,
                source=Source.AUTOMATIC_SEGMENT_TYPES,
            )  # fmt: skip
