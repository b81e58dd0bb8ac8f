"""Services that change the external ID and the metadata of an offer, the same for every kind."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from django.db import transaction

from core.db import translate_constraint
from core.metadata import FIELDS, merge_metadata, pick_metadata
from redemptions.errors import ExternalIdTaken
from redemptions.lifecycle import EXTERNAL_ID_CONSTRAINT, OfferLifecycle


def translate_external_id(model: type[OfferLifecycle]) -> AbstractContextManager[None]:
    """Translate the violation of the kind's constraint on external IDs into ExternalIdTaken."""
    names = (constraint.name for constraint in model._meta.constraints)  # noqa: SLF001
    name = next((name for name in names if name.endswith(EXTERNAL_ID_CONSTRAINT)), "")
    return translate_constraint(name, ExternalIdTaken)


def change_metadata(offer: OfferLifecycle, fields: Mapping[str, Any], *, at: datetime) -> dict[str, Any]:
    """Save the external ID and the changes of metadata in ``fields``, and return the other fields.

    The caller has locked the offer in its transaction. Raises ExternalIdTaken, and InvalidRequest for too many keys.
    """
    changes = pick_metadata(fields)
    if "external_id" in changes:
        offer.external_id = changes["external_id"] or ""
    if "metadata" in changes:
        offer.metadata = merge_metadata(offer.metadata, changes["metadata"])
    if changes:
        offer.updated_at = at
        with translate_external_id(type(offer)):
            offer.save(update_fields=[*changes, "updated_at"])
    return {name: value for name, value in fields.items() if name not in FIELDS}


@transaction.atomic
def update_metadata(offer: OfferLifecycle, fields: Mapping[str, Any], *, at: datetime) -> None:
    """Lock an offer and change its external ID and metadata. Raises as ``change_metadata``."""
    locked = type(offer).objects.select_for_update(of=("self",)).get(pk=offer.pk)  # type: ignore[attr-defined]
    change_metadata(locked, fields, at=at)
