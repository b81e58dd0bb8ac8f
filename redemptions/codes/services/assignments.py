"""Assignment of a batch's codes to customers, one each, with emails to those who are subscribed to offers."""

import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TypeVar

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.contracts import canonicalize_customer_id
from accounts.models import Customer
from accounts.selectors import list_subscribed_customers
from core import db
from core.datetimes import format_iso
from core.errors import DomainError, InvalidRequest
from core.outbox import enqueue_on_commit
from integrations.contracts import RunClock
from mailings.contracts import Recipient
from mailings.models import Mailing
from mailings.selectors import get_personal_texts
from mailings.services import planning
from redemptions.backends import get_code_backend
from redemptions.codes import emails
from redemptions.codes.models import CodeAssignment, CodeBatch
from redemptions.codes.selectors.assignments import codes_of_customers, list_members_after
from redemptions.codes.services.codes import check_takes_codes
from redemptions.contracts import CodeOffer
from redemptions.errors import BatchNotReady, BatchRevoked, CodesExhausted
from segments.errors import AudienceEmpty
from segments.selectors import get_audience_size

MAX_CUSTOMERS = 10_000  # per call; audiences are assigned in the background
CHUNK = 2_000  # customers per transaction
MIN_PAGE = 500  # codes that one statement reads, so that a batch with many redeemed codes takes few statements
TIME_BUDGET_SECONDS = 60.0  # of one task, which then enqueues the next
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AssignmentResult:
    """Counts of the customers who got a code, already had one, and are emailed theirs."""

    assigned: int
    already_assigned: int
    mailed: int


@transaction.atomic
def assign_to_customers(
    *, batch: CodeBatch, customer_ids: Collection[str], notify: bool, at: datetime
) -> AssignmentResult:
    """Assign an available code of the batch to each customer who has none; all of them, or none.

    Creates unknown customers. With ``notify``, plans one email with the code to each customer who is subscribed to
    offers. Raises InvalidRequest, BatchNotReady, BatchRevoked, CodesExhausted and the error of the offer.
    """
    offer = _check(batch, at)
    unique_ids = sorted(set(map(canonicalize_customer_id, customer_ids)))
    if not 1 <= len(unique_ids) <= MAX_CUSTOMERS:
        raise InvalidRequest.field(
            "customer_ids", _("Enter 1 to %(max)s customer IDs.") % {"max": f"{MAX_CUSTOMERS:,}"}
        )
    for chunk in _batched(unique_ids):
        Customer.objects.bulk_create(
            [Customer(customer_id=customer_id) for customer_id in chunk], ignore_conflicts=True
        )
    keys = list(Customer.objects.filter(customer_id__in=unique_ids).order_by("pk").values_list("pk", flat=True))
    assigned = already_assigned = mailed = 0
    for chunk_keys in _batched(keys):
        new_count, existing_count = _assign(batch, chunk_keys, at)
        if new_count + existing_count < len(chunk_keys):
            raise CodesExhausted
        assigned, already_assigned = assigned + new_count, already_assigned + existing_count
        mailed += _mail(batch, chunk_keys, at) if notify and offer.is_live else 0
    return AssignmentResult(assigned, already_assigned, mailed)


@transaction.atomic
def assign_to_audience(*, batch: CodeBatch, segment_type: str, notify: bool, at: datetime) -> CodeAssignment:
    """Create an assignment to the customers of the brand's audience, and enqueue its processing.

    Raises BatchNotReady, BatchRevoked, AudienceEmpty and the error of the offer.
    """
    _check(batch, at)
    if not get_audience_size(brand_id=batch.brand_id, segment_type=segment_type):
        raise AudienceEmpty
    assignment = CodeAssignment.objects.create(batch=batch, segment_type=segment_type, notify=notify)
    enqueue_on_commit("redemptions.assign_codes", assignment_id=str(assignment.pk))
    return assignment


def continue_assignment(*, assignment_id: uuid.UUID, at: datetime, time_budget: float = TIME_BUDGET_SECONDS) -> None:
    """Process an assignment until every customer has a code, no code is left, or the offer ends.

    After ``time_budget`` seconds, enqueues another task for the rest.
    """
    clock = RunClock(at)
    while _assign_chunk(assignment_id, clock.now()):
        if clock.elapsed_seconds >= time_budget:
            enqueue_on_commit("redemptions.assign_codes", assignment_id=str(assignment_id))
            return


@transaction.atomic
def _assign_chunk(assignment_id: uuid.UUID, at: datetime) -> bool:
    """Assign codes to the next customers. Return False if the assignment is finished or another worker is at it."""
    unfinished = CodeAssignment.objects.select_related("batch__brand").filter(finished_at=None)
    assignment = unfinished.select_for_update(of=("self",), skip_locked=True).filter(pk=assignment_id).first()
    if assignment is None:
        return False
    batch = assignment.batch
    chunk: list[int] = []
    offer = _find_offer(batch, at)
    if offer is not None:
        chunk = list_members_after(
            brand_id=batch.brand_id, segment_type=assignment.segment_type, after=assignment.cursor, limit=CHUNK
        )
    if chunk:
        new_count, existing_count = _assign(batch, chunk, at)
        assignment.assigned_count += new_count
        assignment.already_assigned_count += existing_count
        assignment.cursor = chunk[-1]
        assignment.exhausted = new_count + existing_count < len(chunk)
        if assignment.notify and offer is not None and offer.is_live:
            _mail(batch, chunk, at)
    is_finished = assignment.exhausted or not chunk
    assignment.finished_at = at if is_finished else None
    assignment.save(update_fields=["assigned_count", "already_assigned_count", "cursor", "exhausted", "finished_at"])
    return not is_finished


