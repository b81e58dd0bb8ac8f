"""Audiences and segments of customers who are erased, and files that name them."""

import uuid
from collections import Counter
from collections.abc import Collection

from django.db import transaction
from django.db.models import Exists, F, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _

from core import db
from core.errors import Busy
from segments import customer_id_files
from segments.contracts import UploadState
from segments.models import AudienceUpload, CustomerSlots, Segment, SegmentMember, UploadPart
from segments.services import customer_ranges, sync

READ_BYTES = 1_000_000


def remove_customers(*, customers: Collection[int], brand_id: uuid.UUID | None) -> None:
    """Remove customers from imported audiences and filled segments of a brand, or of all brands, and free their slots.

    Automatic audiences follow the orders, and segments that are being filled keep the customers. The caller's
    transaction does all or nothing. Raises Busy if another one changes the slots of one of them.
    """
    keys = sorted(set(customers))
    db.execute("segments/sql/remove_customers.sql", {"brand": brand_id, "customers": keys})
    memberships = SegmentMember.objects.filter(segment=OuterRef("pk"), customer__in=keys)
    filled = Segment.objects.filter(Exists(memberships), state__in=sync.SYNCED_STATES)
    if brand_id is not None:
        filled = filled.filter(brand=brand_id)
    if not filled.exists():
        return
    ranges = sorted({customer_ranges.range_of(key) for key in keys})
    if not all(customer_ranges.lock_range(customer_range, wait=False) for customer_range in ranges):
        raise Busy
    segments = list(filled.select_for_update().order_by("pk").values_list("pk", flat=True))
    members = SegmentMember.objects.filter(segment__in=segments, customer__in=keys)
    rows = list(members.values_list("segment_id", "customer_id"))
    members._raw_delete(members.db)  # noqa: SLF001  (no table refers to this one)
    for customer, count in Counter(customer for _segment, customer in rows).items():
        CustomerSlots.objects.filter(pk=customer).update(used=F("used") - count)
    for segment, count in Counter(segment for segment, _customer in rows).items():
        Segment.objects.filter(pk=segment).update(members_count=F("members_count") - count, epoch=F("epoch") + 1)
    sync.request_sync(segment_ids=segments, at=timezone.now())


@transaction.atomic
def withdraw_uploads(*, customer_ids: Collection[str], brand_id: uuid.UUID | None) -> None:
    """Fail the uploads of a brand, or of all brands, that wait to be applied and contain one of the customer IDs."""
    waiting = AudienceUpload.objects.filter(state__in=[UploadState.PREVIEW, UploadState.PENDING])
    if brand_id is not None:
        waiting = waiting.filter(brand=brand_id)
    wanted = {customer_id_files.to_copy_line(text).lower() for text in customer_ids}
    for upload in waiting.order_by("pk"):
        if _contains(upload, wanted):
            reason = _("The file contains customers who were erased. Upload it again without them.")
            stopped = AudienceUpload.objects.filter(pk=upload.pk, state__in=[UploadState.PREVIEW, UploadState.PENDING])
            if stopped.update(state=UploadState.FAILED, reason=reason):
                UploadPart.objects.filter(upload=upload).delete()


def _contains(upload: AudienceUpload, lines: Collection[bytes]) -> bool:
    """Return whether a file contains one of the lines, as the reader writes them."""
    wanted = frozenset(lines)
    reader = customer_id_files.CustomerIdReader(upload.media_type)
    packed = (bytes(part) for part in upload.parts.order_by("position").values_list("packed", flat=True))
    blocks = reader.read(customer_id_files.gunzip_stream(packed, limit=READ_BYTES))
    return any(not wanted.isdisjoint(block.splitlines(keepends=True)) for block in blocks)
