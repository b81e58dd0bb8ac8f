"""Erasures of customers: requests, and the work in small transactions, which continues after a crash.

An erasure keeps sums, limits and what was used once: a pseudonym takes the place of the customer. All of a customer is
erased in place: the customer's row gets a random ID. What one brand keeps of a customer that others know, too, is moved
to a new customer, as a merge would, and then erased.
"""

import secrets
import time
import uuid
from collections.abc import Collection
from datetime import datetime

import structlog
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from accounts import selectors
from accounts.errors import AccountHasRoles, InvalidCredentials
from accounts.models import Brand, Customer, CustomerMerge, CustomerProfile, PrivacyRequest, PrivacyRequestKind, User
from accounts.models import PrivacyRequestStatus as Status
from accounts.services.authentication import check_credentials, sign_out_everywhere
from accounts.services.registration import add_customer
from core.errors import Busy, NotFound
from core.ids import uuid7
from core.outbox import enqueue_on_commit
from core.privacy import ErasedPeople, PersonalTable, list_hooks, list_tables

log = structlog.get_logger(__name__)
BATCH = 200  # customers whose rows of a table are erased in one transaction
TIME_BUDGET_SECONDS = 240.0  # of one task; the next one starts within 15 seconds
_HORIZON = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
_TRANSACTION = "SELECT pg_current_xact_id()::text::bigint"


# --- requests ---------------------------------------------------------------------------------------------------------
def request_account_erasure(*, user: User, password: str, address: str, at: datetime) -> PrivacyRequest:
    """Deactivate a user who confirms it with the password, and erase all that is kept about them, by all brands.

    Raises InvalidCredentials, Throttled, Unavailable, and AccountHasRoles for staff and platform admins.
    """
    if check_credentials(account=user.username, password=password, address=address) is None:
        raise InvalidCredentials
    with transaction.atomic():
        customer = add_customer(user=user)
        return _request_whole(customer, user_key=user.pk, at=at)


@transaction.atomic
def request_erasure(*, customer_id: str, user: User | None = None, at: datetime) -> PrivacyRequest:
    """Erase all that is kept about a customer and its account, as a platform admin asks for.

    Raises NotFound, and AccountHasRoles for staff and platform admins.
    """
    customer = Customer.objects.select_related("user").filter(customer_id=customer_id).first()
    if customer is None:
        raise NotFound
    return _request_whole(customer, user_key=user.pk if user else None, at=at)


@transaction.atomic
def request_customer_erasure(
    *, brand: Brand, customer_id: str, user_key: int | None, api_key_id: uuid.UUID | None, at: datetime
) -> PrivacyRequest:
    """Erase what a brand keeps about a customer. Repeating it while it runs returns the same request.

    Raises NotFound if the brand keeps nothing, whether or not others do.
    """
    shopper = selectors.get_shopper(customer_id, brand_id=brand.pk)
    if shopper is None or not selectors.keeps_data(customer=shopper.key, brand_id=brand.pk):
        raise NotFound
    return _request(shopper.key, brand_id=brand.pk, user_key=user_key, api_key_id=api_key_id, at=at)


def _request_whole(customer: Customer, *, user_key: int | None, at: datetime) -> PrivacyRequest:
    user = customer.user
    if user is not None:
        if user.is_superuser or user.memberships.exists():
            raise AccountHasRoles
        User.objects.filter(pk=user.pk).update(is_active=False)
        sign_out_everywhere(user=user, at=at)
    return _request(customer.pk, brand_id=None, user_key=user_key, api_key_id=None, at=at)


