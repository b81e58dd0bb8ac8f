"""Reads of codes: their kinds, digests and promotions."""

import uuid
from collections.abc import Collection

from core import db
from promotions.models import Code


def get_code_kinds(*, codes: Collection[str]) -> dict[str, str]:
    """Return the kind of each normalized code; unknown codes are absent. Runs one query, or none without codes."""
    rows = db.fetch_all("promotions/sql/find_kinds.sql", {"codes": list(codes)}) if codes else []
    return {row["text"]: row["kind"] for row in rows}


def codes_of_promotions(*, codes: Collection[str], brand_id: uuid.UUID) -> set[str]:
    """Return the normalized codes that belong to a promotion of the brand. Runs one query, or none without codes."""
    if not codes:
        return set()
    return set(Code.objects.filter(pk__in=codes, kind="promotion", brand_id=brand_id).values_list("pk", flat=True))


def get_code_by_digest(*, digest: bytes) -> str | None:
    """Return the code with this SHA-256, or None."""
    return Code.objects.filter(digest=digest).values_list("pk", flat=True).first()


def get_generic_codes(*, promotion_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the generic code of each promotion that has one; the codes of batches are not included."""
    rows = Code.objects.filter(promotion_id__in=promotion_ids, batch=None).values_list("promotion_id", "pk")
    return dict(rows)
