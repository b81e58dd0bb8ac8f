"""Reads of code assignments and of their customers."""

import uuid
from collections.abc import Collection

from django.db.models import QuerySet

from core.errors import NotFound
from redemptions.codes.models import Code, CodeAssignment, CodeBatch
from redemptions.codes.rules import canonicalize_code
from segments.models import AudienceMember


def list_assignments(*, batch: CodeBatch) -> QuerySet[CodeAssignment]:
    """Return the assignments of the batch's codes to audiences, newest first."""
    return CodeAssignment.objects.filter(batch=batch).order_by("-pk")


def get_assignment(*, pk: uuid.UUID, batch: CodeBatch) -> CodeAssignment:
    """Return an assignment of the batch's codes to an audience. Raises NotFound."""
    assignment = CodeAssignment.objects.filter(pk=pk, batch=batch).first()
    if assignment is None:
        raise NotFound
    return assignment


def codes_of_customers(*, batch_id: uuid.UUID, customer_keys: Collection[int]) -> dict[int, Code]:
    """Return the customers' codes of the batch, by customer key; customers without a code are absent."""
    rows = Code.objects.filter(batch_id=batch_id, customer_id__in=customer_keys, archived_at=None, revoked_at=None)
    return {code.customer_id: code for code in rows if code.customer_id is not None}


def list_members_after(*, brand_id: uuid.UUID, segment_type: str, after: int, limit: int) -> list[int]:
    """Return up to ``limit`` keys of customers in a brand's audience that are greater than ``after``, in order."""
    members = AudienceMember.objects.filter(
        audience__brand_id=brand_id, audience__segment_type=segment_type, customer_id__gt=after
    )
    return list(members.order_by("customer_id").values_list("customer_id", flat=True)[:limit])


def get_owners(*, brand_id: uuid.UUID | str, codes: Collection[str]) -> dict[str, int]:
    """Return the keys of the customers that a brand's codes are assigned to; revoked and other codes are absent."""
    canonical = [form for code in codes if (form := canonicalize_code(code))]
    codes_of_brand = Code.objects.filter(canonical__in=canonical, brand_id=brand_id, archived_at=None, revoked_at=None)
    return dict(codes_of_brand.filter(customer__isnull=False).values_list("text", "customer_id"))
