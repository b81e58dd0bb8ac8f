"""Batches of codes of promotions, for the tests of several apps."""

from collections.abc import Iterable
from typing import Any

from django.utils import timezone

from promotions.models import Promotion
from redemptions.codes import services
from redemptions.codes.models import CodeBatch

KIND = "promotion"


def create_batch(promotion: Promotion, **fields: Any) -> CodeBatch:
    """Create a batch of codes of the promotion, as the API does."""
    return services.create_batch(kind=KIND, brand=promotion.brand, offer=promotion.pk, **fields, at=timezone.now())


def import_codes(
    promotion: Promotion, lines: Iterable[str], *, batch: CodeBatch | None = None, allow_weak: bool = True
) -> services.ImportResult:
    """Import codes of the promotion, as the API does, weak codes included."""
    return services.import_codes(
        kind=KIND,
        brand=promotion.brand,
        offer=promotion.pk,
        lines=lines,
        batch=batch,
        allow_weak=allow_weak,
        at=timezone.now(),
    )
