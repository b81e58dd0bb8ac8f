"""Reads of codes: their kinds, digests and offers."""

import uuid
from collections.abc import Collection

from core import db
from redemptions.codes.models import Code


def get_code_kinds(*, codes: Collection[str]) -> dict[str, str]:
    """Return the kind of each normalized code; unknown codes are absent. Runs one query, or none without codes."""
    rows = db.fetch_all("redemptions/codes/sql/find_kinds.sql", {"codes": list(codes)}) if codes else []
    return {row["text"]: row["kind"] for row in rows}


def filter_codes(*, codes: Collection[str], kind: str, brand_id: uuid.UUID) -> set[str]:
    """Return those of the normalized codes that belong to offers of a kind and brand. Runs one query, or none."""
    if not codes:
        return set()
    return set(Code.objects.filter(pk__in=codes, kind=kind, brand_id=brand_id).values_list("pk", flat=True))


def get_code_by_digest(*, digest: bytes) -> str | None:
    """Return the code with this SHA-256, or None."""
    return Code.objects.filter(digest=digest).values_list("pk", flat=True).first()


def get_generic_codes(*, offers: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the generic code of each offer that has one; the codes of batches are not included."""
    rows = Code.objects.filter(offer__in=offers, batch=None).values_list("offer", "pk")
    return dict(rows)
