"""Files that a brand's staff bring: what each would change is shown first, and it takes effect in the background.

A file is kept in pieces and read a piece at a time, so its length takes no memory. It takes effect at one moment at the
end: whatever dies or is stopped before has changed nothing, and the file is read again.
"""

import uuid
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import Brand
from core import db
from core.errors import DomainError, InvalidRequest
from core.outbox import enqueue_on_commit
from core.streams import CHUNK_SIZE
from segments import customer_id_files
from segments.contracts import Operation, Source, UploadState
from segments.errors import AudienceReadOnly
from segments.models import Audience, AudienceUpload, UploadPart
from segments.services import staging
from segments.services.audiences import apply_staged, check_segment_type

READ, KNOWN = 30, 80  # per cent of the way when all of a file was read, and when its customers are known
PART_SIZE = 256 * 1024  # bytes, at least, of a packed piece but for the last
RETENTION = timedelta(days=7)  # that a file waits for somebody to apply it


class _Stopped(Exception):
    """The file is not to take effect, or not now."""


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
    """Keep a file and find out what it would change; nothing is changed.

    Lines that hold no customer id are counted, the first are named, and all are left out when it is applied.
    Raises Invalid, AudienceComputed.
    """
    check_segment_type(segment_type)
    audience = Audience.objects.filter(brand=brand, segment_type=segment_type).first()
    if audience is not None and audience.source != Source.IMPORTED:
        raise AudienceReadOnly
    upload = AudienceUpload.objects.create(
        brand=brand, segment_type=segment_type, operation=operation, file_name=file_name[:200], media_type=media_type,
        by_id=by,
    )  # fmt: skip
    reader = customer_id_files.CustomerIdReader(media_type)
    with staging.staging_table():
        staging.copy_lines(reader.read(_stored_file(parts, upload)))
        if not reader.received:
            raise InvalidRequest.field("file", "There is no customer id in it.")
        with db.extended_timeouts():
            found = db.fetch_all("segments/sql/preview_upload.sql", {"audience": audience.pk if audience else None})[0]
    _build_preview(upload, size=audience.size if audience else 0, **found)
    upload.received, upload.refused, upload.errors = reader.received, reader.refused, reader.errors
    upload.save()
    return upload


def _build_preview(upload: AudienceUpload, *, size: int, named: int, unknown: int, members: int) -> None:
    """What will come of it, as far as can be seen now."""
    upload.unknown = unknown
    upload.added = 0 if upload.operation == Operation.REMOVE else named - members
    gone = {Operation.REMOVE: members, Operation.REPLACE: size - members}
    upload.removed = gone.get(Operation(upload.operation), 0)
    upload.size = size + upload.added - upload.removed


@transaction.atomic
def queue_upload(*, upload: AudienceUpload) -> None:
    """Let it take effect in the background; asked again, nothing more happens."""
    mine = AudienceUpload.objects.filter(pk=upload.pk, state=UploadState.PREVIEW)
    if mine.update(state=UploadState.PENDING, percent=0):
        enqueue_on_commit("segments.apply_upload", upload_id=str(upload.pk))


@transaction.atomic
def stop_upload(*, upload: AudienceUpload) -> bool:
    """Let it not take effect for now; False when it is too late. What was read of it is read again next time."""
    mine = AudienceUpload.objects.filter(pk=upload.pk, state=UploadState.PENDING)
    if not mine.select_for_update(skip_locked=True).exists():  # a locked one is taking effect
        return False
    return bool(mine.update(state=UploadState.PREVIEW, percent=0))


@transaction.atomic
def discard_upload(*, upload: AudienceUpload) -> None:
    """Forget a file that was not applied."""
    AudienceUpload.objects.filter(pk=upload.pk, state=UploadState.PREVIEW).delete()


def purge_uploads(*, at: datetime) -> None:
    """Forget files that nobody applied in ``KEPT``; what became of the others stays to be read."""
    AudienceUpload.objects.filter(state=UploadState.PREVIEW, created_at__lt=at - RETENTION).delete()


def apply_upload(*, upload_id: uuid.UUID, at: datetime) -> None:
    """Apply a file that waits for it, once whatever is asked again; an audience computed meanwhile refuses it."""
    upload = AudienceUpload.objects.select_related("brand").filter(pk=upload_id, state=UploadState.PENDING).first()
    if upload is None:
        return
    reader = customer_id_files.CustomerIdReader(upload.media_type)
    try:
        with staging.staging_table():
            staging.copy_lines(reader.read(customer_id_files.gunzip_stream(_iter_chunks(upload), limit=CHUNK_SIZE)))
            if upload.operation != Operation.REMOVE:
                staging.create_missing_customers(
                    lambda done: _save_progress(upload, READ + (KNOWN - READ) * done // 100)
                )
            _finish(upload, reader.received, at)
    except _Stopped:
        return
    except AudienceReadOnly as refusal:
        _fail(upload, refusal)


@transaction.atomic
def _finish(upload: AudienceUpload, received: int, at: datetime) -> None:
    """The effect, and that it is done: both or neither."""
    waiting = AudienceUpload.objects.select_for_update().filter(pk=upload.pk, state=UploadState.PENDING)
    if not waiting.exists():
        raise _Stopped
    done = apply_staged(
        brand=upload.brand, segment_type=upload.segment_type, operation=upload.operation, received=received
    )
    waiting.update(
        state=UploadState.APPLIED, added=done.added, removed=done.removed, size=done.size, percent=100, applied_at=at
    )
    UploadPart.objects.filter(upload=upload).delete()


@transaction.atomic
def _fail(upload: AudienceUpload, refusal: DomainError) -> None:
    mine = AudienceUpload.objects.filter(pk=upload.pk, state=UploadState.PENDING)
    if mine.update(state=UploadState.FAILED, reason=refusal.detail):
        UploadPart.objects.filter(upload=upload).delete()


def _iter_chunks(upload: AudienceUpload) -> Iterator[bytes]:
    """The packed file, a piece at a time, saying how far it is. Raises _Stopped."""
    count = upload.parts.count()
    for place in range(count):
        _save_progress(upload, READ * place // count)
        yield bytes(upload.parts.values_list("packed", flat=True).get(position=place))


def _save_progress(upload: AudienceUpload, percent: int) -> None:
    """Note how far it is. Raises _Stopped when it was stopped, or another has done it."""
    mine = AudienceUpload.objects.filter(pk=upload.pk, state=UploadState.PENDING)
    if not mine.update(percent=percent):
        raise _Stopped


def _stored_file(parts: Iterable[bytes], upload: AudienceUpload) -> Iterator[bytes]:
    """The parts as they are, each packed and kept too."""
    pack, waiting, place = zlib.compressobj(wbits=31), b"", 0
    for part in parts:
        waiting += pack.compress(part)
        if len(waiting) >= PART_SIZE:
            UploadPart.objects.create(upload=upload, position=place, packed=waiting)
            waiting, place = b"", place + 1
        yield part
    UploadPart.objects.create(upload=upload, position=place, packed=waiting + pack.flush())