def _request(
    customer: int, *, brand_id: uuid.UUID | None, user_key: int | None, api_key_id: uuid.UUID | None, at: datetime
) -> PrivacyRequest:
    """Return the open request for the same, or create one and enqueue it."""
    selectors.lock_customer(customer)
    open_requests = PrivacyRequest.objects.filter(kind=PrivacyRequestKind.ERASURE).exclude(status=Status.COMPLETED)
    if existing := open_requests.filter(customer=customer, brand=brand_id).first():
        return existing
    enqueue_on_commit("accounts.run_erasures")
    return PrivacyRequest.objects.create(
        kind=PrivacyRequestKind.ERASURE, status=Status.PENDING, customer_id=customer, brand_id=brand_id,
        is_whole=brand_id is None, user_id=user_key, api_key_id=api_key_id, created_at=at,
    )  # fmt: skip


# --- the work ---------------------------------------------------------------------------------------------------------
def run_erasures(*, time_budget: float = TIME_BUDGET_SECONDS) -> int:
    """Work on the open erasures until none can continue or the time budget (seconds) is spent. Return what is left.

    Any number of workers may run. Each transaction leaves its progress, so that a crash costs the last one only.
    """
    deadline = time.monotonic() + time_budget
    blocked: set[uuid.UUID] = set()
    while time.monotonic() < deadline and (_close_next(blocked) or _erase_next(blocked)):
        pass
    return _open_requests().count()


def _open_requests() -> QuerySet[PrivacyRequest]:
    return PrivacyRequest.objects.filter(kind=PrivacyRequestKind.ERASURE).exclude(status=Status.COMPLETED)


def _close_next(blocked: set[uuid.UUID]) -> bool:
    """Close the oldest pending request, in one transaction. Return whether there was one."""
    pending = _open_requests().filter(status=Status.PENDING).exclude(pk__in=blocked).order_by("pk")
    request = None
    try:
        with transaction.atomic():
            request = pending.select_for_update(skip_locked=True).first()
            if request is not None:
                _close(request, timezone.now())
    except (Busy, IntegrityError, OperationalError) as error:  # the customer does something at the same time
        if request is None:
            raise
        _block(blocked, [request], error)
    return request is not None


def _close(request: PrivacyRequest, at: datetime) -> None:
    """Put the pseudonym in the place of the customer, and erase what lets anything be sent to the customer.

    Customers that brands have merged with this one are erased, too, for these brands.
    """
    customer = Customer.objects.select_related("user").get(pk=request.customer_id)
    brand_id = request.brand_id
    request.is_whole = brand_id is None or not selectors.is_known_elsewhere(customer=customer, brand_id=brand_id)
    _request_merged(request, at)
    name = f"erased-{secrets.token_hex(16)}"
    request.texts = _list_texts(customer, request, name)
    if request.is_whole:
        request.pseudonym_id = customer.pk
        Customer.objects.filter(pk=customer.pk).update(customer_id=name)
        if customer.user is not None:
            _erase_user(customer.user, name)
    else:
        request.pseudonym_id = Customer.objects.create(customer_id=name).pk
        (move_customer,) = list_hooks("MOVE_CUSTOMER")
        move_customer(brand_id=brand_id, source=customer.pk, target=request.pseudonym_id, at=at)
    people = _to_people([request])
    for table in list_tables():
        if table.is_first:
            table.erase_rows(people)
    request.status, request.closed_tx = Status.RUNNING, _fetch_number(_TRANSACTION)
    request.save()


def _request_merged(request: PrivacyRequest, at: datetime) -> None:
    """Request the erasure of the customers who are the same person for a brand, of what that brand keeps."""
    merges = CustomerMerge.objects.filter(Q(brand=request.brand_id) if request.brand_id else Q())
    same = [
        *merges.filter(target=request.customer_id).values_list("source", "brand"),
        *(merges.filter(source=request.customer_id).values_list("target", "brand")),
    ]
    merges.filter(Q(source=request.customer_id) | Q(target=request.customer_id)).delete()
    for customer, brand_id in same:
        _request(customer, brand_id=brand_id, user_key=request.user_id, api_key_id=request.api_key_id, at=at)


