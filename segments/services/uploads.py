"""Files of customer IDs that staff upload: a preview shows the changes, and a background task applies the file.

A file is stored and read in parts, so its length needs no memory. It takes effect in one step at the end: after a crash
or a cancellation before that, nothing has changed, and the file is read again.
"""

import uuid
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Brand
from core import db
from core.errors import DomainError, InvalidRequest
from core.outbox import enqueue_on_commit
from core.streams import CHUNK_SIZE
from segments import customer_id_files, selectors
from segments.contracts import Operation, Source, UploadState
from segments.errors import AudienceReadOnly
from segments.models import AudienceUpload, UploadPart
from segments.services import staging
from segments.services.audiences import apply_staged, check_segment_type

READ_PERCENT, CUSTOMERS_PERCENT = 30, 80  # progress after reading the file, and after creating customers
PART_SIZE = 256 * 1024  # minimum bytes of a compressed part; the last one can be smaller
RETENTION = timedelta(days=7)  # of files that are not applied


class _Canceled(Exception):
    """Raised when the upload is no longer waiting to be applied."""


@transaction.atomic
def create_upload(
    *,
    brand: Brand,
    segment_type: str,
    operation: str,
    file_name: str,
    parts: Iterable[bytes],
    media_type: str,
    by: int | None,
) -> AudienceUpload:
    """Store a file and preview its changes. The audience stays as it is.

    Lines without a valid customer ID are counted and skipped; the first are listed. Raises InvalidRequest and
    AudienceReadOnly.
    """
    check_segment_type(segment_type)
    audience = selectors.find_audience(brand_id=brand.pk, segment_type=segment_type)
    if audience is not None and audience.source != Source.IMPORTED:
        raise AudienceReadOnly
    upload = AudienceUpload.objects.create(
        brand=brand, segment_type=segment_type, operation=operation, file_name=file_name[:200], media_type=media_type,
        by_id=by,
    )  # fmt: skip
    reader = customer_id_files.CustomerIdReader(media_type)
    with staging.staging_table():
        staging.copy_lines(reader.read(_store_parts(parts, upload)))
        if not reader.received:
            raise InvalidRequest.field("file", _("The file contains no customer IDs."))
        params = {"audience": audience.pk if audience else None}
        with db.extended_timeouts():
            counts = db.fetch_all("segments/sql/preview_upload.sql", params)[0]
    _build_preview(upload, size=audience.size if audience else 0, **counts)
    upload.received, upload.invalid_count, upload.errors = reader.received, reader.invalid_count, reader.errors
    upload.save()
    return upload


def _build_preview(upload: AudienceUpload, *, size: int, named: int, unknown: int, members: int) -> None:
    """Set the expected changes of an upload from the counts of distinct, unknown and present customers."""
    upload.unknown = unknown
    upload.added = 0 if upload.operation == Operation.REMOVE else named - members
    removed = {Operation.REMOVE: members, Operation.REPLACE: size - members}
    upload.removed = removed.get(Operation(upload.operation), 0)
    upload.size = size + upload.added - upload.removed


@transaction.atomic
def queue_upload(*, upload: AudienceUpload) -> None:
    """Enqueue the upload to be applied. Repeated calls change nothing."""
    previews = AudienceUpload.objects.filter(pk=upload.pk, state=UploadState.PREVIEW)
    if previews.update(state=UploadState.PENDING, percent=0):
        enqueue_on_commit("segments.apply_upload", upload_id=str(upload.pk))


@transaction.atomic
def cancel_upload(*, upload: AudienceUpload) -> bool:
    """Return a waiting upload to its preview. Return False if it is being applied or was applied."""
    waiting = AudienceUpload.objects.filter(pk=upload.pk, state=UploadState.PENDING)
    if not waiting.select_for_update(skip_locked=True).exists():  # the task that applies the file locks the row
        return False
    return bool(waiting.update(state=UploadState.PREVIEW, percent=0))


@transaction.atomic
def discard_upload(*, upload: AudienceUpload) -> None:
    """Delete an upload that was not applied."""
    AudienceUpload.objects.filter(pk=upload.pk, state=UploadState.PREVIEW).delete()


def purge_uploads(*, at: datetime) -> None:
    """Delete uploads that were not applied within ``RETENTION``. Applied and failed ones stay."""
    AudienceUpload.objects.filter(state=UploadState.PREVIEW, created_at__lt=at - RETENTION).delete()


def apply_upload(*, upload_id: uuid.UUID, at: datetime) -> None:
    """Apply a waiting upload, once however often it is called. Fails the upload if the audience became automatic."""
    upload = AudienceUpload.objects.select_related("brand").filter(pk=upload_id, state=UploadState.PENDING).first()
    if upload is None:
        return
    reader = customer_id_files.CustomerIdReader(upload.media_type)
    try:
        with staging.staging_table():
            staging.copy_lines(reader.read(customer_id_files.gunzip_stream(_iter_chunks(upload), limit=CHUNK_SIZE)))
            if upload.operation != Operation.REMOVE:
                staging.create_missing_customers(
                    lambda done: _save_progress(upload, READ_PERCENT + (CUSTOMERS_PERCENT - READ_PERCENT) * done // 100)
                )
            _finish(upload, reader.received, at)
    except _Canceled:
        return
    except AudienceReadOnly as error:
        _fail(upload, error)


@transaction.atomic
def _finish(upload: AudienceUpload, received: int, at: datetime) -> None:
    """Change the audience and mark the upload as applied, in one transaction. Raises _Canceled."""
    waiting = AudienceUpload.objects.select_for_update().filter(pk=upload.pk, state=UploadState.PENDING)
    if not waiting.exists():
        raise _Canceled
    result = apply_staged(
        brand=upload.brand, segment_type=upload.segment_type, operation=upload.operation, received=received
    )
    waiting.update(
        state=UploadState.APPLIED, added=result.added, removed=result.removed, size=result.size, percent=100,
        applied_at=at,
    )  # fmt: skip
    UploadPart.objects.filter(upload=upload).delete()


@transaction.atomic
def _fail(upload: AudienceUpload, error: DomainError) -> None:
    waiting = AudienceUpload.objects.filter(pk=upload.pk, state=UploadState.PENDING)
    if waiting.update(state=UploadState.FAILED, reason=error.detail):
        UploadPart.objects.filter(upload=upload).delete()


def _iter_chunks(upload: AudienceUpload) -> Iterator[bytes]:
    """Yield the compressed parts in order and save the progress. Raises _Canceled."""
    count = upload.parts.count()
    for position in range(count):
        _save_progress(upload, READ_PERCENT * position // count)
        yield bytes(upload.parts.values_list("packed", flat=True).get(position=position))


def _save_progress(upload: AudienceUpload, percent: int) -> None:
    """Store the progress. Raises _Canceled if the upload is no longer waiting."""
    waiting = AudienceUpload.objects.filter(pk=upload.pk, state=UploadState.PENDING)
    if not waiting.update(percent=percent):
        raise _Canceled


def _store_parts(parts: Iterable[bytes], upload: AudienceUpload) -> Iterator[bytes]:
    """Yield the parts unchanged, and store them compressed."""
    compressor, packed, position = zlib.compressobj(wbits=31), b"", 0
    for part in parts:
        packed += compressor.compress(part)
        if len(packed) >= PART_SIZE:
            UploadPart.objects.create(upload=upload, position=position, packed=packed)
            packed, position = b"", position + 1
        yield part
    UploadPart.objects.create(upload=upload, position=position, packed=packed + compressor.flush())
