"""Audiences change: by the data platform's word, a brand's file, or what is computed here."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime

from django.db import transaction

from accounts.models import Brand
from core import db
from core.errors import InvalidRequest
from segments import customer_id_files, selectors
from segments.contracts import AudienceUpdateResult, Operation, Source
from segments.errors import AudienceReadOnly
from segments.models import Audience
from segments.services import slot_usage, staging

MAX_VERSION = 2**63 - 1  # version


def apply_audience(
    *,
    brand: Brand,
    segment_type: str,
    operation: str,
    customer_ids: Collection[str],
    version: int | None = None,
    source: Source = Source.IMPORTED,
) -> AudienceUpdateResult:
    """Replace, extend or reduce an audience.

    Atomic: no reader sees half. Customers that the platform has never seen are created. A ``version`` older than the
    stored one changes nothing; the stored one again is applied again, which changes nothing if it is the same update.
    Raises Invalid (fields ``segment_type``, ``version``, ``customer_ids.<place>``), AudienceComputed.
    """
    customer_id_files.check_ids(customer_ids)
    with staging.staging_table():
        received = staging.copy_ids(customer_ids)
        return apply_staged(
            brand=brand, segment_type=segment_type, operation=operation, received=received, version=version,
            source=source,
        )  # fmt: skip


def apply_file(
    *,
    brand: Brand,
    segment_type: str,
    operation: str,
    parts: Iterable[bytes],
    media_type: str,
    version: int | None = None,
) -> AudienceUpdateResult:
    """The same, with ids from a file of any length as it arrives; of memory it takes what a few parts do.

    Raises also Invalid with the numbers of bad lines; nothing was changed then.
    """
    check_segment_type(segment_type)
    with staging.staging_table():
        reader = customer_id_files.CustomerIdReader(media_type)
        staging.copy_lines(reader.read(parts))
        reader.check()
        return apply_staged(
            brand=brand, segment_type=segment_type, operation=operation, received=reader.received, version=version
        )


def apply_staged(
    *,
    brand: Brand,
    segment_type: str,
    operation: str,
    received: int,
    version: int | None = None,
    source: Source = Source.IMPORTED,
) -> AudienceUpdateResult:
    """The same, with the ids that stand in the stage."""
    check_segment_type(segment_type)
    if version is not None and not 0 <= version <= MAX_VERSION:
        raise InvalidRequest.field("version", "A version is a whole number from 0.")
    if operation != Operation.REMOVE:
        staging.create_missing_customers()
    with transaction.atomic():
        audience = lock_audience(brand=brand, segment_type=segment_type)
        if audience.source != source:
            raise AudienceReadOnly
        if version is not None and audience.version is not None and version < audience.version:
            return AudienceUpdateResult(received, 0, 0, audience.size, stale=True)
        with db.extended_timeouts():
            counts = db.fetch_one(
                f"segments/sql/{Operation(operation)}_members.sql", {"audience": audience.pk, "version": version}
            )
        applied = AudienceUpdateResult(received, **(counts or {}))
        if applied.size > selectors.LARGE and (applied.added or applied.removed):
            slot_usage.enqueue_count(audience_id=audience.pk)
    return applied


def lock_audience(*, brand: Brand, segment_type: str) -> Audience:
    """The audience, made when there is none, and nobody else's to change until the transaction ends."""
    audiences = Audience.objects.filter(brand=brand, segment_type=segment_type)
    if not audiences.exists():
        Audience.objects.bulk_create([Audience(brand=brand, segment_type=segment_type)], ignore_conflicts=True)
    return audiences.select_for_update(no_key=True).get()


def check_segment_type(segment_type: str) -> None:
    """Raises Invalid (field ``segment_type``)."""
    if not customer_id_files.is_segment_type(segment_type):
        raise InvalidRequest.field("segment_type", "A segment type is up to 100 letters, digits, _, . and -.")


def check_consistency(*, at: datetime, repair: bool) -> Iterator[str]:
    """A line for each audience whose size is not what its members are; ``repair`` writes what was counted."""
    for pk in Audience.objects.order_by("pk").values_list("pk", flat=True):
        audience, counted = _recount(pk, repair=repair)
        if counted != audience.size:
            what = f"audience {audience.segment_type} of {audience.brand_id}"
            yield f"{what}: says {audience.size}, has {counted}" + (": mended" if repair else "")


@transaction.atomic
def _recount(pk: int, *, repair: bool) -> tuple[Audience, int]:
    """An audience as it says it is, and how many are in it, counted under its lock."""
    audience = Audience.objects.select_for_update(no_key=True).get(pk=pk)
    with db.extended_timeouts():
        counted = audience.members.count()
    if repair and counted != audience.size:
        Audience.objects.filter(pk=pk).update(size=counted)
    return audience, counted
