"""Registration, revocation and archiving of codes, and whether an offer takes codes."""

import time
import uuid
from datetime import datetime

from django.db import transaction
from django.db.models import F

from accounts.models import Brand
from core import db
from core.db import translate_constraint
from core.errors import NotFound
from core.outbox import enqueue_on_commit
from redemptions.backends import get_code_backend
from redemptions.codes.models import Code, CodeBatch
from redemptions.contracts import CodeOffer
from redemptions.errors import CodeTaken, InvalidStatus
from redemptions.events.contracts import EventType, NewEvent
from redemptions.events.services import append_events
from redemptions.statuses import OfferStatus

ARCHIVE_CHUNK = 25_000  # codes per transaction
TIME_BUDGET_SECONDS = 60.0  # of one task, which then enqueues the next


def register_code(*, text: str, kind: str, brand: Brand, offer: uuid.UUID) -> Code:
    """Create the generic code of an offer. The text must be normalized. Raises CodeTaken if the brand has this code."""
    with translate_constraint("redemptions_code_once_per_brand", CodeTaken):
        return Code.objects.create(text=text, kind=kind, brand=brand, offer=offer)


@transaction.atomic
def revoke_code(*, code: Code, at: datetime) -> Code:
    """Revoke a code, so that nobody can redeem it any more. Repeating it has no effect.

    Its reservations and redemptions stay valid, and the customer that it was assigned to can get another code of the
    batch. A code of an archived offer stays as it is.
    """
    locked = Code.objects.select_for_update().get(pk=code.pk)
    if locked.archived_at is None and locked.revoked_at is None:
        locked.revoked_at = at
        locked.save(update_fields=["revoked_at"])
        data = {"batch": str(locked.batch_id)} if locked.batch_id else {}
        event = NewEvent(
            EventType.CODE_REVOKED, at, locked.brand_id, locked.kind, offer=locked.offer, code=locked.text,
            customer=locked.customer_id, data=data,
        )  # fmt: skip
        append_events([event])
    return locked


@transaction.atomic
def archive_codes(*, offer: uuid.UUID, at: datetime) -> None:
    """Archive the codes of an archived offer, so that their texts can be used again.

    Its generic code is archived now, the codes of its batches in the background.
    """
    Code.objects.filter(offer=offer, batch=None, archived_at=None).update(archived_at=at)
    if CodeBatch.objects.filter(offer=offer).exists():
        enqueue_on_commit("redemptions.archive_codes", offer=str(offer))


def archive_batch_codes(*, offer: uuid.UUID, at: datetime, time_budget: float = TIME_BUDGET_SECONDS) -> None:
    """Archive the codes of an offer's batches, ``ARCHIVE_CHUNK`` in a transaction.

    After ``time_budget`` seconds, enqueues another task for the rest.
    """
    deadline = time.monotonic() + time_budget
    params = {"offer": offer, "at": at, "limit": ARCHIVE_CHUNK}
    while db.execute("redemptions/codes/sql/archive_codes.sql", params):
        if time.monotonic() >= deadline:
            enqueue_on_commit("redemptions.archive_codes", offer=str(offer))
            return


@transaction.atomic
def delete_codes(*, offer: uuid.UUID) -> None:
    """Delete the codes of a draft that is deleted: its generic code now, its batches in the background."""
    Code.objects.filter(offer=offer, batch=None).delete()
    if CodeBatch.objects.filter(offer=offer).update(count=F("generated_count")):  # generates no more
        enqueue_on_commit("redemptions.delete_codes", offer=str(offer))


def delete_batches(*, offer: uuid.UUID, time_budget: float = TIME_BUDGET_SECONDS) -> None:
    """Delete the batches of a deleted offer with their codes, ``ARCHIVE_CHUNK`` in a transaction.

    After ``time_budget`` seconds, enqueues another task for the rest.
    """
    deadline = time.monotonic() + time_budget
    while db.execute("redemptions/codes/sql/delete_codes.sql", {"offer": offer, "limit": ARCHIVE_CHUNK}):
        if time.monotonic() >= deadline:
            enqueue_on_commit("redemptions.delete_codes", offer=str(offer))
            return
    CodeBatch.objects.filter(offer=offer).delete()


def check_takes_codes(*, kind: str, offer: uuid.UUID, brand_id: uuid.UUID, at: datetime) -> CodeOffer:
    """Return the brand's offer if codes can be added to it and assigned now. Raises NotFound, and why they can't."""
    described = get_code_backend(kind).describe_code_offers(offers=[offer], at=at).get(offer)
    if described is None or described.brand_id != brand_id:
        raise NotFound
    if described.status in (OfferStatus.ENDED, OfferStatus.ARCHIVED):
        raise InvalidStatus(current_status=described.status)
    if described.error is not None:
        raise described.error
    return described
