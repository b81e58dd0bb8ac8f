"""Updates of audiences: by the data platform, by uploaded files, or automatically."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Brand
from core import db
from core.errors import InvalidRequest
from segments import customer_id_files, selectors
from segments.contracts import AudienceUpdateResult, Operation, Source
from segments.errors import AudienceReadOnly
from segments.models import Audience
from segments.services import slot_usage, staging

MAX_VERSION = 2**63 - 1


def apply_audience(
    *,
    brand: Brand,
    segment_type: str,
    operation: str,
    customer_ids: Collection[str],
    version: int | None = None,
    source: Source = Source.IMPORTED,
) -> AudienceUpdateResult:
    """Replace, extend or reduce an audience in one step, so that no reader sees half of it.

    Unknown customers are created. A ``version`` older than the stored one changes nothing; the same version is applied
    again. Raises InvalidRequest (``segment_type``, ``version``, ``customer_ids.<position>``) and AudienceReadOnly.
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
    """Replace, extend or reduce an audience from a file of any length, read as it arrives.

    Holds a few parts in memory. Raises what ``apply_audience`` raises, and InvalidRequest with the numbers of invalid
    lines; nothing has changed then.
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
    """Replace, extend or reduce an audience from the staging table. Raises what ``apply_audience`` raises."""
    check_segment_type(segment_type)
    if version is not None and not 0 <= version <= MAX_VERSION:
        raise InvalidRequest.field("version", _("Enter a whole number of 0 or more."))
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
        result = AudienceUpdateResult(received, **(counts or {}))
        if result.size > selectors.LARGE_AUDIENCE and (result.added or result.removed):
            slot_usage.enqueue_count(audience_id=audience.pk)
    return result


def lock_audience(*, brand: Brand, segment_type: str) -> Audience:
    """Lock an audience until the transaction ends. Creates the audience if needed."""
    audiences = Audience.objects.filter(brand=brand, segment_type=segment_type)
    if not audiences.exists():
        Audience.objects.bulk_create([Audience(brand=brand, segment_type=segment_type)], ignore_conflicts=True)
    return audiences.select_for_update(no_key=True).get()


def check_segment_type(segment_type: str) -> None:
    """Raise InvalidRequest (``segment_type``) unless the text can name a segment type."""
    if not customer_id_files.is_segment_type(segment_type):
        raise InvalidRequest.field("segment_type", _("Use up to 100 letters, digits, underscores, periods or hyphens."))


def check_consistency(*, at: datetime, repair: bool) -> Iterator[str]:
    """Yield a line for each audience whose stored size differs from its members. ``repair`` stores the counted size."""
    for pk in Audience.objects.order_by("pk").values_list("pk", flat=True):
        audience, counted = _recount(pk, repair=repair)
        if counted != audience.size:
            name = f"audience {audience.segment_type} of {audience.brand_id}"
            yield f"{name}: size {audience.size} stored, {counted} counted" + (": repaired" if repair else "")


@transaction.atomic
def _recount(pk: int, *, repair: bool) -> tuple[Audience, int]:
    """Return an audience with its stored size, and its members counted under its lock."""
    audience = Audience.objects.select_for_update(no_key=True).get(pk=pk)
    with db.extended_timeouts():
        counted = audience.members.count()
    if repair and counted != audience.size:
        Audience.objects.filter(pk=pk).update(size=counted)
    return audience, counted
