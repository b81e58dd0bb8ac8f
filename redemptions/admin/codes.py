"""Labels and rows of codes, batches and assignments in the admin."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.base.formatting import EMPTY_VALUE, format_datetime, format_number, get_percentage
from redemptions.codes.models import CodeAssignment, CodeBatch
from redemptions.codes.rules import canonicalize_code
from redemptions.codes.selectors.assignments import list_assignments
from redemptions.codes.selectors.batches import BatchCode
from redemptions.contracts import CodeStatus

PAGE_SIZE = 100  # batches, codes or assignments
CODE_STATUS_LABELS: dict[CodeStatus, str | Promise] = {
    CodeStatus.AVAILABLE: gettext_lazy("Available"),
    CodeStatus.RESERVED: gettext_lazy("Reserved"),
    CodeStatus.USED: gettext_lazy("Used"),
    CodeStatus.EXPIRED: gettext_lazy("Expired"),
    CodeStatus.REVOKED: gettext_lazy("Revoked"),
}

REVOCABLE = SPENDABLE = (CodeStatus.AVAILABLE, CodeStatus.RESERVED)
MASK = "••••••••"


def to_code_rows(
    codes: Sequence[BatchCode], zone: str, balances: Mapping[str, str], *, known: str | None = None
) -> list[dict[str, Any]]:
    """Return the rows of the codes of a batch, with the balances that they keep.

    With ``known``, what a viewer typed, codes that can still be spent are masked, except one of this text.
    """
    return [
        {
            "text": MASK if known is not None and _is_secret(code, known) else code.text,
            "customer": code.customer_id or EMPTY_VALUE,
            "status": CODE_STATUS_LABELS[code.status],
            "end": format_datetime(code.expires_at, zone) if code.expires_at else EMPTY_VALUE,
            "balance": balances.get(code.text, ""),
            "may_be_revoked": code.status in REVOCABLE,
        }
        for code in codes
    ]


def _is_secret(code: BatchCode, known: str) -> bool:
    return code.status in SPENDABLE and canonicalize_code(code.text) != canonicalize_code(known)


def to_batch_row(batch: CodeBatch, url: str) -> dict[str, Any]:
    """Return the row of a batch in the list, whose page has this URL."""
    return {
        "url": url,
        "name": batch.pattern or _("Imported"),
        "count": format_number(batch.count),
        "state": _batch_state(batch),
        "created": format_datetime(batch.created_at, batch.brand.timezone),
    }


def _batch_state(batch: CodeBatch) -> tuple[str, str]:
    """Return the status of a batch and its color."""
    if batch.revoked_at is not None:
        return (_("Being revoked"), "info") if batch.is_being_revoked else (_("Revoked"), "danger")
    if batch.is_generated:
        return _("Completed"), "success"
    return _("%(percent)s%% generated") % {"percent": _percent(batch)}, "info"


def build_progress_context(batch: CodeBatch) -> dict[str, Any]:
    """Return the progress of the batch and of its assignments."""
    assignments = list(list_assignments(batch=batch)[:PAGE_SIZE])
    zone = batch.brand.timezone
    is_assigning = any(assignment.finished_at is None for assignment in assignments)
    return {
        "batch": batch,
        "name": batch.pattern or _("Imported codes"),
        "count": format_number(batch.count),
        "generated_count": format_number(batch.generated_count),
        "percent": _percent(batch),
        "is_running": is_assigning or batch.is_being_revoked or not batch.is_generated,
        "revoked_count": format_number(batch.revoked_count),
        "assignments": [_assignment_row(assignment, zone) for assignment in assignments],
    }


def _assignment_row(assignment: CodeAssignment, zone: str) -> dict[str, Any]:
    """Return the row of an assignment in the list."""
    result = (_("Not enough codes"), "danger") if assignment.exhausted else (_("Completed"), "success")
    return {
        "audience": assignment.segment_type.replace("_", " "),
        "assigned": format_number(assignment.assigned_count),
        "already_assigned": format_number(assignment.already_assigned_count),
        "notify": assignment.notify,
        "started": format_datetime(assignment.created_at, zone),
        "state": result if assignment.finished_at else (_("Running"), "info"),
    }


def _percent(batch: CodeBatch) -> int:
    return get_percentage(batch.generated_count, batch.count)
