"""Automatic audiences, which follow the purchases of a brand's customers; ``checkout`` selects the customers."""

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Brand
from core.errors import InvalidRequest
from segments.contracts import AUTOMATIC_SEGMENT_TYPES, Operation, Source
from segments.models import Audience
from segments.services import staging
from segments.services.audiences import apply_audience, apply_staged, lock_audience


@transaction.atomic
def enable(*, brand: Brand, segment_type: str) -> None:
    """Make an audience automatic. Imports and the API can't change it until ``disable``.

    Its customers stay until the new ones have been selected. Raises InvalidRequest for a type that can't be automatic.
    """
    if segment_type not in AUTOMATIC_SEGMENT_TYPES:
        types = ", ".join(AUTOMATIC_SEGMENT_TYPES)
        raise InvalidRequest.field("segment_type", _("Choose one of: %(types)s.") % {"types": types})
    audience = lock_audience(brand=brand, segment_type=segment_type)
    if audience.source != Source.AUTOMATIC:
        Audience.objects.filter(pk=audience.pk).update(source=Source.AUTOMATIC, counted_at=None)


@transaction.atomic
def disable(*, brand: Brand, segment_type: str) -> None:
    """Open an automatic audience to imports and the API again. Its customers stay until an update changes them."""
    audiences = Audience.objects.filter(brand=brand, segment_type=segment_type, source=Source.AUTOMATIC)
    audiences.update(source=Source.IMPORTED, counted_at=None)


@transaction.atomic
def replace_members(*, audience: Audience, batches: Iterable[Collection[str]], at: datetime) -> None:
    """Replace the customers of an automatic audience by these IDs in one step.

    Raises AudienceReadOnly if the audience is no longer automatic.
    """
    with staging.staging_table():
        received = sum(staging.copy_ids(batch) for batch in batches)
        apply_staged(
            brand=audience.brand, segment_type=audience.segment_type, operation=Operation.REPLACE, received=received,
            source=Source.AUTOMATIC,
        )  # fmt: skip
    Audience.objects.filter(pk=audience.pk).update(counted_at=at)


def request_recount(*, audience: Audience) -> None:
    """Request a new selection of the customers of an automatic audience. Its customers stay until then."""
    Audience.objects.filter(pk=audience.pk, source=Source.AUTOMATIC).update(counted_at=None)


@transaction.atomic
def update_members(*, audience: Audience, added: Collection[str], removed: Collection[str]) -> None:
    """Add customers to an automatic audience and remove others, by ID.

    Raises AudienceReadOnly if the audience is no longer automatic.
    """
    for operation, customer_ids in ((Operation.ADD, added), (Operation.REMOVE, removed)):
        if customer_ids:
            apply_audience(
                brand=audience.brand, segment_type=audience.segment_type, operation=operation,
                customer_ids=customer_ids, source=Source.AUTOMATIC,
            )  # fmt: skip
