"""Service that changes what the sender of a redemption keeps with it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from checkout import selectors
from checkout.models import Redemption
from core.metadata import merge_metadata


@transaction.atomic
def change_metadata(*, redemption: Redemption, fields: Mapping[str, Any], at: datetime) -> Redemption:
    """Change the external ID and the metadata of a redemption. Raises InvalidRequest for too many keys."""
    locked = selectors.lock_redemption(pk=redemption.pk)
    if "external_id" in fields:
        locked.external_id = fields["external_id"] or ""
    if "metadata" in fields:
        locked.metadata = merge_metadata(locked.metadata, fields["metadata"])
    if fields:
        locked.updated_at = at
        locked.save(update_fields=["external_id", "metadata", "updated_at"])
    return locked
