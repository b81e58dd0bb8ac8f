"""Codes of a batch are given to shoppers, one each, and mailed to those who agreed to get offers."""

import time
import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TypeVar

from django.db import transaction

from accounts.models import Customer
from core import db
from core.errors import InvalidRequest
from core.outbox import enqueue_on_commit
from mailings.contracts import Recipient
from mailings.services import planning
from promotions import emails
from promotions.errors import BatchNotReady, CodesExhausted, InvalidStatus
from promotions.models import CodeAssignment, CodeBatch
from promotions.selectors.assignments import codes_of_customers, list_consenting_customers, list_members_after
from promotions.services.batches import check_promotion_takes_codes
from segments.errors import AudienceEmpty
from segments.selectors import get_audience_size

MAX_CUSTOMERS = 10_000  # named in one call; audiences are given codes in the background
CHUNK = 2_000  # customers a transaction
TIME_BUDGET_SECONDS = 60.0  # seconds that one task goes on; it promises the next
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AssignmentResult:
    """How many customers got a code, had one already, and are mailed theirs."""

    assigned: int
    already_assigned: int
    mailed: int


@transaction.atomic
def assign_to_customers(*, batch: CodeBatch, customer_ids: Collection[str], notify: bool, at: datetime) -> AssignmentResult:
    """Give each of the customers a free code of the batch; who has one keeps it. All get one or nobody does.

    Customers that the platform has never seen are made known. With ``notify`` each who agreed to get offers is mailed
    their code, once whatever is asked again. Raises Invalid, WrongState, BatchUnfinished, CodesExhausted.
    """
    _check(batch)
    wanted = sorted(set(customer_ids))
    if not 1 <= len(wanted) <= MAX_CUSTOMERS:
        raise InvalidRequest.field("customer_ids", f"Name 1 to {MAX_CUSTOMERS:,} customers.")
    for names in _batched(wanted):
        Customer.objects.bulk_create([Customer(customer_id=name) for name in names], ignore_conflicts=True)
    keys = list(Customer.objects.filter(customer_id__in=wanted).order_by("pk").values_list("pk", flat=True))
    given = already_assigned = mailed = 0
    for chunk in _batched(keys):
        new, had = _assign(batch, chunk)
        if new + had < len(chunk):
            raise CodesExhausted
        given, already_assigned = given + new, already_assigned + had
        mailed += _mail(batch, chunk, at) if notify else 0
    return AssignmentResult(given, already_assigned, mailed)


@transaction.atomic
def assign_to_audience(*, batch: CodeBatch, segment_type: str, notify: bool) -> CodeAssignment:
    """Give everyone of the brand's audience a code, in the background. Raises as ``assign`` does, and AudienceEmpty."""
    _check(batch)
    if not get_audience_size(brand_id=batch.brand_id, segment_type=segment_type):
        raise AudienceEmpty
    assignment = CodeAssignment.objects.create(batch=batch, segment_type=segment_type, notify=notify)
    enqueue_on_commit("promotions.assign_codes", assignment_id=str(assignment.pk))
    return assignment


def continue_assignment(*, assignment_id: uuid.UUID, at: datetime, time_budget: float = TIME_BUDGET_SECONDS) -> None:
    """Go on with an assignment until everyone has a code or none is left; see ``batches.make_codes``."""
    ends = time.monotonic() + time_budget
    while _assign_chunk(assignment_id, at):
        if time.monotonic() >= ends:
            enqueue_on_commit("promotions.assign_codes", assignment_id=str(assignment_id))
            return


@transaction.atomic
def _assign_chunk(assignment_id: uuid.UUID, at: datetime) -> bool:
    """Give the next customers their codes; False when there is nobody left, no code, or another worker is at it."""
    open_ones = CodeAssignment.objects.select_related("batch__promotion", "batch__brand").filter(finished_at=None)
    mine = open_ones.select_for_update(of=("self",), skip_locked=True).filter(pk=assignment_id).first()
    if mine is None:
        return False
    batch = mine.batch
    chunk = list_members_after(
        brand_id=batch.brand_id, segment_type=mine.segment_type, after=mine.cursor, limit=CHUNK
    )
    if chunk:
        new, had = _assign(batch, chunk)
        mine.assigned_count, mine.already_assigned_count, mine.cursor = (
            mine.assigned_count + new,
            mine.already_assigned_count + had,
            chunk[-1],
        )
        mine.exhausted = new + had < len(chunk)
        if mine.notify:
            _mail(batch, chunk, at)
    done = mine.exhausted or not chunk
    mine.finished_at = at if done else None
    mine.save(update_fields=["assigned_count", "already_assigned_count", "cursor", "exhausted", "finished_at"])
    return not done


def _check(batch: CodeBatch) -> None:
    if batch.promotion is None:
        raise InvalidStatus("Only codes of a promotion are given to customers.")
    check_promotion_takes_codes(batch.promotion)
    if not batch.is_generated:
        raise BatchNotReady(made=batch.generated_count, count=batch.count)


def _batched(values: Sequence[T]) -> Iterator[list[T]]:
    rest = iter(values)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


def _assign(batch: CodeBatch, keys: Sequence[int]) -> tuple[int, int]:
    """Give customers codes; how many got one, and how many had one.

    The customers are locked in order, so that of two who give the same customer a code at once the second sees the
    first one's.
    """
    list(Customer.objects.select_for_update(no_key=True).filter(pk__in=keys).order_by("pk").values_list("pk"))
    had = codes_of_customers(batch_id=batch.pk, customer_keys=keys)
    wanting = [key for key in keys if key not in had]
    params = {"batch": batch.pk, "customers": wanting, "limit": len(wanting)}
    return db.execute("promotions/sql/assign_codes.sql", params) if wanting else 0, len(had)


def _mail(batch: CodeBatch, keys: Sequence[int], at: datetime) -> int:
    """Plan a mail with their code to each of the customers who agreed to get offers and has none of it planned yet."""
    brand = batch.brand
    mailing = planning.plan_mailing(
        key=f"code_batch:{batch.pk}", mail_type=emails.CODE, marketing=True, sender=str(brand.pk), sender_name=brand.name,
        data={"promotion": str(batch.promotion_id)},
    )  # fmt: skip
    codes = codes_of_customers(batch_id=batch.pk, customer_keys=keys)
    recipients = [
        Recipient(key, email, name, codes[key]) for key, email, name in list_consenting_customers(customer_keys=list(codes))
    ]
    added = planning.add_recipients(mailing=mailing, recipients=recipients, at=at)
    if added:
        enqueue_on_commit("mailings.send_due")
    return added