def _find_offer(batch: CodeBatch, at: datetime) -> CodeOffer | None:
    """Return the offer of the batch, or None if its codes can no longer be assigned."""
    try:
        return _check(batch, at)
    except DomainError:
        return None


def _check(batch: CodeBatch, at: datetime) -> CodeOffer:
    """Return the offer of the batch. Raises the error of an offer that takes no codes, BatchNotReady, BatchRevoked."""
    offer = check_takes_codes(kind=batch.kind, offer=batch.offer, brand_id=batch.brand_id, at=at)
    if not batch.is_generated:
        raise BatchNotReady(generated_count=batch.generated_count, count=batch.count)
    if batch.revoked_at is not None:
        raise BatchRevoked
    return offer


def _batched(values: Sequence[T]) -> Iterator[list[T]]:
    rest = iter(values)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


def _assign(batch: CodeBatch, keys: Sequence[int], at: datetime) -> tuple[int, int]:
    """Assign codes to customers without one. Return the counts of those who got a code and of those who had one.

    Locks the customers in order, so that a concurrent assignment to the same customer sees the first one's code.
    """
    list(Customer.objects.select_for_update(no_key=True).filter(pk__in=keys).order_by("pk").values_list("pk"))
    existing = codes_of_customers(batch_id=batch.pk, customer_keys=keys)
    without_code = [key for key in keys if key not in existing]
    free = _lock_free_codes(batch, len(without_code), at) if without_code else []
    if free:
        params = {"batch": batch.pk, "codes": free, "customers": without_code[: len(free)], "at": at}
        db.execute("redemptions/codes/sql/assign_codes.sql", params)
    return len(free), len(existing)


def _lock_free_codes(batch: CodeBatch, count: int, at: datetime) -> list[str]:
    """Lock and return up to ``count`` codes of the batch that are neither assigned nor redeemed."""
    backend = get_code_backend(batch.kind)
    locked: list[str] = []
    after, limit = "", max(count, MIN_PAGE)
    while len(locked) < count:
        params = {"batch": batch.pk, "after": after, "limit": limit, "at": at}
        page = [row["text"] for row in db.fetch_all("redemptions/codes/sql/select_unassigned_codes.sql", params)]
        statuses = backend.get_code_statuses(offer=batch.offer, codes=page, at=at)
        free = [code for code in page if code not in statuses]
        params = {"batch": batch.pk, "codes": free, "limit": count - len(locked)}
        locked += [row["text"] for row in db.fetch_all("redemptions/codes/sql/lock_free_codes.sql", params)]
        if len(page) < limit:
            break
        after = page[-1]
    return locked


def _mail(batch: CodeBatch, keys: Sequence[int], at: datetime) -> int:
    """Plan emails with the code to the customers who are subscribed to offers. Return the number of new emails.

    Each code is emailed once. A customer whose code was replaced has an email about the former one, so the new one is
    in a mailing of its own. An email that was suppressed is planned again. Callers plan none while the offer is paused.
    """
    codes = codes_of_customers(batch_id=batch.pk, customer_keys=keys)
    recipients_by_end: dict[datetime | None, list[Recipient]] = {}
    for customer in list_subscribed_customers(brand_id=batch.brand_id, customer_keys=list(codes)):
        code = codes[customer.key]
        recipient = Recipient(customer.key, customer.address, customer.name, code.text)
        recipients_by_end.setdefault(code.expires_at, []).append(recipient)
    added = 0
    for expires_at, recipients in recipients_by_end.items():
        mailing = _plan_mailing(batch, expires_at)
        added += planning.add_recipients(mailing=mailing, recipients=recipients, at=at, replan_suppressed=True)
        emailed = get_personal_texts(mailing=mailing, recipients=[recipient.key for recipient in recipients])
        for recipient in recipients:
            if emailed[recipient.key] != recipient.personal_text:
                mailing = _plan_mailing(batch, expires_at, code=recipient.personal_text)
                added += planning.add_recipients(mailing=mailing, recipients=[recipient], at=at, replan_suppressed=True)
    if added:
        enqueue_on_commit("mailings.send_due")
    return added


def _plan_mailing(batch: CodeBatch, expires_at: datetime | None, *, code: str = "") -> Mailing:
    """Return the mailing of a batch, or of one code. Codes with an end of their own have one for each end."""
    key, data = f"code_batch:{batch.pk}", {"kind": batch.kind, "offer": str(batch.offer)}
    if expires_at is not None:
        key, data = f"{key}:{format_iso(expires_at)}", data | {"expires_at": format_iso(expires_at)}
    return planning.plan_mailing(
        key=f"{key}:{code}" if code else key, mail_type=emails.CODE, marketing=True, sender=str(batch.brand_id),
        sender_name=batch.brand.name, data=data,
    )  # fmt: skip


def move_codes(*, brand_id: uuid.UUID, source: int, target: int) -> None:
    """Assign a brand's codes of a customer to another one, except of batches of which both have a code."""
    params = {"brand": brand_id, "source": source, "target": target}
    db.execute("redemptions/codes/sql/move_codes.sql", params)