def _list_texts(customer: Customer, request: PrivacyRequest, name: str) -> dict[str, str]:
    """Return what names a customer, for a brand or for all, with what replaces each."""
    profiles = CustomerProfile.objects.filter(customer=customer)
    if not request.is_whole:
        profiles = profiles.filter(brand=request.brand_id)
    texts = {customer.customer_id: name} | dict.fromkeys(profiles.values_list("email", flat=True), "")
    if request.is_whole and (user := customer.user) is not None:
        texts |= {user.username: name, user.email: "", user.phone or "": "", str(user.uuid): name}
    texts.pop("", None)
    return texts


def _erase_user(user: User, name: str) -> None:
    """Replace all that names a user. The row stays for what refers to it."""
    User.objects.filter(pk=user.pk).update(
        username=name, email="", email_verified_at=None, phone=None, language="", is_active=False,
        uuid=uuid7(), password=f"!{secrets.token_hex(20)}", last_login=None,
    )  # fmt: skip


def _erase_next(blocked: set[uuid.UUID]) -> bool:
    """Erase the rows of one table for a batch of closed requests, in one transaction. Return whether there was one."""
    horizon = _fetch_number(_HORIZON)
    running = _open_requests().filter(status=Status.RUNNING, closed_tx__lt=horizon).exclude(pk__in=blocked)
    batch: list[PrivacyRequest] = []
    try:
        with transaction.atomic():
            batch = _lock_batch(running)
            if not batch:
                return False
            _erase_step(batch)
    except (Busy, IntegrityError, OperationalError) as error:
        _block(blocked, batch, error)
    return True


def _block(blocked: set[uuid.UUID], requests: Collection[PrivacyRequest], error: Exception) -> None:
    """Leave requests to the next run, since another transaction is in the way."""
    log.info("erasure_blocked", requests=len(requests), error=type(error).__name__)
    blocked |= {request.pk for request in requests}


def _lock_batch(running: QuerySet[PrivacyRequest]) -> list[PrivacyRequest]:
    """Lock the oldest request and others for the same at the same step."""
    first = running.select_for_update(skip_locked=True).order_by("pk").first()
    if first is None:
        return []
    same = running.filter(step=first.step, is_whole=first.is_whole)
    if not first.is_whole:
        same = same.filter(brand=first.brand_id)
    return list(same.select_for_update(skip_locked=True).order_by("pk")[:BATCH])


def _erase_step(batch: list[PrivacyRequest]) -> None:
    """Erase the rows of the table after the last step. After the last table, complete the requests."""
    tables = sorted(list_tables(), key=lambda table: table.model_class is PrivacyRequest)  # which name the customer
    names = list(map(_name_of, tables))
    position = names.index(batch[0].step) + 1 if batch[0].step in names else 0
    people = _to_people(batch)
    tables[position].erase_rows(people)
    keys = [request.pk for request in batch]
    if position + 1 < len(tables):
        PrivacyRequest.objects.filter(pk__in=keys).update(step=names[position])
        return
    at = timezone.now()
    for finish in list_hooks("FINISH"):
        finish(people, at=at)
    PrivacyRequest.objects.filter(pk__in=keys).update(
        status=Status.COMPLETED, completed_at=at, texts={}, customer=F("pseudonym"), step=""
    )


def _name_of(table: PersonalTable) -> str:
    """Return the name of a table's step, which stays the same when tables are added."""
    return f"{table.model} {table.export}".strip()


def _to_people(batch: Collection[PrivacyRequest]) -> ErasedPeople:
    """Return the customers of requests that are for the same."""
    first = next(iter(batch))
    texts: dict[str, str] = {}
    pseudonyms: dict[int, int] = {}
    for request in batch:
        texts |= request.texts
        pseudonyms[request.customer_id] = request.pseudonym_id or request.customer_id
    users = User.objects.filter(customer__in=pseudonyms).values_list("pk", flat=True) if first.is_whole else ()
    return ErasedPeople(pseudonyms, tuple(users), None if first.is_whole else first.brand_id, texts)


def _fetch_number(statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.fetchone()[0])
