"""Audiences change."""

from collections.abc import Collection
from typing import Literal

from django.db import connection, transaction
from django.db.models.functions import Now

from accounts.models import Brand
from promoplatform.kernel import db
from segments.models import Audience

Operation = Literal["replace", "add", "remove"]


def apply_audience(
    *, brand: Brand, segment_type: str, operation: Operation, customer_ids: Collection[str], version: int | None = None
) -> dict[str, int | bool]:
    """Replace, extend or reduce an audience; ``{"received", "added", "removed", "size"}``.

    Atomic: no reader sees half. Customers that the platform has never seen are created. A ``version`` older than the
    stored one changes nothing and answers ``"stale": True``.
    """
    with transaction.atomic():
        Audience.objects.bulk_create([Audience(brand=brand, segment_type=segment_type)], ignore_conflicts=True)
        audience = Audience.objects.select_for_update().get(brand=brand, segment_type=segment_type)
        if version is not None and audience.version is not None and version < audience.version:
            return {"received": len(customer_ids), "added": 0, "removed": 0, "size": size(audience), "stale": True}
        params = {"audience": audience.pk, "ids": sorted(set(customer_ids))}
        removed = db.run(f"segments/sql/{operation}_leavers.sql", params) if operation != "add" else 0
        added = db.run("segments/sql/add_members.sql", params) if operation != "remove" else 0
        Audience.objects.filter(pk=audience.pk).update(updated_at=Now(), version=version or audience.version)
        return {"received": len(customer_ids), "added": added, "removed": removed, "size": size(audience)}


def size(audience: Audience) -> int:
    """How many customers are in the audience."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM segments_audiencemember WHERE audience_id = %s", [audience.pk])
        return int(cursor.fetchone()[0])
